"""Stamps files, so that a cache notices that a file was replaced under the same path."""

from pathlib import Path

Stamp = tuple[int, int, int, int]
"""Size, times of change of content and of the entry (ns), inode."""


def stamp_of(path: Path) -> Stamp:
    """Returns a value that changes whenever the file's contents do; links are followed.

    A time of content alone is kept by whoever copies with `cp -p`, rsync or tar; the entry's own
    (ctime) can't be set. Raises OSError where there is no such file.
    """
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino


def file_stamp(path: Path) -> Stamp | None:
    """Returns `stamp_of`, or None where there is no file."""
    try:
        return stamp_of(path)
    except OSError:
        return None


def folder_stamp(folder: Path) -> tuple[tuple[str, Stamp | None], ...]:
    """Returns the stamps of all files at or below a folder, by their place in it; of a file its
    own.
    """
    if not folder.is_dir():
        return (("", file_stamp(folder)),)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple((str(path.relative_to(folder)), file_stamp(path)) for path in paths)
