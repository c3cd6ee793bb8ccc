"""Heads whose columns are classes, labels that hold or not, or scores, and their columns' names."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

import ccta_core as ccta
from ccta_core.cli import main
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.evaluation.predict import classes
from ccta_core.evaluation.score import score
from ccta_core.models.added import add, find
from ccta_core.models.catalog import Randomised
from ccta_core.models.load import load_model
from ccta_core.result import PairResult
from ccta_core.types import Sentence
from dashboard.views.pair.gold import Gold, judge
from dashboard.views.pair.settings import targets
from dashboard.views.pair.tables import both_predictions, predictions
from tests.families import build

RANDOM_HEAD = Randomised().suffix

EN = Sentence("The ferry was cancelled.", "en", "Ahmed baked bread.")
ES = Sentence("El ferry fue cancelado.", "es", "Ahmed horneaba pan.")
QUICK = ccta.Config(layer=1, shuffles=2, unrelated=0)
NAMES = ("toxic", "insult", "threat")


def named(*names, **more):
    numbered = dict(enumerate(names))
    return {"id2label": numbered, "label2id": {name: n for n, name in numbered.items()}, **more}


def folder_of(root, *names, family="bert", head="classification", **more):
    return build(root / "-".join((*names, *map(str, more.values()))), family, head,
                 **named(*names, **more))  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("heads")


@pytest.fixture(scope="module")
def scoring(root):
    """One column that nobody named: regression, or a cross-encoder."""
    return load_model(str(folder_of(root, "LABEL_0")))


@pytest.fixture(scope="module")
def scores(root):
    """Two numbers of a regression."""
    return load_model(str(folder_of(root, "valence", "arousal", problem_type="regression")))


@pytest.fixture(scope="module")
def labelling(root):
    return load_model(str(folder_of(root, *NAMES, problem_type="multi_label_classification")))


def logits(model, text=EN):
    with torch.no_grad():
        return model.hf_model(**model.inputs([model.encode(text)])).logits[0].double()


# Scores


def test_a_single_column_is_a_score_without_a_probability(scoring):
    """Its softmax would be 1 whatever it says: F is the one logit."""
    found = ccta.attribute(scoring, [EN], QUICK)[0]
    (value,) = logits(scoring).tolist()
    assert (scoring.labels, scoring.info.outputs, scoring.info.task) == (
        ("score",), "scores", "classification",
    )  # fmt: skip
    assert found.head_scores == pytest.approx({"score": value}, abs=1e-5)
    assert found.f_input == pytest.approx(value, abs=1e-4)
    assert (found.prediction, found.predicted, found.confidence) == ({}, None, None)
    assert found.predicted_labels == ()
    total = found.subword_scores.sum()
    assert total == pytest.approx(found.f_input - found.f_baseline, rel=0.02)


@pytest.mark.parametrize("family", ["xlm-r", "distilbert", "deberta-v3", "modernbert", "albert"])
def test_a_score_in_every_family(root, family):
    model = load_model(str(folder_of(root / family, "LABEL_0", family=family)))
    found = ccta.attribute(model, [EN], QUICK)[0]
    assert found.head_scores == pytest.approx({"score": float(logits(model)[0])}, abs=1e-4)


def test_a_named_score_keeps_its_name(root):
    model = load_model(str(folder_of(root, "Relevance")))
    assert (model.labels, model.info.outputs) == (("relevance",), "scores")


def test_json_has_the_score_and_no_probability(scoring):
    result = ccta.compare(scoring, EN, ES, QUICK)
    side = json.loads(result.to_json())["source"]
    assert side["prediction"] == {}
    assert side["outputs"] == "scores"
    assert side["head_scores"] == pytest.approx({"score": float(logits(scoring)[0])}, abs=1e-5)
    again = PairResult.from_payload(json.loads(result.to_json()))
    assert again.source.head_scores == result.source.head_scores
    assert again.source.outputs == "scores"
    page = result.to_html()
    assert "explains the score" in page
    assert "evidence for score" not in page


def test_stored_results_without_the_fields_are_of_classes(model):
    payload = json.loads(ccta.compare(model, EN, ES, QUICK).to_json())
    for side in ("source", "target"):
        for name in ("outputs", "head_scores"):
            del payload[side][name]
    old = PairResult.from_payload(payload)
    assert (old.source.outputs, old.source.head_scores) == ("classes", {})
    assert sum(old.source.prediction.values()) == pytest.approx(1)


def test_several_scores_have_to_be_named(scores):
    with pytest.raises(CctaError, match="2 scores, of which none is the prediction; name the one"):
        ccta.attribute(scores, [EN], QUICK)
    with pytest.raises(CctaError, match="unknown target class 'joy'"):
        ccta.attribute(scores, [EN], ccta.Config(layer=1, target_class="joy"))
    found = ccta.attribute(scores, [EN], ccta.Config(layer=1, target_class="arousal"))[0]
    values = dict(zip(("valence", "arousal"), logits(scores).tolist(), strict=True))
    assert found.head_scores == pytest.approx(values, abs=1e-5)
    assert found.f_input == pytest.approx(values["arousal"], abs=1e-4)


# Labels


def test_labels_have_a_sigmoid_each(labelling):
    found = ccta.attribute(labelling, [EN], QUICK)[0]
    wanted = dict(zip(NAMES, logits(labelling).sigmoid().tolist(), strict=True))
    assert found.prediction == pytest.approx(wanted, abs=1e-5)
    assert found.outputs == "labels"
    assert found.head_scores == {}
    holding = tuple(name for name, share in wanted.items() if share >= 0.5)
    assert found.predicted_labels == holding == ("toxic", "threat")
    assert found.predicted == "toxic + threat"
    assert found.confidence == pytest.approx(
        wanted["toxic"] * wanted["threat"] * (1 - wanted["insult"]), abs=1e-5
    )
    assert found.target_class == max(wanted, key=wanted.get)


def test_a_single_label_that_holds_or_not_has_a_probability(root):
    folder = folder_of(root, "toxic", problem_type="multi_label_classification")
    model = load_model(str(folder))
    found = ccta.attribute(model, [EN], QUICK)[0]
    share = float(logits(model).sigmoid()[0])
    assert found.prediction == pytest.approx({"toxic": share}, abs=1e-5)
    assert 0 < share < 1


def test_where_no_label_holds_that_is_said(labelling):
    with torch.no_grad():
        before = labelling.hf_model.classifier.bias.clone()
        labelling.hf_model.classifier.bias.sub_(50)
    try:
        found = ccta.attribute(labelling, [EN], QUICK)[0]
    finally:
        with torch.no_grad():
            labelling.hf_model.classifier.bias.copy_(before)
    assert (found.predicted_labels, found.predicted) == ((), "no label")
    assert found.confidence == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", ["scoring", "scores", "labelling"])
def test_a_margin_needs_rivals(name, request):
    model = request.getfixturevalue(name)
    config = ccta.Config(layer=1, objective="margin", target_class=model.labels[0])
    with pytest.raises(CctaError, match=r"have none; expected the objective logit") as caught:
        ccta.attribute(model, [EN], config)
    assert "\n" not in str(caught.value)


def test_a_margin_of_classes_is_as_it_was(root):
    model = load_model(str(folder_of(root, "a", "b", "c")))
    config = ccta.Config(layer=1, objective="margin")
    found = ccta.attribute(model, [EN], config)[0]
    row = logits(model)
    best = int(row.argmax())
    rest = torch.cat([row[:best], row[best + 1 :]]).logsumexp(0)
    assert found.f_input == pytest.approx(float(row[best] - rest), abs=1e-4)


def test_a_twin_with_a_random_head_has_the_same_kind(labelling, scoring):
    for model in (labelling, scoring):
        twin = load_model(f"{model.id}{RANDOM_HEAD}")
        assert twin.info.outputs == model.info.outputs
        found = ccta.attribute(twin, [EN], QUICK)[0]
        row = logits(twin)
        said = row if model is scoring else row.sigmoid()
        values = {**found.prediction, **found.head_scores}
        assert list(values.values()) == pytest.approx(said.tolist(), abs=1e-5)


# The command line, scoring, studies


def test_the_command_line_says_scores_and_labels(scoring, labelling, capsys):
    words = ["--source-lang", "en", "--target-lang", "es", "--source", EN.text, "--source-2"]
    words += [EN.text2, "--target", ES.text, "--target-2", ES.text2, "--layer", "1"]
    words += ["--shuffles", "2"]
    assert main(["pair", "--model", scoring.id, *words]) == 0
    out = capsys.readouterr().out
    assert "explains the score, layer integrated gradients" in out
    assert f"English: score {float(logits(scoring)[0]):.2f}" in out
    assert main(["pair", "--model", labelling.id, *words]) == 0
    toxic, _, threat = logits(labelling).sigmoid().tolist()
    assert f"English: toxic {toxic:.2f}; threat {threat:.2f}" in capsys.readouterr().out
    assert main(["pair", "--model", scoring.id, *words, "--objective", "margin"]) == 2
    assert capsys.readouterr().err.count("which have none") == 1


def items(*labels):
    from ccta_core.corpus.items import Item

    return [
        Item(id=str(n), group=str(n), lang="en", text=EN.text, text2=EN.text2, label=label)
        for n, label in enumerate(labels)
    ]


def test_a_score_is_not_right_or_wrong(scoring, labelling):
    with pytest.raises(CctaError, match="gives a score and predicts no class"):
        classes(scoring, items("score"))
    assert classes(labelling, items("toxic")) == ["toxic + threat"]
    assert score(labelling, items("toxic", "threat"))["accuracy"] == 0


@pytest.fixture
def data(tmp_path):
    rows = [
        {"id": f"i{n}", "lang": lang, "text": side.text, "text2": side.text2, "label": label}
        for n, label in enumerate(("toxic", "insult", "toxic"))
        for lang, side in (("en", EN), ("es", ES))
    ]
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return f"file:{path}"


def table_of(model, data, name):
    add(model.id)
    return ccta.run_study(
        name, data, model.id, layers=(1,), shuffles=2, unrelated=0, report=lambda _: None
    ).table()


def test_a_study_of_scores_has_no_right_answers(scoring, data):
    table = table_of(scoring, data, "scores")
    assert len(table) == 6
    for side in ("source", "target"):
        for name in ("predicted", "correct", "score", "probability", "confidence"):
            assert table[f"{side}_{name}"].isna().all(), name
    assert set(table["target_class"]) == {"score"}
    assert table["ems"].notna().all()


def test_a_study_of_several_scores_is_one_line(scores, data):
    with pytest.raises(CctaError, match="2 scores, of which none is the prediction"):
        table_of(scores, data, "several")


def test_a_study_of_labels_explains_the_gold_one(labelling, data):
    table = table_of(labelling, data, "labels").query("source_lang == 'en'")
    shares = dict(zip(NAMES, logits(labelling).sigmoid().tolist(), strict=True))
    assert list(table["target_class"]) == ["toxic", "insult", "toxic"]
    assert set(table["source_predicted"]) == {"toxic + threat"}
    assert not table["source_correct"].any()  # two labels hold, the gold one is one
    assert list(table["source_probability"]) == pytest.approx(
        [shares["toxic"], shares["insult"], shares["toxic"]], abs=1e-5
    )
    wanted = np.prod([max(share, 1 - share) for share in shares.values()])
    assert list(table["source_confidence"]) == pytest.approx([wanted] * 3, abs=1e-5)


# The pages


def test_tables_of_the_pair_page(scoring, labelling):
    of_scores, of_labels = (ccta.compare(model, EN, ES, QUICK) for model in (scoring, labelling))
    table = predictions(of_scores)
    assert list(table["label"]) == ["score"]
    assert table["source"][0] == pytest.approx(float(logits(scoring)[0]), abs=1e-5)
    assert judge(of_scores, Gold(label="toxic")) is None
    assert not judge(of_labels, Gold(label="toxic"))[0].right
    both = both_predictions(of_scores, of_labels)
    assert both["first"].isna().all()
    assert both["first_probability"].isna().all()
    assert both["second"][0] == "toxic + threat"


def test_the_options_of_a_score(scoring, scores, labelling):
    assert targets(scoring.info) == ("auto",)
    assert targets(scores.info) == ("auto", "valence", "arousal")
    assert targets(labelling.info) == ("auto", "each", *NAMES)


@pytest.mark.parametrize("name", ["scoring", "labelling"])
def test_the_pair_page_shows_what_the_head_gives(name, request):
    from streamlit.testing.v1 import AppTest

    from dashboard.views.pair import details
    from tests.test_dashboard import html_of

    model = request.getfixturevalue(name)
    result = ccta.compare(model, EN, ES, QUICK)

    def script(shown):
        from dashboard.views.pair import details

        details._show_predictions(shown, None)

    text = html_of(AppTest.from_function(script, args=(result,), default_timeout=60).run())
    assert ("ccta-share" in text) == (name == "labelling")
    said = details._prediction_sentence(result, ("English", "Spanish"))
    if name == "scoring":
        assert "a score, no class" in said
        assert "probability" in said
    else:
        assert "Each label has a probability of its own" in said


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a result's own page; fails on any complaint of the browser."""
    complaints = []
    page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def open_page(result):
        file = tmp_path / "pair.html"
        file.write_text(result.to_html(), encoding="utf-8")
        page.goto(file.as_uri())
        page.wait_for_selector("[data-flow] path[d]", state="attached")
        return page

    yield open_page
    page.close()
    assert complaints == []


def test_the_picture_of_a_score_has_no_bar(opened, scoring):
    result = ccta.compare(scoring, EN, ES, QUICK)
    page = opened(result)
    said = page.locator('.ccta-side[data-side="source"]').inner_text().replace("\n", " ")
    assert f"score {result.source.head_scores['score']:.2f}" in said
    assert page.locator(".ccta-bar").count() == 0
    legend = page.locator(".ccta-legend").inner_text()
    assert "lowers the score" in legend
    assert "raises the score" in legend
    assert "evidence for" not in page.locator("body").inner_text()


def test_a_large_score_is_written_in_full(opened, scoring):
    result = ccta.compare(scoring, EN, ES, QUICK)
    large = replace(result, source=replace(result.source, head_scores={"score": -10.5}))
    assert "\N{MINUS SIGN}10.50" in opened(large).locator(".ccta-side").first.inner_text()


def test_the_picture_of_labels_marks_each_that_holds(opened, labelling):
    result = ccta.compare(labelling, EN, ES, QUICK)
    page = opened(result)
    side = page.locator('.ccta-side[data-side="source"]')
    assert side.locator(".ccta-bar").count() == 3
    said = "\u00b7 toxic .69 \u00b7 threat .66"  # of this seed's weights
    assert said in " ".join(side.inner_text().split())
    tops = side.locator(".ccta-bar.is-top .ccta-bar-name").all_inner_texts()
    assert tops == list(result.source.predicted_labels)
    none = replace(result.source, prediction=dict.fromkeys(NAMES, 0.1))
    page = opened(replace(result, source=none))
    assert "no label" in page.locator('.ccta-side[data-side="source"]').inner_text()
    assert page.locator('[data-side="source"] .ccta-bar.is-top').count() == 0


# Names of columns


def settings(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


@pytest.fixture
def folder(root, tmp_path):
    plain = root / "plain"
    if not plain.exists():
        build(plain, "bert", "classification")
    return shutil.copytree(plain, tmp_path / "mine")


def refused(folder, match, kind=CctaError):
    with pytest.raises(kind, match=match) as caught:
        load_model(str(folder))
    assert "\n" not in str(caught.value)


def test_columns_of_one_name_are_told_apart(folder):
    settings(folder, id2label={"0": "neg", "1": "neg", "2": "pos"}, label2id={"neg": 0, "pos": 2})
    model = load_model(str(folder))
    assert model.labels == ("neg (0)", "neg (1)", "pos")
    assert "Several columns" in model.notices[0]
    found = ccta.attribute(model, [EN], QUICK)[0]
    assert list(found.prediction.values()) == pytest.approx(
        logits(model).softmax(0).tolist(), abs=1e-5
    )
    assert sum(found.prediction.values()) == pytest.approx(1)


def test_names_that_would_clash_once_they_are_told_apart(folder):
    settings(folder, id2label={"0": "neg", "1": "neg", "2": "neg (0)"}, label2id={})
    assert load_model(str(folder)).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_names_that_differ_in_case_only_stay(folder):
    settings(folder, id2label={"0": "Neg", "1": "neg", "2": "Pos"}, label2id={})
    assert load_model(str(folder)).labels == ("Neg", "neg", "Pos")


def test_columns_without_a_name_are_numbered(folder):
    settings(folder, id2label={"0": None, "1": " ", "2": 0}, label2id={})
    assert load_model(str(folder)).labels == ("LABEL_0", "LABEL_1", "0")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"0": "a", "2": "c"}, "0, 2"),
        ({"1": "a", "2": "b", "3": "c"}, "1, 2, 3"),
        ({"-1": "a", "0": "b", "1": "c"}, "-1, 0, 1"),
        ({"a": 0, "b": 1, "c": 2}, "a, b, c"),
        ({"0": "a", "00": "b", "1": "c"}, "0, 00, 1"),
        (["a", "b", "c"], "not at all"),
        ({}, "not at all"),
    ],
)
def test_numbers_that_are_not_the_columns_are_refused(folder, names, found):
    settings(folder, id2label=names, label2id={})
    refused(folder, f"numbers its labels {found}; expected 0, 1, 2 and so on")


def test_more_or_fewer_names_than_columns(folder):
    settings(folder, id2label={"0": "a", "1": "b"}, label2id={})
    refused(folder, r"names 2 labels, the head has 3 columns \(classifier.weight", DamagedFileError)
    settings(folder, id2label={str(n): f"x{n}" for n in range(4)})
    refused(folder, "names 4 labels, the head has 3 columns", DamagedFileError)
    settings(folder, num_labels=3)
    refused(folder, "has num_labels 3 and 4 names in id2label")


def test_an_unnamed_head_of_another_size(folder):
    """transformers takes two labels where config.json names none."""
    path = folder / "config.json"
    found = json.loads(path.read_text("utf-8"))
    for name in ("id2label", "label2id"):
        del found[name]
    path.write_text(json.dumps(found), "utf-8")
    refused(folder, "names 2 labels, the head has 3 columns", DamagedFileError)
    settings(folder, num_labels=3)
    assert load_model(str(folder)).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_numbers_that_contradict_the_names_are_told(folder):
    settings(folder, label2id={"entailment": 2, "neutral": 1, "contradiction": 0})
    model = load_model(str(folder))
    assert model.labels[0] == "entailment"
    assert model.notices == (
        f"label2id in {folder}'s config.json gives 'entailment' the number 2, id2label 0: id2label "
        "counts.",
    )


def test_an_unknown_problem_type_is_one_line(folder):
    settings(folder, problem_type="many")
    refused(folder, "problem_type in config.json is 'many'; expected one of: single_label")


def test_tags_and_answers_keep_their_rules(tmp_path):
    tagger = build(tmp_path / "ner", "bert", "ner")
    settings(tagger, problem_type="multi_label_classification")
    assert load_model(str(tagger)).info.outputs == "classes"
    found = ccta.attribute(load_model(str(tagger)), [Sentence(EN.text, "en")], QUICK)[0]
    assert 0 < found.confidence <= 1
    tags = {"0": "O", "1": "B-LOC", "2": "B-LOC", "3": "B-PER", "4": "I-PER"}
    settings(tagger, id2label=tags, label2id={})
    refused(tagger, "several columns the tag 'B-LOC'")
    one = build(tmp_path / "one", "bert", "ner", **named("B-LOC"))
    refused(one, "has the one tag 'B-LOC'")
    reader = build(tmp_path / "qa", "bert", "qa")
    assert load_model(str(reader)).labels == ("start", "end")
    settings(reader, id2label={"0": "a", "1": "b", "2": "c"}, label2id={})
    refused(reader, "has 2 columns, start and end; config.json names 3 labels")


def test_a_model_on_the_list_keeps_its_kind(scoring, labelling):
    for model in (scoring, labelling):
        add(model.id)
        assert find(model.id).outputs == model.info.outputs
        assert find(f"{model.id}{RANDOM_HEAD}").outputs == model.info.outputs
