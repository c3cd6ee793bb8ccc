"""Data sets on the hub, or folders in their form, read row by row through `datasets`."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ccta_core.corpus.hub_sets import HUB_SETS, HubRow, HubSet
from ccta_core.corpus.source import Found, Opened, Source, Streams, other_language
from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a data set is: a folder, or a name on the hub with the commit that is read.

    `configs` are the configurations that it declares, `folders` the subfolders that stand for them
    where a folder declares none.
    """

    name: str
    revision: str | None
    configs: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


def open_hub(source: Source, where: str, split: str) -> Opened:
    """A data set as `owner/name[@revision]` or as a folder of parquet, jsonl or arrow files.

    Without a revision the present commit is looked up, and that one is read and named. Raises
    CctaError (one line) where there is no such set, no network or no such split.
    """
    known = HUB_SETS.get(source.name)
    if known is None:
        raise CctaError(
            f"{source.name} is read from its native files only; name their folder as "
            f"{source.name}:FOLDER"
        )
    if split not in known.splits:
        raise CctaError(
            f"{source.name}#{split} needs the native files; in the hub's form these splits can be "
            f"read: {' '.join(name for name in known.splits if name in source.splits)}"
        )
    place = _with_configs(_place(where))
    languages = tuple(lang for lang in known.languages if _config(known, place, split, lang))
    if not languages:
        raise CctaError(
            f"{place.shown} is not {source.name} in the hub's form: expected a configuration such "
            f"as {known.configs(split, known.languages[0])[0]!r}, found "
            f"{', '.join((*place.configs, *place.folders))[:200]}"
        )

    def streams(langs: Sequence[str]) -> Streams:
        for lang in langs:
            english = lang == "en" and source.read_english is not None
            config_lang = other_language(source.name, langs) if english else lang
            config = _config(known, place, split, config_lang)
            rows = _rows(known, place, config, split)
            prefix = config_lang if source.read_english else split
            yield (lang,), _placed(known, rows, prefix, lang)

    paired = source.read_english is not None
    return Opened(
        source=f"{source.name}:{place.shown}",
        task=source.task,
        split=split,
        licence=source.licence,
        languages=lambda: ("en", *languages) if paired else languages,
        streams=streams,
        parallel=source.parallel,
        paired=paired,
    )


def _place(where: str) -> _Place:
    if Path(where).is_dir():
        return _Place(where, None)
    name, _, revision = where.partition("@")
    if revision:
        return _Place(name, revision)
    from huggingface_hub import HfApi

    with _reached(name):
        return _Place(name, HfApi().dataset_info(name).sha)


def _with_configs(place: _Place) -> _Place:
    from datasets import get_dataset_config_names

    with _reached(place.shown):
        declared = tuple(get_dataset_config_names(place.name, revision=place.revision))
    folder = Path(place.name)
    below: list[str] = []
    if declared == ("default",) and folder.is_dir():
        below = sorted(path.name for path in folder.iterdir() if path.is_dir())
    return replace(place, configs=declared, folders=tuple(below))


def _config(known: HubSet, place: _Place, split: str, lang: str) -> str | None:
    """The configuration of one language, None where there is none."""
    names = known.configs(split, lang)
    if known.languages == ("en",):
        names = (*names, "default")
    return next((name for name in names if name in (*place.configs, *place.folders)), None)


def _rows(
    known: HubSet, place: _Place, config: str | None, split: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where it stands, row) one after another.

    Raises CctaError where a column is missing or the rows can't be read.
    """
    from datasets import load_dataset

    own = {"data_dir" if config in place.folders else "name": config}
    shown = f"{place.shown} {config} {known.splits[split]}"
    with _reached(shown):
        rows = iter(
            load_dataset(
                place.name,
                split=known.splits[split],
                streaming=True,
                revision=place.revision,
                **own,
            )
        )
    number = 0
    while True:
        with _reached(shown):
            values = next(rows, None)
        if values is None:
            return
        number += 1
        missing = [name for name in known.columns if name not in values]
        if missing:
            raise CctaError(
                f"{shown} has no column {', '.join(missing)}; expected "
                f"{', '.join(known.columns)}, found: {', '.join(values)[:200]}"
            )
        yield f"{shown} row {number}", values


def _placed(
    known: HubSet, rows: Iterator[tuple[str, dict[str, Any]]], prefix: str, lang: str
) -> Iterator[Found]:
    for index, (place, values) in enumerate(rows):
        row = HubRow(values, index, place, prefix, lang)
        try:
            yield known.placed(row)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise CctaError(
                f"{place} is not as expected ({type(error).__name__}: {str(error)[:80]}); expected "
                f"the columns {', '.join(known.columns)} as {known.name} has them"
            ) from error


@contextmanager
def _reached(what: str) -> Iterator[None]:
    """Turns whatever a hub, a network or a file format says into one line."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    except Exception as error:  # libraries raise what their networks raise
        line = re.sub(r"\s+", " ", str(error))[:200]
        raise CctaError(
            f"{what} can't be read as a data set ({type(error).__name__}: {line}); name a folder "
            "that holds it, or see to the network and the name"
        ) from error
    finally:
        logging.disable(level)
