"""Running only the layers above gives the whole model's logits, in every family that is named."""

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from ccta_core.errors import CctaError
from ccta_core.models.tail import tail

SMALL = {"vocab_size": 60, "num_labels": 3, "pad_token_id": 1}
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
FAMILIES = {
    "bert": (BertForSequenceClassification, BertConfig(**SMALL, **SIZES)),
    "xlm-r": (XLMRobertaForSequenceClassification, XLMRobertaConfig(**SMALL, **SIZES)),
    "electra": (
        ElectraForSequenceClassification,
        ElectraConfig(**SMALL, **SIZES, embedding_size=16),
    ),
    "narrow electra": (
        ElectraForSequenceClassification,
        ElectraConfig(**SMALL, **SIZES, embedding_size=8),
    ),
    "distilbert": (
        DistilBertForSequenceClassification,
        DistilBertConfig(**SMALL, dim=16, n_layers=3, n_heads=2, hidden_dim=24),
    ),
}


@pytest.fixture(params=FAMILIES)
def whole(request):
    kind, config = FAMILIES[request.param]
    torch.manual_seed(0)
    return kind(config).eval()


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_tail_gives_the_whole_models_logits(whole, layer):
    ids = torch.tensor([[0, 7, 8, 9, 2], [0, 5, 2, 1, 1]])
    mask = (ids != 1).long()
    with torch.inference_mode():
        full = whole(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = full.hidden_states[layer]
        above = tail(whole, layer)(inputs_embeds=states, attention_mask=mask)
    torch.testing.assert_close(above.logits, full.logits, atol=1e-5, rtol=1e-5)


def test_the_tail_shares_every_weight_and_leaves_the_model_whole(whole):
    before = {name: id(p) for name, p in whole.named_parameters()}
    view = tail(whole, 2)
    own = {id(p) for p in whole.parameters()}
    assert all(id(p) in own for p in view.parameters())
    assert {name: id(p) for name, p in whole.named_parameters()} == before


def test_a_model_without_layers_is_named():
    model = BertForSequenceClassification(BertConfig(**SMALL, **SIZES))
    model.config.num_hidden_layers = 7
    with pytest.raises(CctaError, match="BertForSequenceClassification can't be attributed"):
        tail(model, 0)
