"""Loads a whole model in transformers' format: its configuration, weights and tokenizer,
checked.
"""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_QUESTION_ANSWERING_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models import checkpoint_pickle
from ccta_core.models.columns import check_label_numbers
from ccta_core.models.identity import SAFE, parts_of
from ccta_core.models.places import ModelPlace, unavailable
from ccta_core.models.trace import WORKING

_MOST = {
    "num_hidden_layers": 512,
    "hidden_size": 65_536,
    "intermediate_size": 524_288,
    "num_attention_heads": 4_096,
    "vocab_size": 8_000_000,
    "max_position_embeddings": 8_000_000,
}
"""More than any encoder has: what says so is no model, and would take hours to build."""
_log = logging.getLogger(__name__)

_HEADS = {
    "ForSequenceClassification": ("classification", MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING),
    "ForQuestionAnswering": ("qa", MODEL_FOR_QUESTION_ANSWERING_MAPPING),
    "ForTokenClassification": ("ner", MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING),
}
_WANTED = "choose a checkpoint fine-tuned for classification, question answering or tagging"
_ENCODERS = f"encoders with a task head work ({WORKING} families)"


@dataclass(frozen=True, slots=True)
class ModelKind:
    """The task, configuration and class that a config.json asks for."""

    task: str
    config: PreTrainedConfig
    model_class: type[PreTrainedModel]
    settings: dict[str, Any] = field(default_factory=dict)
    """More arguments of the class."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of a model that was read; `settings` are those of config.json that name its
    columns.
    """

    kind: ModelKind
    settings: Mapping[str, Any]
    hf_model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    notices: tuple[str, ...] = ()


def load_whole(place: ModelPlace) -> Parts:
    """Loads a whole model of one folder. Raises CctaError as `checkpoint.from_transformers`."""
    settings = read_settings(place)
    kind = read_kind(place, settings)
    tokenizer = load_tokenizer(place)
    hf_model, notices = _weights(place, kind)
    return Parts(kind, settings, hf_model, tokenizer, notices)


def read_kind(place: ModelPlace, settings: Mapping[str, Any]) -> ModelKind:
    """Reads the configuration and finds transformers' class for the head it names. Raises
    CctaError.
    """
    config = read_config(place, settings)
    task, model_class = _head(place, config)
    if task == "qa" and config.num_labels != 2:
        raise CctaError(
            f"{place}: a question answering head has 2 columns, start and end; config.json names "
            f"{config.num_labels} labels: take id2label and num_labels out of it"
        )
    return ModelKind(task, config, model_class)


def read_config(place: ModelPlace, settings: Mapping[str, Any]) -> PreTrainedConfig:
    """Reads the configuration of an encoder; everything else is refused with a CctaError."""
    if settings.get("auto_map"):
        raise CctaError(
            f"{place} asks to run Python code of its own (auto_map in config.json), which is never "
            "done; choose a model whose architecture is part of transformers"
        )
    if settings.get("quantization_config"):
        raise CctaError(
            f"{place}: its weights are quantised (quantization_config in config.json); gradients "
            "need the unquantised checkpoint: use that one"
        )
    check_label_numbers(str(place), settings)
    try:
        config = AutoConfig.from_pretrained(place.folder, trust_remote_code=False)
    except Exception as error:  # each family checks its fields in its own way
        raise CctaError(
            f"{place}: config.json describes no model that transformers {transformers.__version__} "
            f"knows (model_type {settings.get('model_type')!r}: {error_line(error)}); {_ENCODERS}"
        ) from error
    _check_encoder(place, config)
    _check_dimensions(place, config)
    rows, pad = getattr(config, "vocab_size", None), config.pad_token_id
    if isinstance(rows, int) and pad is not None and not 0 <= pad < rows:
        raise CctaError(
            f"{place}: pad_token_id in config.json is {pad}, its embedding matrix has {rows} rows "
            f"(0 to {rows - 1}); set it to the tokenizer's"
        )
    return config


def _check_dimensions(place: ModelPlace, config: PreTrainedConfig) -> None:
    """Raises CctaError where building the model would take what no encoder takes."""
    for name, most in _MOST.items():
        value = getattr(config, name, None)
        if isinstance(value, int) and value > most:
            raise CctaError(
                f"{place}: {name} in config.json is {value:,}; expected at most {most:,}: is this "
                "its configuration?"
            )


def read_settings(place: ModelPlace) -> dict[str, Any]:
    """Reads config.json. Raises ModelUnavailableError without it, DamagedFileError where it is
    damaged.
    """
    path = place.file("config.json")
    try:
        if path is None:
            raise unavailable(place.name)
        settings = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        if isinstance(error, OSError):
            raise unavailable(place.name) from error
        raise DamagedFileError(f"{place}: config.json is not JSON ({error}); restore it") from error
    if not isinstance(settings, dict):
        raise DamagedFileError(f"{place}: config.json holds no settings; restore it")
    return settings


def _check_encoder(place: ModelPlace, config: PreTrainedConfig) -> None:
    kinds = ", ".join(config.architectures or ["no architecture named"])
    one_way = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and (
        type(config) not in MODEL_FOR_MASKED_LM_MAPPING or getattr(config, "is_decoder", False)
    )
    if config.is_encoder_decoder or one_way:
        raise CctaError(
            f"{place} is a decoder or a generative model ({kinds}), which can't be attributed "
            f"here; {_ENCODERS}"
        )


class _Head(NamedTuple):
    """The task of a head, and transformers' class of the whole model."""

    task: str
    model_class: type[PreTrainedModel]


def _head(place: ModelPlace, config: PreTrainedConfig) -> _Head:
    """Returns the head that the configuration names."""
    kinds = config.architectures or []
    for mark, (task, classes) in _HEADS.items():
        for kind in kinds:
            if mark not in kind or type(config) not in classes:
                continue
            model_class: Any = classes[type(config)]
            named_class = getattr(transformers, kind, None)
            if named_class not in (None, model_class) and named_class.config_class is type(config):
                raise CctaError(
                    f"{place}: the head of {kind} gives no logits for every position (it searches "
                    f"by beam); a checkpoint of {model_class.__name__} works"
                )
            return _Head(task, model_class)
    raise CctaError(
        f"{place} has no sequence classification head, nor one for question answering or tagging "
        f"({', '.join(kinds) or 'config.json names no architecture'}); {_WANTED}"
    )


def _weights(place: ModelPlace, kind: ModelKind) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """Loads the model with every weight from its checkpoint, in float32, with notices."""
    model, missing, notices = read_weights(place, kind)
    if missing:
        raise CctaError(
            f"{place}: its checkpoint lacks {', '.join(missing[:3])}"
            f"{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}, so that "
            f"{kind.model_class.__name__} would run on random numbers; {_WANTED}"
        )
    return model, notices


class LoadedWeights(NamedTuple):
    """A model in float32 with its weights: `missing` are the names of those that were not read.

    `notices` is what a person should know of the checkpoint, a sentence each.
    """

    model: PreTrainedModel
    missing: list[str]
    notices: tuple[str, ...]


def read_weights(
    place: ModelPlace, kind: ModelKind, *, replaced: Collection[str] = ()
) -> LoadedWeights:
    """Returns the model in float32 with the weights of its checkpoint, and the names of those it
    lacks.

    `replaced` are weights that an adapter brings: they count as lacking where they have another
    size. Raises CctaError where the checkpoint can't be read, or other weights have another size.
    """
    state: dict[str, torch.Tensor] | None = None
    notices: tuple[str, ...] = ()
    for index in place.folder.glob("*.index.json"):
        parts_of(index)  # it may name no file elsewhere, whoever reads it
    try:
        if not (place.file(SAFE) or place.file(f"{SAFE}.index.json")):
            state, notices = _older(place)
        elif place.is_adapter:  # transformers would lay the adapter over it
            state = _safe_state(place)
        loaded: Any = kind.model_class.from_pretrained(
            None if state is not None else place.folder,
            config=kind.config,
            state_dict=state,
            use_safetensors=True if state is None else None,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, with both sizes
            **kind.settings,
        )
    except SafetensorError as error:
        raise DamagedFileError(
            f"{place}: model.safetensors is not whole ({error}); download it again"
        ) from error
    except (RuntimeError, AssertionError, ValueError) as error:
        raise DamagedFileError(
            f"{place}: the weights do not fit config.json ({error_line(error)}); restore the two "
            "from one checkpoint"
        ) from error
    except OSError as error:
        raise unavailable(place.name) from error
    model, report = loaded
    sizes = {str(name): (stored, expected) for name, stored, expected in report["mismatched_keys"]}
    _check_sizes(place, kind, {name: sizes[name] for name in sizes if name not in replaced})
    return LoadedWeights(model, sorted({*report["missing_keys"], *sizes}), notices)


def _check_sizes(
    place: ModelPlace, kind: ModelKind, sizes: Mapping[str, tuple[Sequence[int], Sequence[int]]]
) -> None:
    """Raises DamagedFileError where weights have another size than config.json says."""
    if not sizes:
        return
    name, (stored, expected) = sorted(sizes.items(), key=lambda entry: -len(entry[1][0]))[0]
    labels = kind.config.num_labels
    if expected[0] == labels and stored[1:] == expected[1:]:
        raise DamagedFileError(
            f"{place}: the weights do not fit config.json: it names {labels} labels, the head has "
            f"{stored[0]} columns ({name}); give each column a name there"
        )
    raise DamagedFileError(
        f"{place}: the weights do not fit config.json ({name} is {_size(stored)}, expected "
        f"{_size(expected)}); restore the two from one checkpoint"
    )


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _safe_state(place: ModelPlace) -> dict[str, torch.Tensor]:
    """Returns the tensors of a folder's safetensors, in one file or in parts."""
    if path := place.file(SAFE):
        return load_file(path)
    state: dict[str, torch.Tensor] = {}
    for part in sorted(parts_of(place.folder / f"{SAFE}.index.json")):
        state |= load_file(place.folder / part)
    return state


def error_line(error: Exception) -> str:
    """Returns an error's words in one line of at most 160 characters."""
    return " ".join(str(error).split())[:160]


def _older(place: ModelPlace) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """Reads pickled weights without running what is in them."""
    path = place.file(checkpoint_pickle.FILE)
    index = None if path else place.file(checkpoint_pickle.INDEX)
    if path is not None:
        state = checkpoint_pickle.read_pickled(path)
    elif index is not None:
        state = checkpoint_pickle.read_parts(index, place.file)
    else:
        raise CctaError(
            f"{place} has no weights that can be read; expected model.safetensors (or an older "
            f"{checkpoint_pickle.FILE})"
        )
    notice = (
        f"The weights of {place} come from an older pickled file ({checkpoint_pickle.FILE}), read "
        "by torch's weights_only loader; safetensors is safer."
    )
    _log.warning(notice)
    return state, (notice,)


def load_tokenizer(place: ModelPlace) -> PreTrainedTokenizerFast:
    """Loads the fast tokenizer of a folder. Raises CctaError where there is none."""
    instead = "a tokenizer.json (PreTrainedTokenizerFast) saved beside the weights works"
    whole = place.file("tokenizer.json")
    try:
        if whole is not None:
            json.loads(whole.read_text("utf-8"))
        tokenizer: Any = AutoTokenizer.from_pretrained(place.folder, trust_remote_code=False)
        if not tokenizer.is_fast and whole is not None:
            tokenizer = PreTrainedTokenizerFast.from_pretrained(place.folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError,
            RecursionError) as error:  # fmt: skip
        raise CctaError(
            f"{place}: its tokenizer can't be loaded ({type(error).__name__}: {str(error)[:120]}); "
            f"{instead}"
        ) from error
    if not tokenizer.is_fast:
        raise CctaError(
            f"{place}: its tokenizer ({type(tokenizer).__name__}) gives no offsets into the text; "
            f"{instead}"
        )
    # A "<s>" that a person types is text; where there is an unknown token, that stands for it.
    tokenizer.split_special_tokens = tokenizer.unk_token_id is None
    return tokenizer
