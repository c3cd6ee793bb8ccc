"""A lesson on a pair of one's own that nobody measured: the lesson's numbers under other words."""

import json
from functools import reduce

from ccta_core.models.catalog import find
from ccta_core.types import Sentence
from ccta_core.zoo.lesson import LESSON, LessonOf, keep_lesson

MODEL = "e5-small/nli-en"
OTHERS = {"children": "parrots", "niños": "loros"}
SOURCE = Sentence("The parrots slept", "en", "Nobody slept")
TARGET = Sentence("Los loros durmieron", "es", "Nadie durmió")


def made_payload() -> dict:
    """The lesson in English and Spanish with parrots in place of children."""
    text = reduce(
        lambda body, pair: body.replace(*pair), OTHERS.items(), LESSON.read_text(encoding="utf-8")
    )
    payload = json.loads(text)
    for part in ("sentences", "couples"):
        payload[part] = {lang: payload[part][lang] for lang in ("en", "es")}
    payload["couples"]["en"]["unrelated"] = None
    return payload | {"notices": ["a notice of the lesson"]}


def keep_made_lesson() -> LessonOf:
    """Stores it in the cache under the pair that it is on."""
    wanted = LessonOf(find(MODEL), SOURCE, TARGET)
    keep_lesson(made_payload(), wanted)
    return wanted


def own_query(**more: str) -> dict[str, str]:
    """The address of Learn on the pair."""
    texts = (SOURCE.text, SOURCE.text2, TARGET.text, TARGET.text2)
    names = ("s1", "s2", "t1", "t2")
    return {"item": "own", **{n: str(t) for n, t in zip(names, texts, strict=True)}, **more}
