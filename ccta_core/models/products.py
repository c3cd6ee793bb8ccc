"""Products of matrices, as quick as the processor can: with frozen weights in float32 by oneDNN on
processors on which MKL is slow, in bfloat16 with weights that are rounded once, and in bfloat16 on
a processor that has no instructions for it in float32, rounded.

PyTorch multiplies float32 matrices by MKL, which takes AVX2 on AMD's processors even where they
have AVX-512. oneDNN takes what there is: on such a machine a linear layer and its backward pass
were measured at .42 to .60 of the time, from 40 to 1,500 rows (docs/decisions/0005).

Autocast remembers the bfloat16 form of weights that learn, and rounds those that are frozen anew in
every call. Kept, an attribution in bfloat16 took .87 to .95 of the time (same page).

Without instructions for bfloat16 PyTorch multiplies number by number: ten times the time of float32
forwards and nearly fifty backwards. A product of two bfloat16 numbers is exact in float32, and the
processors that have instructions add such products up in float32 and round the sum: so does
`RoundedProducts`, and differs by the order of the sum alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch.nn import Linear, Module
from torch.nn.functional import linear
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from ccta_core.models.processor import has_bfloat16, mkl_is_slow

_LARGE = 128 * 128
"""Weights of at least so many entries; below, what a call costs is more than what it saves."""

_aten = torch.ops.aten
_PRODUCTS = (
    *(_aten.linear, _aten.matmul, _aten.mm, _aten.addmm, _aten.mv, _aten.bmm, _aten.baddbmm),
    *(_aten.scaled_dot_product_attention, _aten._scaled_dot_product_flash_attention_for_cpu),
    _aten._scaled_dot_product_flash_attention_for_cpu_backward,
)
"""What multiplies matrices; without gradients `linear` and the like come undivided."""


@contextmanager
def matrix_precision(device: torch.device | str, *, bfloat16: bool) -> Iterator[None]:
    """Products of matrices of a forward pass in bfloat16, sums in float32; or all in float32.

    A backward pass belongs into `quick_products`, or it is slow on some processors.
    """
    kind = torch.device(device).type
    with (
        torch.autocast(kind, torch.bfloat16, enabled=bfloat16),
        quick_products(kind, bfloat16=bfloat16),
    ):
        yield


def quick_products(device: torch.device | str, *, bfloat16: bool) -> AbstractContextManager[Any]:
    """Returns a context in which products of bfloat16 matrices are as quick as the device can."""
    if bfloat16 and torch.device(device).type == "cpu" and not has_bfloat16():
        return RoundedProducts()
    return nullcontext()


class RoundedProducts(TorchDispatchMode):
    """Products of bfloat16 matrices taken in float32 and rounded, forwards and backwards; whatever
    else is computed in it is PyTorch's.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Returns what `func` returns, its bfloat16 results taken in float32."""
        kwargs = kwargs or {}
        # What is written into a tensor of the caller's (`out`) can't be taken elsewhere.
        if func.overloadpacket not in _PRODUCTS or "out" in kwargs or not _are_bfloat16(args):
            return func(*args, **kwargs)
        args, kwargs = tree_map_only(torch.Tensor, _widened, (tuple(args), kwargs))
        results = func(*args, **kwargs)
        if func.overloadpacket is _aten._scaled_dot_product_flash_attention_for_cpu:
            return results[0].bfloat16(), results[1]  # the sums' logarithms are float32 in it
        return tree_map_only(torch.Tensor, torch.Tensor.bfloat16, results)


def _are_bfloat16(args: Sequence[Any]) -> bool:
    return any(isinstance(each, torch.Tensor) and each.dtype == torch.bfloat16 for each in args)


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def use_quick_products(model: Module) -> None:
    """Lets the large linear layers of `model`, whose weights are frozen, multiply as
    `FrozenLinear`.
    """
    for module in model.modules():
        if type(module) is Linear and module.weight.numel() >= _LARGE:
            module.__class__ = FrozenLinear


class _Rounded(NamedTuple):
    """Weights in another precision, and what tells whether they still are those of the layer."""

    key: tuple[object, ...]
    weight: torch.Tensor
    bias: torch.Tensor | None


class FrozenLinear(Linear):
    """A linear layer that multiplies faster where it learns nothing and the product is the same:
    by oneDNN in float32 where MKL is slow, and under autocast with weights rounded once, which are
    kept beside the others (half their memory). Else it is PyTorch's.
    """

    _kept: _Rounded | None = None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Returns input @ weight' + bias. Shape: (..., in) -> (..., out)."""
        plain = type(input) is torch.Tensor and type(self.weight) is torch.nn.Parameter
        learns = self.weight.requires_grad or (self.bias is not None and self.bias.requires_grad)
        if not plain or learns or input.device != self.weight.device:
            return super().forward(input)
        if torch.is_autocast_enabled(input.device.type):
            rounded = self._rounded(torch.get_autocast_dtype(input.device.type))
            return linear(input.to(rounded.weight.dtype), rounded.weight, rounded.bias)
        if not (
            input.dtype == self.weight.dtype == torch.float32
            and input.device.type == "cpu"
            and mkl_is_slow()
            and torch.backends.mkldnn.is_available()
        ):
            return super().forward(input)
        if input.requires_grad and torch.is_grad_enabled():
            output: torch.Tensor = _Product.apply(input, self.weight, self.bias)
            return output
        return _multiply(input, self.weight, self.bias)

    def _rounded(self, dtype: torch.dtype) -> _Rounded:
        """The weights as autocast would round them; anew where they were changed or moved."""
        tensors = [self.weight] if self.bias is None else [self.weight, self.bias]
        key = (dtype, *((id(each), each.data_ptr(), each._version) for each in tensors))
        kept = self._kept
        if kept is None or kept.key != key:
            # Not in inference mode, or no later gradient could pass through a product with them.
            with torch.inference_mode(False), torch.no_grad():
                kept = _Rounded(
                    key,
                    self.weight.detach().to(dtype),
                    None if self.bias is None else self.bias.detach().to(dtype),
                )
            self._kept = kept
        return kept


class _Product(torch.autograd.Function):
    """x W' + b of a frozen W, whose backward pass is a product by oneDNN too."""

    @staticmethod
    def forward(
        ctx: Any, rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.weight = weight
        return _multiply(rows, weight, bias)

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return _multiply(slopes[0], ctx.weight.t(), None), None, None


def _multiply(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
        rows.contiguous(), weight, bias, "none", [], ""
    )
    return product
