"""How a pair is measured and drawn: read from the address, written to it, defaults left out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ccta_core.attribution.methods import METHODS
from ccta_core.config import BASELINES, MASSES, PRECISIONS, SPACES, Config
from ccta_core.models.catalog import SCORES, ModelInfo
from ccta_core.text import read_decimal, read_whole

AUTO = "auto"
VIEWS = ("signed", "mass")
UNITS = ("words", "subwords")
MOST_RIBBON = 10.0
"""Percent of the mass: ribbons above this are always drawn."""
_RANGES = {"shuffles": (0, 999), "seed": (0, 2**32 - 1)}
_KNOWN: Mapping[str, Collection[str]] = {
    "method": tuple(METHODS),
    "baseline": BASELINES,
    "space": SPACES,
    "precision": PRECISIONS,
    "mass": MASSES,
    "view": VIEWS,
    "units": UNITS,
}
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one can set beside model, item, languages and layer.

    `align` is the layer whose embeddings are compared, "auto" for the model's own; `target` a class
    or tag, "auto" (the source's prediction) or "each"; `ribbons` the least percent of the mass a
    drawn ribbon carries, None for those that carry most of it.
    """

    method: str = "lig"
    baseline: str = "pad"
    space: str = "centered"
    align: str = AUTO
    mass: str = "abs"
    target: str = "auto"
    shuffles: int = 99
    seed: int = 0
    precision: str = "fp32"
    view: str = "signed"
    units: str = "words"
    ribbons: float | None = None

    def query(self) -> dict[str, str]:
        """What differs from the defaults, as the address has it."""
        values = {item.name: (getattr(self, item.name), item.default) for item in fields(self)}
        return {name: _text(value) for name, (value, usual) in values.items() if value != usual}

    def config(self, layer: int) -> Config:
        """The comparison's settings at a layer."""
        return Config(
            layer=layer,
            method=self.method,
            baseline=self.baseline,
            align_layer=None if self.align == AUTO else int(self.align),
            space=self.space,
            mass=self.mass,
            target_class=self.target,
            shuffles=self.shuffles,
            seed=self.seed,
            precision=self.precision,
        )


NAMES = tuple(item.name for item in fields(Settings))
"""The settings, as the address names them."""


def of_study(config: Mapping[str, Any], task: str, gold: str | None) -> Settings:
    """The settings with which a study measured an item: what its gold label, if any, explains."""
    own = ("method", "baseline", "space", "mass", "shuffles", "seed", "precision")
    target = gold or ("auto" if task == "qa" else "each")
    align = config.get("align_layer")
    return Settings(
        target=target,
        align=AUTO if align is None else str(align),
        **{name: config[name] for name in own if name in config},
    )


def read_settings(wanted: Mapping[str, str], info: ModelInfo) -> tuple[Settings, list[str]]:
    """The nearest settings there are, and a sentence for each that had to be replaced.

    A class or layer that the model does not have becomes "auto" in silence: it was chosen for
    another one.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name in NAMES:
        if name not in wanted or name in ("target", "align"):
            continue
        try:
            found[name] = _read(name, wanted[name])
        except ValueError as error:
            problems.append(f"{name}={_shown(wanted[name])}: expected {error}; showing the usual.")
    for name, known in (("target", targets(info)), ("align", aligns(info))):
        found[name] = wanted[name] if wanted.get(name) in known else AUTO
    return _fitting(Settings(**found)), problems


def targets(info: ModelInfo) -> tuple[str, ...]:
    """What of a model's output can be explained: its classes, or its types of names."""
    if info.task == "qa":
        return ("auto", "each")
    if info.task == "ner":
        kinds = {label.partition("-")[2] or label for label in info.labels if label != "O"}
        return ("auto", "each", *sorted(kinds))
    if info.outputs == SCORES:
        return ("auto", *info.labels) if len(info.labels) > 1 else ("auto",)
    return ("auto", "each", *info.labels)


def aligns(info: ModelInfo) -> tuple[str, ...]:
    """The layers whose embeddings can be compared, and "auto" for the model's own."""
    return (AUTO, *map(str, info.layers))


def baselines(method: str) -> tuple[str, ...]:
    """What a method's attribution can start from; none where it compares with nothing."""
    return METHODS[method].baselines


def masses(method: str) -> tuple[str, ...]:
    """What of a method's attribution can be the mass."""
    traits = METHODS[method]
    if not traits.signed:
        return ("abs",)
    return MASSES if traits.vectors else tuple(name for name in MASSES if name != "norm")


def _fitting(settings: Settings) -> Settings:
    """Without what the method does not have: then equal results have equal settings."""
    values = {name: getattr(settings, name) for name in NAMES}
    if settings.baseline not in baselines(settings.method):
        values["baseline"] = "pad"
    if settings.mass not in masses(settings.method):
        values["mass"] = "abs"
    return Settings(**values)


def _read(name: str, text: str) -> Any:
    if name == "ribbons":
        return _ribbons(text)
    if name in _RANGES:
        return read_whole(text, *_RANGES[name])
    if text not in _KNOWN[name]:
        raise ValueError(f"one of {', '.join(_KNOWN[name])}")
    return text


def _ribbons(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        return round(read_decimal(text, 0, MOST_RIBBON), 1)
    except ValueError:
        raise ValueError(f"auto, or 0 to {MOST_RIBBON:g} (percent of the mass)") from None


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown(text: str) -> str:
    return ascii(text) if len(text) <= _SHOWN else ascii(text[:_SHOWN]) + "…"
