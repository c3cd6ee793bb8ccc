"""What the picture of a pair is drawn from: its marks, and how a prediction is written."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ccta_core.types import NO_LABEL, Attribution


def two_digits(value: float) -> str:
    """Returns a probability or a score with two digits."""
    return f"{value:.2f}"


def prediction_text(
    side: Attribution, *, most: int = 1, show: Callable[[float], str] = two_digits
) -> str:
    """Returns the likeliest classes, answers or names with their probabilities, at most `most` of
    them.

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
    """Returns what the attributions explain, as the object of a sentence."""
    return "the score" if outputs == "scores" and target_class == "score" else target_class


Span = tuple[int, int]
_SIDES = ("source", "target")


def marks(payload: Mapping[str, Any]) -> dict[str, dict[str, list]]:
    """Maps each side to the spans of the given and the predicted answer, and a tag a word.

    `gold` and `said` are character spans of the last segment; `tags` has one text a unit, empty
    where it is no name, and is itself empty where no unit has one.
    """
    return {side: _side_marks(payload[side], payload.get("task", "")) for side in _SIDES}


def tags_of(side: Mapping[str, Any]) -> list[str]:
    """Returns the predicted type of each unit, empty for none: `prediction` names them "words:
    TYPE".

    A name that stands in the text more than once is marked wherever it does.
    """
    tags = [""] * len(side["units"])
    for named in side["prediction"]:
        words, colon, kind = str(named).rpartition(": ")
        for start, end in _places(side["text"], words) if colon else ():
            for index, unit in enumerate(side["units"]):
                if unit["segment"] == 0 and unit["start"] < end and start < unit["end"]:
                    tags[index] = tags[index] or kind
    return tags


def answer_of(side: Mapping[str, Any]) -> str | None:
    """Returns the likeliest answer, or None where nothing was predicted."""
    prediction = side["prediction"]
    return max(prediction, key=lambda text: prediction[text]) if prediction else None


def _side_marks(side: Mapping[str, Any], task: str) -> dict[str, list]:
    if task == "qa":
        context = side["text2"] or ""
        focus = side.get("focus") or []
        start = focus[0][0] if focus else 0
        # An answer may stand in a text more than once: the one nearest to what is explained.
        places = _places(context, answer_of(side) or "")
        predicted = min(places, key=lambda span: abs(span[0] - start), default=None)
        gold = [list(span) for span in side.get("given_focus") or []]
        return {"gold": gold, "said": [list(predicted)] if predicted else [], "tags": []}
    tags = tags_of(side) if task == "ner" else []
    return {"gold": [], "said": [], "tags": tags if any(tags) else []}


def _places(text: str, part: str) -> Iterator[Span]:
    start = text.find(part) if part else -1
    while start >= 0:
        yield start, start + len(part)
        start = text.find(part, start + 1)
