"""Stopping a study: what runs is stopped, what does not run is said not to, no wish is lost."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ccta_core.cli import main
from ccta_core.config import Config, cache_root
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.added import add
from ccta_core.store.usage import MARK
from ccta_core.study.manifest import SHIPPED, read_manifest
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import local, process
from ccta_core.study.run.locks import CANCEL, HELD, LOCK, held, hold
from ccta_core.study.run.status import LOG
from ccta_core.study.storage.parts import missing_parts, part_path
from tests.families import build
from tests.made_study import made_study

ROOT = Path(__file__).parents[1]
PATIENCE = 300


def folder_of(name):
    return cache_root() / "studies" / name


def listing(folder):
    """Every file below a folder with its size and time: writing anything would change it."""
    paths = sorted(folder.rglob("*"))
    return [(path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def stop(name, capsys):
    """The exit code and the line of `ccta study stop`."""
    code = main(["study", "stop", name])
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    return code, told.err.strip()


def unfinished(**settings):
    study = made_study(cache_root() / "studies", items=3, **settings)
    part_path(study.folder, "made/en", 0).unlink()
    return study


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small random model with a head for NLI: what matters here is the process."""
    return build(tmp_path_factory.mktemp("small") / "bert", "bert", "classification")


def test_a_finished_study_is_said_not_to_run(capsys):
    study = made_study(cache_root() / "studies", items=3)
    before = listing(study.folder)
    assert stop("made", capsys) == (
        0,
        "nothing runs of made, which is finished: nothing was stopped",
    )
    assert listing(study.folder) == before


def test_a_shipped_study_is_said_not_to_run_and_nothing_is_written_there(capsys):
    before = listing(SHIPPED / "demo-nli")
    code, line = stop("demo-nli", capsys)
    assert (code, line.startswith("nothing runs of demo-nli, which ships")) == (0, True)
    assert process.stop("demo-nli") == process.IDLE
    assert listing(SHIPPED / "demo-nli") == before


def test_a_study_that_is_stopped_is_said_to_be(capsys):
    study = unfinished()
    assert stop("made", capsys) == (
        0,
        "nothing runs of made (1 of 2 parts are measured): nothing was stopped",
    )
    assert not (study.folder / CANCEL).exists()


def test_a_study_that_came_to_no_plan_is_said_not_to_run(capsys):
    folder_of("begun").mkdir(parents=True)
    (folder_of("begun") / LOG).write_text("ccta: nowhere.csv is not here\n", encoding="utf-8")
    assert stop("begun", capsys)[1] == "nothing runs of begun (no plan yet): nothing was stopped"


def test_an_unknown_study_is_one_line(capsys):
    code, line = stop("nothing", capsys)
    assert code == 2
    assert "no study 'nothing' here" in line


def test_the_help_says_what_the_exit_code_means(capsys):
    with pytest.raises(SystemExit):
        main(["study", "stop", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "Exit code 0: nothing of it runs now" in text
    assert "Exit code 2: there is no such study" in text


@pytest.mark.parametrize("second", ["run", "resume"])
def test_a_second_run_does_not_swallow_a_stop(second, capsys):
    if second == "run":
        wanted = StudyRequest(name="made", data="demo:nli", models=["e5-small/nli-en"], limit=3)
        local.create(wanted)
    else:
        unfinished()
    with hold(folder_of("made") / LOCK):  # the first run, at work
        (folder_of("made") / CANCEL).touch()
        with pytest.raises(CctaError, match="running already; wait for it, or stop it"):
            local.run("made")
        assert (folder_of("made") / CANCEL).exists()
        with pytest.raises(StoppedError):
            local.check_wanted(folder_of("made"))
    with local.hold_study("made"):
        assert not (folder_of("made") / CANCEL).exists()  # of the run before: this one may go on


def test_a_stop_asked_while_a_run_begins_is_asked_again():
    """What is asked between a run's lock and its look at earlier wishes would be lost."""
    folder, began, obeyed = unfinished().folder, threading.Event(), []

    def beginning():
        with hold(folder / LOCK):
            began.set()
            while not (folder / CANCEL).exists():
                time.sleep(0.01)
            (folder / CANCEL).unlink()  # taken for an earlier run's
            until = time.monotonic() + 30
            while not obeyed and time.monotonic() < until:
                obeyed.extend(["yes"] * (folder / CANCEL).exists())
                time.sleep(0.01)

    thread = threading.Thread(target=beginning)
    thread.start()
    assert began.wait(30)
    assert process.stop("made") == process.ENDED
    thread.join()
    assert obeyed


def test_a_run_that_does_not_end_is_said_to_be_asked(capsys):
    folder = unfinished().folder
    with hold(folder / LOCK):
        assert stop("made", capsys) == (
            0,
            "made is asked to stop; it ends after the chunk in hand",
        )
        assert (folder / CANCEL).exists()
        with pytest.raises(CctaError, match="is running; stop it first"):
            process.delete("made")
    assert folder.exists()


def test_a_run_in_this_process_stops_within_its_chunk():
    wanted = StudyRequest(
        name="here", data="demo:nli", models=["e5-small/nli-en"], layers=(11,),
        languages=("en", "es"), limit=4, config=Config(shuffles=2, unrelated=0),
    )  # fmt: skip
    manifest = local.create(wanted)

    def ask(progress):
        if progress.done == 0:
            (folder_of("here") / CANCEL).touch()

    with pytest.raises(StoppedError, match="here was stopped; resume goes on with what is missing"):
        local.run("here", workers=0, report=ask)
    assert missing_parts(folder_of("here"), manifest) == manifest.parts
    assert not (folder_of("here") / CANCEL).exists()
    local.run("here", workers=0, report=lambda progress: None)
    assert missing_parts(folder_of("here"), manifest) == []


@contextmanager
def terminal(small, name, limit=90, shuffles=200):
    """`ccta study run` as somebody types it in a terminal, once it has measured a part."""
    model = add(str(small)).id
    command = [
        sys.executable, "-m", "ccta_core", "study", "run", "--name", name, "--model", model,
        "--data", "demo:nli", "--langs", "en,es", "--limit", str(limit), "--layers", "1",
        "--shuffles", str(shuffles), "--workers", "1",
    ]  # fmt: skip
    child = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and child.poll() is None:
            if list(folder_of(name).glob("parts/*/*.parquet")):
                break
            time.sleep(0.05)
        assert child.poll() is None, child.stderr.read()
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait(60)
        child.stderr.close()


def test_a_run_in_another_process_is_stopped(small, capsys):
    with terminal(small, "one", shuffles=4000) as child:  # so long that it is not done before
        assert main(["study", "resume", "one"]) == 2
        assert "one is running already" in capsys.readouterr().err
        assert stop("one", capsys) == (
            0,
            "one has stopped; what is finished is kept: ccta study resume one goes on",
        )
        assert child.wait(60) == 2
        assert "was stopped; resume goes on" in child.stderr.read()
    assert stop("one", capsys)[1].startswith("nothing runs of one")
    assert not (folder_of("one") / CANCEL).exists()
    assert missing_parts(folder_of("one"), read_manifest(folder_of("one")))


def test_a_run_whose_process_died_is_said_not_to_run(small, capsys):
    with terminal(small, "one") as child:
        os.kill(child.pid, signal.SIGKILL)
        child.wait(60)
        assert (folder_of("one") / LOCK).exists()  # the file is left, the lock has ended
        assert stop("one", capsys)[1].startswith("nothing runs of one (")
    assert not (folder_of("one") / CANCEL).exists()


def test_a_finished_shipped_study_is_run_without_a_trace():
    study = made_study(cache_root() / "studies", items=3)
    (study.folder / MARK).touch()
    before = listing(study.folder)
    assert local.run("made").name == "made"
    assert listing(study.folder) == before
    part_path(study.folder, "made/en", 0).unlink()
    before = listing(study.folder)
    with pytest.raises(CctaError, match="made ships with the product; start a study of your own"):
        local.run("made")
    assert listing(study.folder) == before


def test_a_finished_study_is_said_to_be_where_it_is_resumed(capsys):
    made_study(cache_root() / "studies", items=3)
    assert main(["study", "resume", "made"]) == 0
    assert capsys.readouterr().err == "made is finished: no part is missing\n"


def without_rights(*words):
    """`ccta` as a process that permissions hold for: root's may write anywhere."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and there is no setpriv to give that up")
    bound = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*bound, sys.executable, "-m", "ccta_core", *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def read_only():
    """An unfinished study whose folder nobody may write to."""
    study = unfinished()
    study.folder.chmod(0o555)
    yield study
    study.folder.chmod(0o755)


@pytest.mark.parametrize("action", ["stop", "resume"])
def test_a_folder_that_cant_be_written_is_one_line(read_only, action):
    before = listing(read_only.folder)
    done = without_rights("study", action, "made")
    if action == "stop":
        assert (done.returncode, done.stderr.startswith("nothing runs of made")) == (0, True)
    else:
        assert done.returncode == 2
        assert "can't be written (Permission denied)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert listing(read_only.folder) == before


def test_a_run_that_cant_be_asked_is_one_line(read_only):
    (read_only.folder).chmod(0o755)
    with hold(read_only.folder / LOCK):
        read_only.folder.chmod(0o555)
        done = without_rights("study", "stop", "made")
    assert done.returncode == 2
    assert "made can't be asked to stop" in done.stderr
    assert "Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):
    import errno
    import fcntl

    def refused(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    study = unfinished()
    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(CctaError, match=r"can't be locked .No locks available.*CCTA_CACHE"):
        local.run("made")
    assert not held(study.folder / HELD)
