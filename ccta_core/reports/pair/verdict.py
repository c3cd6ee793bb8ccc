"""EMS and its controls as one honest sentence, and how exact its attributions are, in words.

This is the only place that says what a pair shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ccta_core.languages import language
from ccta_core.text import number, p_phrase, p_value, percent
from ccta_core.types import ALPHA, Controls, Outcome, PermutationTest

Claim = Outcome | Literal["at chance level"]
"""What may be said of a pair: "shown" is agreement beyond shuffled masses and unrelated sentences,
in EMS and in the gain (or beyond shuffled masses alone, where no unrelated sentences are at
hand)."""

_SMALL = 0.01
"""EMS is above another one from this difference on."""
_MUCH = 0.05
"""A gain from here on is called clear."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict is made from; nothing in it depends on which side is called source.

    `chance` is the mean EMS of a text in the first of `langs` against unrelated sentences in the
    second, None where there are none.
    """

    ems: float
    controls: Controls
    test: PermutationTest
    chance: float | None
    langs: tuple[str, str]


def claim(evidence: Evidence) -> Claim:
    """Returns what may be said: nothing beyond the chance level first, then what the test says."""
    if evidence.chance is not None and evidence.ems <= evidence.chance + _SMALL:
        return "at chance level"
    if evidence.test.outcome == "shown" and _gains_no_more(evidence.controls):
        return "at chance level"
    return evidence.test.outcome


def _gains_no_more(controls: Controls) -> bool:
    """Returns whether unrelated sentences gain as much over shuffled masses as the pair."""
    gain, unrelated = controls.gain, controls.gain_unrelated
    return gain is not None and unrelated is not None and gain <= unrelated + _SMALL


def pair_verdict(evidence: Evidence) -> str:
    """Returns what the score and its controls say together (docs/method.md, 4).

    EMS against the chance level comes first: what unrelated sentences reach too shows no agreement.
    Above it (or without one) the sentence claims agreement only where the test against shuffled
    masses shows it and unrelated sentences gain less over theirs.
    """
    head = f"EMS {number(evidence.ems)}"
    if evidence.chance is not None and evidence.ems <= evidence.chance + _SMALL:
        above = evidence.chance is not None and evidence.ems > evidence.chance
        by = f" by more than {_SMALL}" if above else ""
        text = (
            f"{head} does not exceed {_chance_level(evidence)}{by}: no agreement shown for this "
            f"pair; {_shuffled_text(evidence)}"
        )
    elif evidence.chance is not None:
        text = f"{head}, above {_chance_level(evidence)}: {_test_text(evidence)}"
    else:
        text = f"{head}, with no chance level known: {_test_text(evidence)}"
    uniform = evidence.controls.ems_uniform
    if uniform is not None and uniform > evidence.ems + _SMALL:
        text += f"; equal masses (embeddings only) reach {number(uniform)}"
    return f"{text}."


def both_sides(source: str, target: str) -> str:
    """Returns what a sentence calls the two sides of a comparison of these languages."""
    return "both sentences" if source == target else "both languages"


def why_untestable(test: PermutationTest) -> str:
    """Returns why a test has no p, as part of a sentence."""
    return {
        "no shuffles": "no shuffles were asked for",
        "one unit a segment": "each text has one word, which leaves nothing to shuffle",
        "equal masses": "all words of a text have the same mass, so shuffling changes nothing",
        None: "no shuffles were drawn",
    }[test.untestable]


def drawn_text(test: PermutationTest) -> str:
    """Returns what p was counted over: `199 shuffles`, `all 144 arrangements`."""
    return f"all {test.drawn:,} arrangements" if test.exact else f"{test.drawn:,} shuffles"


def against_shuffled(test: PermutationTest) -> str:
    """Returns what the test alone says, for a reader who sees the shuffles: never more than it
    shows.
    """
    return {
        "shown": "more than shuffled masses would give",
        "not shown": "not shown to be more than shuffled masses give",
        "undecided": f"too near {ALPHA} to tell it from shuffled masses",
        "too few arrangements": "too few arrangements to show anything",
        "untestable": "nothing can be tested",
    }[test.outcome]


def _test_text(evidence: Evidence) -> str:
    """Returns what the test says of an EMS that is above the chance level, or has none."""
    test, shuffled = evidence.test, evidence.controls.ems_shuffled
    if test.p_value is None or shuffled is None:
        return _shuffled_text(evidence)
    mean, p = f"{number(shuffled)} on average", p_phrase(test.p_value)
    unrelated = evidence.controls.gain_unrelated
    if test.outcome == "shown" and unrelated is not None and _gains_no_more(evidence.controls):
        return (
            f"no agreement shown for this pair, because unrelated sentences gain as much over "
            f"shuffled masses ({number(unrelated)}, this pair {number(evidence.ems - shuffled)}, "
            f"{p})"
        )
    if test.outcome == "shown":
        beyond = evidence.ems - shuffled - (unrelated or 0.0)
        how_far = "clearly" if beyond > _MUCH else "a little"
        text = (
            f"corresponding words are stressed in {both_sides(*evidence.langs)}, {how_far} more "
            f"than with shuffled masses ({mean}, {p})"
        )
        if unrelated is None:
            return text
        return (
            f"{text}; this gain of {number(evidence.ems - shuffled)} exceeds that of unrelated "
            f"sentences by {number(beyond)}"
        )
    if test.outcome == "too few arrangements":
        return (
            f"no agreement can be shown with {test.drawn} arrangements of the masses, which leave "
            f"no p below {p_value(test.least_p or 0.0)} (here {p})"
        )
    if test.outcome == "undecided":
        return (
            f"{p}, give or take {test.p_error or 0.0:.3f} after {drawn_text(test)}, lies too near "
            f"{ALPHA} to tell agreement from shuffled masses ({mean})"
        )
    if evidence.ems < shuffled - _SMALL:
        return f"no agreement of attributions shown, for shuffled masses reach more ({mean}, {p})"
    return (
        f"no agreement of attributions shown beyond shuffled masses ({mean}, {p}); similar "
        "embeddings may account for this EMS"
    )


def _shuffled_text(evidence: Evidence) -> str:
    """Returns what shuffled masses reach, or why there are none; no claim."""
    test, shuffled = evidence.test, evidence.controls.ems_shuffled
    if test.p_value is None or shuffled is None:
        return f"nothing can be tested against shuffled masses, because {why_untestable(test)}"
    return f"shuffled masses reach {number(shuffled)} on average ({p_phrase(test.p_value)})"


def _chance_level(evidence: Evidence) -> str:
    """Returns the chance level and what it is of."""
    first, second = (language(code).name for code in evidence.langs)
    against = f"unrelated {second} sentences"
    what = against if first == second else f"{first} against {against}"
    return f"the chance level of {number(evidence.chance or 0.0)} ({what})"


def masses_within(mass_errors: Sequence[float | None]) -> str:
    """Returns the larger bound of the sides on the L1 error of their unit masses, with its
    coverage.

    Empty where a side has none: its method has no such estimate, or an earlier version stored it.
    """
    bounds = [bound for bound in mass_errors if bound is not None]
    if not bounds or len(bounds) < len(mass_errors):
        return ""
    return f"within {number(max(bounds), 3)} (90%)"


def completeness_phrase(completeness_errors: Sequence[float | None]) -> str:
    """Returns the larger completeness error of the sides, or that the method claims none."""
    errors = [error for error in completeness_errors if error is not None]
    if not errors:
        return "not measured by this method"
    return f"completeness error {percent(max(errors), 1)}"
