"""The model that learns: the embedded backbone, a fresh head, LoRA on every linear layer."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from ccta_core.errors import CctaError
from ccta_core.models.attention import use_explicit_attention
from ccta_core.models.catalog import BACKBONE
from ccta_core.models.embedded import backbone_parts
from ccta_core.models.load import HEADS
from ccta_core.training.recipe import Recipe

_TARGETS = r".*encoder\.layer\.\d+\..*\.(query|key|value|dense)"
_OWN = {"qa": ["qa_outputs"], "ner": ["classifier"]}
"""The modules trained whole, by task; the others have a pooler and a classifier."""


def learner(
    recipe: Recipe, labels: Sequence[str], *, start: Path | None = None
) -> tuple[torch.nn.Module, Any]:
    """The model to train and its tokenizer; fresh weights are drawn from the recipe's seed.

    `start` is the folder of an adapter whose tensors are taken over where name and shape agree
    (another task's head is left fresh). Raises CctaError where none fits.
    """
    torch.manual_seed(recipe.seed)
    config, state, tokenizer = backbone_parts()
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    whole: PreTrainedModel = HEADS[recipe.task](config)
    whole.base_model.load_state_dict(state, strict=False)
    use_explicit_attention(whole)
    if recipe.rank == 0:
        if start is not None:
            raise CctaError("every weight is trained: an adapter can't be the start; leave it out")
        return whole, tokenizer
    settings = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=_TARGETS,
        modules_to_save=_OWN.get(recipe.task, ["pooler", "classifier"]),
    )
    model = get_peft_model(whole, settings)
    if start is not None:
        _take_over(model, start)
    if recipe.bfloat16:
        _cast_once(model)
    return model, tokenizer


def _cast_once(model: Any) -> None:
    """Keeps the frozen layers as autocast would cast them at every step: a fifth of the time."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.base_layer.to(torch.bfloat16)


def _take_over(model: Any, folder: Path) -> None:
    """Puts an adapter's tensors in, where they fit.

    Raises CctaError where no low-rank tensor does: the rank is another.
    """
    own = get_peft_model_state_dict(model)
    found = load_file(folder / "adapter_model.safetensors")
    fitting = {
        name: value.float()
        for name, value in found.items()
        if name in own and own[name].shape == value.shape
    }
    if not any(".lora_" in name for name in fitting):
        raise CctaError(f"{folder}: its low-rank tensors have another shape; use the same --rank")
    set_peft_model_state_dict(model, {**own, **fitting})


def save(model: Any, tokenizer: Any, recipe: Recipe, out: Path) -> None:
    """Writes an adapter in PEFT's format, its tensors in float16, or the whole model."""
    if recipe.rank == 0:
        model.set_attn_implementation("sdpa")
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
        return
    model.save_pretrained(str(out))
    weights = out / "adapter_model.safetensors"
    save_file({name: t.half() for name, t in load_file(weights).items()}, weights)
    weights.chmod(0o644)
    path = out / "adapter_config.json"
    settings = json.loads(path.read_text("utf-8"))
    settings["base_model_name_or_path"] = BACKBONE
    path.write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (out / "README.md").unlink(missing_ok=True)  # PEFT's empty form; the card says what it is
