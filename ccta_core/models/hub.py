"""A model in transformers' format, from a folder or the hub: checked first, then loaded."""

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
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
from transformers.utils import cached_file

from ccta_core.errors import CctaError, DamagedFileError, ModelUnavailableError
from ccta_core.models import pickled
from ccta_core.models.catalog import ModelInfo
from ccta_core.models.model import Model
from ccta_core.models.tail import words_reach_head
from ccta_core.models.trace import WORKING, Trace, watch

_log = logging.getLogger(__name__)

_HEADS = {
    "ForSequenceClassification": ("classification", MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING),
    "ForQuestionAnswering": ("qa", MODEL_FOR_QUESTION_ANSWERING_MAPPING),
    "ForTokenClassification": ("ner", MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING),
}
_WANTED = "choose a checkpoint fine-tuned for classification, question answering or tagging"
_ENCODERS = f"encoders with a task head work ({WORKING} families)"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a configuration says there is to load."""

    task: str
    config: PreTrainedConfig
    model_class: type[PreTrainedModel]


def from_transformers(name: str, device: str) -> Model:
    """The model `name`, a folder or a hub name, on `device`.

    Raises CctaError (one line: what is wrong, what would work): no such model, no task head, a
    generative model, code of its own, damaged or missing weights, a tokenizer without offsets.
    """
    with _quiet():
        kind = _kind(name)
        tokenizer = _tokenizer(name)
        hf_model, notices = _weights(name, kind)
    hf_model = hf_model.to(device).eval().requires_grad_(False)  # type: ignore[arg-type]
    trace = watch(hf_model)
    return Model(_describe(name, kind, trace), hf_model, tokenizer, trace=trace, notices=notices)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' own reports and progress bars: what matters becomes an error here."""
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


def _fetch(name: str, file: str) -> Path | None:
    """The file of a folder or, downloaded or cached, of a hub model; None where it has none."""
    folder = Path(name)
    if folder.is_dir():
        return folder / file if (folder / file).is_file() else None
    found = cached_file(
        name,
        file,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return Path(found) if found else None


def _unavailable(name: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"{name} can't be loaded: neither a whole local folder nor reachable on the hub; check the "
        "name and the network, or give a folder with config.json, model.safetensors and "
        "tokenizer.json"
    )


def _kind(name: str) -> _Kind:
    settings = _settings(name)
    if settings.get("auto_map"):
        raise CctaError(
            f"{name} asks to run Python code of its own (auto_map in config.json), which is never "
            "done; choose a model whose architecture is part of transformers"
        )
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CctaError(
            f"{name}: config.json describes no model that transformers {transformers.__version__} "
            f"knows (model_type {settings.get('model_type')!r}); {_ENCODERS}"
        ) from error
    _check_encoder(name, config)
    task, model_class = _head(name, config)
    return _Kind(task, config, model_class)


def _settings(name: str) -> dict[str, Any]:
    try:
        path = _fetch(name, "config.json")
        if path is None:
            raise _unavailable(name)
        found = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        if isinstance(error, OSError):
            raise _unavailable(name) from error
        raise DamagedFileError(f"{name}: config.json is not JSON ({error}); restore it") from error
    if not isinstance(found, dict):
        raise DamagedFileError(f"{name}: config.json holds no settings; restore it")
    return found


def _check_encoder(name: str, config: PreTrainedConfig) -> None:
    kinds = ", ".join(config.architectures or ["no architecture named"])
    one_way = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and (
        type(config) not in MODEL_FOR_MASKED_LM_MAPPING or getattr(config, "is_decoder", False)
    )
    if config.is_encoder_decoder or one_way:
        raise CctaError(
            f"{name} is a decoder or a generative model ({kinds}), which can't be attributed here; "
            f"{_ENCODERS}"
        )


def _head(name: str, config: PreTrainedConfig) -> tuple[str, type[PreTrainedModel]]:
    """The task and transformers' class for the head that the configuration names."""
    kinds = config.architectures or []
    for mark, (task, classes) in _HEADS.items():
        for kind in kinds:
            if mark not in kind or type(config) not in classes:
                continue
            found: Any = classes[type(config)]
            own = getattr(transformers, kind, None)
            if own not in (None, found) and own.config_class is type(config):
                raise CctaError(
                    f"{name}: the head of {kind} gives no logits for every position (it searches "
                    f"by beam); a checkpoint of {found.__name__} works"
                )
            return task, found
    raise CctaError(
        f"{name} has no sequence classification head, nor one for question answering or tagging "
        f"({', '.join(kinds) or 'config.json names no architecture'}); {_WANTED}"
    )


def _weights(name: str, kind: _Kind) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """The model with every weight from its checkpoint, in float32, and what should be known."""
    state: dict[str, torch.Tensor] | None = None
    notices: tuple[str, ...] = ()
    if not (_fetch(name, "model.safetensors") or _fetch(name, "model.safetensors.index.json")):
        state, notices = _older(name)
    try:
        loaded: Any = kind.model_class.from_pretrained(
            None if state is not None else name,
            config=kind.config,
            state_dict=state,
            use_safetensors=True if state is None else None,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except SafetensorError as error:
        raise DamagedFileError(
            f"{name}: model.safetensors is not whole ({error}); download it again"
        ) from error
    except RuntimeError as error:
        raise DamagedFileError(
            f"{name}: the weights do not fit config.json ({str(error).strip()[:160]}); restore the "
            "two from one checkpoint"
        ) from error
    except OSError as error:
        raise _unavailable(name) from error
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        raise CctaError(
            f"{name}: its checkpoint lacks {', '.join(missing[:3])}"
            f"{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}, so that "
            f"{kind.model_class.__name__} would run on random numbers; {_WANTED}"
        )
    return model, notices


def _older(name: str) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """Pickled weights, which are read without running what is in them."""
    path = _fetch(name, pickled.FILE)
    index = None if path else _fetch(name, pickled.INDEX)
    if path is not None:
        state = pickled.read_pickled(path)
    elif index is not None:
        state = pickled.read_parts(index, lambda part: _fetch(name, part))
    else:
        raise CctaError(
            f"{name} has no weights that can be read; expected model.safetensors (or an older "
            f"{pickled.FILE})"
        )
    notice = (
        f"The weights of {name} come from an older pickled file ({pickled.FILE}), read by torch's "
        "weights_only loader; safetensors is safer."
    )
    _log.warning(notice)
    return state, (notice,)


def _tokenizer(name: str) -> PreTrainedTokenizerFast:
    instead = "a tokenizer.json (PreTrainedTokenizerFast) saved beside the weights works"
    whole = _fetch(name, "tokenizer.json")
    try:
        if whole is not None:
            json.loads(whole.read_text("utf-8"))
        tokenizer: Any = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        if not tokenizer.is_fast and whole is not None:
            tokenizer = PreTrainedTokenizerFast.from_pretrained(name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise CctaError(
            f"{name}: its tokenizer can't be loaded ({type(error).__name__}: {str(error)[:120]}); "
            f"{instead}"
        ) from error
    if not tokenizer.is_fast:
        raise CctaError(
            f"{name}: its tokenizer ({type(tokenizer).__name__}) gives no offsets into the text; "
            f"{instead}"
        )
    return tokenizer


def _describe(name: str, kind: _Kind, trace: Trace) -> ModelInfo:
    labels = _labels(kind)
    return ModelInfo(
        id=name,
        task=_task(kind.task, labels),
        training_language=None,
        labels=labels,
        layers=tuple(range(trace.depth + words_reach_head(trace))),
        align_layer=max(1, round(trace.depth * 2 / 3)),
        revision=getattr(kind.config, "_commit_hash", None) or _fingerprint(trace.model),
    )


def _labels(kind: _Kind) -> tuple[str, ...]:
    """The columns' names: tags as they are stored, classes in lower case where that is unique."""
    if kind.task == "qa":
        return ("start", "end")
    names: dict[int, str] = dict(kind.config.id2label)  # type: ignore[arg-type]
    stored = tuple(str(names[index]) for index in sorted(names))
    generic = all(re.fullmatch(r"LABEL_\d+", label) for label in stored)
    lower = tuple(label.lower() for label in stored)
    keep = kind.task == "ner" or generic or len(set(lower)) < len(lower)
    return stored if keep else lower


def _task(task: str, labels: tuple[str, ...]) -> str:
    if task != "classification":
        return task
    if {"entailment", "neutral", "contradiction"} <= set(labels):
        return "nli"
    same = re.compile(r"paraphrase|equivalent|duplicate")
    return "paraphrase" if any(same.search(label) for label in labels) else task


def _fingerprint(model: PreTrainedModel) -> str:
    """A cheap identity for local weights: sums of every tensor, so that other weights differ."""
    sums = [float(t.double().sum()) for t in model.state_dict().values()]
    return "local-" + hashlib.sha256(repr(sums).encode()).hexdigest()[:12]
