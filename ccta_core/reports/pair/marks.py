"""What the picture of a pair is drawn from: its marks, and how a prediction is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

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


Span = tuple[int, int]
_SIDES = ("source", "target")


def marks(payload: Mapping[str, Any]) -> dict[str, dict[str, list]]:
    """Side -> the spans of the given and the predicted answer, and a tag a word.

    `gold` and `said` are character spans of the last segment; `tags` has one text a unit, empty
    where it is no name, and is itself empty where no unit has one.
    """
    return {side: _of_side(payload[side], payload.get("task", "")) for side in _SIDES}


def tags_of(side: Mapping[str, Any]) -> list[str]:
    """The predicted type of each unit, empty for none: `prediction` names them "words: TYPE".

    A name that stands in the text more than once is marked wherever it does.
    """
    tags = [""] * len(side["units"])
    for named in side["prediction"]:
        words, colon, kind = str(named).rpartition(": ")
        for span in _places(side["text"], words) if colon else ():
            for index in _inside(side["units"], 0, span):
                tags[index] = tags[index] or kind
    return tags


def answer_of(side: Mapping[str, Any]) -> str | None:
    """The likeliest answer, or None where nothing was predicted."""
    prediction = side["prediction"]
    return max(prediction, key=lambda text: prediction[text]) if prediction else None


def _of_side(side: Mapping[str, Any], task: str) -> dict[str, list]:
    if task == "qa":
        context = side["text2"] or ""
        predicted = _nearest(_places(context, answer_of(side) or ""), side.get("focus") or [])
        gold = [list(span) for span in side.get("given_focus") or []]
        return {"gold": gold, "said": [list(predicted)] if predicted else [], "tags": []}
    tags = tags_of(side) if task == "ner" else []
    return {"gold": [], "said": [], "tags": tags if any(tags) else []}


def _places(text: str, part: str) -> Iterator[Span]:
    start = text.find(part) if part else -1
    while start >= 0:
        yield start, start + len(part)
        start = text.find(part, start + 1)


def _nearest(places: Iterator[Span], focus: Sequence[Sequence[int]]) -> Span | None:
    """The place nearest to what is explained: an answer may stand in a text more than once."""
    focus_start = focus[0][0] if focus else 0
    return min(places, key=lambda span: abs(span[0] - focus_start), default=None)


def _inside(units: Sequence[Mapping[str, Any]], segment: int, span: Span) -> Iterator[int]:
    for index, unit in enumerate(units):
        if unit["segment"] == segment and unit["start"] < span[1] and span[0] < unit["end"]:
            yield index
