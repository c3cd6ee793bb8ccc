"""Merges a LoRA adapter of the zoo (PEFT's format) into the weights it was trained on."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ccta_core.errors import CctaError, DamagedFileError

_STEM = "base_model.model."
_REFUSED = (
    "alora_invocation_tokens", "alpha_pattern", "fan_in_fan_out", "layer_replication",
    "lora_bias", "rank_pattern", "target_parameters", "trainable_token_indices", "use_bdlora",
    "use_dora", "use_qalora", "arrow_config", "kasa_config", "monteclora_config", "velora_config",
)  # fmt: skip
"""Settings of LoRA's relatives, merged in other ways: where one is on, PEFT itself is needed."""


def merge(state: dict[str, torch.Tensor], folder: Path) -> dict[str, torch.Tensor]:
    """Returns `state` with every adapted weight W as W + s B A, s = alpha / rank (Hu et al., 2021),
    and with the adapter's own modules (the head). Nothing is changed in place.

    With `use_rslora`, s = alpha / sqrt(rank). Raises DamagedFileError where the adapter can't be
    read or fits other weights, CctaError where it is of a kind that is merged otherwise.
    """
    scale, tensors = _scale(folder), _tensors(folder)
    merged = dict(state)
    for name, down in tensors.items():
        if not name.endswith(".lora_A.weight"):
            continue
        target = name.removesuffix("lora_A.weight") + "weight"
        up = tensors.get(name.replace("lora_A", "lora_B"))
        if up is None or target not in state or state[target].shape != (len(up), down.shape[1]):
            raise DamagedFileError(f"{folder}: {name} fits no weight of the backbone")
        merged[target] = state[target] + up @ down * scale
    merged.update({name: value for name, value in tensors.items() if ".lora_" not in name})
    return merged


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / "adapter_model.safetensors"
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DamagedFileError(f"{path} can't be read ({error}); restore or retrain it") from error
    return {name.removeprefix(_STEM): value.float() for name, value in tensors.items()}


def _scale(folder: Path) -> float:
    """Returns the factor s of B A."""
    path = folder / "adapter_config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text("utf-8"))
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        kind, bias = config["peft_type"], config.get("bias", "none")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(f"{path} can't be read ({error}); restore or retrain it") from error
    on = [name for name in _REFUSED if config.get(name)]
    if kind != "LORA" or bias != "none" or on:
        raise CctaError(
            f"{folder}: expected a plain LoRA adapter, found {kind} with bias {bias!r}"
            f"{' and ' + ', '.join(on) if on else ''}; merge it with PEFT and save the whole model"
        )
    return alpha / rank**0.5 if config.get("use_rslora") else alpha / rank
