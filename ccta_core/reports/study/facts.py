"""What a reader of an export must know beside the numbers: provenance, gaps, what was left out."""

import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Any

from ccta_core.languages import LANGUAGES
from ccta_core.study.manifest import Manifest
from ccta_core.study.storage.parts import missing_parts
from ccta_core.study.storage.table import Study
from ccta_core.text import count

_QUOTED = re.compile(r"(?<!\w)(['\"]).*\1")
_COUNT = re.compile(r"(?<![+\w])\d+\b")
_REPEATED = re.compile(r"^id .* stands already .*$")


def outline(manifest: Manifest) -> list[str]:
    """Returns what was measured, in few words: data, items, languages, and what was left away."""
    languages = count(len(manifest.languages), "language")
    return [data_name(manifest), count(manifest.items, "item"), languages, *manifest.cuts]


def layers(manifest: Manifest) -> str:
    """Names the layers, as in "layers 0, 8"."""
    return f"layer{'s' * (len(manifest.layers) > 1)} {', '.join(map(str, manifest.layers))}"


def provenance(study: Study) -> dict[str, Any]:
    """Returns data, models, settings and versions as plain values, and how much of the study is
    there.
    """
    manifest = study.manifest
    done, total = study.done
    return {
        "study": manifest.name,
        "data": data_name(manifest),
        "source": manifest.source,
        "split": manifest.split,
        "crop": manifest.crop,
        "per_group": manifest.per_group,
        "spread": manifest.spread,
        "licence": manifest.licence,
        "items": manifest.items,
        "items_sha256": manifest.items_sha256,
        "left_out": manifest.left_out,
        "languages": list(manifest.languages),
        "layers": list(manifest.layers),
        "models": [dict(model) for model in manifest.models],
        "config": manifest.config,
        "fingerprint": manifest.fingerprint,
        "schema": manifest.schema,
        "parts": total,
        "parts_done": done,
        "threads": manifest.threads,
        "versions": manifest.versions,
        "exported_by": own_version(),
    }


def own_version() -> str:
    """Returns the name and version of this program."""
    try:
        return f"ccta-explorer {version('ccta-explorer')}"
    except PackageNotFoundError:
        return "ccta-explorer"


def data_name(manifest: Manifest) -> str:
    """Returns the data as asked for; of a path only its last name, since folders may name a
    person.
    """
    head, colon, where = manifest.data.partition(":")
    parts = where.replace("\\", "/")
    if not colon or not (parts.startswith(("/", ".", "~")) or parts[1:2] == ":" or head == "file"):
        return manifest.data
    return f"{head}:{PurePosixPath(parts).name}"


def language_name(code: str) -> str:
    """Returns the language's English name; its code where it is not known."""
    return LANGUAGES[code].name if code in LANGUAGES else code


def missing_by_model(study: Study) -> dict[str, int]:
    """Returns how many parts of each model are not there; models without a gap are not listed."""
    return dict(Counter(model for model, _ in missing_parts(study.folder, study.manifest)))


def left_out_reasons(study: Study) -> list[tuple[str, int]]:
    """Counts why items were left out, most frequent first; empty where it was not kept.

    What a reason quotes may be a text of the data: it is taken out. Counts become N.
    """
    try:
        text = (study.folder / "left_out.tsv").read_text("utf-8", errors="replace")
    except OSError:
        return []
    rows = (line.partition("\t") for line in text.split("\n"))
    reasons = Counter(_reason(reason) for _, tab, reason in rows if tab)
    return sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))


def _reason(written: str) -> str:
    if _REPEATED.match(written):
        return "its id stands there already"
    if written.startswith("labels differ"):
        return "its labels differ between the languages"
    return _COUNT.sub("N", _QUOTED.sub("\N{HORIZONTAL ELLIPSIS}", written)).strip()
