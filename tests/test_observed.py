"""What is seen from outside: health, metrics, lines of a log, and what `ccta doctor` asks."""

import io
import json
import logging
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ccta_core import health, logs
from ccta_core.cli.main import main
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.memory import peak_megabytes
from ccta_core.permissions import Person, acting_for
from ccta_core.store import notes
from dashboard import observed
from dashboard.engine import Engine
from tests.made_pair import make_result, request_of

ROOT = Path(__file__).parents[1]


def damage_notes():
    with acting_for(Person("anna")):
        notes.set_note("made", "item", "text")
        path = next(cache_root().glob("people/*/notes.sqlite"))
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.write_bytes(b"no database" * 100)


def test_health_tells_what_does_not_work(monkeypatch):
    facts = observed.health_facts()
    assert (facts["status"], set(facts["works"].values())) == ("ok", {True})
    assert facts["peak_memory_mb"] > 10
    damage_notes()
    facts = observed.health_facts()
    assert (facts["status"], facts["works"]["notes"]) == ("failing", False)
    assert str(cache_root()) not in json.dumps(facts)


def test_the_engine_tells_how_it_stands():
    begun, go_on = threading.Event(), threading.Event()

    def compare(model, request, stop, early):
        begun.set()
        go_on.wait(60)
        if request.config.layer:
            raise CctaError("no")
        return make_result(request)

    engine = Engine(load=lambda info: None, compare=compare)
    first = engine.submit(request_of(0), "anna")
    assert begun.wait(60)
    second = engine.submit(request_of(1), "anna")
    state = engine.state()
    assert (state.running, state.queued, state.alive) == (1, 1, True)
    assert state.oldest_wait >= 0
    lines = {family.name: family for family in observed._METRICS.collect()}
    assert lines["ccta_queued"].samples[0].value >= 1
    go_on.set()
    assert first.done.wait(60)
    assert second.done.wait(60)
    assert engine.state().ended == {"finished": 1, "failed": 1}


def test_a_line_of_the_log_has_its_ids(monkeypatch):
    monkeypatch.setenv(logs.LEVEL, "INFO")
    written = io.StringIO()
    before = {name: logging.getLogger(name).propagate for name in ("ccta_core", "dashboard")}
    try:
        logs.write_json_lines(written)
        log = logging.getLogger("dashboard.engine")
        with logs.ids(session="ab12"), logs.ids(job="cd34"):
            log.info("a job\nended")
            log.debug("not written")
        log.warning("elsewhere")
    finally:
        for name, propagate in before.items():
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [], propagate
            logger.setLevel(logging.NOTSET)
    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    assert (first["session"], first["job"], first["level"]) == ("ab12", "cd34", "info")
    assert first["message"] == "a job\nended"
    assert "job" not in second
    monkeypatch.setenv(logs.LEVEL, "loud")
    with pytest.raises(CctaError, match="CCTA_LOG_LEVEL is 'loud'; expected one of: debug"):
        logs.level_asked()


def test_the_doctor_names_what_is_wrong(monkeypatch, capsys):
    damage_notes()
    monkeypatch.setattr(health, "SPARE", 1 << 62)
    monkeypatch.setenv("STREAMLIT_SERVER_ENABLE_CORS", "false")
    monkeypatch.setenv("CCTA_LOGIN_HEADER", "X-User")
    monkeypatch.delenv("CCTA_LOGIN_PROXIES", raising=False)
    assert main(["doctor", "--json"]) == 2
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert not any(rows[name]["ok"] for name in ("disk", "notes", "server"))
    assert "is damaged" in rows["notes"]["says"]
    assert "left, expected" in rows["disk"]["says"]
    assert "server.enableCORS is False, expected True" in rows["server"]["says"]
    assert "nobody can log in" in rows["server"]["says"]
    assert rows["fonts"]["ok"]
    assert rows["cache folder"]["ok"]


def test_notes_that_are_locked_are_not_called_damaged(monkeypatch):
    notes.set_note("made", "item", "text")
    with sqlite3.connect(cache_root() / "notes.sqlite") as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CctaError, match="does another program hold it"):
            health.check_notes()
        other.rollback()


def test_what_ships_is_safe(monkeypatch):
    assert "listens at localhost" in health.check_server()


def test_every_test_that_the_documents_name_is_there():
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    named = set(re.findall(r"tests/test_\w+\.py", text))
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).is_file()] == []
    variables = set(
        re.findall(r"CCTA_[A-Z_]+", text + (ROOT / "docs" / "deploy.md").read_text("utf-8"))
    )
    sources = "".join(
        path.read_text("utf-8")
        for folder in ("ccta_core", "dashboard")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert [name for name in variables if f'"{name}"' not in sources] == []


def test_the_memory_told_is_this_programs_own():
    """Not its parent's: a small program that a large one starts has held little."""
    held = bytearray(300 << 20)
    assert peak_megabytes() >= 300
    line = "from ccta_core.memory import peak_megabytes; print(peak_megabytes())"
    told = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 150
    assert len(held) == 300 << 20
