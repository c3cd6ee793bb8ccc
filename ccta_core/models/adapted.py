"""Loads an adapter in PEFT's format over its base model, checks it and merges it."""

import copy
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from peft import (
    MODEL_TYPE_TO_PEFT_MODEL_MAPPING,
    PEFT_TYPE_TO_CONFIG_MAPPING,
    PeftConfig,
    PeftModel,
)
from peft import __version__ as PEFT_VERSION
from peft.utils.save_and_load import load_peft_weights
from safetensors import SafetensorError
from torch import nn
from transformers import (
    MODEL_FOR_QUESTION_ANSWERING_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models.columns import check_label_numbers
from ccta_core.models.embedded import EncoderParts, backbone_parts
from ccta_core.models.heads import head_logits
from ccta_core.models.hub import (
    LoadedWeights,
    ModelKind,
    Parts,
    error_line,
    load_tokenizer,
    read_config,
    read_kind,
    read_settings,
    read_weights,
)
from ccta_core.models.identity import ADAPTER, ADAPTER_CONFIG, PICKLED_ADAPTER
from ccta_core.models.places import EMBEDDED_ID, ModelPlace, adapter_settings, base_of
from ccta_core.models.trace import differ

_TASKS = {
    "SEQ_CLS": ("classification", MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING),
    "QUESTION_ANS": ("qa", MODEL_FOR_QUESTION_ANSWERING_MAPPING),
    "TOKEN_CLS": ("ner", MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING),
}
_STEM = "base_model.model."
"""Begins the names of an adapter's tensors; what follows is the base model's own name."""
_MANY = 7919
"""Labels for a look at a model's shape: no other size is likely to be this prime number."""
_INSTEAD = "merge it with PEFT and save the whole model"


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """The model that an adapter is laid over: one in a place, or the embedded backbone's parts."""

    place: ModelPlace | None
    settings: Mapping[str, Any]
    embedded: EncoderParts | None = None

    def __str__(self) -> str:
        return EMBEDDED_ID if self.place is None else str(self.place)


def load_adapted(place: ModelPlace) -> Parts:
    """Loads the base model with the adapter of this place merged into it.

    The head is the adapter's where it brings one, else the base's own. Raises CctaError, in one
    line: the base is not here, or is not the model beside it; the adapter is damaged, can't be
    merged, was written by a later PEFT, or brings no head where its base has none.
    """
    settings = adapter_settings(place)
    config, tensors = _peft_config(place, settings), _tensors(place)
    base_place = base_of(place)
    base = (
        _Base(base_place, read_settings(base_place))
        if base_place
        else _Base(None, {}, backbone_parts())
    )
    kind = _kind(place, base, settings)
    head = tensors.get(_head_weight(kind))
    named, notices = _label_settings(place, base, head)
    _shape_head(place, kind, named, head)
    hf_model, missing, base_notices = _base_model(base, kind, tensors)
    lacking = [name for name in missing if _STEM + name not in tensors]
    if lacking:
        raise CctaError(
            f"{place}: neither the adapter nor its base {base} has weights for "
            f"{', '.join(lacking[:3])}, so that the head would be random numbers; save the adapter "
            "with its head (modules_to_save)"
        )
    merged = _merged(place, config, hf_model)
    return Parts(kind, named, merged, _tokenizer(place, base), (*base_notices, *notices))


def _peft_config(place: ModelPlace, settings: Mapping[str, Any]) -> PeftConfig:
    """Reads the adapter's settings through PEFT.

    Raises CctaError on a kind that can't be merged into weights, and on a setting that is switched
    on and that the installed PEFT would leave out.
    """
    name: Any = settings.get("peft_type")
    kind = PEFT_TYPE_TO_CONFIG_MAPPING.get(name)
    if kind is None:
        raise CctaError(
            f"{place}: PEFT {PEFT_VERSION} knows no adapter of type {name!r}; {_INSTEAD}"
        )
    known_settings = {field.name for field in fields(kind)}
    unknown = [
        key
        for key, value in settings.items()
        if key not in known_settings
        and (value is True or (value and isinstance(value, dict | list)))
    ]
    if unknown:
        raise CctaError(
            f"{place}: {ADAPTER_CONFIG} sets {', '.join(unknown)}, which PEFT {PEFT_VERSION} does "
            "not know; install the PEFT that wrote it"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = kind.from_pretrained(str(place.folder))
    except (TypeError, ValueError, KeyError, ImportError) as error:
        raise DamagedFileError(
            f"{place}: {ADAPTER_CONFIG} is no adapter's ({error_line(error)}); restore it"
        ) from error
    if config.is_prompt_learning or config.is_adaption_prompt:
        raise CctaError(
            f"{place}: an adapter of type {name} puts tokens of its own before the text, so that "
            "it can't be merged into weights; adapters that change weights (LoRA and the like) work"
        )
    config.inference_mode = True
    return config


def _tensors(place: ModelPlace) -> dict[str, torch.Tensor]:
    """Reads the adapter's tensors by name; of a pickled file tensors and nothing else."""
    if not place.file(ADAPTER) and not place.file(PICKLED_ADAPTER):
        raise CctaError(
            f"{place} has {ADAPTER_CONFIG} and no {ADAPTER}; restore it, or take {ADAPTER_CONFIG} "
            "away where the model beside it is meant"
        )
    try:
        return dict(load_peft_weights(str(place.folder), device="cpu"))
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, OSError, EOFError) as error:
        raise DamagedFileError(
            f"{place}: the adapter's weights can't be read ({error_line(error)}); restore them"
        ) from error


def _kind(place: ModelPlace, base: _Base, settings: Mapping[str, Any]) -> ModelKind:
    """Returns what is to be loaded: the adapter's task, else that of its base's own head."""
    task = settings.get("task_type")
    if task is None and base.place is not None:
        try:
            return read_kind(base.place, base.settings)
        except CctaError as error:
            raise CctaError(
                f"{place} does not name its task (task_type in {ADAPTER_CONFIG}), and its base can "
                f"not tell: {error}"
            ) from error
    if task not in _TASKS:
        raise CctaError(
            f"{place} is an adapter for the task {task}; expected one of {', '.join(_TASKS)} "
            f"(task_type in {ADAPTER_CONFIG})"
        )
    task_name, classes = _TASKS[task]
    model_class: Any = None
    config = base.embedded.config if base.embedded else read_config(_place(base), base.settings)
    if type(config) in classes:
        model_class = classes[type(config)]
    if model_class is None:
        raise CctaError(f"{place}: transformers has no head for {task} on {config.model_type}")
    return ModelKind(task_name, config, model_class)


def _head_weight(kind: ModelKind) -> str:
    """Returns the name, among an adapter's tensors, of the weight with a row for each label.

    It is read off the model's shape with a telling number of labels; empty where there is none.
    """
    if kind.task == "qa":
        return ""
    config = copy.deepcopy(kind.config)
    config.num_labels = _MANY
    with torch.device("meta"):
        model = kind.model_class(config)
    return next(
        (
            f"{_STEM}{name}.weight"
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) and module.out_features == _MANY
        ),
        "",
    )


def _label_settings(
    place: ModelPlace, base: _Base, head: torch.Tensor | None
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Returns the settings that name the head's columns, and a sentence where they are not the
    adapter's.

    A config.json beside the adapter counts first, then the base's where the number fits.
    """
    if base.place is not None and base.place.folder == place.folder:
        return base.settings, ()
    if place.file("config.json"):
        settings = read_settings(place)
        check_label_numbers(str(place), settings)
        if settings.get("id2label"):
            return settings, ()
    if head is None:
        return base.settings, ()
    if len(base.settings.get("id2label") or ()) == len(head):
        return base.settings, (
            f"The labels of {place} are named as in its base {base}: the adapter does not name "
            "them (a config.json beside it would).",
        )
    return {}, ()


def _shape_head(
    place: ModelPlace, kind: ModelKind, named: Mapping[str, Any], head: torch.Tensor | None
) -> None:
    """Gives the configuration as many labels as the head has rows, and their names."""
    if kind.task == "qa":
        kind.config.num_labels = 2
        return
    labels = len(named.get("id2label") or ())
    if head is not None and labels and labels != len(head):
        raise CctaError(
            f"{place}: config.json names {labels} labels, the adapter's head has {len(head)} "
            "columns; give each column a name there"
        )
    if head is not None:
        kind.config.num_labels = len(head)


def _base_model(base: _Base, kind: ModelKind, tensors: Mapping[str, torch.Tensor]) -> LoadedWeights:
    """Returns the base with the head's shape, and the weights that it lacks."""
    if base.embedded is None:
        brought = {name.removeprefix(_STEM) for name in tensors}
        return read_weights(_place(base), kind, replaced=brought)
    loaded: Any = kind.model_class.from_pretrained(
        None,
        config=kind.config,
        state_dict={f"bert.{name}": value for name, value in base.embedded.state.items()},
        dtype=torch.float32,
        output_loading_info=True,
    )
    model, report = loaded
    return LoadedWeights(model, sorted(report["missing_keys"]), ())


def _place(base: _Base) -> ModelPlace:
    if base.place is None:
        raise AssertionError("the embedded backbone has no place of its own")
    return base.place


def _merged(place: ModelPlace, config: PeftConfig, hf_model: PreTrainedModel) -> PreTrainedModel:
    """Merges the adapter into the base's weights and checks that the logits stay those of PEFT."""
    kind = MODEL_TYPE_TO_PEFT_MODEL_MAPPING.get(config.task_type or "", PeftModel)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters of it becomes an error here
            adapted: Any = kind(hf_model, config)
            report = adapted.load_adapter(str(place.folder), "default", torch_device="cpu")
            _check_keys(place, report.missing_keys, report.unexpected_keys)
            adapted.eval()
            wanted = _logits(adapted)
            merged: PreTrainedModel = adapted.merge_and_unload().eval()
    except CctaError:
        raise
    except KeyError as error:
        raise CctaError(
            f"{place}: the adapter's weights lack {error_line(error)}, which {ADAPTER_CONFIG} "
            "lists among the modules that it saves (its head?); save it again, whole"
        ) from error
    except (
        RuntimeError, ValueError, TypeError, AttributeError, ImportError, NotImplementedError,
        AssertionError,
    ) as error:  # fmt: skip
        raise CctaError(
            f"{place}: the adapter can't be merged into its base ({error_line(error)}); is it that "
            f"model's? Else {_INSTEAD}"
        ) from error
    if differ(_logits(merged), wanted):
        raise CctaError(
            f"{place}: an adapter of type {config.peft_type} gives other logits once it is merged, "
            "which would be wrong; adapters that only change weights work"
        )
    return merged


def _check_keys(place: ModelPlace, missing: list[str], unexpected: list[str]) -> None:
    """Raises CctaError where PEFT left a weight of the adapter out, or one is not in its file."""
    # With trained biases PEFT saves a head's bias twice, once under a name that it does not read.
    unexpected = [name for name in unexpected if ".modules_to_save." not in name]
    if missing or unexpected:
        what = f"lacks {missing[0]}" if missing else f"has {unexpected[0]}, which its base has not"
        raise CctaError(
            f"{place}: the adapter {what}; it is another model's, or its file is not whole"
        )


@torch.no_grad()
def _logits(model: Any) -> torch.Tensor:
    ids = torch.arange(6)[None]
    return head_logits(model(input_ids=ids, attention_mask=torch.ones_like(ids)))


def _tokenizer(place: ModelPlace, base: _Base) -> PreTrainedTokenizerFast:
    """Returns the tokenizer saved with the adapter, else that of its base."""
    if place.file("tokenizer.json") or place.file("tokenizer_config.json"):
        return load_tokenizer(place)
    return base.embedded.tokenizer if base.embedded else load_tokenizer(_place(base))
