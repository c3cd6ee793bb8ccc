"""Files made to harm: each is one line, is not kept, and costs who takes it no memory."""

import json
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ccta_core import limited
from ccta_core.adjustment.handed_in import HandedIn, keep_parallel
from ccta_core.corpus import uploads
from ccta_core.corpus.caps import MOST_COLUMNS, MOST_ROWS
from ccta_core.corpus.uploads import examine, keep
from ccta_core.errors import CctaError
from ccta_core.limited import Limits, call_limited
from tests import hostile_readers as readers

LARGE = 40_000_000
"""Characters of the text that a file of a few kilobytes holds again and again."""
ONCE = {"compression": "zstd", "write_statistics": False, "dictionary_pagesize_limit": 1 << 30}
"""How a text that stands in every row is written once."""
ROOM = 300 << 10
"""KiB by which the memory of the process that takes the files may grow."""


def parquet(tmp_path, table, **settings):
    path = tmp_path / "made.parquet"
    pq.write_table(table, path, **settings)
    return path.read_bytes()


def small_dictionary(tmp_path):
    rows = 20_000
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["a" * LARGE])
    langs = pa.array(["en", "es"] * (rows // 2))
    ids = pa.array([str(at // 2) for at in range(rows)])
    table = pa.table({"id": ids, "lang": langs, "text": text})
    return parquet(tmp_path, table, **ONCE)


def nested_dictionary(tmp_path):
    rows = 40
    tags = pa.ListArray.from_arrays(
        list(range(rows + 1)),
        pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["a" * LARGE]),
    )
    columns = {"id": ["1"] * rows, "lang": ["en"] * rows, "text": ["a"] * rows, "tags": tags}
    return parquet(tmp_path, pa.table(columns), **ONCE)


def plain_pages(tmp_path):
    path = tmp_path / "made.parquet"
    row = pa.table({"id": ["1"], "lang": ["en"], "text": ["a" * LARGE]})
    with pq.ParquetWriter(path, row.schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(5):
            writer.write_table(row)
    return path.read_bytes()


def many_rows(tmp_path):
    table = pa.table({"en": pa.array(["a"] * (MOST_ROWS + 1)), "es": ["b"] * (MOST_ROWS + 1)})
    return parquet(tmp_path, table)


def deep_json(tmp_path):
    row = {"id": "1", "lang": "en", "text": "a"}
    deep = json.dumps(row)[:-1] + ', "x": ' + "[" * 900_000 + "]" * 900_000 + "}"
    return "\n".join([deep] * 3).encode()


def many_keys(tmp_path):
    return "\n".join(json.dumps({f"key-{at}": 1}) for at in range(2000)).encode()


HOSTILE = {
    "a dictionary of 40 MB": ("a.parquet", small_dictionary, "40,000,000 characters"),
    "a nested dictionary": ("a.parquet", nested_dictionary, "1024 MiB of memory"),
    "plain pages": ("a.parquet", plain_pages, "200,.* bytes once unpacked or more"),
    "rows": ("a.parquet", many_rows, f"has {MOST_ROWS + 1:,} rows or more"),
    "24,000 columns": (
        "a.csv",
        lambda _: ",".join(f"c{at}" for at in range(24_000)).encode() + b"\n1\n",
        f"24,000 columns or more; expected at most {MOST_COLUMNS}",
    ),
    "deep JSON": ("a.jsonl", deep_json, "no JSON object"),
    "JSON of many keys": ("a.jsonl", many_keys, "2,000 columns"),
    "a long cell": (
        "a.csv",
        lambda _: b"id,lang,text\n1,en," + b"a" * 100_001 + b"\n1,es,b\n",
        "100,001 characters",
    ),
    "a zip file": ("a.csv", lambda _: b"PK\x03\x04\x14\x00", "NUL byte"),
    "a broken footer": ("a.parquet", lambda _: b"PAR1" + b"\xff" * 5000 + b"PAR1", "parquet file"),
}


def peak():
    """The most memory (KiB) of this process since `start_anew`."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def start_anew():
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return peak()


@pytest.mark.parametrize(("name", "make", "word"), HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_file_is_one_line_and_not_kept(tmp_path, name, make, word):
    content = make(tmp_path)
    assert len(content) < uploads.MOST_MEGABYTES << 20
    before, began = start_anew(), time.monotonic()
    with pytest.raises(CctaError, match=word) as caught:
        keep(name, content)
    line = str(caught.value)
    assert "\n" not in line
    assert "/" not in line.replace("file:PATH", "")
    assert len(line) < 300
    assert peak() - before < ROOM
    assert time.monotonic() - began < 60
    assert uploads.uploads() == []


def test_parallel_text_is_read_in_the_same_way(tmp_path):
    before = start_anew()
    with pytest.raises(CctaError, match="40,000,000 characters"):
        keep_parallel([HandedIn("a.parquet", small_dictionary(tmp_path))], "es")
    assert peak() - before < LARGE * 4 // 1024  # what making the file took
    with pytest.raises(CctaError, match=r"a\.en: a cell of the column 'text' \(line 1\)"):
        keep_parallel([HandedIn("a.es", b"x\n"), HandedIn("a.en", b"a" * 200_000 + b"\n")], "es")
    assert uploads.uploads() == []


@pytest.mark.parametrize(
    ("function", "limits", "word"),
    [
        (readers.spin, Limits(processor=1), "x.csv took more than 1 seconds"),
        (readers.spin, Limits(wall=1), "x.csv took more than 1 seconds"),
        (readers.grow, Limits(memory=300), "more than 300 MiB of memory"),
        (readers.fall, Limits(), "x.csv could not be read: its reader ended"),
    ],
)
def test_a_reader_that_exceeds_its_limits_is_one_line(function, limits, word):
    with pytest.raises(CctaError, match=word):
        call_limited(function, ("x",), limits, "x.csv")


def test_a_header_of_many_columns_takes_no_time(tmp_path):
    """It was quadratic: 24,000 columns took 20 seconds. Read without caps, as `file:PATH` is."""
    from ccta_core.corpus.tables import open_table

    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{at}" for at in range(100_000)) + "\n", "utf-8")
    began = time.process_time()
    assert len(open_table(path).columns) == 100_000
    assert time.process_time() - began < 5


def test_what_is_within_the_caps_is_read(tmp_path):
    path = tmp_path / "fine.parquet"
    texts = ["a" * 90_000, "b", None, "d"]
    pq.write_table(
        pa.table({"en": texts, "es": texts[::-1], "tags": [["x"], [], None, ["y", "z"]]}), path
    )
    assert examine(str(path))["items"] == {"en": 3, "es": 3}


def test_no_more_than_two_files_are_read_at_once(monkeypatch):
    monkeypatch.setattr(limited, "_AT_ONCE", threading.BoundedSemaphore(1))
    monkeypatch.setattr(limited, "_PATIENCE", 0.1)
    with limited._AT_ONCE, pytest.raises(CctaError, match="others are being read; try again"):
        call_limited(readers.fall, ("x",), Limits(), "x.csv")
