"""Writes a study's export to a file: whole or not at all."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ccta_core.errors import CctaError
from ccta_core.measures import EXPORTED
from ccta_core.reports.study.latex import latex_table
from ccta_core.reports.study.means import Summary, summarised
from ccta_core.reports.study.page import study_page
from ccta_core.reports.study.rows import write_csv, write_parquet
from ccta_core.study.storage.table import Study

_DRAWN = ("ems", "gain")
"""The measures of the heatmaps where none is named; the first is the scatter's."""
FORMATS = {"csv": ".csv", "parquet": ".parquet", "latex": ".tex", "html": ".html"}
"""Formats and how their files' names end."""
_ROWS: dict[str, Callable[[Study, IO[bytes]], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
}
_MEANS: dict[str, Callable[[Summary], str]] = {"latex": latex_table, "html": study_page}


def export_study(
    study: Study, to: str | Path, form: str, measures: Sequence[str] | None = None
) -> Path:
    """Writes the study to a file, or to a folder under its own name; returns the file's path.

    `measures` are those of the heatmaps (html) and more columns of the table (latex, html).
    Raises CctaError (one line) on an unknown format or measure, a study without a finished part,
    and where nothing can be written; what stood there before is then still there.
    """
    if form not in FORMATS:
        raise CctaError(f"unknown format {form!r}; expected one of: {', '.join(FORMATS)}")
    if measures is not None and form in _ROWS:
        raise CctaError(f"{form} has every measure; name measures for latex or html only")
    chosen = _checked(_DRAWN if measures is None else measures)
    path = _target(study, to, FORMATS[form])
    with _whole(path) as file:
        if form in _ROWS:
            _ROWS[form](study, file)
        else:
            file.write(_MEANS[form](summarised(study, chosen)).encode("utf-8"))
    return path


def _checked(measures: Sequence[str]) -> tuple[str, ...]:
    """Returns the measures, each once. Raises CctaError on an unknown one and where none is
    named.
    """
    chosen = tuple(dict.fromkeys(measures))
    unknown = [name for name in chosen if name not in EXPORTED]
    if unknown or not chosen:
        raise CctaError(
            f"unknown measure {', '.join(map(repr, unknown)) or 'nothing'}; expected some of: "
            f"{', '.join(EXPORTED)}"
        )
    return chosen


def _target(study: Study, to: str | Path, ending: str) -> Path:
    """Returns the file to write. Raises CctaError where it would damage a study or is no plain
    file.
    """
    path = Path(to)
    if path.is_dir() or str(to).endswith(("/", os.sep)):
        path = path / f"{study.name}{ending}"
    if path.resolve().is_relative_to(study.folder.resolve()):
        raise CctaError(f"{path} lies in the study's own folder; name a place outside")
    if path.parent.exists() and not path.parent.is_dir():
        raise CctaError(f"{path.parent} is no folder; name another")
    if path.exists() and not path.is_file():
        raise CctaError(f"{path} is no plain file; name another file or a folder")
    return path


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file that takes its name when it is complete.

    Raises CctaError where it can't be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise CctaError(
            f"{path} can't be written ({error.strerror or error}); name another file or folder"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
