import pytest

from ccta_core.config import Config, Quadrature
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
        Config(quadrature=Quadrature(tolerance=0.02)),
    ]
    assert len({config.fingerprint for config in [Config(), *changed]}) == 13
    assert Config().fingerprint == Config().fingerprint
