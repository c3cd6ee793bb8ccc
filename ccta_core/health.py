"""Checks what an installation stands on: disk, cache, notes, fonts, settings of the server.

Each check returns a sentence, or raises CctaError or OSError, which says what is wrong and how to
mend it. `ccta doctor` prints all of them, the dashboard's `/health` asks the first three.
"""

import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

from ccta_core.config import cache_root
from ccta_core.corpus.caps import MOST_MEGABYTES
from ccta_core.errors import CctaError
from ccta_core.logs import level_asked
from ccta_core.permissions import PEOPLE, read_only
from ccta_core.quotas import LIMITS, read_amount
from ccta_core.text import count, read_whole, size

SPARE = 500_000_000
"""Bytes of the cache's disk below which it counts as full."""
_SCRIPTS = {"Arabic": "ar", "Chinese": "zh-cn", "Devanagari": "hi", "Thai": "th", "Greek": "el"}
_SAFE: dict[str, dict[str, bool | int | str]] = {
    "server": {"enableXsrfProtection": True, "enableCORS": True, "maxUploadSize": MOST_MEGABYTES},
    "browser": {"gatherUsageStats": False},
    "client": {"showErrorDetails": "none"},
}
"""Settings of Streamlit that the dashboard ships with and whoever runs it may have changed."""


def metrics_place(place: str) -> tuple[str, int]:
    """Returns the address and the port of `[ADDRESS:]PORT`, at which metrics are to be served; this
    machine's own where none is named. Raises CctaError on anything else.
    """
    address, _, port = place.rpartition(":")
    try:
        return address or "127.0.0.1", read_whole(port, 1, 65535)
    except ValueError:
        raise CctaError(
            f"metrics at {place[:80]!r}: expected a port from 1 to 65535, or ADDRESS:PORT"
        ) from None


def check_disk() -> str:
    """Says how much room the cache's disk has."""
    root = cache_root()
    place = next(path for path in (root, *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < SPARE:
        raise CctaError(
            f"the disk of {root} has {size(free)} left, expected {size(SPARE)}; clear kinds of the "
            "cache (page Models and data), or set CCTA_CACHE to another disk"
        )
    return f"{size(free)} free"


def check_cache() -> str:
    """Says whether the cache can be written; in read-only mode results of pairs still are."""
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=root):
        pass
    return f"{root} (writable{', from CCTA_CACHE' if os.environ.get('CCTA_CACHE') else ''})"


def check_notes() -> str:
    """Says whether the tags and notes of everybody can be read."""
    root = cache_root()
    paths = [*root.glob("notes.sqlite"), *root.glob(f"{PEOPLE}/*/notes.sqlite")]
    for path in paths:
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as notes:
                notes.execute("SELECT count(*) FROM notes").fetchone()
        except sqlite3.OperationalError as error:
            raise CctaError(
                f"{path} can't be read now ({error}); does another program hold it? End that, and "
                "check that you may read the file"
            ) from error
        except sqlite3.DatabaseError as error:
            raise CctaError(
                f"{path} is damaged ({error}); restore it from a backup: the next note sets it "
                "aside and begins a new one"
            ) from error
    return f"{count(len(paths), 'file')} of tags and notes, sound"


def check_fonts() -> str:
    """Says for which scripts this machine has no font; a browser elsewhere has its own."""
    command = shutil.which("fc-list")
    if command is None:
        return "not known: fc-list is not here; the browser's own fonts count"
    lacking = [
        script
        for script, lang in _SCRIPTS.items()
        if not subprocess.run(
            [command, f":lang={lang}"], capture_output=True, check=False, timeout=20
        ).stdout.strip()
    ]
    if lacking:
        return f"none for {', '.join(lacking)} on this machine: install fonts-noto, fonts-noto-cjk"
    return f"for {', '.join(_SCRIPTS)} too"


def check_server() -> str:
    """Says how the dashboard would be served; a setting that lets others in unseen is wrong."""
    settings = server_settings()
    wrong = [
        f"{section}.{name} is {settings.get(section, {}).get(name)!r}, expected {value!r}"
        for section, wanted in _SAFE.items()
        for name, value in wanted.items()
        if settings.get(section, {}).get(name) != value
    ]
    if os.environ.get("CCTA_LOGIN_HEADER") and not os.environ.get("CCTA_LOGIN_PROXIES"):
        wrong.append("CCTA_LOGIN_HEADER is set without CCTA_LOGIN_PROXIES: nobody can log in")
    if wrong:
        raise CctaError(f"{'; '.join(wrong)}: see docs/deploy.md")
    level_asked()
    for limit in LIMITS.values():
        if text := os.environ.get(limit.variable, "").strip():
            read_amount(text, limit.variable)
    where = settings["server"].get("address")
    mode = "read-only" if read_only() else "everything may be done"
    return f"listens at {where} unless it is told otherwise, {mode}"


def server_settings() -> dict[str, Any]:
    """Returns the settings that the dashboard ships with, and variables of Streamlit's that are set
    instead. Raises CctaError where the dashboard is not installed.
    """
    spec = importlib.util.find_spec("dashboard")
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders:
        raise CctaError("the dashboard is not installed; run: pip install -e . in the project")
    path = Path(folders[0]) / ".streamlit" / "config.toml"
    try:
        settings: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CctaError(f"{path} can't be read ({error}); restore it") from error
    for section, wanted in _SAFE.items():
        for name in (*wanted, *(["address"] if section == "server" else [])):
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
            text = os.environ.get(f"STREAMLIT_{section}_{words}".upper())
            if text is not None:
                as_value = {"true": True, "false": False}.get(text.lower(), text)
                number = int(text) if text.isdigit() else as_value
                settings.setdefault(section, {})[name] = number
    return settings
