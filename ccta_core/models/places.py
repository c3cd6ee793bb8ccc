"""Finds a model's files in a folder or in a snapshot of the hub, and the base of an adapter.

All files of a model are read from one folder, so that its revision is that of what was loaded. For
a hub model that is one snapshot in the hub's local cache: its commit alone would not tell which of
its files were there. No torch.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccta_core.errors import CctaError, DamagedFileError, ModelUnavailableError
from ccta_core.models.identity import (
    ADAPTER,
    ADAPTER_CONFIG,
    PICKLED,
    PICKLED_ADAPTER,
    SAFE,
    backbone_revision,
    folder_revision,
    parts_of,
)

EMBEDDED_ID = "e5-small"
_SAFE_FILES = [
    "*.json", "*vocab*", "merges*", "*.model", "*.bpe", "*.codes", "*.tiktoken", "dict.txt",
    SAFE, "model-*-of-*.safetensors", ADAPTER,
]  # fmt: skip
_PICKLED_FILES = [PICKLED, "pytorch_model-*-of-*.bin", PICKLED_ADAPTER]


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """A model as a person names it, and the folder with its files."""

    name: str
    folder: Path

    def __str__(self) -> str:
        return self.name

    def file(self, name: str) -> Path | None:
        """Returns the path of a file, None where the model has none of this name."""
        path = self.folder / name
        return path if path.is_file() else None

    @property
    def is_whole(self) -> bool:
        """Whether there are weights of a whole model, and not an adapter alone."""
        names = (SAFE, f"{SAFE}.index.json", PICKLED, f"{PICKLED}.index.json")
        return any(self.file(name) for name in names)

    @property
    def is_adapter(self) -> bool:
        """Whether an adapter in PEFT's format lies here."""
        return self.file(ADAPTER_CONFIG) is not None

    def revision(self) -> str:
        """Returns a hash over all that decides the model's predictions, an adapter's base among it.

        Raises CctaError where a file can't be read or the base is not here.
        """
        base = None
        if self.is_adapter:
            base_place = base_of(self, local=True)
            if base_place is None:
                base = backbone_revision()
            else:
                base = None if base_place.folder == self.folder else base_place.revision()
        return folder_revision(self.folder, base=base)


def folder_named(name: str) -> Path | None:
    """Returns the folder that a name or a path is, `~` at its beginning the user's own; None where
    it is none.
    """
    try:
        folder = Path(name).expanduser()
        return folder if name and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # too long a name, an unknown ~user, a NUL
        return None


def fetch(name: str, revision: str | None = None) -> ModelPlace:
    """Returns the folder of that name, or the hub model's snapshot, downloaded where it is not
    here.

    Raises ModelUnavailableError where there is neither.
    """
    if folder := folder_named(name):
        return ModelPlace(name, folder)
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=_SAFE_FILES))
        place = ModelPlace(name, folder)
        if not any(folder.glob("*.safetensors")):
            snapshot_download(name, revision=revision, allow_patterns=_PICKLED_FILES)
        parts = {part for index in folder.glob("*.index.json") for part in parts_of(index)}
        missing = sorted(part for part in parts if not place.file(part))
        if missing and place.file(SAFE) is None and place.file(PICKLED) is None:
            snapshot_download(name, revision=revision, allow_patterns=missing)
    except CctaError:
        raise
    except (OSError, ValueError) as error:
        raise unavailable(name) from error
    return place


def local_place(name: str, revision: str | None = None) -> ModelPlace | None:
    """Returns what `fetch` would give without a network; None where the model is not on this
    machine.
    """
    if folder := folder_named(name):
        return ModelPlace(name, folder)
    if name.count("/") > 1 or name.startswith(("/", ".", "~")):
        return None
    from huggingface_hub import try_to_load_from_cache

    for file in ("config.json", ADAPTER_CONFIG):
        try:
            path = try_to_load_from_cache(name, file, revision=revision)
        except ValueError:  # no name of the hub
            return None
        if isinstance(path, str):
            return ModelPlace(name, Path(path).parent)
    return None


def unavailable(name: str) -> ModelUnavailableError:
    """Returns the error for a model that is nowhere."""
    return ModelUnavailableError(
        f"{name} can't be loaded: neither a whole local folder nor reachable on the hub; check the "
        "name and the network, or give a folder with config.json, model.safetensors and "
        "tokenizer.json"
    )


def adapter_settings(place: ModelPlace) -> dict[str, Any]:
    """Reads adapter_config.json. Raises DamagedFileError where it can't be read."""
    path = place.folder / ADAPTER_CONFIG
    try:
        settings = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path} can't be read ({error}); restore it") from error
    if not isinstance(settings, dict):
        raise DamagedFileError(f"{path} holds no settings; restore it")
    return settings


def base_of(place: ModelPlace, *, local: bool = False) -> ModelPlace | None:
    """Returns the model that the adapter in this place is laid over; None for the embedded
    backbone.

    adapter_config.json names it: our `e5-small`, a folder (also relative to the adapter's own, or
    to the present one), or a model of the hub. `local`: nothing is downloaded. Raises CctaError
    where the adapter names none, another one than the whole model that lies beside it, a second
    adapter, or one that is nowhere.
    """
    settings = adapter_settings(place)
    named = settings.get("base_model_name_or_path")
    if not isinstance(named, str) or not named.strip():
        raise CctaError(
            f"{place} is an adapter that does not say which model it belongs to; name it as "
            f"base_model_name_or_path in {ADAPTER_CONFIG}"
        )
    base = None if named == EMBEDDED_ID else _find_base(place, named, settings, local=local)
    if base is not None and base.folder.resolve() == place.folder.resolve():
        base = place
    if place.is_whole and base is not place:
        raise CctaError(
            f"{place} holds a whole model and beside it an adapter for another one, {named!r}: "
            "nobody can tell which is meant; keep each in a folder of its own, or, where the "
            f'adapter belongs to the model beside it, set base_model_name_or_path to "." in '
            f"{ADAPTER_CONFIG}"
        )
    if base is not None and not base.is_whole and base.is_adapter:
        raise CctaError(
            f"{place} is an adapter for {named!r}, which is an adapter itself; merge that one with "
            "PEFT into a whole model first"
        )
    return base


def _find_base(
    place: ModelPlace, named: str, settings: dict[str, Any], *, local: bool
) -> ModelPlace | None:
    # As a person writes a path beside the adapter, then as PEFT reads it: from the present folder.
    for folder in (place.folder / named, Path(named)):
        if (folder / "config.json").is_file() or (folder / ADAPTER_CONFIG).is_file():
            return ModelPlace(named, folder)
    revision = settings.get("revision")
    try:
        base = local_place(named, revision) if local else fetch(named, revision)
    except ModelUnavailableError:
        base = None
    if base is None:
        here = f"; the embedded {EMBEDDED_ID} is a 4-bit copy of it, with other weights" * (
            named == "intfloat/multilingual-e5-small"
        )
        raise ModelUnavailableError(
            f"{place} is an adapter for the model {named!r}, which is neither a folder here nor "
            f"reachable on the hub{here}; bring it here, or set base_model_name_or_path in "
            f"{ADAPTER_CONFIG} to its folder"
        )
    return base
