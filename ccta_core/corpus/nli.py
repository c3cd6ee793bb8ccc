"""Readers of natural language inference data in its native files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ccta_core.errors import CctaError

LABELS = ("entailment", "neutral", "contradiction")
_ALIASES = {"contradictory": "contradiction"}


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """One premise and hypothesis in one language with its gold label (one of LABELS)."""

    premise: str
    hypothesis: str
    label: str


def read_xnli(folder: Path, split: str, lang: str) -> list[LabelledPair]:
    """XNLI (Conneau et al., 2018) in XTREME's form: `{split}-{lang}.tsv`, labelled (dev).

    Raises CctaError where the file is missing or a line is not premise, hypothesis, label.
    """
    return list(_read(folder / f"{split}-{lang}.tsv", columns=(0, 1, 2)))


def read_mnli_pieces(folder: Path) -> list[LabelledPair]:
    """The MultiNLI pieces (train and validation, without final punctuation), duplicates dropped."""
    files = ("mnli_train.parsed.tsv", "mnli_validation.parsed.tsv")
    return unique(pair for name in files for pair in _read(folder / name, columns=(0, 1, 2)))


def read_taxinli(folder: Path) -> list[LabelledPair]:
    """TaxiNLI (Joshi et al., 2020): MultiNLI sentences with MultiNLI's gold label."""
    return unique(_read(folder / "taxinli10k.tsv", columns=(0, 1, 2), header=True))


def unique(pairs: Iterable[LabelledPair]) -> list[LabelledPair]:
    """The pairs in order, each pair of texts once (case and final punctuation aside)."""
    seen: dict[tuple[str, str], LabelledPair] = {}
    for pair in pairs:
        seen.setdefault((_key(pair.premise), _key(pair.hypothesis)), pair)
    return list(seen.values())


def _key(text: str) -> str:
    return text.strip().rstrip(".!?").casefold()


def _read(path: Path, *, columns: tuple[int, ...], header: bool = False) -> Iterator[LabelledPair]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise CctaError(f"expected a data file at {path} ({error.strerror})") from error
    for number, line in enumerate(lines[header:], 1 + header):
        if not line.strip():
            continue
        fields = line.rstrip("\r").split("\t")
        if len(fields) <= max(columns):
            raise CctaError(
                f"{path}:{number}: expected at least {max(columns) + 1} tab-separated columns, "
                f"found {len(fields)}"
            )
        premise, hypothesis, label = (fields[column].strip() for column in columns)
        label = _ALIASES.get(label, label)
        if label not in LABELS:
            raise CctaError(f"{path}:{number}: unknown label {label!r}, expected one of {LABELS}")
        yield LabelledPair(premise, hypothesis, label)
