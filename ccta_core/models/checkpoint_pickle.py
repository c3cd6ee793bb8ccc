"""Reads older weights (pytorch_model.bin) by torch's restricted reader: tensors and nothing
else.
"""

import json
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models.identity import parts_of

FILE = "pytorch_model.bin"
INDEX = "pytorch_model.bin.index.json"

_INSTEAD = "use a checkpoint with model.safetensors, or convert it where you trust its author"


def read_pickled(path: Path) -> dict[str, torch.Tensor]:
    """Reads the tensors of a pickled checkpoint, by name; no code in it is run.

    Raises CctaError where the pickle holds more than tensors, DamagedFileError where it can't be
    read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle's age: the notice says it
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CctaError(
            f"{path} holds more than tensors and was not run (a pickle may run code); {_INSTEAD}"
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        raise DamagedFileError(
            f"{path} is not a whole PyTorch checkpoint ({_line(error)}); download it again"
        ) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise CctaError(f"{path} is not a table of named tensors; {_INSTEAD}")
    return dict(state)


def read_parts(index: Path, fetch: Callable[[str], Path | None]) -> dict[str, torch.Tensor]:
    """Reads the tensors of a checkpoint in several files, named by its index.

    Raises DamagedFileError where the index or one of its files is not there or not whole.
    """
    try:
        json.loads(index.read_text("utf-8"))["weight_map"].values()
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise DamagedFileError(
            f"{index} is not an index of weights ({_line(error)}); download it again"
        ) from error
    state = {}
    for name in sorted(parts_of(index)):
        path = fetch(name)
        if path is None:
            raise DamagedFileError(f"{index} names {name}, which is not there; download it again")
        state.update(read_pickled(path))
    return state


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:120]
