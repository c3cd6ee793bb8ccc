"""Measured items, a line of JSON each, in a file that a killed run goes on with."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.store.files import key_of

Record = dict[str, Any]


class RowFile:
    """A file whose first line says what decides its rows, and whose other lines are items.

    Lines are appended a chunk at a time in one write that is synced; what a kill cut off is dropped
    when the file is read. Raises CctaError where the file was made with other settings or can't be
    written.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path = path
        self._head = _line(facts)

    def read(self, chunk: int, total: int) -> list[Record]:
        """The items of all complete chunks of `total` items; whatever follows them is cut off."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise CctaError(f"{self.path} can't be read ({error.strerror})") from error
        lines = content.split(b"\n")[:-1]  # a line without its end was cut
        if not lines:
            if content and not self._head.startswith(content):
                raise CctaError(f"{self.path} is not a file of rows; name another one")
            self._write(self._head, anew=True)
            return []
        if lines[0] + b"\n" != self._head:
            raise CctaError(
                f"{self.path} was measured with other settings, items or another model; name "
                "another file or remove it"
            )
        complete = self._complete(lines[1:], chunk, total)
        kept = self._head + b"".join(line + b"\n" for line in lines[1 : 1 + len(complete)])
        if len(kept) < len(content):
            os.truncate(self.path, len(kept))
        return complete

    def append(self, records: Sequence[Record]) -> None:
        """Adds a chunk of items."""
        self._write(b"".join(_line(record) for record in records), anew=False)

    def _complete(self, lines: Sequence[bytes], chunk: int, total: int) -> list[Record]:
        """The records of whole chunks before the first line that is damaged."""
        records: list[Record] = []
        for line in lines:
            try:
                records.append(json.loads(line))
            except ValueError:
                break
        return records if len(records) == total else records[: len(records) // chunk * chunk]

    def _write(self, content: bytes, *, anew: bool) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if anew else os.O_APPEND)
            handle = os.open(self.path, flags, 0o644)
            try:
                os.write(handle, content)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise CctaError(
                f"{self.path} can't be written ({error.strerror}); name another file with --rows"
            ) from error


def default_file(facts: Mapping[str, Any]) -> Path:
    """Where rows are kept unless told otherwise: the same settings find them again."""
    return cache_root() / "faithfulness" / f"{key_of(dict(facts))[:16]}.jsonl"


def _line(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
