"""Folders in the hub's form, read through `datasets`: no network is used or reachable here."""

import json

import pandas
import pytest

from ccta_core.corpus.formats.hub_sets import HUB_SETS
from ccta_core.corpus.resolve import SOURCES
from ccta_core.corpus.spec import read_corpus, read_items
from ccta_core.errors import CctaError


def table(folder, config, split, rows, kind="parquet"):
    (folder / config).mkdir(parents=True, exist_ok=True)
    frame = pandas.DataFrame(rows)
    if kind == "parquet":
        frame.to_parquet(folder / config / f"{split}-00000-of-00001.parquet")
    else:
        text = "\n".join(json.dumps(row) for row in rows)
        (folder / config / f"{split}.jsonl").write_text(text, "utf-8")


def card(folder, *configs, split="validation"):
    """The README by which the hub knows a set's configurations."""
    rows = [
        f"- config_name: {name}\n  data_files:\n  - split: {split}\n    path: {name}/{split}-*"
        for name in configs
    ]
    (folder / "README.md").write_text("---\nconfigs:\n" + "\n".join(rows) + "\n---\n", "utf-8")


NLI = [
    {"premise": "A", "hypothesis": "B", "label": 0},
    {"premise": "A", "hypothesis": "C", "label": 2},
    {"premise": "A", "hypothesis": "D", "label": -1},
    {"premise": "E", "hypothesis": "F", "label": 1},
]


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_xnli_reads_from_a_folder_in_the_hubs_form(tmp_path, declared, kind):
    for lang in ("en", "es"):
        table(tmp_path, lang, "validation", NLI, kind)
    if declared and kind == "parquet":
        card(tmp_path, "en", "es")
    corpus = read_corpus(f"xnli:{tmp_path}#dev", ["en", "es"])
    assert [(item.id, item.group, item.label) for item in corpus.examples] == [
        ("dev-1", "dev-1", "entailment"),
        ("dev-2", "dev-1", "contradiction"),
        ("dev-4", "dev-4", "neutral"),
    ]
    assert corpus.source == f"xnli:{tmp_path}"
    assert corpus.left_out[0].reason == "it has no gold label"
    assert corpus.left_out[0].place.endswith("en validation row 3")
    assert len(read_items(f"xnli:{tmp_path}", ["es"], limit=1).items) == 1


def test_pairs_read_with_numbers_or_texts_for_labels(tmp_path):
    rows = [
        {"id": 7, "sentence1": "A b", "sentence2": "B a", "label": 1},
        {"id": 8, "sentence1": "NS", "sentence2": "B a", "label": 0},
    ]
    table(tmp_path, "PAWS-X.de", "test", [{**row, "label": str(row["label"])} for row in rows])
    found = read_items(f"pawsx:{tmp_path}#test")
    assert [(item.id, item.lang, item.label) for item in found.items] == [
        ("test-7", "de", "paraphrase")
    ]
    assert "was not translated" in found.left_out[0].reason
    table(tmp_path / "glue", "mrpc", "train", [{**rows[0], "idx": 0}])
    assert read_items(f"mrpc:{tmp_path / 'glue'}").items[0].lang == "en"


@pytest.mark.parametrize("listed", [True, False])
def test_questions_read_with_their_spans(tmp_path, listed):
    answers = {"text": ["Rome"], "answer_start": [0]}
    if listed:
        answers = [{"text": "Rome", "answer_start": 0}]
    row = {"id": "q", "context": "Rome stands.", "question": "What?", "answers": answers}
    table(tmp_path, "xquad.en", "validation", [row])
    table(tmp_path, "XQuAD.es", "validation", [row])
    corpus = read_corpus(f"xquad:{tmp_path}")
    assert corpus.examples[0].sentences["es"].focus == ((0, 4),)
    with pytest.raises(CctaError, match="needs the native files"):
        read_items(f"xquad:{tmp_path}#train")
    for config in ("mlqa.en.es", "mlqa.es.es"):
        table(tmp_path / "mlqa", config, "validation", [row])
    assert set(read_corpus(f"mlqa:{tmp_path / 'mlqa'}#question-es").languages) == {"en", "es"}


def test_tags_and_pairs_of_sentences_read(tmp_path):
    rows = [{"tokens": ["Bo", "is"], "ner_tags": [2, 0], "langs": ["en", "en"]}]
    table(tmp_path, "PAN-X.en", "validation", rows)
    item = read_items(f"panx:{tmp_path}#dev").items[0]
    assert (item.text, item.tags) == ("Bo is", ("B-PER", "O"))
    pair = {"source_sentence": "Hola.", "target_sentence": "Hello."}
    pair |= {"source_lang": "spa", "target_lang": "eng"}
    table(tmp_path / "t", "tatoeba.spa", "validation", [pair])
    corpus = read_corpus(f"tatoeba:{tmp_path / 't'}", ["en", "es"])
    assert corpus.examples[0].id == "es-1"
    assert {lang: text.text for lang, text in corpus.examples[0].sentences.items()} == {
        "en": "Hello.", "es": "Hola.",
    }  # fmt: skip
    table(tmp_path / "f", "spa_Latn", "devtest", [{"id": 1, "text": "Uno."}])
    card(tmp_path / "f", "spa_Latn", split="devtest")
    assert read_items(f"flores:{tmp_path / 'f'}").items[0].id == "devtest-1"


def test_a_folder_that_is_something_else_is_refused(tmp_path):
    table(tmp_path, "en", "validation", [{"premise": "A", "label": 0}])
    with pytest.raises(CctaError, match="has no column hypothesis"):
        read_items(f"xnli:{tmp_path}")
    with pytest.raises(CctaError, match="can't be read as a data set"):
        read_items(f"xnli:{tmp_path}#test")
    with pytest.raises(CctaError, match=r"expected a configuration such as 'xquad.ar'"):
        read_items(f"xquad:{tmp_path}")
    with pytest.raises(CctaError, match=r"expected the PUD treebanks"):
        read_items(f"pud:{tmp_path}")
    table(tmp_path / "q", "xquad.en", "validation", [{**dict.fromkeys(("id", "context")), **{
        "question": "What?", "answers": "Rome"}}])  # fmt: skip
    with pytest.raises(CctaError, match="1 left out, 1 because: its context is no text"):
        read_items(f"xquad:{tmp_path / 'q'}")


def test_a_hub_that_can_not_be_reached_gives_one_line(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for spec in ("xnli:facebook/xnli", "xnli:facebook/xnli@0123abc"):
        with pytest.raises(
            CctaError, match=r"facebook/xnli.* can't be read as a data set"
        ) as error:
            read_items(spec, ["en"])
        assert "\n" not in str(error.value)
    with pytest.raises(CctaError, match="read from its native files only"):
        read_items("pud:someone/pud@1")


def test_the_present_commit_is_pinned_and_named(monkeypatch, tmp_path):
    """What would be asked of the hub: the commit first, then that commit's rows."""
    import datasets
    import huggingface_hub

    asked = []

    class Api:
        def dataset_info(self, name):
            asked.append(name)
            return type("Info", (), {"sha": "f00d"})()

    def load(path, **options):
        asked.append((path, options["name"], options["revision"], options["streaming"]))
        return NLI

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda name, revision: ["en", "es"])
    monkeypatch.setattr(datasets, "load_dataset", load)
    corpus = read_corpus("xnli:facebook/xnli", ["en"])
    assert corpus.source == "xnli:facebook/xnli@f00d"
    assert asked == ["facebook/xnli", ("facebook/xnli", "en", "f00d", True)]
    read_corpus("xnli:facebook/xnli@beef", ["es"])
    assert asked[2:] == [("facebook/xnli", "es", "beef", True)]


def test_every_form_belongs_to_a_source():
    for name, form in HUB_SETS.items():
        source = SOURCES[name]
        assert set(form.splits) <= {*source.splits, *source.more_splits}
        for lang in form.languages:
            assert all(form.configs(split, lang) for split in form.splits)


def pair(id_, lang, label=1):
    return {"id": id_, "sentence1": f"{lang} {id_}", "sentence2": "b", "label": label}


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_id_0_is_an_id(tmp_path, kind):
    """It was taken for a missing one, and its row for the one of its place: test-1."""
    for lang, ids in (("en", (0, 1, 2)), ("es", (2, 1, 0))):
        table(tmp_path, lang, "test", [pair(id_, lang) for id_ in ids], kind)
    corpus = read_corpus(f"pawsx:{tmp_path}#test", ["en", "es"])
    assert {one.id: one.sentences["en"].text for one in corpus.examples} == {
        f"test-{id_}": f"en {id_}" for id_ in range(3)
    }
    for one in corpus.examples:
        assert one.sentences["es"].text == f"es {one.id.removeprefix('test-')}"
    assert corpus.left_out == ()


def test_ids_of_different_types_meet_and_missing_ones_are_told(tmp_path):
    table(tmp_path, "en", "test", [pair(id_, "en") for id_ in (0, 1, 2)], "jsonl")
    table(tmp_path, "es", "test", [pair(id_, "es") for id_ in ("2", "0", "1")], "jsonl")
    table(tmp_path, "fr", "test", [pair(id_, "fr") for id_ in (1.0, 0.0, None)], "jsonl")
    corpus = read_corpus(f"pawsx:{tmp_path}#test", ["en", "es", "fr"])
    assert {one.id for one in corpus.examples} == {"test-0", "test-1"}
    assert corpus.examples[1].sentences["fr"].text == "fr 1.0"
    assert {row.reason for row in corpus.left_out} == {"it has no id", "no counterpart in fr"}


def test_rows_with_ids_are_not_paired_with_the_places_of_others(tmp_path):
    table(tmp_path, "en", "test", [pair(id_, "en") for id_ in (5, 6)])
    without = [{k: v for k, v in pair(id_, "es").items() if k != "id"} for id_ in (1, 2)]
    table(tmp_path, "es", "test", without)
    with pytest.raises(CctaError, match="rows of en have a column id, those of es have none"):
        read_corpus(f"pawsx:{tmp_path}#test", ["en", "es"])
    assert [item.id for item in read_items(f"pawsx:{tmp_path}#test", ["es"]).items] == [
        "test-1", "test-2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "entailment"), (2.0, "contradiction"), ("1", "neutral"), ("Neutral", "neutral"),
     ("contradictory", "contradiction")],
)  # fmt: skip
def test_a_label_is_a_number_or_a_name(tmp_path, value, label):
    table(tmp_path, "en", "validation", [{**NLI[0], "label": value}], "jsonl")
    assert read_items(f"xnli:{tmp_path}").items[0].label == label


def test_labels_that_are_none_are_told_apart(tmp_path):
    values = [0, None, -1, float("nan"), 3, "maybe", True]
    table(tmp_path, "en", "validation", [{**NLI[0], "label": value} for value in values], "jsonl")
    left_out = read_items(f"xnli:{tmp_path}").left_out
    assert [row.reason.partition(",")[0] for row in left_out] == [
        *["it has no gold label"] * 3, "unknown label '3'", "unknown label 'maybe'",
        "unknown label 'True'",
    ]  # fmt: skip


def test_numbers_are_classes_in_the_order_that_a_set_declares(tmp_path):
    """A set whose 0 is contradiction was read as if its 0 were entailment."""
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    text = Value("string")
    names = ["contradiction", "entailment", "neutral"]
    features = Features({"premise": text, "hypothesis": text, "label": ClassLabel(names=names)})
    rows = [{**NLI[0], "label": number} for number in (0, 1, 2, -1)]
    (tmp_path / "en").mkdir()
    path = tmp_path / "en" / "validation-00000-of-00001.parquet"
    Dataset.from_list(rows, features=features).to_parquet(path)
    found = read_items(f"xnli:{tmp_path}")
    assert [item.label for item in found.items] == names
    assert [row.reason for row in found.left_out] == ["it has no gold label"]
    tag = ClassLabel(names=["B-MISC", "I-MISC", "O"])
    features = Features({"tokens": Sequence(text), "ner_tags": Sequence(tag)})
    (tmp_path / "p" / "PAN-X.en").mkdir(parents=True)
    path = tmp_path / "p" / "PAN-X.en" / "validation-00000-of-00001.parquet"
    Dataset.from_list([{"tokens": ["A", "b"], "ner_tags": [0, 2]}], features=features).to_parquet(
        path
    )
    assert read_items(f"panx:{tmp_path / 'p'}#dev").items[0].tags == ("B-MISC", "O")


def test_tags_that_are_no_tags_leave_their_row_out(tmp_path):
    """-1 was the last class, and a tag more or less than tokens was kept."""
    good = {"tokens": ["Bo", "is"], "ner_tags": [1, 0]}
    bad = [[-1, 0], [-100, 0], [7, 0], [1, 0, 2], [1], [], None, [1, None], [True, 0]]
    rows = [good, *({"tokens": ["Bo", "is"], "ner_tags": tags} for tags in bad)]
    rows += [{"tokens": ["Bo", ""], "ner_tags": [1, 0]}, {"tokens": None, "ner_tags": []}]
    table(tmp_path, "PAN-X.en", "validation", rows, "jsonl")
    found = read_items(f"panx:{tmp_path}#dev")
    assert [item.tags for item in found.items] == [("B-PER", "O")]
    reasons = [row.reason for row in found.left_out]
    assert reasons[:3] == [
        "the tag -1 of token 1 is not the number of one",
        "the tag -100 of token 1 is not the number of one",
        "the tag 7 of token 1 is not the number of one",
    ]
    assert reasons[3:5] == [
        "expected a tag for each of its 2 tokens, found 3",
        "expected a tag for each of its 2 tokens, found 1",
    ]
    assert reasons[-2] == "its token 2 is empty"
    assert len(reasons) == len(rows) - 1


@pytest.mark.parametrize("whole", [True, False])
def test_the_language_before_every_token_is_taken_off(tmp_path, whole):
    rows = [
        {"tokens": ["en:Ada", "en:runs"], "ner_tags": [1, 0]},
        {"tokens": ["en:Bo" if whole else "Bo"], "ner_tags": [1]},
    ]
    table(tmp_path, "PAN-X.en", "validation", rows)
    texts = [item.text for item in read_items(f"panx:{tmp_path}#dev").items]
    assert texts == (["Ada runs", "Bo"] if whole else ["en:Ada en:runs", "Bo"])


@pytest.mark.parametrize(
    "change",
    [
        {"question": None}, {"context": None}, {"answers": None}, {"id": None},
        {"answers": {"text": [None], "answer_start": [0]}},
        {"answers": {"text": ["Rome"], "answer_start": [None]}},
        {"answers": {"text": ["Rome", "Oslo"], "answer_start": [0]}},
        {"answers": {"text": ["Rome"], "answer_start": [-1]}},
        {"answers": {"text": [], "answer_start": []}},
    ],
)  # fmt: skip
def test_a_question_that_is_none_leaves_its_row_out(tmp_path, change):
    answers = {"text": ["Rome"], "answer_start": [0]}
    row = {"id": "q", "context": "Rome stands.", "question": "What?", "answers": answers}
    table(tmp_path, "xquad.en", "validation", [{**row, "id": "good"}, {**row, **change}], "jsonl")
    found = read_items(f"xquad:{tmp_path}")
    assert [item.id for item in found.items] == ["good"]
    assert [row.place.rpartition(" ")[2] for row in found.left_out] == ["2"]
