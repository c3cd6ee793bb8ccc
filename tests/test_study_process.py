"""Studies as processes of their own: begun, stopped, killed, refused, deleted."""

import os
import signal
import time
from collections import namedtuple

import pytest

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.models.added import add
from ccta_core.store.usage import MARK
from ccta_core.study.cost import Cost
from ccta_core.study.run import locks, process, status
from ccta_core.study.run.process import Order
from ccta_core.study.run.status import (
    FAILED,
    FINISHED,
    LOG,
    RUNNING,
    STARTING,
    STOPPED,
    heading,
    state_of,
)
from ccta_core.study.storage.parts import part_path
from ccta_core.study.storage.table import open_study
from dashboard.pages.studies.tables import state_line, suggested_name
from tests.families import build
from tests.made_study import made_study

MODEL = "e5-small/nli-en"
PATIENCE = 300
pytestmark = pytest.mark.usefixtures("nothing_ships")


def order(name="one", **changes):
    settings = {
        "name": name, "data": "demo:nli", "models": [MODEL], "layers": [11],
        "languages": ["en", "es"], "limit": 3,
    }  # fmt: skip
    return Order(**{**settings, **changes})


def folder_of(name):
    return cache_root() / "studies" / name


def waited(name, reached):
    """The study's state once `reached` is true of it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = state_of(folder_of(name))
        if reached(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{found}\n{process.log_tail(name)}")


def full_disk(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(process.shutil, "disk_usage", lambda path: usage(10, 9, 201_000_000))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small random model with a head for NLI: what matters here is the process."""
    return build(tmp_path_factory.mktemp("small") / "bert", "bert", "classification")


def test_a_study_runs_stops_goes_on_is_killed_and_ends(small):
    model = add(str(small)).id
    process.start(order(models=[model], layers=[1], limit=60), 1)
    with pytest.raises(CctaError, match="running already"):
        process.start(order(models=[model], layers=[1], limit=60), 1)
    with pytest.raises(CctaError, match="stop it first"):
        process.delete("one")
    running = waited("one", lambda found: found.done >= 1)
    assert (running.kind, running.total) == (RUNNING, 4)
    assert process.stop("one") == process.ENDED
    stopped = state_of(folder_of("one"))
    assert (stopped.kind, stopped.line) == (STOPPED, "stopped")
    before = parts("one")

    process.resume("one", 1)
    waited("one", lambda found: found.kind == RUNNING)
    os.killpg(int((folder_of("one") / status.HELD).read_text()), signal.SIGKILL)
    killed = waited("one", lambda found: not found.busy)
    assert killed.kind in (STOPPED, FINISHED)
    assert killed.kind == FINISHED or "killed" in killed.line

    if killed.kind == STOPPED:
        process.resume("one", 1)
    done = waited("one", lambda found: not found.busy)
    assert (done.kind, done.done, done.total) == (FINISHED, 4, 4)
    assert len(open_study("one").query("SELECT * FROM pairs")) == 60
    assert before.items() <= parts("one").items()
    assert process.delete("one") > 0
    assert not folder_of("one").exists()


def parts(name):
    return {path.name: path.read_bytes() for path in folder_of(name).glob("parts/*/*.parquet")}


def test_a_study_of_three_items_runs_to_its_end(small):
    process.start(order(models=[add(str(small)).id], layers=[1]), 1)
    done = waited("one", lambda found: not found.busy)
    assert (done.kind, done.done, done.total) == (FINISHED, 1, 1)
    assert len(open_study("one").query("SELECT * FROM pairs")) == 3
    log = process.log_tail("one")
    assert "ccta study run with 1 process\n" in log
    assert "1/1 parts  " in log


def test_a_run_that_only_begins_is_ended_at_once():
    process.start(order(), 1)
    assert state_of(folder_of("one")).kind == STARTING
    began = time.monotonic()
    assert process.stop("one") == process.ENDED
    assert time.monotonic() - began < 10
    ended = state_of(folder_of("one"))
    assert (ended.kind, ended.manifest, ended.line) == (STOPPED, None, "stopped")
    assert [one.name for one in status.states()] == ["one"]
    process.delete("one")
    assert status.states() == []


def test_a_run_that_fails_says_why():
    process.start(order(data="file:nowhere.csv"), 1)
    failed = waited("one", lambda found: not found.busy)
    assert failed.kind == FAILED
    assert "nowhere.csv" in failed.line
    assert "\n" not in failed.line
    assert state_line(failed).startswith("failed: ")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "../up"}, "letters, digits"),
        ({"name": "made"}, "stands for another study"),
        ({"models": []}, "at least one model"),
        ({"layers": []}, "at least one layer"),
        ({"languages": ["en"]}, "two or more, found 1"),
        ({"languages": []}, "two or more, found 0"),
    ],
)
def test_an_order_is_refused_in_one_line(changes, word):
    made_study(cache_root() / "studies", items=3)
    with pytest.raises(CctaError, match=word) as caught:
        process.start(order(**changes), 1)
    assert "\n" not in str(caught.value)
    assert len(status.states()) == 1


def test_a_study_without_room_is_refused(monkeypatch):
    full_disk(monkeypatch)
    with pytest.raises(CctaError, match=r"about 2 MB and 200 MB stay free, but .* has 201 MB"):
        process.start(order(), 1, Cost(1.0, 2_000_000, ""))
    process.check_room(Cost(1.0, 900_000, ""))


def test_a_folder_that_cant_be_written_is_one_line():
    cache_root().parent.mkdir(parents=True, exist_ok=True)
    cache_root().write_text("in the way")
    with pytest.raises(CctaError, match="can't be written"):
        process.start(order(), 1)


def test_a_shipped_study_stays():
    made_study(cache_root() / "studies", items=3)
    (folder_of("made") / MARK).touch()
    with pytest.raises(CctaError, match="ships with the product and can't be deleted"):
        process.delete("made")
    with pytest.raises(CctaError, match="ships with the product"):
        process.resume("made", 1)
    assert state_of(folder_of("made")).shipped


def test_a_study_outside_the_cache_is_not_deleted(tmp_path):
    made_study(tmp_path / "elsewhere", items=3)
    (cache_root() / "studies").mkdir(parents=True)
    folder_of("made").symlink_to(tmp_path / "elsewhere" / "made")
    with pytest.raises(CctaError, match="outside the cache"):
        process.delete("made")
    assert (tmp_path / "elsewhere" / "made" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("last", "kind", "line"),
    [
        ("ccta: one was stopped; resume goes on with what is missing", STOPPED, "stopped"),
        ("ccta: stopped", STOPPED, "stopped"),
        ("KeyboardInterrupt", STOPPED, "stopped"),
        ("ccta: a worker was killed (was there too little memory?)", FAILED, "a worker was"),
        ("ModuleNotFoundError: No module named 'torch'", FAILED, "No module"),
        ("1/9 parts  0.50 items/s  3 min left", STOPPED, "without a word"),
    ],
)
def test_the_last_line_tells_why_a_run_ended(last, kind, line):
    study = made_study(cache_root() / "studies", items=3)
    part_path(study.folder, "made/en", 0).unlink()
    (study.folder / LOG).write_text(heading("run", 1) + last + "\n", "utf-8")
    found = state_of(study.folder)
    assert (found.kind, found.done, found.total) == (kind, 1, 2)
    assert line in found.line


def test_a_damaged_manifest_is_a_state_and_no_traceback():
    study = made_study(cache_root() / "studies", items=3)
    (study.folder / "manifest.json").write_text("{")
    found = state_of(study.folder)
    assert found.kind == FAILED
    assert "can't be read" in found.line


def test_a_run_at_work_tells_its_rate_and_what_is_left():
    study = made_study(cache_root() / "studies", items=18)
    part_path(study.folder, "made/en", 0).unlink()
    log = heading("run", 1) + "0/2 parts\n1/2 parts  0.50 items/s  under a minute left\n"
    (study.folder / LOG).write_text(log, "utf-8")
    with locks.hold(study.folder / locks.HELD):
        found = state_of(study.folder)
        assert (found.kind, found.rate, found.left) == (RUNNING, 0.5, 36.0)
        assert state_line(found) == "running · 1 of 2 parts · 0.5 items/s · 36 s left"
        with pytest.raises(CctaError, match="running already"):
            process.resume("made", 1)
    assert state_of(study.folder).kind == STOPPED


def test_names_are_free_and_say_what_they_are_of():
    assert suggested_name("demo:nli", []) == "demo-nli"
    assert suggested_name("demo:nli", ["demo-nli", "demo-nli-2"]) == "demo-nli-3"
    assert suggested_name("file:渡轮-0123456789ab.csv", []) == "0123456789ab"
    assert suggested_name("xnli:facebook/xnli#dev", []) == "xnli-facebook-xnli-dev"
