"""A training run from items to a folder that loads: adapter or model, metrics, a first card."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ccta_core.corpus.items import Item
from ccta_core.corpus.labels import CLASSES
from ccta_core.errors import CctaError
from ccta_core.models.catalog import BACKBONE, ModelInfo
from ccta_core.models.load import Backbone, backbone, backbone_of
from ccta_core.training.learner import learner, save
from ccta_core.training.loop import AuxiliaryLoss, Report, TrainingHistory, to_stderr, train
from ccta_core.training.recipe import Recipe, as_facts
from ccta_core.training.rows import encode, named_items

_KNOWN = {**CLASSES, "qa": ("start", "end")}
METRICS = "training.json"


@dataclass(frozen=True, slots=True)
class Data:
    """What a model is trained on: its items, a split to stop early on, and what they are."""

    items: Sequence[Item]
    dev: Sequence[Item] = ()
    spec: tuple[str, ...] = ()


def labels_of(task: str, items: Sequence[Item]) -> tuple[str, ...]:
    """Returns the classes or tags a head has: the task's own, and the tags that the items have.

    Raises CctaError where there are fewer than two kinds of tag.
    """
    if task != "ner":
        return _KNOWN[task]
    tags = {tag for item in items for tag in item.tags}
    if len(tags) < 2:
        raise CctaError(f"the data has {len(tags)} kinds of label for {task}; expected at least 2")
    return tuple(sorted(tags, key=_tag_order))


def fit(  # noqa: PLR0913 - data, recipe, place and the machine
    data: Data,
    recipe: Recipe,
    out: Path,
    *,
    start: ModelInfo | None = None,
    auxiliary: AuxiliaryLoss | None = None,
    device: str = "cpu",
    report: Report = to_stderr,
) -> dict[str, Any]:
    """Trains and writes the weights and `training.json` (recipe, losses, data) to `out`.

    `start` is a backbone to stand on, or an adapter to go on from (on the backbone of that one).
    `auxiliary` is a loss beside the task's (loop.py). A run that was killed goes on from its
    checkpoint. Returns the facts written. Raises CctaError on items the task can't be trained on,
    and on labels that are not the task's.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CctaError(
            f"{out} can't be a model's folder ({error.strerror}); name another, or remove what "
            "stands there"
        ) from error
    labels = labels_of(recipe.task, data.items)
    data = replace(
        data,
        items=named_items(recipe.task, data.items, labels, data="the training data"),
        dev=named_items(recipe.task, data.dev, labels, data="the data to stop early on"),
    )
    if start is not None and start.task != "backbone":
        on, adapter = backbone_of(start.card), start.folder
    else:
        on, adapter = backbone(start.id if start else BACKBONE), None
    model, tokenizer = learner(recipe, labels, start=adapter, on=on)
    rows = encode(tokenizer, data.items, labels, recipe)
    dev = encode(tokenizer, data.dev, labels, recipe) if data.dev else None
    if rows.lost:
        report(f"{rows.lost} of {len(data.items)} items have no whole answer in a window: left out")
    history = train(
        model,
        rows,
        recipe,
        checkpoint=out / "checkpoint.pt",
        dev=dev,
        auxiliary=auxiliary,
        start=" ".join(f"{each.id}@{each.revision}" for each in (on, start) if each is not None),
        device=device,
        report=report,
    )
    save(model.to("cpu"), tokenizer, recipe, out, base_id=on.id)
    facts = _facts(data, recipe, labels, history, start, on) | {"items_lost": rows.lost}
    if auxiliary is not None:
        facts["continual"] = auxiliary.facts(history.gradients)
    (out / METRICS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", "utf-8")
    return facts


def identity(items: Sequence[Item]) -> str:
    """Returns a checksum over the ids of the items: two runs on the same items have the same
    one.
    """
    ids = sorted({item.id for item in items})
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def _facts(  # noqa: PLR0913 - what a card tells of a run
    data: Data,
    recipe: Recipe,
    labels: Sequence[str],
    history: TrainingHistory,
    start: ModelInfo | None,
    on: Backbone,
) -> dict[str, Any]:
    base = {} if on.id == BACKBONE else {"base": {"id": on.id, "revision": on.revision}}
    return base | {
        "recipe": as_facts(recipe),
        "labels": list(labels),
        "data": list(data.spec),
        "languages": sorted({item.lang for item in data.items}),
        "items": len(data.items),
        "items_sha256": identity(data.items),
        "start": start.id if start else None,
        "steps": history.step,
        "seconds": round(history.seconds),
        "losses": [[step, round(loss, 4)] for step, loss in history.losses],
        "dev_losses": [round(loss, 4) for loss in history.dev_losses],
        "stopped_early": history.stopped_early,
    }


def _tag_order(tag: str) -> tuple[bool, str, str]:
    """Returns a sort key: O first, then the types in order, B before I."""
    prefix, _, kind = tag.partition("-")
    return tag != "O", kind, prefix
