"""Aligns the items of several languages by id into parallel examples and lists what is left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ccta_core.corpus.items import Item, LeftOut
from ccta_core.corpus.source import PlacedItem, ReaderOutput
from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample, Sentence

SLACK = 1000
"""Ids beyond twice the limit that are kept while their counterparts are looked for."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """The examples that all languages have, and by place and reason what was left out or put
    right.
    """

    examples: tuple[ParallelExample, ...]
    left_out: tuple[LeftOut, ...]
    repaired: tuple[LeftOut, ...]


@dataclass(slots=True)
class _ItemVersions:
    """The items that were read under one id, by language, and the languages whose item was
    refused.
    """

    items: dict[str, PlacedItem] = field(default_factory=dict)
    sentences: dict[str, Sentence] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Collected:
    """Everything read so far, ids in order of first appearance."""

    entries: dict[str, _ItemVersions] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    complete: int = 0


def sentence_of(item: Item) -> Sentence:
    """Returns what the model reads of an item: its texts, with its first gold answer as the focus.

    Raises CctaError where a text is empty or has a control character.
    """
    return Sentence(item.text, item.lang, item.text2, focus=item.answers[:1])


def refusal(placed: PlacedItem) -> str | None:
    """Returns why an item can't be used: its reader's reason, or a text that no model reads; None
    if it can.
    """
    if placed.refused:
        return placed.refused
    item = placed.item
    if _is_legible(item.text) and (item.text2 is None or _is_legible(item.text2)):
        return None
    try:
        sentence_of(item)
    except CctaError as error:
        return str(error)
    return None


@lru_cache(maxsize=64)
def _is_legible(text: str) -> bool:
    """Returns whether a text makes a sentence. It is cached: questions on one paragraph follow each
    other.
    """
    try:
        Sentence(text, "en")
    except CctaError:
        return False
    return True


def align(
    streams: Iterable[Iterable[ReaderOutput]],
    langs: Sequence[str],
    *,
    limit: int | None = None,
    bounded: bool = False,
    together: bool = False,
) -> Aligned:
    """Returns the items that every one of `langs` has, in order of first appearance.

    With a limit the first `limit` of them. `bounded` holds no more than `2 * limit + SLACK` ids,
    in which the items are then looked for; `together` says that what belongs to one id follows in
    one stream, so that reading may stop. Labels that differ between languages leave an item out.
    """
    collected = _Collected()
    most = 2 * limit + SLACK if bounded and limit is not None else None
    for stream in streams:
        for placed in stream:
            if isinstance(placed, LeftOut):
                collected.left_out.append(placed)
            elif (
                most is None or placed.item.id in collected.entries or len(collected.entries) < most
            ):
                _add(collected, placed, len(langs))
            elif together:
                break
            if most is not None and collected.complete >= most:
                break
    return _examples(collected, langs, limit)


def _add(collected: _Collected, placed: PlacedItem, languages: int) -> None:
    item = placed.item
    entry = collected.entries.setdefault(item.id, _ItemVersions())
    if item.lang in entry.items:
        first = entry.items[item.lang].place
        collected.left_out.append(LeftOut(placed.place, f"id {item.id} stands already at {first}"))
        return
    try:
        reason = refusal(placed)
        sentence = None if reason else sentence_of(item)
    except CctaError as error:
        reason, sentence = str(error), None
    if sentence is None:
        collected.left_out.append(LeftOut(placed.place, reason or ""))
        entry.refused.add(item.lang)
        return
    entry.items[item.lang], entry.sentences[item.lang] = placed, sentence
    collected.complete += len(entry.items) == languages


def _examples(collected: _Collected, langs: Sequence[str], limit: int | None) -> Aligned:
    examples: list[ParallelExample] = []
    left_out = collected.left_out
    repaired: list[LeftOut] = []
    for id_, entry in collected.entries.items():
        if limit is not None and len(examples) >= limit:
            break
        missing = [lang for lang in langs if lang not in entry.items]
        reason = _why_no_example(entry, missing)
        if reason:
            left_out.append(LeftOut(next(iter(entry.items.values())).place, reason))
        if missing or reason:
            continue
        items = [entry.items[lang].item for lang in langs]
        label = next((item.label for item in items if item.label is not None), None)
        sentences = {lang: entry.sentences[lang] for lang in langs}
        examples.append(ParallelExample(id_, items[0].group, label, sentences))
        for placed in entry.items.values():
            repaired += [LeftOut(placed.place, reason) for reason in placed.repaired]
    return Aligned(tuple(examples), tuple(left_out), tuple(repaired))


def _why_no_example(entry: _ItemVersions, missing: Sequence[str]) -> str | None:
    """Returns why an id is no example; None if it is one, or if its refused items are listed
    already.
    """
    absent = [lang for lang in missing if lang not in entry.refused]
    if absent and entry.items:
        return f"no counterpart in {', '.join(absent)}"
    alone = [lang for lang, placed in entry.items.items() if placed.item.text2 is None]
    if not missing and 0 < len(alone) < len(entry.items):
        return f"no second text in {', '.join(alone)}"
    labels = {lang: placed.item.label for lang, placed in entry.items.items()}
    if not missing and len({label for label in labels.values() if label is not None}) > 1:
        return "labels differ: " + ", ".join(f"{lang} {label}" for lang, label in labels.items())
    return None
