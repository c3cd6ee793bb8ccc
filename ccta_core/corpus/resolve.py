"""Resolves `NAME[:WHERE][#SPLIT]` to a data set that is there, ready to be read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from ccta_core.corpus.demo import demo_entities, read_demo
from ccta_core.corpus.demo.marks import tagged_words
from ccta_core.corpus.files import open_file
from ccta_core.corpus.formats import english_nli, mrpc, panx, parallel, pawsx, squad, xnli
from ccta_core.corpus.formats.hub_sets import HUB_SETS
from ccta_core.corpus.hub import open_hub
from ccta_core.corpus.items import Item
from ccta_core.corpus.source import (
    DataSource,
    OpenDataSet,
    PlacedItem,
    ReaderOutput,
    Streams,
    other_language,
)
from ccta_core.errors import CctaError
from ccta_core.permissions import NotYoursError, person
from ccta_core.stamps import folder_stamp
from ccta_core.types import ParallelExample

_FORMATS = (
    xnli.SOURCE,
    *english_nli.SOURCES,
    pawsx.SOURCE,
    mrpc.SOURCE,
    *squad.SOURCES,
    panx.SOURCE,
    *parallel.SOURCES,
)
SOURCES: Mapping[str, DataSource] = MappingProxyType({source.name: source for source in _FORMATS})
"""Name -> data set, in the order in which they are listed."""
SHARED = Path("..") / "shared" / "data"
"""Where a data set is looked for when its spec names no folder."""
UPLOADS = "data"
"""The folder of files that were handed in, in a person's folder."""
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w.-]+)?")
_LONGEST_SPEC = 1024
_HUB_FILES = ("*.parquet", "*.jsonl", "*.json", "*.arrow")


def open_spec(spec: str) -> OpenDataSet:
    """Opens the data set that `NAME[:WHERE][#SPLIT]` names.

    Raises CctaError (one line) where it names nothing that is here.
    """
    check_readable(spec)
    if len(spec) > _LONGEST_SPEC:
        raise CctaError(
            f"a data set is named in at most {_LONGEST_SPEC:,} characters; this name has "
            f"{len(spec):,}"
        )
    name, _, where = spec.partition(":")
    if name == "file":
        return open_file(where)  # a file's name may have a # in it
    head, _, split = spec.partition("#")
    name, _, where = head.partition(":")
    if name == "demo":
        return _open_demo(where, split)
    if name not in SOURCES:
        raise CctaError(
            f"unknown data set {name!r}; expected one of: demo file {' '.join(SOURCES)}"
        )
    source = SOURCES[name]
    split = split or source.splits[0]
    if split not in (*source.splits, *source.more_splits):
        raise CctaError(
            f"{name} has no split {split!r}; expected one of: "
            f"{' '.join((*source.splits, *source.more_splits))}"
        )
    return _open_source(source, where, split)


def check_readable(spec: str) -> None:
    """Raises NotYoursError where the person may not read what a spec names, there or not.

    An administrator may name any path. Others read the data sets that are offered, what lies in the
    folder of data sets, and the files that they handed in.
    """
    reader = person()
    if reader.administrator:
        return
    name, _, where = spec.partition(":")
    where = where if name == "file" else where.partition("#")[0]
    if (not where and name != "file" and "," not in spec) or name == "demo":
        return
    if name in HUB_SETS and where == HUB_SETS[name].name:
        return
    roots = (SHARED.resolve(), (reader.root / UPLOADS).resolve())
    try:
        paths = [Path(each).resolve() for each in (where or spec).split(",")]
    except (OSError, ValueError, RuntimeError):
        paths = []
    if not paths or not all(any(path.is_relative_to(root) for root in roots) for path in paths):
        raise NotYoursError(
            f"{spec[:80]!r} is not among the data that can be read here; hand in a file of your own"
        )


def data_stamp(spec: str) -> tuple[object, ...]:
    """Returns a value that changes whenever a file that `NAME[:WHERE][#SPLIT]` reads may have
    changed.

    Bundled data does not change while the program runs, data on the hub is not looked up.
    """
    name, _, where = spec.partition(":")
    if name == "file":
        return folder_stamp(Path(where))
    name, _, where = spec.partition("#")[0].partition(":")
    if name not in SOURCES:
        return ()
    folder = Path(where) if where else SHARED / SOURCES[name].folder
    return folder_stamp(folder) if folder.exists() else ()


def _open_source(source: DataSource, where: str, split: str) -> OpenDataSet:
    folder = Path(where) if where else SHARED / source.folder
    if not where and not folder.is_dir():
        raise CctaError(
            f"{source.name} is not at {folder}; name its folder as {source.name}:FOLDER#{split}"
        )
    if where and not folder.exists() and _HUB_NAME.fullmatch(where):
        return open_hub(source, where, split)
    try:
        languages = source.languages(folder, split)
    except CctaError as error:
        patterns = (pattern for kind in _HUB_FILES for pattern in (kind, f"*/{kind}"))
        in_hub_form = folder.is_dir() and any(any(folder.glob(pattern)) for pattern in patterns)
        if source.name in HUB_SETS and in_hub_form:
            return _from_hub_folder(source, folder, split, error)
        raise
    return _native(source, folder, split, languages)


def _from_hub_folder(
    source: DataSource, folder: Path, split: str, native: CctaError
) -> OpenDataSet:
    """Opens the folder in the hub's form. Raises CctaError with what either form would need."""
    try:
        return open_hub(source, str(folder), split)
    except CctaError as error:
        raise CctaError(f"{native}; nor can it be read in the hub's form: {error}") from error


def _native(
    source: DataSource, folder: Path, split: str, languages: tuple[str, ...]
) -> OpenDataSet:
    def streams(langs: Sequence[str]) -> Streams:
        for lang in langs:
            if lang == "en" and source.read_english:
                yield (
                    (lang,),
                    source.read_english(folder, split, other_language(source.name, langs)),
                )
            else:
                yield (lang,), source.read(folder, split, lang)

    return OpenDataSet(
        source=source.name,
        task=source.task,
        split=split,
        licence=source.licence,
        languages=lambda: languages,
        streams=streams,
        parallel=source.parallel,
        paired=source.read_english is not None,
        more_languages=source.more_languages,
    )


def _open_demo(name: str, split: str) -> OpenDataSet:
    if split:
        raise CctaError(f"demo:{name} has no splits, found #{split}; name it without")
    examples = read_demo(name)
    languages = tuple(dict.fromkeys(lang for each in examples for lang in each.sentences))

    def streams(langs: Sequence[str]) -> Streams:
        for lang in langs:
            yield (lang,), _demo_items(name, examples, lang)

    return OpenDataSet(
        source=f"demo:{name}",
        task={"sentences": "retrieval"}.get(name, name),
        split="all",
        licence="CC BY 4.0",
        languages=lambda: languages,
        streams=streams,
    )


def _demo_items(
    name: str, examples: Sequence[ParallelExample], lang: str
) -> Iterator[ReaderOutput]:
    for number, example in enumerate(examples, 1):
        if lang in example.sentences:
            text = example.sentences[lang]
            answers = text.focus if text.text2 is not None else ()
            item = Item(
                example.id, example.group, lang, text.text, text.text2, example.label, answers
            )
            if name == "sentences":
                item = replace(item, **tagged_words(text, demo_entities()[lang][example.id]))
            yield PlacedItem(f"demo:{name} item {number}", item)
