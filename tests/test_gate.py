"""Pages that use scipy and the import of torch keep out of each other's way."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.import_gate import GATE, Gate

APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
LIGHT = ("pair", "studies", "models")
HEAVY = ("languages", "correlation", "errors", "adjust", "learn")
IMPORTED = """
import sys
from streamlit.testing.v1 import AppTest
name = sys.argv[2]
app = AppTest.from_file(sys.argv[1], default_timeout=120)
app.switch_page(f"views/{name}/{name}.py")
assert not app.run().exception
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"scipy", "torch"}))
"""


@pytest.fixture(autouse=True)
def nothing_warms(monkeypatch):
    monkeypatch.setattr(resources, "warm", lambda info: None)


def opened(page):
    return AppTest.from_file(APP, default_timeout=60).switch_page(f"views/{page}/{page}.py").run()


def test_pages_pass_together_and_what_closes_is_alone():
    gate, met, log = Gate(), threading.Barrier(2, timeout=30), []

    def pass_through():
        with gate.passed():
            met.wait()
            time.sleep(0.05)
            log.append("left")

    def close():
        with gate.closed():
            log.append("closed")
            time.sleep(0.05)
            log.append("open")

    pages = [threading.Thread(target=pass_through) for _ in range(2)]
    for thread in pages:
        thread.start()
    while gate._inside < 2:
        time.sleep(0.001)
    closer = threading.Thread(target=close)
    closer.start()
    while not gate._closing:
        time.sleep(0.001)
    with gate.passed():
        log.append("late")
    for thread in (*pages, closer):
        thread.join(30)
    assert log == ["left", "left", "closed", "open", "late"]


def test_a_page_that_fails_leaves_the_gate():
    gate = Gate()
    with pytest.raises(ZeroDivisionError), gate.passed():
        _ = 1 / 0
    with pytest.raises(ZeroDivisionError), gate.closed():
        _ = 1 / 0
    with gate.closed():
        pass


@pytest.mark.parametrize("page", HEAVY)
def test_a_page_with_scipy_waits(page):
    with GATE.closed():
        shown = []
        waiting = threading.Thread(target=lambda: shown.append(opened(page)), daemon=True)
        waiting.start()
        time.sleep(0.5)
        assert not shown
    waiting.join(60)
    assert shown
    assert not shown[0].exception


@pytest.mark.parametrize("page", LIGHT)
def test_a_page_without_scipy_does_not_wait(page):
    with GATE.closed():
        assert not opened(page).exception


@pytest.mark.parametrize(
    ("page", "known"),
    [(page, "") for page in LIGHT] + [(page, "scipy") for page in ("adjust", "learn")],
)
def test_what_a_page_imports(page, known):
    """A light page may pass while torch comes in, and no page brings torch itself."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, APP, page],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == known
