"""Parallel plain text: Tatoeba pairs with English, FLORES-200 and the PUD treebanks.

- `tatoeba` (Artetxe & Schwenk, 2019): up to 1,000 pairs a language, each with English sentences of
  its own, so English is named with one other language. An id is `{LANG}-{row}`, rows from 1.
- `flores` (NLLB Team, 2022), devtest: an id is `devtest-{row}`; sentences of one article are a
  group where the metadata are there.
- `pud` (Zeman et al., 2017): the sentences of the CoNLL-U files by their own ids; a group is a
  document, the id's first six characters.
"""

from collections.abc import Iterator
from pathlib import Path

from ccta_core.corpus.formats.flores import FLORES_CODES
from ccta_core.corpus.formats.flores import LICENCE as FLORES_LICENCE
from ccta_core.corpus.items import Item, LeftOut
from ccta_core.corpus.lines import lines, list_files, parallel_rows, text_rows
from ccta_core.corpus.source import DataSource, PlacedItem, ReaderOutput

_LASER = """
ar=ara bn=ben bg=bul cs=ces zh=cmn de=deu el=ell et=est eu=eus fi=fin fr=fra he=heb hi=hin id=ind
it=ita ja=jpn ka=kat ko=kor nl=nld fa=pes pl=pol pt=por ru=rus es=spa sv=swe sw=swh ta=tam te=tel
th=tha tr=tur uk=ukr ur=urd vi=vie
"""
TATOEBA_CODES = dict(pair.split("=") for pair in _LASER.split())
"""Two-letter code -> the code in LASER's file names."""
_DOCUMENT = 6


def _tatoeba_path(folder: Path, lang: str, *, english: bool = False) -> Path:
    code = TATOEBA_CODES[lang]
    return folder / f"tatoeba.{code}-eng.{'eng' if english else code}"


def _tatoeba_languages(folder: Path, split: str) -> tuple[str, ...]:
    list_files(folder, "tatoeba.*-eng.*", "LASER's Tatoeba test set")
    languages = (lang for lang in TATOEBA_CODES if _tatoeba_path(folder, lang).exists())
    return ("en", *languages)


def _read_tatoeba(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    path = _tatoeba_path(folder, lang)
    rows = parallel_rows(path, _tatoeba_path(folder, lang, english=True))
    yield from _sentences(path, rows, lang, lang)


def _read_tatoeba_english(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    path = _tatoeba_path(folder, lang, english=True)
    rows = parallel_rows(path, _tatoeba_path(folder, lang))
    yield from _sentences(path, rows, "en", lang)


def _sentences(path: Path, rows: list[str], lang: str, prefix: str) -> Iterator[ReaderOutput]:
    for number, line in enumerate(rows, 1):
        id_ = f"{prefix}-{number}"
        yield PlacedItem(f"{path.name}:{number}", Item(id_, id_, lang, line.strip()))


def _flores_path(folder: Path, lang: str) -> Path:
    return folder / "devtest" / f"{FLORES_CODES[lang]}.devtest"


def _flores_languages(folder: Path, split: str) -> tuple[str, ...]:
    list_files(folder / "devtest", "*.devtest", "FLORES-200")
    return tuple(lang for lang in FLORES_CODES if _flores_path(folder, lang).exists())


def _read_flores(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    path = _flores_path(folder, lang)
    rows = parallel_rows(path, _flores_path(folder, "en"))
    groups = _articles(folder / "metadata_devtest.tsv", len(rows))
    for number, line in enumerate(rows, 1):
        id_ = f"devtest-{number}"
        item = Item(id_, groups.get(number, id_), lang, line.strip())
        yield PlacedItem(f"{path.name}:{number}", item)


def _articles(path: Path, rows: int) -> dict[int, str]:
    """Maps each row to the id of the first row of the same article; empty without fitting
    metadata.
    """
    if not path.exists():
        return {}
    first: dict[str, str] = {}
    addresses = [line.split("\t")[0] for line in text_rows(path)[1:]]
    if len(addresses) != rows:
        return {}
    return {
        row: first.setdefault(address, f"devtest-{row}") for row, address in enumerate(addresses, 1)
    }


def _pud_languages(folder: Path, split: str) -> tuple[str, ...]:
    paths = list_files(folder, "*_pud-ud-test.conllu", "the PUD treebanks")
    return tuple(path.name.partition("_")[0] for path in paths)


def _read_pud(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    path = folder / f"{lang}_pud-ud-test.conllu"
    id_, id_line = "", 0
    for number, line in lines(path):
        name, _, value = line.removeprefix("#").partition("=")
        if line.startswith("#") and name.strip() == "sent_id":
            if id_:
                yield LeftOut(f"{path.name}:{id_line}", f"sentence {id_} has no text")
            id_, id_line = value.strip(), number
        elif line.startswith("#") and name.strip() == "text" and id_:
            item = Item(id_, id_[:_DOCUMENT], lang, value.strip())
            yield PlacedItem(f"{path.name}:{number}", item)
            id_ = ""


SOURCES = (
    DataSource(
        name="tatoeba",
        what="sentences of English and one of 33 languages, pair by pair",
        task="retrieval",
        folder="tatoeba_laser_v1",
        licence="CC BY 2.0 FR",
        splits=("test",),
        languages=_tatoeba_languages,
        read=_read_tatoeba,
        read_english=_read_tatoeba_english,
    ),
    DataSource(
        name="flores",
        what="sentences of articles, 26 languages, line-parallel",
        task="retrieval",
        folder="flores200",
        licence=FLORES_LICENCE,
        splits=("devtest",),
        languages=_flores_languages,
        read=_read_flores,
    ),
    DataSource(
        name="pud",
        what="sentences of news and Wikipedia, 10 languages, the same in each",
        task="retrieval",
        folder="ud_pud",
        licence="CC BY-SA 3.0",
        splits=("test",),
        languages=_pud_languages,
        read=_read_pud,
    ),
)
