"""The trial of DecompX: its parts add up to what they are parts of."""

import pytest
import torch

from ccta_core.types import Sentence
from research.decomposition.decompx import logit_parts, token_parts
from tests.heads import tiny

TEXT = Sentence("The ferry is late today.", "en", "Rain fell on the bay.")


@pytest.fixture(scope="module")
def model():
    model = tiny("paraphrase")
    # Fresh weights have biases of zero: nothing would be shared out.
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in model.hf_model.named_parameters():
            if name.endswith("bias"):
                weight.normal_(0, 0.3)
    return model


@pytest.fixture(scope="module")
def output(model):
    with torch.inference_mode():
        return model.hf_model(**model.inputs([model.encode(TEXT)]), output_hidden_states=True)


@pytest.mark.parametrize("layer", range(4))
def test_the_parts_sum_to_the_states_and_the_logits(model, output, layer):
    with torch.inference_mode():
        states = output.hidden_states[layer][0]
        parts = token_parts(model.hf_model, states, layer)
        logits = logit_parts(model.hf_model, states, layer)
    assert parts.shape == (len(states), *states.shape)
    torch.testing.assert_close(parts.sum(1), output.hidden_states[-1][0], atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(logits.sum(0), output.logits[0], atol=2e-4, rtol=1e-4)
    assert logits.std(0).min() > 1e-3, "tokens differ"


def test_a_token_that_nothing_attends_to_adds_nothing(model, output):
    """Above the last layer only the first position is read."""
    with torch.inference_mode():
        logits = logit_parts(model.hf_model, output.hidden_states[3][0], 3)
    assert logits[0].abs().min() > 0
    assert logits[1:].abs().max() < 1e-5
