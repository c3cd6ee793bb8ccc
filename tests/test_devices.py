"""No stage meets two devices: its tensor code runs on fake tensors that stand for a GPU's.

FakeTensorMode follows shapes and devices without data, and raises where tensors of two devices
meet. Beside it, tests/test_gpu.py compares numbers where there is a GPU.
"""

import pytest
import torch
from small_models import CLASS, LONG, SHORT, bert
from torch._subclasses.fake_tensor import FakeTensorMode

from ccta_core.attribution.objective import objective
from ccta_core.attribution.rates import Path, _batch
from ccta_core.models.heads import head_logits
from ccta_core.models.model import pad_batch

DEVICE = "cuda"


@pytest.fixture
def moved():
    """A tiny model and its activations on a device that is not here."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = bert()
        model.hf_model.to(DEVICE)
        model.device = torch.device(DEVICE)
        yield model


def lines(model):
    return [
        Path(
            item,
            torch.zeros(item.length, 16, device=DEVICE),
            torch.ones(item.length, 16, device=DEVICE),
            CLASS,
        )
        for item in (SHORT, LONG)
    ]


def test_a_batch_of_points_stays_on_the_models_device(moved):
    model = moved
    batch = _batch(model, lines(model), [(0, 0.25), (1, 0.5), (0, 0.75)])
    tensors = {"states": batch.states, "delta": batch.delta, **batch.inputs}
    assert {name: tensor.device.type for name, tensor in tensors.items()} == dict.fromkeys(
        tensors, DEVICE
    )
    assert batch.states.shape == (3, LONG.length, 16)


def test_a_whole_reading_and_its_objective_stay_there(moved):
    model = moved
    inputs = model.inputs([SHORT, LONG])
    output = model.hf_model(**inputs, output_hidden_states=True)
    assert {state.device.type for state in output.hidden_states} == {DEVICE}
    for kind in ("logit", "margin"):
        values = objective(head_logits(output), [CLASS] * 2, inputs["attention_mask"], kind)
        assert values.device.type == DEVICE


@pytest.mark.usefixtures("moved")
def test_two_devices_that_meet_are_found():
    """The check itself: what would fail on a GPU fails here."""
    with pytest.raises(RuntimeError, match="device"):
        pad_batch([torch.zeros(2, 3, device=DEVICE), torch.zeros(2, 3)], 0.0) + torch.zeros(
            2, 2, 3, device="cpu"
        )
