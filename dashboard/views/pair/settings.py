"""How a pair is measured and drawn: the settings of the Pair page, checked; no Streamlit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from ccta_core.attribution.methods import METHODS
from ccta_core.config import BASELINES, MASSES, PRECISIONS, RATHER_THAN, SPACES, Config
from ccta_core.models.catalog import CLASSES, SCORES, ModelInfo
from ccta_core.text import read_decimal
from dashboard.fields import Field, one_of, shown, whole

AUTO = "auto"
VIEWS = ("signed", "mass")
UNITS = ("words", "subwords")
MOST_RIBBON = 10.0
"""Percent of the mass: ribbons above this are always drawn."""
MEASURED = (
    "method", "baseline", "space", "align_layer", "mass", "target_class", "shuffles", "seed",
    "precision",
)  # fmt: skip
"""The fields of Config that the page sets beside the layer."""
_MOST_CONTRASTS = 12
_SHORT = {"align_layer": "align", "target_class": "target"}
"""Fields of Config that have another name in the address."""
NAMES = (*(_SHORT.get(name, name) for name in MEASURED), "view", "units", "ribbons")
"""The settings, as the address names them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a pair is measured (`config`, at whatever layer) and how it is drawn.

    `ribbons` is the least percent of the mass a drawn ribbon carries, None for those that carry
    most of it.
    """

    config: Config = field(default_factory=Config)
    view: str = VIEWS[0]
    units: str = UNITS[0]
    ribbons: float | None = None

    def values(self) -> dict[str, Any]:
        """Every setting by its name in the address, as its widget holds it."""
        measured = {_SHORT.get(name, name): getattr(self.config, name) for name in MEASURED}
        align = self.config.align_layer
        measured["align"] = AUTO if align is None else str(align)
        return measured | {"view": self.view, "units": self.units, "ribbons": self.ribbons}

    def query(self) -> dict[str, str]:
        """What differs from the defaults, as the address has it."""
        usual = Settings().values()
        changed = {name: value for name, value in self.values().items() if value != usual[name]}
        return {
            name: f"{value:g}" if isinstance(value, float) else str(value)
            for name, value in changed.items()
        }


def of_study(config: Mapping[str, Any], task: str, gold: str | None) -> Settings:
    """The settings with which a study measured an item: what its gold label, if any, explains."""
    target = gold or ("auto" if task == "qa" else "each")
    measured = {name: config[name] for name in MEASURED if name in config}
    return Settings(Config(**{**measured, "target_class": target}))


def setting_fields(info: ModelInfo) -> dict[str, Field]:
    """The settings by their names in the address, with what a model's can be."""
    usual = Settings().values()
    options = {
        "method": METHODS, "baseline": BASELINES, "space": SPACES, "align": aligns(info),
        "mass": MASSES, "target": targets(info), "precision": PRECISIONS, "view": VIEWS,
        "units": UNITS,
    }  # fmt: skip
    numbers = {"shuffles": (0, 999), "seed": (0, 2**32 - 1)}
    fields = [one_of(name, choices, usual[name]) for name, choices in options.items()]
    fields += [whole(name, *limits, usual[name]) for name, limits in numbers.items()]
    fields.append(Field("ribbons", None, _read_ribbons, limits=(0.0, MOST_RIBBON)))
    return {setting.name: setting for setting in fields}


def read_settings(raw: Mapping[str, str], info: ModelInfo) -> tuple[Settings, list[str]]:
    """The nearest settings there are, and a sentence for each that had to be replaced.

    A class or layer that the model does not have becomes "auto" in silence: it was chosen for
    another one.
    """
    values, problems = Settings().values(), []
    for name, setting in setting_fields(info).items():
        if name not in raw:
            continue
        try:
            values[name] = setting.read(raw[name])
        except ValueError as error:
            if name not in ("target", "align"):
                problems.append(f"{name}={shown(raw[name])}: expected {error}; showing the usual.")
    # What the method does not have is left at its default: equal results have equal settings.
    if values["baseline"] not in baselines(values["method"]):
        values["baseline"] = Config().baseline
    if values["mass"] not in masses(values["method"]):
        values["mass"] = Config().mass
    align = values["align"]
    measured = {name: values[_SHORT.get(name, name)] for name in MEASURED}
    config = Config(**{**measured, "align_layer": None if align == AUTO else int(align)})
    return Settings(config, values["view"], values["units"], values["ribbons"]), problems


def targets(info: ModelInfo) -> tuple[str, ...]:
    """What of a model's output can be explained: its classes, one of them rather than another, or
    its types of names.
    """
    if info.task == "qa":
        return ("auto", "each")
    if info.task == "ner":
        kinds = {label.partition("-")[2] or label for label in info.labels if label != "O"}
        return ("auto", "each", *sorted(kinds))
    if info.outputs == SCORES:
        return ("auto", *info.labels) if len(info.labels) > 1 else ("auto",)
    pairs = permutations(info.labels, 2) if info.outputs == CLASSES else ()
    contrasts = [f"{label}{RATHER_THAN}{other}" for label, other in pairs]
    # Of many classes the menu names no pairs: the command line and Python have them.
    return ("auto", "each", *info.labels, *(contrasts if len(contrasts) <= _MOST_CONTRASTS else ()))


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


def _read_ribbons(text: str) -> float | None:
    if text == AUTO:
        return None
    try:
        return round(read_decimal(text, 0, MOST_RIBBON), 1)
    except ValueError:
        raise ValueError(f"auto, or 0 to {MOST_RIBBON:g} (percent of the mass)") from None
