"""The attribution methods by name, and what a caption must know of each; loads no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from ccta_core.errors import CctaError

if TYPE_CHECKING:
    from ccta_core.attribution.protocol import Method

_EVERY_BASELINE = ("pad", "mask", "zero")


@dataclass(frozen=True, slots=True)
class Traits:
    """What a method is called and what its scores mean.

    `signed`: evidence against has negative scores. `baselines`: those it can start from, none where
    it compares with nothing. `completeness`: its scores claim to add up to F(input) - F(baseline).
    `vectors`: it has a product vector a token, so masses may be norms.
    """

    name: str
    title: str
    signed: bool
    baselines: tuple[str, ...]
    completeness: bool
    vectors: bool


_HOMES = {
    "lig": ("integrated_gradients", "layer_integrated_gradients"),
    "input_x_gradient": ("gradients", "input_x_gradient"),
    "gradient_norm": ("gradients", "gradient_norm"),
    "occlusion": ("occlusion", "occlusion"),
    "rollout": ("rollout", "attention_rollout"),
    "captum": ("captum_reference", "captum_integrated_gradients"),
}
METHODS: Mapping[str, Traits] = MappingProxyType(
    {
        traits.name: traits
        for traits in (
            Traits("lig", "layer integrated gradients", True, _EVERY_BASELINE, True, True),
            Traits("input_x_gradient", "input x gradient", True, (), False, True),
            Traits("gradient_norm", "gradient norm", False, (), False, False),
            Traits("occlusion", "occlusion of units", True, _EVERY_BASELINE, False, False),
            Traits("rollout", "attention rollout", False, (), False, False),
            Traits(
                "captum", "Captum's integrated gradients", True, _EVERY_BASELINE[:2], True, True
            ),
        )
    }
)
"""Name -> traits, the default method first."""


def traits(name: str) -> Traits:
    """Returns a method's traits.

    Raises CctaError, listing the names, where there is none of that name.
    """
    if name not in METHODS:
        raise CctaError(f"unknown method {name!r}; expected one of: {', '.join(METHODS)}")
    return METHODS[name]


def method(name: str) -> "Method":
    """Returns the method of that name; its module is loaded now.

    Raises CctaError, listing the names, where there is none of that name.
    """
    module, function = _HOMES[traits(name).name]
    attribute: Method = getattr(import_module(f"ccta_core.attribution.{module}"), function)
    return attribute
