"""Lists the data that can be read by name, and says which of it is on this machine."""

from dataclasses import dataclass

from ccta_core.corpus.demo.reader import demo_names
from ccta_core.corpus.formats.hub_sets import HUB_SETS
from ccta_core.corpus.resolve import SHARED, SOURCES
from ccta_core.corpus.source import DataSource
from ccta_core.corpus.spec import read_items
from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that `NAME[:WHERE][#SPLIT]` can name, and whether it is on this machine."""

    name: str
    what: str
    task: str
    splits: tuple[str, ...]
    folder: str | None
    licence: str
    languages: tuple[str, ...]
    """Those that are here; empty where the set is not."""
    parallel: bool
    """Whether its items say the same thing in several languages, so that a study can read it."""
    hub: str | None = None
    """Its name on the hub."""

    @property
    def present(self) -> bool:
        """Whether it can be read without a network."""
        return bool(self.languages)

    @property
    def specs(self) -> tuple[str, ...]:
        """A spec for each split: of what is here, else of the hub; none where neither has it."""
        if self.present:
            return tuple(f"{self.name}#{split}" for split in self.splits) or (self.name,)
        hub_splits = HUB_SETS[self.name].splits if self.hub else {}
        splits = (split for split in self.splits if split in hub_splits)
        return tuple(f"{self.name}:{self.hub}#{split}" for split in splits)


def data_sets() -> list[DataSet]:
    """Returns every data set that has a name, in the order of `ccta data list`."""
    return [
        *(_demo(name) for name in demo_names()),
        *(_from_source(each) for each in SOURCES.values()),
    ]


def items_of(data_set: DataSet) -> dict[str, int]:
    """Counts the items of each split in one language (with English, where only pairs are parallel).
    A split that can't be read is left out.
    """
    if not data_set.present:
        return {}
    counts = {}
    lang = data_set.languages[-1]
    for spec, split in zip(data_set.specs, data_set.splits or ("",), strict=True):
        try:
            counts[split] = len(read_items(spec, [lang]).items)
        except CctaError:
            continue
    return counts


def _demo(name: str) -> DataSet:
    items = read_items(f"demo:{name}").items
    return DataSet(
        name=f"demo:{name}",
        what="bundled items, the same in every language",
        task="retrieval" if name == "sentences" else name,
        splits=(),
        folder=None,
        licence="CC BY 4.0",
        languages=tuple(dict.fromkeys(item.lang for item in items)),
        parallel=True,
    )


def _from_source(source: DataSource) -> DataSet:
    langs = _languages(source)
    hub = HUB_SETS.get(source.name)
    return DataSet(
        name=source.name,
        what=source.what,
        task=source.task,
        splits=source.splits,
        folder=str(SHARED / source.folder),
        licence=source.licence,
        languages=langs,
        parallel=source.parallel and len(langs or (hub.languages if hub else ())) > 1,
        hub=hub.name if hub else None,
    )


def _languages(source: DataSource) -> tuple[str, ...]:
    for split in source.splits:
        try:
            return source.languages(SHARED / source.folder, split)
        except CctaError:
            continue
    return ()
