"""Reads data sets on the hub, or folders in their form, row by row through `datasets`."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ccta_core.corpus.cells import class_names, declared_names
from ccta_core.corpus.formats.hub_sets import HUB_SETS, HubRow, HubSet, Rows
from ccta_core.corpus.items import LeftOut
from ccta_core.corpus.source import DataSource, OpenDataSet, ReaderOutput, Streams, other_language
from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class _HubPlace:
    """The place of a data set: a folder, or a name on the hub with the commit that is read.

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


def open_hub(source: DataSource, where: str, split: str) -> OpenDataSet:
    """Opens a data set `owner/name[@revision]`, or a folder of parquet, jsonl or arrow files.

    Without a revision the present commit is looked up, and that one is read and named. Raises
    CctaError (one line) where there is no such set, no network or no such split.
    """
    hub_set = HUB_SETS.get(source.name)
    if hub_set is None:
        raise CctaError(
            f"{source.name} is read from its native files only; name their folder as "
            f"{source.name}:FOLDER"
        )
    if split not in hub_set.splits:
        raise CctaError(
            f"{source.name}#{split} needs the native files; in the hub's form these splits can be "
            f"read: {' '.join(name for name in hub_set.splits if name in source.splits)}"
        )
    place = _with_configs(_place(where))
    languages = tuple(lang for lang in hub_set.languages if _config(hub_set, place, split, lang))
    if not languages:
        raise CctaError(
            f"{place.shown} is not {source.name} in the hub's form: expected a configuration such "
            f"as {hub_set.configs(split, hub_set.languages[0])[0]!r}, found "
            f"{', '.join((*place.configs, *place.folders))[:200]}"
        )

    def streams(langs: Sequence[str]) -> Streams:
        with_id: dict[bool, str] = {}
        for lang in langs:
            english = lang == "en" and source.read_english is not None
            config_lang = other_language(source.name, langs) if english else lang
            config = _config(hub_set, place, split, config_lang)
            rows = _rows(hub_set, place, config, split)
            if hub_set.own_ids:
                rows = _alike(rows, with_id, lang)
            if hub_set.prepare is not None:
                rows = hub_set.prepare(rows, lang)
            prefix = config_lang if source.read_english else split
            yield (lang,), _placed(hub_set, rows, prefix, lang)

    paired = source.read_english is not None
    return OpenDataSet(
        source=f"{source.name}:{place.shown}",
        task=source.task,
        split=split,
        licence=source.licence,
        languages=lambda: ("en", *languages) if paired else languages,
        streams=streams,
        parallel=source.parallel,
        paired=paired,
    )


def _place(where: str) -> _HubPlace:
    if Path(where).is_dir():
        return _HubPlace(where, None)
    name, _, revision = where.partition("@")
    if revision:
        return _HubPlace(name, revision)
    from huggingface_hub import HfApi

    with _errors_in_one_line(name):
        return _HubPlace(name, HfApi().dataset_info(name).sha)


def _with_configs(place: _HubPlace) -> _HubPlace:
    from datasets import get_dataset_config_names

    with _errors_in_one_line(place.shown):
        declared = tuple(get_dataset_config_names(place.name, revision=place.revision))
    folder = Path(place.name)
    below: list[str] = []
    if declared == ("default",) and folder.is_dir():
        below = sorted(path.name for path in folder.iterdir() if path.is_dir())
    return replace(place, configs=declared, folders=tuple(below))


def _config(hub_set: HubSet, place: _HubPlace, split: str, lang: str) -> str | None:
    """Returns the configuration of one language, None where there is none."""
    names = hub_set.configs(split, lang)
    if hub_set.languages == ("en",):
        names = (*names, "default")
    return next((name for name in names if name in (*place.configs, *place.folders)), None)


def _alike(rows: Rows, with_id: dict[bool, str], lang: str) -> Rows:
    """Yields the rows. Raises CctaError where some languages have ids and others have none: the ids
    of the former would be paired with row numbers of the latter.
    """
    for place, values in rows:
        with_id.setdefault("id" in values, lang)
        if len(with_id) > 1:
            raise CctaError(
                f"{place}: the rows of {with_id[True]} have a column id, those of {with_id[False]} "
                "have none; expected it in all languages or in none"
            )
        yield place, values


def _rows(hub_set: HubSet, place: _HubPlace, config: str | None, split: str) -> Rows:
    """Yields (place, row) one after another; declared classes are given by their names.

    Raises CctaError where a column is missing or the rows can't be read.
    """
    from datasets import load_dataset

    selection = {"data_dir" if config in place.folders else "name": config}
    shown = f"{place.shown} {config} {hub_set.splits[split]}"
    with _errors_in_one_line(shown):
        table = load_dataset(
            place.name,
            split=hub_set.splits[split],
            streaming=True,
            revision=place.revision,
            **selection,
        )
        rows = iter(table)
    features = getattr(table, "features", None)
    classes = declared_names(features.to_dict()) if features else {}
    number = 0
    while True:
        with _errors_in_one_line(shown):
            values = next(rows, None)
        if values is None:
            return
        number += 1
        missing = [name for name in hub_set.columns if name not in values]
        if missing:
            raise CctaError(
                f"{shown} has no column {', '.join(missing)}; expected "
                f"{', '.join(hub_set.columns)}, found: {', '.join(values)[:200]}"
            )
        for name in hub_set.columns:
            if name in classes:
                values[name] = class_names(values[name], classes[name])
        yield f"{shown} row {number}", values


def _placed(hub_set: HubSet, rows: Rows, prefix: str, lang: str) -> Iterator[ReaderOutput]:
    for index, (place, values) in enumerate(rows):
        row = HubRow(values, index, place, prefix, lang)
        try:
            placed: ReaderOutput = hub_set.placed(row)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            placed = LeftOut(
                place,
                f"it is not as {hub_set.name} has its columns {', '.join(hub_set.columns)} "
                f"({error})",
            )
        yield placed


@contextmanager
def _errors_in_one_line(what: str) -> Iterator[None]:
    """Turns any error of the hub, the network or a file format into a CctaError of one line."""
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
