"""Describes the parts of the corpus: their columns, numbers of items, labels, and how a line is
read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from ccta_core.corpus.demo.marks import NamedEntity, entities, unmarked
from ccta_core.types import Sentence


class DemoText(NamedTuple):
    """The text of a line: what the model reads, and the names in it."""

    sentence: Sentence
    entities: tuple[NamedEntity, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """The columns of one part and how many items it has.

    `texts` turns (language, the cells after id and label) into what they say; it raises CctaError.
    The items of a group agree in the segment `shared`; an item without `shared` is its own group.
    """

    columns: tuple[str, ...]
    items: int
    texts: Callable[..., DemoText]
    labels: tuple[str, ...] = ()
    shared: int | None = None

    def group(self, item: str) -> str:
        """Returns the group of an item: its id up to the last dash where the part has groups."""
        return item if self.shared is None else item.rpartition("-")[0]


def _pair(lang: str, first: str, second: str) -> DemoText:
    return DemoText(Sentence(first, lang, second))


def _question(lang: str, question: str, context: str) -> DemoText:
    marked = unmarked(context)
    return DemoText(Sentence(question, lang, marked.text, focus=(marked.answer,)))


def _tagged(lang: str, text: str, written: str) -> DemoText:
    return DemoText(Sentence(text, lang), entities(written, text))


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
        "sentences": Form(columns=("id", "text", "entities"), items=100, texts=_tagged),
    }
)
"""Part -> its form."""
