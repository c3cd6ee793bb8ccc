"""The verdict's sentence and claim over all combinations of its evidence."""

from dataclasses import replace
from itertools import product

import pytest

from ccta_core.reports.pair.verdict import (
    Evidence,
    against_shuffled,
    both_sides,
    claim,
    pair_verdict,
    why_untestable,
)
from ccta_core.text import p_phrase
from ccta_core.types import ALPHA, Controls, PermutationTest

EMS = 0.70
TESTS = {
    # name: test, mean of the shuffled, what the sentence says of it above the chance level
    "clear": (
        PermutationTest(199, p_value=0.005, p_error=0.005), 0.60,
        "corresponding words are stressed in {both}, clearly more than with shuffled masses (0.60 "
        "on average, p = 0.005)",
    ),
    "slight": (
        PermutationTest(1599, p_value=0.031, p_error=0.004), 0.67,
        "corresponding words are stressed in {both}, a little more than with shuffled masses (0.67 "
        "on average, p = 0.031)",
    ),
    "not shown": (
        PermutationTest(99, p_value=0.30, p_error=0.05), 0.69,
        "no agreement of attributions shown beyond shuffled masses (0.69 on average, p = 0.30); "
        "similar embeddings may account for this EMS",
    ),
    "below": (
        PermutationTest(99, p_value=1.0, p_error=0.0), 0.80,
        "no agreement of attributions shown, for shuffled masses reach more (0.80 on average, "
        "p = 1.00)",
    ),
    "undecided": (
        PermutationTest(6399, p_value=0.0496, p_error=0.0027, decided=False), 0.66,
        "p = 0.050, give or take 0.003 after 6,399 shuffles, lies too near 0.05 to tell agreement "
        "from shuffled masses (0.66 on average)",
    ),
    "exact": (
        PermutationTest(144, True, 2 / 144, 0.0, 1 / 144), 0.60,
        "corresponding words are stressed in {both}, clearly more than with shuffled masses (0.60 "
        "on average, p = 0.014)",
    ),
    "few": (
        PermutationTest(36, True, 6 / 36, 0.0, 6 / 36), 0.60,
        "no agreement can be shown with 36 arrangements of the masses, which leave no p below 0.17 "
        "(here p = 0.17)",
    ),
    "no shuffles": (
        PermutationTest(untestable="no shuffles"), None,
        "nothing can be tested against shuffled masses, because no shuffles were asked for",
    ),
    "one unit": (
        PermutationTest(untestable="one unit a segment"), None,
        "nothing can be tested against shuffled masses, because each text has one word, which "
        "leaves nothing to shuffle",
    ),
    "equal": (
        PermutationTest(untestable="equal masses"), None,
        "nothing can be tested against shuffled masses, because all words of a text have the same "
        "mass, so shuffling changes nothing",
    ),
}  # fmt: skip
SHOWN = ("clear", "slight", "exact")
CHANCE = {"above": 0.40, "not above": 0.75, "unknown": None}
LANGS = {"two": ("en", "es"), "one": ("en", "en")}
ALL = list(product(TESTS, CHANCE, LANGS))


def evidence(test, chance, langs, uniform=0.5):
    found, mean, _ = TESTS[test]
    controls = Controls(ems_shuffled=mean, p_value=found.p_value, ems_uniform=uniform)
    return Evidence(EMS, controls, found, CHANCE[chance], LANGS[langs])


@pytest.mark.parametrize(("test", "chance", "langs"), ALL)
def test_the_sentence_of_every_combination(test, chance, langs):
    """The chance level comes first; only above it, or without one, is the test read."""
    text = pair_verdict(evidence(test, chance, langs))
    both = "both languages" if langs == "two" else "both sentences"
    against = "unrelated English sentences"
    if langs == "two":
        against = "English against unrelated Spanish sentences"
    reading = TESTS[test][2].format(both=both)
    if chance == "above":
        assert text == f"EMS 0.70, above the chance level of 0.40 ({against}): {reading}."
    elif chance == "unknown":
        assert text == f"EMS 0.70, with no chance level known: {reading}."
    else:
        head = f"EMS 0.70 does not exceed the chance level of 0.75 ({against}): "
        mean = TESTS[test][1]
        numbers = reading
        if mean is not None:
            p = p_phrase(TESTS[test][0].p_value)
            numbers = f"shuffled masses reach {mean:.2f} on average ({p})"
        assert text == f"{head}no agreement shown for this pair; {numbers}."


@pytest.mark.parametrize(("test", "chance", "langs"), ALL)
def test_what_a_sentence_never_says(test, chance, langs):
    found = evidence(test, chance, langs)
    text = pair_verdict(found)
    claimed = test in SHOWN and chance != "not above"
    assert ("are stressed" in text) == claimed == (claim(found) == "shown")
    assert (" is " in text) is False  # nothing that is not shown "is" so
    if langs == "one":
        assert "languages" not in text
    if not claimed:
        assert "both" not in text
    if found.test.p_value is None:
        assert "nothing can be tested" in text
    assert text.endswith(".")
    assert text.count(": ") == 1
    assert "None" not in text
    assert "nan" not in text


@pytest.mark.parametrize("test", SHOWN)
def test_a_gain_is_held_against_that_of_unrelated_sentences(test):
    """Gain is above zero for unrelated sentences too: only what exceeds it is claimed."""
    plain = evidence(test, "above", "two")
    gain = EMS - TESTS[test][1]

    def against(unrelated):
        controls = replace(plain.controls, gain=gain, gain_unrelated=unrelated)
        return replace(plain, controls=controls)

    below = against(gain - 0.02)
    assert claim(below) == "shown"
    text = pair_verdict(below)
    assert text.endswith(f"; this gain of {gain:.2f} exceeds that of unrelated sentences by 0.02.")
    assert "a little more" in text
    for unrelated in (gain, gain - 0.005, gain + 0.1):
        found = against(unrelated)
        assert claim(found) == "at chance level"
        text = pair_verdict(found)
        assert "are stressed" not in text
        assert "no agreement shown for this pair, because unrelated sentences gain as much" in text


def test_a_claim_never_goes_beyond_its_test():
    for test, chance, langs in ALL:
        found = evidence(test, chance, langs)
        if claim(found) == "shown":
            assert found.test.p_value <= ALPHA
            assert found.test.decided
            assert found.chance is None or found.ems > found.chance


def test_an_ems_a_little_above_the_chance_level_does_not_exceed_it_by_more():
    found = Evidence(0.7, Controls(ems_shuffled=0.5), PermutationTest(199, p_value=0.01), 0.693,
                     ("en", "es"))  # fmt: skip
    text = pair_verdict(found)
    assert text.startswith("EMS 0.70 does not exceed the chance level of 0.69 ")
    assert "by more than 0.01: no agreement shown" in text


def test_embeddings_alone_are_told_where_they_reach_more():
    told = pair_verdict(evidence("clear", "above", "two", uniform=0.76))
    assert told.endswith("; equal masses (embeddings only) reach 0.76.")
    assert "embeddings only" not in pair_verdict(evidence("clear", "above", "two", uniform=0.70))


def test_no_minus_before_a_zero():
    found = Evidence(-0.001, Controls(ems_shuffled=-0.002), PermutationTest(99, p_value=0.4),
                     None, ("en", "es"))  # fmt: skip
    assert "-0.00" not in pair_verdict(found)


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0004, "p < 0.001"), (0.0496, "p = 0.050"), (0.0512, "p = 0.051"), (0.5, "p = 0.50")],
)
def test_p_is_written_so_that_its_side_of_the_level_shows(p, text):
    assert p_phrase(p) == text


def test_every_outcome_and_reason_has_its_words():
    outcomes = {TESTS[name][0].outcome: against_shuffled(TESTS[name][0]) for name in TESTS}
    assert set(outcomes) == {
        "shown", "not shown", "undecided", "too few arrangements", "untestable",
    }  # fmt: skip
    assert len({*outcomes.values()}) == 5
    reasons = {why_untestable(TESTS[name][0]) for name in ("no shuffles", "one unit", "equal")}
    assert len(reasons) == 3
    assert (both_sides("en", "es"), both_sides("es", "es")) == ("both languages", "both sentences")
