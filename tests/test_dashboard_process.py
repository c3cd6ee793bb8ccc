"""`ccta dashboard` as a process: it ends when told to, and leaves nothing that holds its port."""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ccta_core import children
from ccta_core.cli import main
from ccta_core.config import cache_root
from ccta_core.corpus.caps import MOST_MEGABYTES
from ccta_core.models.added import add
from ccta_core.study.run.progress import FINISHED
from ccta_core.study.run.status import RUNNING, status_of
from tests.families import build
from tests.serving import wait_for

ROOT = Path(__file__).parents[1]
SOON = 15
"""Seconds in which everything must have ended: machines are shared."""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def can_listen(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def descendants(pid):
    """Every living process below one."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(pids):
    """Whether all have ended soon."""
    until = time.monotonic() + SOON
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(map(alive, pids))


@contextmanager
def dashboard(tmp_path):
    """`ccta dashboard` on a free port, once it answers: the process and its port."""
    port, log = free_port(), tmp_path / "server.log"
    command = [sys.executable, "-m", "ccta_core", "dashboard", "--port", str(port)]
    with log.open("wb") as out:
        child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_for(f"http://localhost:{port}/_stcore/health", log)
        yield child, port
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_server_and_frees_the_port(number, tmp_path):
    with dashboard(tmp_path) as (child, port):
        below = descendants(child.pid)
        assert not can_listen(port)
        began = time.monotonic()
        os.kill(child.pid, number)  # to the one process that whoever started it knows
        child.wait(SOON)
        assert time.monotonic() - began < SOON
        assert can_listen(port)
        assert ended(below)
        assert "Traceback" not in (tmp_path / "server.log").read_text("utf-8")


def test_an_open_page_does_not_keep_the_server(tmp_path):
    """A browser's socket is open, and a script has run for it."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from websockets.sync.client import connect

    message = BackMsg()
    message.rerun_script.query_string = ""
    with dashboard(tmp_path) as (child, port):
        address = f"ws://localhost:{port}/_stcore/stream"
        with closing(connect(address, subprotocols=["streamlit"], max_size=None)) as page:
            page.send(message.SerializeToString())
            for _ in range(20):
                page.recv(timeout=60)  # the page arrives; its model is loaded soon after
            time.sleep(2)
            os.kill(child.pid, signal.SIGTERM)
            child.wait(SOON)
            assert can_listen(port)


def test_a_page_that_computes_does_not_keep_the_process():
    code = (
        "import threading, time; from dashboard.__main__ import end; "
        "threading.Thread(target=time.sleep, args=(300,)).start(); end(3)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 3
    assert time.monotonic() - began < 60


def test_a_port_in_use_is_one_line(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["dashboard", "--port", str(port)]) == 2
    err = capsys.readouterr().err
    assert f"port {port} of localhost is in use" in err
    assert f"--port {port + 1}" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--host", "no.such.host.invalid"], "is no address of this machine"),
        (["--host", "192.0.2.1"], "nothing can listen at 192.0.2.1"),
        (["--host", "a" * 70 + ".example"], "is no address of this machine"),
        (["--port", "0"], "port 0 is out of range"),
        (["--port", "65536"], "port 65536 is out of range"),
        (["--metrics", "abc"], "expected a port from 1 to 65535, or ADDRESS:PORT"),
        (["--port", "8599", "--metrics", "8599"], "is the pages'; name another"),
    ],
)
def test_a_place_where_nothing_can_listen_is_one_line(words, line, capsys, monkeypatch):
    monkeypatch.setattr(os, "execv", lambda *command: pytest.fail("it was started"))
    assert main(["dashboard", *words]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1


def test_folders_named_from_here_stay_those(monkeypatch, tmp_path):
    """The server runs in another folder than the one it was started in."""
    started = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CCTA_CACHE", "own")
    monkeypatch.setattr(os, "execv", lambda path, command: started.append(command))
    port = free_port()
    assert main(["dashboard", "--port", str(port)]) == 0
    assert started == [
        [
            sys.executable,
            "-m",
            "dashboard",
            "--server.address=localhost",
            f"--server.port={port}",
            "--server.allowedHosts=*",
        ]
    ]
    assert cache_root() == tmp_path / "own"


PARENT = """
import sys, time
from ccta_core import children
child = children.start("tests.test_dashboard_process", sys.argv[1:])
print(child.pid, flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_child_ends_with_its_parent(number, tmp_path):
    """Whatever ends the parent; and what the child has half written, it puts away."""
    place = tmp_path / "half"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(place)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    until = time.monotonic() + 60
    while not place.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert place.exists()
    parent.send_signal(number)
    parent.wait(SOON)
    parent.stdout.close()
    assert ended([child])
    assert not place.exists()


def test_what_goes_on_by_itself_gives_way(tmp_path):
    """To every other session: where the kernel has autogroups niceness alone would not do."""
    with (tmp_path / "log").open("wb") as log:
        process = children.start_apart(
            "timeit", ["-n1", "-r1", "__import__('time').sleep(60)"], log
        )
    try:
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == children.GIVES_WAY
        assert os.getsid(process.pid) == process.pid  # neither Ctrl-C nor the end of its starter
        groups = Path(f"/proc/{process.pid}/autogroup")
        if groups.exists():
            assert groups.read_text(encoding="ascii").split()[-1] == str(children.GIVES_WAY)
    finally:
        process.kill()
        process.wait(SOON)


def test_a_child_that_is_done_says_how_it_ended():
    with children.start("ccta_core", ["--help"], stdout=subprocess.PIPE) as child:
        assert "usage: ccta" in child.stdout.read()
        assert child.wait(60) == 0
    with children.start("ccta_core", ["none"], stderr=subprocess.PIPE) as child:
        assert child.stderr.read().count("\n") == 1
        assert child.wait(60) == 2


STARTER = """
import sys, time
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import process
request = StudyRequest(
    name="one", data="demo:nli", models=[sys.argv[1]], layers=[1], languages=["en", "es"], limit=60
)
process.start(request, 1)
print("started", flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_study_outlives_the_page_it_was_started_from(number, tmp_path):
    model = add(str(build(tmp_path / "bert", "bert", "classification"))).id
    server = subprocess.Popen(
        [sys.executable, "-c", STARTER, model],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert server.stdout.readline() == "started\n"
    os.killpg(server.pid, number)  # as a terminal that is closed: all of its group
    server.wait(SOON)
    server.stdout.close()
    folder = cache_root() / "studies" / "one"
    until, seen = time.monotonic() + 600, set()
    while time.monotonic() < until:
        state = status_of(folder)
        seen.add(state.kind)
        if not state.busy:
            break
        time.sleep(0.1)
    assert (state.kind, RUNNING in seen) == (FINISHED, True)


if __name__ == "__main__":  # what a child runs: it holds something half written until it ends
    half = Path(sys.argv[1])
    half.touch()
    try:
        while True:
            time.sleep(0.1)
    finally:
        half.unlink()


def listening_on(port):
    """Addresses (hexadecimal, as the kernel writes them) on which a port is listened to."""
    lines = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
    ]
    places = [line[1].rpartition(":") for line in lines if line[3] == "0A"]
    return {address for address, _, number in places if int(number, 16) == port}


def test_however_it_is_started_only_this_computer_reaches_it(tmp_path):
    """`streamlit run` from another folder, without a flag that says so."""
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py"),
             "--server.port", str(port)],
            cwd=tmp_path, stdout=out, stderr=out,
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", log)
            loopback = {"0100007F", "0" * 24 + "01000000"}
            assert listening_on(port)
            assert listening_on(port) <= loopback
        finally:
            server.terminate()
            server.wait(SOON)


def test_a_file_is_as_large_for_the_server_as_for_the_page():
    settings = tomllib.loads((ROOT / "dashboard" / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["maxUploadSize"] == MOST_MEGABYTES
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["runner"]["magicEnabled"] is False, "a string in a page's script would be shown"
