"""Studies on Ray: the parts are the local runner's, byte for byte, whatever is killed."""

import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

import ccta_core as ccta
from ccta_core.cli import main
from ccta_core.config import Config
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.catalog import SHIPPED
from ccta_core.study.manifest import folder_of, read_manifest
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import local, ray_actors, ray_runner
from ccta_core.study.run.locks import CANCEL
from ccta_core.study.run.ray_runner import Cluster
from ccta_core.study.storage.items import read_chunk
from ccta_core.study.storage.parts import missing_parts

MODEL = "e5-small/nli-en"
STORE = 100 << 20


@pytest.fixture(scope="module")
def ray():
    return pytest.importorskip("ray", reason="Ray is not installed (pip install '.[ray]')")


@pytest.fixture(autouse=True)
def no_watch(monkeypatch):
    """Ray kills workers where the machine is full: here also for what others hold."""
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "0")


def request(model=MODEL):
    return StudyRequest(
        name="one", data="demo:nli", models=[model], layers=(11,), languages=("en", "es"),
        limit=12, config=Config(shuffles=4, unrelated=1), chunk=6,
    )  # fmt: skip


def quiet(progress):
    del progress


def part_bytes():
    folder = folder_of("one")
    return {path.name: path.read_bytes() for path in sorted(folder.glob("parts/*/*.parquet"))}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The parts as the local runner writes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(tmp_path_factory.mktemp("local")))
        local.create(request())
        local.run("one", workers=0, report=quiet)
        return part_bytes()


@pytest.fixture(scope="module")
def nodes(ray, tmp_path_factory):
    """A cluster of two nodes of one CPU each; their cache folder is not this process's."""
    from ray.cluster_utils import Cluster as Nodes

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(tmp_path_factory.mktemp("nodes")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        settings = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
        found = Nodes(initialize_head=True, head_node_args=settings)
        found.add_node(**settings)
    yield found
    found.shutdown()


def killed_in_hand(nodes, killed):
    """Kills the first worker process of these nodes that is seen at work on a chunk."""
    owners = {node.all_processes["raylet"][0].process.pid for node in nodes.list_all_nodes()}
    for _ in range(4000):
        for pid in children(owners):
            if b"Measurer" in title(pid) and b".submit" in title(pid):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return
        time.sleep(0.1)


def children(owners):
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent in owners:
            yield int(entry.parent.name)


def title(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_local_cluster_writes_the_same_parts(ray, capfd, tmp_path, monkeypatch):
    lines = {"local": [], "ray": []}
    parts = {}
    for engine, seen in lines.items():
        monkeypatch.setenv("CCTA_CACHE", str(tmp_path / engine))
        study = ccta.run_study(
            "one", "demo:nli", MODEL, layers=(11,), languages=("en", "es"), limit=12, shuffles=4,
            unrelated=1, workers=1, engine=engine,
            report=lambda now, seen=seen: seen.append(now.done),
        )  # fmt: skip
        parts[engine] = part_bytes()
        assert missing_parts(study.folder, study.manifest) == []
    assert parts["ray"] == parts["local"]
    assert lines["ray"] == lines["local"] == [0, 1]
    assert not ray.is_initialized()
    with pytest.raises(CctaError, match="expected local or ray"):
        ccta.run_study("one", "demo:nli", MODEL, engine="spark")
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert "Traceback" not in capfd.readouterr().err


def test_a_killed_worker_changes_nothing(nodes, expected):
    local.create(request())
    killed = []
    thread = threading.Thread(target=killed_in_hand, args=(nodes, killed))
    thread.start()
    ray_runner.run("one", Cluster(nodes.address), report=quiet)
    thread.join()
    assert len(killed) == 1
    assert part_bytes() == expected


def test_a_model_that_a_node_does_not_have_is_one_line(nodes):
    own = Path(os.environ["CCTA_CACHE"]) / "models" / "own" / "nli"
    shutil.copytree(SHIPPED / MODEL, own)
    local.create(request("own/nli"))
    with pytest.raises(CctaError) as caught:
        ray_runner.run("one", Cluster(nodes.address), report=quiet)
    assert "own/nli is not on this node" in str(caught.value)
    assert f"on {socket.gethostname()}" in str(caught.value)
    assert len(missing_parts(folder_of("one"), read_manifest(folder_of("one")))) == 2


def test_it_stops_when_asked_and_the_cluster_stays(nodes, ray):
    local.create(request())

    def ask(progress):
        (folder_of("one") / CANCEL).touch()

    with pytest.raises(StoppedError, match="resume goes on"):
        ray_runner.run("one", Cluster(nodes.address), report=ask)
    with local.hold_study("one"):
        pass  # nobody holds it
    assert not ray.is_initialized()


def test_more_than_the_cluster_has_is_refused(nodes):
    local.create(request())
    with pytest.raises(CctaError, match="2 CPUs and 0 GPUs; an actor needs 1 and 1"):
        ray_runner.run("one", Cluster(nodes.address, gpus=1), report=quiet)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--engine", "ray", "--address", f"127.0.0.1:{free_port()}"], "no Ray cluster at 127"),
        (["--engine", "ray", "--address", "ray://head:10001"], "expected HOST:PORT"),
        (["--engine", "ray", "--address", "head"], "expected HOST:PORT"),
        (["--engine", "ray", "--gpus", "1.5"], "gpus is 1.5"),
        (["--engine", "ray", "--workers", "0"], "workers is 0"),
        (["--address", "head:6379"], "belong to --engine ray"),
        (["--gpus", "1"], "belong to --engine ray"),
    ],
)
def test_bad_input_is_one_line(ray, words, line, capsys):
    local.create(request())
    assert main(["study", "resume", "one", *words]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1


def test_what_is_not_ray_is_one_line(ray):
    local.create(request())
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        thread = threading.Thread(target=answer, args=(other,))
        thread.start()
        with pytest.raises(CctaError, match="not Ray's head node"):
            ray_runner.run("one", Cluster(f"127.0.0.1:{other.getsockname()[1]}"), report=quiet)
        thread.join()


def answer(listener):
    with listener.accept()[0] as caller:
        caller.recv(100)
        caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_without_ray_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    local.create(request())
    assert main(["study", "resume", "one", "--engine", "ray"]) == 2
    err = capsys.readouterr().err
    assert "pip install 'ccta-explorer[ray]'" in err
    assert err.count("\n") == 1


def test_the_ledger_counts_the_tries_of_each_chunk():
    ledger = ray_actors.Ledger()
    assert [ledger.begin(MODEL, at) for at in (1, 0, 1)] == [1, 1, 2]
    assert not ledger.stopped()
    ledger.stop()
    assert ledger.stopped()


def test_items_and_rows_travel_unchanged():
    manifest = local.create(request())
    folder = folder_of("one")
    row = ray_actors.row_of(folder, manifest, MODEL, 1)
    assert ray_actors.items_of(row) == read_chunk(folder, 6, 6)
