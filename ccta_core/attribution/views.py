"""A model's modules once more over the same weights: for own hooks and own settings."""

import copy
from typing import TypeVar

from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def own_modules(model: Module) -> Module:
    """A copy of every module and of the configuration that shares every parameter and buffer.

    Hooks and settings of the copy never reach the original, which other threads may be using.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
