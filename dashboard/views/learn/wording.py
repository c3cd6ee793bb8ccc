"""What to notice in each step, from the lesson's own numbers; HTML with foreign words isolated."""

from html import escape

import numpy as np

from ccta_core.reports.pair.verdict import against_shuffled
from ccta_core.text import count, number, p_phrase, percent, signed
from ccta_core.zoo.lesson import Lesson, LessonSentence
from dashboard.views.learn.tables import (
    PIVOT,
    ByHand,
    Problem,
    estimate_of,
    every_deal,
    tested,
    tested_exactly,
    word_masses,
)
from dashboard.widgets.wording import language_name, word


def of_sum(told: LessonSentence, label: str) -> str:
    """Step 1: the strongest word against the whole."""
    at = int(np.abs(told.scores).argmax())
    own = told.predicted
    but = "" if own == label else f", but {escape(own)} {percent(told.prediction[own])}"
    rest = "pull back" if told.scores[at] > told.difference else "add the rest"
    return (
        f"{word(told.words[at], told.lang)} alone has {signed(told.scores[at])} logits, all words "
        f"together {signed(told.difference)}: the others {rest}. In {language_name(told.lang)} the "
        f"model gives {escape(label)} a probability of {percent(told.prediction[label])}{but}."
    )


def of_path(told: LessonSentence) -> str:
    """Step 2: where most happens."""
    steps = np.abs(np.diff(told.path.values))
    order = np.argsort(-steps)
    most = order[: int((steps[order].cumsum() < 0.5 * steps.sum()).sum()) + 1]
    return (
        "The score does not grow evenly: half of all its movement, up and down, happens in "
        f"{percent(len(most) / len(steps))} of the way."
    )


def of_padding(told: LessonSentence, label: str) -> str:
    """Step 2, beside it: what the model says to the baseline."""
    blank = max(told.blank_prediction, key=lambda name: told.blank_prediction[name])
    return (
        f"Padding is no neutral text for this model: it says {escape(blank)} with "
        f"{percent(told.blank_prediction[blank])} and {escape(label)} with "
        f"{percent(told.blank_prediction[label])}."
    )


def of_completeness(told: LessonSentence, points: int) -> str:
    """Step 3: what so many points miss, and what the engine does."""
    found = estimate_of(told, points)
    missed = told.difference - float(found.scores.sum()) - found.specials
    return (
        f"{points} evenly spaced points miss {number(abs(missed), 3)} of "
        f"{number(told.difference)} logits: an error of {percent(found.error, 1)}. The engine "
        f"looks where the score moves: {told.evaluations} points, {percent(told.error, 2)}."
    )


def of_units(told: LessonSentence, kind: str) -> str:
    """Step 4: whose mass is largest, and what is cut into most pieces."""
    masses = word_masses(told, kind)
    at, homes = int(masses.argmax()), _homes(told)
    split = max(set(homes), key=homes.count)
    return (
        f"{word(told.words[at], told.lang)} holds {percent(masses[at])} of the mass. "
        f"{word(told.words[split], told.lang)} is read in {homes.count(split)} pieces."
    )


def of_specials(told: LessonSentence) -> str:
    """Step 4, beside it: what the special tokens hold here and further up."""
    shares = told.special_shares
    high = max(range(len(shares)), key=lambda layer: shares[layer])
    return (
        "The special tokens have exactly 0 here, at the embeddings, because the baseline keeps "
        f"them as they are; measured at layer {high} they would hold {percent(shares[high])} of "
        "everything."
    )


def of_space(lesson: Lesson, lang: str, space: str) -> str:
    """Step 5: which words are nearest, and how near all are."""
    cosines = lesson.couples[lang].spaces[space].similarity
    at, to = divmod(int(cosines.argmax()), cosines.shape[1])
    source, target = lesson.sentences[PIVOT], lesson.sentences[lang]
    return (
        f"The nearest are {word(source.words[at], PIVOT)} and {word(target.words[to], lang)}, "
        f"cosine {number(float(cosines[at, to]))}; any two words have "
        f"{number(float(cosines.mean()))} in the mean."
    )


def of_plane(lesson: Lesson, lang: str, space: str) -> str:
    """Step 5, beside it: what the plane leaves out, and what centring changes."""
    spaces = lesson.couples[lang].spaces
    raw, centred = (float(spaces[name].similarity.mean()) for name in ("raw", "centered"))
    return (
        "The plane is computed from these words' real vectors, each of length 1 (principal "
        f"components); it shows {percent(float(spaces[space].explained.sum()))} of their variance. "
        f"Mean cosine: {number(raw)} raw, {number(centred)} centred."
    )


def of_hand(problem: Problem, mine: ByHand) -> str:
    """Step 6: the plan as it stands, beside what can be reached."""
    if mine.score is None and mine.moved <= 0:
        return "Nothing is moved yet: a plan has a score once no mass is left over on either side."
    if mine.score is None:
        left = float(np.maximum(mine.left_source, 0).sum())
        return f"{percent(left)} of the mass is left over: this plan has no score yet."
    best = problem.best.ems
    if best - mine.score < 5e-4:
        return f"Your plan scores {number(mine.score, 3)}, and no plan scores more: this is EMS."
    return (
        f"Your plan scores {number(mine.score, 3)}; the best possible plan scores "
        f"{number(best - mine.score, 3)} more."
    )


def of_chance(found: float, values: np.ndarray) -> str:
    """Step 7: EMS among its shuffles."""
    test = tested(values, found)
    p = test.p_value or 0.0
    reached = round(p * (test.drawn + 1)) - 1
    return (
        f"{reached} of {count(test.drawn, 'shuffle')} reach this EMS, {escape(p_phrase(p))}: "
        f"{against_shuffled(test)}."
    )


def of_deals(lesson: Lesson, lang: str, found: float) -> str:
    """Step 7, beside it: what all deals say, and what so few words can say at all."""
    deals, itself = every_deal(lesson, lang), every_deal(lesson, PIVOT)
    test = tested_exactly(deals, found)
    least = tested_exactly(itself, float(itself.max())).p_value
    return (
        f"There are only {test.drawn} ways to deal these masses out; {percent(test.p_value, 1)} of "
        f"them reach EMS. Even English with itself can't get below {percent(least, 1)}: one short "
        "sentence decides nothing, which is why studies take many."
    )


def _homes(told: LessonSentence) -> list[int]:
    return [piece.word for piece in told.pieces if piece.word is not None]
