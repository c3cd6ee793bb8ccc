"""A shipped model's card: its file, its checksums, the revision that names its results."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ccta_core.models import embedded
from ccta_core.space.maps import MEANS_FILE

WEIGHTS = ("adapter_model.safetensors", "adapter_config.json")
_IDENTITY = (*WEIGHTS, MEANS_FILE)
"""The files whose checksums enter the revision; the Procrustes maps came later and do not."""


def sha256_of(path: Path) -> str:
    """The checksum of one file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def revision(card: dict[str, Any]) -> str:
    """One hash over what decides results by default: backbone, weights, means, alignment layer."""
    sums = {name: card["sha256"][name] for name in _IDENTITY}
    facts = [embedded.REVISION, sums, card["align_layer"]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a model's folder."""
    return json.loads((folder / "card.json").read_text("utf-8"))


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Writes the card, keys sorted, so that a diff shows what changed."""
    text = json.dumps(card, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")
