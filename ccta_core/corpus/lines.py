"""Reads the lines of a UTF-8 file with their numbers; another encoding is refused, naming the
line.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ccta_core.errors import CctaError

LONGEST = 1 << 26
"""A line of as many bytes is refused: it is no row of text, and would have to be held whole."""
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields (number from 1, line without its end) one by one; a byte order mark is dropped.

    Lines end at LF or CR LF only. Raises CctaError where the file can't be read, is empty or is not
    UTF-8 throughout.
    """
    for number, line in raw_lines(path):
        yield number, line.removesuffix("\n").removesuffix("\r")


def raw_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the same as `lines`, each line with its end."""
    number = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
                yield number, _decoded(path, number, raw)
    except OSError as error:
        raise CctaError(
            f"expected a data file at {path} ({error.strerror}); name a file that can be read"
        ) from error
    if number == 0:
        raise CctaError(f"{path} is empty; expected at least one row")


def _decoded(path: Path, number: int, raw: bytes) -> str:
    if len(raw) == LONGEST:
        raise CctaError(
            f"{path}:{number}: expected lines of text, found one of over {LONGEST >> 20} MiB"
        )
    if number == 1:
        if raw.startswith(_UTF16):
            raise CctaError(f"{path}: expected UTF-8, found UTF-16; save it as UTF-8")
        raw = raw.removeprefix(_BOM)
    if b"\0" in raw:
        raise CctaError(f"{path}:{number}: expected text, found a NUL byte; save it as UTF-8 text")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CctaError(
            f"{path}:{number}: expected UTF-8, found the byte 0x{raw[error.start]:02X} at "
            f"position {error.start + 1}; the whole file must be in one encoding: save it as UTF-8"
        ) from error


def text_rows(path: Path) -> list[str]:
    """Returns all lines of a file without the empty ones at its end: row i is line i + 1."""
    rows = [line for _, line in lines(path)]
    while rows and not rows[-1].strip():
        rows.pop()
    return rows


def parallel_rows(path: Path, reference: Path) -> list[str]:
    """Returns the lines of a file that must be parallel to another.

    Raises CctaError where it has more or fewer lines: each would then be paired with another's.
    """
    rows, others = text_rows(path), text_rows(reference)
    if len(rows) != len(others):
        raise CctaError(
            f"{path} has {len(rows)} lines and {reference.name} has {len(others)}; expected "
            "line-parallel files, get them again"
        )
    return rows


def columns(path: Path, number: int, line: str, names: Sequence[str]) -> list[str]:
    """Returns the tab-separated fields of a line, each without outer spaces.

    Raises CctaError where there are not as many as `names`.
    """
    fields = [field.strip() for field in line.split("\t")]
    if len(fields) != len(names):
        raise CctaError(
            f"{path}:{number}: expected {len(names)} tab-separated columns "
            f"({', '.join(names)}), found {len(fields)}"
        )
    return fields


def without_csv_quotes(field: str) -> str:
    """Reads a field that was written with CSV quoting (`"a ""b"" c"`) as it is meant (`a "b" c`).

    Only fields with doubled quotes inside outer ones are changed: a text may begin and end with
    quotes of its own.
    """
    inner = field[1:-1]
    if field[:1] + field[-1:] == '""' and '""' in inner and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return field


def list_files(folder: Path, pattern: str, what: str) -> list[Path]:
    """Returns the files of a folder that fit a pattern, in order.

    Raises CctaError, naming what stands there instead, where there is none.
    """
    if not folder.is_dir():
        raise CctaError(f"expected {what} in the folder {folder}, which is not there")
    paths = sorted(folder.glob(pattern))
    if not paths:
        names = sorted(path.name for path in folder.iterdir())
        shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        raise CctaError(
            f"expected {what} as {pattern} in {folder}, found {shown or 'nothing'}; "
            "name the folder that holds it"
        )
    return paths
