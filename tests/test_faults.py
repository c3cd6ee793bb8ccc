"""What breaks on a machine: full and closed disks, kills, hung workers, two servers."""

import errno
import json
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from ccta_core import whole_files
from ccta_core.cli.main import main
from ccta_core.config import cache_root
from ccta_core.corpus import uploads
from ccta_core.errors import CctaError
from ccta_core.models import added
from ccta_core.store.files import read_entry, write_entry
from ccta_core.store.pairs import find_pair, keep_pair
from ccta_core.study.run import local
from ccta_core.study.storage.parts import write_part
from dashboard.engine import Engine
from tests.faulty import KEY, killed_while_writing, serve
from tests.made_pair import make_result, request_of
from tests.made_study import made_study

WORDS = {errno.ENOSPC: "No space left on device", errno.EROFS: "Read-only file system"}
spawn = multiprocessing.get_context("spawn")


def temporary_files():
    return list(cache_root().rglob("*.tmp"))


@pytest.fixture(params=WORDS, ids=["full", "read-only"])
def disk(request, monkeypatch):
    """A disk on which everything is well until a file is to be complete."""

    def refuse(descriptor):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(whole_files.os, "fsync", refuse)
    return WORDS[request.param]


def keep_a_pair():
    request = request_of()
    what = (request.model, request.source, request.target, request.config)
    problem = keep_pair(make_result(request), *what)
    assert find_pair(*what) is None
    if problem:  # the result is shown all the same, with this line beside it
        raise CctaError(problem)


def change_models():
    added._change(lambda entries: [*entries, {"id": "x"}])


def begin_a_study():
    words = ["--model", "e5-small/nli-en", "--data", "demo:nli", "--langs", "en,es", "--limit", "2"]
    if main(["study", "run", "--name", "one", *words, "--layers", "11"]) == 2:
        raise CctaError("told by the command")


@pytest.mark.parametrize(
    "write",
    [
        keep_a_pair,
        change_models,
        lambda: uploads.keep_read("mine.csv", b"id,lang,text\n"),
        lambda: write_part(cache_root() / "studies" / "one", "m", 0, []),
    ],
    ids=["pair", "models", "upload", "part"],
)
def test_a_disk_that_takes_nothing_says_so_and_leaves_nothing(disk, write):
    with pytest.raises(CctaError, match=disk) as caught:
        write()
    assert "\n" not in str(caught.value)
    assert temporary_files() == []


def test_a_command_says_so_too(disk, capsys):
    with pytest.raises(CctaError):
        begin_a_study()
    (line,) = capsys.readouterr().err.splitlines()
    assert disk in line
    assert "CCTA_CACHE" in line
    assert temporary_files() == []
    assert not (cache_root() / "studies" / "one" / "manifest.json").exists()


def test_what_was_there_stays_whole(disk, monkeypatch):
    (cache_root()).mkdir(parents=True)
    (cache_root() / added.FILE).write_text('{"models": []}', "utf-8")
    with pytest.raises(CctaError):
        change_models()
    assert json.loads((cache_root() / added.FILE).read_text("utf-8")) == {"models": []}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_closed_says_so():
    cache_root().mkdir(parents=True)
    cache_root().chmod(0o500)
    try:
        for write in (keep_a_pair, change_models):
            with pytest.raises(CctaError, match="Permission denied"):
                write()
        assert list(cache_root().iterdir()) == []
    finally:
        cache_root().chmod(0o700)


def test_only_what_a_disk_does_is_called_so():
    full = OSError(errno.ENOSPC, "No space left on device", "/cache/x")
    line = whole_files.disk_problem(full)
    assert line.startswith("the disk is full (/cache/x): No space left on device; make room")
    closed = whole_files.disk_problem(OSError(errno.EROFS, "Read-only file system"))
    assert closed.startswith("nothing can be written here: Read-only file system; see to")
    assert whole_files.disk_problem(FileNotFoundError(2, "none")) is None
    assert whole_files.disk_problem(ValueError("x")) is None


def test_a_kill_in_the_middle_of_a_write_leaves_no_entry():
    process = spawn.Process(target=killed_while_writing, args=(str(cache_root()),))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    root = cache_root() / "results"
    assert read_entry(root, KEY) is None
    assert len(temporary_files()) == 1, "what only a kill leaves"
    write_entry(root, KEY, {"x": 2})
    assert read_entry(root, KEY) == {"x": 2}


def test_two_servers_on_one_cache_lose_nothing():
    began, problems = spawn.Event(), spawn.Queue()
    servers = [
        spawn.Process(target=serve, args=(str(cache_root()), name, began, problems))
        for name in ("one", "two")
    ]
    for server in servers:
        server.start()
    began.set()
    for server in servers:
        server.join(120)
        assert server.exitcode == 0
    assert problems.empty()
    assert len({entry["id"] for entry in added._entries()}) == 60
    assert temporary_files() == []


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"models": [{"id": "x"}]}', '{"models": 7}', '{"models": [7]}']
)
def test_a_garbled_list_of_models_is_one_line(text, capsys):
    cache_root().mkdir(parents=True)
    (cache_root() / added.FILE).write_text(text, "utf-8")
    assert main(["models", "list"]) == 0
    said = capsys.readouterr()
    assert "e5-small/nli-en" in said.out
    (line,) = said.err.splitlines()
    assert "restore it, or delete it and add the models again" in line


class Hanging:
    """Parts of a study of which the first does not come back, a few times."""

    def __init__(self, times):
        self.times, self.measured, self.lock = times, [], threading.Lock()
        self.go_on = threading.Event()

    def measure(self, chunk):
        with self.lock:
            hangs = chunk.number == 1 and self.times > 0
            self.times -= hangs
        if hangs:
            self.go_on.wait(60)
        self.measured.append(chunk.number)
        return 1

    @contextmanager
    def pool(self, workers):
        pool = ThreadPoolExecutor(workers)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@pytest.fixture
def measured(monkeypatch, nothing_ships):
    """Runs a study of two parts whose workers hang so often; the parts in order."""
    monkeypatch.setattr(local, "_FIRST_AFTER", 0.3)
    monkeypatch.setattr(local, "_SILENT_AFTER", 0.3)
    monkeypatch.setattr(local, "_TIMES_A_PART", 0.0)
    made_study(cache_root() / "studies", items=32)
    folder = cache_root() / "studies" / "made"

    def run(times):
        hanging = Hanging(times)
        monkeypatch.setattr(local, "measure_part", hanging.measure)
        monkeypatch.setattr(local, "_pool", hanging.pool)
        manifest = local.read_manifest(folder)
        study = local.HeldStudy(folder, manifest, [local.PartKey("m", n) for n in range(3)])
        progress = local.RunProgress(
            folder, manifest, study.missing, workers=1, report=lambda progress: None
        )
        try:
            local._work(study, 1, progress)
        finally:
            hanging.go_on.set()
        return hanging.measured

    return run


def test_workers_that_stop_answering_are_replaced(measured, caplog):
    assert measured(times=1) == [0, 1, 2], "each part once"
    assert "the workers are replaced, 2 parts to go" in caplog.text


def test_workers_that_stop_answering_again_and_again_are_one_line(measured):
    with pytest.raises(
        CctaError, match=r"the workers stopped answering 3 times; what was finished"
    ):
        measured(times=9)


def test_a_clock_that_is_set_back_stops_nothing(monkeypatch):
    engine = Engine(load=lambda info: info, compare=lambda model, request, stop, early: "whole")
    assert engine.submit(request_of(0), "anna").done.wait(10)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    job = engine.submit(request_of(1), "anna")
    assert job.done.wait(10)
    assert (job.result, job.seconds >= 0) == ("whole", True)
    from ccta_core.store import notes

    notes.add_tag("made", "a", "before")
    assert notes.tags("made") == {"before": 1}
    write_entry(cache_root() / "results", KEY, {"x": 1})
    assert read_entry(cache_root() / "results", KEY) == {"x": 1}
