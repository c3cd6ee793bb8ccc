"""What one person may take: of the disk by kind, and studies at the same time on one machine."""

import multiprocessing
import os
import signal
from collections import namedtuple

import pytest

from ccta_core import quotas
from ccta_core.cli.main import main
from ccta_core.config import cache_root
from ccta_core.corpus.uploads import keep, keep_read, sample_file, uploads
from ccta_core.errors import CctaError
from ccta_core.health import check_server
from ccta_core.permissions import Person, acting_for, claim
from ccta_core.store.pairs import find_pair, keep_pair
from ccta_core.study.cost import Cost
from ccta_core.study.manifest import read_manifest
from ccta_core.study.run import host, local, process
from tests.faulty import hold_a_turn
from tests.made_pair import make_result, request_of
from tests.made_study import made_study

ANNA, BEN = Person("anna@example.org", login=True), Person("ben")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("300", 300), ("500M", 500_000_000), ("1.5 GB", 1_500_000_000), ("off", None), ("0", None)],
)
def test_an_amount_is_read(text, amount):
    assert quotas.read_amount(text, "X") == amount


@pytest.mark.parametrize("text", ["many", "-1", "5X", "0.2", "1e9", "5 5", "²"])
def test_what_is_no_amount_is_one_line(text, monkeypatch, capsys):
    with pytest.raises(CctaError, match="expected a number such as 300, 500M or 5G, or off"):
        quotas.read_amount(text, "X")
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.setenv("CCTA_STUDY_QUOTA", text)
    assert main(["dashboard", "--port", "0"]) == 2  # the port is looked at first
    assert main(["dashboard", "--port", "18599"]) == 2
    assert f"CCTA_STUDY_QUOTA is {text!r}" in capsys.readouterr().err
    with pytest.raises(CctaError, match="CCTA_STUDY_QUOTA"):
        check_server()


def test_limits_that_are_not_set_are_for_others_than_who_works_here(monkeypatch):
    assert [quotas.allowed(kind) for kind in quotas.KINDS] == [None] * 3
    assert quotas.disk_uses() == []
    with acting_for(ANNA):
        assert quotas.allowed("uploads") == 500_000_000
        assert [use.used for use in quotas.disk_uses()] == [0, 0, 0]
        monkeypatch.setenv("CCTA_ADMINISTRATORS", ANNA.name)
        assert quotas.allowed("uploads") is None
        monkeypatch.setenv("CCTA_UPLOAD_QUOTA", "1k")
        assert quotas.allowed("uploads") == 1000
    assert quotas.allowed("uploads") == 1000, "one that is set is for everybody"


def test_files_have_a_quota(monkeypatch):
    content = sample_file()
    monkeypatch.setenv("CCTA_UPLOAD_QUOTA", str(len(content) + 10))
    with acting_for(ANNA):
        keep("mine.csv", content)
        keep("mine.csv", content)  # the same file takes nothing
        for refused in (keep, keep_read):
            with pytest.raises(CctaError, match=r"files handed in: you use .* more; delete some"):
                refused("other.csv", content + b"\n")
        assert len(uploads()) == 1
        assert quotas.used("uploads") == len(content)
    with acting_for(BEN):
        keep_read("other.csv", content + b"\n")


def test_results_beyond_a_quota_are_shown_and_not_kept(monkeypatch):
    monkeypatch.setenv("CCTA_RESULT_QUOTA", "1k")
    for person in (ANNA, BEN):
        with acting_for(person):
            for layer in (0, 1):
                request = request_of(layer + 2 * (person is BEN))
                what = (request.model, request.source, request.target, request.config)
                said = keep_pair(make_result(request), *what)
                assert (said is None) == (layer == 0)
                assert (find_pair(*what) is None) == (layer == 1)
            assert said.startswith("The result was not kept: comparisons computed for you")
            assert quotas.used("results") > 1000
    for path in (cache_root() / "results").rglob("*.gz"):
        path.unlink()
    with acting_for(ANNA):
        assert quotas.used("results") == 0, "what was cleared takes nothing"


def test_studies_have_a_quota(monkeypatch, nothing_ships):
    made_study(cache_root() / "studies", items=3)
    with acting_for(ANNA):
        assert quotas.used("studies") == 0, "nobody's study is no one person's"
        claim(cache_root() / "studies" / "made")
        taken = quotas.used("studies")
        assert taken > 1000
        monkeypatch.setenv("CCTA_STUDY_QUOTA", str(taken + 1000))
        quotas.refuse_beyond("studies", 900)
        with pytest.raises(CctaError, match=r"studies: you use .* this takes 2.0 kB more"):
            process._check_host(1, Cost(1.0, 2000, "").bytes)
    with acting_for(BEN):
        process._check_host(1, 2000)


def test_so_many_studies_run_at_the_same_time_and_a_kill_gives_the_turn_back(monkeypatch):
    monkeypatch.setenv("CCTA_STUDIES_AT_ONCE", "2")
    spawn = multiprocessing.get_context("spawn")
    running = []
    for _ in range(2):
        host.check_turn()
        # Events of its own: one that a killed process waits for can't be set any more.
        began, go_on = spawn.Event(), spawn.Event()
        running.append(spawn.Process(target=hold_a_turn, args=(began, go_on), daemon=True))
        running[-1].start()
        assert began.wait(60)
    line = r"2 studies run already, the most at the same time here; resume when one has ended"
    with pytest.raises(CctaError, match=line):
        host.check_turn()
    with pytest.raises(CctaError, match=line), host.hold_turn():
        pass
    made_study(cache_root() / "studies", items=3)
    assert local.run("made", workers=0), "a finished one needs no turn"
    folder = cache_root() / "studies" / "made"
    manifest = read_manifest(folder)
    next(folder.glob("parts/*/*.parquet")).unlink()
    with pytest.raises(CctaError, match=line):
        local.run(manifest.name, workers=0)
    os.kill(running[0].pid, signal.SIGKILL)
    running[0].join(60)
    with host.hold_turn(), pytest.raises(CctaError, match=line):
        host.check_turn()
    monkeypatch.setenv("CCTA_STUDIES_AT_ONCE", "off")
    with host.hold_turn():
        host.check_turn()
    go_on.set()
    running[1].join(60)


def test_a_run_without_room_on_the_disk_is_one_line(monkeypatch):
    made_study(cache_root() / "studies", items=3)
    next((cache_root() / "studies" / "made").glob("parts/*/*.parquet")).unlink()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(host.shutil, "disk_usage", lambda path: usage(10, 9, 199_000_000))
    with pytest.raises(CctaError, match=r"200 MB stay free, but .* has 199 MB; make room"):
        local.run("made", workers=1)


def test_workers_that_find_no_memory_are_not_started(monkeypatch):
    monkeypatch.setattr(host, "free_bytes", lambda: 2 << 30)
    host.check_memory(2)
    with pytest.raises(
        CctaError, match=r"3 processes of a study take at least 3.2 GB .*take 2 pro"
    ):
        host.check_memory(3)
    monkeypatch.setattr(host, "free_bytes", lambda: 1 << 29)
    with pytest.raises(CctaError, match="end other programs"):
        host.check_memory(1)
