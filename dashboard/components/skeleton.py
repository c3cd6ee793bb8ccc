"""The words of a pair before they are measured: same text, same place, nothing claimed."""

import re
import unicodedata
from typing import Any

from ccta_core.languages import language
from ccta_core.types import Sentence
from dashboard.choice import Request

_MOST = 4000
"""Characters of a segment that the skeleton shows."""
_CLUSTERS = 2


def skeleton(request: Request) -> dict[str, Any]:
    """A payload with words but no attribution, no mass and no plan."""
    return {
        "task": request.model.task,
        "source": _side(request.source),
        "target": _side(request.target),
        "plan": [],
        "similarity": [],
        "ems": 0.0,
        "layer": request.config.layer,
        "target_class": "auto",
    }


def _side(sentence: Sentence) -> dict[str, Any]:
    texts = [text[:_MOST] for text in sentence.segments]
    spaced = language(sentence.lang).spaced
    units = [
        {"text": text[start:end], "start": start, "end": end, "segment": segment}
        for segment, text in enumerate(texts)
        for start, end in (_words(text) if spaced else _clusters(text))
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


def _words(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"\S+", text)]


def _clusters(text: str) -> list[tuple[int, int]]:
    """Short runs that never cut a mark from its letter, for scripts without spaces."""
    starts = [
        place
        for place, letter in enumerate(text)
        if unicodedata.category(letter)[0] != "M" and not letter.isspace()
    ]
    ends = [*starts[1:], len(text)]
    groups = range(0, len(starts), _CLUSTERS)
    return [(starts[n], ends[min(n + _CLUSTERS, len(ends)) - 1]) for n in groups]
