"""The dashboard as a process of its own, and a browser that looks at it, for tests."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[1]
PATIENCE = 60_000
"""Milliseconds until a page must have come: machines are shared."""
PROBE = "/_stcore/"
"""Streamlit asks for its own health under a page's path first; that answers 404."""


@contextmanager
def serving(cache: Path, app: str = "app", **variables: str) -> Iterator[str]:
    """The address of a dashboard on a free port whose cache is this folder.

    `app` "server" puts the guard before it; `variables` are of its environment.
    """
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
    command = [sys.executable, "-m", "streamlit", "run", f"dashboard/{app}.py", *flags]
    log = cache / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"CCTA_CACHE": str(cache)} | variables,
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


@contextmanager
def visiting(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens pages of the dashboard: `visit(path, width, height, scheme)`, each in its own context.

    Fails at the end on whatever the browser complained of: errors of scripts, dialogs, resources
    that did not come, anything fetched from elsewhere.
    """
    complaints: list[str] = []
    contexts = []

    def visit(path: str = "", width: int = 1280, height: int = 900, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("console", lambda message: complaints.extend(_told(message)))
        page.on("response", lambda answer: complaints.extend(_refused(answer)))
        page.on("request", lambda request: complaints.extend(_elsewhere(request, address)))
        page.goto(f"{address}/{path}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not complaints


def _told(message: Any) -> list[str]:
    failed = "Failed to load resource" in message.text  # _refused names the address, this does not
    return [message.text] if message.type == "error" and not failed else []


def _refused(answer: Any) -> list[str]:
    return (
        [f"{answer.status} {answer.url}"]
        if answer.status >= 400 and PROBE not in answer.url
        else []
    )


def _elsewhere(request: Any, address: str) -> list[str]:
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    return [] if request.url.startswith(own) else [f"fetched {request.url}"]


def check_accessible(page: Any) -> None:
    """Fails with every serious finding of axe-core on a page that has come to rest.

    On a busy machine charts are still measured when the page stands: a finding counts when it is
    there after ten seconds too.
    """
    driver = pytest.importorskip("axe_playwright_python.sync_playwright")
    for pause in (1500, 3500, 5000):
        page.wait_for_timeout(pause)
        serious = [
            f"{finding['id']}: {node['target']} {node['failureSummary'][:200]}"
            for finding in driver.Axe().run(page).response["violations"]
            if finding["impact"] in ("serious", "critical")
            for node in finding["nodes"][:4]
        ]
        if not serious:
            return
    pytest.fail("\n".join(serious))
