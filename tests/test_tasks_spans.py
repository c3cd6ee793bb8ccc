"""Answers: the best span over all windows against a search that tries every span."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ccta_core.errors import CctaError
from ccta_core.models.windows import Window
from ccta_core.tasks.protocol import ModelOutput
from ccta_core.tasks.spans import answers, candidates, given_span
from ccta_core.types import Sentence

CONTEXT = "zero one two three four five six seven eight nine"
WORDS = [(at, at + len(word)) for word in CONTEXT.split() for at in [CONTEXT.index(word)]]


def output(windows, values, context=CONTEXT):
    """Windows given as lists of word spans (None: a special or the question), and their logits."""
    return ModelOutput(
        Sentence("What?", "en", context),
        tuple(Window(None, tuple(spans)) for spans in windows),
        tuple(torch.tensor(value, dtype=torch.float32).reshape(-1, 2) for value in values),
    )


logits = st.floats(-8, 8, width=16)


@st.composite
def windows_with_logits(draw):
    """Overlapping windows over the context; a token's logits may differ between windows."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, 8))
        last = draw(st.integers(first + 1, 10))
        spans = [None, None, *WORDS[first:last], None]
        values = draw(st.lists(logits, min_size=2 * len(spans), max_size=2 * len(spans)))
        found.append((spans, values))
    return [spans for spans, _ in found], [values for _, values in found]


def every_span(one, longest):
    """(characters) -> best score, by trying every pair of tokens of every window."""
    scores = {}
    for window, values in zip(one.windows, one.logits, strict=True):
        for i, first in enumerate(window.spans):
            for j, last in enumerate(window.spans):
                if first is None or last is None or j < i or j - i + 1 > longest:
                    continue
                score = float(values[i, 0].double() + values[j, 1].double())
                place = first[0], last[1]
                scores[place] = max(score, scores.get(place, -np.inf))
    return scores


@given(windows_with_logits(), st.integers(1, 10))
def test_the_spans_are_those_of_a_search_that_tries_all(parts, longest):
    one = output(*parts)
    found, expected = candidates(one, longest=longest), every_span(one, longest)
    places = list(zip(found.start.tolist(), found.end.tolist(), strict=True))
    assert len(places) == len(set(places))
    assert dict(zip(places, found.score.tolist(), strict=True)) == pytest.approx(expected)
    assert (np.diff(found.score) <= 0).all()
    assert found.score[0] == pytest.approx(max(expected.values()))
    total = sum(np.exp(list(expected.values())))
    assert found.probability[0] == pytest.approx(np.exp(found.score[0]) / total)
    assert found.probability.sum() == pytest.approx(1)


@given(windows_with_logits())
def test_the_best_span_is_where_it_is_said_to_be(parts):
    one = output(*parts)
    found = candidates(one)
    for row in range(len(found.score)):
        window, values = one.windows[found.window[row]], one.logits[found.window[row]]
        first, last = found.first[row], found.last[row]
        assert window.spans[first][0] == found.start[row]
        assert window.spans[last][1] == found.end[row]
        assert float(values[first, 0] + values[last, 1]) == pytest.approx(
            found.score[row], abs=1e-4
        )


def test_an_answer_is_never_a_special_or_the_question():
    values = np.zeros((6, 2))
    values[[0, 1, 5]] = 100.0
    one = output([[None, None, *WORDS[:3], None]], [values])
    found = candidates(one)
    assert set(found.first) | set(found.last) == {2, 3, 4}


def test_answers_are_the_likeliest_texts_and_each_text_is_listed_once():
    context = "on Monday, on Tuesday, on Monday"
    spans = [(3, 9), (14, 21), (26, 32)]
    values = [[5, 5], [4, 4], [4.5, 4.5]]
    prediction, best = answers(
        one := output([spans], [values], context), candidates(one, longest=1)
    )
    assert best == (3, 9)
    assert list(prediction) == ["Monday", "Tuesday"]
    odds = np.exp([10, 8, 9])
    assert prediction["Monday"] == pytest.approx(odds[0] / odds.sum())
    assert prediction["Tuesday"] == pytest.approx(odds[1] / odds.sum())


def test_no_glyph_of_an_answer_is_cut():
    context = "นั้นคือน้ำ"  # pieces may end between a consonant and its vowel sign
    pieces = [(0, 1), (1, 4), (4, 7), (7, 8), (8, len(context))]
    values = np.zeros((5, 2))
    values[3] = 9.0
    prediction, (start, end) = answers(
        one := output([pieces], [values], context), candidates(one, longest=1)
    )
    import regex

    edges = {0, *(found.end() for found in regex.finditer(r"\X", context))}
    assert start in edges
    assert end in edges
    assert start <= 7 < 8 <= end
    assert context[start:end] in prediction


def test_a_given_answer_is_read_where_it_has_most_context_on_both_sides():
    windows = [WORDS[0:6], WORDS[2:8], WORDS[4:10]]
    one = output(windows, [np.zeros((6, 2))] * 3)
    assert given_span(one, WORDS[1]) == (0, 1, 1)
    assert given_span(one, WORDS[5]) == (1, 3, 3)
    assert given_span(one, (WORDS[6][0], WORDS[7][1])) == (2, 2, 3)
    assert given_span(one, (WORDS[5][0] + 1, WORDS[5][1] - 1)) == (1, 3, 3)


def test_a_given_answer_with_spaces_around_it_is_the_same_answer():
    one = output([WORDS], [np.zeros((10, 2))])
    start, end = WORDS[3]
    assert given_span(one, (start - 1, end + 1)) == given_span(one, (start, end))


def test_a_glyph_at_the_end_of_what_is_read_may_be_given_whole():
    context = "one e\u0301"
    one = output([[(0, 3), (4, 5)]], [np.zeros((2, 2))], context)
    _, best = answers(one, candidates(one, longest=1))
    assert given_span(one, (4, 6)) == (0, 1, 1)
    assert given_span(one, best) == (0, 0, 0)


def test_an_answer_that_no_window_holds_is_refused():
    one = output([WORDS[0:4], WORDS[3:10]], [np.zeros((4, 2)), np.zeros((7, 2))])
    with pytest.raises(CctaError, match="shorter answer"):
        given_span(one, (WORDS[2][0], WORDS[5][1]))
