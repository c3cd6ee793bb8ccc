"""A declared experiment: its cells, what it adopts, what it refuses, and a kill in the middle."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ccta_core.adjustment.cells import (
    DIFFERS,
    FAILED,
    FINISHED,
    NOT_RUN,
    model_folder,
    words_of,
)
from ccta_core.adjustment.design import place_of
from ccta_core.adjustment.plan import read_plan
from ccta_core.adjustment.run import run
from ccta_core.adjustment.schedule import choose, run_plan, states, status_line
from ccta_core.cli import main
from ccta_core.errors import CctaError
from research.adjustment.keep import keep
from tests.test_adjustment import quiet, tiny, write_pairs  # noqa: F401 - a fixture
from tests.test_training import items_of

ROOT = Path(__file__).parents[1]
PLAN = """
name = "made"
model = "{model}"
data = "unused"
[languages.es]
parallel = ["{data}/made.es,{data}/made.en"]
pairs = 40
[tasks.nli]
train = ["file:{data}/nli.jsonl"]
items = 24
epochs = 1
evaluate = "file:{data}/nli.jsonl"
languages = []
[[block]]
title = "first"
languages = ["es"]
arms = ["original", "adjusted", "placebo", "continual"]
tasks = ["nli"]
seeds = [1]
"""


@pytest.fixture
def declared(tiny, tmp_path):  # noqa: F811
    """A plan of four arms on a tiny model; its target language has no items of the task."""
    write_pairs(tmp_path)
    rows = [
        {"id": item.id, "lang": lang, "text": item.text, "text2": item.text2, "label": item.label}
        for lang in ("en", "es")
        for item in items_of("nli")
    ]
    (tmp_path / "nli.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace("{model}", str(tiny)), "utf-8")
    return path


def opened(declared):
    return read_plan(declared, str(declared.parent))


def test_the_shipped_plan_asks_for_each_cell_once_and_after_its_needs():
    plan = read_plan(ROOT / "research" / "adjustment.toml")
    done = set()
    for cell in plan.cells:
        assert cell.id not in done
        assert set(cell.needs) - {plan.model} <= done, cell
        done.add(cell.id)
    ids = [cell.id for cell in plan.cells]
    assert ids[:4] == [
        "own/nli-original-s1",
        "adjusted/es-5000-s1",
        "own/nli-es-adjusted-s1",
        "adjusted/es-5000-s1-placebo",
    ]
    for name in (
        "own/nli-es-continual-placebo-s3", "adjusted/vi-all-s2", "adjusted/es-all-s1",
        "own/nli-es-adjusted-500-s1", "adjusted/es-5000-s1-noise10", "own/ner-original-s2",
        "own/nli-es-adjusted-noise30-s1", "measure/own/nli-original-s2/hi", "measure/e5-small/ru",
        "study/adjustment-es-s1", "own/qa-hi-placebo-s1", "adjusted/zh-5000-s1-placebo",
    ):  # fmt: skip
        assert name in ids, name
    words = " ".join(words_of(next(c for c in plan.cells if c.id == "own/nli-es-continual-s1")))
    assert "--from adjusted/es-5000-s1 --continual es-5000-s1" in words
    assert "--align-weight" in words
    assert "--eval-langs en,es,sw,ur,th" in words
    assert "--precision bfloat16" in words
    names = next(c for c in plan.cells if c.id == "own/ner-es-placebo-s2")
    assert "--precision float32" in " ".join(words_of(names))
    assert not names.work.task.recipe(2).bfloat16
    joined = next(c for c in plan.cells if c.id == "study/adjustment-es-s2-continual")
    assert joined.work.models == ("own/nli-original-s2", "own/nli-es-continual-s2")
    assert (place_of(plan, joined).lang, place_of(plan, joined).seed) == ("es", 2)
    assert "--limit 150 --spread" in " ".join(words_of(joined))
    some = [cell.id for cell in choose(plan, ["own/nli-es-continual-s1"]).cells]
    assert some == ["adjusted/es-5000-s1", "own/nli-es-continual-s1"]
    with pytest.raises(CctaError, match="no cell of adjustment fits own/x"):
        choose(plan, ["own/x"])


def test_a_plan_runs_its_cells_in_order_and_says_how_they_stand(declared, capsys, monkeypatch):
    plan = opened(declared)
    assert {state.kind for state in states(plan)} == {NOT_RUN}
    lines = []
    known = run_plan(plan, workers=2, report=lines.append)
    assert {state.kind for state in known} == {FINISHED}, known
    assert status_line(plan, known).startswith("made: 6 of 6 cells finished (nobody at work")
    begun = [line.split(":")[0] for line in lines if line.endswith(": started")]
    assert begun[:2] == ["own/nli-original-s1", "adjusted/es-40-s1"]
    card = json.loads((model_folder("own/nli-es-continual-s1") / "card.json").read_text("utf-8"))
    assert card["base"]["id"] == "adjusted/es-40-s1"
    assert card["training"]["continual"]["settings"]["source"] == "es-40-s1"
    assert set(card["scores"]) == {"en", "es"}
    # Nothing is left to do, and nothing is done again.
    again = []
    run_plan(plan, workers=1, report=again.append)
    assert len(again) == 1
    assert main(["adjust", "plan", "status", str(declared), "--data", str(declared.parent)]) == 0
    out, err = capsys.readouterr()
    assert "finished" in out
    assert "own/nli-es-placebo-s1" in out
    assert "6 of 6 cells finished" in err
    # What is kept of the cells, without checkpoints and without weights, is as finished elsewhere.
    kept = declared.parent / "kept"
    for cell in plan.cells:
        assert keep(plan, cell, kept, {2}, {"", "es"}) is not None
    names = {path.name for path in kept.rglob("*")}
    assert not names & {"checkpoint.pt", "nli.jsonl"}
    assert not list((kept / "own").rglob("*.safetensors"))
    assert list((kept / "adjusted").rglob("*.safetensors"))
    monkeypatch.setenv("CCTA_CACHE", str(declared.parent / "elsewhere"))
    shutil.copytree(kept, declared.parent / "elsewhere" / "models")
    assert {state.kind for state in states(plan)} == {FINISHED}


def test_what_is_there_is_adopted_or_refused_by_its_settings(declared):
    plan = opened(declared)
    cell = next(cell for cell in plan.cells if cell.id == "adjusted/es-40-s1")
    run(cell.work, report=quiet)
    kinds = {state.cell.id: state for state in states(plan)}
    assert kinds["adjusted/es-40-s1"].kind == FINISHED
    declared.write_text('tests = ["tatoeba:elsewhere"]\n' + declared.read_text("utf-8"), "utf-8")
    state = next(s for s in states(opened(declared)) if s.cell.id == "adjusted/es-40-s1")
    assert state.kind == DIFFERS
    assert "elsewhere" in state.line


def test_killed_in_the_middle_it_goes_on(declared):
    words = ["adjust", "plan", "run", str(declared), "--data", str(declared.parent)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ccta_core", *words, "--workers", "2"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    plan = opened(declared)
    until = time.monotonic() + 120
    while not any(state.kind == FINISHED for state in states(plan)):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    known = run_plan(plan, workers=2, report=quiet)
    assert {state.kind for state in known} == {FINISHED}, known


def test_a_failed_cell_leaves_the_others_and_says_why(declared):
    text = declared.read_text("utf-8").replace("made.es,", "nowhere.es,")
    declared.write_text(text, "utf-8")
    plan = opened(declared)
    known = {state.cell.id: state for state in run_plan(plan, workers=1, report=quiet)}
    assert known["own/nli-original-s1"].kind == FINISHED
    assert known["adjusted/es-40-s1"].kind == FAILED
    assert "nowhere.es" in known["adjusted/es-40-s1"].line
    assert known["own/nli-es-adjusted-s1"].kind == NOT_RUN


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"original", ', '"mine", ', "unknown arm 'mine'"),
        ('tasks = ["nli"]', 'tasks = ["poetry"]', "unknown task 'poetry'"),
        ('languages = ["es"]', 'languages = ["hi"]', "unknown language 'hi'"),
        ("pairs = 40", 'pairs = "many"', "whole number or"),
        ("seeds = [1]", "seed = [1]", "unknown keys: seed"),
        ("seeds = [1]", 'seeds = "12"', "seeds is '12'; expected a list of whole numbers"),
        ("seeds = [1]", 'seeds = ["1"]', "expected a list of whole numbers"),
        ("[[block]]", "[[block", "is no TOML"),
        ("items = 24\n", "", "items"),
        ("items = 24\n", 'items = 24\nprecision = "half"\n', "unknown precision 'half'"),
        ('name = "made"', 'name = "a/b"', "a name is letters"),
        ("pairs = 40", "pairs = 4", "too few to warm up"),
        ('languages = ["es"]', 'languages = "es"', "languages is 'es'; expected a list"),
        ("items = 24\n", 'items = 24\nunseen = "sw"\n', "unseen is 'sw'; expected a list"),
        ('name = "made"', 'name = "made"\ntests = "tatoeba:x"', "tests is 'tatoeba:x'; expected"),
        ("parallel = [", "parallel = 5 #", "expected"),
    ],
)
def test_a_bad_plan_is_one_line(declared, old, new, line):
    declared.write_text(declared.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(CctaError, match=line) as error:
        opened(declared)
    assert "\n" not in str(error.value)


def test_no_plan_and_no_workers_are_one_line(declared, capsys):
    assert main(["adjust", "plan", "status", "nowhere.toml"]) == 2
    assert "expected a plan at nowhere.toml" in capsys.readouterr().err
    with pytest.raises(CctaError, match="0 workers"):
        run_plan(opened(declared), workers=0, report=quiet)
