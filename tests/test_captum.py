"""Captum's attributions are ours at the same points, and what Captum can't do is refused."""

import numpy as np
import pytest
from small_models import HEADS, LONG, MASK, PAD, POINTS, POOLED, SHORT, bert, loaded, requests
from transformers import (
    XLMConfig,
    XLMForSequenceClassification,
)

from ccta_core.attribution.captum_reference import captum_integrated_gradients
from ccta_core.attribution.integrated_gradients import layer_integrated_gradients
from ccta_core.config import Config
from ccta_core.errors import CctaError


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("layer", "baseline"), [(0, "pad"), (0, "mask"), (2, "pad")])
def test_captum_equals_ours_at_the_same_points(head, layer, baseline):
    kind, target = HEADS[head]
    model = bert(kind)
    asked = requests(model, layer, target, (SHORT, LONG))
    config = Config(layer=layer, baseline=baseline, mass="norm", quadrature=POINTS.quadrature)
    ours = layer_integrated_gradients(model, asked, config)
    theirs = captum_integrated_gradients(model, asked, config)
    for mine, other in zip(ours, theirs, strict=True):
        scale = np.abs(other.scores).max()
        np.testing.assert_allclose(mine.scores / scale, other.scores / scale, atol=1e-4)
        np.testing.assert_allclose(mine.vectors / scale, other.vectors / scale, atol=1e-4)
        assert mine.f_input == pytest.approx(other.f_input, abs=1e-5)
        assert mine.f_baseline == pytest.approx(other.f_baseline, abs=1e-5)
        assert mine.completeness_error == pytest.approx(other.completeness_error, abs=1e-3)


@pytest.mark.parametrize("family", POOLED)
@pytest.mark.parametrize("layer", [0, 1])
def test_captum_equals_ours_in_other_families(family, layer):
    model = loaded(*POOLED[family])
    asked = requests(model, layer, items=(SHORT, LONG))
    config = POINTS.with_layer(layer)
    ours = layer_integrated_gradients(model, asked, config)
    theirs = captum_integrated_gradients(model, asked, config)
    for mine, other in zip(ours, theirs, strict=True):
        scale = np.abs(other.scores).max()
        np.testing.assert_allclose(mine.scores / scale, other.scores / scale, atol=1e-4)


def test_captum_refuses_what_it_can_not_do():
    model = bert()
    with pytest.raises(CctaError, match="expected baseline pad or mask"):
        captum_integrated_gradients(model, requests(model, 0), Config(baseline="zero"))
    model.hf_model.config.num_hidden_layers = 4
    with pytest.raises(CctaError, match="module of layer 1 was not found"):
        captum_integrated_gradients(model, requests(model, 1), POINTS.with_layer(1))


def test_captum_refuses_a_module_that_is_not_the_layer():
    """XLM's `embeddings` are the words alone: not yet what hidden_states[0] is."""
    config = XLMConfig(
        vocab_size=60, emb_dim=16, n_layers=2, n_heads=2, num_labels=3, n_langs=1,
        pad_index=PAD, pad_token_id=PAD, mask_index=MASK, max_position_embeddings=64,
    )  # fmt: skip
    model = loaded(XLMForSequenceClassification, config)
    with pytest.raises(CctaError, match="no module of XLMForSequenceClassification"):
        captum_integrated_gradients(model, requests(model, 0), POINTS)
    with pytest.raises(CctaError, match="module of layer 1 was not found"):
        captum_integrated_gradients(model, requests(model, 1), POINTS.with_layer(1))
