"""A study's items on disk: written once, read a chunk at a time, so that memory stays flat."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.types import ParallelExample, Sentence
from ccta_core.whole_files import whole_file

FILE = "items.arrow"
_BATCH = 1000
_KEYS, _UNRELATED = ("id", "group", "label"), "unrelated"


class ChunkItems(NamedTuple):
    """The items of a chunk, others of the study that they are compared with, and, for each of the
    former, the places of its unrelated items in both lists after one another.
    """

    examples: list[ParallelExample]
    beside: list[ParallelExample]
    unrelated: list[tuple[int, ...]]


def write_items(
    folder: Path,
    examples: Sequence[ParallelExample],
    langs: Sequence[str],
    unrelated: Sequence[Sequence[int]] | None = None,
) -> None:
    """Writes the items in Arrow's file format, a struct (text, text2, focus) a language.

    `unrelated` are the places of each item's unrelated items (`drawing.Draw`); none where absent.
    """
    import pyarrow as pa

    side = pa.struct(
        [("text", pa.string()), ("text2", pa.string()), ("focus", pa.list_(pa.list_(pa.int32())))]
    )
    keys = [("id", pa.string()), ("group", pa.string()), ("label", pa.string())]
    places = (_UNRELATED, pa.list_(pa.int32()))
    schema = pa.schema([*keys, *((lang, side) for lang in langs), places])
    with whole_file(folder / FILE) as file, pa.ipc.new_file(file, schema) as writer:
        for start in range(0, len(examples), _BATCH):
            rows = [_row(example, langs) for example in examples[start : start + _BATCH]]
            for place, row in enumerate(rows, start):
                row[_UNRELATED] = list(unrelated[place]) if unrelated is not None else []
            writer.write_table(pa.Table.from_pylist(rows, schema), max_chunksize=_BATCH)


def read_items_of(folder: Path, start: int, count: int) -> list[ParallelExample]:
    """Reads `count` items from `start` on; the file is mapped, not loaded.

    Raises DamagedFileError where it is missing or not what was written.
    """
    return [_example(row) for row in _read(folder, range(start, start + count))]


def read_chunk(folder: Path, start: int, count: int) -> ChunkItems:
    """Reads a chunk of `count` items from `start` on, with what its chance level needs of others.

    Raises DamagedFileError as `read_items_of`.
    """
    rows = _read(folder, range(start, start + count))
    places = [row.get(_UNRELATED) or [] for row in rows]
    within = range(start, start + len(rows))
    others = sorted({place for each in places for place in each if place not in within})
    at = {place: number for number, place in enumerate((*within, *others))}
    beside = [_example(row) for place in others for row in _read(folder, range(place, place + 1))]
    unrelated = [tuple(at[place] for place in each) for each in places]
    return ChunkItems([_example(row) for row in rows], beside, unrelated)


def _read(folder: Path, places: range) -> list[dict[str, Any]]:
    import pyarrow as pa

    path = folder / FILE
    try:
        with pa.memory_map(str(path)) as mapped:
            table = pa.ipc.open_file(mapped).read_all().slice(places.start, len(places))
            rows: list[dict[str, Any]] = table.to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise DamagedFileError(
            f"{path} can't be read ({error}); start the study again under the same name"
        ) from error
    return rows


def check_items(folder: Path, examples: Sequence[ParallelExample], langs: Sequence[str]) -> None:
    """Compares the items kept in a study's folder, one by one, with those that are to be measured.

    There may be more examples than the folder has items. Raises DamagedFileError where the items
    can't be read, CctaError where one is another, in any of its texts or in its place: its rows
    would be taken for those of the other.
    """
    for start in range(0, len(examples), _BATCH):
        kept = read_items_of(folder, start, _BATCH)
        for place, (example, wanted) in enumerate(zip(kept, examples[start:], strict=False), start):
            before, now = _row(example, langs), _row(wanted, langs)
            names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
            if names:
                raise CctaError(
                    f"item {place + 1} ({wanted.id}) has another {', '.join(names)} than when the "
                    f"study {folder.name} was begun; choose another name, or delete that study"
                )
        if len(kept) < _BATCH:
            return


def _row(example: ParallelExample, langs: Sequence[str]) -> dict[str, Any]:
    sides = {
        lang: {
            "text": sentence.text,
            "text2": sentence.text2,
            "focus": [list(span) for span in sentence.focus],
        }
        for lang, sentence in example.sentences.items()
        if lang in langs
    }
    return {"id": example.id, "group": example.group, "label": example.label, **sides}


def _example(row: dict[str, Any]) -> ParallelExample:
    keys = {name: row[name] for name in _KEYS}
    sentences = {
        lang: Sentence(
            side["text"], lang, side["text2"], tuple((start, end) for start, end in side["focus"])
        )
        for lang, side in row.items()
        if lang not in (*_KEYS, _UNRELATED)
    }
    return ParallelExample(**keys, sentences=sentences)
