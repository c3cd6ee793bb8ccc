import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import texts

from ccta_core.corpus.demo import read_demo
from ccta_core.languages import LANGUAGES
from ccta_core.models import embedded
from ccta_core.units import grapheme_boundaries, segment_units


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
        assert {unit.start, unit.end} <= boundaries, (unit, text)
        end = unit.end


@settings(max_examples=300, deadline=None)
@given(texts, st.booleans())
def test_no_unit_cuts_a_grapheme_whatever_the_text(tokenizer, text, spaced):
    found, count = units_of(tokenizer, text, spaced=spaced)
    check(found, count, text)


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
