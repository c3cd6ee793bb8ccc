"""Stores content-addressed, compressed JSON that is written whole or not at all and checked when
read.
"""

import gzip
import hashlib
import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ccta_core.whole_files import whole_file

_log = logging.getLogger(__name__)


def key_of(*parts: object) -> str:
    """Returns the sha256 over the parts' JSON: the address of what they determine."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_entry(root: Path, key: str) -> dict[str, Any] | None:
    """Returns the entry, or None where there is none; a damaged one is set aside and counts as
    none.
    """
    path = _path(root, key)
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning("%s can't be read (%s); it is computed again", path, error.strerror)
        return None
    try:
        digest, body = gzip.decompress(packed).decode().split("\n", 1)
        if hashlib.sha256(body.encode()).hexdigest() != digest:
            raise ValueError("checksum")
        return json.loads(body)
    except (ValueError, OSError, EOFError, zlib.error, KeyError, TypeError):
        _set_aside(path)
        return None


def write_entry(root: Path, key: str, payload: Mapping[str, Any]) -> Path:
    """Writes the entry to a temporary file, syncs it and renames it into place; returns the path.

    Raises OSError where the folder can't be written.
    """
    body = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    packed = gzip.compress(f"{digest}\n{body}".encode(), mtime=0)
    path = _path(root, key)
    with whole_file(path) as file:
        file.write(packed)
    return path


def _path(root: Path, key: str) -> Path:
    return root / key[:2] / f"{key}.json.gz"


def _set_aside(path: Path) -> None:
    aside = path.with_suffix(".damaged")
    try:
        path.replace(aside)
        _log.warning("a damaged cache entry was set aside as %s; it is computed again", aside)
    except OSError:
        _log.warning("%s is damaged and can't be moved; it is computed again", path)
