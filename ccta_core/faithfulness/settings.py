"""What is measured, on which items, and how exactly; loads no torch."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ccta_core.attribution.methods import traits
from ccta_core.config import Config
from ccta_core.errors import CctaError
from ccta_core.sensitivity.settings import Setting, grid
from ccta_core.types import ParallelExample

ROWS = 1
"""Version of the rows that are kept: raised when their meaning changes."""
REPLACEMENTS = ("pad", "mask")
TARGETS = ("each", "gold")
RANDOM, LENGTH, POSITION = "random", "word length", "position"
CONTROLS = (RANDOM, LENGTH, POSITION)
"""Rankings that ignore the model: random ones, the longest unit first, the text's own order."""
FEWEST_ITEMS = 3
_MOST_EXACT = 14


@dataclass(frozen=True, slots=True)
class Search:
    """How the best and the worst order are looked for.

    All orders are compared of a text of at most `exact` units; of longer ones a beam of `width`
    sets of removed units is kept.
    """

    width: int = 3
    exact: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 1000:
            raise CctaError(f"the beam is {self.width} wide; expected 1 to 1000")
        if not 1 <= self.exact <= _MOST_EXACT:
            raise CctaError(
                f"all orders of {self.exact} units take 2^{self.exact} evaluations; "
                f"expected 1 to {_MOST_EXACT}"
            )


@dataclass(frozen=True, slots=True)
class Noise:
    """Gaussian noise on a layer's states: its SD as a share of their root mean square; 0 = none."""

    scale: float = 0.0
    draws: int = 3

    def __post_init__(self) -> None:
        if not 0 <= self.scale <= 1:
            raise CctaError(f"the noise is {self.scale} of the states; expected 0 to 1")
        if not 1 <= self.draws <= 100:
            raise CctaError(f"{self.draws} draws of noise; expected 1 to 100")


@dataclass(frozen=True, slots=True)
class FaithfulnessDesign:
    """What is measured: these items in these languages, under these settings.

    `config` has what does not vary (objective, quadrature, seed); `target` is `each` (what the
    model predicts of each sentence) or `gold` (the item's label, an answer or words in focus);
    `draws` is how many random rankings stand beside the others; `corpus` says where the items
    come from.
    """

    items: tuple[ParallelExample, ...]
    languages: tuple[str, ...]
    settings: tuple[Setting, ...]
    config: Config = field(default_factory=Config)
    target: str = "each"
    replacements: tuple[str, ...] = ("pad",)
    draws: int = 3
    search: Search = field(default_factory=Search)
    noise: Noise = field(default_factory=Noise)
    corpus: str = ""

    def __post_init__(self) -> None:
        if len(self.items) < FEWEST_ITEMS:
            raise CctaError(
                f"{len(self.items)} items are too few for an interval; expected {FEWEST_ITEMS} or "
                "more"
            )
        if not self.settings:
            raise CctaError("no setting was given; expected at least one")
        if not self.languages:
            raise CctaError("no language was given; expected for example en,es")
        if not 1 <= self.draws <= 1000:
            raise CctaError(f"{self.draws} random rankings; expected 1 to 1000")
        for item in self.items:
            for lang in self.languages:
                if lang not in item.sentences:
                    raise CctaError(
                        f"item {item.id} has no {lang!r}; expected some of: "
                        + " ".join(item.sentences)
                    )

    def facts(self, model: str, revision: str) -> Mapping[str, Any]:
        """Everything that decides a row, as plain numbers and strings."""
        texts = [
            [item.id, item.group, item.label, *(item.sentences[lang].identity for lang in langs)]
            for langs in [self.languages]
            for item in self.items
        ]
        digest = hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()
        return {
            "rows": ROWS,
            "model": model,
            "revision": revision,
            "items": digest,
            "languages": list(self.languages),
            "settings": [str(setting) for setting in self.settings],
            "config": self.config.fingerprint,
            "target": self.target,
            "replacements": list(self.replacements),
            "draws": self.draws,
            "search": asdict(self.search),
            "noise": asdict(self.noise),
        }


def settings_of(
    methods: Sequence[str], layers: Sequence[int], baselines: Sequence[str], masses: Sequence[str]
) -> tuple[Setting, ...]:
    """Every combination that means something, as `grid` makes them, and no other.

    Raises CctaError on an unknown method, and on one that none of the masses or baselines is for.
    """
    settings = tuple(
        setting
        for setting in grid(methods, layers, baselines, masses)
        if setting.method in methods
        and setting.layer in layers
        and setting.baseline in (None, *baselines)
        and setting.mass in masses
    )
    for name in methods:
        if any(setting.method == name for setting in settings):
            continue
        method_traits = traits(name)
        if method_traits.baselines and not set(baselines) & set(method_traits.baselines):
            raise CctaError(
                f"{name} has no baseline {', '.join(baselines)}; expected one of: "
                f"{', '.join(method_traits.baselines)}"
            )
        expected = [
            "abs",
            *["positive", "negative"] * method_traits.signed,
            *["norm"] * method_traits.vectors,
        ]
        raise CctaError(
            f"{name} has no mass {', '.join(masses)}; expected one of: {', '.join(expected)}"
        )
    return settings
