"""Writes what happens as lines of JSON, each with the ids of what it belongs to, for a server.

CCTA_LOG_LEVEL (debug, info, warning, error) says from which level on; warning where it is not set.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from ccta_core.errors import CctaError

LEVEL = "CCTA_LOG_LEVEL"
_LEVELS = ("debug", "info", "warning", "error")
_ids: ContextVar[dict[str, str]] = ContextVar("ids", default={})  # noqa: B039 - never changed


@contextmanager
def ids(**names: str) -> Iterator[None]:
    """Puts ids (request, session, job) on every line that this thread or task writes meanwhile."""
    token = _ids.set(_ids.get() | names)
    try:
        yield
    finally:
        _ids.reset(token)


def write_json_lines(stream: TextIO | None = None) -> None:
    """Has the loggers of this product write to a stream, standard error unless it is given.

    Raises CctaError where the variable names no level.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonLines())
    for name in ("ccta_core", "dashboard"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level_asked().upper())


def level_asked() -> str:
    """Returns the level that the variable names. Raises CctaError where it names none."""
    level = os.environ.get(LEVEL, "").strip().lower() or "warning"
    if level not in _LEVELS:
        raise CctaError(f"{LEVEL} is {level[:40]!r}; expected one of: {', '.join(_LEVELS)}")
    return level


class _JsonLines(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, ids, and the error where there is
    one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_ids.get(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
