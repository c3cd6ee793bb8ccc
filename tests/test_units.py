import unicodedata

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import INVISIBLE, odd_texts, texts

from ccta_core.corpus.demo import read_demo
from ccta_core.languages import LANGUAGES
from ccta_core.models import embedded
from ccta_core.types import Sentence, has_ignorable, is_blank
from ccta_core.units import (
    grapheme_boundaries,
    segment_units,
    split_words,
    trimmed,
    whole_offsets,
)


@pytest.fixture(scope="module")
def tokenizer():
    return embedded.load_tokenizer(embedded.locate())


def units_of(tokenizer, text, *, spaced):
    read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    spans = list(enumerate(read["offset_mapping"]))
    return segment_units(text, spans, spaced=spaced), len(spans)


def check(found, count, text):
    """What holds for every text: nothing cut, nothing lost, nothing twice, in order."""
    boundaries = grapheme_boundaries(text)
    assert sorted(token for group in found.members for token in group) == (
        list(range(count)) if found.units else []
    )
    end = 0
    for unit in found.units:
        assert end <= unit.start < unit.end
        assert unit.text == text[unit.start : unit.end]
        shown = regex.findall(r"\X", unit.text)
        assert not is_blank(shown[0])
        assert not is_blank(shown[-1])
        assert {unit.start, unit.end} <= boundaries, (unit, text)
        end = unit.end


@settings(max_examples=300, deadline=None)
@given(texts, st.booleans())
def test_no_unit_cuts_a_grapheme_whatever_the_text(tokenizer, text, spaced):
    found, count = units_of(tokenizer, text, spaced=spaced)
    check(found, count, text)


@settings(max_examples=400, deadline=None)
@given(odd_texts, st.booleans())
def test_what_shows_nothing_is_no_unit_whatever_the_text(tokenizer, text, spaced):
    """Units are disjoint, in order, whole graphemes that are shown; each token is in one."""
    found, count = units_of(tokenizer, text, spaced=spaced)
    check(found, count, text)
    if is_blank(text):
        assert not found.units


@settings(max_examples=300, deadline=None)
@given(odd_texts)
def test_words_are_what_white_space_separates_without_what_shows_nothing(text):
    """Without the characters that show nothing they are the words of str.split."""
    words = [text[start:end] for start, end in split_words(text)]
    bare = regex.sub(r"\p{Default_Ignorable_Code_Point}", "", text)
    # a mark on white space makes one grapheme with it, which begins a word
    assert [
        regex.sub(r"\p{Default_Ignorable_Code_Point}", "", word).strip() for word in words
    ] == bare.split()


INSIDE = {
    "\u200b": "zero-width space",
    "\u200c": "zero-width non-joiner",
    "\u200d": "zero-width joiner",
    "\u200e": "left-to-right mark",
    "\u2060": "word joiner",
    "\ufeff": "byte order mark",
    "\u00ad": "soft hyphen",
    "\ufe0f": "variation selector",
    "\u3164": "Hangul filler",
    "\u115f": "Hangul choseong filler",
    "\U000e0067": "tag",
}


@pytest.mark.parametrize("mark", INSIDE, ids=INSIDE.values())
@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("one two", ["one", "two"]),
        ("*one two", ["one", "two"]),
        ("one two*", ["one", "two"]),
        ("one * two", ["one", "two"]),
        ("* one two *", ["one", "two"]),
        ("o*ne two", ["o*ne", "two"]),
        ("one ** two", ["one", "two"]),
    ],
)
def test_an_invisible_character_is_no_word(tokenizer, mark, pattern, words):
    """Its token belongs to the word it stands in, alone to the next one, at the end to the last."""
    text = pattern.replace("*", mark)
    found, count = units_of(tokenizer, text, spaced=True)
    check(found, count, text)
    # what extends the letter before it is part of that grapheme, and so of the word
    wanted = [word.replace("*", mark) for word in words]
    assert [unit.text.strip(mark) for unit in found.units] == wanted


@pytest.mark.parametrize(
    ("text", "spaced", "units", "members"),
    [
        # a token of its own between words joins the next one, the last one the word before it
        ("a \u2060 b", True, ["a", "b"], [[(0, 1)], [(2, 3), (4, 5)]]),
        ("a b \u2060", True, ["a", "b"], [[(0, 1)], [(2, 3), (4, 5)]]),
        ("\ufeffa b", True, ["a", "b"], [[(0, 1), (1, 2)], [(3, 4)]]),
        ("a\u200b b", True, ["a", "b"], [[(0, 1)], [(1, 2), (3, 4)]]),
        # inside a word it is the word's
        ("a\u00adb c", True, ["a\u00adb", "c"], [[(0, 1), (1, 2), (2, 3)], [(4, 5)]]),
        # Thai with zero-width spaces between its words
        ("ไทย\u200bดี", False, ["ไทย", "ดี"], [[(0, 3)], [(3, 4), (4, 6)]]),
        ("ไทย\u200bดี\u200b", False, ["ไทย", "ดี"], [[(0, 3)], [(3, 6), (6, 7)]]),
        # a joiner or selector inside a grapheme is that grapheme's
        ("好👩\u200d👩好", False, ["好", "👩\u200d👩", "好"],
         [[(0, 1)], [(1, 2), (2, 3), (3, 4)], [(4, 5)]]),
        ("❤\ufe0f好", False, ["❤\ufe0f", "好"], [[(0, 1), (1, 2)], [(2, 3)]]),
        # a space that carries a joiner still separates words
        ("a \u200cb", True, ["a", "b"], [[(0, 1)], [(1, 3), (3, 4)]]),
    ],
)  # fmt: skip
def test_whose_token_an_invisible_character_is(text, spaced, units, members):
    spans = [span for group in members for span in group]
    found = segment_units(text, list(enumerate(spans)), spaced=spaced)
    assert [unit.text for unit in found.units] == units
    numbers = iter(range(len(spans)))
    assert found.members == tuple(tuple(next(numbers) for _ in group) for group in members)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("می\u200cخواهم بروم", ["می\u200cخواهم", "بروم"]),  # a joiner is part of Persian spelling
        ("क्\u200dष और", ["क्\u200dष", "और"]),
        ("a👩\u200d👩\u200d👧\ufe0f b", ["a👩\u200d👩\u200d👧\ufe0f", "b"]),
        ("🏴\U000e0067\U000e0062\U000e007f b", ["🏴\U000e0067\U000e0062\U000e007f", "b"]),
        ("ـ سلام", ["ـ", "سلام"]),  # tatweel is a stroke that is seen
        ("a\u00a0b\u2028c\u2029d\u3000e", ["a", "b", "c", "d", "e"]),
        ("C++\u200e שלום", ["C++", "שלום"]),
        ("안녕\u3164세상", ["안녕\u3164세상"]),
        ("x \u0301y", ["x", " \u0301y"]),  # a mark on a space is seen
    ],
)
def test_words_of_real_writing_are_not_cut(text, words):
    assert [text[start:end] for start, end in split_words(text)] == words


@pytest.mark.parametrize(
    "hidden",
    [
        *("\u200b", "\ufeff", "\u2060 \u00ad", "\u3164", "\u115f\u1160"),
        *("\ufe0f", "\U000e0067", "\u034f", "\u17b4", "\u2065"),
    ],
)
def test_a_text_that_shows_nothing_is_refused_in_one_line(hidden):
    with pytest.raises(
        ValueError, match=rf"invisible characters \(U\+{ord(hidden[0]):04X}\)"
    ) as caught:
        Sentence(hidden, "en")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="invisible characters"):
        Sentence("one", "en", hidden)
    with pytest.raises(ValueError, match="only spaces or invisible characters"):
        Sentence(f"one {hidden} two", "en", focus=((4, 4 + len(hidden)),))


@pytest.mark.parametrize(
    "shown", ["a", "\u0640", "\u0301", " \u0301", "\u200ba", "👩\u200d👩", "."]
)
def test_what_is_seen_is_not_blank(shown):
    assert not is_blank(shown)


def test_every_default_ignorable_character_is_blank():
    """Unicode's own list, by its property: the marks above are of it, tatweel is not."""
    assert all(is_blank(character) for character in INVISIBLE)
    assert has_ignorable("a\u200b")
    assert not has_ignorable("a\u00a0é")


def test_a_span_without_what_is_not_shown_at_its_ends():
    assert trimmed(" \ufeffa\u200bb\u2060 ", (0, 7)) == (2, 5)
    assert trimmed("a \u200b", (1, 3)) is None


def test_offsets_hold_what_was_composed():
    """A composing tokenizer gives a composed character the place of the first one typed."""
    text = unicodedata.normalize("NFD", "각 ệb")
    assert text == "\u1100\u1161\u11a8 e\u0323\u0302b"
    offsets = [(0, 0), (0, 1), (4, 5), (7, 8), (0, 0)]
    assert whole_offsets(text, offsets) == [(0, 0), (0, 3), (4, 7), (7, 8), (0, 0)]
    # two tokens of one grapheme, and a text in NFC
    assert whole_offsets("e\u0301\u0347b", [(0, 1), (2, 3), (3, 4)]) == [(0, 2), (2, 3), (3, 4)]
    assert whole_offsets("éb", [(0, 1), (1, 2)]) == [(0, 1), (1, 2)]


@pytest.mark.parametrize("lang", sorted(read_demo("nli")[0].sentences))
def test_units_of_the_demo_corpus(tokenizer, lang):
    for item in read_demo("nli"):
        for text in item.sentences[lang].segments:
            spaced = LANGUAGES[lang].spaced
            found, count = units_of(tokenizer, text, spaced=spaced)
            check(found, count, text)
            if spaced:
                assert [unit.text for unit in found.units] == text.split()
            else:
                visible = "".join(regex.findall(r"\S", text))
                assert "".join(unit.text for unit in found.units).replace(" ", "") == visible


def test_a_lone_metaspace_joins_the_next_unit():
    found = segment_units("so, ...", [(1, (0, 3)), (2, (3, 4)), (3, (4, 7))], spaced=True)
    assert [unit.text for unit in found.units] == ["so,", "..."]
    assert found.members == ((1,), (2, 3))


def test_a_trailing_subword_without_a_letter_joins_the_unit_before():
    found = segment_units("so ", [(1, (0, 2)), (2, (2, 3))], spaced=True)
    assert found.members == ((1, 2),)


def test_pieces_of_one_grapheme_are_merged():
    text = "ก็น้ำ"
    found = segment_units(text, [(0, (0, 1)), (1, (1, 2)), (2, (2, 5))], spaced=False)
    assert [unit.text for unit in found.units] == ["ก็", "น้ำ"]
    assert found.members == ((0, 1), (2,))


def test_bytes_of_one_character_share_a_unit():
    found = segment_units(
        "好吗", [(0, (0, 1)), (1, (0, 1)), (2, (0, 1)), (3, (1, 2))], spaced=False
    )
    assert found.members == ((0, 1, 2), (3,))
