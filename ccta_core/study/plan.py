"""What a study is: data, models, languages, layers, settings; kept beside its rows.

A study's folder is `STUDIES/NAME`: `manifest.json`, `items.arrow` (the texts, for the runner; it is
not exported), `parts/MODEL/CHUNK.parquet`, `log.txt`.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import regex

from ccta_core.config import Config, Quadrature, cache_root
from ccta_core.corpus.labels import changed, match_labels
from ccta_core.corpus.spec import Corpus, ids_sha256
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models.catalog import SCORES, ModelInfo, is_random_head, random_headed
from ccta_core.models.identity import with_maps
from ccta_core.study.schema import VERSION

SHIPPED = Path(__file__).parents[2] / "cache" / "studies"
"""Studies that ship with the product; a user's own lie under the cache folder."""
CHUNK = 18
"""Items of a chunk: six premises of NLI, so that each label has five unrelated premises."""
_NAME = regex.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_DISJOINT = {
    "xnli": (frozenset(("dev", "test")),),
    "pawsx": (frozenset(("train", "heldout")),),
    "xquad": (frozenset(("train", "heldout")),),
    "panx": (frozenset(("train", "dev")),),
}
"""Splits of a data set that share no item."""
_LIBRARIES = ("torch", "transformers", "pot", "numpy", "scipy")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides a study's rows, and what a reader must know of them."""

    name: str
    data: str
    split: str
    source: str
    licence: str
    languages: tuple[str, ...]
    layers: tuple[int, ...]
    models: tuple[dict[str, Any], ...]
    """id, revision, task, training_language, seed of each; and `labels`, label of the data -> the
    model's name for it, where it has other names than the data (`corpus.labels`)."""
    config: dict[str, Any]
    fingerprint: str
    items: int
    items_sha256: str
    left_out: int
    chunk: int = CHUNK
    threads: int = 1
    """Threads of one worker: sums over more threads may differ in the last bits."""
    crop: int | None = None
    """Tokens of the longest context, where contexts were cut to the words around their answers."""
    per_group: int | None = None
    """Items of a group at most, where only the first of each were taken."""
    schema: int = VERSION
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def part_of_data(self) -> str:
        """Which items, as a person reads it: the split, and what of it was left away."""
        return ", ".join([self.split, *self.cuts])

    @property
    def cuts(self) -> list[str]:
        """What of the data was left away: items of a group, ends of contexts."""
        return [
            *([f"{self.per_group} of each group at most"] if self.per_group else []),
            *([f"contexts cut to {self.crop} tokens around their answers"] if self.crop else []),
        ]

    @property
    def chunks(self) -> int:
        """Chunks a model."""
        return -(-self.items // self.chunk)

    def labels_of(self, model: str) -> dict[str, str]:
        """Label of the data -> the model's name for it, where that is another."""
        return dict(next(one.get("labels", {}) for one in self.models if one["id"] == model))

    @property
    def parts(self) -> list[tuple[str, int]]:
        """(model, chunk) of every part, in the order of work."""
        return [(model["id"], at) for model in self.models for at in range(self.chunks)]


def planned(  # noqa: PLR0913 - the parts of a study
    name: str,
    spec: str,
    corpus: Corpus,
    models: Sequence[ModelInfo],
    layers: Sequence[int],
    config: Config,
    *,
    chunk: int = CHUNK,
    threads: int = 1,
    allow_overlap: bool = False,
    crop: int | None = None,
    per_group: int | None = None,
) -> Plan:
    """The plan of a study of a corpus that was read.

    Raises CctaError on a name that is no folder name, fewer than two languages, no model, a layer
    that a model does not have, models of another task, labels that a model does not certainly have,
    and on items a model was trained on.
    """
    check_name(name)
    if len(corpus.languages) < 2:
        raise CctaError(f"a study compares languages; {spec} gives {len(corpus.languages)}")
    if not models or not layers:
        raise CctaError("a study needs at least one model and one layer")
    for info in models:
        _check_model(info, corpus, layers, allow_overlap=allow_overlap)
    settings = asdict(config)
    return Plan(
        name=name,
        data=spec,
        split=corpus.split,
        source=corpus.source,
        licence=corpus.licence,
        languages=tuple(corpus.languages),
        layers=tuple(dict.fromkeys(layers)),
        models=tuple(_facts(info, corpus, config) for info in models),
        config=settings,
        fingerprint=config.fingerprint,
        items=len(corpus.examples),
        items_sha256=corpus.sha256,
        left_out=len(corpus.left_out),
        chunk=chunk,
        threads=threads,
        crop=crop,
        per_group=per_group,
        versions={name: version(name) for name in _LIBRARIES},
    )


def with_twin(models: Sequence[ModelInfo]) -> list[ModelInfo]:
    """The models and, last, the first one's twin with a random head, where none is among them."""
    if not models or any(is_random_head(info.id) for info in models):
        return list(models)
    return [*models, random_headed(models[0])]


def config_of(plan: Plan) -> Config:
    """The settings as they were.

    Raises CctaError where an earlier version measured the study with settings that mean something
    else today: its rows can be read, and none be added.
    """
    if plan.schema < VERSION:
        raise CctaError(
            f"{plan.name} was measured by an earlier version (schema {plan.schema}, now "
            f"{VERSION}); its rows can be read, and new ones would not be like them: run it anew "
            "under another name"
        )
    quadrature = Quadrature(**plan.config["quadrature"])
    return Config(**{**plan.config, "quadrature": quadrature})


def check_name(name: str) -> None:
    """Raises CctaError on a name that can't be a folder's everywhere."""
    if not _NAME.fullmatch(name):
        raise CctaError(
            f"a study's name is letters, digits, dots, dashes and underscores, at most 80; "
            f"found {name!r}"
        )


def folder_of(name: str) -> Path:
    """Where a study lies: the user's cache, else what ships.

    Raises CctaError, listing those there are, where there is none of this name.
    """
    check_name(name)
    for root in roots():
        if (root / name / "manifest.json").exists():
            return root / name
    known = ", ".join(names()) or "none yet"
    raise CctaError(f"no study {name!r} here; there are: {known}")


def names() -> list[str]:
    """The studies here, the user's and those that ship."""
    found = {path.parent.name for root in roots() for path in root.glob("*/manifest.json")}
    return sorted(found)


def roots() -> tuple[Path, Path]:
    """The user's studies, then those that ship."""
    return cache_root() / "studies", SHIPPED


def read_plan(folder: Path) -> Plan:
    """The plan kept in a study's folder.

    Raises DamagedFileError where it can't be read, CctaError where a later version wrote it.
    """
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text("utf-8"))
        later = int(found["schema"]) > VERSION
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} can't be read ({error}); restore it, or delete the study"
        ) from error
    if later:
        raise CctaError(
            f"{path} has schema {found['schema']}, this version reads up to {VERSION}; "
            "update the program"
        )
    lists = ("languages", "layers", "models")
    try:
        return Plan(**{**found, **{name: tuple(found[name]) for name in lists}})
    except (TypeError, KeyError) as error:
        raise DamagedFileError(f"{path} is not a study's manifest ({error}); restore it") from error


def write_plan(folder: Path, plan: Plan) -> None:
    """Keeps the plan, whole or not at all."""
    text = json.dumps(asdict(plan), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    temporary = folder / "manifest.json.tmp"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / "manifest.json")


def check_same(known: Plan, wanted: Plan) -> None:
    """Raises CctaError, showing what differs, where a name would stand for two studies.

    Versions of libraries may differ: they are kept as they were when the study began.
    """
    ours, theirs = asdict(known), asdict(wanted)
    ours.pop("versions"), theirs.pop("versions")
    different = [
        f"{name}: {_short(ours[name])} here, {_short(theirs[name])} asked for"
        for name in ours
        if ours[name] != theirs[name]
    ]
    if different:
        raise CctaError(
            f"the study {known.name} is another one ({'; '.join(different)}); choose another name"
        )


def extended(known: Plan, wanted: Plan, ids: Sequence[str]) -> Plan:
    """The plan with more models or more items than it had; what was measured stays as it is.

    `ids` are those of the wanted plan's items in order. Raises CctaError where more than that
    differs, where a model or an item would be taken away or changed, and where the last chunk was
    not full: its rows would change.
    """
    models = {model["id"]: model for model in known.models}
    gone = [name for name, model in models.items() if model not in wanted.models]
    if gone:
        raise CctaError(
            f"{known.name} has {', '.join(gone)} too, or in another revision; name them again"
        )
    if wanted.items != known.items:
        full = known.items % known.chunk == 0
        same = ids_sha256(ids[: known.items]) == known.items_sha256
        if wanted.items < known.items or not full or not same:
            raise CctaError(
                f"{known.name} has {known.items} items in chunks of {known.chunk}; only a study "
                "of full chunks can be extended, and only by items that follow its own"
            )
    order = (*known.models, *(model for model in wanted.models if model["id"] not in models))
    grown = replace(
        known,
        models=order,
        items=wanted.items,
        items_sha256=wanted.items_sha256,
        left_out=wanted.left_out,
    )
    check_same(grown, replace(wanted, models=order))
    return grown


def _facts(info: ModelInfo, corpus: Corpus, config: Config) -> dict[str, Any]:
    """What a manifest says of a model. Raises CctaError where it has not the data's labels."""
    training = info.card.get("training", {})
    classes = () if info.task in ("qa", "ner") else info.labels
    # A score is no class: there is nothing to match, and no row of it is right or wrong.
    renamed = (
        {}
        if info.outputs == SCORES
        else changed(match_labels(corpus.all_labels, classes, data=corpus.source, model=info.id))
    )
    return {
        "id": info.id,
        "revision": with_maps(info.revision, info.files, config.space),
        "task": info.task,
        "training_language": info.training_language,
        "seed": training.get("recipe", {}).get("seed"),
        **({"labels": renamed} if renamed else {}),
    }


def _check_model(
    info: ModelInfo, corpus: Corpus, layers: Sequence[int], *, allow_overlap: bool
) -> None:
    if info.layers and not set(layers) <= set(info.layers):
        raise CctaError(
            f"{info.id} has the layers {info.layers[0]} to {info.layers[-1]}; asked for "
            f"{', '.join(map(str, sorted(set(layers) - set(info.layers))))}"
        )
    if corpus.task in ("nli", "paraphrase", "qa", "ner") and info.task != corpus.task:
        raise CctaError(f"{info.id} is made for {info.task}, {corpus.source} is {corpus.task} data")
    training = info.card.get("training", {})
    same_items = training.get("items_sha256") == corpus.sha256
    touched = same_items or any(_overlaps(spec, corpus) for spec in training.get("data", []))
    if touched and not allow_overlap:
        raise CctaError(
            f"{info.id} was trained on {', '.join(training.get('data', []))}: its scores there say "
            "nothing; choose other items, or allow it with --allow-overlap"
        )


def _overlaps(spec: str, corpus: Corpus) -> bool:
    """Whether what a model was trained on may hold items of the corpus: same set, not disjoint."""
    head, _, split = spec.partition("#")
    source = corpus.source
    if not source.startswith("file:"):  # of the hub it is `xnli:OWNER/NAME@REVISION`
        source = source.partition(":")[0]
    if head.partition(":")[0] != source:
        return False
    return frozenset((split, corpus.split)) not in _DISJOINT.get(source, ())


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else text[:117] + "..."
