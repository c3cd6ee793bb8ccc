"""Explains extracted answers: F is the start logit plus the end logit of the answer's span."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ccta_core.errors import CctaError
from ccta_core.models.heads import Target
from ccta_core.models.model import Model
from ccta_core.models.windows import Window, windows
from ccta_core.tasks.protocol import ANY, Explained, ModelOutput
from ccta_core.types import Sentence, Span
from ccta_core.units import grapheme_boundaries, trimmed

ANSWER, PREDICTED = "answer", "predicted answer"
LONGEST = 30
"""Tokens of the longest answer that is looked for [ours]."""
SHOWN = 5
"""Answers a prediction lists."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Every span that may be the answer, the best one first; one entry a span of the context.

    Shape: all arrays (spans,). `score` is start logit + end logit, `probability` its softmax over
    all of them, `window`, `first` and `last` (tokens) the window in which it scored best.
    """

    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    probability: np.ndarray
    window: np.ndarray
    first: np.ndarray
    last: np.ndarray


class QuestionAnswering:
    """Extractive question answering: the question is answered in each language's own context."""

    def check(self, model: Model, sentence: Sentence, asked: str) -> None:
        """Raises CctaError without a context, on a named class, and on more than one answer."""
        if sentence.text2 is None:
            raise CctaError(
                f"{model.id} answers questions: expected a question and, as the second text, the "
                f"context it is answered from; the {sentence.lang} sentence has one text"
            )
        if asked not in (*ANY, ANSWER, PREDICTED):
            raise CctaError(
                f"{model.id} finds spans and has no class {asked!r}; expected auto (the answer in "
                "focus, else the predicted one) or each (the predicted one)"
            )
        if len(sentence.focus) > 1:
            raise CctaError(
                f"one answer is explained, {len(sentence.focus)} were given in the "
                f"{sentence.lang} context; choose one of them"
            )

    def windows(self, model: Model, sentence: Sentence) -> tuple[Window, ...]:
        """Returns the question with each part of a context that is too long for one reading."""
        return windows(model, sentence)

    def label(self, model: Model, output: ModelOutput, asked: str) -> str:
        """Returns which answer is explained: the one in focus, if any ("auto"), or the predicted
        one.
        """
        return {"auto": ANSWER, "each": PREDICTED}.get(asked, asked)

    def explain(self, model: Model, output: ModelOutput, label: str) -> Explained:
        """Selects start and end logit of the answer, in the window that reads it best."""
        ranked = candidates(output)
        prediction, predicted = answers(output, ranked)
        if label == ANSWER and output.sentence.focus:
            focus = output.sentence.focus[0]
            window, first, last = given_span(output, focus)
        else:
            focus = predicted
            window, first, last = (
                int(values[0]) for values in (ranked.window, ranked.first, ranked.last)
            )
        return Explained(
            label=label,
            target=Target(((first, 0), (last, 1)), rivals="positions"),
            prediction=prediction,
            window=window,
            focus=(focus,),
        )


def candidates(output: ModelOutput, *, longest: int = LONGEST) -> Candidates:
    """Returns all spans of at most `longest` tokens of the context, over all windows, the best
    first.

    A span begins and ends with a visible token of the context; one that several windows hold counts
    once, with its best score. Equal scores keep the order of the text.
    """
    parts = [
        _spans(number, window, logits, longest)
        for number, (window, logits) in enumerate(zip(output.windows, output.logits, strict=True))
    ]
    score = np.concatenate([part.scores for part in parts])
    start, end, window, first, last = np.concatenate([part.places for part in parts], axis=1)
    order = np.lexsort((end, start, -score))
    where = start * (len(output.sentence.segments[-1]) + 1) + end
    _, once = np.unique(where[order], return_index=True)
    kept = order[np.sort(once)]
    odds = np.exp(score[kept] - score[kept].max())
    return Candidates(
        start=start[kept],
        end=end[kept],
        score=score[kept],
        probability=odds / odds.sum(),
        window=window[kept],
        first=first[kept],
        last=last[kept],
    )


class LikeliestAnswers(NamedTuple):
    """Likely answers, text -> probability of its likeliest place, and the span of the best one."""

    probabilities: dict[str, float]
    best: Span


def answers(output: ModelOutput, ranked: Candidates, *, shown: int = SHOWN) -> LikeliestAnswers:
    """Returns the `shown` likeliest answers of ranked candidates.

    Spans are widened to whole graphemes: no glyph is cut.
    """
    text = output.sentence.segments[-1]
    lows, highs = _widened(text, ranked.start, ranked.end)
    prediction: dict[str, float] = {}
    for low, high, probability in zip(lows, highs, ranked.probability, strict=True):
        prediction.setdefault(text[low:high], float(probability))
        if len(prediction) == shown:
            break
    return LikeliestAnswers(prediction, (int(lows[0]), int(highs[0])))


class TokenSpan(NamedTuple):
    """A span of tokens in one window of a context, the last token included."""

    window: int
    first: int
    last: int


def given_span(output: ModelOutput, focus: Span) -> TokenSpan:
    """Returns the tokens of a given answer, in the window where it has most context on both sides.

    Raises CctaError where no window holds it whole.
    """
    best: TokenSpan | None = None
    most = -1
    text = output.sentence.segments[-1]
    start, end = trimmed(text, focus) or focus
    parts = [
        [(token, span) for token, span in enumerate(window.spans) if span is not None]
        for window in output.windows
    ]
    # a glyph that a window cuts counts as in it: it is so in a predicted answer too
    lows, highs = _widened(
        text,
        np.array([visible[0][1][0] for visible in parts]),
        np.array([visible[-1][1][1] for visible in parts]),
    )
    for number, visible in enumerate(parts):
        inside = [token for token, (low, high) in visible if low < end and start < high]
        if not inside or start < lows[number] or highs[number] < end:
            continue
        room = min(inside[0] - visible[0][0], visible[-1][0] - inside[-1])
        if room > most:
            best, most = TokenSpan(number, inside[0], inside[-1]), room
    if best is None:
        raise CctaError(
            f"the answer at {focus[0]}:{focus[1]} is in no part of the {output.sentence.lang} "
            "context that the model can read at once; give a shorter answer"
        )
    return best


def _widened(text: str, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moves the places outwards to where a grapheme begins and ends."""
    edges = np.array(sorted(grapheme_boundaries(text)))
    lows = edges[np.searchsorted(edges, starts, side="right") - 1]
    return lows, edges[np.searchsorted(edges, ends, side="left")]


class _WindowSpans(NamedTuple):
    """Every span of one window: where it lies, and its score.

    Shape: `places` (5, spans), the rows start, end, window, first and last token; `scores`
    (spans,).
    """

    places: np.ndarray
    scores: np.ndarray


def _spans(number: int, window: Window, logits: torch.Tensor, longest: int) -> _WindowSpans:
    visible = [(token, *span) for token, span in enumerate(window.spans) if span is not None]
    tokens, starts, ends = np.array(visible, dtype=np.int64).T
    values = logits.double().cpu().numpy()[tokens]
    length = tokens[None, :] - tokens[:, None] + 1
    first, last = np.nonzero((length >= 1) & (length <= longest))
    window_numbers = np.full(len(first), number)
    places = np.stack([starts[first], ends[last], window_numbers, tokens[first], tokens[last]])
    return _WindowSpans(places, values[first, 0] + values[last, 1])
