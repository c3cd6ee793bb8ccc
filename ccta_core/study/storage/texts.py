"""The texts of a study's items, and finding items by what they say."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.study.selection import first_items, select_items
from ccta_core.study.storage.items import FILE, read_items_of
from ccta_core.study.storage.table import Study
from ccta_core.types import ParallelExample

if TYPE_CHECKING:
    import pyarrow as pa


class TextId(NamedTuple):
    """A text of a study: its language and the id of its item."""

    lang: str
    item: str


class _ItemRange(NamedTuple):
    """Items that follow one another."""

    start: int
    length: int


def has_texts(study: Study) -> bool:
    """Returns whether the texts lie in the study's own folder: any few of them are read at once."""
    return (study.folder / FILE).exists()


def examples_of(study: Study, ids: Collection[str] | None = None) -> dict[str, ParallelExample]:
    """Returns the study's items by id, in the study's order; all, or those of `ids` that it has.

    Raises CctaError, saying which data is missing and how to get it, where the texts are neither
    in the study's folder nor to be read again.
    """
    if has_texts(study):
        return {example.id: example for example in _stored_examples(study, ids)}
    return {
        example.id: example for example in _read_again(study) if ids is None or example.id in ids
    }


def ids_of(study: Study) -> tuple[str, ...]:
    """Returns the ids of the study's items in order. Raises as `examples_of` does."""
    if has_texts(study):
        return tuple(_ids(study))
    return tuple(example.id for example in _read_again(study))


def _stored_examples(study: Study, ids: Collection[str] | None) -> list[ParallelExample]:
    if ids is None:
        return read_items_of(study.folder, 0, study.manifest.items)
    wanted = set(ids)
    runs: list[_ItemRange] = []  # neighbours are read at once
    for place, name in enumerate(_ids(study)):
        if name not in wanted:
            continue
        if runs and place == sum(runs[-1]):
            runs[-1] = _ItemRange(runs[-1].start, runs[-1].length + 1)
        else:
            runs.append(_ItemRange(place, 1))
    return [example for run in runs for example in read_items_of(study.folder, *run)]


def _ids(study: Study) -> list[str]:
    """Returns the column of ids alone: the texts stay on disk."""
    import pyarrow as pa

    path = study.folder / FILE
    try:
        with pa.memory_map(str(path)) as mapped:
            return pa.ipc.open_file(mapped).read_all().column("id").to_pylist()
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise DamagedFileError(
            f"{path} can't be read ({error}); start the study again under the same name"
        ) from error


def _read_again(study: Study) -> tuple[ParallelExample, ...]:
    """Returns the items from the study's data set, if it still is the one that was measured."""
    manifest = study.manifest
    try:
        corpus = select_items(
            manifest.data, manifest.languages,
            limit=manifest.items + (0 if manifest.spread else manifest.left_out),
            spread=manifest.spread, per_group=manifest.per_group, crop=manifest.crop,
        )  # fmt: skip
    except CctaError as error:
        raise CctaError(
            f"the texts of the study {study.name} are not here: its data {manifest.data} can't be "
            f"read ({error}); get it as `ccta data list` says"
        ) from error
    corpus = first_items(corpus, manifest.items)
    if corpus.sha256 != manifest.items_sha256:
        raise CctaError(
            f"the texts of the study {study.name} are not here: {manifest.data} holds other items "
            "now; put back the data it was measured on, or run the study again"
        )
    return corpus.examples


def containing(study: Study, text: str, langs: Sequence[str]) -> tuple[TextId, ...]:
    """Returns where the text occurs in these languages: in either text of an item, whatever the
    case.

    Composed and decomposed letters are the same. Raises CctaError where the study's texts are not
    here.
    """
    wanted = _comparable_text(text)
    if has_texts(study):
        return tuple(_in_file(study, wanted, langs))
    examples = examples_of(study)
    return tuple(
        TextId(lang, name)
        for lang in langs
        for name, example in examples.items()
        if lang in example.sentences
        and any(wanted in _comparable_text(segment) for segment in example.sentences[lang].segments)
    )


def _in_file(study: Study, wanted: str, langs: Iterable[str]) -> list[TextId]:
    import pyarrow as pa

    path = study.folder / FILE
    try:
        with pa.memory_map(str(path)) as mapped:
            table = pa.ipc.open_file(mapped).read_all()
            return [
                TextId(lang, name) for lang in langs for name in _matching_ids(table, lang, wanted)
            ]
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise DamagedFileError(
            f"{path} can't be read ({error}); start the study again under the same name"
        ) from error


def _matching_ids(table: "pa.Table", lang: str, wanted: str) -> list[str]:
    import pyarrow.compute as pc

    compute: Any = pc  # its functions are made when it is imported
    hits = []
    for name in ("text", "text2"):
        segments = compute.struct_field(table.column(lang), name)
        letters = compute.utf8_lower(compute.utf8_normalize(segments, form="NFC"))
        hits.append(compute.fill_null(compute.match_substring(letters, wanted), False))
    return table.column("id").filter(compute.or_(*hits)).to_pylist()


def _comparable_text(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
