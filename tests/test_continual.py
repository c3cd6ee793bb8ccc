"""Continual learning: two more terms at every step of a task's training."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ccta_core.adjustment.continual import (
    ContinualSettings,
    encoder_of,
    open_continual,
    original_of,
)
from ccta_core.adjustment.objective import adjustment_terms, make_batch
from ccta_core.adjustment.run import run
from ccta_core.cli import main
from ccta_core.errors import CctaError
from ccta_core.models.catalog import find
from ccta_core.models.load import backbone
from ccta_core.training.fit import Data, fit
from ccta_core.training.learner import learner
from ccta_core.training.loop import AuxiliaryLoss
from ccta_core.training.recipe import recipe_for
from ccta_core.training.rows import encode
from tests.test_adjustment import pairs, quiet, settings_of, tiny  # noqa: F401 - fixtures
from tests.test_training import items_of

RECIPE = recipe_for(
    "nli", epochs=1, batch_size=6, rank=2, max_tokens=32, bfloat16=False, checkpoint_every=2
)


@pytest.fixture
def adjusted(tiny, pairs):  # noqa: F811
    run(settings_of(tiny, pairs), report=quiet)
    return find("adjusted/made")


def opened(start, source="made", seed=1, **changes) -> AuxiliaryLoss:
    settings = ContinualSettings(source, **changes)
    return open_continual(settings, start, seed=seed, bfloat16=False, report=quiet)


def training_of(items, folder):
    """The command that trains on items, which it writes to a file."""
    path = folder / "mine.jsonl"
    rows = [{"id": i.id, "lang": "en", "text": i.text, "text2": i.text2, "label": i.label}
            for i in items]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return ["models", "train", "--task", "nli", "--train", f"file:{path}", "--lang", "en"]


def test_a_step_is_the_sum_of_its_parts(adjusted):
    """The gradient of one step against task, alignment and anchor each derived by itself."""
    terms = opened(adjusted, align_weight=0.7, anchor_weight=2.5)
    labels = ("entailment", "neutral", "contradiction")
    model, tokenizer = learner(RECIPE, labels, on=backbone("made"))
    rows = encode(tokenizer, items_of("nli"), labels, RECIPE)
    batch = rows.tensors(rows.shuffled(6, seed=1)[0])
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}

    def gradient(loss):
        loss.backward()
        taken = {name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
                 for name, p in named.items()}  # fmt: skip
        model.zero_grad()
        return taken

    task = gradient(model(**batch).loss)
    parts = []
    for name, weight in (("alignment", 0.7), ("anchor", 2.5)):
        pairs_batch = make_batch(terms.reader, terms.pairs_of_step(3))
        loss = adjustment_terms(encoder_of(model), terms.frozen, pairs_batch, terms.layer)
        parts.append(gradient(weight * getattr(loss, name)))
    assert any(part.abs().sum() > 0 for part in parts[0].values())
    for step, logged in ((3, 0), (10, 1)):
        model(**batch).loss.backward()
        rows = terms.add_gradients(model, named, step)
        assert bool(rows) == bool(logged)
        if step == 3:
            for name, parameter in named.items():
                expected = task[name] + parts[0][name] + parts[1][name]
                torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=1e-6)
        model.zero_grad()


def test_logged_steps_and_the_others_add_the_same(adjusted):
    labels = ("entailment", "neutral", "contradiction")
    model, _ = learner(RECIPE, labels, on=backbone("made"))
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    added = []
    for log_every in (1, 100):
        opened(adjusted, log_every=log_every).add_gradients(model, named, 5)
        added.append({name: p.grad.clone() for name, p in named.items() if p.grad is not None})
        model.zero_grad(set_to_none=True)
    for name, gradient in added[1].items():
        torch.testing.assert_close(added[0][name], gradient, rtol=1e-4, atol=1e-6)


def test_weights_of_zero_are_plain_training(adjusted, tmp_path):
    items = items_of("nli")
    for name, auxiliary in (
        ("plain", None),
        ("zero", opened(adjusted, align_weight=0, anchor_weight=0)),
        ("kept", opened(adjusted)),
    ):
        fit(Data(items), RECIPE, tmp_path / name, start=adjusted, auxiliary=auxiliary, report=quiet)
    plain, zero, kept = (
        (tmp_path / name / "adapter_model.safetensors").read_bytes()
        for name in ("plain", "zero", "kept")
    )
    assert plain == zero
    assert plain != kept


def test_the_frozen_model_has_no_gradient_and_is_the_original(adjusted, tiny, tmp_path):  # noqa: F811
    terms = opened(adjusted)
    fit(
        Data(items_of("nli")), RECIPE, tmp_path / "a", start=adjusted, auxiliary=terms, report=quiet
    )
    frozen = dict(terms.frozen.encoder.named_parameters())
    assert all(p.grad is None and not p.requires_grad for p in frozen.values())
    original = backbone(str(tiny)).state
    assert all(torch.equal(frozen[name], original[name]) for name in frozen)
    assert original_of(adjusted) == str(tiny)
    assert original_of(None) == "e5-small"


def test_a_killed_run_gives_the_same_weights(adjusted, tmp_path):
    class Killed(BaseException):
        pass

    def killer(line):
        if line.startswith("step 2/"):
            raise Killed

    fit(Data(items_of("nli")), RECIPE, tmp_path / "whole", start=adjusted,
        auxiliary=opened(adjusted), report=quiet)  # fmt: skip
    with pytest.raises(Killed):
        fit(Data(items_of("nli")), RECIPE, tmp_path / "killed", start=adjusted,
            auxiliary=opened(adjusted), report=killer)  # fmt: skip
    with pytest.raises(CctaError, match="another recipe, other data"):
        fit(Data(items_of("nli")), RECIPE, tmp_path / "killed", start=adjusted,
            auxiliary=opened(adjusted, anchor_weight=9.0), report=quiet)  # fmt: skip
    facts = [
        fit(Data(items_of("nli")), RECIPE, tmp_path / name, start=adjusted,
            auxiliary=opened(adjusted), report=quiet)
        for name in ("whole", "killed")
    ]  # fmt: skip
    assert facts[0]["continual"] == facts[1]["continual"]
    whole, killed = (load_file(tmp_path / name / "adapter_model.safetensors")
                     for name in ("whole", "killed"))  # fmt: skip
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def test_the_placebo_draws_the_same_pairs(adjusted):
    real, placebo = opened(adjusted), opened(adjusted, placebo=True)
    for step in range(3):
        drawn = [terms.pairs_of_step(step) for terms in (real, placebo)]
        assert [p.foreign.texts for p in drawn[0]] == [p.foreign.texts for p in drawn[1]]
        assert [len(p.links) for p in drawn[0]] == [len(p.links) for p in drawn[1]]
        # A lone link of a sentence whose other words are linked has nowhere else to go.
        assert [p.links for p in drawn[0]] != [p.links for p in drawn[1]]


def test_parallel_text_by_itself(tiny, pairs, tmp_path):  # noqa: F811
    """Without an adjustment: the model that training starts from links the text's words."""
    from ccta_core.models.catalog import ModelInfo

    folder = ModelInfo(str(tiny), "backbone", None, (), (), 2, "")
    terms = opened(folder, source=pairs, lang="es")
    assert len(terms.subset) > 10
    facts = fit(
        Data(items_of("nli")), RECIPE, tmp_path / "x", start=folder, auxiliary=terms, report=quiet
    )
    assert facts["continual"]["means"]["norm_anchor"] >= 0
    assert facts["continual"]["means"]["norm_task"] > 0


def test_pairs_of_continual_learning_are_not_measured_on(adjusted, pairs, tmp_path, capsys):  # noqa: F811
    """The same text in another order holds out pairs that the task's training learnt from."""
    sides = [Path(name).read_text("utf-8").splitlines() for name in pairs.split(",")]
    other = tmp_path / "other.es", tmp_path / "other.en"
    for path, lines in zip(other, sides, strict=True):
        path.write_text("\n".join(reversed(lines)) + "\n", "utf-8")
    made = ["--from", "made", "--epochs", "1", "--precision", "float32"]
    kept = ["--continual", pairs, "--continual-lang", "es"]
    assert main([*training_of(items_of("nli"), tmp_path), *made, *kept]) == 0
    words = ["adjust", "measure", "--model", "own/nli-en", "--lang", "es", "--parallel"]
    capsys.readouterr()
    assert main([*words, ",".join(map(str, other))]) == 2
    error = capsys.readouterr().err.strip().split("\n")[-1]
    assert f"{pairs} learnt from" in error
    # What it makes of each item is of one data set: of others it is refused, not mixed.
    words += [pairs, "--eval", f"file:{tmp_path / 'mine.jsonl'}", "--eval-langs", "en"]
    assert main([*words, "--limit", "4"]) == 0
    assert main([*words, "--limit", "4"]) == 0
    capsys.readouterr()
    assert main([*words, "--limit", "5"]) == 2
    assert "is of other items of en than" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--continual", "nothing-here"], "neither an adjustment"),
        (["--continual", "file:nowhere.tsv", "--continual-lang", "es"], "nowhere.tsv"),
        (["--continual", "file:nowhere.tsv"], "name its language"),
        (["--align-weight", "1"], "without its pairs"),
        (["--continual", "x", "--anchor-weight", "-1"], "anchor_weight is -1.0; expected 0"),
        (["--continual", "x", "--align-weight", "nan"], "align_weight is nan"),
        (["--continual", "made"], "was made of"),
    ],
)
def test_bad_input_is_one_line(flags, line, adjusted, tmp_path, capsys):
    words = training_of(items_of("nli"), tmp_path)
    capsys.readouterr()
    assert main([*words, "--out", str(tmp_path / "out"), *flags]) == 2
    error = capsys.readouterr().err.strip().split("\n")[-1]
    assert line in error
    assert not (tmp_path / "out" / "card.json").exists()
