"""On a GPU: the same answers as on the processor, in both precisions, whatever the budget."""

import numpy as np
import pytest
import torch

import ccta_core as ccta
from ccta_core.attribution import batches
from ccta_core.attribution.integrated_gradients import unit_masses
from ccta_core.config import Config, Quadrature

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
FIXED = Quadrature(rule="gauss", points=16)


@pytest.fixture(scope="module")
def gpu():
    return ccta.load_model("e5-small/nli-en", device="cuda")


@pytest.fixture(scope="module")
def sentences():
    items = ccta.read_demo("nli")[:8]
    return [item.sentences[lang] for item in items for lang in ("en", "es", "zh")]


@pytest.mark.parametrize("layer", [0, 8, 11])
def test_the_same_points_give_the_processors_scores(model, gpu, sentences, layer):
    config = Config(layer=layer, target_class="contradiction", quadrature=FIXED)
    here = ccta.attribute(model, sentences, config)
    there = ccta.attribute(gpu, sentences, config)
    for one, other in zip(here, there, strict=True):
        scale = np.abs(one.subword_scores).max()
        np.testing.assert_allclose(
            other.subword_scores / scale, one.subword_scores / scale, atol=2e-3
        )


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_adaptive_results_converge_and_agree(model, gpu, sentences, precision):
    config = Config(layer=4, target_class="contradiction", precision=precision)
    here = ccta.attribute(model, sentences, Config(layer=4, target_class="contradiction"))
    there = ccta.attribute(gpu, sentences, config)
    for one, other in zip(here, there, strict=True):
        assert other.converged
        encoded = model.encode(one.sentence)
        moved = unit_masses(encoded, one.subword_scores) - unit_masses(
            encoded, other.subword_scores
        )
        assert np.abs(moved).sum() <= 0.06


def test_a_small_budget_changes_nothing(gpu, sentences, monkeypatch):
    config = Config(layer=8, target_class="contradiction", quadrature=FIXED)
    whole = ccta.attribute(gpu, sentences, config)
    monkeypatch.setattr(batches, "token_budget", lambda model: 256)
    parts = ccta.attribute(gpu, sentences, config)
    for one, other in zip(whole, parts, strict=True):
        scale = np.abs(one.subword_scores).max()
        np.testing.assert_allclose(
            other.subword_scores / scale, one.subword_scores / scale, atol=2e-3
        )
