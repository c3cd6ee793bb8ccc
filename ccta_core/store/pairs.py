"""Finds and keeps pair results: those that ship are read first, then the user's cache."""

import logging

from ccta_core.config import Config, cache_root, shipped
from ccta_core.models.catalog import SHIPPED as SHIPPED_MODELS
from ccta_core.models.catalog import ModelInfo, file_sums
from ccta_core.models.identity import EMBEDDED_REVISION, MAPS, backbone_revision
from ccta_core.permissions import keeps_texts
from ccta_core.quotas import QuotaError, note_result, refuse_beyond
from ccta_core.result import PairResult
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.types import Sentence

_log = logging.getLogger(__name__)
_VERSION = 5
"""Version of stored comparisons: raised when one's meaning changes, such as how its null is drawn.
Settings that mean the same keep their fingerprint, by which studies know theirs."""
SHIPPED = shipped("pairs")


def pair_key(info: ModelInfo, source: Sentence, target: Sentence, config: Config) -> str:
    """Returns the address of one comparison: version, settings, model revision, both texts and
    their focus.

    The maps of the space `procrustes` are not part of the revision: there the hashes of
    all of the model's files are added.
    """
    return _key(info, info.revision, source, target, config)


def _key(info: ModelInfo, revision: str, source: Sentence, target: Sentence, config: Config) -> str:
    texts = [side.identity for side in (source, target)]
    names = {*info.card.get("sha256", ()), MAPS}
    files = (file_sums(info, names) or None) if config.space == "procrustes" else None
    return key_of(_VERSION, config.fingerprint, info.id, revision, texts, files)


def find_pair(
    info: ModelInfo, source: Sentence, target: Sentence, config: Config
) -> PairResult | None:
    """Returns the stored result of this comparison, or None; no model has to be in memory."""
    places = [(SHIPPED, _shipped_revision(info)), (cache_root() / "results", info.revision)]
    for root, revision in places:
        key = _key(info, revision, source, target, config)
        payload = read_entry(root, key)
        if payload is not None:
            try:
                return PairResult.from_payload(payload)
            except (KeyError, TypeError, ValueError):
                _log.warning("entry %s has another form; it is computed again", key[:12])
    return None


def _shipped_revision(info: ModelInfo) -> str:
    """Returns the revision under which a model's comparisons ship.

    Where the embedded backbone has no build for the platform, a model of the zoo runs on another
    one and has a revision of its own; what ships was measured on the embedded one, and says so.
    """
    ships = info.folder is not None and info.folder.parent.parent == SHIPPED_MODELS
    elsewhere = ships and backbone_revision() != EMBEDDED_REVISION
    return str(info.card["revision"]) if elsewhere else info.revision


def results_stamp() -> tuple[tuple[str, int], ...]:
    """Returns a value that changes whenever a result of the user's is kept or cleared."""
    root = cache_root() / "results"
    try:
        places = [root, *root.iterdir()]
        return tuple(sorted((path.name, path.stat().st_mtime_ns) for path in places))
    except OSError:
        return ()  # none was kept yet


def keep_pair(
    result: PairResult, info: ModelInfo, source: Sentence, target: Sentence, config: Config
) -> str | None:
    """Stores the result, where texts are kept and the person has room left; returns a sentence that
    says why not, where that failed.
    """
    if not keeps_texts():
        return None
    root = cache_root() / "results"
    try:
        refuse_beyond("results", 0)
        note_result(write_entry(root, pair_key(info, source, target, config), result.payload()))
    except QuotaError as error:
        return f"The result was not kept: {error}."
    except OSError as error:
        return (
            f"The result was not kept: {root} can't be written ({error.strerror}); "
            "set CCTA_CACHE to a folder you may write to."
        )
    return None
