"""Tiny random models with a head of each kind, on the embedded model's own tokenizer."""

import torch
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
)

from ccta_core.models.catalog import ModelInfo
from ccta_core.models.embedded import load_tokenizer, locate
from ccta_core.models.model import Model

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
CLASSES = ("different", "paraphrase")
_KINDS = {
    "qa": (BertForQuestionAnswering, ("start", "end")),
    "ner": (BertForTokenClassification, TAGS),
    "paraphrase": (BertForSequenceClassification, CLASSES),
}


def tiny(task, *, positions=512, seed=0):
    """A model of one kind with three layers of width 16, its weights far from zero."""
    tokenizer = load_tokenizer(locate())
    kind, labels = _KINDS[task]
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        initializer_range=0.4,
    )
    info = ModelInfo(
        id=f"tiny-{task}",
        task=task,
        training_language=None,
        labels=labels,
        layers=(0, 1, 2),
        align_layer=2,
        revision=f"seed-{seed}-{positions}",
    )
    return Model(info, kind(config), tokenizer)
