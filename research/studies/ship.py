"""Makes a study small enough to ship: scores and ids without texts, single precision.

python -m research.studies.ship NAME FOLDER
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ccta_core.analysis.scores import CARDS
from ccta_core.store.usage import MARK
from ccta_core.study.manifest import Manifest, folder_of, read_manifest
from ccta_core.study.storage.parts import ROWS, missing_parts
from ccta_core.study.storage.schema import PREDICTIONS, TEXT_TASKS
from ccta_core.study.storage.table_files import Source, compact, source_of

_RUNS = Path(__file__).parents[1] / "zoo" / "runs"
_BITS = 14
"""Bits of a float's fraction that are kept: seven are 1%, fourteen 0.003%."""


def ship(folder: Path, target: Path) -> Manifest:
    """Writes the study in `folder` to `target`: manifest, one file of rows, mark; texts only of the
    demo. The folder may be the target itself.

    Numbers keep 14 bits of their fraction (relative error below 3.1e-5). Returns the manifest.
    Raises DamagedFileError where the manifest can't be read, CctaError where no part is finished.
    """
    manifest = read_manifest(folder)
    own = manifest.data.startswith("demo:")
    missing = len(missing_parts(folder, manifest))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".ship-") as place:
        temporary = Path(place)
        shutil.copyfile(folder / "manifest.json", temporary / "manifest.json")
        if own:
            shutil.copyfile(folder / "items.arrow", temporary / "items.arrow")
        rows = temporary / "rows"
        _write_rows(source_of(folder, manifest), rows, texts=own)
        with rows.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        rows.rename(temporary / f"{ROWS}-{digest}.parquet")
        write_cards(manifest, temporary)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(temporary, target)
    texts = "with its texts" if own else "no texts of the data set"
    (target / MARK).write_text(
        f"{manifest.data}: scores and ids ({manifest.licence}), {texts}; numbers keep "
        f"{_BITS} bits of their fraction; {len(manifest.parts) - missing} of "
        f"{len(manifest.parts)} parts\n",
        encoding="utf-8",
    )
    return manifest


def write_cards(manifest: Manifest, folder: Path) -> None:
    """Copies beside the study the cards of models that do not ship: their scores are over all items
    of the split, the study's over its few.
    """
    for model in manifest.models:
        path = _RUNS / f"{str(model['id']).rpartition('/')[2]}.json"
        if path.exists() and json.loads(path.read_text("utf-8"))["revision"] == model["revision"]:
            (folder / CARDS).mkdir(exist_ok=True)
            name = f"{str(model['id']).replace('/', '~')}.json"
            shutil.copyfile(path, folder / CARDS / name)


def _write_rows(source: Source, path: Path, *, texts: bool) -> None:
    """Writes all rows into one file, a row group a model, so that a question on one reads no
    other.
    """
    import pyarrow.parquet as pq

    writer = None
    for file in compact(source):
        for model in source.manifest.models:
            table = pq.read_table(file, partitioning=None, filters=[("model", "=", model["id"])])
            if not len(table):
                continue
            table = _short(table)
            if not texts and source.manifest.models[0]["task"] in TEXT_TASKS:
                table = _without_texts(table)
            if writer is None:
                writer = pq.ParquetWriter(
                    path,
                    table.schema,
                    compression="zstd",
                    compression_level=19,
                    write_page_checksum=True,
                    write_statistics=["model"],
                    use_dictionary=_names(table, "string"),
                    use_byte_stream_split=_names(table, "float"),
                )
            writer.write_table(table.cast(writer.schema), row_group_size=len(table))
    if writer is not None:
        writer.close()


def _without_texts(table: Any) -> Any:
    """Without the predictions that are words of the data."""
    import pyarrow as pa

    for name in PREDICTIONS:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.nulls(table.num_rows, pa.string()))
    return table


def _short(table: Any) -> Any:
    """Doubles as floats with fewer bits: what is left out is zeros, which compress."""
    import pyarrow as pa

    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_float64(field.type):
            known = column.is_null().to_numpy()
            values = shortened(column.to_numpy().astype(np.float32))
            columns.append(pa.array(values, type=pa.float32(), mask=known))
        else:
            columns.append(column)
    return pa.table(columns, names=table.schema.names)


def shortened(values: np.ndarray) -> np.ndarray:
    """Float32 rounded to 14 bits of fraction, halves away from zero; NaN stays NaN."""
    drop = 23 - _BITS
    bits = values.astype(np.float32).view(np.uint32) + np.uint32(1 << (drop - 1))
    return (bits & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)).view(np.float32)


def _names(table: Any, kind: str) -> list[str]:
    return [field.name for field in table.schema if str(field.type) == kind]


def main() -> None:
    """Ships a study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("target", type=Path, help="the folder to write, such as cache/studies/NAME")
    options = parser.parse_args()
    ship(folder_of(options.name), options.target)


if __name__ == "__main__":
    main()
