"""Measures the lesson of the page Learn with a shipped model (docs/method.md, 2 to 4).

python -m research.zoo.lesson
"""

import json
import sys
from functools import partial
from typing import Any

from ccta_core.config import Config, Quadrature
from ccta_core.models.load import load_model
from ccta_core.pipeline import attribute, compare
from ccta_core.types import Sentence
from ccta_core.zoo.lesson import LESSON
from ccta_core.zoo.measure_lesson import lesson_payload, with_couples

_MODEL = "e5-small/nli-en"
_PIVOT = "en"
TEXTS = {
    "en": ("The children slept", "Nobody slept"),
    "es": ("Los niños durmieron", "Nadie durmió"),
    "ar": ("نام الأطفال", "لم ينم أحد"),
    "zh": ("孩子们睡觉了", "没有人睡觉"),
}
"""Own sentences of five words each, without full stops: in Chinese they would be words."""


def measured() -> dict[str, Any]:
    """The lesson as JSON takes it; the explained class is the English prediction everywhere."""
    model = load_model(_MODEL)
    sentences = {lang: Sentence(one, lang, two) for lang, (one, two) in TEXTS.items()}
    target_class = str(attribute(model, [sentences[_PIVOT]])[0].predicted)
    config = Config(target_class=target_class, quadrature=Quadrature(tolerance=1e-3))
    payload = lesson_payload(model, sentences, config)
    return with_couples(model, sentences, payload, partial(_compare, model, config))


def _compare(model: Any, config: Config, source: Sentence, target: Sentence) -> Any:
    return compare(model, source, target, config)


def main() -> None:
    """Measures the lesson with the shipped model and writes it."""
    body = json.dumps(measured(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    LESSON.write_text(body + "\n", encoding="utf-8")
    sys.stderr.write(f"{LESSON}: {LESSON.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
