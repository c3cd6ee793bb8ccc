"""Do settings that name what the model uses say something else of consistency than the others?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from ccta_core.analysis.intervals import FEW, clustered_interval
from ccta_core.config import cache_root
from ccta_core.errors import StoppedError
from ccta_core.faithfulness.report import ALL, GAP, FaithfulnessReport
from ccta_core.faithfulness.settings import FaithfulnessDesign
from ccta_core.models.model import Model
from ccta_core.sensitivity.measure import measure
from ccta_core.sensitivity.settings import SensitivityDesign
from ccta_core.store.files import key_of, read_entry, write_entry
from ccta_core.text import count, plain

_SHUFFLES = 99


@dataclass(frozen=True, slots=True, eq=False)
class Consistency:
    """EMS and its gain over shuffled masses on the items whose faithfulness was measured.

    Shape: `ems` and `gain`, by setting, (items, pairs).
    """

    groups: tuple[str, ...]
    pairs: tuple[str, ...]
    ems: Mapping[str, np.ndarray]
    gain: Mapping[str, np.ndarray]


def consistency(
    model: Model,
    design: FaithfulnessDesign,
    report: Callable[[str], None],
    stop: Callable[[], bool],
) -> Consistency:
    """Measures every setting of a design, English against the other languages; kept in the cache.

    The class explained is what the model predicts of the English text. Raises StoppedError.
    """
    first, *others = design.languages
    root, key = (
        cache_root() / "faithfulness",
        key_of("gain", design.facts(model.id, model.revision)),
    )
    stored = read_entry(root, key)
    if stored is None and stop():
        raise StoppedError
    if stored is None:
        plan = SensitivityDesign(
            items=design.items,
            pairs=tuple((first, other) for other in others),
            settings=design.settings,
            config=replace(design.config, shuffles=_SHUFFLES),
            target="source",
        )
        stored = {
            "groups": [item.group for item in design.items],
            "pairs": [f"{first}-{other}" for other in others],
            "settings": {
                str(result.setting): {"ems": result.ems.tolist(), "gain": result.gain.tolist()}
                for result in measure(model, plan, report, stop).settings
            },
        }
        write_entry(root, key, stored)
    settings: Mapping[str, Any] = stored["settings"]
    return Consistency(
        groups=tuple(stored["groups"]),
        pairs=tuple(stored["pairs"]),
        ems={name: np.array(values["ems"]) for name, values in settings.items()},
        gain={name: np.array(values["gain"]) for name, values in settings.items()},
    )


def section(report: FaithfulnessReport, values: Consistency) -> Iterator[str]:
    """The table, most faithful setting first, and what it says in words."""
    gaps = {name: _mean_gap(report, name) for name in report.settings if name in values.gain}
    ranked = sorted(gaps, key=lambda name: -gaps[name])
    yield "\n## Consistency by faithful and by unfaithful settings\n"
    yield from (f"- {line}" for line in _findings(values, ranked, gaps))
    yield (
        f"\nSettings by their normalised gap, the mean of {_replacements(report)}, all languages. "
        f"EMS and its gain over {_SHUFFLES} shuffles: mean of {count(len(values.groups), 'item')} "
        f"x {len(values.pairs)} pairs ({', '.join(values.pairs)}), both sides explaining what is "
        "predicted of the English text; intervals as above.\n"
    )
    yield f"| setting | normalised gap | EMS | gain | {' | '.join(values.pairs)} |"
    yield "|" + "---|" * (4 + len(values.pairs))
    for name in ranked:
        gain = values.gain[name]
        low, high = clustered_interval(gain.mean(1), values.groups)
        by_pair = " | ".join(plain(float(mean), 3) for mean in gain.mean(0))
        yield (
            f"| {name} | {plain(gaps[name], 2)} | {plain(float(values.ems[name].mean()), 2)} | "
            f"{plain(float(gain.mean()), 3)} [{plain(low, 3)}, {plain(high, 3)}] | {by_pair} |"
        )


def _replacements(report: FaithfulnessReport) -> str:
    return " and ".join(kind.upper() for kind in report.replacements)


def _mean_gap(report: FaithfulnessReport, name: str) -> float:
    estimates = [report.estimate(GAP, kind, ALL, name) for kind in report.replacements]
    return float(np.mean([estimate.value for estimate in estimates if estimate is not None]))


def _findings(
    values: Consistency, ranked: Sequence[str], gaps: Mapping[str, float]
) -> Iterator[str]:
    mean_gain = {name: float(values.gain[name].mean()) for name in ranked}
    rho = float(spearmanr([gaps[name] for name in ranked], list(mean_gain.values())).statistic)
    yield (
        f"Over the {len(ranked)} settings, the correlation of the normalised gap with the gain of "
        f"EMS over shuffled masses is {plain(rho, 2)} (Spearman; settings share their items and "
        "their method, so there is no p)."
    )
    half = len(ranked) // 2
    faithful, others = ranked[:half], ranked[-half:]
    means = [
        np.mean([values.gain[name].mean(1) for name in names], axis=0)
        for names in (faithful, others)
    ]
    difference = means[0] - means[1]
    low, high = clustered_interval(difference, values.groups)
    believed = len(set(values.groups)) >= FEW
    told = "is" if believed and (low > 0 or high < 0) else "is not shown to be"
    yield (
        "The gain of the more faithful half of the settings is "
        f"{plain(float(means[0].mean()), 3)}, that of the other half "
        f"{plain(float(means[1].mean()), 3)}: the difference, "
        f"{plain(float(difference.mean()), 3)} [{plain(low, 3)}, {plain(high, 3)}], {told} "
        "different from zero."
    )
    shown = [sum(_shown(values, name) for name in names) for names in (faithful, others)]
    yield (
        "Agreement beyond shuffled masses (the interval of the gain above zero) is shown by "
        f"{shown[0]} of the {half} more faithful settings and by {shown[1]} of the {half} others."
    )


def _shown(values: Consistency, name: str) -> bool:
    low, _ = clustered_interval(values.gain[name].mean(1), values.groups)
    return low > 0
