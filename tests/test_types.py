import pytest

from ccta_core.attribution import methods
from ccta_core.config import METHODS, Config, Quadrature
from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample, Sentence


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \t\n\u3000", "empty"),
        ("\u200f\u200e", "empty"),
        ("a\x00b", "U+0000 at position 2"),
        ("bell \x07", "U+0007"),
        ("half \ud83d", "lone surrogate U+D83D"),
        ("x" * 300_000, "at most"),
    ],
)
def test_texts_that_can_not_be_read_are_refused_in_one_line(text, says):
    with pytest.raises(CctaError, match=says.replace("+", r"\+")) as caught:
        Sentence(text, "en")
    assert "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize(
    "text", ["🙂", "a\tb\nc", "\u200fשלום\u200f", "<script>alert(1)</script>", "?", "e\u0301"]
)
def test_texts_that_can_be_read_are_kept_as_they_are(text):
    assert Sentence(text, "en", text).segments == (text, text)


def test_unknown_languages_are_refused_with_the_known_ones():
    with pytest.raises(CctaError, match=r"unknown language 'xx'.*en"):
        Sentence("hello", "xx")


def test_an_example_holds_each_sentence_under_its_language():
    with pytest.raises(CctaError, match="stands under"):
        ParallelExample("1", "1", None, {"es": Sentence("hello", "en")})


@pytest.mark.parametrize(
    "settings",
    [
        {"space": "nowhere"},
        {"baseline": "x"},
        {"method": "x"},
        {"mass": "x"},
        {"precision": "fp64"},
        {"objective": "x"},
        {"shuffles": -1},
        {"unrelated": -1},
        {"seed": -1},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(CctaError, match="expected"):
        Config(**settings)


@pytest.mark.parametrize(
    "settings", [{"rule": "x"}, {"tolerance": 0}, {"points": 0}, {"max_points": 3}]
)
def test_quadratures_out_of_range_are_refused(settings):
    with pytest.raises(CctaError):
        Quadrature(**settings)


def test_every_setting_changes_the_fingerprint():
    changed = [
        Config(layer=1),
        Config(align_layer=3),
        Config(space="none"),
        Config(baseline="zero"),
        Config(objective="margin"),
        Config(mass="norm"),
        Config(target_class="neutral"),
        Config(shuffles=5),
        Config(unrelated=1),
        Config(seed=1),
        Config(precision="bf16"),
        Config(quadrature=Quadrature(tolerance=0.01)),
        Config(space="procrustes"),
        *(Config(method=name) for name in METHODS if name != "lig"),
    ]
    assert len({config.fingerprint for config in [Config(), *changed]}) == 1 + len(changed)
    assert Config().fingerprint == Config().fingerprint


def test_the_settings_name_the_methods_that_there_are():
    assert tuple(methods.METHODS) == METHODS


@pytest.mark.parametrize(
    ("focus", "says"),
    [
        (((0, 0),), "outside"),
        (((3, 2),), "outside"),
        (((-1, 2),), "outside"),
        (((0, 99),), "END <= 12"),
        (((0, 2), (4, 99)), "4:99"),
        (((3, 4),), "only spaces"),
        (((4, 5),), "expected 4:6"),
        (((5, 6),), "expected 4:6"),
    ],
)
def test_a_focus_that_is_no_part_of_the_text_is_refused(focus, says):
    with pytest.raises(CctaError, match=says):
        Sentence("Who?", "en", "abc e\u0301t de f", focus)


def test_a_focus_is_kept_in_order_and_each_span_once():
    import numpy as np

    spans = ((4, 7), (0, 3), (np.int64(4), np.int64(7)))
    sentence = Sentence("One two three", "en", focus=spans)
    assert sentence.focus == ((0, 3), (4, 7))
    assert sentence == Sentence("One two three", "en", None, ((0, 3), (4, 7)))
    assert all(type(place) is int for span in sentence.focus for place in span)


def test_a_focus_is_part_of_a_sentences_identity_and_none_changes_nothing():
    assert Sentence("a", "en").identity == ["en", "a"]
    assert Sentence("a", "en", "b").identity == ["en", "a", "b"]
    assert Sentence("a", "en", "b", ((0, 1),)).identity == ["en", "a", "b", [[0, 1]]]
