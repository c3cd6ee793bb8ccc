"""Holds everything that decides a result in one frozen value: the only source of cache keys."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ccta_core.errors import CctaError

SCHEMA = 3
"""Version of results and their keys: raised when a result's meaning changes."""

METHODS = ("lig", "input_x_gradient", "gradient_norm", "occlusion", "rollout", "captum")
SPACES = ("centered", "none", "procrustes")
BASELINES = ("pad", "mask", "zero")
OBJECTIVES = ("logit", "margin")
MASSES = ("abs", "positive", "negative", "norm")
PRECISIONS = ("fp32", "bf16")
RULES = ("adaptive", "gauss", "midpoint")
RATHER_THAN = " rather than "
"""Stands between two classes where what is explained is the margin of the first over the second."""


@dataclass(frozen=True, slots=True)
class Quadrature:
    """The settings of the path integral's quadrature (docs/method.md, 2).

    `adaptive` refines where the integrand moves until the bound on the L1 error of the unit masses
    (|a| / sum |a|, 90% coverage) is at most `tolerance`, or `max_points` are used; `gauss`
    (Gauss-Legendre) and `midpoint` take exactly `points` points.
    """

    rule: str = "adaptive"
    tolerance: float = 0.02
    points: int = 50
    max_points: int = 257

    def __post_init__(self) -> None:
        _one_of("rule", self.rule, RULES)
        if not 0 < self.tolerance < 1:
            raise CctaError(
                f"the tolerance of the masses is {self.tolerance}; expected a number between 0 "
                "and 1, such as 0.02"
            )
        if not 1 <= self.points <= 4096 or not 9 <= self.max_points <= 4097:
            raise CctaError("quadrature: 1 to 4096 points, and at least 9 for max_points")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one comparison.

    `layer` 0 is the embedding output, 1..L the encoder layers; `align_layer` None takes the model's
    own; `target_class` is a label, "A rather than B" (the margin of one class over another), "auto"
    (compare: the source's prediction; attribute: each sentence's own) or "each" (each side its own
    prediction). Of a question it is "auto" (the answer in focus, else the predicted one) or "each"
    (the predicted one); of tags also an entity type (LOC) or one tag (B-LOC).
    `shuffles` are exactly so many in a study; a pair draws more while its p is near .05, and
    measures all arrangements where they are few.
    """

    layer: int = 0
    align_layer: int | None = None
    space: str = "centered"
    baseline: str = "pad"
    objective: str = "logit"
    mass: str = "abs"
    target_class: str = "auto"
    shuffles: int = 99
    unrelated: int = 5
    seed: int = 0
    precision: str = "fp32"
    quadrature: Quadrature = field(default_factory=Quadrature)
    method: str = "lig"

    def __post_init__(self) -> None:
        _one_of("method", self.method, METHODS)
        _one_of("space", self.space, SPACES)
        _one_of("baseline", self.baseline, BASELINES)
        _one_of("objective", self.objective, OBJECTIVES)
        _one_of("mass", self.mass, MASSES)
        _one_of("precision", self.precision, PRECISIONS)
        if not 0 <= self.shuffles <= 9999:
            raise CctaError(f"shuffles is {self.shuffles}; expected 0 to 9999")
        if not 0 <= self.unrelated <= 100:
            raise CctaError(f"unrelated is {self.unrelated}; expected 0 to 100")
        if not 0 <= self.seed < 2**32:
            raise CctaError(f"seed is {self.seed}; expected 0 to {2**32 - 1}")

    @property
    def fingerprint(self) -> str:
        """A hash of every setting and the schema's version."""
        facts = json.dumps([SCHEMA, asdict(self)], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def with_layer(self, layer: int) -> "Config":
        """Returns the same settings at another layer."""
        return replace(self, layer=layer)


_COPY = Path(__file__).parents[1]
_IS_COPY = (_COPY / "pyproject.toml").is_file()
"""Whether this is a working copy, and no package that was installed from a wheel."""


def cache_root() -> Path:
    """Returns the cache folder: $CCTA_CACHE, cache/ of a working copy, or of an installed package
    $XDG_CACHE_HOME/ccta (~/.cache/ccta).
    """
    if chosen := os.environ.get("CCTA_CACHE"):
        return Path(chosen)
    if _IS_COPY:
        return _COPY / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ccta"


def shipped(kind: str) -> Path:
    """Returns the folder of what ships precomputed, `pairs`, `studies` or `adjustment`: in cache/
    of a working copy, and in the package where it was installed from a wheel (setup.py).
    """
    return (_COPY / "cache" if _IS_COPY else Path(__file__).parent / "shipped") / kind


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise CctaError(f"unknown {name} {value!r}; expected one of: {', '.join(choices)}")
