"""Loads a model by its id: the zoo's adapters, a local folder, or the hub."""

import inspect
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import (
    MODEL_FOR_QUESTION_ANSWERING_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    MODEL_MAPPING,
    PreTrainedConfig,
    PreTrainedModel,
)

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models import embedded
from ccta_core.models.adapter import merge
from ccta_core.models.catalog import (
    BACKBONE,
    ModelInfo,
    adjusted,
    catalog,
    check_files,
    read_info,
    split_twin,
)
from ccta_core.models.checkpoint import encoder_from_transformers, from_transformers
from ccta_core.models.identity import SAFE
from ccta_core.models.model import Model
from ccta_core.models.randomisation import randomised

_log = logging.getLogger(__name__)

_HEADS = {
    "qa": MODEL_FOR_QUESTION_ANSWERING_MAPPING,
    "ner": MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
}
"""Transformers' heads of adapters by task; every other task classifies the whole sequence."""
WHOLE = SAFE
"""All weights of an adjusted backbone that was fine-tuned as a whole, in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """An encoder without a head, on which adapters and heads are put.

    `state` holds its weights in float32 under the encoder's own names, without a pooler.
    `align_layer` is where its words are matched.
    """

    id: str
    revision: str
    config: PreTrainedConfig
    state: dict[str, torch.Tensor]
    tokenizer: Any
    align_layer: int

    def encoder(self) -> PreTrainedModel:
        """Returns the encoder itself, in evaluation mode, its weights frozen; they are not
        copied.
        """
        kind: Any = MODEL_MAPPING[type(self.config)]
        pooler = "add_pooling_layer" in inspect.signature(kind).parameters
        settings = {"add_pooling_layer": False} if pooler else {}
        return _filled(kind, self.config, self.state, **settings).eval().requires_grad_(False)


def load_model(model_id: str, *, device: str | None = None) -> Model:
    """Loads a zoo model by id, a local folder (an adapter's or a whole model's), or a hub model.

    Any of them followed by `~random-head` is the same encoder under a random head, by
    `~random-from-9` with random layers from 9 up as well (`catalog.Randomised`).
    The device is the given one, else the GPU where there is one. Raises CctaError (one line: what
    is wrong, what to do) where the model is unknown, damaged, without a head or can't be fetched.
    """
    models = catalog()
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    trained_id, drawn = split_twin(model_id)
    if drawn is not None:
        return randomised(load_model(trained_id, device="cpu"), drawn, where)
    entry = models.get(model_id) or read_info(Path(model_id))
    if entry is not None and entry.task == "backbone":
        raise CctaError(
            f"{model_id} has no task head to attribute; train one on it (ccta models train), or "
            "choose one of: " + ", ".join(name for name, info in models.items() if info.labels)
        )
    if model_id in models:
        return _from_zoo(models[model_id], where)
    if entry is not None:
        return _from_zoo(replace(entry, id=model_id), where)
    if Path(model_id).is_dir() or model_id.count("/") == 1:
        return from_transformers(model_id, where)
    raise CctaError(
        f"unknown model {model_id!r}; expected one of: {', '.join(models)}, "
        "a folder, or a hub name (owner/name)"
    )


def load_backbone(model_id: str = BACKBONE) -> tuple[PreTrainedModel, Any]:
    """Loads an encoder without a head, in evaluation mode, and its tokenizer. Raises as
    `backbone`.
    """
    parts = backbone(model_id)
    return parts.encoder(), parts.tokenizer


def backbone(model_id: str = BACKBONE) -> Backbone:
    """Loads the embedded encoder, an adjusted one by name or id, or that of a folder or hub model.

    An adjusted one is put together from the backbone that its card names. Raises CctaError (one
    line) where there is none, a file is damaged, or the named backbone is another one by now.
    """
    if model_id == BACKBONE:
        return _embedded()
    info = adjusted(model_id)
    if info is None:
        if model_id in catalog():
            raise CctaError(f"{model_id} is a model with a head, no backbone; name its backbone")
        return Backbone(model_id, *encoder_from_transformers(model_id))
    if info.folder is None:
        raise AssertionError("an adjusted backbone lies in a folder")
    check_files(info)
    start = backbone_of(info.card)
    if (info.folder / WHOLE).exists():
        try:
            state = load_file(info.folder / WHOLE)
        except (OSError, SafetensorError) as error:
            raise DamagedFileError(f"{info.folder / WHOLE} can't be read ({error})") from error
    else:
        state = merge(start.state, info.folder)
    return replace(
        start, id=info.id, revision=info.revision, state=state, align_layer=info.align_layer
    )


def backbone_of(card: Mapping[str, Any]) -> Backbone:
    """Loads the backbone under a card's model: the one the card names, else the embedded one.

    Raises CctaError where the one it names is not here, or has other weights than it had.
    """
    named = card.get("base")
    if named is None:
        return _embedded()
    base = backbone(named["id"])
    if base.revision != named["revision"]:
        raise CctaError(
            f"this model was trained on the backbone {named['id']} of revision "
            f"{named['revision']}, and the one here has revision {base.revision}; bring the "
            "former back, or train the model again"
        )
    return base


def head_class(task: str, config: PreTrainedConfig) -> type[PreTrainedModel]:
    """Returns transformers' class for a task's head on an encoder of this configuration.

    Raises CctaError where the architecture has none.
    """
    classes = _HEADS.get(task, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING)
    if type(config) not in classes:
        raise CctaError(f"{config.model_type} has no head for {task} in transformers")
    kind: Any = classes[type(config)]
    return kind


def _embedded() -> Backbone:
    info = catalog()[BACKBONE]
    return Backbone(BACKBONE, info.revision, *embedded.backbone_parts(), info.align_layer)


def _from_zoo(info: ModelInfo, device: str) -> Model:
    check_files(info)
    if info.folder is None:
        raise AssertionError("an adapter lies in a folder")
    parts = backbone_of(info.card)
    config = parts.config
    config.num_labels = len(info.labels)
    config.id2label = dict(enumerate(info.labels))
    config.label2id = {label: index for index, label in enumerate(info.labels)}
    kind = head_class(info.task, config)
    stem = kind.base_model_prefix
    whole = merge({f"{stem}.{name}": value for name, value in parts.state.items()}, info.folder)
    model = _filled(kind, config, whole)
    again = read_info(info.folder)
    if again is None or again.revision != info.revision:
        raise CctaError(f"{info.id}: its files changed while they were loaded; try again")
    return Model(info, model.to(device), parts.tokenizer)  # type: ignore[arg-type]


def _filled(
    kind: type[PreTrainedModel],
    config: PreTrainedConfig,
    state: dict[str, torch.Tensor],
    **settings: Any,
) -> PreTrainedModel:
    """Builds a model of `kind` on the tensors of `state`: nothing is initialised or copied.

    Raises DamagedFileError where `state` is not exactly the model's weights.
    """
    with torch.device("meta"):
        model = kind(config, **settings)
    kept = {name for name, _ in model.named_buffers() if name not in state}
    if not all(name.endswith(("position_ids", "token_type_ids")) for name in kept):
        model = kind(config, **settings)  # it computes what its checkpoint does not hold
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
