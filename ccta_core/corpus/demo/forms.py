"""Describes the parts of the corpus: their columns, numbers of items, labels, and how a line is
read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ccta_core.corpus.demo.marks import Entity, entities, unmarked
from ccta_core.types import Sentence

Said = tuple[Sentence, tuple[Entity, ...]]
"""What a line says in its language: what the model reads, and the names in it."""


@dataclass(frozen=True, slots=True)
class Form:
    """The columns of one part and how many items it has.

    `texts` turns (language, the cells after id and label) into what they say; it raises CctaError.
    The items of a group agree in the segment `shared`; an item without `shared` is its own group.
    """

    columns: tuple[str, ...]
    items: int
    texts: Callable[..., Said]
    labels: tuple[str, ...] = ()
    shared: int | None = None

    def group(self, item: str) -> str:
        """Returns the group of an item: its id up to the last dash where the part has groups."""
        return item if self.shared is None else item.rpartition("-")[0]


def _pair(lang: str, first: str, second: str) -> Said:
    return Sentence(first, lang, second), ()


def _question(lang: str, question: str, context: str) -> Said:
    text, answer = unmarked(context)
    return Sentence(question, lang, text, focus=(answer,)), ()


def _named(lang: str, text: str, written: str) -> Said:
    return Sentence(text, lang), entities(written, text)


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "nli": Form(
            columns=("id", "label", "premise", "hypothesis"),
            items=60,
            texts=_pair,
            labels=("entailment", "neutral", "contradiction"),
            shared=0,
        ),
        "paraphrase": Form(
            columns=("id", "label", "first", "second"),
            items=24,
            texts=_pair,
            labels=("paraphrase", "different"),
            shared=0,
        ),
        "qa": Form(columns=("id", "question", "context"), items=24, texts=_question, shared=1),
        "sentences": Form(columns=("id", "text", "entities"), items=100, texts=_named),
    }
)
"""Part -> its form."""
