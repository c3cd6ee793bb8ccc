"""What one worker process does: loads a model once, measures the chunks it is given."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ccta_core.attribution.protocol import Stop, never
from ccta_core.corpus.labels import relabel_examples
from ccta_core.errors import CctaError
from ccta_core.models.identity import MAPS_MARK
from ccta_core.models.model import Model
from ccta_core.study.manifest import Manifest, config_of
from ccta_core.study.storage.items import ChunkItems, read_chunk
from ccta_core.study.storage.parts import write_part


@dataclass(frozen=True, slots=True)
class Chunk:
    """One part to be measured, with the manifest of the run that wants it.

    The manifest travels with every chunk: a folder may hold another study by the time its next
    chunk is measured in this process, so nothing read from it is remembered by its path.
    """

    folder: Path
    manifest: Manifest
    model: str
    number: int


def measure_part(chunk: Chunk, stop: Stop = never) -> int:
    """Measures one chunk and writes its part; returns how many items it has.

    Raises CctaError where the model is another than the study's, or a chunk can't be measured,
    StoppedError soon after `stop` turns true.
    """
    manifest = chunk.manifest
    items = read_chunk(chunk.folder, chunk.number * manifest.chunk, manifest.chunk)
    rows = rows_of(manifest, chunk.model, items, stop)
    write_part(chunk.folder, chunk.model, chunk.number, rows)
    return len(items.examples)


def rows_of(
    manifest: Manifest, model_id: str, items: ChunkItems, stop: Stop = never
) -> list[dict[str, Any]]:
    """Returns the rows of one chunk's items, in a process that measures with the manifest's
    threads.

    Every runner calls this function: in a process of this machine or in an actor of a cluster.
    Raises CctaError where the model is another than the study's, or a chunk can't be measured,
    StoppedError soon after `stop` turns true.
    """
    import torch

    from ccta_core.models.added import present_revision
    from ccta_core.study.measure import Unrelated, measure

    if torch.get_num_threads() != manifest.threads:
        torch.set_num_threads(manifest.threads)
    revision = _revision(manifest, model_id)
    model = _model(model_id, revision)
    # Its files may change while this process holds the model: looked at for every chunk.
    _check_revision(model_id, revision, present_revision(model.info, manifest.config["space"]))
    labels = manifest.labels_of(model_id)
    return measure(
        model,
        relabel_examples(items.examples, labels),
        manifest.languages,
        manifest.layers,
        config_of(manifest),
        stop,
        unrelated=Unrelated(relabel_examples(items.beside, labels), items.unrelated),
    )


def _revision(manifest: Manifest, model_id: str) -> str:
    """Returns the revision that the study began with. Raises CctaError where it has no such
    model.
    """
    revisions = {model["id"]: str(model["revision"]) for model in manifest.models}
    if model_id not in revisions:
        raise CctaError(
            f"{model_id} is no model of the study {manifest.name}; it has {', '.join(revisions)}"
        )
    return revisions[model_id]


@lru_cache(maxsize=1)
def _model(model_id: str, revision: str) -> Model:
    """Returns the model; the last one only, since chunks come model by model.

    Raises CctaError where its files are no longer those that the study began with.
    """
    from ccta_core.models.load import load_model

    model = load_model(model_id)
    _check_revision(model_id, _without_maps(revision), model.revision)
    return model


def _check_revision(model_id: str, revision: str, present: str | None) -> None:
    """Raises CctaError where `present` is another revision than the study's.

    None is of files that are gone. A study of an earlier version names no maps.
    """
    if present not in (None, revision) and _without_maps(present or "") != revision:
        raise CctaError(
            f"{model_id} is now revision {present}, the study began with {revision}; start another "
            "study"
        )


def _without_maps(revision: str) -> str:
    """Returns the revision of the weights alone (`identity.with_maps`)."""
    return revision.partition(MAPS_MARK)[0]
