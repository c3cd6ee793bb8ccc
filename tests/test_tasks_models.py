"""Every task end to end: F against the plain model, both sides of a comparison, bad input."""

import copy
import json

import numpy as np
import pytest
import torch

import ccta_core as ccta
from ccta_core.cli import main
from ccta_core.config import Config, Quadrature
from ccta_core.errors import CctaError
from ccta_core.models.model import Model
from ccta_core.result import PairResult
from ccta_core.tasks.spans import LONGEST
from ccta_core.types import Sentence
from dashboard.views.pair import finding
from tests.heads import TAGS, tiny

FIXED = Quadrature(rule="gauss", points=4)
QUICK = Config(quadrature=FIXED, shuffles=5, unrelated=0)
QUESTION = Sentence("Who built the bridge?", "en", "The old bridge was built by Ada Byron in 1844.")
SPANISH = Sentence("¿Quién hizo el puente?", "es", "El viejo puente lo hizo Ada Byron en 1844.")
TEXT = Sentence("Ada met Bob in Rome.", "en")
GERMAN = Sentence("Ada traf Bob in Rom.", "de")
LONG = Sentence(QUESTION.text, "en", f"{QUESTION.text2} Nobody remembers why it was built. " * 30)


@pytest.fixture(scope="module")
def qa():
    return tiny("qa")


@pytest.fixture(scope="module")
def ner():
    return tiny("ner")


def focused(sentence, *words):
    text = sentence.segments[-1]
    spans = tuple((text.index(word), text.index(word) + len(word)) for word in words)
    return Sentence(sentence.text, sentence.lang, sentence.text2, spans)


def plain(model, sentence):
    """The plain model's own output for a sentence, and the tokens' offsets in its last text."""
    read = model.tokenizer(*sentence.segments, return_offsets_mapping=True)
    (encoding,) = read.encodings
    inputs = {
        "input_ids": torch.tensor([encoding.ids]),
        "token_type_ids": torch.tensor([encoding.type_ids]),
    }
    with torch.inference_mode():
        return model.hf_model(**inputs), encoding


def searched(model, sentence):
    """(score, first, last) of the best span, by trying all of them."""
    output, encoding = plain(model, sentence)
    start, end = output.start_logits[0], output.end_logits[0]
    own = [at for at, home in enumerate(encoding.sequence_ids) if home == 1]
    own = [at for at in own if encoding.tokens[at] != "▁"]
    spans = [(i, j) for i in own for j in own if 0 <= j - i < LONGEST]
    best = max(spans, key=lambda span: float(start[span[0]] + end[span[1]]))
    return float(start[best[0]] + end[best[1]]), *best, encoding


@pytest.mark.parametrize("sentence", [QUESTION, SPANISH], ids=["en", "es"])
@pytest.mark.parametrize("layer", [0, 2])
def test_f_is_start_plus_end_of_the_best_span(qa, sentence, layer):
    score, first, last, encoding = searched(qa, sentence)
    found = ccta.attribute(qa, [sentence], Config(layer=layer, quadrature=FIXED))[0]
    assert found.f_input == pytest.approx(score, abs=1e-4)
    ((start, end),) = found.focus
    before = sentence.text2[encoding.offsets[first][0] : start]
    assert start >= encoding.offsets[first][0]
    assert not before.strip()
    assert end == encoding.offsets[last][1]
    assert found.predicted == sentence.text2[start:end]
    assert found.target_class == "answer"
    assert 0 < found.prediction[found.predicted] <= 1
    assert {unit.segment for unit in found.units} == {0, 1}


def test_f_is_that_of_the_given_answer(qa):
    given = focused(QUESTION, "Ada Byron")
    output, encoding = plain(qa, given)
    ((start, end),) = given.focus
    own = [
        token
        for token, ((a, b), home) in enumerate(
            zip(encoding.offsets, encoding.sequence_ids, strict=True)
        )
        if home == 1 and a < end and start < b and encoding.tokens[token] != "▁"
    ]
    found = ccta.attribute(qa, [given], QUICK)[0]
    assert found.focus == given.focus
    expected = output.start_logits[0, own[0]] + output.end_logits[0, own[-1]]
    assert found.f_input == pytest.approx(float(expected), abs=1e-4)
    each = ccta.attribute(qa, [given], Config(target_class="each", quadrature=FIXED))[0]
    assert each.target_class == "predicted answer"
    assert each.focus == ccta.attribute(qa, [QUESTION], QUICK)[0].focus


def test_f_of_tags_is_the_sum_over_the_first_pieces(ner):
    chosen = focused(TEXT, "Bob", "Rome")
    output, encoding = plain(ner, chosen)
    logits = output.logits[0]
    first = [
        next(k for k, (a, b) in enumerate(encoding.offsets) if a <= start < b)
        for start, _ in chosen.focus
    ]
    config = Config(target_class="B-LOC", quadrature=FIXED)
    found = ccta.attribute(ner, [chosen], config)[0]
    column = TAGS.index("B-LOC")
    expected = sum(float(logits[k, column]) for k in first)
    assert found.f_input == pytest.approx(expected, abs=1e-4)
    assert found.focus == chosen.focus
    assert found.target_class == "B-LOC"


@pytest.mark.parametrize("task", ["qa", "ner", "paraphrase"])
@pytest.mark.parametrize("objective", ["logit", "margin"])
def test_attributions_of_every_task_are_complete(task, objective, request):
    model = tiny(task) if task == "paraphrase" else request.getfixturevalue(task)
    sentence = {"qa": QUESTION, "ner": TEXT}.get(task, Sentence("One text.", "en", "Another."))
    found = ccta.attribute(model, [sentence], Config(objective=objective, layer=1))[0]
    assert found.converged
    gap = found.subword_scores.sum() - (found.f_input - found.f_baseline)
    assert abs(gap) <= found.mass_error * np.abs(found.subword_scores).sum()


def test_the_margin_of_an_answer_is_over_the_other_positions(qa):
    output, encoding = plain(qa, QUESTION)
    _, first, last, _ = searched(qa, QUESTION)
    expected = 0.0
    for values, at in ((output.start_logits[0], first), (output.end_logits[0], last)):
        others = torch.cat([values[:at], values[at + 1 :]])
        expected += float(values[at] - others.logsumexp(0))
    found = ccta.attribute(qa, [QUESTION], Config(objective="margin", quadrature=FIXED))[0]
    assert found.f_input == pytest.approx(expected, abs=1e-4)
    assert len(encoding.ids) == len(found.subwords)


def test_the_margin_of_tags_is_over_the_other_tags_of_each_word(ner):
    chosen = focused(TEXT, "Bob", "Rome")
    config = Config(target_class="B-LOC", objective="margin", quadrature=FIXED)
    output, encoding = plain(ner, chosen)
    column, expected = TAGS.index("B-LOC"), 0.0
    for start, _ in chosen.focus:
        token = next(k for k, (a, b) in enumerate(encoding.offsets) if a <= start < b)
        values = output.logits[0, token]
        others = torch.cat([values[:column], values[column + 1 :]])
        expected += float(values[column] - others.logsumexp(0))
    assert ccta.attribute(ner, [chosen], config)[0].f_input == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("task", ["qa", "ner"])
def test_a_batch_equals_its_singles(task, request):
    model = request.getfixturevalue(task)
    sentences = [QUESTION, LONG, SPANISH] if task == "qa" else [TEXT, GERMAN, Sentence("Ada", "en")]
    config = Config(layer=1, quadrature=FIXED)
    for sentence, found in zip(sentences, ccta.attribute(model, sentences, config), strict=True):
        alone = ccta.attribute(model, [sentence], config)[0]
        assert found.focus == alone.focus
        assert found.prediction == pytest.approx(alone.prediction, abs=1e-5)
        np.testing.assert_allclose(found.subword_scores, alone.subword_scores, atol=1e-4)


def test_answers_are_found_in_each_language(qa):
    result = ccta.compare(qa, QUESTION, SPANISH, QUICK)
    assert result.target_class == "answer"
    for side, sentence in ((result.source, QUESTION), (result.target, SPANISH)):
        assert side.focus == ccta.attribute(qa, [sentence], QUICK)[0].focus
    assert result.controls.ems_unrelated is None
    assert result.controls.cross_segment_mass is not None


def test_the_same_type_is_explained_in_both_languages(ner):
    result = ccta.compare(ner, TEXT, GERMAN, QUICK)
    assert result.source.target_class == result.target.target_class == result.target_class
    assert result.target_class in ("PER", "LOC")
    other = {"PER": "LOC", "LOC": "PER"}[result.target_class]
    forced = ccta.compare(ner, TEXT, GERMAN, Config(target_class=other, quadrature=FIXED))
    assert forced.source.target_class == forced.target.target_class == other
    assert result.controls.ems_unrelated is None
    both = focused(TEXT, "Rome"), focused(GERMAN, "Rom")
    chosen = ccta.compare(ner, *both, QUICK)
    assert (chosen.source.focus, chosen.target.focus) == tuple(side.focus for side in both)


def test_results_survive_their_json(qa, ner):
    for result in (
        ccta.compare(qa, focused(QUESTION, "Ada Byron"), focused(SPANISH, "Ada Byron"), QUICK),
        ccta.compare(ner, TEXT, GERMAN, QUICK),
    ):
        payload = json.loads(result.to_json())
        again = PairResult.from_payload(payload)
        assert again.to_json() == result.to_json()
        assert again.source.sentence == result.source.sentence
        assert again.source.focus == result.source.focus
        assert payload["source"]["focus"] == [list(span) for span in result.source.focus]
        assert "<html" in result.to_html()
        for name in ("focus", "given_focus", "windows"):
            del payload["source"][name], payload["target"][name]
        older = PairResult.from_payload(payload)
        assert older.source.focus == ()
        assert older.source.windows == 1


def test_what_the_model_found_and_was_not_given_is_said(qa, ner):
    result = ccta.compare(qa, focused(QUESTION, "Ada"), SPANISH, QUICK)
    assert sum("Only the source has a given focus" in notice for notice in result.notices) == 1
    both = ccta.compare(qa, focused(QUESTION, "Ada"), focused(SPANISH, "Ada"), QUICK)
    assert not any("given focus" in notice for notice in both.notices)
    tags = {entry.split(": ")[-1] for entry in ccta.attribute(ner, [TEXT], QUICK)[0].prediction}
    for kind in ("PER", "LOC"):
        config = Config(target_class=kind, quadrature=FIXED, shuffles=0)
        said = ccta.compare(ner, TEXT, TEXT, config).notices
        assert sum(f"is tagged {kind}" in notice for notice in said) == 2 * (kind not in tags)


def test_a_long_context_is_read_in_windows_and_said_to_be(qa):
    result = ccta.compare(qa, LONG, LONG, QUICK)
    found = result.source
    assert found.windows > 1
    assert not found.truncated
    assert sum("windows" in notice for notice in result.notices) == 2
    assert len(found.subwords) <= 512
    ((start, end),) = found.focus
    context = [unit for unit in found.units if unit.segment == 1]
    assert context[0].start <= start < end <= context[-1].end
    assert all(LONG.text2[unit.start : unit.end] == unit.text for unit in context)
    given = Sentence(LONG.text, "en", LONG.text2, ((2000, 2006),))
    aimed = ccta.attribute(qa, [given], QUICK)[0]
    units = [unit for unit in aimed.units if unit.segment == 1]
    assert units[0].start < 1800
    assert units[-1].end > 2200
    assert aimed.focus == ((2000, 2006),)


def test_a_long_question_is_cut_and_said_to_be(qa):
    long = Sentence("why " * 600, "en", LONG.text2)
    result = ccta.compare(qa, long, long, QUICK)
    assert result.source.truncated
    assert sum("question takes more than half" in notice for notice in result.notices) == 2


def test_five_hundred_and_ten_subwords_and_one_more(ner):
    """The longest text without a cut, one beyond it, and one of a single unit."""
    text = Sentence(" ".join(["the"] * 510), "en")
    longer = Sentence(" ".join(["the"] * 511), "en")
    one = Sentence("Ada", "en")
    config = Config(quadrature=Quadrature(rule="gauss", points=1))
    found = ccta.attribute(ner, [text, longer, one], config)
    assert [len(side.subwords) for side in found[:2]] == [512, 512]
    assert [side.truncated for side in found] == [False, True, False]
    assert [len(side.units) for side in found] == [510, 510, 1]


@pytest.mark.parametrize("task", ["qa", "ner", "paraphrase"])
def test_a_broken_model_is_named_in_every_task(task):
    model = tiny(task)
    broken = copy.deepcopy(model.hf_model)
    head = broken.qa_outputs if task == "qa" else broken.classifier
    head.bias.fill_(float("nan"))
    sentence = QUESTION if task == "qa" else TEXT
    with pytest.raises(CctaError, match=f"tiny-{task} returned numbers that are not finite"):
        ccta.attribute(Model(model.info, broken, model.tokenizer), [sentence], QUICK)


@pytest.mark.parametrize(
    ("task", "sentence", "settings", "says"),
    [
        ("qa", Sentence("Who?", "en"), {}, "expected a question and"),
        ("qa", QUESTION, {"target_class": "Ada"}, "no class 'Ada'"),
        ("qa", focused(QUESTION, "Ada", "1844"), {}, "one answer is explained, 2 were given"),
        ("ner", QUESTION, {}, "tags the words of one text"),
        ("ner", TEXT, {"target_class": "FOOD"}, "knows: LOC, PER"),
        ("paraphrase", focused(TEXT, "Rome"), {}, "classifies whole texts"),
        ("paraphrase", TEXT, {"target_class": "x"}, "knows: different, paraphrase"),
        ("ner", TEXT, {"method": "rollout", "mass": "norm"}, "no vectors"),
    ],
)
def test_what_a_head_can_not_read_is_refused_in_one_line(task, sentence, settings, says):
    model = tiny(task)
    for run in (
        lambda config: ccta.attribute(model, [sentence], config),
        lambda config: ccta.compare(model, sentence, sentence, config),
    ):
        with pytest.raises(CctaError, match=says) as caught:
            run(Config(**settings))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", ["input_x_gradient", "gradient_norm", "occlusion", "rollout"])
@pytest.mark.parametrize("task", ["qa", "ner"])
def test_every_method_explains_every_task(task, method, request):
    model = request.getfixturevalue(task)
    pair = (QUESTION, SPANISH) if task == "qa" else (TEXT, GERMAN)
    result = ccta.compare(model, *pair, Config(method=method, shuffles=5))
    assert result.provenance["method"] != "layer integrated gradients"
    assert result.source.completeness_error is None
    assert any("need not add up" in notice for notice in result.notices)
    unsigned = method in ("gradient_norm", "rollout")
    assert (result.controls.sign_agreement is None) == unsigned
    assert "not measured" in result.to_html()
    assert "not measured" in finding._accuracy_value(result)
    assert PairResult.from_payload(json.loads(result.to_json())).to_json() == result.to_json()


@pytest.fixture
def loads(qa, ner, monkeypatch):
    from ccta_core.models import load

    known = {model.id: model for model in (qa, ner)}
    monkeypatch.setattr(load, "load_model", lambda name: known[name])


def command(model, source, target, *more):
    words = ["pair", "--model", model, "--shuffles", "5", "--layer", "1"]
    for side, one in (("source", source), ("target", target)):
        words += [f"--{side}-lang", one.lang, f"--{side}", one.text]
        words += [f"--{side}-2", one.text2] if one.text2 else []
    return [*words, *more]


@pytest.mark.usefixtures("loads")
def test_pair_explains_a_given_answer(capsys):
    where = QUESTION.text2.index("Ada")
    flags = ["--source-focus", f"{where}:{where + 3}", "--target-answer", "Ada Byron"]
    assert main([*command("tiny-qa", QUESTION, SPANISH), *flags, "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["source"]["focus"] == [[where, where + 3]]
    start, end = found["target"]["focus"][0]
    assert SPANISH.text2[start:end] == "Ada Byron"
    assert found["task"] == "qa"
    assert main([*command("tiny-qa", QUESTION, SPANISH), *flags]) == 0
    assert 'explained "Ada Byron"' in capsys.readouterr().out


@pytest.mark.parametrize("task", ["qa", "ner"])
def test_pair_reads_a_folder_with_a_head_of_its_kind(task, request, capsys, tmp_path):
    model = request.getfixturevalue(task)
    model.hf_model.save_pretrained(tmp_path / "model")
    model.tokenizer.save_pretrained(tmp_path / "model")
    source, target = (QUESTION, SPANISH) if task == "qa" else (TEXT, GERMAN)
    capsys.readouterr()
    assert main([*command(str(tmp_path / "model"), source, target), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["task"] == task
    here = ccta.compare(model, source, target, Config(layer=1, shuffles=5))
    assert found["source"]["focus"] == [list(span) for span in here.source.focus]
    assert found["source"]["prediction"] == pytest.approx(dict(here.source.prediction), abs=1e-5)


@pytest.mark.usefixtures("loads")
def test_pair_explains_chosen_words_by_another_method(capsys):
    flags = ["--source-answer", "Rome", "--target-answer", "Rom", "--target-class", "loc"]
    flags += ["--method", "occlusion"]
    assert main([*command("tiny-ner", TEXT, GERMAN), *flags]) == 0
    out = capsys.readouterr().out
    assert "explains LOC, occlusion" in out
    assert 'explained "Rome"' in out
    assert "not measured by this method" in out


@pytest.mark.usefixtures("loads")
@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--source-answer", "bridge bridge"], "occurs 0 times"),
        (["--source-answer", "b"], "occurs 3 times"),
        (["--source-answer", ""], "occurs 0 times"),
        (["--source-focus", "3"], "not START:END"),
        (["--source-focus", "40:900"], "outside the text"),
        (["--source-focus", "5:5"], "outside the text"),
        (["--source-answer", "Ada", "--source-focus", "0:3"], "2 were given"),
        (["--target-class", "Ada"], "no class 'Ada'"),
        (["--method", "guess"], "invalid choice"),
    ],
)
def test_flags_that_can_not_be_followed_give_one_line(flags, says, capsys):
    try:
        code = main([*command("tiny-qa", QUESTION, SPANISH), *flags])
    except SystemExit as stopped:
        code = stopped.code
    lines = [
        line
        for line in capsys.readouterr().err.splitlines()
        if "loading" not in line and "attributing" not in line
    ]
    assert code == 2
    assert len(lines) == 1
    assert says in lines[0]
