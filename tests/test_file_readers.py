"""`file:`: a person's own csv, tsv, jsonl and parquet files, in both layouts."""

import csv
import json

import pandas as pd
import pytest

from ccta_core.corpus import align, lines, source
from ccta_core.corpus.spec import read_corpus, read_items, scan
from ccta_core.errors import CctaError

LONG = [
    {"id": "a", "lang": "en", "text": 'He said "no".', "text2": "A\tB", "label": "neutral"},
    {"id": "a", "lang": "es", "text": "Dijo que\nno.", "text2": "A, B", "label": "neutral"},
    {"id": "b", "lang": "en", "text": "Yes.", "text2": "C", "label": "Entailment"},
    {"id": "b", "lang": "ja", "text": "はい。", "text2": "C", "label": "entailment"},
]
WIDE = [
    {"id": "a", "en": "One,", "en_2": "1", "es": "Uno", "es_2": "1", "sw": "Moja", "sw_2": "1"},
    {"id": "b", "en": "Two", "en_2": "2", "es": "Dos", "es_2": "2", "sw": "", "sw_2": ""},
]


def write(path, rows):
    """The rows as the kind of file that the ending says."""
    if path.suffix in (".csv", ".tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            delimiter = "," if path.suffix == ".csv" else "\t"
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", "utf-8")
    else:
        import pandas

        pandas.DataFrame(rows).to_parquet(path)
    return f"file:{path}"


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_one_row_an_item_and_language(tmp_path, kind):
    spec = write(tmp_path / f"mine.{kind}", LONG)
    found = read_items(spec)
    assert [(item.lang, item.id) for item in found.items] == [
        ("en", "a"), ("en", "b"), ("es", "a"), ("ja", "b"),
    ]  # fmt: skip
    assert (found.items[0].text, found.items[0].text2) == ('He said "no".', "A\tB")
    assert found.items[1].label == "entailment"
    assert found.items[2].text == "Dijo que\nno."
    corpus = read_corpus(spec, ["en", "es"])
    assert [item.id for item in corpus.examples] == ["a"]
    assert [row.reason for row in corpus.left_out] == ["no counterpart in es"]
    place = {"csv": 5, "tsv": 5}.get(kind, 3)  # a field with a line end stands on two lines
    assert corpus.left_out[0].place == f"mine.{kind}:{place}"


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_one_column_a_language(tmp_path, kind):
    spec = write(tmp_path / f"mine.{kind}", WIDE)
    corpus = read_corpus(spec)
    assert corpus.languages == ("en", "es", "sw")
    assert [item.id for item in corpus.examples] == ["a"]
    assert [row.reason for row in corpus.left_out] == [
        "the sw sentence's text is empty; expected at least one word"
    ]
    assert len(read_corpus(spec, ["en", "es"]).examples) == 2
    assert corpus.examples[0].sentences["en"].text2 == "1"


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    plain = write(tmp_path / "plain.csv", WIDE)
    text = (tmp_path / "plain.csv").read_bytes()
    (tmp_path / "marked.csv").write_bytes(b"\xef\xbb\xbf" + text)
    (tmp_path / "unix.csv").write_bytes(text.replace(b"\r\n", b"\n"))
    for name in ("marked", "unix"):
        assert read_items(f"file:{tmp_path / name}.csv").items == read_items(plain).items


def test_ids_groups_and_indonesian(tmp_path):
    rows = [{"en": "One", "ind": "Satu", "group": "g"}, {"en": "Two", "ind": "Dua", "group": "g"}]
    corpus = read_corpus(write(tmp_path / "a # b.csv", rows))
    assert corpus.languages == ("en", "id")
    assert [item.id for item in corpus.examples] == ["row-1", "row-2"]
    assert {item.group for item in corpus.examples} == {"g"}
    assert corpus.source == "file:a # b.csv"


def test_answers_are_looked_for_and_tags_belong_to_words(tmp_path):
    rows = [
        {"id": "a", "lang": "en", "text": "Who?", "text2": " It was Bo. ", "answer": "Bo"},
        {"id": "b", "lang": "en", "text": "Who?", "text2": "Bo or Bo", "answer": "Bo"},
        {"id": "c", "lang": "en", "text": "Who?", "text2": "Nobody", "answer": "Bo"},
    ]
    for row, start in zip(rows, (8, 6, 0), strict=True):
        row["answer_start"] = start
    found = scan(write(tmp_path / "qa.csv", rows))
    assert [item.answers for item in found.reading.items] == [((7, 9),), ((6, 8),)]
    assert (found.task, found.repaired) == ("qa", ())
    assert "does not stand in its context" in found.reading.left_out[0].reason
    rows = [
        {"id": "a", "lang": "en", "text": "Bo  is in Rome", "tags": ["I-PER", "O", "O", "B-LOC"]},
        {"id": "b", "lang": "en", "text": "Bo is", "tags": ["B-PER"]},
        {"id": "c", "lang": "en", "text": "Bo", "tags": ["PER"]},
    ]
    found = scan(write(tmp_path / "ner.jsonl", rows))
    assert found.reading.items[0].words == ((0, 2), (4, 6), (7, 9), (10, 14))
    assert found.reading.items[0].tags[0] == "B-PER"
    assert [row.place for row in found.reading.left_out] == ["ner.jsonl:2", "ner.jsonl:3"]
    assert len(found.repaired) == 1


def test_rows_that_can_not_be_used_are_listed(tmp_path):
    (tmp_path / "mine.csv").write_text(
        "id,lang,text,label\n"
        "a,en,One,x\n"
        "b,en,Two\n"
        "c,xx,Three,x\n"
        ",en,Four,x\n"
        "a,en,Five,x\n"
        "d,en,Six,\n"
        "e,en, ,x\n"
        "f,en,Caf\x07e,x\n",
        "utf-8",
    )
    found = scan(f"file:{tmp_path / 'mine.csv'}")
    assert [item.id for item in found.reading.items] == ["a", "f"]
    assert [(row.place, row.reason) for row in found.reading.left_out] == [
        ("mine.csv:3", "expected 4 fields, found 3"),
        ("mine.csv:4", "unknown language 'xx'"),
        ("mine.csv:5", "it has no id"),
        ("mine.csv:6", "id a stands already above"),
        ("mine.csv:7", "it has no gold label"),
        ("mine.csv:8", "the en sentence's text is empty; expected at least one word"),
    ]
    assert [row.place for row in found.repaired] == ["mine.csv:9"]
    corpus = read_corpus(f"file:{tmp_path / 'mine.csv'}")
    assert corpus.left_out[3].reason == "id a stands already at mine.csv:2"


def test_objects_that_are_none_are_listed(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"en": "One"}\n{"en": \n[1]\n{"en": ["Two"]}\n{"en": 3}\n', "utf-8")
    found = read_items(f"file:{path}")
    assert [item.text for item in found.items] == ["One", "3"]
    assert [row.place for row in found.left_out] == [f"mine.jsonl:{n}" for n in (2, 3, 4)]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n\n", "expected a header|has no column"),
        ("a.csv", b"id,lang,text\n", "no row of a known language"),
        ("a.csv", b"en,es\n", "has no item in en"),
        ("a.csv", b"id;lang;text\na;en;One\n", "has no column id or lang or text"),
        ("a.csv", b"lang,text\nen,One\n", "has no column id"),
        ("a.csv", b"en,en\nOne,Two\n", "the column 'en' twice"),
        ("a.csv", b"en\n\xe9t\xc3\xa9\n", "a.csv:2: expected UTF-8"),
        ("a.csv", b"en\n\xc3\xa9\nOne\n\xe9\n", "a.csv:4: expected UTF-8, found the byte 0xE9"),
        ("a.csv", "en\nOne\n".encode("utf-16"), "found UTF-16"),
        ("a.csv", b"en\nO\0ne\n", "a.csv:2: expected text, found a NUL byte"),
        ("a.csv", b'en\nOne\n"Two\nThree\n', "a.csv:3: the quotes can't be read"),
        ("a.tsv", b'en\n"One" two\n', "a.tsv:2: the quotes can't be read"),
        ("a.csv", b"en,label\nA,neutral\nB,sure\n", "a.csv:3: unknown label 'sure'"),
        ("a.csv", b"en,label\nA,paraphrase\nB,0\n", "a.csv:3: unknown label '0'"),
        ("a.jsonl", b"[]\n1\n", "has no JSON object"),
        ("a.parquet", b"en\nOne\n", "is not a parquet file"),
        ("a.xlsx", b"en\nOne\n", "expected .csv, .tsv, .jsonl or .parquet"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, name, text, says):
    (tmp_path / name).write_bytes(text)
    with pytest.raises(CctaError, match=says) as refused:
        read_items(f"file:{tmp_path / name}")
    assert "\n" not in str(refused.value)


def test_an_absent_file_and_language_are_refused(tmp_path):
    for spec in ("file:", f"file:{tmp_path}", f"file:{tmp_path / 'none.csv'}"):
        with pytest.raises(CctaError):
            read_items(spec)
    spec = write(tmp_path / "mine.csv", LONG)
    with pytest.raises(CctaError, match="has no item in de"):
        read_items(spec, ["en", "de"])
    with pytest.raises(CctaError, match="has no de here"):
        read_items(write(tmp_path / "wide.csv", WIDE), ["de"])


def many(path, *, ids, wide):
    with path.open("w", encoding="utf-8") as file:
        file.write("id,en,es\n" if wide else "id,lang,text\n")
        if wide:
            file.writelines(f"{number},One,Uno\n" for number in range(ids))
        else:
            for lang in ("en", "es"):
                file.writelines(f"{number},{lang},x\n" for number in range(ids))
    return f"file:{path}"


@pytest.fixture
def counted(monkeypatch):
    """How many lines were read, from all files."""
    count = [0]
    real = lines._decoded

    def decoded(path, number, raw):
        count[0] += 1
        return real(path, number, raw)

    monkeypatch.setattr(lines, "_decoded", decoded)
    return count


def test_a_small_limit_reads_the_beginning_only(tmp_path, counted):
    spec = many(tmp_path / "wide.csv", ids=20_000, wide=True)
    assert len(read_items(spec, limit=5).items) == 10
    assert counted[0] < 20
    assert len(read_corpus(spec, limit=5).examples) == 5
    assert counted[0] < 2 * align.SLACK


def test_a_limit_holds_few_rows_whatever_their_order(tmp_path, monkeypatch):
    spec = many(tmp_path / "long.csv", ids=20_000, wide=False)
    held = []
    real = align._examples

    def examples(seen, *rest):
        held.append(len(seen.entries))
        return real(seen, *rest)

    monkeypatch.setattr(align, "_examples", examples)
    corpus = read_corpus(spec, limit=5)
    assert [item.id for item in corpus.examples] == ["0", "1", "2", "3", "4"]
    assert held == [10 + align.SLACK]
    assert corpus.left_out == ()


def test_a_file_of_two_gigabytes_is_read_by_a_limit(tmp_path, counted):
    spec = many(tmp_path / "huge.csv", ids=3000, wide=True)
    with (tmp_path / "huge.csv").open("r+b") as file:
        file.truncate(2 << 30)  # no rows in the rest, which takes no room: it must not be reached
    said = "huge.csv has 2,048 MiB, which would take about 24 GiB of memory as a whole"
    for read in (read_items, read_corpus):
        with pytest.raises(CctaError, match=said):
            read(spec)
    assert counted[0] < 10
    assert len(read_items(spec, limit=5).items) == 10
    assert len(read_corpus(spec, limit=5).examples) == 5


def test_a_parquet_file_is_as_large_as_what_it_holds(tmp_path, monkeypatch):
    frame = pd.DataFrame({"en": ["the same " * 50] * 4000, "es": ["lo mismo " * 50] * 4000})
    frame.to_parquet(tmp_path / "small.parquet", compression="zstd", use_dictionary=False)
    held = (tmp_path / "small.parquet").stat().st_size
    monkeypatch.setattr(source, "WHOLE", 20 * held)
    with pytest.raises(CctaError, match=r"small\.parquet has 3 MiB"):
        read_corpus(f"file:{tmp_path / 'small.parquet'}")
    assert len(read_corpus(f"file:{tmp_path / 'small.parquet'}", limit=3).examples) == 3


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 1 << 10)
    (tmp_path / "a.csv").write_text("en\n" + "x" * 5000, "utf-8")
    with pytest.raises(CctaError, match=r"a.csv:2: expected lines of text"):
        read_items(f"file:{tmp_path / 'a.csv'}")
