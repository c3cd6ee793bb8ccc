"""The dashboard as a process of its own, for tests with a browser."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[1]


@contextmanager
def serving(cache: Path) -> Iterator[str]:
    """The address of a dashboard on a free port whose cache is this folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "server.headless": "true",
        "server.port": str(port),
        "server.address": "127.0.0.1",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", *flags]
    log = cache / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"CCTA_CACHE": str(cache)},
            stdout=out,
            stderr=out,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def wait_for(address: str, log: Path) -> None:
    """Returns when the address answers; fails with the server's log when it does not."""
    for _ in range(300):
        try:
            with urlopen(address, timeout=1) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the dashboard did not start: {log.read_text(encoding='utf-8')[-2000:]}")
