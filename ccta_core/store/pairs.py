"""Pair results: what ships with the product is read first, then the user's cache."""

import logging
from pathlib import Path

from ccta_core.config import Config, cache_root
from ccta_core.models.catalog import ModelInfo
from ccta_core.result import PairResult
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.types import Sentence

_log = logging.getLogger(__name__)
_VERSION = 3
"""Version of stored comparisons: raised when one's meaning changes, such as how its null is drawn.
Settings that mean the same keep their fingerprint, by which studies know theirs."""
SHIPPED = Path(__file__).parents[2] / "cache" / "pairs"


def pair_key(info: ModelInfo, source: Sentence, target: Sentence, config: Config) -> str:
    """The address of one comparison: version, settings, model revision, both texts and their focus.

    The maps of the space `procrustes` are not part of the revision: there the hashes of
    all of the model's files are added.
    """
    texts = [side.identity for side in (source, target)]
    files = info.card.get("sha256") if config.space == "procrustes" else None
    return key_of(_VERSION, config.fingerprint, info.id, info.revision, texts, files)


def find_pair(
    info: ModelInfo, source: Sentence, target: Sentence, config: Config
) -> PairResult | None:
    """The stored result of this comparison, or None; needs no model in memory."""
    key = pair_key(info, source, target, config)
    for root in (SHIPPED, cache_root() / "results"):
        payload = read_entry(root, key)
        if payload is not None:
            try:
                return PairResult.from_payload(payload)
            except (KeyError, TypeError, ValueError):
                _log.warning("entry %s has another form; it is computed again", key[:12])
    return None


def keep_pair(
    result: PairResult, info: ModelInfo, source: Sentence, target: Sentence, config: Config
) -> str | None:
    """Stores the result; returns a sentence that says why not, where that failed."""
    root = cache_root() / "results"
    try:
        write_entry(root, pair_key(info, source, target, config), result.payload())
    except OSError as error:
        return (
            f"The result was not kept: {root} can't be written ({error.strerror}); "
            "set CCTA_CACHE to a folder you may write to."
        )
    return None
