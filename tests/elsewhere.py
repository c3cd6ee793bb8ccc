"""A device that is not the processor, without one: its tensors hold real numbers, in the
processor's memory, and refuse to meet tensors of the processor, as a GPU's do.

`_make_wrapper_subclass` gives tensors that say they are on `meta`, whose backward pass needs no
device thread; every operator is computed on what they hold. An operator that is given tensors of
both kinds raises RuntimeError, but for what PyTorch allows: a copy between devices, a number
(0 dimensions) and the indices of `index`.
"""

from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

ELSEWHERE = torch.device("meta")
_CROSSES = {"aten::_to_copy", "aten::copy_", "aten::_local_scalar_dense"}
_TAKES_INDICES = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class ElsewhereTensor(torch.Tensor):
    """A tensor that says it is elsewhere; `here` holds its numbers."""

    @staticmethod
    def __new__(cls, here):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            here.shape,
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=ELSEWHERE,
        )

    def __init__(self, here):
        self.here = here

    def __repr__(self):
        return f"ElsewhereTensor({self.here!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


def run(func, args, kwargs):
    """Computes an operator on what the tensors hold, if they are of one device."""
    name = func._schema.name
    leaves = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, torch.Tensor)]
    there = [leaf for leaf in leaves if isinstance(leaf, ElsewhereTensor)]
    if there and name not in _CROSSES:
        indexed = args[:1] if name in _TAKES_INDICES else (args, kwargs)
        for leaf in tree_flatten(indexed)[0]:
            if (
                isinstance(leaf, torch.Tensor)
                and not isinstance(leaf, ElsewhereTensor)
                and leaf.dim()
            ):
                raise RuntimeError(f"{name}: tensors of two devices, {leaf.shape} on the processor")
    device = kwargs.get("device")
    goes_there = bool(there) if device is None else torch.device(device) == ELSEWHERE
    if device is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    if name == "aten::copy_":
        goes_there = isinstance(args[0], ElsewhereTensor)
    inner = {id(leaf.here): leaf for leaf in there}
    unwrap = lambda value: tree_map_only(ElsewhereTensor, lambda t: t.here, value)  # noqa: E731
    result = func(*unwrap(args), **unwrap(kwargs))
    if not goes_there:
        return result
    return tree_map_only(
        torch.Tensor, lambda t: inner[id(t)] if id(t) in inner else ElsewhereTensor(t), result
    )


class _Operators(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


class _Constructors(TorchFunctionMode):
    """What PyTorch does for `meta` or for subclasses before it comes to an operator."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor):
            device = kwargs.pop("device", None)
            made = func(*args, **kwargs)
            return made if device is None else made.to(device)
        if func is torch.Tensor.tolist:  # of a tensor elsewhere: copied first, as PyTorch does
            return args[0].cpu().tolist() if args[0].dim() else args[0].item()
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            args = (args[0], _lists_as_tensors(args[1]), *args[2:])
        return func(*args, **kwargs)


def _lists_as_tensors(index):
    if isinstance(index, tuple):
        return tuple(_lists_as_tensors(part) for part in index)
    return torch.tensor(index) if isinstance(index, list) else index


@contextmanager
def elsewhere():
    """While it lasts, what is made on ELSEWHERE or moved there holds numbers.

    `inference_mode` is `no_grad` then: wrappers have no versions for it to leave out.
    """
    with patch.object(torch, "inference_mode", torch.no_grad), _Operators(), _Constructors():
        yield
