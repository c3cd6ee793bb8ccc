"""What to notice in each step, from the lesson's own numbers; HTML with foreign words isolated."""

from html import escape

import numpy as np

from ccta_core.reports.pair.verdict import against_shuffled
from ccta_core.text import count, number, p_phrase, percent, signed
from ccta_core.zoo.lesson import Lesson, LessonSentence
from dashboard.views.learn.tables import (
    HandPlan,
    TransportProblem,
    arrangement_scores,
    compare_with_arrangements,
    compare_with_shuffles,
    estimate_of,
    has_few_arrangements,
    word_masses,
)
from dashboard.widgets.wording import language_name, word


def of_sum(sentence: LessonSentence, label: str) -> str:
    """Step 1: the strongest word against the whole."""
    strongest = int(np.abs(sentence.scores).argmax())
    predicted = sentence.predicted
    but = (
        ""
        if predicted == label
        else f", but {escape(predicted)} {percent(sentence.prediction[predicted])}"
    )
    rest = "pull back" if sentence.scores[strongest] > sentence.difference else "add the rest"
    return (
        f"{word(sentence.words[strongest], sentence.lang)} alone has "
        f"{signed(sentence.scores[strongest])} logits, all words together "
        f"{signed(sentence.difference)}: the others {rest}. In {language_name(sentence.lang)} the "
        f"model gives {escape(label)} a probability of {percent(sentence.prediction[label])}{but}."
    )


def of_path(sentence: LessonSentence) -> str:
    """Step 2: where most happens."""
    steps = np.abs(np.diff(sentence.path.values))
    order = np.argsort(-steps)
    most = order[: int((steps[order].cumsum() < 0.5 * steps.sum()).sum()) + 1]
    return (
        "The score does not grow evenly: half of all its movement, up and down, happens in "
        f"{percent(len(most) / len(steps))} of the way."
    )


def of_padding(sentence: LessonSentence, label: str) -> str:
    """Step 2, beside it: what the model says to the baseline."""
    blank = max(sentence.blank_prediction, key=lambda name: sentence.blank_prediction[name])
    return (
        f"Padding is no neutral text for this model: it says {escape(blank)} with "
        f"{percent(sentence.blank_prediction[blank])} and {escape(label)} with "
        f"{percent(sentence.blank_prediction[label])}."
    )


def of_completeness(sentence: LessonSentence, points: int) -> str:
    """Step 3: what so many points miss, and what the engine does."""
    estimate = estimate_of(sentence, points)
    missed = sentence.difference - float(estimate.scores.sum()) - estimate.specials
    return (
        f"{points} evenly spaced points miss {number(abs(missed), 3)} of "
        f"{number(sentence.difference)} logits: an error of {percent(estimate.error, 1)}. The "
        f"engine puts its {sentence.evaluations} points where the score moves: "
        f"{percent(sentence.error, 2)}."
    )


def of_units(sentence: LessonSentence, kind: str) -> str:
    """Step 4: whose mass is largest, and what is cut into most pieces."""
    masses = word_masses(sentence, kind)
    heaviest = int(masses.argmax())
    word_of_piece = [piece.word for piece in sentence.pieces if piece.word is not None]
    split = max(set(word_of_piece), key=word_of_piece.count)
    return (
        f"{word(sentence.words[heaviest], sentence.lang)} holds {percent(masses[heaviest])} of "
        f"the mass. {word(sentence.words[split], sentence.lang)} is read in "
        f"{word_of_piece.count(split)} pieces."
    )


def of_specials(sentence: LessonSentence) -> str:
    """Step 4, beside it: what the special tokens hold here and further up."""
    shares = sentence.special_shares
    high = max(range(len(shares)), key=lambda layer: shares[layer])
    return (
        "The special tokens have exactly 0 here, at the embeddings, because the baseline keeps "
        f"them as they are; measured at layer {high} they would hold {percent(shares[high])} of "
        "everything."
    )


def of_space(lesson: Lesson, lang: str, space: str) -> str:
    """Step 5: which words are nearest, and how near all are."""
    cosines = lesson.couples[lang].spaces[space].similarity
    i, j = divmod(int(cosines.argmax()), cosines.shape[1])
    source, target = lesson.sentences[lesson.pivot], lesson.sentences[lang]
    return (
        f"The nearest are {word(source.words[i], lesson.pivot)} and {word(target.words[j], lang)}, "
        f"cosine {number(float(cosines[i, j]))}; any two words have "
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


def of_hand(problem: TransportProblem, hand_plan: HandPlan) -> str:
    """Step 6: the plan as it stands, beside what can be reached."""
    if hand_plan.score is None and hand_plan.moved <= 0:
        return "Nothing is moved yet: a plan has a score once no mass is left over on either side."
    if hand_plan.score is None:
        left = float(np.maximum(hand_plan.left_source, 0).sum())
        return f"{percent(left)} of the mass is left over: this plan has no score yet."
    best = problem.best.ems
    if best - hand_plan.score < 5e-4:
        return (
            f"Your plan scores {number(hand_plan.score, 3)}, and no plan scores more: this is EMS."
        )
    return (
        f"Your plan scores {number(hand_plan.score, 3)}; the best possible plan scores "
        f"{number(best - hand_plan.score, 3)} more."
    )


def of_chance(observed: float, values: np.ndarray) -> str:
    """Step 7: EMS among its shuffles."""
    test = compare_with_shuffles(values, observed)
    p = test.p_value or 0.0
    reached = round(p * (test.drawn + 1)) - 1
    return (
        f"{reached} of {count(test.drawn, 'shuffle')} reach this EMS, {escape(p_phrase(p))}: "
        f"{against_shuffled(test)}."
    )


def of_permutations(lesson: Lesson, lang: str, observed: float) -> str:
    """Step 7, beside it: the exact test, and the least p that so few words can reach."""
    if not all(has_few_arrangements(lesson, code) for code in (lesson.pivot, lang)):
        return (
            "These masses have too many distinct permutations to go through them all: some are "
            "drawn. One sentence decides nothing, which is why studies take many."
        )
    test = compare_with_arrangements(arrangement_scores(lesson, lang), observed)
    itself = arrangement_scores(lesson, lesson.pivot)
    least = compare_with_arrangements(itself, float(itself.max())).p_value
    name = language_name(lesson.pivot)
    return (
        f"These masses have only {test.drawn} distinct permutations; {percent(test.p_value, 1)} "
        f"of them reach EMS. Even {name} with itself can't get below {percent(least, 1)}: one "
        "short sentence decides nothing, which is why studies take many."
    )
