"""Puts together a user's model from a folder or the hub: a whole one, or a PEFT adapter."""

import inspect
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import transformers
from transformers import MODEL_MAPPING, PreTrainedConfig, PreTrainedTokenizerFast

from ccta_core.errors import CctaError
from ccta_core.models.adapted import load_adapted
from ccta_core.models.catalog import CLASSES, ModelInfo
from ccta_core.models.columns import column_names, outputs_of, task_named
from ccta_core.models.hub import (
    ModelKind,
    Parts,
    load_tokenizer,
    load_whole,
    read_config,
    read_settings,
    read_weights,
)
from ccta_core.models.layer_suffix import words_reach_head
from ccta_core.models.model import Model
from ccta_core.models.places import ModelPlace, fetch
from ccta_core.models.trace import trace_forward
from ccta_core.models.vocabulary import check_padding, check_room, check_vocabulary


def from_transformers(name: str, device: str) -> Model:
    """Loads the model `name`, a folder or a hub name, on `device`: a whole one, or an adapter
    merged.

    Raises CctaError (one line: what is wrong, what would work): no such model, no task head, a
    generative model, code of its own, damaged or missing weights, a tokenizer without offsets or
    of another model, an adapter without its base, files that change meanwhile.
    """
    with _quiet():
        place = fetch(name)
        revision = place.revision()
        parts = load_adapted(place) if place.is_adapter else load_whole(place)
    if place.revision() != revision:
        raise CctaError(f"{name}: its files changed while they were loaded; try again")
    return _model(place, parts, revision, device)


class EncoderCheckpoint(NamedTuple):
    """An encoder without its head: `state` holds its weights in float32, without a pooler.

    `align_layer` is the layer at two thirds of its depth.
    """

    revision: str
    config: PreTrainedConfig
    state: dict[str, torch.Tensor]
    tokenizer: PreTrainedTokenizerFast
    align_layer: int


def encoder_from_transformers(name: str) -> EncoderCheckpoint:
    """Loads the encoder of a folder or hub model without its head.

    Raises CctaError as `from_transformers`, but asks for no head.
    """
    with _quiet():
        place = fetch(name)
        revision = place.revision()
        if place.is_adapter:
            raise CctaError(f"{name} is an adapter, no encoder; merge it and save the whole model")
        config = read_config(place, read_settings(place))
        if type(config) not in MODEL_MAPPING:
            raise CctaError(f"{name}: {config.model_type} has no plain encoder in transformers")
        model_class: Any = MODEL_MAPPING[type(config)]
        pooler = "add_pooling_layer" in inspect.signature(model_class).parameters
        settings = {"add_pooling_layer": False} if pooler else {}
        tokenizer = load_tokenizer(place)
        model, missing, _ = read_weights(
            place, ModelKind("backbone", config, model_class, settings)
        )
    if missing:
        raise CctaError(f"{name}: its checkpoint lacks {', '.join(missing[:3])}; take a whole one")
    if place.revision() != revision:
        raise CctaError(f"{name}: its files changed while they were loaded; try again")
    check_vocabulary(name, tokenizer, model)
    depth = max(1, round(config.num_hidden_layers * 2 / 3))
    return EncoderCheckpoint(revision, config, model.state_dict(), tokenizer, depth)


def _model(place: ModelPlace, parts: Parts, revision: str, device: str) -> Model:
    """Puts the parts together once they are seen to belong together."""
    name, config = place.name, parts.kind.config
    columns = 2 if parts.kind.task == "qa" else int(config.num_labels or 0)
    labels, notices = column_names(name, parts.kind.task, parts.settings, columns)
    check_vocabulary(name, parts.tokenizer, parts.hf_model)
    hf_model = parts.hf_model.to(device).eval().requires_grad_(False)  # type: ignore[arg-type]
    trace = trace_forward(hf_model)
    notices += check_padding(name, parts.tokenizer, trace)
    is_classes = parts.kind.task == "classification"
    outputs = outputs_of(name, parts.settings, columns) if is_classes else CLASSES
    info = ModelInfo(
        id=name,
        task=task_named(parts.kind.task, labels, outputs),
        training_language=None,
        labels=labels,
        layers=tuple(range(trace.depth + words_reach_head(trace))),
        align_layer=max(1, round(trace.depth * 2 / 3)),
        revision=revision,
        outputs=outputs,
    )
    model = Model(info, hf_model, parts.tokenizer, trace=trace, notices=(*parts.notices, *notices))
    check_room(model)
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences transformers' own reports and progress bars: what matters becomes an error here."""
    level = transformers.utils.logging.get_verbosity()
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.set_verbosity(logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.utils.logging.set_verbosity(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()
