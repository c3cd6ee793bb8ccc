"""Lists the models that are here with their cards; it reads JSON only, no weights and no torch."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ccta_core.config import cache_root
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models.identity import (
    MAPS,
    OURS,
    adapter_revision,
    backbone_revision,
    digest_of,
    sum_of,
)
from ccta_core.stamps import Stamp, file_stamp

BACKBONE = "e5-small"
_TWIN = re.compile(
    r"(?P<id>.+)~random-(?:head|from-(?P<layer>[1-9][0-9]{0,2}))(?:-(?P<seed>[1-9][0-9]{0,3}))?"
)
SHIPPED = Path(__file__).parent.parent / "zoo" / "adapters"


CLASSES, LABELS, SCORES = "classes", "labels", "scores"
"""What the columns of a head are: classes of which one holds (a softmax), labels each of which
holds or not (a sigmoid each), or scores without a probability (regression, a cross-encoder)."""
_USUAL_LABELS = {
    "nli": ("entailment", "neutral", "contradiction"),
    "paraphrase": ("different", "paraphrase"),
    "qa": ("start", "end"),
    "ner": ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER"),
}
"""Task -> the columns of an adapter of ours whose revision does not name them."""
ADJUSTED = "adjusted"
"""Folder of the models that holds the adjusted backbones, and the first part of their ids."""
_OF_THE_ENCODER = ("backbone", "base", "licence", "sha256", "align_layer", "labels", "layers")
"""Lines of a card that hold for a twin with another head too."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model of the zoo: its task and labels, the folder it lies in, and its card."""

    id: str
    task: str
    training_language: str | None
    labels: tuple[str, ...]
    layers: tuple[int, ...]
    """The layers offered for attribution (0 = embedding output)."""
    align_layer: int
    revision: str
    """A hash over the bytes of all that decides its predictions (`models.identity`)."""
    folder: Path | None = None
    card: dict[str, Any] = field(default_factory=dict, hash=False)
    files: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)
    """Name -> sha256 of the files in `folder` when this was read."""
    outputs: str = CLASSES
    """What the columns of its head are: CLASSES, LABELS or SCORES."""

    @property
    def bytes(self) -> int:
        """The size of the adapter's files."""
        if self.folder is None:
            return 0
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())


def catalog() -> dict[str, ModelInfo]:
    """Returns every model that can be loaded without a network, by id; shipped ones first.

    A folder whose card can not be read is left out.
    """
    return {BACKBONE: _backbone(), **_adapters(SHIPPED), **_adapters(cache_root() / "models")}


def read_info(folder: Path) -> ModelInfo | None:
    """Returns the entry of an adapter's folder, wherever it lies; None where it has no card of
    ours.
    """
    path = folder / "card.json"
    info = _read_card(path, file_stamp(path)) if path.is_file() else None
    return None if info is None else _identified(info)


def find(model_id: str) -> ModelInfo:
    """Returns the catalogue's entry for `model_id`, or that of its twin for an id such as
    `ID~random-head` (`Randomised`).

    Raises CctaError, listing the known ids, where there is none.
    """
    models = catalog()
    trained_id, drawn = split_twin(model_id)
    trained = models.get(trained_id)
    if drawn is not None and trained is not None and trained.labels:
        return twin_info(trained, drawn)
    if model_id not in models:
        raise CctaError(f"unknown model {model_id[:80]!r}; expected one of: {', '.join(models)}")
    return models[model_id]


def adjusted(name: str) -> ModelInfo | None:
    """Returns the entry of an adjusted backbone by its name or id; None where there is none of
    it.
    """
    models = catalog()
    info = models.get(name) or models.get(f"{ADJUSTED}/{name}")
    return info if info is not None and info.task == "backbone" and info.folder else None


@dataclass(frozen=True, slots=True)
class Randomised:
    """What of a trained model is initialised at random in a twin of it, from a seed: its head, and
    with `layer` every layer from that one up too (cascading randomisation, Adebayo et al., 2018).

    Written at the end of the model's id: `~random-head`, `~random-head-3` (seed 3),
    `~random-from-9` (head and layers from 9 up), `~random-from-9-3`.
    """

    seed: int = 0
    layer: int | None = None

    @property
    def suffix(self) -> str:
        """What it is written as."""
        part = "~random-head" if self.layer is None else f"~random-from-{self.layer}"
        return part if self.seed == 0 else f"{part}-{self.seed}"


def split_twin(model_id: str) -> tuple[str, Randomised | None]:
    """Returns the id of the trained model and what is random in its twin; the id itself and None
    where it is no twin's.
    """
    written = _TWIN.fullmatch(model_id)
    if written is None:
        return model_id, None
    layer = written["layer"]
    return written["id"], Randomised(int(written["seed"] or 0), int(layer) if layer else None)


def is_twin(model_id: str) -> bool:
    """Returns whether the id is that of a twin whose head, at least, is random."""
    return split_twin(model_id)[1] is not None


def twin_info(info: ModelInfo, drawn: Randomised) -> ModelInfo:
    """Returns the entry of a model's twin of which a part is random; it is never listed.

    It has no training language and no scores. What the encoder was trained on stays known, so that
    a study of those items is refused.
    """
    card = {name: info.card[name] for name in _OF_THE_ENCODER if name in info.card}
    training = info.card.get("training", {})
    encoder_training = {
        name: training[name] for name in ("data", "items_sha256") if name in training
    }
    above = "" if drawn.layer is None else f" and layers from {drawn.layer} up"
    what = (
        f"the encoder of {info.id} under a head{above} initialised at random (seed {drawn.seed}), "
        "a sanity check (Adebayo et al., 2018) and no model to use"
    )
    revision = twin_revision(info.revision, drawn)
    return replace(
        info,
        id=info.id + drawn.suffix,
        training_language=None,
        revision=revision,
        card={"what": what, **card, "revision": revision, "training": encoder_training},
    )


def twin_revision(revision: str, drawn: Randomised) -> str:
    """Returns the revision of the twin of a model of this revision."""
    part = "head" if drawn.layer is None else f"from-{drawn.layer}"
    return f"{revision}-random-{part}-{drawn.seed}"


def file_sums(info: ModelInfo, names: Iterable[str]) -> dict[str, str]:
    """Maps those of the names that are files in the model's folder now to their sha256.

    One that can't be read counts as such: loading the model says what is wrong with it.
    """
    sums = {}
    for name in names:
        path = (info.folder or SHIPPED) / name
        if path.is_file():
            try:
                sums[name] = sum_of(path)
            except DamagedFileError:
                sums[name] = "unreadable"
    return sums


def unchanged_folder(info: ModelInfo) -> Path | None:
    """Returns the model's folder, for means and maps that are read after the weights.

    Raises CctaError where one of its files is another by now: numbers would be of two models.
    """
    loaded = info.files
    present = file_sums(info, (*OURS, MAPS)) if loaded else {}
    changed = [name for name in {**loaded, **present} if loaded.get(name) != present.get(name)]
    if changed:
        raise CctaError(
            f"{info.id}: {', '.join(changed)} changed since the model was loaded; load it again"
        )
    return info.folder


def check_files(info: ModelInfo) -> None:
    """Compares the adapter's files with the checksums in its card.

    Raises DamagedFileError, naming the file, where one is missing or another.
    """
    for name, expected in info.card.get("sha256", {}).items():
        path = (info.folder or SHIPPED) / name
        try:
            actual = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise DamagedFileError(f"{info.id}: {path} can't be read ({error.strerror})") from error
        if actual != expected:
            raise DamagedFileError(
                f"{info.id}: {path} has sha256 {actual[:12]}…, its card says {expected[:12]}…; "
                "restore the file (git checkout) or train it again"
            )


def _backbone() -> ModelInfo:
    path = SHIPPED / BACKBONE / "card.json"
    card = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return ModelInfo(
        id=BACKBONE,
        task="backbone",
        training_language=None,
        labels=(),
        layers=(),
        align_layer=card.get("align_layer", 8),
        revision=card.get("revision", ""),
        card=card,
    )


def _adapters(root: Path) -> dict[str, ModelInfo]:
    by_id = {}
    for path in sorted(root.glob("*/*/card.json")):
        info = read_info(path.parent)
        if info is not None:
            by_id[info.id] = info
    return by_id


def _identified(info: ModelInfo) -> ModelInfo:
    """Returns the entry with the revision of the files in its folder now, not that of its card.

    The labels are in the card alone, so that a card with others than usual is named by them too.
    """
    files = file_sums(info, (*OURS, MAPS))
    sums = {name: checksum for name, checksum in files.items() if name != MAPS}
    # An adapter on an adjusted backbone names that one; its own files are looked at when it loads.
    base = info.card.get("base")
    stands_on = str(base.get("revision")) if isinstance(base, dict) else backbone_revision()
    revision = adapter_revision(sums, info.align_layer, stands_on)
    if info.labels != _USUAL_LABELS.get(info.task, ()):
        revision += f"-labels-{digest_of([info.task, info.labels], 8)}"
    return replace(info, revision=revision, files=files)


@lru_cache(maxsize=512)
def _read_card(path: Path, _stamp: Stamp | None) -> ModelInfo | None:
    """Returns the entry of one card, or None where the card is not one of ours."""
    folder = path.parent
    try:
        card = json.loads(path.read_text("utf-8"))
        return ModelInfo(
            id=f"{folder.parent.name}/{folder.name}",
            task=card["task"],
            training_language=card["training_language"],
            labels=tuple(card["labels"]),
            layers=tuple(card["layers"]),
            align_layer=card["align_layer"],
            revision=card["revision"],
            folder=folder,
            card=card,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
