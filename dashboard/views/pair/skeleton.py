"""The words of a pair before they are measured: same text, same place, nothing claimed."""

from typing import Any

import regex

from ccta_core.languages import language
from ccta_core.types import Sentence, is_blank
from ccta_core.units import split_words
from dashboard.jobs import Predicted
from dashboard.views.pair.view import PairRequest

_MOST = 4000
"""Characters of a segment that the skeleton shows."""
_CLUSTERS = 2


def skeleton(request: PairRequest, predicted: Predicted | None = None) -> dict[str, Any]:
    """A payload with words, and with predictions where there are any, but no attribution, no mass
    and no plan.
    """
    source, target = _side_payload(request.source), _side_payload(request.target)
    for side, said in zip((source, target), predicted or (), strict=False):
        side |= {"prediction": said.prediction, "head_scores": said.head_scores}
        side["outputs"] = request.model.outputs
    return {
        "task": request.model.task,
        "source": source,
        "target": target,
        "plan": [],
        "similarity": [],
        "ems": 0.0,
        "layer": request.config.layer,
        "target_class": "auto",
    }


def _side_payload(sentence: Sentence) -> dict[str, Any]:
    texts = [text[:_MOST] for text in sentence.segments]
    spaced = language(sentence.lang).spaced
    units = [
        {"text": text[start:end], "start": start, "end": end, "segment": segment}
        for segment, text in enumerate(texts)
        for start, end in (split_words(text) if spaced else _grapheme_runs(text))
    ]
    nothing = [0.0] * len(units)
    return {
        "lang": sentence.lang,
        "text": texts[0],
        "text2": texts[1] if len(texts) > 1 else None,
        "units": units,
        "attribution": nothing,
        "mass": nothing,
        "subwords": [unit["text"] for unit in units],
        "subword_attribution": nothing,
        "prediction": {},
        "converged": True,
    }


def _grapheme_runs(text: str) -> list[tuple[int, int]]:
    """Short runs of graphemes that are shown, for scripts without spaces."""
    shown = [
        grapheme.span()
        for grapheme in regex.finditer(r"\X", text)
        if not is_blank(grapheme.group())
    ]
    groups = [shown[start : start + _CLUSTERS] for start in range(0, len(shown), _CLUSTERS)]
    return [(group[0][0], group[-1][1]) for group in groups]
