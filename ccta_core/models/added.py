"""Keeps the list of models that a person added, of the hub or of folders; each is loaded once to
check it.

The list is `models.json` in the cache folder; the zoo and adapters in `models/` are the
catalogue's.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ccta_core.config import cache_root
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.limited import Limits, call_limited
from ccta_core.models.catalog import (
    CLASSES,
    ModelInfo,
    catalog,
    read_info,
    split_twin,
    twin_info,
    twin_revision,
)
from ccta_core.models.catalog import find as catalog_find
from ccta_core.models.identity import FILES, with_maps
from ccta_core.models.places import folder_named, local_place
from ccta_core.permissions import (
    LOCAL,
    NotYoursError,
    person,
    refuse_if_read_only,
    refuse_unless_administrator,
)
from ccta_core.quotas import LIMITS as QUOTAS
from ccta_core.quotas import QuotaError, allowed
from ccta_core.text import size
from ccta_core.whole_files import one_at_a_time, whole_file

FILE = "models.json"
CHANGED = "changed"
"""In a card: a sentence that says that the files are not those that were added."""
HUB_NAMES, FOLDERS = "CCTA_MODEL_HUB", "CCTA_MODEL_FOLDERS"
"""What may be added from a dashboard of several people: patterns of names of the hub, separated by
commas (`FacebookAI/*`), and a folder below which models lie. Neither is set: nothing."""
_LONGEST_NAME = 500
LIMITS = Limits(memory=16 << 10, processor=900, wall=1800, written=8 << 10, thing="model")
"""Of the process that loads a model which is added; a model of the hub is fetched meanwhile."""
_WEIGHTS = (".safetensors", ".bin")
_KEYS = ("id", "task", "labels", "layers", "align_layer", "revision", "outputs")


def available_models() -> dict[str, ModelInfo]:
    """Returns the catalogue and the added models, by id."""
    return {**catalog(), **added()}


def find(model_id: str) -> ModelInfo:
    """Returns the entry of a model of the list or the catalogue, or that of its twin with a random
    head.

    Raises CctaError as `catalog.find`, and where the model's files changed since it was added.
    """
    trained_id, drawn = split_twin(model_id)
    info = added().get(trained_id)
    if info is None:
        return catalog_find(model_id)
    if CHANGED in info.card:
        raise CctaError(info.card[CHANGED])
    return info if drawn is None else twin_info(info, drawn)


def listed(name: str) -> ModelInfo:
    """Returns the entry of a model; a folder that is not on the list yet is put on it first.

    One whose files changed since it was added is read again. Raises CctaError as `find` and `add`.
    """
    folder = None if name in catalog() else folder_named(name)
    model_id = str(folder.resolve()) if folder else name
    info = added().get(model_id)
    if info is not None:
        return add(model_id) if CHANGED in info.card else info
    return add(name) if folder else find(name)


def added() -> dict[str, ModelInfo]:
    """Returns the list, by id; empty where there is none, or where it can't be read.

    A model whose files changed since it was added has no labels: what is known of it is out of
    date, and its card says so (CHANGED).
    """
    try:
        return {entry["id"]: _info(entry) for entry in _entries()}
    except (CctaError, KeyError, TypeError, AttributeError):
        return {}


def list_problem() -> str | None:
    """Returns in one line why the list can't be read; None where it can, or there is none."""
    try:
        for entry in _entries():
            _info(entry)
    except CctaError as error:
        return str(error)
    except (KeyError, TypeError, AttributeError) as error:
        return (
            f"{cache_root() / FILE} has an entry that is none ({type(error).__name__}: {error}); "
            "restore it, or delete it and add the models again"
        )
    return None


def add(name: str) -> ModelInfo:
    """Loads a model of the hub or a folder and puts it on the list.

    A folder is kept by its absolute path. Raises CctaError (one line) where the catalogue has it
    already, and as `load_model`: no such model, no task head, one that can't be attributed.
    """
    refuse_if_read_only("Adding a model")
    refuse_unless_administrator("Adding a model")
    model_id = checked_name(name)
    _check_size(model_id)
    from ccta_core.models.load import load_model

    model = load_model(model_id, device="cpu")
    info, entry = model.info, {key: getattr(model.info, key) for key in _KEYS}
    entry["bytes"] = sum(each.numel() * 4 for each in model.hf_model.parameters())
    _change(lambda entries: [*(old for old in entries if old["id"] != info.id), entry])
    return _info(entry)


def add_apart(name: str) -> str:
    """Adds the model in a process of its own under LIMITS, so that this one loads no weights;
    returns its id.

    It waits until the model is loaded, which may be long. Raises CctaError as `add`, and where the
    model exceeds a limit or its process ends without a word.
    """
    refuse_if_read_only("Adding a model")
    refuse_unless_administrator("Adding a model")
    model_id = checked_name(name)
    return str(call_limited(_add_for_id, (model_id,), LIMITS, model_id))


def _add_for_id(model_id: str) -> str:
    """Adds a model and returns its id: what `call_limited` calls in the other process."""
    return add(model_id).id


def _check_size(model_id: str) -> None:
    """Raises QuotaError where the weights in a folder have more bytes than may be added."""
    most, folder = allowed("model"), folder_named(model_id)
    if most is None or folder is None:
        return
    taken = sum(path.stat().st_size for path in folder.iterdir() if path.suffix in _WEIGHTS)
    if taken > most:
        raise QuotaError(
            f"{model_id} has {size(taken)} of weights, at most {size(most)} can be added; choose a "
            f"smaller model ({QUOTAS['model'].variable})"
        )


def checked_name(name: str) -> str:
    """Returns the id under which a model would be added, before it is loaded.

    Raises CctaError on an empty name, one that the catalogue has, one that is neither an existing
    folder nor `owner/name`, and on a comma, which separates models.
    """
    name = name.strip()
    if not name or "," in name:
        raise CctaError(
            f"expected a name of the hub (owner/name) or a folder, without commas; found {name!r}"
        )
    if len(name) > _LONGEST_NAME:
        raise CctaError(
            f"a name of a model has at most {_LONGEST_NAME} characters; found {len(name):,}"
        )
    _check_allowed(name)
    folder = folder_named(name)
    model_id = str(folder.resolve()) if folder else name
    if model_id in catalog():
        raise CctaError(f"{model_id} is here already; it needs no adding")
    if not folder and (name.count("/") != 1 or name.startswith(("/", ".", "~"))):
        raise CctaError(
            f"{name!r} is neither a folder here nor a name of the hub (owner/name); check it"
        )
    return model_id


def _check_allowed(name: str) -> None:
    """Raises NotYoursError where an administrator who is not at this machine names a model that is
    not allowed: in the same words whether there is one or not.
    """
    if person() == LOCAL:
        return
    allowed = [each.strip() for each in os.environ.get(HUB_NAMES, "").split(",") if each.strip()]
    root = os.environ.get(FOLDERS, "")
    hub_name = name.count("/") == 1 and not name.startswith(("/", ".", "~"))
    in_root = root and Path(name).is_absolute() and _is_below(Path(name), Path(root))
    if not in_root and not (hub_name and any(fnmatchcase(name, each) for each in allowed)):
        raise NotYoursError(
            f"{name[:80]!r} is not among the models that may be added here ({HUB_NAMES} names "
            f"those of the hub, {FOLDERS} a folder); ask whoever runs this installation"
        )


def _is_below(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def remove(model_id: str) -> None:
    """Takes a model off the list; its files stay where they are."""
    refuse_if_read_only("Taking a model off the list")
    refuse_unless_administrator("Taking a model off the list")
    _change(lambda entries: [entry for entry in entries if entry["id"] != model_id])


def size_of(info: ModelInfo) -> int:
    """Returns the bytes of an adapter's files, or of an added model's weights in memory."""
    return int(info.card.get("bytes", 0)) or info.bytes


def _info(entry: Mapping[str, Any]) -> ModelInfo:
    adapter_info = read_info(Path(entry["id"]))
    if adapter_info is not None:  # an adapter's folder has its own card
        return replace(adapter_info, id=entry["id"])
    where = "the folder" if Path(entry["id"]).is_absolute() else "the hub's"
    source = f"added by you from {where} {entry['id']}; its licence is for you to check"
    info = ModelInfo(
        id=entry["id"],
        task=entry["task"],
        training_language=None,
        labels=tuple(entry["labels"]),
        layers=tuple(entry["layers"]),
        align_layer=entry["align_layer"],
        revision=entry["revision"],
        card={"bytes": entry["bytes"], "source": source},
        outputs=entry.get("outputs", CLASSES),
    )
    # An earlier version knew a model by less than its files: what it kept is not to be trusted.
    is_file_hash = info.revision.startswith(FILES)
    present = present_revision(info) if is_file_hash else "not read yet"
    if present in (None, info.revision):
        return info
    changed = (
        f"the files of {info.id} are not known to be those that were added (revision "
        f"{info.revision} then, {present} now): add it again"
    )
    return replace(info, labels=(), revision=present, card={**info.card, CHANGED: changed})


def present_revision(info: ModelInfo, space: str = "") -> str | None:
    """Returns the revision of a model's files as they are now, with its maps where the space needs
    them.

    None where the files are not on this machine, or can't be read: loading says what is wrong.
    """
    model_id, drawn = split_twin(info.id)
    if info.folder is not None:
        present = read_info(info.folder)
        if present is None:
            return None
        revision, files = present.revision, present.files
    else:
        try:
            place = local_place(model_id)
            if place is None:
                return None
            revision, files = place.revision(), {}
        except CctaError:
            return None
    return with_maps(revision if drawn is None else twin_revision(revision, drawn), files, space)


def _entries() -> list[dict[str, Any]]:
    path = cache_root() / FILE
    try:
        return list(json.loads(path.read_text("utf-8"))["models"])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} can't be read ({error}); restore it, or delete it and add the models again"
        ) from error


def _change(update: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Puts what `update` makes of the list in its place; several servers may do so at once."""
    path = cache_root() / FILE
    try:
        with one_at_a_time(path), whole_file(path) as file:
            entries = update(_entries())
            file.write((json.dumps({"models": entries}, indent=1) + "\n").encode())
    except OSError as error:
        raise CctaError(f"{path} can't be written ({error.strerror}); free it and retry") from error
