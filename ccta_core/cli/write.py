"""Where commands write: results to a file or stdout, progress to stderr."""

import sys
from pathlib import Path

from ccta_core.errors import CctaError


def write_text(target: str, text: str) -> None:
    """Writes UTF-8 to a file, or to stdout for "-".

    Raises CctaError where the file can't be written.
    """
    if target == "-":
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CctaError(
            f"{target} can't be written ({error.strerror}); name another file"
        ) from error


def check_targets(*targets: str | None) -> None:
    """Raises CctaError where a file's folder is not there: told before the work, not after it."""
    for target in targets:
        if target not in (None, "-") and not Path(target).parent.is_dir():
            raise CctaError(
                f"{target} can't be written ({Path(target).parent} is no folder); name another file"
            )


def progress(line: str) -> None:
    """Writes one line about what is happening to stderr."""
    sys.stderr.write(f"ccta: {line}\n")
    sys.stderr.flush()
