"""Which texts of a study hold a word: looked up in its items on disk, a language at a time."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ccta_core.errors import DamagedFileError
from ccta_core.study.items import FILE
from ccta_core.study.table import Study
from ccta_core.study.texts import examples_of, has_texts
from ccta_core.types import ParallelExample

if TYPE_CHECKING:
    import pyarrow as pa

Place = tuple[str, str]
"""A language and the id of an item."""


def containing(study: Study, text: str, langs: Sequence[str]) -> tuple[Place, ...]:
    """Where the text occurs in these languages: in either text of an item, whatever the case.

    Composed and decomposed letters are the same. Raises CctaError where the study's texts are not
    here.
    """
    wanted = _plain(text)
    if has_texts(study):
        return tuple(_in_file(study, wanted, langs))
    return tuple(_in(examples_of(study), wanted, langs))


def _in(examples: Mapping[str, ParallelExample], wanted: str, langs: Iterable[str]) -> list[Place]:
    return [
        (lang, name)
        for lang in langs
        for name, example in examples.items()
        if lang in example.sentences
        and any(wanted in _plain(segment) for segment in example.sentences[lang].segments)
    ]


def _in_file(study: Study, wanted: str, langs: Iterable[str]) -> list[Place]:
    import pyarrow as pa

    path = study.folder / FILE
    try:
        with pa.memory_map(str(path)) as mapped:
            table = pa.ipc.open_file(mapped).read_all()
            return [(lang, name) for lang in langs for name in _ids(table, lang, wanted)]
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise DamagedFileError(
            f"{path} can't be read ({error}); start the study again under the same name"
        ) from error


def _ids(table: "pa.Table", lang: str, wanted: str) -> list[str]:
    import pyarrow.compute as pc

    compute: Any = pc  # its functions are made when it is imported
    hits = [
        compute.fill_null(
            compute.match_substring(_letters(compute, table, lang, name), wanted), False
        )
        for name in ("text", "text2")
    ]
    return table.column("id").filter(compute.or_(*hits)).to_pylist()


def _letters(compute: Any, table: "pa.Table", lang: str, name: str) -> Any:
    column = compute.struct_field(table.column(lang), name)
    return compute.utf8_lower(compute.utf8_normalize(column, form="NFC"))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
