"""Long contexts: windows that cover them, and the same answer as a search over the whole."""

import zlib
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ccta_core.errors import CctaError
from ccta_core.models.windows import _ranges, single_window, trimmed, windows
from ccta_core.tasks.protocol import ModelOutput
from ccta_core.tasks.spans import LONGEST, answers, candidates, given_span
from ccta_core.tasks.tags import words_of
from ccta_core.types import Sentence
from ccta_core.units import grapheme_boundaries
from tests.heads import tiny
from tests.strategies import texts

ENGLISH = "The old bridge over the river was built in 1844 by Ada, and nobody remembers why. "
CHINESE = "河上的旧桥是一八四四年由艾达建造的，如今没有人记得为什么。"
QUESTION = {"en": "When was the bridge built?", "zh": "桥是什么时候建的？"}
CONTEXTS = {"en": ENGLISH * 12, "zh": CHINESE * 12}


@pytest.fixture(scope="module")
def model():
    return tiny("qa", positions=128)


def sentence(lang):
    return Sentence(QUESTION[lang], lang, CONTEXTS[lang])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(1, 40), st.integers(0, 30))
def test_every_unit_is_in_a_run_and_runs_move_on(counts, room, stride):
    runs = list(_ranges(counts, room, stride))
    assert runs[0][0] == 0
    assert runs[-1][1] == len(counts)
    assert all(sum(counts[a:b]) <= room or b == a + 1 for a, b in runs)
    for (a, b), (c, d) in pairwise(runs):
        assert a < c <= b < d


def test_runs_share_the_stride():
    assert list(_ranges([1] * 20, 10, 4)) == [(0, 10), (6, 16), (12, 20)]


def test_what_fits_is_one_window_and_untouched(model):
    short = Sentence("Who?", "en", "Ada did.")
    (only,) = windows(model, short)
    whole = model.encode(short)
    assert torch.equal(only.encoded.ids, whole.ids)
    assert only.encoded.maps == whole.maps
    texts = [short.text2[slice(*span)] for span in only.spans if span]
    assert "".join(texts) == "Adadid."
    assert only.spans == single_window(model, short).spans


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_windows_fit_cover_the_context_and_keep_its_offsets(model, lang):
    one = sentence(lang)
    found = windows(model, one, stride=40)
    assert len(found) > 2
    covered = set()
    for window in found:
        encoded = window.encoded
        assert encoded.length <= model.max_tokens
        assert not encoded.truncated
        assert not window.question_cut
        assert encoded.sentence is one
        assert "".join(unit.text for unit in encoded.maps[0].units) == one.text.replace(" ", "")
        for unit in encoded.maps[1].units:
            assert one.text2[unit.start : unit.end] == unit.text
        for token, span in enumerate(window.spans):
            if span is not None:
                assert not encoded.special[token]
                covered.update(range(*span))
    assert covered == {at for at, letter in enumerate(one.text2) if not letter.isspace()}
    for left, right in pairwise(found):
        first = right.encoded.maps[1].units[0]
        at = left.encoded.maps[1].units.index(first)
        assert sum(map(len, left.encoded.maps[1].members[at:])) >= 40


def test_the_answer_is_that_of_a_search_over_the_whole_context(model):
    """With logits that depend on a piece's place alone, whatever the window."""
    one = sentence("en")
    found = windows(model, one, stride=40)

    def values(span):
        if span is None:
            return [50.0, 50.0]  # never an answer, however high
        return np.random.default_rng(zlib.crc32(repr(span).encode())).normal(size=2).tolist()

    logits = tuple(torch.tensor([values(span) for span in window.spans]) for window in found)
    best = candidates(ModelOutput(one, found, logits))
    whole = model.tokenizer(one.text2, add_special_tokens=False, return_offsets_mapping=True)
    words = model.tokenizer.convert_ids_to_tokens(whole["input_ids"])
    pieces = [
        trimmed(one.text2, span) if word != "▁" else None
        for word, span in zip(words, whole["offset_mapping"], strict=True)
    ]
    scores = {
        (first[0], last[1]): values(first)[0] + values(last)[1]
        for at, first in enumerate(pieces)
        for last in pieces[at : at + LONGEST]
        if first and last
    }
    assert len(best.score) == len(scores)
    assert (int(best.start[0]), int(best.end[0])) == max(scores, key=scores.get)
    assert best.score[0] == pytest.approx(max(scores.values()), abs=1e-5)


def test_a_given_answer_has_context_on_both_sides(model):
    one = sentence("en")
    found = windows(model, one, stride=40)
    logits = tuple(torch.zeros(window.encoded.length, 2) for window in found)
    middle = one.text2.index("1844", len(one.text2) // 2)
    number, first, last = given_span(ModelOutput(one, found, logits), (middle, middle + 4))
    tokens = [token for token, span in enumerate(found[number].spans) if span]
    assert min(first - tokens[0], tokens[-1] - last) >= 19
    text = one.text2
    assert text[found[number].spans[first][0] : found[number].spans[last][1]] == "1844"


def test_a_question_of_more_than_half_the_room_is_cut(model):
    one = Sentence("Really why, " * 100, "en", CONTEXTS["en"])
    found = windows(model, one, stride=20)
    assert all(window.question_cut for window in found)
    for window in found:
        question = sum(map(len, window.encoded.maps[0].members))
        assert question <= model.max_tokens // 2
        assert window.encoded.length <= model.max_tokens
    assert found[-1].encoded.maps[1].units[-1].end == len(one.text2.rstrip())


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400))
def test_words_without_end_are_cut_and_said_to_be(question, context):
    small = _small()
    found = windows(small, Sentence("x1" * question, "en", "y2 " + "z3" * context + " y4"))
    assert all(window.encoded.length <= small.max_tokens for window in found)
    assert found[0].encoded.maps[1].units[0].text == "y2"
    if len(found) > 1:
        assert found[-1].encoded.maps[1].units[-1].text == "y4"


@settings(max_examples=60, deadline=None)
@example("0<0<0<", "0<\u03010<0<0<", "en", 5, 187)  # what is read ends within a glyph
@given(texts, texts, st.sampled_from(["en", "ja", "th", "ar"]), st.integers(1, 6), st.integers(0))
def test_texts_of_any_kind_have_answers_and_words_of_whole_glyphs(
    question, context, lang, repeats, seed
):
    """Joined emoji, combining marks, right-to-left and unspaced scripts, markup."""
    assume(all(any(letter.isalnum() for letter in text) for text in (question, context)))
    one, small = Sentence(question, lang, context * repeats), _small()
    found = windows(small, one)
    draw = torch.Generator().manual_seed(seed % 2**32)
    logits = tuple(torch.randn(w.encoded.length, 2, generator=draw) for w in found)
    output = ModelOutput(one, found, logits)
    prediction, best = answers(output, candidates(output))
    edges = grapheme_boundaries(one.text2)
    for text in prediction:
        places = [at for at in edges if one.text2.startswith(text, at)]
        assert any(at + len(text) in edges for at in places)
    assert Sentence(question, lang, one.text2, (best,)).focus == (best,)
    number, first, last = given_span(output, best)
    assert first <= last < found[number].encoded.length
    tagged = single_window(small, Sentence(context, lang))
    tags = (torch.randn(tagged.encoded.length, 3, generator=draw),)
    words = words_of(ModelOutput(tagged.encoded.sentence, (tagged,), tags))
    assert [word.unit for word in words] == list(tagged.encoded.maps[0].units)
    for word, members in zip(words, tagged.encoded.maps[0].members, strict=True):
        assert word.token in members


def _small(made=[]):  # noqa: B006 - one model for every example
    if not made:
        made.append(tiny("qa", positions=48))
    return made[0]


def test_without_a_second_text_there_is_nothing_to_slide_over(model):
    with pytest.raises(CctaError, match="second text"):
        windows(model, Sentence("Who?", "en"))
