"""What a study is: data, models, languages, layers, settings; kept beside its rows.

A study's folder is `STUDIES/NAME`: `manifest.json`, `items.arrow` (the texts, for the runner; it is
not exported), `parts/MODEL/CHUNK.parquet` (of one that ships: `rows-DIGEST.parquet`),
`progress.jsonl`, and `log.txt` of a process of its own.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from ccta_core.config import Config, Quadrature, cache_root, shipped
from ccta_core.corpus.labels import changed, in_words, match_labels
from ccta_core.corpus.spec import Corpus, ids_sha256
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models.added import listed
from ccta_core.models.catalog import SCORES, ModelInfo, Randomised, is_twin, twin_info
from ccta_core.models.identity import with_maps
from ccta_core.permissions import may_read
from ccta_core.study.request import RecordedSettings, StudyRequest, check_name
from ccta_core.study.storage.schema import SINCE_CHANCE_OF_GAIN, VERSION
from ccta_core.text import count
from ccta_core.whole_files import whole_file

SHIPPED = shipped("studies")
"""Studies that ship with the product; a user's own lie under the cache folder."""
_DISJOINT = {
    "xnli": (frozenset(("dev", "test")),),
    "pawsx": (frozenset(("train", "heldout")),),
    "xquad": (frozenset(("train", "heldout")),),
    "panx": (frozenset(("train", "dev")),),
}
"""Splits of a data set that share no item."""
_LIBRARIES = ("torch", "transformers", "pot", "numpy", "scipy")


class PartKey(NamedTuple):
    """Which part of a study: the model's id and the chunk's number."""

    model: str
    chunk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(RecordedSettings):
    """Everything that decides a study's rows, and what a reader must know of them."""

    split: str
    source: str
    licence: str
    languages: tuple[str, ...]
    models: tuple[dict[str, Any], ...]
    """id, revision, task, training_language, seed of each; and `labels`, label of the data -> the
    model's name for it, where it has other names than the data (`corpus.labels`)."""
    config: dict[str, Any]
    fingerprint: str
    items: int
    items_sha256: str
    left_out: int
    drawn: tuple[int, ...] = ()
    """Items it had each time before it was extended: the unrelated items of those were drawn then
    (`drawing.py`)."""
    threads: int = 1
    """Threads of one worker: sums over more threads may differ in the last bits."""
    schema: int = VERSION
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def shuffles_within(self) -> bool:
        """Whether `shuffled_difference` was drawn within each text, and more than once."""
        return self.schema >= SINCE_CHANCE_OF_GAIN

    @property
    def has_chance_of_gain(self) -> bool:
        """Whether its rows have `gain_unrelated` and `gain_other_class`."""
        return self.schema >= SINCE_CHANCE_OF_GAIN

    @property
    def part_of_data(self) -> str:
        """Which items, as a person reads it: the split, and what of it was left away."""
        return ", ".join([self.split, *self.cuts])

    @property
    def cuts(self) -> list[str]:
        """What of the data was left away: items of a group, ends of contexts."""
        return [
            *(["items spread evenly, one of a group"] if self.spread else []),
            *([f"{self.per_group} of each group at most"] if self.per_group else []),
            *([f"contexts cut to {self.crop} tokens around their answers"] if self.crop else []),
        ]

    @property
    def chunks(self) -> int:
        """Chunks a model."""
        return -(-self.items // self.chunk)

    @property
    def parts(self) -> list[PartKey]:
        """Every part, in the order of work."""
        return [
            PartKey(model["id"], chunk) for model in self.models for chunk in range(self.chunks)
        ]

    @property
    def title(self) -> str:
        """Name and extent of the study, on one line."""
        return (
            f"{self.name}: {count(self.items, 'item')} ({self.left_out:,} left out) x "
            f"{count(len(self.models), 'model')} x {count(len(self.layers), 'layer')} x "
            f"{' '.join(self.languages)}"
        )

    @property
    def label_lines(self) -> list[str]:
        """How each model that names the data's labels otherwise was taken to name them."""
        return [
            f"labels of the data as {model['id']} names them: {in_words(model['labels'])}"
            for model in self.models
            if model.get("labels")
        ]

    def labels_of(self, model: str) -> dict[str, str]:
        """Maps labels of the data to the model's names for them, where those are others."""
        return dict(next(row.get("labels", {}) for row in self.models if row["id"] == model))


def make_manifest(request: StudyRequest, corpus: Corpus, models: Sequence[ModelInfo]) -> Manifest:
    """Returns the manifest of the study that was asked for, of a corpus that was read.

    `models` are those of the request (`models_of`).

    Raises CctaError on fewer than two languages, a layer that a model does not have, models of
    another task, labels that a model does not certainly have, and on items a model was trained on.
    """
    if len(corpus.languages) < 2:
        raise CctaError(f"a study compares languages; {request.data} gives {len(corpus.languages)}")
    for info in models:
        _check_model(info, corpus, request)
    return Manifest(
        **{**request.recorded, "layers": tuple(dict.fromkeys(request.layers))},
        split=corpus.split,
        source=corpus.source,
        licence=corpus.licence,
        languages=tuple(corpus.languages),
        models=tuple(_model_record(info, corpus, request.config) for info in models),
        config=asdict(request.config),
        fingerprint=request.config.fingerprint,
        items=len(corpus.examples),
        items_sha256=corpus.sha256,
        left_out=len(corpus.left_out),
        versions={library: version(library) for library in _LIBRARIES},
    )


def models_of(
    request: StudyRequest, entry_of: Callable[[str], ModelInfo] = listed
) -> list[ModelInfo]:
    """Returns the entries of the models to be measured, each once, with the twin under a random
    head if asked for.

    `entry_of` gives the entry of one; where it is not given, a folder is put on the list of models.
    Raises CctaError as it does.
    """
    models = list({(info := entry_of(name)).id: info for name in request.models}.values())
    return with_twin(models) if request.random_head else models


def with_twin(models: Sequence[ModelInfo]) -> list[ModelInfo]:
    """Returns the models and, last, the first one's twin with a random head, where none is among
    them.
    """
    if not models or any(is_twin(info.id) for info in models):
        return list(models)
    return [*models, twin_info(models[0], Randomised())]


def config_of(manifest: Manifest) -> Config:
    """Returns the settings as they were.

    Raises CctaError where an earlier version measured the study with settings that mean something
    else today: its rows can be read, and none be added.
    """
    if manifest.schema < VERSION:
        raise CctaError(
            f"{manifest.name} was measured by an earlier version (schema {manifest.schema}, now "
            f"{VERSION}); its rows can be read, and new ones would not be like them: run it anew "
            "under another name"
        )
    return recorded_config(manifest)


def recorded_config(manifest: Manifest) -> Config:
    """Returns the settings as they were, whichever version measured the study."""
    quadrature = Quadrature(**manifest.config["quadrature"])
    return Config(**{**manifest.config, "quadrature": quadrature})


def folder_of(name: str) -> Path:
    """Returns where a study lies: the user's cache, else what ships.

    Raises CctaError, listing those there are, where there is none of this name.
    """
    check_name(name)
    for root in roots():
        if (root / name / "manifest.json").exists() and may_read(root / name):
            return root / name
    there = ", ".join(names()) or "none yet"
    raise CctaError(f"no study {name!r} here; there are: {there}")


def names() -> list[str]:
    """Returns the studies here, the user's and those that ship; no other person's."""
    folders = [path.parent for root in roots() for path in root.glob("*/manifest.json")]
    return sorted({folder.name for folder in folders if may_read(folder)})


def roots() -> tuple[Path, Path]:
    """Returns the user's studies, then those that ship."""
    return cache_root() / "studies", SHIPPED


def read_manifest(folder: Path) -> Manifest:
    """Returns the manifest kept in a study's folder.

    Raises DamagedFileError where it can't be read, CctaError where a later version wrote it.
    """
    path = folder / "manifest.json"
    try:
        record = json.loads(path.read_text("utf-8"))
        later = int(record["schema"]) > VERSION
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} can't be read ({error}); restore it, or delete the study"
        ) from error
    if later:
        raise CctaError(
            f"{path} has schema {record['schema']}, this version reads up to {VERSION}; "
            "update the program"
        )
    lists = ("languages", "layers", "models")
    try:
        drawn = tuple(record.get("drawn", ()))
        listed = {name: tuple(record[name]) for name in lists}
        return Manifest(**{**record, **listed, "drawn": drawn})
    except (TypeError, KeyError) as error:
        raise DamagedFileError(f"{path} is not a study's manifest ({error}); restore it") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Keeps the manifest, whole or not at all."""
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    with whole_file(folder / "manifest.json") as file:
        file.write(text.encode())


def check_same(kept: Manifest, wanted: Manifest) -> None:
    """Raises CctaError, showing what differs, where a name would stand for two studies.

    Versions of libraries may differ, they are kept as they were when the study began; and whether
    it was extended says nothing of what was asked for.
    """
    ours, theirs = asdict(kept), asdict(wanted)
    for record in (ours, theirs):
        del record["versions"], record["drawn"]
    different = [
        f"{name}: {_short(ours[name])} here, {_short(theirs[name])} asked for"
        for name in ours
        if ours[name] != theirs[name]
    ]
    if different:
        raise CctaError(
            f"the study {kept.name} is another one ({'; '.join(different)}); choose another name"
        )


def extended(kept: Manifest, wanted: Manifest, ids: Sequence[str]) -> Manifest:
    """Returns the manifest with more models or more items than it had; what was measured stays as
    it is.

    `ids` are those of the wanted manifest's items in order. Raises CctaError where more than that
    differs, where a model or an item would be taken away or changed, and where the last chunk was
    not full: its rows would change.
    """
    models = {model["id"]: model for model in kept.models}
    gone = [name for name, model in models.items() if model not in wanted.models]
    if gone:
        raise CctaError(
            f"{kept.name} has {', '.join(gone)} too, or in another revision; name them again"
        )
    if wanted.items != kept.items:
        full = kept.items % kept.chunk == 0
        same = ids_sha256(ids[: kept.items]) == kept.items_sha256
        if wanted.items < kept.items or not full or not same:
            raise CctaError(
                f"{kept.name} has {kept.items} items in chunks of {kept.chunk}; only a study "
                "of full chunks can be extended, and only by items that follow its own"
            )
    order = (*kept.models, *(model for model in wanted.models if model["id"] not in models))
    grown = replace(
        kept,
        models=order,
        drawn=kept.drawn if wanted.items == kept.items else (*kept.drawn, kept.items),
        items=wanted.items,
        items_sha256=wanted.items_sha256,
        left_out=wanted.left_out,
    )
    check_same(grown, replace(wanted, models=order))
    return grown


def _model_record(info: ModelInfo, corpus: Corpus, config: Config) -> dict[str, Any]:
    """Returns what a manifest says of a model. Raises CctaError where it has not the data's
    labels.
    """
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


def _check_model(info: ModelInfo, corpus: Corpus, request: StudyRequest) -> None:
    """Raises CctaError where the model can't measure the corpus at all of the layers."""
    if info.layers and not set(request.layers) <= set(info.layers):
        missing = sorted(set(request.layers) - set(info.layers))
        raise CctaError(
            f"{info.id} has the layers {info.layers[0]} to {info.layers[-1]}; asked for "
            f"{', '.join(map(str, missing))}"
        )
    if corpus.task in ("nli", "paraphrase", "qa", "ner") and info.task != corpus.task:
        raise CctaError(f"{info.id} is made for {info.task}, {corpus.source} is {corpus.task} data")
    training = info.card.get("training", {})
    same_items = training.get("items_sha256") == corpus.sha256
    touched = same_items or any(_overlaps(spec, corpus) for spec in training.get("data", []))
    if touched and not request.allow_overlap:
        raise CctaError(
            f"{info.id} was trained on {', '.join(training.get('data', []))}: its scores there say "
            "nothing; choose other items, or allow items that a model was trained on"
        )


def _overlaps(spec: str, corpus: Corpus) -> bool:
    """Returns whether what a model was trained on may hold items of the corpus: same set, not
    disjoint; of a person's own, a file of the same name, wherever it lies.
    """
    if corpus.source.startswith("file:"):
        return spec.startswith("file:") and Path(spec[5:]).name == corpus.source[5:]
    head, _, split = spec.partition("#")
    source = corpus.source.partition(":")[0]  # of the hub it is `xnli:OWNER/NAME@REVISION`
    if head.partition(":")[0] != source:
        return False
    return frozenset((split, corpus.split)) not in _DISJOINT.get(source, ())


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else text[:117] + "..."
