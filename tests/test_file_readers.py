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
        "the Swahili sentence's text is empty; expected at least one word"
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
        ("mine.csv:8", "the English sentence's text is empty; expected at least one word"),
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


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("id,lang,text,Text2,label", "the column 'Text2' is not read; call it 'text2'"),
        ("id,lang,text,text2,Label ", "the column 'Label ?' is not read; call it 'label'"),
        ("id,lang,text,hypothesis,label", "the column 'hypothesis' is not read; call it 'text2'"),
        ("id,lang,text,text2,gold_label", "'gold_label' is not read; call it 'label'"),
        ("ID,en,es,en_2,es_2", "the column 'ID' is not read; call it 'id'"),
        ("id,en,es,DE,label", "the column 'DE' is not read; call it 'de'"),
        ("id,en,es,en_2,ES_2", "the column 'ES_2' is not read; call it 'es_2'"),
        ("no,en,es,label", "the column 'no' would be Norwegian and holds numbers"),
    ],
)
def test_a_column_that_is_nearly_one_is_refused_and_not_ignored(tmp_path, header, says):
    rows = [f"{number}," + ("en,a b,c d,neutral" if "lang" in header else "a b,c d,e f,neutral")
            for number in range(3)]  # fmt: skip
    width = len(header.split(","))
    lines = [header, *(",".join(row.split(",")[:width]) for row in rows)]
    (tmp_path / "mine.csv").write_text("\n".join(lines), "utf-8")
    with pytest.raises(CctaError, match=says):
        read_items(f"file:{tmp_path / 'mine.csv'}")


def test_a_column_of_something_else_is_left_alone(tmp_path):
    text = "id,en,es,genre,context,note_2\n1,a,b,news,x,4\n2,c,d,news,y,5\n"
    (tmp_path / "mine.csv").write_text(text, "utf-8")
    assert len(read_items(f"file:{tmp_path / 'mine.csv'}").items) == 4


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


def frame_file(path, rows):
    """The rows as pandas writes them, whatever types it makes of a column."""
    frame = pd.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        lines = (json.dumps({k: None if v is pd.NA else v for k, v in row.items()}) for row in rows)
        path.write_text("\n".join(lines), "utf-8")
    else:
        frame.to_csv(path, index=False, sep="," if path.suffix == ".csv" else "\t")
    return f"file:{path}"


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_column_of_integers_with_a_gap_holds_integers(tmp_path, kind):
    """pandas makes floats of ids and labels where one is missing: 0.0, 1.0, NaN."""
    rows = [
        {"id": float(at), "lang": lang, "text": f"{lang} {at}", "label": label, "group": 0.0}
        for at, label in ((0, 0.0), (1, 1.0), (2, float("nan")))
        for lang in ("en", "es")
    ]
    spec = frame_file(tmp_path / f"mine.{kind}", rows)
    corpus = read_corpus(spec)
    assert [(one.label, one.sentences["es"].text) for one in corpus.examples] == [
        ("0", "es 0"), ("1", "es 1"),
    ]  # fmt: skip
    assert {row.reason for row in corpus.left_out} == {"it has no gold label"}
    assert len(corpus.left_out) == 2
    assert scan(spec).all_labels == {"0", "1"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, value) for kind in ("jsonl", "csv") for value in (float("nan"), float("inf"), None)]
    + [("parquet", float("nan")), ("parquet", None)],
)
def test_a_missing_value_is_no_text_no_label_and_no_id(tmp_path, kind, value):
    good = {"id": "g", "lang": "en", "text": "Good.", "text2": "Well.", "label": "a"}
    rows = [good] + [{**good, "id": name, name: value} for name in ("id", "text", "label")]
    found = scan(frame_file(tmp_path / f"mine.{kind}", rows))
    assert [item.text for item in found.reading.items] == ["Good."]
    assert [row.reason for row in found.reading.left_out] == [
        "it has no id",
        "the English sentence's text is empty; expected at least one word",
        "it has no gold label",
    ]


def test_an_infinite_label_is_none(tmp_path):
    rows = [{"id": at, "lang": "en", "text": "x", "label": value} for at, value in
            enumerate((0.0, float("inf"), float("-inf"), float("nan")))]  # fmt: skip
    found = read_items(frame_file(tmp_path / "mine.parquet", rows))
    assert [(item.id, item.label) for item in found.items] == [("0", "0")]
    assert {row.reason for row in found.left_out} == {"it has no gold label"}


def test_words_for_a_missing_number_are_none_and_words_stay_words(tmp_path):
    path = tmp_path / "mine.csv"
    rows = "1,en,nan,a\n2,en,NaN,a\n3,en,<NA>,a\n4,en,Nan,a\n5,en,None,none\n6,en,x,nan\n"
    path.write_text("id,lang,text,label\n" + rows, "utf-8")
    found = read_items(f"file:{path}")
    assert [(item.id, item.text, item.label) for item in found.items] == [
        ("4", "Nan", "a"), ("5", "None", "none"),
    ]  # fmt: skip
    assert [row.place for row in found.left_out] == [f"mine.csv:{at}" for at in (2, 3, 4, 7)]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("value", [0.5, "0.25", "3.8"])
def test_a_fraction_is_no_class(tmp_path, kind, value):
    rows = [{"id": "a", "lang": "en", "text": "One", "label": value}]
    with pytest.raises(CctaError, match=r"mine\.\w+:\d: expected a class as label, found the frac"):
        read_items(frame_file(tmp_path / f"mine.{kind}", rows))


def test_ids_of_different_types_are_one_id(tmp_path):
    """0 is an id like any other; 1, "1" and 1.0 say the same."""
    ids = [(0, "0"), (1, 1.0), ("2", 2), (3.0, "3")]
    rows = [
        {"id": id_, "lang": lang, "text": f"{lang} {at}"}
        for at, pair in enumerate(ids)
        for id_, lang in zip(pair, ("en", "es"), strict=True)
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, reversed(rows))), "utf-8")
    corpus = read_corpus(f"file:{path}", ["en", "es"])
    assert {one.id: one.sentences["en"].text for one in corpus.examples} == {
        str(at): f"en {at}" for at in range(4)
    }
    assert all(one.sentences["es"].text == f"es {one.id}" for one in corpus.examples)
    assert corpus.left_out == ()


def test_labels_with_spaces_numbers_and_truth_values(tmp_path):
    rows = [
        {"id": str(at), "lang": lang, "text": "x", "label": label}
        for at, pair in enumerate(
            [(0, " 0 "), (True, "True"), (1.0, "1"), ("0.0", 0), ("-0", "-0")]
        )
        for lang, label in zip(("en", "es"), pair, strict=True)
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    corpus = read_corpus(f"file:{path}", ["en", "es"])
    assert [one.label for one in corpus.examples] == ["0", "True", "1", "0", "-0"]


def test_the_first_label_that_there_is_tells_the_task(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("id,lang,text,label\n1,en,A,\n2,en,B,-\n3,en,C,Neutral\n", "utf-8")
    found = scan(f"file:{path}")
    assert (found.task, [item.label for item in found.reading.items]) == ("nli", ["neutral"])


def test_a_label_beside_answers_or_tags_is_no_class(tmp_path):
    """A model that answers would be compared with it, and never be right."""
    row = {"id": "a", "lang": "en", "text": "Who?", "text2": "It was Bo.", "answer": "Bo"}
    path = tmp_path / "qa.jsonl"
    path.write_text(json.dumps({**row, "label": "answerable"}), "utf-8")
    (item,) = read_items(f"file:{path}").items
    assert (item.label, item.answers) == (None, ((7, 9),))


def test_a_second_text_in_one_language_only_is_left_out(tmp_path):
    rows = [
        {"id": "a", "lang": "en", "text": "One", "text2": "More"},
        {"id": "a", "lang": "es", "text": "Uno", "text2": float("nan")},
        {"id": "b", "lang": "en", "text": "Two", "text2": 0},
        {"id": "b", "lang": "es", "text": "Dos", "text2": "0"},
    ]
    corpus = read_corpus(frame_file(tmp_path / "mine.jsonl", rows))
    assert [one.id for one in corpus.examples] == ["b"]
    assert [row.reason for row in corpus.left_out] == ["no second text in es"]


def test_keys_that_only_later_objects_have_are_read(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"id": 1, "en": "A"}\n{"id": 2, "en": "A", "en_2": "B", "es": "C", "es_2": "D"}\n', "utf-8"
    )
    corpus = read_corpus(f"file:{path}")
    assert [one.sentences["es"].text2 for one in corpus.examples] == ["D"]
    assert len(corpus.left_out) == 2  # the first has no second text and no Spanish


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (-3, "its answer_start is '-3', no place in the context"),
        (99, "its answer_start is '99', no place in the context"),
        (1.5, "its answer_start is '1.5', no place in the context"),
        ("two", "its answer_start is 'two', no place in the context"),
        (True, "its answer_start is 'True', no place in the context"),
    ],
)
def test_an_answer_that_begins_nowhere_is_left_out(tmp_path, start, reason):
    row = {"id": "a", "lang": "en", "text": "Who?", "text2": "Bo or Bo", "answer": "Bo"}
    path = tmp_path / "qa.jsonl"
    rows = [row, {**row, "id": "b", "answer_start": 6.0}, {**row, "id": "c", "answer_start": start}]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    found = read_items(f"file:{path}")
    assert [item.answers for item in found.items] == [((0, 2),), ((6, 8),)]
    assert [(row.place, row.reason) for row in found.left_out] == [("qa.jsonl:3", reason)]


@pytest.mark.parametrize(
    "tags", [[-100, 0], [1, 0], ["B-PER", None], ["B-PER", "O", "O"], [[], "O"]]
)
def test_tags_that_are_none_leave_their_row_out(tmp_path, tags):
    row = {"id": "a", "lang": "en", "text": "Bo is", "tags": ["B-PER", "O"]}
    path = tmp_path / "ner.jsonl"
    path.write_text("\n".join(map(json.dumps, [row, {**row, "id": "b", "tags": tags}])), "utf-8")
    found = read_items(f"file:{path}")
    assert [item.tags for item in found.items] == [("B-PER", "O")]
    assert [row.place for row in found.left_out] == ["ner.jsonl:2"]


def test_classes_are_read_by_the_names_that_a_table_declares(tmp_path):
    """`datasets` keeps the numbers of classes, and their names beside the schema."""
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    names = ["contradiction", "entailment", "neutral"]
    features = Features(
        {"id": Value("string"), "lang": Value("string"), "text": Value("string"),
         "text2": Value("string"), "label": ClassLabel(names=names)}
    )  # fmt: skip
    rows = [
        {"id": str(at), "lang": "en", "text": "A", "text2": "B", "label": at - 1} for at in range(4)
    ]
    Dataset.from_list(rows, features=features).to_parquet(tmp_path / "mine.parquet")
    found = scan(f"file:{tmp_path / 'mine.parquet'}")
    assert [item.label for item in found.reading.items if item.id != "0"] == names
    features = Features(
        {"id": Value("string"), "lang": Value("string"), "text": Value("string"),
         "tags": Sequence(ClassLabel(names=["B-LOC", "O"]))}
    )  # fmt: skip
    rows = [{"id": "a", "lang": "en", "text": "Oslo is", "tags": [0, 1]}]
    Dataset.from_list(rows, features=features).to_parquet(tmp_path / "ner.parquet")
    assert read_items(f"file:{tmp_path / 'ner.parquet'}").items[0].tags == ("B-LOC", "O")


def test_bytes_are_no_text(tmp_path):
    path = tmp_path / "mine.parquet"
    pd.DataFrame({"en": [b"One", b"Two"], "es": ["Uno", "Dos"]}).to_parquet(path)
    with pytest.raises(CctaError, match="expected text in en, found a list or an object"):
        read_items(f"file:{path}")
