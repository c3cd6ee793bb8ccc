"""A shipped model's card: its file, its checksums, the revision that names its results."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ccta_core.models.identity import (
    ADAPTER,
    ADAPTER_CONFIG,
    EMBEDDED_REVISION,
    OURS,
    adapter_revision,
)

WEIGHTS = (ADAPTER, ADAPTER_CONFIG)
UNMEASURED = "unmeasured"
"""The revision of a card whose language means are still to be computed."""


def sha256_of(path: Path) -> str:
    """Returns the checksum of one file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def revision(card: dict[str, Any]) -> str:
    """Hashes what decides results by default: backbone, weights, means, alignment layer.

    It is what the catalogue finds in the folder where nothing in it changes (`models.identity`).
    """
    sums = {name: card["sha256"][name] for name in OURS if name in card["sha256"]}
    base = card.get("base", {}).get("revision", EMBEDDED_REVISION)
    return adapter_revision(sums, card["align_layer"], base)


def read_card(folder: Path) -> dict[str, Any]:
    """Returns the card of a model's folder."""
    return json.loads((folder / "card.json").read_text("utf-8"))


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Writes the card, keys sorted, so that a diff shows what changed."""
    text = json.dumps(card, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")
