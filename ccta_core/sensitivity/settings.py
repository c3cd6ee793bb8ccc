"""Which settings are compared, and on which items; loads no torch."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from ccta_core.attribution.methods import traits
from ccta_core.config import Config
from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample

TARGETS = ("gold", "source")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to compute masses; `baseline` is None for methods that start from nothing."""

    method: str
    layer: int
    baseline: str | None
    mass: str

    def __str__(self) -> str:
        parts = (self.method, f"layer {self.layer}", self.baseline, self.mass)
        return " ".join(part for part in parts if part)


REFERENCE = Setting("lig", Config().layer, Config().baseline, Config().mass)
"""What every other setting is compared with: the defaults."""


@dataclass(frozen=True, slots=True)
class SensitivityDesign:
    """What is measured: these items, in these pairs of languages, under these settings.

    `config` has everything that does not vary (space, objective, quadrature, shuffles, seed);
    `target` is `gold` (the item's label) or `source` (the source's predicted class); `corpus` says
    where the items come from.
    """

    items: tuple[ParallelExample, ...]
    pairs: tuple[Pair, ...]
    settings: tuple[Setting, ...]
    config: Config = field(default_factory=Config)
    target: str = "gold"
    corpus: str = ""

    def __post_init__(self) -> None:
        if len(self.items) < 3:
            raise CctaError(f"{len(self.items)} items can't be ranked; expected 3 or more")
        if not self.settings:
            raise CctaError("no setting was given; expected at least the reference")
        if not self.pairs:
            raise CctaError("no pair of languages was given; expected for example en-es")
        for item in self.items:
            for lang in sorted({lang for pair in self.pairs for lang in pair}):
                if lang not in item.sentences:
                    raise CctaError(
                        f"item {item.id} has no {lang!r}; expected one of: "
                        + " ".join(item.sentences)
                    )


def grid(
    methods: Sequence[str], layers: Sequence[int], baselines: Sequence[str], masses: Sequence[str]
) -> tuple[Setting, ...]:
    """Every combination that means something, the reference first whether asked for or not.

    A method without a baseline stands once for all of them, one without a sign has only the mass
    `abs`, one without vectors no `norm`. Raises CctaError on an unknown method.
    """
    settings = {REFERENCE: None}
    for name in methods:
        method_traits = traits(name)
        starts = [kind for kind in baselines if kind in method_traits.baselines]
        kinds = [mass for mass in masses if _means_something(name, mass)]
        for layer in layers:
            for baseline in starts if method_traits.baselines else [None]:
                settings |= dict.fromkeys(Setting(name, layer, baseline, mass) for mass in kinds)
    return tuple(settings)


def run_config(settings: Sequence[Setting], config: Config) -> Config:
    """The config of one run of a method for settings that differ in their mass alone.

    Vectors are computed only where a mass needs them.
    """
    first = settings[0]
    return replace(
        config,
        method=first.method,
        layer=first.layer,
        baseline=first.baseline or config.baseline,
        mass="norm" if any(setting.mass == "norm" for setting in settings) else "abs",
    )


def _means_something(method: str, mass: str) -> bool:
    method_traits = traits(method)
    if mass == "norm":
        return method_traits.vectors
    return mass == "abs" or method_traits.signed


def spread(items: Sequence[ParallelExample], limit: int) -> tuple[ParallelExample, ...]:
    """`limit` items from as many groups as possible, the items of a group taken in rotation.

    Items of one group share a premise: twelve items of twelve premises say more than twelve of
    four. The rotation lets the labels take turns.
    """
    groups: dict[str, list[ParallelExample]] = defaultdict(list)
    for item in items:
        groups[item.group].append(item)
    turned = [
        members[number % len(members) :] + members[: number % len(members)]
        for number, members in enumerate(groups.values())
    ]
    rounds = zip_longest(*turned)
    chosen = [item for taken in rounds for item in taken if item is not None][:limit]
    wanted = {item.id for item in chosen}
    return tuple(item for item in items if item.id in wanted)
