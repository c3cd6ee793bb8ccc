"""Products with frozen weights in float32, by oneDNN on processors on which MKL is slow.

PyTorch multiplies float32 matrices by MKL, which takes AVX2 on AMD's processors even where they
have AVX-512. oneDNN takes what there is: on such a machine a linear layer and its backward pass
were measured at .42 to .60 of the time, from 40 to 1,500 rows (docs/decisions/0005).
"""

from typing import Any

import torch
from torch.nn import Linear, Module

from ccta_core.models.processor import mkl_is_slow

_LARGE = 128 * 128
"""Weights of at least so many entries; below, what a call costs is more than what it saves."""


def use_quick_products(model: Module) -> None:
    """Lets the linear layers of `model` multiply by oneDNN where MKL is slow; its weights are
    frozen. Elsewhere nothing is changed.
    """
    if not (mkl_is_slow() and torch.backends.mkldnn.is_available()):
        return
    for module in model.modules():
        if type(module) is Linear and module.weight.numel() >= _LARGE:
            module.__class__ = OneDnnLinear


class OneDnnLinear(Linear):
    """A linear layer that multiplies by oneDNN where that is the same product: in float32, on the
    processor, with a weight that learns nothing. Else it is PyTorch's.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Returns input @ weight' + bias. Shape: (..., in) -> (..., out)."""
        plain = type(input) is torch.Tensor and type(self.weight) is torch.nn.Parameter
        if not (
            plain
            and input.dtype == self.weight.dtype == torch.float32
            and input.device.type == self.weight.device.type == "cpu"
            and not torch.is_autocast_enabled("cpu")
            and not self.weight.requires_grad
            and (self.bias is None or not self.bias.requires_grad)
        ):
            return super().forward(input)
        if input.requires_grad and torch.is_grad_enabled():
            output: torch.Tensor = _Product.apply(input, self.weight, self.bias)
            return output
        return _multiply(input, self.weight, self.bias)


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
