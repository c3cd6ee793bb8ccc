"""Reads data by name, `NAME[:WHERE][#SPLIT]`: items of some languages, or parallel examples.

WHERE is a folder with the set's native files or with the hub's own files (parquet, jsonl), a data
set on the hub (`owner/name[@revision]`), a part of the bundled corpus (`demo:nli`) or a file
(`file:mine.csv`). Without it the folder is looked for in `../shared/data`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ccta_core.corpus.align import align, refusal
from ccta_core.corpus.clean_text import clean_text
from ccta_core.corpus.items import Item, LeftOut, ReadItems
from ccta_core.corpus.labels import is_number
from ccta_core.corpus.resolve import open_spec
from ccta_core.corpus.source import OpenDataSet, ReaderOutput
from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample


@dataclass(frozen=True, slots=True)
class Corpus:
    """Parallel examples with where they come from; every one has all the `languages`.

    `left_out` lists what could not be used, `repaired` what was put right, by place and reason;
    `labels` are those of the whole data where more of them are known than the examples have.
    """

    source: str
    task: str
    split: str
    licence: str
    languages: tuple[str, ...]
    examples: tuple[ParallelExample, ...]
    left_out: tuple[LeftOut, ...] = ()
    repaired: tuple[LeftOut, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def all_labels(self) -> frozenset[str]:
        """Every label that the data is known to have."""
        example_labels = (example.label for example in self.examples if example.label is not None)
        return frozenset((*example_labels, *self.labels))

    @property
    def sha256(self) -> str:
        """Of the sorted item ids, one a line: which items, whatever their order or languages."""
        return ids_sha256(example.id for example in self.examples)


@dataclass(frozen=True, slots=True)
class Scan:
    """The items of each language by itself, with the data's name, licence and what was put
    right.
    """

    source: str
    task: str
    split: str
    licence: str
    languages: tuple[str, ...]
    reading: ReadItems
    repaired: tuple[LeftOut, ...] = ()
    labels: tuple[str, ...] = ()
    """As those of a Corpus."""

    @property
    def all_labels(self) -> frozenset[str]:
        """Every label that the data is known to have."""
        item_labels = (item.label for item in self.reading.items if item.label is not None)
        return frozenset((*item_labels, *self.labels))

    @property
    def sha256(self) -> str:
        """Of the sorted item ids, each once, one a line."""
        return ids_sha256(item.id for item in self.reading.items)


def ids_sha256(ids: Iterable[str]) -> str:
    """Returns the sha256 (hexadecimal) of the sorted ids, each once, one a line."""
    return hashlib.sha256("\n".join(sorted(set(ids))).encode("utf-8")).hexdigest()


def read_items(
    spec: str, langs: Sequence[str] | None = None, *, limit: int | None = None
) -> ReadItems:
    """Returns the items of each language by itself, for training and scoring; all languages by
    default.

    `limit` takes the first so many of each language. Items come language by language, in file
    order. Raises CctaError (one line) where the spec, the folder or a file is not what it says.
    """
    return scan(spec, langs, limit=limit).reading


def scan(spec: str, langs: Sequence[str] | None = None, *, limit: int | None = None) -> Scan:
    """Reads the same as `read_items`, with the set's name, its licence and what was put right."""
    data = open_spec(spec)
    chosen = _choose_languages(data, langs, limit)
    collected = _ItemCollector({lang: {} for lang in chosen}, limit)
    for stream_languages, stream in data.streams(chosen):
        collected.fill(stream_languages, clean_text(stream))
    for lang in chosen:
        if not collected.items[lang]:
            raise CctaError(_no_item_message(spec, lang, collected.left_out))
    items = tuple(item for lang in chosen for item in collected.items[lang].values())
    return Scan(
        source=data.source,
        task=data.task,
        split=data.split,
        licence=data.licence,
        languages=chosen,
        reading=ReadItems(items, tuple(collected.left_out)),
        repaired=tuple(collected.repaired),
        labels=_more_labels(data, (item.label for item in items)),
    )


def read_corpus(
    spec: str, langs: Sequence[str] | None = None, *, limit: int | None = None
) -> Corpus:
    """Returns the items that every one of the languages has, aligned by id; all languages by
    default.

    `limit` takes the first so many (in a file: of its first `2 * limit + align.SLACK` ids). Raises
    CctaError (one line) where the spec, the folder or a file is not what it says, and where the
    languages are not parallel in this set.
    """
    data = open_spec(spec)
    chosen = _choose_languages(data, langs, limit)
    data.check_parallel(chosen)
    aligned = align(
        (clean_text(stream) for _, stream in data.streams(chosen)),
        chosen,
        limit=limit,
        bounded=data.source.startswith("file:"),
        together=data.together,
    )
    if not aligned.examples:
        raise CctaError(_no_item_message(spec, " ".join(chosen), aligned.left_out))
    return Corpus(
        source=data.source,
        task=data.task,
        split=data.split,
        licence=data.licence,
        languages=chosen,
        examples=aligned.examples,
        left_out=aligned.left_out,
        repaired=aligned.repaired,
        labels=_more_labels(data, (example.label for example in aligned.examples)),
    )


def _more_labels(data: OpenDataSet, labels: Iterable[str | None]) -> tuple[str, ...]:
    """Returns the labels of all the data where those that were read are numbers.

    Which classes numbers stand for depends on how many there are (`corpus.labels`), and the first
    items of a file need not have them all.
    """
    numbers = any(label is not None and is_number(label) for label in set(labels))
    return data.labels() if numbers else ()


def _choose_languages(
    data: OpenDataSet, langs: Sequence[str] | None, limit: int | None
) -> tuple[str, ...]:
    if limit is not None and limit < 1:
        raise CctaError(f"a limit of {limit} items reads nothing; expected 1 or more")
    data.check_size(limit)
    if langs is None:
        every = data.languages()
        return tuple(lang for lang in every if not (data.paired and lang == "en"))
    chosen = tuple(dict.fromkeys(langs))
    if not chosen:
        raise CctaError(f"no language of {data.source} was named; expected one or more")
    if data.listed:
        languages = (*data.languages(), *data.more_languages)
        unknown = [lang for lang in chosen if lang not in languages]
        if unknown:
            raise CctaError(
                f"{data.source}#{data.split} has no {', '.join(unknown)} here; expected some "
                f"of: {' '.join(languages)}"
            )
    return chosen


@dataclass(slots=True)
class _ItemCollector:
    """Collects the items of each language by id, up to `limit`."""

    items: dict[str, dict[str, Item]]
    limit: int | None
    left_out: list[LeftOut] = field(default_factory=list)
    repaired: list[LeftOut] = field(default_factory=list)

    def fill(self, langs: Sequence[str], stream: Iterator[ReaderOutput]) -> None:
        """Adds a stream's items until each of its languages has enough."""
        for placed in stream:
            if isinstance(placed, LeftOut):
                self.left_out.append(placed)
            elif not self._full(placed.item.lang):
                reason = refusal(placed)
                if reason is None and placed.item.id in self.items[placed.item.lang]:
                    reason = f"id {placed.item.id} stands already above"
                if reason:
                    self.left_out.append(LeftOut(placed.place, reason))
                    continue
                self.items[placed.item.lang][placed.item.id] = placed.item
                self.repaired += [LeftOut(placed.place, reason) for reason in placed.repaired]
                if all(self._full(lang) for lang in langs):
                    return

    def _full(self, lang: str) -> bool:
        return self.limit is not None and len(self.items[lang]) >= self.limit


def _no_item_message(spec: str, langs: str, left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return f"{spec} has no item in {langs}; name another language, split or file"
    reason, count = Counter(row.reason for row in left_out).most_common(1)[0]
    return (
        f"{spec} has no item in {langs} that can be used: {len(left_out)} left out, {count} "
        f"because: {reason} ({left_out[0].place})"
    )
