"""`ccta models`: which models are here and what their cards say."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ccta_core.cli import publish, train
from ccta_core.cli.write import write_text
from ccta_core.errors import CctaError
from ccta_core.models import added
from ccta_core.models.added import available_models, find, size_of
from ccta_core.models.catalog import ModelInfo
from ccta_core.models.wording import card_lines


def add(commands: argparse._SubParsersAction) -> None:
    """Declares `models list`, `info`, `add`, `remove`, and what `train` declares."""
    parser = commands.add_parser(
        "models", help="list the models, show a card, train", epilog="ccta models list"
    )
    actions = parser.add_subparsers(required=True, metavar="list|info|add|remove|train|publish")
    listing = actions.add_parser("list", help="every model here", epilog="ccta models list --json")
    listing.add_argument("--json", action="store_true", help="rows as JSON")
    listing.set_defaults(run=_list)
    info = actions.add_parser("info", help="one card", epilog="ccta models info e5-small/nli-en")
    info.add_argument("id")
    info.add_argument("--json", action="store_true", help="the card as JSON")
    info.set_defaults(run=_info)
    adding = actions.add_parser(
        "add", help="check a hub model or a folder and put it on the list",
        epilog="ccta models add ./my-model",
    )  # fmt: skip
    adding.add_argument("name", metavar="owner/name|FOLDER")
    adding.set_defaults(run=_add)
    removing = actions.add_parser(
        "remove", help="take an added model off the list; its files stay",
        epilog="ccta models remove owner/name",
    )  # fmt: skip
    removing.add_argument("id")
    removing.set_defaults(run=_remove)
    train.add(actions)
    publishing = actions.add_parser(
        "publish", help="write a model as a repository of the Hugging Face Hub, and send it",
        epilog="ccta models publish e5-small/nli-en --to hub/nli-en",
    )  # fmt: skip
    publishing.add_argument("id")
    publish.add_arguments(publishing)
    publishing.set_defaults(run=_publish)


def _add(options: argparse.Namespace) -> None:
    info = find(added.add_apart(options.name))
    sys.stdout.write(f"{info.id}  {info.task}  layers {', '.join(map(str, info.layers))}\n")


def _remove(options: argparse.Namespace) -> None:
    folder = str(Path(options.id).expanduser().resolve())
    mine = added.added()
    model_id = options.id if options.id in mine else folder
    if model_id not in mine:
        raise CctaError(
            f"{options.id} is not on the list of added models; "
            f"expected one of: {', '.join(mine) or 'none was added'}"
        )
    added.remove(model_id)


def _publish(options: argparse.Namespace) -> None:
    from ccta_core.publishing import publish_model

    publish.finish(publish_model(options.id, options.to), options, "model")


def _metric(info: ModelInfo) -> str:
    return str(info.card.get("metric", "accuracy"))


def _row(info: ModelInfo) -> dict[str, Any]:
    metric = _metric(info)
    return {
        "id": info.id,
        "task": info.task,
        "training_language": info.training_language,
        "scores": {lang: score[metric] for lang, score in info.card.get("scores", {}).items()},
        "bytes": size_of(info),
        "licence": info.card.get("licence"),
    }


def _list(options: argparse.Namespace) -> None:
    if problem := added.list_problem():
        sys.stderr.write(f"ccta: {problem}\n")
    models = list(available_models().values())
    rows = [_row(info) for info in models]
    if options.json:
        write_text("-", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    width = max(len(row["id"]) for row in rows)
    for info, row in zip(models, rows, strict=True):
        scores = list(row["scores"].values())
        mean = (
            f"{_metric(info)} {sum(scores) / len(scores):.3f} mean of {len(scores)} languages"
            if scores
            else "not scored"
        )
        trained = row["training_language"] or ("" if row["task"] == "backbone" else "several")
        line = f"{row['id']:<{width}}  {row['task']:<10}  {trained:<8} {mean}"
        sys.stdout.write(line.rstrip() + "\n")


def _info(options: argparse.Namespace) -> None:
    info = find(options.id)
    if options.json:
        write_text("-", json.dumps(info.card, ensure_ascii=False, indent=1) + "\n")
        return
    for line in card_lines(info):
        sys.stdout.write(line + "\n")
