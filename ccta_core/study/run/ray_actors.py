"""What runs on a cluster's nodes: the actors of a study, and how chunks and rows travel."""

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.catalog import find
from ccta_core.study.manifest import Manifest
from ccta_core.study.run.worker import rows_of
from ccta_core.study.storage.items import ChunkItems, read_chunk
from ccta_core.study.storage.schema import arrow_schema
from ccta_core.types import ParallelExample, Sentence

if TYPE_CHECKING:
    import pyarrow as pa

TRIES = 4
"""Starts of one chunk: what kills its worker so often will kill the next one too."""
_SAME = ("ccta-explorer", "torch", "transformers", "pot", "numpy", "scipy")
"""What decides a row's last bits, besides the processor."""


class Ledger:
    """The actor that all others ask: how often a chunk was begun, and whether to stop."""

    def __init__(self) -> None:
        self._begun: Counter[tuple[str, int]] = Counter()
        self._stopped = False

    def begin(self, model: str, number: int) -> int:
        """Returns the number of this try of a chunk, from 1 on: the workers of the others are
        dead.
        """
        self._begun[model, number] += 1
        return self._begun[model, number]

    def stop(self) -> None:
        """Asks all to give up what they have in hand."""
        self._stopped = True

    def stopped(self) -> bool:
        """Returns whether the run was asked to stop."""
        return self._stopped


class Measurer:
    """An actor of the cluster: measures the chunks it is given, with the model it has loaded."""

    def __init__(
        self, manifest: Manifest, ledger: Any, wanted: dict[str, str], gpus: float
    ) -> None:
        self._plan, self._ledger, self._wanted, self._gpus = manifest, ledger, wanted, gpus
        self._asked, self._over = 0.0, False
        if not gpus:  # else an actor would take a GPU that Ray did not give it
            os.environ["CUDA_VISIBLE_DEVICES"] = ""

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """One row (`row_of`) to one row: its rows as Arrow, or what is wrong in one line."""
        import pyarrow as pa

        (row,) = batch.to_pylist()
        rows, error = b"", ""
        try:
            rows = self._measured(row)
        except CctaError as wrong:
            error = f"{wrong} (on {socket.gethostname()})"
        result = {"model": row["model"], "number": row["number"], "rows": rows, "error": error}
        return pa.Table.from_pylist([result])

    def _measured(self, row: dict[str, Any]) -> bytes:
        import ray

        model = row["model"]
        if self._stop():
            raise StoppedError(f"{self._plan.name} was stopped")
        tries = ray.get(self._ledger.begin.remote(model, row["number"]))
        if tries > TRIES:
            raise CctaError(
                f"chunk {row['number']} of {model} killed its worker {TRIES} times (was there too "
                "little memory?); what was finished is kept: resume with fewer workers a node"
            )
        self._check(model)
        return _packed(rows_of(self._plan, model, items_of(row), self._stop))

    def _stop(self) -> bool:
        """Returns whether the run is over; asks at most once a second."""
        import ray

        if not self._over and time.monotonic() - self._asked >= 1:
            self._over = bool(ray.get(self._ledger.stopped.remote()))
            self._asked = time.monotonic()
        return self._over

    def _check(self, model: str) -> None:
        """Raises CctaError where this node is not as the one that the study was begun on."""
        here = versions()
        different = [
            f"{name} {here[name]} here, {wanted} where the study runs"
            for name, wanted in self._wanted.items()
            if here[name] != wanted
        ]
        if different:
            raise CctaError(f"{'; '.join(different)}: install the same on every node")
        try:
            find(model)
        except CctaError as error:
            raise CctaError(
                f"{model} is not on this node; copy its folder to $CCTA_CACHE/models/{model} there"
            ) from error
        if self._gpus:
            import torch

            if not torch.cuda.is_available():
                raise CctaError("torch finds no GPU here; install its build for CUDA on this node")


def row_of(folder: Path, manifest: Manifest, model: str, number: int) -> dict[str, Any]:
    """Returns what an actor needs for one chunk, besides the manifest."""
    items = read_chunk(folder, number * manifest.chunk, manifest.chunk)
    sent = {
        "examples": [_packed_item(each) for each in items.examples],
        "beside": [_packed_item(each) for each in items.beside],
        "unrelated": items.unrelated,
    }
    return {"model": model, "number": number, "items": json.dumps(sent, ensure_ascii=False)}


def items_of(row: dict[str, Any]) -> ChunkItems:
    """Returns the items that `row_of` sent."""
    sent = json.loads(row["items"])
    examples, beside = (
        [example_of(each) for each in sent[name]] for name in ("examples", "beside")
    )
    return ChunkItems(examples, beside, [tuple(places) for places in sent["unrelated"]])


def _packed_item(example: ParallelExample) -> dict[str, Any]:
    sentences = {lang: asdict(sentence) for lang, sentence in example.sentences.items()}
    return {
        "id": example.id,
        "group": example.group,
        "label": example.label,
        "sentences": sentences,
    }


def example_of(item: dict[str, Any]) -> ParallelExample:
    """Returns the item that `row_of` sent."""
    sentences = {
        lang: Sentence(**{**side, "focus": tuple((start, end) for start, end in side["focus"])})
        for lang, side in item["sentences"].items()
    }
    return ParallelExample(**{**item, "sentences": sentences})


def _packed(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as pa

    table = pa.Table.from_pylist(list(rows), arrow_schema())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpacked(data: bytes) -> list[dict[str, Any]]:
    """Returns the rows of a chunk as an actor sent them."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = pa.ipc.open_stream(data).read_all().to_pylist()
    return rows


def versions() -> dict[str, str]:
    """Returns installed versions, without the name of a build (+cpu, +cu128)."""
    installed = {}
    for name in _SAME:
        try:
            installed[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            installed[name] = "none"
    return installed
