"""Parallel text for an adjustment: sentence pairs of English and one other language.

A spec names them: `A,B` (two line-parallel files), `opus:FOLDER#en-es` or `iwslt:FOLDER#en-vi`
(folders of line-parallel files; `#en-es/newstest` takes the sets whose names begin so),
`tatoeba:FOLDER#es`, `flores:FOLDER#en-es`, `pud:FOLDER#en-es`, or `file:PATH` (a table with one
column a language, or two columns of sentences of which one is English).
"""

import csv
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import regex

from ccta_core.corpus.formats.parallel import TATOEBA_CODES
from ccta_core.corpus.lines import lines, text_rows
from ccta_core.corpus.resolve import SHARED, SOURCES, check_readable, open_spec
from ccta_core.corpus.spec import read_corpus, read_items
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES, language

_FREQUENT = """
the of and to in a is that it for was on with as he be at by this had not are but from or have an
they which you were her she there been one all we his has would when who will no if
"""
_ENGLISH = frozenset(_FREQUENT.split())
"""Frequent English words: English text has one in every two or three words, no other language
near as many."""
_ENOUGH = 0.15
_SAMPLE = 500
_LANG_ENDINGS = {"zh": ("zho", "cmn"), "sw": ("swa", "swh"), "ar": ("ara",), "fa": ("fas", "pes")}
"""Endings of files beside a language's own code and Tatoeba's."""
_MARKED = ("tatoeba", "flores", "pud")
_FORMS = (
    "A,B opus:FOLDER#en-es iwslt:FOLDER#en-vi tatoeba:FOLDER#es flores:FOLDER#en-es "
    "pud:FOLDER#en-es file:PATH"
)
Pair = tuple[str, str]
"""(sentence of the other language, its English translation)."""


@dataclass(frozen=True, slots=True)
class ParallelText:
    """Sentence pairs of one language with English, each pair once, no side empty.

    `dropped` counts what was left out, by reason.
    """

    lang: str
    source: str
    pairs: tuple[Pair, ...]
    dropped: dict[str, int]

    @property
    def sha256(self) -> str:
        """Of all pairs in order: which text it is."""
        return pairs_sha256(self.pairs)


def pairs_sha256(pairs: Iterable[Pair]) -> str:
    """Returns the sha256 (hexadecimal) of sentence pairs in order."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(("\t".join(pair) + "\n").encode("utf-8"))
    return digest.hexdigest()


def read_parallel(specs: Sequence[str], lang: str) -> ParallelText:
    """Returns the sentence pairs of all specs together.

    Empty sides and repeated pairs are dropped and counted. Raises CctaError (one line) on an
    unknown language or spec, a file that can't be read, sides of unequal length, and where no pair
    is left.
    """
    language(lang)
    if lang == "en":
        raise CctaError("English is the side that stays; name the other language, such as es")
    dropped: Counter[str] = Counter()
    kept: dict[Pair, None] = {}
    for spec in specs:
        check_readable(spec)
        for foreign, english in _read(spec, lang):
            pair = (" ".join(foreign.split()), " ".join(english.split()))
            if not all(pair):
                dropped["empty side"] += 1
            elif pair in kept:
                dropped["pair that stands already above"] += 1
            else:
                kept[pair] = None
    if not kept:
        raise CctaError(f"{', '.join(specs)} has no sentence pair of {lang} and English")
    return ParallelText(lang, ", ".join(specs), tuple(kept), dict(dropped))


def drop_overlap(
    text: ParallelText, tests: Sequence[str], *, allowed: bool = False
) -> ParallelText:
    """Returns the pairs that share no sentence, in either language, with a test set.

    `tests` are specs of `ccta data`. What shares one is counted under the test set's name; with
    `allowed` it is counted and stays. Raises CctaError where a test set can't be read, and where
    most of the pairs are in one: the text is it itself.
    """
    pairs, dropped = text.pairs, dict(text.dropped)
    for test in tests:
        shared = _sentences(test, text.lang)
        overlap = {
            pair
            for pair in pairs
            if plain(pair[0]) in shared[text.lang] or plain(pair[1]) in shared["en"]
        }
        if not overlap:
            continue
        if not allowed and len(overlap) > len(pairs) / 2:
            raise CctaError(
                f"{len(overlap)} of {len(pairs)} pairs hold sentences of the test set {test}: "
                "what is scored there would mean nothing; choose other pairs, or allow the overlap"
            )
        reason = f"sentence of the test set {test}"
        dropped[reason + (" (allowed, kept)" if allowed else "")] = len(overlap)
        if not allowed:
            pairs = tuple(pair for pair in pairs if pair not in overlap)
    return ParallelText(text.lang, text.source, pairs, dropped)


def usual_tests() -> tuple[str, ...]:
    """LASER's Tatoeba, which parallel text of the same source repeats, where it is at hand."""
    folder = SHARED / SOURCES["tatoeba"].folder
    return (f"tatoeba:{folder}",) if folder.is_dir() else ()


def plain(text: str) -> str:
    """Returns a sentence as it is compared: NFKC, without case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _sentences(test: str, lang: str) -> dict[str, set[str]]:
    """Returns the test set's sentences in the language and in English; none in a language that it
    does not have. Raises CctaError where it can't be read: nothing would be left out.
    """
    shared: dict[str, set[str]] = {lang: set(), "en": set()}
    data = open_spec(test)
    # The English of paired sets belongs to one other language.
    wanted: list[tuple[str, ...]] = [(lang, "en")] if data.paired else [(lang,), ("en",)]
    if data.listed:
        there = {*data.languages(), *data.more_languages, *(("en",) if data.paired else ())}
        wanted = [langs for langs in wanted if there.issuperset(langs)]
    failures = []
    for langs in wanted:
        try:
            items = read_items(test, langs).items
        except CctaError as error:
            if data.listed:
                raise
            failures.append(error)  # a file need not have both
            continue
        for item in items:
            shared[item.lang] |= {plain(each) for each in (item.text, item.text2) if each}
    if failures and len(failures) == len(wanted):
        raise failures[0]
    return shared


def _read(spec: str, lang: str) -> Iterator[Pair]:
    kind, colon, where = spec.partition(":")
    if colon and kind in ("opus", "iwslt"):
        yield from _read_folder(where, lang)
    elif colon and kind in _MARKED:
        folder = where.partition("#")[0]
        for example in read_corpus(f"{kind}:{folder}", ("en", lang)).examples:
            yield example.sentences[lang].text, example.sentences["en"].text
    elif colon and kind == "file":
        yield from _read_table(Path(where), lang)
    elif "," in spec:
        names = [name.strip() for name in spec.split(",")]
        if len(names) != 2:
            raise CctaError(f"{spec} names {len(names)} files; expected two, as A,B")
        yield from _read_two(Path(names[0]), Path(names[1]), lang)
    else:
        raise CctaError(f"{spec!r} is no parallel text; expected one of: {_FORMS}")


def _file_endings(lang: str) -> set[str]:
    """Returns how the names of a language's files end."""
    if lang == "en":
        return {"en", "eng"}
    return {lang, TATOEBA_CODES.get(lang, lang), *_LANG_ENDINGS.get(lang, ())}


def _read_folder(where: str, lang: str) -> Iterator[Pair]:
    """Reads the files `SET.eng` and `SET.spa` of the folder and of its folders."""
    name, _, part = where.partition("#")
    wanted = part.partition("/")[2]
    folder = Path(name)
    if not folder.is_dir():
        raise CctaError(f"expected a folder of line-parallel files at {folder}, which is not there")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix)
    sides = {
        side: {
            path.with_suffix(""): path
            for path in files
            if path.suffix[1:] in _file_endings(side) and path.name.startswith(wanted)
        }
        for side in (lang, "en")
    }
    sets = [stem for stem in sides[lang] if stem in sides["en"]]
    if not sets:
        raise CctaError(
            f"{folder} has no files {wanted}*.{'|'.join(sorted(_file_endings(lang)))} with an "
            f"English one beside them; expected line-parallel files of {lang} and en"
        )
    for stem in sets:
        yield from _parallel_lines(sides[lang][stem], sides["en"][stem])


def _parallel_lines(foreign: Path, english: Path) -> Iterator[Pair]:
    others, ours = text_rows(foreign), text_rows(english)
    if len(others) != len(ours):
        raise CctaError(
            f"{foreign} has {len(others)} lines and {english} has {len(ours)}; expected "
            "line-parallel files: line i of one translates line i of the other"
        )
    yield from zip(others, ours, strict=True)


def _read_two(first: Path, second: Path, lang: str) -> Iterator[Pair]:
    """Reads two files; English is told by the names' endings, else by its frequent words."""
    endings = [set(path.name.lower().split(".")[1:]) for path in (first, second)]
    marked = [bool(ending & _file_endings("en")) for ending in endings]
    if marked[0] == marked[1]:
        samples = [text_rows(path)[:_SAMPLE] for path in (first, second)]
        english_first = _english_side(samples, f"{first} and {second}") == 0
    else:
        english_first = marked[0]
    yield from _parallel_lines(second, first) if english_first else _parallel_lines(first, second)


def _read_table(path: Path, lang: str) -> Iterator[Pair]:
    """Yields a table with columns named by languages, or two columns of sentences without names."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        yield from _by_language(path, lang)
        return
    mark = "," if path.suffix.lower() == ".csv" else "\t"
    text = (line for _, line in lines(path))
    if mark == ",":
        rows = list(csv.reader(text))
    else:
        rows = [line.split(mark) if line else [] for line in text]
    names = {name.strip() for name in rows[0]}
    if {"en", lang} <= names or "lang" in rows[0]:
        yield from _by_language(path, lang)
        return
    if names <= LANGUAGES.keys():  # else the names would be read as the first pair of sentences
        raise CctaError(
            f"{path} has the columns {', '.join(sorted(names))}; expected columns named en and "
            f"{lang}"
        )
    uneven = [(number, len(row)) for number, row in enumerate(rows, 1) if len(row) not in (0, 2)]
    if uneven:
        raise CctaError(
            f"{path}:{uneven[0][0]}: expected columns named en and {lang}, or two columns of "
            f"sentences, found {uneven[0][1]}"
        )
    whole = [row for row in rows if row]
    columns = [[row[side] for row in whole] for side in (0, 1)]
    side = _english_side([column[:_SAMPLE] for column in columns], str(path))
    yield from zip(columns[1 - side], columns[side], strict=True)


def _by_language(path: Path, lang: str) -> Iterator[Pair]:
    for example in read_corpus(f"file:{path}", ("en", lang)).examples:
        yield example.sentences[lang].text, example.sentences["en"].text


def _english_side(samples: Sequence[Sequence[str]], what: str) -> int:
    """Returns which of two samples is English: 0 or 1, by its share of frequent English words.

    Raises CctaError where neither is, or both are.
    """
    shares = []
    for sample in samples:
        words = regex.findall(r"\p{L}+", " ".join(sample).lower())
        shares.append(sum(word in _ENGLISH for word in words) / max(1, len(words)))
    best = int(shares[1] > shares[0])
    if shares[best] < _ENOUGH or shares[1 - best] > shares[best] / 2:
        raise CctaError(
            f"{what}: which side is English can't be told; end the files' names in .en and the "
            "other language's code, or name the columns so"
        )
    return best
