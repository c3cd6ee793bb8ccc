"""Labels of data and classes of models: what is certain is matched, all else is refused."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from heads import TAGS, tiny
from hypothesis import given
from hypothesis import strategies as st

from ccta_core.analysis import claims
from ccta_core.cli import main
from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.items import Item
from ccta_core.corpus.labels import class_of, match_labels, match_tags
from ccta_core.corpus.spec import read_corpus
from ccta_core.errors import CctaError
from ccta_core.evaluation.predict import classes
from ccta_core.evaluation.score import score
from ccta_core.models.catalog import find
from ccta_core.sensitivity.settings import REFERENCE, SensitivityDesign
from ccta_core.study.manifest import folder_of, read_manifest
from ccta_core.study.measure import measure
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import local
from ccta_core.study.storage.table import open_study
from ccta_core.training.fit import Data, fit, labels_of
from ccta_core.training.recipe import recipe_for
from tests.made_study import manifest_of

NLI = ("entailment", "neutral", "contradiction")
MODEL = "e5-small/nli-en"
NUMBERS = {label: str(number) for number, label in enumerate(NLI)}


def match(labels, names):
    return match_labels(labels, names, data="mine.csv", model="a model")


def file_of(path, names, items=None, langs=("en", "es")):
    """The demo's inference items as a file whose labels are called otherwise."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "group", "lang", "text", "text2", "label"])
        for item in items or read_demo("nli")[:12]:
            for lang in langs:
                sides = item.sentences[lang].segments
                writer.writerow([item.id, item.group, lang, *sides, names[item.label]])
    return f"file:{path}"


@pytest.mark.parametrize(
    ("labels", "names", "found"),
    [
        (NLI, NLI, {name: name for name in NLI}),
        (("neutral",), NLI, {"neutral": "neutral"}),
        (("Entailment", "NEUTRAL"), NLI, {"Entailment": "entailment", "NEUTRAL": "neutral"}),
        (("contradictory",), NLI, {"contradictory": "contradiction"}),
        (("non-entailment",), (NLI[0], "not_entailment"), {"non-entailment": "not_entailment"}),
        (("a",), ("A", "b", "B"), {"a": "A"}),
        (
            ("paraphrase", "different"), ("not_equivalent", "equivalent"),
            {"paraphrase": "equivalent", "different": "not_equivalent"},
        ),
        (
            ("duplicate", "Not-Duplicate"), ("different", "paraphrase"),
            {"duplicate": "paraphrase", "Not-Duplicate": "different"},
        ),
        (("2", "0", "1"), NLI, {"0": NLI[0], "1": NLI[1], "2": NLI[2]}),
        (("0", "1"), ("different", "paraphrase"), {"0": "different", "1": "paraphrase"}),
        (("0", "1"), ("not_duplicate", "duplicate"), {"0": "not_duplicate", "1": "duplicate"}),
        (("0", "1"), ("LABEL_0", "LABEL_1"), {"0": "LABEL_0", "1": "LABEL_1"}),
        (("label_1",), ("LABEL_0", "LABEL_1"), {"label_1": "LABEL_1"}),
        (("0", "1"), ("spam", "ham"), {"0": "spam", "1": "ham"}),
        (("0", "1"), ("0", "1"), {"0": "0", "1": "1"}),
        (("a", "A"), ("a", "A"), {"a": "a", "A": "A"}),
        ((), NLI, {}),
    ],
)  # fmt: skip
def test_what_is_certain_is_matched(labels, names, found):
    assert match(labels, names) == found


@pytest.mark.parametrize(
    ("labels", "names", "says"),
    [
        (("paraphrase", "different"), NLI, "different, paraphrase are not certainly among them"),
        (("0", "1"), NLI, "0, 1 are not certainly"),  # a binary set, or one whose class 2 is absent
        (("1", "2", "3"), NLI, "are not certainly"),
        (("-1", "0", "1"), NLI, "are not certainly"),
        (("0", "1", "2", "neutral"), NLI, "0, 1, 2 are not certainly"),
        (("entailment", "maybe"), NLI, "maybe is not certainly"),
        (("not_entailment", "entailment"), NLI, "not_entailment is not certainly"),
        (NLI, ("LABEL_0", "LABEL_1", "LABEL_2"), "LABEL_0, LABEL_1, LABEL_2"),
        (("LABEL_0", "LABEL_1", "LABEL_2"), NLI, "are not certainly"),
        (("0", "1", "2"), NLI[::-1], "as in SNLI.* 0 = entailment.*nothing tells which"),
        (("0", "1"), ("paraphrase", "different"), "as in MRPC.* 0 = different"),
        (("0", "1"), ("positive", "negative"), "as in SST-2 0 = negative"),
        (("0", "1"), ("1", "2"), "names or places|not certainly"),
        (("0", "1", "2"), ("2", "1", "3"), "names or places, nothing tells which"),
        (("true", "false"), ("different", "paraphrase"), "false, true are not certainly"),
        (("B",), ("a", "b", "B "), "B is not certainly"),
        (("0",), ("LABEL_0",), "not certainly"),
        (("x",), (), "has no classes"),
    ],
)
def test_what_is_not_certain_is_refused_with_both_sets(labels, names, says):
    with pytest.raises(CctaError, match=says) as refused:
        match(labels, names)
    line = str(refused.value)
    assert "\n" not in line
    for name in (*labels, *names):
        assert name in line


@given(
    st.sets(st.sampled_from([*NLI, "0", "1", "2", "3", "x", "NEUTRAL", "LABEL_1"]), min_size=1),
    st.permutations([*NLI]),
)
def test_a_match_is_total_and_into_the_classes(labels, names):
    try:
        found = match(labels, names)
    except CctaError:
        return
    assert set(found) == set(labels)
    assert set(found.values()) <= set(names)
    for label, name in found.items():
        assert label.isdigit() or label.casefold() == name


def test_tags_are_matched_by_their_types():
    tags = ("O", "B-per", "I-PERSON", "B-LOC")
    assert match_tags(tags, TAGS, data="d", model="m") == {
        "O": "O", "B-per": "B-PER", "I-PERSON": "I-PER", "B-LOC": "B-LOC",
    }  # fmt: skip
    with pytest.raises(CctaError, match=r"types LOC, MISC; m knows PER, LOC: MISC can't be found"):
        match_tags(("O", "B-LOC", "I-MISC"), TAGS, data="d", model="m")


def test_the_labels_of_a_study_are_the_models(tmp_path, capsys):
    """A file with labels 0, 1, 2 scored 0.000 everywhere, and nothing said so."""
    spec = file_of(tmp_path / "numbers.csv", NUMBERS)
    line = ["study", "run", "--name", "numbers", "--model", MODEL, "--data", spec]
    line += ["--layers", "11", "--limit", "9", "--shuffles", "2", "--unrelated", "1"]
    assert main([*line, "--workers", "1"]) == 0
    assert (
        f"labels of the data as {MODEL} names them: "
        "0 = entailment, 1 = neutral, 2 = contradiction\n"
    ) in capsys.readouterr().err
    manifest = json.loads((folder_of("numbers") / "manifest.json").read_text("utf-8"))
    assert manifest["models"][0]["labels"] == dict(enumerate_text(NLI))
    rows = open_study("numbers").query("SELECT * FROM pairs")
    gold = {item.id: item.label for item in read_demo("nli")}
    assert (rows.gold == rows.item.map(gold)).all()
    assert (rows.target_class == rows.gold).all()
    assert rows.source_score.mean() > 0.5
    assert (rows.source_correct == (rows.source_predicted == rows.gold)).all()
    named = read_corpus("demo:nli", ["en", "es"], limit=9)
    from ccta_core.models.load import load_model

    config = Config(shuffles=2, unrelated=1)
    direct = measure(load_model(MODEL), named.examples, ("en", "es"), [11], config)
    found = rows.set_index("item")
    for row in direct:
        assert found.ems[row["item"]] == pytest.approx(row["ems"], abs=1e-6)
        assert found.source_probability[row["item"]] == row["source_probability"]


def enumerate_text(names):
    return ((str(number), name) for number, name in enumerate(names))


def test_a_dry_run_and_a_study_refuse_labels_the_model_does_not_have(tmp_path, capsys):
    names = dict.fromkeys(NLI, "not_paraphrase") | {"entailment": "paraphrase"}
    spec = file_of(tmp_path / "para.csv", names, read_demo("nli")[1:12])
    line = ["study", "run", "--name", "p", "--model", MODEL, "--data", spec, "--layers", "11"]
    for more in ([], ["--dry-run"]):
        assert main([*line, *more]) == 2
        (said,) = capsys.readouterr().err.strip().splitlines()
        assert "not_paraphrase, paraphrase" in said
        assert "entailment, neutral, contradiction" in said
    with pytest.raises(CctaError, match="no study 'p' here"):
        folder_of("p")


def test_which_numbers_a_file_has_is_looked_for_in_all_of_it(tmp_path):
    """The first two items lack a class: what 0 and 1 stand for hangs on there being a 2."""
    spec = file_of(tmp_path / "numbers.csv", NUMBERS)
    corpus = read_corpus(spec, limit=2)
    assert len({example.label for example in corpus.examples}) == 2
    manifest = manifest_of("x", spec, corpus, [find(MODEL)], [11])
    assert manifest.labels_of(MODEL) == dict(enumerate_text(NLI))


def test_a_manifest_of_equal_names_stays_as_it_was():
    corpus = read_corpus("demo:nli", ["en", "es"], limit=3)
    manifest = manifest_of("x", "demo:nli", corpus, [find(MODEL)], [11])
    assert set(manifest.models[0]) == {"id", "revision", "task", "training_language", "seed"}


@pytest.mark.parametrize("task", ["qa", "ner"])
def test_a_head_without_classes_takes_no_labels(tmp_path, task):
    spec = file_of(tmp_path / "numbers.csv", NUMBERS)
    with pytest.raises(CctaError, match="has no classes"):
        manifest_of("x", spec, read_corpus(spec), [tiny(task).info], [1])


def test_models_of_a_study_may_name_labels_differently(tmp_path):
    """Each model's rows have its own names, and its own majority."""
    spec = file_of(tmp_path / "numbers.csv", NUMBERS)
    generic = replace(find(MODEL), id="made/generic", labels=("LABEL_0", "LABEL_1", "LABEL_2"))
    manifest = manifest_of("x", spec, read_corpus(spec), [find(MODEL), generic], [11])
    assert manifest.labels_of("made/generic")["1"] == "LABEL_1"
    assert manifest.labels_of(MODEL)["1"] == "neutral"


def test_the_majority_is_that_of_each_models_names(study_of_two_names):
    found = claims.checkpoints(study_of_two_names).set_index("model")
    assert found.majority.tolist() == [0.5, 0.5]
    assert found.excess_low.notna().all()
    assert found.excess_low["made/a"] == pytest.approx(found.excess_low["made/b"])


@pytest.fixture
def study_of_two_names(tmp_path):
    """Two models with equal rows but for the names of the labels: half of the items are a or 0."""
    from ccta_core.study.manifest import write_manifest
    from ccta_core.study.storage.parts import write_part
    from ccta_core.study.storage.schema import NAMES
    from ccta_core.study.storage.table import Study

    examples = [
        replace(example, label=("0", "0", "1", "2")[at % 4])
        for at, example in enumerate(read_demo("nli")[:24])
    ]
    corpus = replace(read_corpus("demo:nli", ["en", "es"]), task="own", examples=tuple(examples))
    infos = [
        replace(find(MODEL), id="made/a", labels=("a", "b", "c")),
        replace(find(MODEL), id="made/b", labels=("LABEL_0", "LABEL_1", "LABEL_2")),
    ]
    manifest = manifest_of("two", "demo:nli", corpus, infos, [8], chunk=24)
    write_manifest(tmp_path, manifest)
    for info in infos:
        rows = []
        for at, example in enumerate(examples):
            row = dict.fromkeys(NAMES) | {
                "item": example.id, "group": example.group, "model": info.id, "layer": 8,
                "gold": manifest.labels_of(info.id)[example.label], "source_lang": "en",
                "target_lang": "es", "ems": 0.5,
            }  # fmt: skip
            rows.append(row | {"source_score": float(at % 3 > 0), "target_score": float(at % 2)})
        write_part(tmp_path, info.id, 0, rows)
    return Study(tmp_path, manifest)


def test_a_label_that_no_prediction_can_equal_is_never_measured(model):
    examples = [replace(read_demo("nli")[0], label="0")]
    with pytest.raises(CctaError, match="unknown target class '0'"):
        measure(model, examples, ("en", "es"), [11], Config(shuffles=0, unrelated=0))


def items_of(names, count=9):
    return [
        Item(one.id, one.group, "en", *one.sentences["en"].segments, names[one.label])
        for one in read_demo("nli")[:count]
    ]


def test_a_score_does_not_hang_on_how_labels_are_called(model):
    expected = score(model, items_of({name: name for name in NLI}))
    assert expected["accuracy"] > 0.5
    assert score(model, items_of(NUMBERS)) == expected
    assert score(model, items_of({name: name.upper() for name in NLI})) == expected
    with pytest.raises(CctaError, match="a, b, c are not certainly"):
        score(model, items_of(dict(zip(NLI, "abc", strict=True))))
    with pytest.raises(CctaError, match="has no gold label"):
        score(model, [replace(items_of(NUMBERS)[0], label=None)])


def test_tags_that_a_model_does_not_have_are_not_counted_as_missed():
    model = tiny("ner")
    spans = ((0, 3), (4, 8))
    items = [Item(str(at), str(at), "en", "Ada runs", words=spans, tags=("B-per", "O"))
             for at in range(4)]  # fmt: skip
    upper = [replace(item, tags=("B-PER", "O")) for item in items]
    assert score(model, items) == score(model, upper)
    with pytest.raises(CctaError, match="MISC can't be found"):
        score(model, [replace(items[0], tags=("B-MISC", "O"))])


def test_training_reads_a_tasks_labels_or_refuses(tmp_path):
    recipe = recipe_for("nli", epochs=1, batch_size=8, max_tokens=32)
    named, numbers = items_of({name: name for name in NLI}), items_of(NUMBERS)
    facts = [
        fit(Data(items), recipe, tmp_path / str(at), report=lambda line: None)
        for at, items in enumerate((named, numbers))
    ]
    assert facts[0]["labels"] == facts[1]["labels"] == list(NLI)
    assert np.allclose([loss for _, loss in facts[0]["losses"]],
                       [loss for _, loss in facts[1]["losses"]])  # fmt: skip
    other = items_of(dict(zip(NLI, "xyz", strict=True)))
    with pytest.raises(CctaError, match="training data has the labels x, y, z; a head for nli"):
        fit(Data(other), recipe, tmp_path / "other", report=lambda line: None)
    with pytest.raises(CctaError, match="to stop early on has the labels x, y, z"):
        fit(Data(named, other), recipe, tmp_path / "dev", report=lambda line: None)
    assert labels_of("paraphrase", other) == ("different", "paraphrase")


@pytest.mark.parametrize(
    ("flag", "names", "says"),
    [
        ("--train", {"entailment": "yes", "neutral": "maybe", "contradiction": "no"}, "yes"),
        ("--eval", dict.fromkeys(NLI, "paraphrase"), "paraphrase"),
        ("--dev", dict.fromkeys(NLI, "1"), "1 is not certainly"),
    ],
)
def test_other_labels_are_told_before_training(tmp_path, capsys, flag, names, says, monkeypatch):
    monkeypatch.setattr("ccta_core.training.fit.train", None)
    good = file_of(tmp_path / "good.csv", {name: name for name in NLI})
    flags = {"--task": "nli", "--train": good, "--lang": "en", "--out": str(tmp_path / "out")}
    flags[flag] = file_of(tmp_path / "other.csv", names)
    assert main(["models", "train", *[word for pair in flags.items() for word in pair]]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert says in said
    assert "entailment, neutral, contradiction" in said


def test_sensitivity_explains_the_class_that_a_label_names(model):
    from ccta_core.pipeline.sentences import forward
    from ccta_core.sensitivity.measure import _label

    item = replace(read_demo("nli")[0], label="Entailment")
    (source,) = forward(model, [item.sentences["en"]], [0])
    assert _label(model, item, source, "gold") == "entailment"
    with pytest.raises(CctaError, match="has the gold label '0'"):
        _label(model, replace(item, label="0"), source, "gold")
    assert SensitivityDesign((item,) * 3, (("en", "es"),), (REFERENCE,)).target == "gold"


def test_the_pair_page_judges_by_the_models_own_names():
    from dashboard.views.pair.view import Options

    item = replace(read_demo("nli")[0], id="mine", label="1")
    info, other = find(MODEL), replace(find(MODEL), id="made/other")
    labels = {MODEL: dict(enumerate_text(NLI))}
    models = {MODEL: info, other.id: other}
    offer = Options(models, {}, {}).with_study("s", "nli", {"mine": item}, models, labels)
    assert offer.example(MODEL, "mine").label == "neutral"
    assert offer.example(other.id, "mine").label is None  # not known: nothing is judged
    assert class_of("Neutral", NLI) == "neutral"


def test_a_person_who_names_a_class_otherwise_gets_the_same_chance_level():
    from ccta_core.corpus.unrelated import unrelated_sentences
    from ccta_core.types import Sentence

    own = Sentence("It rains.", "en", "It is wet.")
    named = [
        unrelated_sentences("paraphrase", own, name, count=3, seed=0)
        for name in ("paraphrase", "equivalent")
    ]
    assert named[0] == named[1]
    assert len(named[0]) == 3


def test_a_study_goes_on_with_the_labels_of_its_manifest(tmp_path):
    spec = file_of(tmp_path / "numbers.csv", NUMBERS)
    request = StudyRequest(
        name="again", data=spec, models=[MODEL], layers=(11,), languages=("en", "es"),
        limit=3, config=Config(shuffles=1, unrelated=0),
    )  # fmt: skip
    manifest = local.create(request)
    assert local.create(request) == manifest
    assert read_manifest(folder_of("again")).labels_of(MODEL) == dict(enumerate_text(NLI))


def test_predictions_are_untouched(model):
    items = items_of(NUMBERS, 3)
    assert set(classes(model, items)) <= set(NLI)
