"""Quotes in csv and tsv: a stray one never swallows lines, and whatever is left out is told."""

import csv

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccta_core.corpus.spec import read_corpus, scan
from ccta_core.corpus.tables import TableRow, open_table
from ccta_core.errors import CctaError


def read(tmp_path, name, text):
    """(id, language, text) of what is read, (line, reason) of what is left out, what was noted."""
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8"))
    found = scan(f"file:{path}")
    return (
        [(item.id, item.lang, item.text) for item in found.reading.items],
        [(int(row.place.rpartition(":")[2]), row.reason) for row in found.reading.left_out],
        found.repaired,
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stray_quote_in_a_tsv_is_part_of_its_text(tmp_path, end):
    """Read by RFC 4180 the first text would hold the rows 1 to 4."""
    rows = ['1\ten\t"Hello', "2\ten\tFine", "3\ten\tBye", '4\ten\tYes"', '5\ten\t"No" he said']
    items, left_out, noted = read(tmp_path, "a.tsv", end.join(["id\tlang\ttext", *rows, ""]))
    assert left_out == []
    assert [row.place for row in noted] == ["a.tsv:2"]
    assert [text for _, _, text in items] == ['"Hello', "Fine", "Bye", 'Yes"', '"No" he said']


def test_a_stray_quote_in_a_wide_tsv_pairs_no_row_with_another(tmp_path):
    rows = ['"Hello\tHola', "Fine\tBien", 'Yes"\tSi', '"Oh\tVaya"', '"Oh\tno"\tVaya']
    path = tmp_path / "a.tsv"
    path.write_text("\n".join(["en\tes", *rows]), "utf-8")
    corpus = read_corpus(f"file:{path}")
    assert [tuple(side.text for side in e.sentences.values()) for e in corpus.examples] == [
        ('"Hello', "Hola"), ("Fine", "Bien"), ('Yes"', "Si"), ('"Oh', 'Vaya"'), ("Oh\tno", "Vaya"),
    ]  # fmt: skip


def test_a_tsv_may_have_fields_in_quotes_and_over_lines(tmp_path):
    rows = '1\ten\t"She said ""yes"""\n2\ten\t"One\nTwo"\n3\ten\t"Tab\there"\n4\ten\t"One\n'
    items, left_out, _ = read(tmp_path, "a.tsv", "id\tlang\ttext\n" + rows + "5\ten\tTwo\n")
    assert [text for _, _, text in items] == [
        'She said "yes"', "One\nTwo", "Tab\there", '"One', "Two",
    ]  # fmt: skip
    assert left_out == []


def test_rows_that_a_csv_may_have_swallowed_are_left_out_line_by_line(tmp_path):
    rows = '1,en,"Hello\n2,en,Fine\n3,en,Bye"\n4,en,End\n'
    items, left_out, _ = read(tmp_path, "a.csv", "id,lang,text\n" + rows)
    assert items == [("4", "en", "End")]
    assert [line for line, _ in left_out] == [2, 3, 4]
    assert all("look like rows of their own" in reason for _, reason in left_out)


def test_a_csv_text_over_lines_with_commas_is_one_text_and_told(tmp_path):
    rows = '1,en,"Dear all,\nit rains, it snows, it hails, and then\nnothing."\n2,en,"A\nB"\n'
    items, left_out, noted = read(tmp_path, "a.csv", "id,lang,text\n" + rows)
    assert [text for _, _, text in items] == [
        "Dear all,\nit rains, it snows, it hails, and then\nnothing.", "A\nB",
    ]  # fmt: skip
    assert left_out == []
    assert [(row.place, "goes on over lines" in row.reason) for row in noted] == [("a.csv:2", True)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('1,en,"Hello', "a quote opens that does not close"),
        ('1,en,"Hello" he said', "text follows a quote"),
        ('1,en,"Hello, ', "a quote opens that does not close"),
        ('1,en,"a""', "a quote opens that does not close"),
        ("1,en", "expected 3 fields, found 2"),
        ("1,en,a,b", "expected 3 fields, found 4"),
    ],
)
def test_a_csv_line_with_wrong_quotes_or_fields_is_left_out_alone(tmp_path, line, reason):
    text = f"id,lang,text\n0,en,First\n{line}\n2,en,Fine\n\n3,en,Last\n"
    items, left_out, _ = read(tmp_path, "a.csv", text)
    assert [id_ for id_, _, _ in items] == ["0", "2", "3"]
    assert [(at, why[: len(reason)]) for at, why in left_out] == [(3, reason)]


def test_a_quote_that_closes_beyond_a_wrong_one_takes_its_line_only(tmp_path):
    rows = '1,en,"Hello\n2,en,"Yes, well"\n3,en,He said "so"\n'
    items, left_out, _ = read(tmp_path, "a.csv", "id,lang,text\n" + rows)
    assert [(id_, text) for id_, _, text in items] == [("2", "Yes, well"), ("3", 'He said "so"')]
    assert [line for line, _ in left_out] == [2]


def test_line_ends_of_other_kinds_stay_in_their_field(tmp_path):
    """U+2028, a lone CR, NEL and a form feed end no line."""
    text = "One\u2028two\u0085three\rfour\x0cfive"
    for name, mark in (("a.csv", ","), ("a.tsv", "\t")):
        whole = f"\ufeffid{mark}lang{mark}text\r\n1{mark}en{mark}{text}\r\n2{mark}en{mark}Six\r\n"
        items, left_out, _ = read(tmp_path, name, whole)
        assert left_out == []
        assert items[0][2].replace("\u0085", "").replace("\x0c", "") == (
            text.replace("\u0085", "").replace("\x0c", "")
        )
        assert items[1] == ("2", "en", "Six")


def test_a_header_with_an_open_quote_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text('id,lang,"text\n1,en,One\n', "utf-8")
    with pytest.raises(CctaError, match=r"a.csv:1: the header's quotes can't be read"):
        scan(f"file:{tmp_path / 'a.csv'}")


def test_a_header_that_is_missing_or_separated_otherwise_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("1,en,Hello\n1,es,Hola\n2,en,Yes\n", "utf-8")
    with pytest.raises(CctaError, match=r"a.csv:1: the column 'en' holds codes.*first line a row"):
        scan(f"file:{tmp_path / 'a.csv'}")
    (tmp_path / "b.csv").write_text("id;lang;text\n1;en;One\n", "utf-8")
    with pytest.raises(CctaError, match="3 names stand between semicolons: save it with commas"):
        scan(f"file:{tmp_path / 'b.csv'}")
    (tmp_path / "c.tsv").write_text("id,lang,text\n1,en,One\n", "utf-8")
    with pytest.raises(CctaError, match="3 names stand between commas: save it with tabs"):
        scan(f"file:{tmp_path / 'c.tsv'}")


_FIELDS = st.lists(st.text('ab",\n\t ', max_size=6), min_size=3, max_size=3)


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.tsv", "\t")])
@given(rows=st.lists(_FIELDS, min_size=1, max_size=6))
def test_what_a_writer_wrote_is_read_or_left_out_never_mixed(tmp_path_factory, name, mark, rows):
    """Every text that is read is one that was written; no line goes missing without a word.

    In a tsv lines with tabs are rows, whatever quotes are around them.
    """
    assume(mark == "," or not any({"\t", "\n"} <= set("".join(row)) for row in rows))
    path = tmp_path_factory.mktemp("csv") / name
    written = [(f"id-{at}", *row) for at, row in enumerate(rows)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=mark)
        writer.writerow(["id", "lang", "text", "label", "note"])
        writer.writerows((id_, "en", f"x{text}", *rest) for id_, text, *rest in written)
        writer.writerow(["last", "en", "End", "", ""])
    found = list(open_table(path).rows())
    read = {row.values["id"]: row.values for row in found if isinstance(row, TableRow)}
    for id_, text, *rest in written:
        if id_ in read:
            assert [read[id_][name] for name in ("text", "label", "note")] == [f"x{text}", *rest]
    assert "last" in read
    assert len(found) > len(written)  # each is read, or has a line that is left out


_STRAY = st.sampled_from(['{}', '"{}', '{}"', '"{}"', '""{}', '"{}""', 'a "{}" b'])  # fmt: skip


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.tsv", "\t")])
@given(marks=st.lists(st.tuples(_STRAY, _STRAY), min_size=1, max_size=8))
def test_no_quote_moves_a_text_to_another_row(tmp_path_factory, name, mark, marks):
    """Rows with stray quotes: each is read as its own, or its own line is told."""
    path = tmp_path_factory.mktemp("stray") / name
    lines = [
        mark.join((str(at), "en", first.format(f"one {at}"), second.format(f"two {at}")))
        for at, (first, second) in enumerate(marks)
    ]
    path.write_text("\n".join([mark.join(("id", "lang", "text", "text2")), *lines]), "utf-8")
    told = set()
    for row in open_table(path).rows():
        line = int(row.place.rpartition(":")[2])
        told.add(line)
        if isinstance(row, TableRow):
            at = line - 2
            assert row.values["id"] == str(at)
            for name_, word in (("text", "one"), ("text2", "two")):
                text = row.values[name_]
                assert f"{word} {at}" in text
                assert "\n" not in text
                assert set(text.replace(f"{word} {at}", "")) <= set('"ab ')
    assert told == set(range(2, len(marks) + 2))
