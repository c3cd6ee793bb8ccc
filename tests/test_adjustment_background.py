"""Adjustments in processes of their own: what is started, stopped, resumed, deleted; the form."""

import json
import shlex
import sys
import time

import pytest
from streamlit.testing.v1 import AppTest

from ccta_core.adjustment import background
from ccta_core.adjustment.background import AdjustmentOrder, OrderState
from ccta_core.cli.main import _parser
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from dashboard.views.adjust.runs import state_text
from tests.conftest import ROOT
from tests.test_dashboard import clean, html_of, said

ORDER = AdjustmentOrder("mine", "es", ("made.es,made.en",), pairs=100)
LOG = """== mine ==
ccta: 900 pairs of es and en, 880 of them usable
ccta: step 0: AUC 0.9001, related 0.1
ccta: step 20/157  alignment 0.00669  anchor 0.00827  12.81 s a step  29 min left
ccta: step 29: AUC 0.9123, related 0.1
"""
CHILD = """
import json, pathlib, sys, time
from ccta_core.config import cache_root
words = sys.argv[1:]
name = words[words.index("--name") + 1] if "run" in words else words[-1]
folder = cache_root() / "models" / "adjusted" / name
folder.mkdir(parents=True, exist_ok=True)
path = folder / "manifest.json"
resumed = path.exists()
path.write_text(json.dumps({"status": "running", "settings": {"full": False}}))
print("ccta: step 1/4  alignment 0.5  anchor 0.25  1.00 s a step  1 min left", flush=True)
if name == "slow" and not resumed:
    time.sleep(120)
path.write_text(json.dumps(
    {"status": "finished", "settings": {"full": False}, "sentences": 100, "seconds": 50.0}))
"""


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """A stand-in for `ccta adjust run`: the processes are real, what they do is not."""
    package = tmp_path / "stands-in"
    package.mkdir()
    (package / "made_run.py").write_text(CHILD, "utf-8")
    (package / "made_start.py").write_text(
        "import sys\nfrom ccta_core.adjustment import background\n"
        "real = background.start_child\n"
        "background.start_child = lambda module, words: real('made_run', words)\n"
        "sys.exit(background.main(sys.argv[1:]))\n",
        "utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", f"{package}:{ROOT}")
    monkeypatch.setattr(background, "__name__", "made_start")


def wait_until(kind, name):
    for _ in range(600):
        state = background.state_of(name)
        if state.kind == kind:
            return state
        time.sleep(0.1)
    pytest.fail(f"{name} is {state.kind}, not {kind}: {state.line}")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": "../x"}, "a name is"),
        ({"lang": "qq"}, "qq"),
        ({"parallel": ()}, "parallel text"),
        ({"pairs": 5}, "too few"),
    ],
)
def test_what_cant_be_run_is_one_line(changes, word):
    settings = {"name": "mine", "lang": "es", "parallel": ("a,b",)} | changes
    with pytest.raises(CctaError, match=word):
        AdjustmentOrder(**settings)


def test_its_command_lines_are_read():
    order = AdjustmentOrder("mine", "es", ("opus:a folder#en-es",), pairs=500, full=True)
    first, second = (_parser().parse_args(shlex.split(line)[1:]) for line in order.commands)
    assert (first.name, first.pairs, first.full, first.placebo) == ("mine", 500, True, None)
    assert first.parallel == ["opus:a folder#en-es"]
    assert (second.name, second.placebo) == ("mine-placebo", True)


def test_an_order_runs_its_placebo_after_it_and_is_deleted(quick):
    background.start(ORDER)
    state = wait_until("finished", "mine")
    assert state.runs == {"mine": "finished", "mine-placebo": "finished"}
    assert state.share == 1.0
    assert state_text(state) == "finished: adjusted/mine and adjusted/mine-placebo"
    assert background.seconds_of(1000, ORDER) == pytest.approx(0.5 * 1000 * 2)
    with pytest.raises(CctaError, match="another adjustment"):
        background.start(ORDER)
    background.delete("mine")
    assert background.orders() == []
    assert not (cache_root() / "models" / "adjusted" / "mine").exists()


def test_an_order_is_stopped_and_resumed(quick):
    background.start(AdjustmentOrder("slow", "es", ("a,b",), placebo=False))
    for _ in range(300):
        if background.state_of("slow").step:
            break
        time.sleep(0.1)
    with pytest.raises(CctaError, match="at work"):
        background.delete("slow")
    with pytest.raises(CctaError, match="at work already"):
        background.resume("slow")
    for _ in range(10):
        if background.stop("slow"):
            break
    state = wait_until("stopped", "slow")
    assert state_text(state).startswith("stopped at step 1 of 4")
    background.resume("slow")
    assert wait_until("finished", "slow").runs == {"slow": "finished"}


def test_the_log_tells_how_far_a_run_is():
    ORDER.folder.mkdir(parents=True)
    (ORDER.folder / "order.json").write_text(
        json.dumps({"name": "mine", "lang": "es", "parallel": ["a,b"], "pairs": 100}), "utf-8"
    )
    (ORDER.folder / "log.txt").write_text(LOG, "utf-8")
    state = background.state_of("mine")
    assert (state.step, state.of_steps, state.minutes_left) == (20, 157, 29)
    assert state.aucs == ((0, 0.9001), (29, 0.9123))
    assert state.share == pytest.approx(20 / 157 / 2)
    running = OrderState(state.order, "running", state.runs, state.run, state.step,
                         state.of_steps, state.alignment, state.anchor, 29, state.aucs)  # fmt: skip
    assert state_text(running) == (
        "mine: step 20 of 157, alignment 0.00669, anchor 0.00827, AUC 0.912, about 29 min left"
    )
    with pytest.raises(CctaError, match="no order"):
        background.state_of("nobody")


def test_the_page_prices_a_run_and_starts_it(monkeypatch, tmp_path):
    for side in ("es", "en"):
        lines = "".join(f"{side} sentence number {number}\n" for number in range(300))
        (tmp_path / f"made.{side}").write_text(lines, "utf-8")
    started = []
    monkeypatch.setattr(background, "start", started.append)
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    app.switch_page("views/adjust/adjust.py")
    app.session_state["adjust_start_open_input"] = True
    app = clean(app.run())
    app.selectbox(key="adjust_form_data_input").set_value("other: by its spec").run()
    app.text_input(key="adjust_form_spec_input").set_value(
        f"{tmp_path / 'made.es'},{tmp_path / 'made.en'}"
    )
    app.number_input(key="adjust_form_pairs_input").set_value(100)
    app = clean(app.run())
    assert "of 100 pairs (300 are there)" in html_of(app)
    app.number_input(key="adjust_form_pairs_input").set_value(1000).run()
    assert "there are 300 pairs" in said(app).casefold()
    app.number_input(key="adjust_form_pairs_input").set_value(100).run()
    app.button(key="adjust_form_start_input").click().run()
    assert [order.name for order in started] == [f"{started[0].lang}-100-mine"]
    assert started[0].placebo


def test_nothing_of_it_loads_a_model_library():
    code = "import sys, ccta_core.adjustment.background; print('torch' in sys.modules)"
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
