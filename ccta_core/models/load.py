"""From an id to a loaded model: the zoo's adapters, a local folder, or the hub."""

import logging
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    PreTrainedModel,
)

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models import embedded
from ccta_core.models.adapter import merge
from ccta_core.models.catalog import (
    BACKBONE,
    RANDOM_HEAD,
    ModelInfo,
    catalog,
    check_files,
    is_random_head,
    read_info,
)
from ccta_core.models.checkpoint import from_transformers
from ccta_core.models.model import Model
from ccta_core.models.random_head import with_random_head

_log = logging.getLogger(__name__)

HEADS: defaultdict[str, type[PreTrainedModel]] = defaultdict(
    lambda: BertForSequenceClassification,
    {"qa": BertForQuestionAnswering, "ner": BertForTokenClassification},
)
"""The heads of adapters by task; every other task classifies the whole sequence."""


def load_model(model_id: str, *, device: str | None = None) -> Model:
    """Loads a zoo model by id, a local folder (an adapter's or a whole model's), or a hub model.

    Any of them followed by `~random-head` is the same encoder under a random head (random_head.py).
    The device is the given one, else the GPU where there is one. Raises CctaError (one line: what
    is wrong, what to do) where the model is unknown, damaged, without a head or can't be fetched.
    """
    known = catalog()
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if is_random_head(model_id):
        return with_random_head(load_model(model_id.removesuffix(RANDOM_HEAD), device="cpu"), where)
    if model_id == BACKBONE:
        raise CctaError(
            f"{BACKBONE} has no task head to attribute; choose one of: "
            + ", ".join(name for name in known if name != BACKBONE)
        )
    if model_id in known:
        return _from_zoo(known[model_id], where)
    own = read_info(Path(model_id))
    if own is not None:
        return _from_zoo(replace(own, id=model_id), where)
    if Path(model_id).is_dir() or model_id.count("/") == 1:
        return from_transformers(model_id, where)
    raise CctaError(
        f"unknown model {model_id!r}; expected one of: {', '.join(known)}, "
        "a folder, or a hub name (owner/name)"
    )


def load_backbone() -> tuple[PreTrainedModel, Any]:
    """The embedded encoder without a head, in evaluation mode, and its tokenizer."""
    config, state, tokenizer = embedded.backbone_parts()
    model = _filled(BertModel, config, state, add_pooling_layer=False)
    return model.eval().requires_grad_(False), tokenizer


def _from_zoo(info: ModelInfo, device: str) -> Model:
    check_files(info)
    if info.folder is None:
        raise AssertionError("an adapter lies in a folder")
    config, state, tokenizer = embedded.backbone_parts()
    config.num_labels = len(info.labels)
    config.id2label = dict(enumerate(info.labels))
    config.label2id = {label: index for index, label in enumerate(info.labels)}
    whole = merge({f"bert.{name}": tensor for name, tensor in state.items()}, info.folder)
    model = _filled(HEADS[info.task], config, whole)
    again = read_info(info.folder)
    if again is None or again.revision != info.revision:
        raise CctaError(f"{info.id}: its files changed while they were loaded; try again")
    return Model(info, model.to(device), tokenizer)  # type: ignore[arg-type]


def _filled(
    kind: type[PreTrainedModel], config: BertConfig, state: dict[str, torch.Tensor], **settings: Any
) -> PreTrainedModel:
    """A model of `kind` that takes over the tensors of `state`: nothing is initialised or copied.

    Raises DamagedFileError where `state` is not exactly the model's weights.
    """
    with torch.device("meta"):
        model = kind(config, **settings)
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise DamagedFileError(
            f"the adapter's weights do not fit {kind.__name__} ({str(error)[:200]}); restore its "
            "files or train it again"
        ) from error
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_meta:  # not part of a checkpoint: positions and token types 0
                filled = torch.arange(buffer.numel()) if "position" in name else torch.zeros(1)
                value = filled.expand(buffer.shape).to(buffer.dtype).clone()
                module.register_buffer(name, value, persistent=False)
    return model
