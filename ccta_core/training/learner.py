"""The model that learns: a backbone, a fresh head, LoRA on every linear layer of the encoder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import (
    LoraConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from ccta_core.errors import CctaError
from ccta_core.models.attention import use_explicit_attention
from ccta_core.models.catalog import BACKBONE
from ccta_core.models.load import Backbone, backbone, head_class
from ccta_core.training.recipe import Recipe

_TARGETS = r".*encoder\.layer\.\d+\..*\.(query|key|value|dense)"
"""Every linear layer of BERT-like encoders, not the pooler's."""
_OWN = {"qa": ["qa_outputs"], "ner": ["classifier"]}
"""The modules trained whole, by task; the others have a pooler and a classifier."""


def learner(
    recipe: Recipe,
    labels: Sequence[str],
    *,
    start: Path | None = None,
    on: Backbone | None = None,
) -> tuple[torch.nn.Module, Any]:
    """Returns the model to train and its tokenizer; fresh weights are drawn from the recipe's seed.

    It stands `on` a backbone, the embedded one where none is given. `start` is the folder of an
    adapter whose tensors are taken over where name and shape agree (another task's head is left
    fresh). Raises CctaError where none fits.
    """
    torch.manual_seed(recipe.seed)
    parts = on or backbone()
    config = parts.config
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    whole = head_class(recipe.task, config)(config)
    whole.base_model.load_state_dict(parts.state, strict=False)
    use_explicit_attention(whole)
    if recipe.rank == 0:
        if start is not None:
            raise CctaError("every weight is trained: an adapter can't be the start; leave it out")
        return whole, parts.tokenizer
    model = with_adapter(
        whole, recipe.rank, recipe.alpha, whole=_OWN.get(recipe.task, ["pooler", "classifier"])
    )
    if start is not None:
        _take_over(model, start)
    if recipe.bfloat16:
        cast_frozen_layers(model)
    return model, parts.tokenizer


def with_adapter(
    model: PreTrainedModel, rank: int, alpha: int, *, whole: Sequence[str] = ()
) -> PeftModel:
    """Returns `model` with a fresh low-rank adapter on every linear layer of its encoder, all else
    frozen.

    The modules named in `whole` are trained as they are. The adapter's first factors are drawn
    from torch's random numbers, its second ones are zero: nothing changes at first.
    """
    targets: str | list[str] = _TARGETS
    names = [name for name, _ in model.named_modules()]
    if not any(".layer." in f".{name}." and "encoder" in name for name in names):
        targets = [
            name
            for name, module in model.base_model.named_modules()
            if isinstance(module, torch.nn.Linear) and "pooler" not in name
        ]
    settings = LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=targets, modules_to_save=list(whole) or None
    )
    adapted: PeftModel = get_peft_model(model, settings)
    return adapted


def cast_frozen_layers(model: Any) -> None:
    """Keeps the frozen layers as autocast would cast them at every step: a fifth of the time."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.base_layer.to(torch.bfloat16)


def _take_over(model: Any, folder: Path) -> None:
    """Puts an adapter's tensors in, where they fit.

    Raises CctaError where no low-rank tensor does: the rank is another.
    """
    state = get_peft_model_state_dict(model)
    adapter = load_file(folder / "adapter_model.safetensors")
    fitting = {
        name: value.float()
        for name, value in adapter.items()
        if name in state and state[name].shape == value.shape
    }
    if not any(".lora_" in name for name in fitting):
        raise CctaError(f"{folder}: its low-rank tensors have another shape; use the rank it has")
    set_peft_model_state_dict(model, {**state, **fitting})


def save(model: Any, tokenizer: Any, recipe: Recipe, out: Path, *, base_id: str = BACKBONE) -> None:
    """Writes an adapter of the backbone `base_id` in PEFT's format, or the whole model."""
    if recipe.rank == 0:
        model.set_attn_implementation("sdpa")
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
        return
    save_adapter(model, out, base_id)


def save_adapter(model: Any, out: Path, base_id: str) -> None:
    """Writes the adapter of a PEFT model in PEFT's format, its tensors in float16."""
    model.save_pretrained(str(out))
    weights = out / "adapter_model.safetensors"
    save_file({name: t.half() for name, t in load_file(weights).items()}, weights)
    weights.chmod(0o644)
    path = out / "adapter_config.json"
    settings = json.loads(path.read_text("utf-8"))
    settings["base_model_name_or_path"] = base_id
    path.write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (out / "README.md").unlink(missing_ok=True)  # PEFT's empty form; the card says what it is
