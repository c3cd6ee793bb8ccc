"""Studies as processes of their own: begun, stopped, killed, refused, deleted."""

import json
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
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import locks, process, status
from ccta_core.study.run.progress import (
    FAILED,
    FILE,
    FINISHED,
    LAUNCHED,
    PROGRESS,
    STOPPED,
    read_events,
    write_event,
)
from ccta_core.study.run.status import LOG, RUNNING, STARTING, status_of
from ccta_core.study.storage.parts import part_path
from ccta_core.study.storage.table import open_study
from dashboard.views.studies.tables import state_line, suggested_name
from tests.families import build
from tests.made_study import made_study

MODEL = "e5-small/nli-en"
PATIENCE = 300
pytestmark = pytest.mark.usefixtures("nothing_ships")


def request(name="one", **changes):
    settings = {
        "name": name, "data": "demo:nli", "models": [MODEL], "layers": [11],
        "languages": ["en", "es"], "limit": 3,
    }  # fmt: skip
    return StudyRequest(**{**settings, **changes})


def folder_of(name):
    return cache_root() / "studies" / name


def waited(name, reached):
    """The study's state once `reached` is true of it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = status_of(folder_of(name))
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
    process.start(request(models=[model], layers=[1], limit=60), 1)
    with pytest.raises(CctaError, match="running already"):
        process.start(request(models=[model], layers=[1], limit=60), 1)
    with pytest.raises(CctaError, match="stop it first"):
        process.delete("one")
    running = waited("one", lambda found: found.done >= 1)
    assert (running.kind, running.total) == (RUNNING, 4)
    assert process.stop("one") == process.ENDED
    stopped = status_of(folder_of("one"))
    assert (stopped.kind, stopped.line) == (STOPPED, "stopped")
    before = parts("one")

    process.resume("one", 1)
    waited("one", lambda found: found.kind == RUNNING)
    os.killpg(int((folder_of("one") / locks.HELD).read_text()), signal.SIGKILL)
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
    process.start(request(models=[add(str(small)).id], layers=[1]), 1)
    done = waited("one", lambda found: not found.busy)
    assert (done.kind, done.done, done.total) == (FINISHED, 1, 1)
    assert len(open_study("one").query("SELECT * FROM pairs")) == 3
    log = process.log_tail("one")
    assert "ccta study run with 1 process\n" in log
    assert "1/1 parts  " in log
    events = read_events(folder_of("one"))
    assert [event.kind for event in events] == [LAUNCHED, PROGRESS, PROGRESS, FINISHED]
    first, last = (event.progress for event in events[1:3])
    assert (first.done, first.items, last.done, last.items, last.workers) == (0, 0, 1, 3, 1)
    assert last.line in log
    written = json.loads((folder_of("one") / FILE).read_text("utf-8").splitlines()[2])
    assert written["rate"] == pytest.approx(3 / last.seconds, abs=1e-3)
    assert (written["total"], written["left"]) == (1, 0)


def test_a_run_that_only_begins_is_ended_at_once():
    process.start(request(), 1)
    assert status_of(folder_of("one")).kind == STARTING
    began = time.monotonic()
    assert process.stop("one") == process.ENDED
    assert time.monotonic() - began < 10
    ended = status_of(folder_of("one"))
    assert (ended.kind, ended.manifest, ended.line) == (STOPPED, None, "stopped")
    assert [one.name for one in status.statuses()] == ["one"]
    process.delete("one")
    assert status.statuses() == []


def test_a_run_that_fails_says_why():
    process.start(request(data="file:nowhere.csv"), 1)
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
def test_a_request_is_refused_in_one_line(changes, word):
    made_study(cache_root() / "studies", items=3)
    with pytest.raises(CctaError, match=word) as caught:
        process.start(request(**changes), 1)
    assert "\n" not in str(caught.value)
    assert len(status.statuses()) == 1


def test_a_study_without_room_is_refused(monkeypatch):
    full_disk(monkeypatch)
    with pytest.raises(CctaError, match=r"about 2 MB and 200 MB stay free, but .* has 201 MB"):
        process.start(request(), 1, Cost(1.0, 2_000_000, ""))
    process.check_room(Cost(1.0, 900_000, ""))


def test_a_folder_that_cant_be_written_is_one_line():
    cache_root().parent.mkdir(parents=True, exist_ok=True)
    cache_root().write_text("in the way")
    with pytest.raises(CctaError, match="can't be written"):
        process.start(request(), 1)


def test_a_shipped_study_stays():
    made_study(cache_root() / "studies", items=3)
    (folder_of("made") / MARK).touch()
    with pytest.raises(CctaError, match="ships with the product and can't be deleted"):
        process.delete("made")
    with pytest.raises(CctaError, match="ships with the product"):
        process.resume("made", 1)
    assert status_of(folder_of("made")).shipped


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
        ({"kind": STOPPED, "message": "one was stopped; resume goes on"}, STOPPED, "stopped"),
        ({"kind": FAILED, "message": "a worker was killed"}, FAILED, "a worker was killed"),
        ({"kind": LAUNCHED, "action": "run", "workers": 1}, STOPPED, "without a word"),
        ({"kind": FINISHED}, STOPPED, ""),
        ({"kind": "of a later version"}, STOPPED, "stopped"),
    ],
)
def test_the_last_event_tells_why_a_run_ended(last, kind, line):
    study = made_study(cache_root() / "studies", items=3)
    part_path(study.folder, "made/en", 0).unlink()
    write_event(study.folder, **last)
    ended = status_of(study.folder)
    assert (ended.kind, ended.done, ended.total) == (kind, 1, 2)
    assert line in ended.line


def test_a_line_that_was_torn_by_a_kill_is_left_out():
    study = made_study(cache_root() / "studies", items=3)
    part_path(study.folder, "made/en", 0).unlink()
    write_event(study.folder, FAILED, message="no room")
    for torn in (
        '{"kind": "progress", "time": "2026',
        "[1]",
        '{"kind": "progress", "time": ""}',
        "",
    ):
        with (study.folder / FILE).open("a", encoding="utf-8") as file:
            file.write(torn + "\n")
    assert [event.kind for event in read_events(study.folder)] == [FAILED]
    assert status_of(study.folder).line == "no room"


@pytest.mark.parametrize(
    "log",
    [
        "== 2026-01-01T00:00:00+00:00 ccta study run with 1 process\n0/2 parts\n"
        "1/2 parts  0.50 items/s  3 min left\n",
        "ccta: a worker was killed (was there too little memory?)\n",
        "\x00\udcff no text at all",
    ],
)
def test_a_study_with_the_log_of_an_earlier_version_is_listed_and_goes_on(log):
    study = made_study(cache_root() / "studies", items=3)
    part_path(study.folder, "made/en", 0).unlink()
    (study.folder / LOG).write_text(log, "utf-8", errors="surrogateescape")
    begun = folder_of("begun")
    begun.mkdir()
    (begun / LOG).write_text(log, "utf-8", errors="surrogateescape")
    first, second = status.statuses()
    assert (first.name, first.kind, first.manifest) == ("begun", STOPPED, None)
    assert (second.name, second.kind, second.done, second.line) == ("made", STOPPED, 1, "")
    assert state_line(second) == "stopped at 1 of 2 parts"
    assert process.log_tail("made").splitlines()[0] == log.splitlines()[0].replace(
        "\udcff", "\ufffd"
    )
    with locks.hold(study.folder / locks.HELD):  # a run that an earlier version began
        assert (status_of(study.folder).kind, status_of(study.folder).rate) == (RUNNING, None)


def test_a_damaged_manifest_is_a_state_and_no_traceback():
    study = made_study(cache_root() / "studies", items=3)
    (study.folder / "manifest.json").write_text("{")
    found = status_of(study.folder)
    assert found.kind == FAILED
    assert "can't be read" in found.line


def test_a_run_at_work_tells_its_rate_and_what_is_left():
    study = made_study(cache_root() / "studies", items=18)
    part_path(study.folder, "made/en", 0).unlink()
    facts = {"total": 2, "before": 0, "workers": 1}
    write_event(study.folder, PROGRESS, done=0, items=0, seconds=0.0, **facts)
    write_event(study.folder, PROGRESS, done=1, items=18, seconds=36.0, **facts)
    with locks.hold(study.folder / locks.HELD):
        found = status_of(study.folder)
        assert (found.kind, found.rate, found.left) == (RUNNING, 0.5, 36.0)
        assert state_line(found) == "running · 1 of 2 parts · 0.5 items/s · 36 s left"
        with pytest.raises(CctaError, match="running already"):
            process.resume("made", 1)
    assert status_of(study.folder).kind == STOPPED


def test_names_are_free_and_say_what_they_are_of():
    assert suggested_name("demo:nli", []) == "demo-nli"
    assert suggested_name("demo:nli", ["demo-nli", "demo-nli-2"]) == "demo-nli-3"
    assert suggested_name("file:渡轮-0123456789ab.csv", []) == "0123456789ab"
    assert suggested_name("xnli:facebook/xnli#dev", []) == "xnli-facebook-xnli-dev"
