"""One labelled item of one language, whatever the task: what readers give and trainers take."""

from dataclasses import dataclass

from ccta_core.types import Span


@dataclass(frozen=True, slots=True)
class Item:
    """A text with its gold answer in one language.

    `text` and `text2` are premise and hypothesis, two sentences, or question and context; a tagged
    item has one text. `label` is the gold class; `answers` are the gold answers as character spans
    of `text2`; `words` are the spans of `text` that carry `tags` (IOB2, one a word). Items of one
    `group` share a premise, a paragraph or an article: they are not independent.
    """

    id: str
    group: str
    lang: str
    text: str
    text2: str | None = None
    label: str | None = None
    answers: tuple[Span, ...] = ()
    words: tuple[Span, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that could not be used: where it stands ("dev-es.tsv:17") and why."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found: the items in file order, and what it left out, aloud."""

    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...] = ()
