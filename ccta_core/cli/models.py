"""`ccta models`: which models are here and what their cards say."""

import argparse
import json
import sys
from typing import Any

from ccta_core.cli.write import write_text
from ccta_core.models.catalog import ModelInfo, catalog, find


def add(commands: argparse._SubParsersAction) -> None:
    """Declares `models list` and `models info`."""
    parser = commands.add_parser("models", help="list the models, or show a card")
    actions = parser.add_subparsers(required=True, metavar="list|info")
    listing = actions.add_parser("list", help="every model here", epilog="ccta models list --json")
    listing.add_argument("--json", action="store_true", help="rows as JSON")
    listing.set_defaults(run=_list)
    info = actions.add_parser("info", help="one card", epilog="ccta models info e5-small/nli-en")
    info.add_argument("id")
    info.add_argument("--json", action="store_true", help="the card as JSON")
    info.set_defaults(run=_info)


def _row(info: ModelInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "task": info.task,
        "training_language": info.training_language,
        "scores": {lang: score["accuracy"] for lang, score in info.card.get("scores", {}).items()},
        "bytes": info.bytes,
        "licence": info.card.get("licence"),
    }


def _list(options: argparse.Namespace) -> None:
    rows = [_row(info) for info in catalog().values()]
    if options.json:
        write_text("-", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    for row in rows:
        scores = list(row["scores"].values())
        mean = f"mean {sum(scores) / len(scores):.3f}, {len(scores)} languages" if scores else ""
        sys.stdout.write(f"{row['id']:<24} {row['task']:<12} {mean}\n")


def _info(options: argparse.Namespace) -> None:
    info = find(options.id)
    if options.json:
        write_text("-", json.dumps(info.card, ensure_ascii=False, indent=1) + "\n")
        return
    sys.stdout.write(f"{info.id}: {info.task}, {info.bytes / 1e6:.1f} MB\n")
    for name, value in info.card.items():
        if name == "scores":
            for lang, score in value.items():
                sys.stdout.write(f"  {lang}  accuracy {score['accuracy']:.3f} (n = {score['n']})\n")
        elif not isinstance(value, dict | list):
            sys.stdout.write(f"{name}: {value}\n")
