"""Every stage on a device that is not the processor: its numbers are the processor's, and no tensor
of one meets a tensor of the other. (tests/test_gpu.py asks a real one, where there is one.)
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

import ccta_core as ccta
from ccta_core.attribution import gradients, occlusion, rates, readings, rollout
from ccta_core.attribution.methods import METHODS
from ccta_core.config import Config, Quadrature
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from ccta_core.types import Sentence
from tests.elsewhere import ELSEWHERE, ElsewhereTensor, elsewhere
from tests.families import FAMILIES, HEADS, build

FIXED = Quadrature(rule="midpoint", points=4)
ADAPTIVE = Quadrature(max_points=17)
HERE = Sentence("The ferry was cancelled.", "en", "Ahmed baked bread.")
THERE = Sentence("El ferry fue cancelado.", "es", "Ahmed horneaba pan.")
SINGLE = (Sentence("Ahmed baked bread.", "en"), Sentence("Ahmed horneaba pan.", "es"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(autouse=True)
def no_autocast(monkeypatch):
    """There is no autocast for this device; in float32 it does nothing."""
    for module in (gradients, occlusion, rates, readings, rollout):
        monkeypatch.setattr(module, "autocast", lambda device, precision: nullcontext())


def moved(model):
    """The model elsewhere; its weights leave the processor."""
    return Model(model.info, model.hf_model.to(ELSEWHERE), model.tokenizer)


def models(folder, family, head):
    path = folder / f"{family}-{head}"
    if not path.exists():
        build(path, family, head)
    return (load_model(str(path), device="cpu") for _ in range(2))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_and_head_gives_the_processors_numbers(folder, family, head):
    here, other = models(folder, family, head)
    pair = SINGLE if head == "ner" else (HERE, THERE)
    config = Config(layer={"classification": 0, "qa": 1, "ner": 2}[head], quadrature=FIXED)
    expected = ccta.compare(here, *pair, config)
    with elsewhere():
        there = moved(other)
        assert all(isinstance(p, ElsewhereTensor) for p in there.hf_model.parameters())
        result = ccta.compare(there, *pair, config)
    same(result, expected)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "captum"])
def test_every_method_gives_the_processors_numbers(folder, method):
    here, other = models(folder, "xlm-r", "classification")
    baselines = METHODS[method].baselines or ("pad",)
    for baseline in baselines:
        config = Config(layer=1, method=method, baseline=baseline, quadrature=ADAPTIVE)
        expected = ccta.compare(here, HERE, THERE, config)
        with elsewhere():
            result = ccta.compare(moved(other), HERE, THERE, config)
        # Occlusion subtracts two values of F that are nearly equal: their rounding stays.
        same(result, expected, atol=1e-3 if method == "occlusion" else 1e-4)


def same(result, expected, atol=1e-4):
    for side in ("source", "target"):
        ours, theirs = (getattr(r, side).subword_scores for r in (result, expected))
        assert np.abs(theirs).max() > 0, "or nothing is shown"
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=atol)
    # Masses may differ by the rounding of another order of sums, which differs between processors.
    assert result.ems == pytest.approx(expected.ems, abs=atol / 10)


def test_tensors_of_two_devices_do_not_meet():
    with elsewhere():
        there = torch.ones(2, 3).to(ELSEWHERE)
        assert (there + 1).tolist() == [[2, 2, 2], [2, 2, 2]]
        assert (there * torch.tensor(2.0)).sum().item() == 12, "a number may meet any tensor"
        with pytest.raises(RuntimeError, match="two devices"):
            there + torch.ones(2, 3)
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()
        assert there.cpu().numpy().sum() == 6
