"""Finding what makes each hidden state, and the view that runs only what lies above it.

What the families make of it is in test_families.py.
"""

import pytest
import torch
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    XLMConfig,
    XLMForTokenClassification,
    XLNetConfig,
    XLNetForSequenceClassification,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from ccta_core.errors import CctaError
from ccta_core.models.layer_suffix import layer_suffix, words_reach_head
from ccta_core.models.trace import trace_forward

SMALL = {"vocab_size": 60, "num_labels": 3, "pad_token_id": 1}
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
IDS = torch.tensor([[0, 7, 8, 9, 2], [0, 5, 2, 1, 1]])
INPUTS = {"input_ids": IDS, "attention_mask": (IDS != 1).long()}


@pytest.fixture
def bert():
    torch.manual_seed(0)
    return BertForSequenceClassification(BertConfig(**SMALL, **SIZES)).eval()


def called(modules, run):
    """How often each of `modules` was called while `run` ran."""
    counts = [0] * len(modules)

    def count(at):
        def hook(*_):
            counts[at] += 1

        return hook

    handles = [module.register_forward_hook(count(at)) for at, module in enumerate(modules)]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return counts


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_no_layer_below_is_run(bert, layer):
    trace = trace_forward(bert)
    view = layer_suffix(trace, layer)
    states = torch.randn(2, 5, 16)
    modules = [bert.bert.embeddings, *bert.bert.encoder.layer]
    found = called(modules, lambda: view(states, INPUTS))
    # The last layer's parts are run for the first token only, not the layer itself.
    assert found == ([0] * (layer + 1) + [1] * (2 - layer) + [0])[:4]


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_a_shared_layer_is_run_as_often_as_layers_are_left(layer):
    model = AlbertForSequenceClassification(AlbertConfig(**SMALL, **SIZES, embedding_size=8)).eval()
    view = layer_suffix(trace_forward(model), layer)
    shared = [model.albert.encoder.albert_layer_groups[0].albert_layers[0]]
    assert called(shared, lambda: view(torch.randn(2, 5, 16), INPUTS)) == [3 - layer]


def test_the_view_shares_every_weight_and_leaves_the_model_whole(bert):
    before = {name: id(p) for name, p in bert.named_parameters()}
    hooks = sum(len(module._forward_pre_hooks) for module in bert.modules())
    view = layer_suffix(trace_forward(bert), 2).view
    own = {id(p) for p in bert.parameters()}
    assert {id(p) for p in view.parameters()} == own
    assert {name: id(p) for name, p in bert.named_parameters()} == before
    assert sum(len(module._forward_pre_hooks) for module in bert.modules()) == hooks


def test_gradients_flow_into_the_activations_alone(bert):
    """Also where the model masks in place (XLM): a leaf is given and is not written to."""
    xlm = XLMForTokenClassification(XLMConfig(**SMALL, emb_dim=16, n_layers=3, n_heads=2))
    for model in (bert, xlm.eval()):
        view = layer_suffix(trace_forward(model.requires_grad_(False)), 1)
        states = torch.randn(2, 5, 16, requires_grad=True)
        kept = states.detach().clone()
        view(states, INPUTS).sum().backward()
        assert torch.equal(states, kept)
        assert states.grad[0].abs().sum() > 0
        assert all(p.grad is None for p in model.parameters())


def test_what_a_saved_configuration_switched_on_is_off(bert):
    bert.config.output_hidden_states = True
    trace = trace_forward(bert)
    assert trace.depth == 3
    assert bert(**INPUTS).hidden_states is None
    assert len(bert(**INPUTS, output_hidden_states=True).hidden_states) == 4


def test_the_measurements_of_a_plain_bert(bert):
    trace = trace_forward(bert)
    assert (trace.first_position, trace.even_only) == (None, False)
    assert not words_reach_head(trace)


def test_a_model_whose_hidden_states_no_module_returns_is_named():
    model = XLNetForSequenceClassification(
        XLNetConfig(vocab_size=60, d_model=16, n_layer=2, n_head=2, d_inner=24)
    )
    with pytest.raises(CctaError, match="XLNetForSequenceClassification can't be attributed"):
        trace_forward(model.eval())


class Skipping(BertForSequenceClassification):
    """Its head reads the embeddings beside the last layer: no layer alone determines it."""

    def forward(self, input_ids, attention_mask, **settings):
        embedded = self.bert.embeddings(input_ids)
        output = self.bert(input_ids=input_ids, attention_mask=attention_mask, **settings)
        pooled = output.last_hidden_state[:, 0] + embedded.mean(1)
        return SequenceClassifierOutput(
            logits=self.classifier(pooled), hidden_states=output.hidden_states
        )


def test_a_head_that_reads_around_a_layer_is_refused():
    trace = trace_forward(Skipping(BertConfig(**SMALL, **SIZES)).eval())
    with pytest.raises(CctaError, match="Skipping can't be attributed at layer 2"):
        layer_suffix(trace, 2)


class Wordless(nn.Module):
    """Not a language model: it does not read rows of tokens."""

    def __init__(self):
        super().__init__()
        self.config = BertConfig(**SMALL, **SIZES)
        self.device = torch.device("cpu")

    def forward(self, pixel_values):
        return pixel_values


def test_a_model_that_reads_no_tokens_is_named():
    with pytest.raises(CctaError, match="Wordless can't be attributed: it does not read"):
        trace_forward(Wordless())
