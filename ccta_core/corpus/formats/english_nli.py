"""Reads English natural language inference sets in their native files, and all of them as one.

- `mnli`: pieces of MultiNLI (Williams et al., 2018) without final punctuation.
- `taxinli`: TaxiNLI (Joshi et al., 2020), MultiNLI sentences with MultiNLI's gold label.
- `cad`: Counterfactually-Augmented Data (Kaushik et al., 2020), the original pairs among them.
- `sick`: SICK (Marelli et al., 2014).
- `med`: Monotonicity Entailment Dataset (Yanaka et al., 2019): entailment and neutral only.
- `nyu`: wiki parts of Vania et al. (2020), their three ways to collect hypotheses.
- `nli_en`: what of these may be trained on (splits in `_TOGETHER`), each pair once, without any
  premise of XNLI's dev and test parts where XNLI stands beside them.

An id is `{set}-{part}-{row}` (rows from 1), or the set's own id; it is the same in `nli_en`. Items
of one group share a premise, or in `cad` are linked by shared texts (an edited premise keeps its
hypothesis).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ccta_core.corpus.cells import UNLABELLED
from ccta_core.corpus.items import Item, linked_groups
from ccta_core.corpus.labels import nli_label
from ccta_core.corpus.lines import columns, lines, text_rows, without_csv_quotes
from ccta_core.corpus.source import DataSource, PlacedItem, ReaderOutput
from ccta_core.errors import CctaError

_LETTERS = {"e": "entailment", "n": "neutral", "c": "contradiction"}


@dataclass(frozen=True, slots=True)
class _NliRow:
    """One row of a file as it stands: `place` is for messages, `number` its line."""

    number: int
    id: str
    premise: str
    hypothesis: str
    label: str


@dataclass(frozen=True, slots=True)
class _NliSet:
    """The files of a set by split ((part, path) in order) and the function that reads one."""

    name: str
    what: str
    folder: str
    licence: str
    splits: dict[str, tuple[tuple[str, str], ...]]
    rows: Callable[["_NliSet", str, Path], Iterator[_NliRow]]
    columns: tuple[str, ...] = ()
    """Premise, hypothesis and label in the header; without a header the first three columns."""
    quoted: bool = False
    linked: bool = False


def _table(nli_set: _NliSet, part: str, path: Path) -> Iterator[_NliRow]:
    """Yields the rows of a tab-separated file; one without a header has premise, hypothesis and
    label.
    """
    rows = text_rows(path)
    header = (
        [name.strip() for name in rows[0].split("\t")] if nli_set.columns else ["p", "h", "label"]
    )
    missing = [name for name in nli_set.columns if name not in header]
    if missing:
        raise CctaError(
            f"{path}:1: expected the columns {', '.join(nli_set.columns)}, "
            f"found {', '.join(header)}"
        )
    places = [header.index(name) for name in nli_set.columns or header]
    first = 1 if nli_set.columns else 0
    for row, line in enumerate(rows[first:], 1):
        fields = columns(path, row + first, line, header)
        texts = [
            without_csv_quotes(fields[column]) if nli_set.quoted else fields[column]
            for column in places
        ]
        yield _NliRow(row + first, f"{nli_set.name}-{part}-{row}", *texts)


def _objects(nli_set: _NliSet, part: str, path: Path) -> Iterator[_NliRow]:
    """Yields the rows of a file with a JSON object a line: id, premise, hypothesis and label (e, n,
    c).
    """
    for number, line in lines(path):
        try:
            row = json.loads(line)
            texts = [row[name].strip() for name in ("premise", "hypothesis")]
            label = "" if row["label"] is None else row["label"].strip()
            label = _LETTERS.get(label, label)
            yield _NliRow(number, f"{nli_set.name}-{row['id']}", texts[0], texts[1], label)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CctaError(
                f"{path}:{number}: expected a JSON object with id, premise, hypothesis and label "
                f"({type(error).__name__}: {error})"
            ) from error


_GOLD = ("sentence1", "sentence2", "gold_label")
_SICK = {part: ((part, f"SICK_{part}{end}.txt"),) for part, end in
         (("train", ""), ("trial", ""), ("test", "_annotated"))}  # fmt: skip
_WIKI = ("base_wiki", "sim_wiki", "translate_wiki")
_SETS = (
    _NliSet(
        "mnli",
        "natural language inference, English: pieces of MultiNLI",
        "mnli_subset",
        "OANC and others (MultiNLI)",
        {
            "all": (
                ("train", "mnli_train.parsed.tsv"),
                ("validation", "mnli_validation.parsed.tsv"),
            ),
            "train": (("train", "mnli_train.parsed.tsv"),),
            "validation": (("validation", "mnli_validation.parsed.tsv"),),
        },
        _table,
    ),
    _NliSet(
        "taxinli",
        "natural language inference, English: TaxiNLI, from MultiNLI",
        "nli_en/taxinli",
        "C-UDA 1.0",
        {"all": (("all", "taxinli10k.tsv"),)},
        _table,
        ("prem", "hyp", "label"),
        quoted=True,
    ),
    _NliSet(
        "cad",
        "natural language inference, English: counterfactual edits",
        "nli_en/cad",
        "Apache 2.0",
        {part: ((part, f"all_combined/{part}.tsv"),) for part in ("train", "dev", "test")},
        _table,
        _GOLD,
        quoted=True,
        linked=True,
    ),
    _NliSet(
        "sick",
        "natural language inference, English: captions",
        "nli_en/sick",
        "CC BY-NC-SA 3.0",
        {"all": tuple(files[0] for files in _SICK.values()), **_SICK},
        _table,
        ("sentence_A", "sentence_B", "entailment_judgment"),
    ),
    _NliSet(
        "med",
        "natural language inference, English: monotonicity; entailment and neutral only",
        "nli_en/med",
        "CC BY-SA 4.0",
        {"all": (("all", "MED.tsv"),)},
        _table,
        _GOLD,
    ),
    _NliSet(
        "nyu",
        "natural language inference, English: Wikipedia premises",
        "nli_en/nyu_semiauto",
        "CC BY-SA 3.0 (Wikipedia)",
        {
            part: tuple((f"{wiki}_{part}", f"{wiki}/{part}.jsonl") for wiki in _WIKI)
            for part in ("train", "test")
        },
        _objects,
    ),
)
_TOGETHER = {
    "mnli": "all", "taxinli": "all", "cad": "train", "sick": "all", "med": "all", "nyu": "train"
}  # fmt: skip
"""Set -> the split of it that is part of `nli_en`."""


def _read_set(nli_set: _NliSet, folder: Path, split: str) -> Iterator[ReaderOutput]:
    for part, name in nli_set.splits[split]:
        path = folder / name
        rows = list(nli_set.rows(nli_set, part, path))
        pairs = [(row.premise, row.hypothesis if nli_set.linked else row.premise) for row in rows]
        groups = linked_groups(pairs, [row.id for row in rows])
        for row, group in zip(rows, groups, strict=True):
            item = Item(row.id, group, "en", row.premise, row.hypothesis)
            place = f"{path.name}:{row.number}"
            if row.label in UNLABELLED:
                yield PlacedItem(place, item, refused="it has no gold label")
                continue
            label = nli_label(row.label, f"{path}:{row.number}")
            yield PlacedItem(place, Item(row.id, group, "en", row.premise, row.hypothesis, label))


def _languages_of(nli_set: _NliSet, folder: Path, split: str) -> tuple[str, ...]:
    missing = [name for _, name in nli_set.splits[split] if not (folder / name).is_file()]
    if missing:
        raise CctaError(f"expected {nli_set.name} as {missing[0]} in {folder}, which is not there")
    return ("en",)


def _source(nli_set: _NliSet) -> DataSource:
    return DataSource(
        name=nli_set.name,
        what=nli_set.what,
        task="nli",
        folder=nli_set.folder,
        licence=nli_set.licence,
        splits=tuple(nli_set.splits),
        languages=lambda folder, split: _languages_of(nli_set, folder, split),
        read=lambda folder, split, lang: _read_set(nli_set, folder, split),
    )


def languages(folder: Path, split: str) -> tuple[str, ...]:
    """Returns English, where all sets are in their folders below `folder`."""
    for nli_set in _SETS:
        _languages_of(nli_set, folder / nli_set.folder, _TOGETHER[nli_set.name])
    return ("en",)


def read(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    """Yields the items of all sets, each pair once, without XNLI's premises."""
    paths = [folder / "xnli" / f"{part}-en.tsv" for part in ("dev", "test")]
    premises = frozenset(
        _text_key(line.split("\t")[0])
        for path in paths
        if path.exists()
        for line in text_rows(path)
    )
    first_ids: dict[tuple[str, str], str] = {}
    for nli_set in _SETS:
        for placed in _read_set(nli_set, folder / nli_set.folder, _TOGETHER[nli_set.name]):
            yield (
                _refuse_repeated(placed, premises, first_ids)
                if isinstance(placed, PlacedItem)
                else placed
            )


def _refuse_repeated(
    placed: PlacedItem, premises: frozenset[str], first_ids: dict[tuple[str, str], str]
) -> PlacedItem:
    item = placed.item
    if placed.refused:
        return placed
    premise = _text_key(item.text)
    if premise in premises:
        return PlacedItem(placed.place, item, refused="its premise is one of XNLI's")
    first = first_ids.setdefault((premise, _text_key(item.text2 or "")), item.id)
    if first != item.id:
        return PlacedItem(placed.place, item, refused="the same pair stands in it already")
    return placed


def _text_key(text: str) -> str:
    """Returns a key that texts share which differ in case and final punctuation only."""
    return text.strip().rstrip(".!?").casefold()


SOURCES = (
    *map(_source, _SETS),
    DataSource(
        name="nli_en",
        what="the English inference sets as one, for training: no pair twice, none of XNLI's",
        task="nli",
        folder=".",
        licence="OANC and others, C-UDA, Apache 2.0, CC BY-NC-SA, CC BY-SA: see each",
        splits=("train",),
        languages=languages,
        read=read,
    ),
)
