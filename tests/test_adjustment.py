"""Adjustment: links, loss, loop. A tiny random BERT learns made-up pairs in seconds."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ccta_core.adjustment.run import resume, run
from ccta_core.adjustment.settings import Adjustment, read_manifest, read_rows
from ccta_core.corpus.items import Item
from ccta_core.models.catalog import find
from ccta_core.models.load import backbone, load_backbone, load_model
from ccta_core.training.finish import make_loadable
from ccta_core.training.fit import Data, fit
from ccta_core.training.recipe import recipe_for
from tests.families import build

WORDS = {
    "the": "el", "ferry": "barco", "bread": "pan", "village": "pueblo", "storm": "tormenta",
    "Ahmed": "Ahmed", "left": "salió", "late": "tarde", "baked": "horneaba", "good": "bueno",
    "on": "en", "Sundays": "domingos", "was": "fue", "because": "por", "nobody": "nadie",
}  # fmt: skip


def write_pairs(folder, count=80, seed=0):
    """Line-parallel files of made-up sentences, word by word."""
    draw = np.random.default_rng(seed)
    english = [
        [str(word) for word in draw.choice(list(WORDS), draw.integers(4, 9), replace=False)]
        for _ in range(count)
    ]
    for name, rows in (
        ("en", english),
        ("es", [[WORDS[word] for word in row] for row in english]),
    ):
        (folder / f"made.{name}").write_text(
            "".join(" ".join(row) + ".\n" for row in rows), encoding="utf-8"
        )
    return f"{folder / 'made.es'},{folder / 'made.en'}"


@pytest.fixture
def tiny(tmp_path):
    return build(tmp_path / "tiny", "bert", "classification")


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path)


def settings_of(tiny, pairs, name="made", **changes):
    usual = {
        "lang": "es", "parallel": (pairs,), "model": str(tiny), "batch_size": 8, "held": 10,
        "learning_rate": 5e-3, "rank": 4, "bfloat16": False, "log_every": 3, "checkpoint_every": 2,
        "probes": 4,
    }  # fmt: skip
    return Adjustment(name=name, **{**usual, **changes})


def quiet(line):
    pass


def test_a_run_becomes_a_backbone_that_a_task_stands_on(tiny, pairs, tmp_path):
    settings = settings_of(tiny, pairs)
    manifest = run(settings, report=quiet)
    assert manifest["status"] == "finished"
    info = find("adjusted/made")
    assert info.task == "backbone"
    assert info.revision == manifest["revision"]
    start, _ = load_backbone(str(tiny))
    adjusted, _ = load_backbone("made")
    moved = [
        not torch.equal(a, b)
        for a, b in zip(start.state_dict().values(), adjusted.state_dict().values(), strict=True)
    ]
    assert any(moved)
    items = [
        Item(f"i{n}", f"g{n}", "en", "The ferry left late.", f"Nobody {word}.", label)
        for n, (word, label) in enumerate(
            [("baked", "entailment"), ("left", "contradiction"), ("late", "neutral")] * 3
        )
    ]
    recipe = recipe_for("nli", epochs=1, batch_size=3, rank=2, max_tokens=32, bfloat16=False)
    out = tmp_path / "task"
    facts = fit(Data(items), recipe, out, start=info, report=quiet)
    assert facts["base"] == {"id": "adjusted/made", "revision": info.revision}
    model = make_loadable(out, facts, {"en": ["The ferry left."]})
    bare = backbone("made").state
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(model.hf_model.base_model.state_dict()[name], bare[name])
    assert load_model(str(out)).info.card["base"]["id"] == "adjusted/made"


def test_killed_and_resumed_gives_the_same_bytes(tiny, pairs, tmp_path, monkeypatch):
    """Killed by the kernel in the middle of a step, then resumed."""
    run(settings_of(tiny, pairs, "whole"), report=quiet)
    code = (
        "import os, signal\n"
        "from tests.test_adjustment import settings_of\n"
        "from ccta_core.adjustment import objective as module\n"
        "from ccta_core.adjustment.run import run\n"
        "count = 0\n"
        "terms = module.adjustment_terms\n"
        "def killer(*args, **kwargs):\n"
        "    global count\n"
        "    count += 1\n"
        "    if count == 6:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return terms(*args, **kwargs)\n"
        "module.adjustment_terms = killer\n"
        f"run(settings_of({str(tiny)!r}, {pairs!r}, 'killed'), report=print)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False,
        capture_output=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert read_manifest("killed")["status"] == "running"
    manifest = resume("killed", report=quiet)
    assert manifest["steps"] == read_manifest("whole")["steps"]
    folders = [settings_of(tiny, pairs, name).folder for name in ("whole", "killed")]
    for file in ("adapter_model.safetensors", "losses.jsonl", "gradients.jsonl", "probe.jsonl"):
        whole, killed = ((folder / file).read_bytes() for folder in folders)
        assert whole == killed, file


def test_related_distances_fall_while_the_anchor_holds(tiny, pairs):
    run(settings_of(tiny, pairs, epochs=4), report=quiet)
    rows = [row for row in read_rows("made", "probes") if row["layer"] == 3]
    assert rows[0]["step"] == 0
    assert rows[-1]["held_loss"] < 0.7 * rows[0]["held_loss"]
    assert read_rows("made", "losses")[-1]["anchor"] < rows[0]["held_loss"]


def test_a_rate_of_zero_changes_nothing(tiny, pairs):
    run(settings_of(tiny, pairs, learning_rate=0.0), report=quiet)
    start, adjusted = backbone(str(tiny)).state, backbone("made").state
    assert all(torch.equal(start[name], adjusted[name]) for name in start)


def test_the_placebo_changes_links_only(tiny, pairs):
    made = run(settings_of(tiny, pairs), report=quiet)
    placebo = run(settings_of(tiny, pairs, "placebo", placebo=True), report=quiet)
    assert made["data"] == placebo["data"]
    assert made["steps"] == placebo["steps"]
    assert made["links"]["links"] == placebo["links"]["links"] == placebo["links"]["corrupted"]
    weights = [
        load_file(settings_of(tiny, pairs, name).folder / "adapter_model.safetensors")
        for name in ("made", "placebo")
    ]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    starts = [
        [json.dumps(row) for row in read_rows(name, "probes") if row["step"] == 0]
        for name in ("made", "placebo")
    ]
    assert starts[0] == starts[1]
