"""Says what is wrong with the files of the demo corpus, one line a problem.

python -m research.demo.check [FOLDER]
"""

import argparse
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import regex

from ccta_core.corpus.demo.forms import FORMS, Form
from ccta_core.corpus.demo.marks import written_entity
from ccta_core.corpus.demo.reader import REFERENCE, ROOT, DemoRow, cells_of, out_of_step, read_line
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES

SHARE = 0.8
"""The least share of a file's letters that are of its language's script."""
LINE_SHARE = 0.4
"""The same for one line: names in Latin letters are common in a short one."""
STRETCH = 4.0
"""A text this many times longer or shorter than is usual beside the English one is named."""
_LATIN = ("Latin",)
SCRIPTS = {
    "ar": ("Arabic",), "de": _LATIN, "en": _LATIN, "es": _LATIN, "fr": _LATIN,
    "hi": ("Devanagari",), "ja": ("Han", "Hiragana", "Katakana"), "ru": ("Cyrillic",),
    "sw": _LATIN, "th": ("Thai",), "tr": _LATIN, "ur": ("Arabic",), "vi": _LATIN, "zh": ("Han",),
}  # fmt: skip
_INVISIBLE = regex.compile(r"[\p{Cc}\p{Cf}\p{Co}]")
_NON_JOINER = "\u200c"
"""The one invisible character that spelling needs (Urdu, Persian)."""
_EDGE = regex.compile(r"[\s\p{P}\p{Z}]")
_INSIDE = regex.compile(r"[\p{L}\p{M}\p{N}]{2}")
_ABBREVIATED = "ฯ॰"
"""Punctuation by its Unicode category, but part of an abbreviated name (กรุงเทพฯ)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at and what is wrong with it: one line a problem, with file and line."""

    items: int
    languages: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the corpus: the rows that could be read, by language."""

    folder: str
    form: Form
    files: Mapping[str, Sequence[DemoRow]]

    @property
    def reference(self) -> Mapping[str, DemoRow]:
        """Id -> the English row."""
        return {row.id: row for row in self.files.get(REFERENCE, ())}

    def beside(self, lang: str) -> list[tuple[DemoRow, DemoRow]]:
        """(row, the English row of its id) of one language."""
        known = self.reference
        return [(row, known[row.id]) for row in self.files[lang] if row.id in known]


def counts(part: Part) -> Iterator[str]:
    """Items and labels that are too many or too few, and ids that stand twice, in English."""
    rows = part.files.get(REFERENCE, ())
    place = f"{part.folder}/{REFERENCE}.tsv"
    if len(rows) != part.form.items:
        yield f"{place}: expected {part.form.items} items, found {len(rows)}"
    found = Counter(row.label for row in rows)
    for label in part.form.labels:
        wanted = part.form.items // len(part.form.labels)
        if found[label] != wanted:
            yield f"{place}: expected {wanted} items labelled {label}, found {found[label]}"
    yield from _seen_before(rows, lambda row: (row.id,), "the id")


def scripts(part: Part) -> Iterator[str]:
    """Files and lines that are not in the script of their language."""
    for lang, rows in part.files.items():
        if lang not in SCRIPTS:
            yield f"{part.folder}/{lang}.tsv: the script of {lang} is not known; name it in SCRIPTS"
            continue
        names = " ".join(SCRIPTS[lang])
        texts = ["".join(row.sentence.segments) for row in rows]
        share = script_share("".join(texts), lang)
        if share < SHARE:
            yield (
                f"{part.folder}/{lang}.tsv: expected {SHARE:.0%} of the letters in {names}, "
                f"found {share:.0%}"
            )
        for row, text in zip(rows, texts, strict=True):
            if script_share(text, lang) < LINE_SHARE:
                yield f"{row.place}: the line is not written in {names}"


def script_share(text: str, lang: str) -> float:
    """The share of a text's letters that are of its language's scripts; 1 without letters."""
    letters = regex.findall(r"\p{L}", text)
    kinds = "".join(rf"\p{{{name}}}" for name in SCRIPTS[lang])
    # the mark of long vowels is common to two scripts, and of none of them by itself
    own = regex.compile(rf"[{kinds}{'ー' if lang == 'ja' else ''}]")
    return sum(own.match(letter) is not None for letter in letters) / len(letters) if letters else 1


def texts(part: Part) -> Iterator[str]:
    """Outer and double spaces, invisible characters, letters that are not composed (NFC)."""
    for row in _rows(part):
        for text in row.sentence.segments:
            for fault in _text_faults(text):
                yield f"{row.place}: {fault}: {text!r}"


def _text_faults(text: str) -> Iterator[str]:
    if text != text.strip():
        yield "a text begins or ends with a space"
    if "  " in text:
        yield "two spaces in a row"
    if not unicodedata.is_normalized("NFC", text):
        yield "not in Unicode form NFC"
    if _INVISIBLE.search(text.replace(_NON_JOINER, "")):
        yield "an invisible character"


def repeats(part: Part) -> Iterator[str]:
    """Lines that say the same as an earlier one of their file, or the same twice."""
    for rows in part.files.values():
        yield from _seen_before(rows, lambda row: row.sentence.segments, "the same text")
        for row in rows:
            if len(set(row.sentence.segments)) < len(row.sentence.segments):
                yield f"{row.place}: both texts are the same"


def untranslated(part: Part) -> Iterator[str]:
    """Texts of another language that are an English text."""
    english = {text for row in part.reference.values() for text in row.sentence.segments}
    for row in _rows(part):
        for text in row.sentence.segments:
            if row.sentence.lang != REFERENCE and text in english:
                yield f"{row.place}: the text is the English one: {text!r}"


def lengths(part: Part) -> Iterator[str]:
    """Texts far longer or shorter beside the English one than is usual in their file."""
    for lang in part.files:
        pairs = part.beside(lang)
        for segment in range(len(pairs[0][0].sentence.segments) if pairs else 0):
            ratios = [
                len(row.sentence.segments[segment]) / len(english.sentence.segments[segment])
                for row, english in pairs
            ]
            usual = median(ratios)
            for (row, _), ratio in zip(pairs, ratios, strict=True):
                if not usual / STRETCH <= ratio <= usual * STRETCH:
                    yield (
                        f"{row.place}: {ratio:.2f} times as long as the English text, where "
                        f"{usual:.2f} is usual: {row.sentence.segments[segment]!r}"
                    )


def groups(part: Part) -> Iterator[str]:
    """Lines of one group that do not share the text they must share."""
    shared = part.form.shared
    if shared is None:
        return
    for rows in part.files.values():
        firsts: dict[str, DemoRow] = {}
        for row in rows:
            first = firsts.setdefault(row.group, row)
            if row.sentence.segments[shared] != first.sentence.segments[shared]:
                yield (
                    f"{row.place}: expected the {part.form.columns[-2:][shared]} of {first.id}, "
                    f"found another: {row.sentence.segments[shared]!r}"
                )


def names(part: Part) -> Iterator[str]:
    """Entities that cut a word or end in punctuation, and lines whose entities differ in type."""
    for lang in part.files:
        for row, english in part.beside(lang):
            yield from _edges(row)
            found, wanted = _types(row), _types(english)
            if found != wanted:
                yield (
                    f"{row.place}: expected the entities {_listed(wanted)} as in {REFERENCE}.tsv, "
                    f"found {_listed(found)}"
                )


def _edges(row: DemoRow) -> Iterator[str]:
    text, spaced = row.sentence.text, LANGUAGES[row.sentence.lang].spaced
    for entity in row.entities:
        start, end = entity.start, entity.end
        what = f"{row.place}: entity {written_entity(entity)}"
        if any(_EDGE.match(text[at]) and text[at] not in _ABBREVIATED for at in (start, end - 1)):
            yield f"{what} begins or ends with a space or punctuation: {text[start:end]!r}"
        elif spaced and any(
            _INSIDE.fullmatch(text[max(at - 1, 0) : at + 1]) for at in (start, end)
        ):
            yield f"{what} cuts a word: {text[start:end]!r}"


def _types(row: DemoRow) -> Counter[str]:
    return Counter(kind for _, _, kind in row.entities)


def _listed(types: Counter[str]) -> str:
    return " ".join(sorted(types.elements())) or "(none)"


def _seen_before(
    rows: Sequence[DemoRow], said: Callable[[DemoRow], tuple[str, ...]], what: str
) -> Iterator[str]:
    firsts: dict[tuple[str, ...], DemoRow] = {}
    for row in rows:
        first = firsts.setdefault(said(row), row)
        if first is not row:
            yield f"{row.place}: {what} as in {first.place}"


def _rows(part: Part) -> Iterator[DemoRow]:
    for rows in part.files.values():
        yield from rows


FAULTS: tuple[Callable[[Part], Iterator[str]], ...] = (
    counts, scripts, texts, groups, repeats, untranslated, lengths, names,
)  # fmt: skip
"""Every kind of fault, in the order in which they are named."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the problems of a folder; returns 1 where there are some, else 0."""
    parser = argparse.ArgumentParser(
        prog="python -m research.demo.check",
        description="Says what is wrong with the files of the demo corpus, one line a problem.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=ROOT,
        metavar="FOLDER",
        help=f"holds {' '.join(FORMS)}; default: the shipped corpus",
    )
    done = checked(parser.parse_args(arguments).folder)
    for problem in done.problems:
        sys.stdout.write(f"{problem}\n")
    if not done.problems:
        sys.stdout.write(f"no problem in {done.items} items of {len(done.languages)} languages\n")
    return 1 if done.problems else 0


def checked(folder: Path) -> Checked:
    """Everything that is wrong with the four parts in a folder, part by part."""
    found: list[str] = []
    parts = {name: _part(folder / name, form, found) for name, form in FORMS.items()}
    languages = sorted({path.stem for name in FORMS for path in (folder / name).glob("*.tsv")})
    for name in FORMS:
        found += _missing(folder / name, languages)
    for part in parts.values():
        for fault in FAULTS:
            found += fault(part)
    items = sum(len(part.reference) for part in parts.values())
    return Checked(items, tuple(languages), tuple(found))


def _missing(folder: Path, languages: Sequence[str]) -> list[str]:
    wanted = languages or [REFERENCE]
    return [
        f"{folder}/{lang}.tsv: the file is missing; every part is in every language"
        for lang in wanted
        if not (folder / f"{lang}.tsv").is_file()
    ]


def _part(folder: Path, form: Form, found: list[str]) -> Part:
    """The rows of a folder that can be read; the others go to `found`, with lines out of step."""
    files, whole = {}, set()
    for path in sorted(folder.glob("*.tsv")):
        before = len(found)
        files[path.stem] = _file(path, form, found)
        if len(found) == before:
            whole.add(path.stem)
    if REFERENCE in whole:
        # beside a line that can't be read all that follow would count as out of step
        for lang in sorted(whole):
            found += out_of_step(folder / f"{lang}.tsv", files[lang], files[REFERENCE])
    return Part(str(folder), form, files)


def _file(path: Path, form: Form, found: list[str]) -> list[DemoRow]:
    rows = []
    try:
        raw = path.read_bytes()
        if b"\r" in raw or raw.startswith(b"\xef\xbb\xbf"):
            found.append(f"{path}: expected lines that end in LF and no byte order mark")
        for place, cells in cells_of(path, form):
            try:
                rows.append(read_line(place, path.stem, cells, form))
            except CctaError as error:
                found.append(str(error))
    except (CctaError, OSError) as error:
        found.append(str(error))
    return rows


if __name__ == "__main__":
    sys.exit(main())
