"""Files handed in: kept by their content, looked through, refused in one line."""

from pathlib import Path

import pytest

from ccta_core.config import cache_root
from ccta_core.corpus import uploads as uploads_module
from ccta_core.corpus.uploads import keep, sample_file, spec_of, uploads
from ccta_core.errors import CctaError

ROWS = "id,lang,text,text2,label\n"
PAIR = "1,en,It rains.,It is wet.,entailment\n1,es,Llueve.,Está mojado.,entailment\n"


def test_a_file_is_kept_by_its_content():
    content = (ROWS + PAIR).encode()
    name = keep("My own data!.csv", content).name
    assert name == keep("My own data!.csv", content).name
    assert name.startswith("My-own-data-")
    assert uploads() == [name]
    assert Path(spec_of(name).removeprefix("file:")).read_bytes() == content
    assert keep("../../etc/x.csv", content).name.startswith("x-")


def test_a_file_is_looked_through():
    rows = "2,en,Only here.,Yes.,neutral\n3,xx,odd,odd,neutral\n4,en,too few\n"
    found = keep("mine.csv", b"\xef\xbb\xbf" + (ROWS + PAIR + rows).encode())
    assert (found.task, found.items, found.shared) == ("nli", {"en": 2, "es": 1}, 1)
    assert found.labels == {"entailment": 1, "neutral": 1}
    assert ("no counterpart in es", 1, "4") in found.reasons()
    assert ("unknown language 'xx'", 1, "5") in found.reasons()
    assert ("expected 5 fields, found 3", 1, "6") in found.reasons()


def test_a_stray_quote_hides_no_line():
    """Three rows went into one text, and "left out" said 0."""
    rows = '2,en,"a,b,neutral\n2,es,a,b,neutral\n3,en,a",b,neutral\n'
    found = keep("a.csv", (ROWS + PAIR + rows).encode())
    assert (found.items, found.shared) == ({"en": 1, "es": 1}, 1)
    assert [row.place.rpartition(":")[2] for row in found.left_out] == ["4", "5", "6"]
    tabs = (ROWS + PAIR + rows).replace(",", "\t")
    found = keep("a.tsv", tabs.encode())
    assert (found.items, found.shared, found.labels) == (
        {"en": 3, "es": 2}, 2, {"entailment": 1, "neutral": 2},
    )  # fmt: skip
    assert len(found.left_out) == 1  # 3 has no counterpart


BAD = {
    "empty": ("a.csv", b"", "is empty"),
    "blank": ("a.csv", b"\n\n", "header"),
    "only a header": ("a.csv", ROWS.encode(), "no row"),
    "another ending": ("a.xlsx", b"x", "expected one of: .csv"),
    "no ending": ("a", b"x", "nothing"),
    "missing column": ("a.csv", b"id,text\n1,x\n", "has no column lang"),
    "two encodings": ("a.csv", (ROWS + PAIR).encode() + b"2,en,caf\xe9,x,neutral\n", "4: .*0xE9"),
    "utf-16": ("a.csv", (ROWS + PAIR).encode("utf-16"), "UTF-16"),
    "unknown label": ("a.csv", (ROWS + PAIR + "2,en,a,b,maybe\n").encode(), "csv:4: unknown label"),
    "one language": ("a.csv", (ROWS + "1,en,a,b,neutral\n").encode(), "has one language, en"),
    "no language known": ("a.csv", (ROWS + "1,qq,a,b,neutral\n").encode(), "no row of a known"),
    "no json": ("a.jsonl", b"[1]\nx\n", "no JSON object"),
    "no parquet": ("a.parquet", b"x", "is not a parquet file"),
    "open quotes": ("a.csv", (ROWS + '1,en,"a,b,neutral\n').encode(), "quotes"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "word"), BAD.values(), ids=list(BAD))
def test_a_bad_file_is_one_clear_line(monkeypatch, name, content, word):
    # Without the process, which takes a second: test_hostile_uploads.py has that.
    monkeypatch.setattr(
        uploads_module, "call_limited", lambda function, paths, *_: function(*paths)
    )
    with pytest.raises(CctaError, match=word) as caught:
        keep(name, content)
    line = str(caught.value)
    assert "\n" not in line
    assert str(cache_root()) not in line
    assert len(line) < 400


def test_languages_without_common_items_are_told_apart():
    found = keep("a.csv", (ROWS + "1,en,a,b,neutral\n2,es,a,b,neutral\n").encode())
    assert found.shared == 0
    assert "no counterpart" in found.apart


def test_a_large_file_is_refused(monkeypatch):
    monkeypatch.setattr("ccta_core.corpus.uploads.MOST_MEGABYTES", 1)
    with pytest.raises(CctaError, match="at most 1 can be handed in"):
        keep("a.csv", b"x" * (2 << 20))


def test_the_sample_file_can_be_handed_in():
    contents = keep("sample.csv", sample_file())
    assert (contents.task, contents.shared) == ("nli", 6)
    assert contents.items == {"en": 6, "es": 6, "ar": 6}
    assert not contents.left_out
    assert not contents.repaired
