"""Small random models with every head, and requests about made-up token ids, for method tests."""

from types import SimpleNamespace

import torch
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from ccta_core.attribution.protocol import Request
from ccta_core.attribution.readings import read
from ccta_core.config import Config, Quadrature
from ccta_core.models.catalog import ModelInfo
from ccta_core.models.heads import Target
from ccta_core.models.model import Encoded, Model
from ccta_core.types import Sentence, Unit
from ccta_core.units import UnitMap

START, PAD, END, MASK = 0, 1, 2, 4
SMALL = {"vocab_size": 60, "num_labels": 3, "pad_token_id": PAD, "initializer_range": 0.3}
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
HEADS = {
    "classes": (BertForSequenceClassification, Target(((0, 1),))),
    "answer": (BertForQuestionAnswering, Target(((2, 0), (4, 1)), rivals="positions")),
    "tags": (BertForTokenClassification, Target(((1, 2), (3, 2)))),
}
POOLED = {
    "xlm-r": (XLMRobertaForSequenceClassification, XLMRobertaConfig(**SMALL, **SIZES)),
    "narrow electra": (
        ElectraForSequenceClassification,
        ElectraConfig(**SMALL, **SIZES, embedding_size=8),
    ),
    "distilbert": (
        DistilBertForSequenceClassification,
        DistilBertConfig(**SMALL, dim=16, n_layers=3, n_heads=2, hidden_dim=24),
    ),
}
CLASS = Target(((0, 1),))
POINTS = Config(quadrature=Quadrature(rule="gauss", points=12))


def loaded(kind, config):
    torch.manual_seed(0)
    labels = tuple(f"label {index}" for index in range(config.num_labels))
    info = ModelInfo("tiny", "classification", None, labels, (0, 1, 2, 3), 2, "tiny-1")
    tokenizer = SimpleNamespace(
        pad_token_id=PAD, mask_token_id=MASK, model_max_length=64, unk_token_id=3
    )
    return Model(info, kind(config), tokenizer)


def bert(kind=BertForSequenceClassification):
    """A tiny random BERT; answers have two columns, start and end."""
    settings = {**SMALL, "num_labels": 2} if kind is BertForQuestionAnswering else SMALL
    return loaded(kind, BertConfig(**settings, **SIZES))


def encoded(*words):
    """A sentence of words given as tuples of ids, between two specials."""
    ids = [START, *(piece for word in words for piece in word), END]
    members, at = [], 1
    for word in words:
        members.append(tuple(range(at, at + len(word))))
        at += len(word)
    units = tuple(Unit("w", index, index + 1) for index in range(len(words)))
    special = torch.zeros(len(ids), dtype=torch.bool)
    special[[0, -1]] = True
    return Encoded(
        sentence=Sentence("w" * len(words), "en"),
        ids=torch.tensor(ids),
        type_ids=torch.zeros(len(ids), dtype=torch.long),
        special=special,
        tokens=tuple(map(str, ids)),
        maps=(UnitMap(units, tuple(members)),),
        truncated=False,
    )


SHORT = encoded((7,), (8, 9), (10,))
LONG = encoded((11, 12), (13,), (14,), (15, 16, 17), (18,))


def requests(model, layer, target=CLASS, items=(SHORT,)):
    return [
        Request(item, reading.states[layer], target)
        for item, reading in zip(items, read(model, items, [layer]), strict=True)
    ]


def f_of(logits, target):
    return sum(logits[..., position, column] for position, column in target.places)


def module_of(model, layer):
    base = model.hf_model.base_model
    return base.embeddings if layer == 0 else base.encoder.layer[layer - 1]
