"""The loss of an adjustment by hand, in parts, and over two processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ccta_core.adjustment.links import LinkedPair
from ccta_core.adjustment.objective import (
    Frozen,
    Objective,
    add_batch_gradients,
    adjustment_terms,
    make_batch,
    split_batch,
)
from ccta_core.adjustment.processes import Processes
from ccta_core.adjustment.settings import read_manifest, read_rows
from ccta_core.adjustment.words import WordReader
from ccta_core.models.load import backbone, load_backbone
from tests.families import build
from tests.test_adjustment import WORDS, tiny, write_pairs  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[1]


@pytest.fixture
def model(tiny):  # noqa: F811
    """An encoder that learns, a frozen copy moved away from it, and a reader."""
    encoder, tokenizer = load_backbone(str(tiny))
    frozen, _ = load_backbone(str(tiny))
    generator = torch.Generator().manual_seed(1)
    encoder.requires_grad_(True)
    with torch.no_grad():
        for parameter in frozen.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return encoder.eval(), Frozen(frozen, bfloat16=False), WordReader(tokenizer)


def linked(reader, count=11, seed=0):
    """Pairs of made-up sentences, word i linked with word i but for equal words."""
    draw = np.random.default_rng(seed)
    words = [
        [str(word) for word in draw.choice(list(WORDS), draw.integers(3, 9), False)]
        for _ in range(count)
    ]
    foreign = reader.read([" ".join(WORDS[word] for word in row) for row in words], "es")
    english = reader.read([" ".join(row) for row in words], "en")
    return [
        LinkedPair(*sides, tuple((n, n) for n, word in enumerate(row) if WORDS[word] != word))
        for *sides, row in zip(foreign, english, words, strict=True)
    ]


def test_each_term_by_hand(model):
    """One pair at a time, one sentence at a time, word by word."""
    encoder, frozen, reader = model
    pairs = linked(reader, 4)
    terms = adjustment_terms(encoder, frozen, make_batch(reader, pairs), 3)
    distances, moved = [], []
    for pair in pairs:
        states = {}
        for side, words in (("foreign", pair.foreign), ("english", pair.english)):
            ids = torch.tensor([reader.row(words)])
            states[side] = encoder(input_ids=ids).last_hidden_state[0]
        start = frozen.encoder(input_ids=ids).last_hidden_state[0]
        moved.append((states["english"] - start).square())
        means = {}
        for side, words in (("foreign", pair.foreign), ("english", pair.english)):
            place, rows = len(reader.start), []
            for member in words.ids:
                rows.append(states[side][place : place + len(member)].mean(0))
                place += len(member)
            means[side] = [states[side][0], *rows, states[side][-1]]
        ends = [(0, 0), (len(pair.foreign) + 1, len(pair.english) + 1)]
        links = [(i + 1, j + 1) for i, j in pair.links] + ends
        distances += [(means["foreign"][i] - means["english"][j]).square() for i, j in links]
    assert float(terms.alignment.detach()) == pytest.approx(
        float(torch.stack(distances).mean().detach()), rel=1e-5
    )
    assert float(terms.anchor.detach()) == pytest.approx(
        float(torch.cat(moved).mean().detach()), rel=1e-5
    )


@pytest.mark.parametrize("apart", [False, True])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(model, apart):
    encoder, frozen, reader = model
    pairs, parameters = linked(reader), list(encoder.parameters())
    objective = Objective(3, align_weight=0.7, anchor_weight=1.3)
    found = []
    for size in (len(pairs), 4, 1):
        encoder.zero_grad(set_to_none=True)
        parts = split_batch(reader, pairs, size)
        added = add_batch_gradients(encoder, frozen, parts, parameters, objective, apart=apart)
        found.append((added.losses, [p.grad.clone() for p in parameters if p.grad is not None]))
        assert (added.slopes is not None) == apart
    terms = adjustment_terms(encoder, frozen, make_batch(reader, pairs), 3)
    assert found[0][0]["alignment"] == pytest.approx(
        0.7 * float(terms.alignment.detach()), rel=1e-5
    )
    assert found[0][0]["anchor"] == pytest.approx(1.3 * float(terms.anchor.detach()), rel=1e-5)
    for losses, gradients in found[1:]:
        assert losses == pytest.approx(found[0][0], rel=1e-5)
        for own, whole in zip(gradients, found[0][1], strict=True):
            torch.testing.assert_close(own, whole, rtol=1e-3, atol=1e-6)
    assert all(p.grad is None for p in frozen.encoder.parameters())


def test_gradients_are_added_to_those_that_are_there(model):
    encoder, frozen, reader = model
    parts, parameters = split_batch(reader, linked(reader)), list(encoder.parameters())
    once = []
    for apart in (False, True):
        encoder.zero_grad(set_to_none=True)
        for _ in range(2):
            add_batch_gradients(encoder, frozen, parts, parameters, Objective(3), apart=apart)
        once.append([p.grad.clone() for p in parameters if p.grad is not None])
    for own, other in zip(*once, strict=False):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-6)


def test_the_frozen_target_gives_english_no_alignment_gradient(model):
    """CAO's target: the English side moves by the anchor alone."""
    encoder, frozen, reader = model
    batch = make_batch(reader, linked(reader))
    for target, same in (("frozen", False), ("current", True)):
        terms = adjustment_terms(encoder, frozen, batch, 3, target=target)
        start = frozen.states(batch.english, 3)
        words = batch.english.vectors(start).flatten(0, 1)[batch.english_words]
        foreign = encoder(
            input_ids=batch.foreign.ids, attention_mask=batch.foreign.mask
        ).last_hidden_state
        left = batch.foreign.vectors(foreign).flatten(0, 1)[batch.foreign_words]
        expected = float((left - words).square().mean().detach())
        assert (float(terms.alignment.detach()) == pytest.approx(expected, rel=1e-5)) != same


def test_logged_gradients_are_those_of_all_processes():
    """Of a process without a part of the batch too, which adds nothing and takes the sum."""
    own = {"alignment": [torch.tensor([1.0, 2.0])], "anchor": [torch.tensor([0.5, -1.0])]}
    parameters = [torch.zeros(2)]
    assert Processes().add_up_terms(parameters, own) is own

    class Others:
        """Another process that has the gradients (3, 3) in both terms."""

        @staticmethod
        def reduce(slope, reduction):
            assert reduction == "sum"
            return slope + 3

    two = Processes(0, 2, Others())
    added = two.add_up_terms(parameters, own)
    assert added["alignment"][0].tolist() == [4.0, 5.0]
    assert added["anchor"][0].tolist() == [3.5, 2.0]
    assert two.add_up_terms(parameters, None)["anchor"][0].tolist() == [3.0, 3.0]


def test_two_processes_learn_what_one_does(tmp_path):
    """Two processes, their gradients added by accelerate, against one; without dropout."""
    spec = write_pairs(tmp_path)
    still = build(tmp_path / "still", "bert", "classification", hidden_dropout_prob=0.0,
                 attention_probs_dropout_prob=0.0)  # fmt: skip
    torchrun = "-m torch.distributed.run --standalone --local-addr 127.0.0.1 --nproc_per_node 2"
    for name, launcher in (("one", []), ("two", torchrun.split())):
        words = ["adjust", "run", "--name", name, "--lang", "es", "--parallel", spec, "--model",
                 str(still), "--batch-size", "16", "--precision", "float32", "--lr", "5e-3",
                 "--device", "cpu", "--held", "10"]  # fmt: skip
        done = subprocess.run(
            [sys.executable, *launcher, "-m", "ccta_core", *words], cwd=tmp_path, check=False,
            capture_output=True, text=True, timeout=300,
            # A machine's own name may not resolve, and a launcher then waits for half an hour.
            env=os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert [read_manifest(name)["processes"] for name in ("one", "two")] == [1, 2]
    losses = [read_rows(name, "losses")[-1] for name in ("one", "two")]
    for term in ("alignment", "anchor"):
        assert losses[0][term] == pytest.approx(losses[1][term], rel=1e-3)
    start, one, two = (backbone(name).state for name in (str(still), "one", "two"))
    assert any((one[name] - start[name]).abs().max() > 0.01 for name in start)
    for name in start:
        torch.testing.assert_close(one[name], two[name], rtol=0, atol=2e-3)
