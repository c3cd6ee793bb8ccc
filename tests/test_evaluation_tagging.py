"""Entity scores are seqeval's; intervals are those of a plain loop over draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score, precision_score, recall_score

from ccta_core.analysis import intervals
from ccta_core.analysis.intervals import clustered_interval, f1_interval, ratio_interval
from ccta_core.errors import CctaError
from ccta_core.evaluation.tagging import entity_counts, entity_scores

TAGS = ("O", "O", "B-LOC", "I-LOC", "B-PER", "I-PER", "B-ORG", "I-ORG")


@st.composite
def tagged(draw, most=6):
    """Gold and predicted tags of some sentences, any order of tags."""
    lengths = draw(st.lists(st.integers(0, 7), min_size=1, max_size=most))
    sentences = [st.lists(st.sampled_from(TAGS), min_size=n, max_size=n) for n in lengths]
    return [draw(one) for one in sentences], [draw(one) for one in sentences]


@settings(max_examples=60, deadline=None)
@given(tagged())
def test_scores_are_seqevals(pair):
    gold, predicted = pair
    found = entity_scores(gold, predicted)
    for name, score in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        expected = score(gold, predicted, zero_division=0)
        assert (found[name] or 0.0) == pytest.approx(expected), name
    report = classification_report(gold, predicted, output_dict=True, zero_division=0) if (
        found["types"]
    ) else {}  # fmt: skip
    assert set(found["types"]) == set(report) - {"micro avg", "macro avg", "weighted avg"}
    for kind, own in found["types"].items():
        assert own["gold"] == report[kind]["support"]
        for name, theirs in (("f1", "f1-score"), ("precision", "precision"), ("recall", "recall")):
            assert (own[name] or 0.0) == pytest.approx(report[kind][theirs]), (kind, name)


@settings(max_examples=60, deadline=None)
@given(tagged())
def test_undefined_is_none_and_nothing_else_is(pair):
    found = entity_scores(*pair)
    for scores in (found, *found["types"].values()):
        assert (scores["f1"] is None) == (scores["recall"] is None) == (scores["gold"] == 0)
        assert (scores["precision"] is None) == (scores["predicted"] == 0)
    assert (found["low"] is None) == (found["high"] is None) == (found["f1"] is None)


@settings(max_examples=60, deadline=None)
@given(tagged())
def test_counts_add_up(pair):
    counts = entity_counts(*pair)
    assert (counts.correct <= np.minimum(counts.gold, counts.predicted)).all()
    own = entity_counts(pair[0], pair[0])
    assert (own.correct == own.gold).all()
    swapped = entity_counts(pair[1], pair[0])
    assert np.array_equal(swapped.correct, counts.correct)
    assert np.array_equal(swapped.gold, counts.predicted)


def test_by_hand():
    gold = [["B-LOC", "I-LOC", "O", "B-PER"], ["O", "O"], ["B-PER", "I-PER", "O"]]
    predicted = [["B-LOC", "I-LOC", "O", "O"], ["O", "I-ORG"], ["B-PER", "O", "O"]]
    found = entity_scores(gold, predicted)
    assert (found["gold"], found["predicted"], found["correct"]) == (3, 3, 1)
    assert found["f1"] == pytest.approx(1 / 3)
    assert found["types"]["LOC"]["f1"] == 1.0
    assert found["types"]["PER"] == {
        "f1": 0.0, "precision": 0.0, "recall": 0.0, "gold": 2, "predicted": 1, "correct": 0,
    }  # fmt: skip
    assert found["types"]["ORG"]["f1"] is None
    assert found["types"]["ORG"]["precision"] == 0.0
    assert found["low"] <= found["f1"] <= found["high"]


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([], [], "at least one"),
        ([["O"]], [], "1 gold and 0 predicted"),
        ([["O"]], [["O", "O"]], "sentence 0"),
        ([["O"], ["LOC"]], [["O"], ["O"]], "sentence 1.*'LOC'"),
        ([["O"]], [["B-"]], "'B-'"),
    ],
)
def test_what_is_refused(gold, predicted, message):
    with pytest.raises(CctaError, match=message):
        entity_scores(gold, predicted)


def by_loop(numerators, denominators, groups):
    """The same draws, one group at a time."""
    names = sorted(set(groups))
    rows = {name: [i for i, own in enumerate(groups) if own == name] for name in names}
    draws = np.random.default_rng(0).integers(0, len(names), (2000, len(names)))
    ratios = []
    for draw in draws:
        taken = [row for group in draw for row in rows[names[group]]]
        below = sum(denominators[row] for row in taken)
        if below:
            ratios.append(sum(numerators[row] for row in taken) / below)
    return np.percentile(ratios, [2.5, 97.5])


def test_the_mean_of_groups_is_that_of_a_loop():
    draw = np.random.default_rng(3)
    right, groups = draw.random(40), [f"g{n}" for n in draw.integers(0, 12, 40)]
    assert clustered_interval(right, groups) == pytest.approx(by_loop(right, np.ones(40), groups))


def test_the_f1_of_a_corpus_is_that_of_a_loop():
    draw = np.random.default_rng(4)
    gold, predicted = draw.integers(0, 3, (2, 15))
    correct = np.minimum(gold, predicted)
    groups = [f"g{n // 2:02}" for n in range(15)]
    expected = by_loop(2 * correct, gold + predicted, groups)
    assert f1_interval(correct, gold, predicted, groups) == pytest.approx(expected)
    alone = by_loop(2 * correct, gold + predicted, [f"{n:02}" for n in range(15)])
    assert f1_interval(correct, gold, predicted) == pytest.approx(alone)


def test_draws_do_not_depend_on_how_many_fit_in_memory(monkeypatch):
    right = np.random.default_rng(5).random(30)
    whole = ratio_interval(right, np.ones(30))
    monkeypatch.setattr(intervals, "_ROOM", 100)
    assert ratio_interval(right, np.ones(30)) == whole


def test_what_has_no_interval():
    zeros = np.zeros(4)
    assert f1_interval(zeros, zeros, np.ones(4)) is None
    assert ratio_interval(zeros, zeros) is None
    for numerators, denominators, groups in (([], [], None), ([1], [1, 1], None), ([1], [1], [])):
        with pytest.raises(CctaError, match="one value an item"):
            ratio_interval(np.array(numerators), np.array(denominators), groups)


def test_a_constant_has_an_interval_of_no_width():
    assert clustered_interval(np.ones(9), list("aaabbbccd")) == (1.0, 1.0)
