"""What a model says of a text, in one line: a class, labels, an answer, names, or a score."""

from collections.abc import Callable

from ccta_core.types import NO_LABEL, Attribution


def two_digits(value: float) -> str:
    """A probability or a score with two digits."""
    return f"{value:.2f}"


def prediction_text(
    side: Attribution, *, most: int = 1, show: Callable[[float], str] = two_digits
) -> str:
    """The likeliest classes, answers or names with their probabilities, at most `most` of them.

    Of labels that hold or not, all that hold; of a head of scores its scores, each by its name.
    """
    if side.outputs == "scores":
        entries = list(side.head_scores.items())
    elif side.outputs == "labels":
        entries = [(label, side.prediction[label]) for label in side.predicted_labels]
    else:
        entries = sorted(side.prediction.items(), key=lambda entry: -entry[1])[:most]
    return "; ".join(f"{name} {show(value)}" for name, value in entries) or NO_LABEL


def explained(target_class: str, outputs: str) -> str:
    """What the attributions speak for, as the object of a sentence."""
    return "the score" if outputs == "scores" and target_class == "score" else target_class
