"""Answers are scored by SQuAD's rules in MLQA's form for each language."""

import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import texts

from ccta_core.errors import CctaError
from ccta_core.evaluation.answers import answer_scores, answer_tokens

# Worked out by hand: language, predicted, gold, tokens in common, predicted, in the gold answer.
BY_HAND = [
    ("en", "in the old harbour", "old harbour of Bergen", 2, 3, 4),
    ("en", "day after day", "day, day and day", 2, 3, 4),  # counted as often as they occur
    ("en", "a theatre", "the theatre", 1, 1, 1),  # "the" inside a word stays
    ("en", "1,000 years", "1000", 1, 2, 1),
    ("es", "El puerto viejo", "puerto", 1, 2, 1),
    ("es", "«unas islas»", "las islas", 1, 1, 1),
    ("de", "in einem Haus", "das Haus", 1, 2, 1),
    ("de", "dem größten Haus", "GRÖSSTEN Haus", 1, 2, 2),  # lower case is no case folding
    ("ar", "المدينة القديمة", "مدينة", 1, 2, 1),
    ("ar", "العالم؟", "ع م", 2, 2, 2),  # the article goes wherever its letters stand
    ("hi", "पुराना शहर।", "शहर", 1, 2, 1),
    ("vi", "của những ngọn núi", "ngọn núi", 2, 2, 2),
    ("vi", "chiếc thuyền nhỏ", "thuyền", 1, 2, 1),
    ("zh", "北京市", "北京", 2, 3, 2),
    ("zh", "《2008年 Olympic》", "2008 年", 2, 3, 2),
    ("ja", "東京タワー", "東京", 2, 5, 2),
    ("ja", "ＮＨＫホール", "nhk", 0, 4, 1),  # full width stays full width
    ("th", "น้ำใส", "น้ำ", 1, 3, 1),
    ("th", "เกาะ Phuket", "phuket", 1, 5, 1),
    ("ru", "Старый порт.", "порт", 1, 2, 1),
    ("el", "το λιμάνι", "λιμάνι", 1, 2, 1),  # no published list of articles: none removed
    ("tr", "eski liman", "yeni köprü", 0, 2, 2),
]
LANGS = sorted({row[0] for row in BY_HAND} | {"km", "lo", "my", "ro", "sw"})


@pytest.mark.parametrize(("lang", "predicted", "gold", "common", "found", "wanted"), BY_HAND)
def test_by_hand(lang, predicted, gold, common, found, wanted):
    assert len(answer_tokens(predicted, lang)) == found
    assert len(answer_tokens(gold, lang)) == wanted
    f1, em = answer_scores(predicted, [gold], lang)
    assert f1 == pytest.approx(2 * common / (found + wanted))
    assert em == float(common == found == wanted)


def test_the_best_gold_answer_counts_for_each_score():
    golds = ["harbour", "the old harbour of Bergen", "pier"]
    assert answer_scores("old harbour", golds, "en") == (pytest.approx(2 / 3), 0.0)
    assert answer_scores("Pier!", golds, "en") == (1.0, 1.0)


def test_what_the_rules_leave_empty():
    assert answer_scores("the", ["a"], "en") == (1.0, 1.0)
    assert answer_scores("", ["harbour"], "en") == (0.0, 0.0)
    assert answer_scores("harbour", ["?"], "en") == (0.0, 0.0)


def test_glyphs_are_not_cut():
    assert answer_tokens("น้ำ", "th") == ("น้ำ",)
    assert answer_tokens("がぎ", "ja") == ("が", "ぎ")
    assert answer_tokens("か\u3099き", "ja") == ("か\u3099", "き")
    assert answer_tokens("ភ្នំ", "km") == ("ភ្នំ",)


def test_what_is_refused():
    with pytest.raises(CctaError, match="at least one gold"):
        answer_scores("x", [], "en")
    with pytest.raises(CctaError, match="unknown language"):
        answer_scores("x", ["x"], "xx")


@settings(max_examples=100, deadline=None)
@given(texts, texts, st.sampled_from(LANGS))
def test_scores_are_symmetric_and_within_0_and_1(one, other, lang):
    f1, em = answer_scores(one, [other], lang)
    assert 0 <= f1 <= 1
    assert em in (0.0, 1.0)
    assert em <= f1
    assert answer_scores(other, [one], lang) == (f1, em)


@settings(max_examples=100, deadline=None)
@given(texts, st.lists(texts, min_size=1, max_size=4), st.sampled_from(LANGS))
def test_more_gold_answers_never_hurt(predicted, golds, lang):
    alone = [answer_scores(predicted, [gold], lang) for gold in golds]
    expected = (max(f1 for f1, _ in alone), max(em for _, em in alone))
    assert answer_scores(predicted, golds, lang) == expected
    assert answer_scores(predicted, golds[::-1], lang) == expected
    assert answer_scores(predicted, [*golds, predicted], lang) == (1.0, 1.0)


@settings(max_examples=100, deadline=None)
@given(texts, st.sampled_from(LANGS))
def test_case_punctuation_and_outer_space_do_not_count(text, lang):
    shouted = text.upper()
    assume(shouted.lower() == text.lower())
    assert answer_scores(f" «{shouted}...» ", [text], lang) == (1.0, 1.0)


@settings(max_examples=100, deadline=None)
@given(texts, st.sampled_from(LANGS))
def test_tokens_keep_the_text_but_for_what_is_removed(text, lang):
    assume(lang not in ("ar", "de", "en", "es", "vi"))
    kept = [
        character
        for character in text.lower()
        if not character.isspace()
        and not unicodedata.category(character).startswith("P")
        and character not in "$+<=>^`|~"
    ]
    assert "".join(answer_tokens(text, lang)) == "".join(kept)
