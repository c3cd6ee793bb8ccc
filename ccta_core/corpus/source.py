"""Defines data sets: a name, a licence, languages, and a stream of items for each language."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccta_core.corpus.items import Item, LeftOut
from ccta_core.errors import CctaError

WHOLE = 1 << 28
"""A file of more bytes is read with a limit only: all its items would be held in memory."""
_HELD = 12
"""Bytes of memory for a byte of a file (measured: 50 MB of short texts take 0.6 GB)."""


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An item and where it stands ("dev-es.tsv:17").

    `repaired` says what of it was put right, each time; `refused` says why it can't be used.
    """

    place: str
    item: Item
    repaired: tuple[str, ...] = ()
    refused: str | None = None


ReaderOutput = PlacedItem | LeftOut
"""What a reader yields, in file order: an item, or a place that holds none and why."""
Streams = Iterable[tuple[tuple[str, ...], Iterator[ReaderOutput]]]
"""(languages, their items to be read one by one)."""

Languages = Callable[[Path, str], tuple[str, ...]]
Read = Callable[[Path, str, str], Iterator[ReaderOutput]]


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data set that is read from its native files.

    `read(folder, split, lang)` streams one language; `languages(folder, split)` says which are
    there and raises CctaError where the folder is something else. The first split is the default,
    `more_splits` are understood too. `parallel`: an id says the same thing in every language.
    Where only pairs with English are parallel, `read_english(folder, split, lang)` streams the
    English side of the pair with `lang`.
    """

    name: str
    what: str
    task: str
    folder: str
    licence: str
    splits: tuple[str, ...]
    languages: Languages
    read: Read
    parallel: bool = True
    read_english: Read | None = None
    more_splits: tuple[str, ...] = ()
    more_languages: tuple[str, ...] = ()
    """Read when they are named, not by default."""


@dataclass(frozen=True, slots=True)
class OpenDataSet:
    """A data set that is there: `streams(langs)` reads it, `languages()` lists its languages.

    `listed` is False where only reading all of it tells the languages; `together` says that what
    belongs to one id follows in one stream, so that reading may stop early. `size` is the bytes of
    a person's own file, of any length; `labels()` are all labels of such a file, those of the rows
    that are not used too (empty where that is not known).
    """

    source: str
    task: str
    split: str
    licence: str
    languages: Callable[[], tuple[str, ...]]
    streams: Callable[[Sequence[str]], Streams]
    parallel: bool = True
    paired: bool = False
    listed: bool = True
    together: bool = False
    more_languages: tuple[str, ...] = ()
    size: int = 0
    labels: Callable[[], tuple[str, ...]] = tuple

    def check_parallel(self, langs: Sequence[str]) -> None:
        """Raises CctaError where the items of these languages do not correspond."""
        if len(langs) > 1 and not self.parallel:
            raise CctaError(
                f"the languages of {self.source} are not translations of each other; "
                "name one language"
            )
        if self.paired and (len(langs) != 2 or "en" not in langs):
            raise CctaError(
                f"{self.source} is parallel between English and one other language; expected two "
                f"such as en and es, found {len(langs)}"
            )

    def check_size(self, limit: int | None) -> None:
        """Raises CctaError where it is to be held whole and is too large for that."""
        if limit is None and self.size > WHOLE:
            raise CctaError(
                f"{self.source} has {self.size >> 20:,} MiB, which would take about "
                f"{self.size * _HELD / (1 << 30):.0f} GiB of memory as a whole; expected at most "
                f"{WHOLE >> 20} MiB, or a limit of items and no limit for each group"
            )


def other_language(name: str, langs: Sequence[str]) -> str:
    """Returns the one language whose pair with English is meant.

    Raises CctaError where there is none, or several.
    """
    others = [lang for lang in langs if lang != "en"]
    if len(others) != 1:
        raise CctaError(
            f"each language of {name} has English sentences of its own; name English with "
            f"one other language, found: {' '.join(langs)}"
        )
    return others[0]
