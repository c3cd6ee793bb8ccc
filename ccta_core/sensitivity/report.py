"""The report: a row a setting, a verdict in words made from the rows, JSON."""

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np

from ccta_core.attribution.protocol import Stop, never
from ccta_core.models.model import Model
from ccta_core.sensitivity.measure import Measurements, SettingResult, measure
from ccta_core.sensitivity.ranking import Agreement, SettingRow, agreements, mean_interval
from ccta_core.sensitivity.settings import SensitivityDesign, Setting
from ccta_core.sensitivity.verdict import sensitivity_verdict


@dataclass(frozen=True, slots=True)
class SensitivityReport:
    """Every row, the reference first; `embeddings` is the row of uniform masses, a control.

    `repeat` is the reference by gain against itself with other shuffles: the most that another
    setting could be expected to reach. `items` and `groups` count the items and their premises;
    `n` is items x pairs of languages.
    """

    model: str
    revision: str
    corpus: str
    items: int
    groups: int
    pairs: tuple[str, ...]
    target: str
    rows: tuple[SettingRow, ...]
    embeddings: SettingRow
    repeat: Agreement
    notices: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many values every ranking has."""
        return self.items * len(self.pairs)

    @property
    def verdict(self) -> tuple[str, ...]:
        """What the rows say, a sentence each."""
        return sensitivity_verdict(self.rows, self.embeddings, self.repeat, groups=self.groups)

    def payload(self) -> dict[str, Any]:
        """Plain numbers and strings, as `--json` prints them."""
        names = ("model", "revision", "corpus", "items", "groups", "target")
        return {
            **{name: getattr(self, name) for name in names},
            "pairs": list(self.pairs),
            "n": self.n,
            "rows": [row.payload() for row in self.rows],
            "embeddings": self.embeddings.payload(),
            "repeat_gain": asdict(self.repeat),
            "verdict": list(self.verdict),
            "notices": list(self.notices),
            "provenance": dict(self.provenance),
        }

    def to_json(self) -> str:
        """The payload as JSON (never NaN)."""
        return json.dumps(self.payload(), ensure_ascii=False, allow_nan=False, indent=1)


def sensitivity(
    model: Model,
    design: SensitivityDesign,
    *,
    draws: int = 1000,
    report: Callable[[str], None] = lambda _line: None,
    stop: Stop = never,
) -> SensitivityReport:
    """Measures every setting and compares it with the first, the reference.

    `draws` resamplings of the items' groups give the intervals, seeded by the config's seed. Raises
    what `measure` raises.
    """
    return compared(model, design, measure(model, design, report, stop), draws=draws)


def compared(
    model: Model, design: SensitivityDesign, measurements: Measurements, *, draws: int = 1000
) -> SensitivityReport:
    """The report on what was measured."""
    groups = [item.group for item in design.items]
    pairs = tuple("-".join(pair) for pair in design.pairs)
    seed = design.config.seed
    ems = np.stack([*(result.ems for result in measurements.settings), measurements.uniform])
    by_ems = agreements(ems, groups, draws=draws, seed=seed)
    gains = np.stack([*(result.gain for result in measurements.settings), measurements.repeat])
    by_gain = agreements(gains, groups, draws=draws, seed=seed)
    rows = [
        _row(result, a, b, pairs, mean_interval(result.gain, groups, draws=draws, seed=seed))
        for result, a, b in zip(measurements.settings, by_ems, by_gain, strict=False)
    ]
    return SensitivityReport(
        model=model.id,
        revision=model.revision,
        corpus=design.corpus,
        items=len(design.items),
        groups=len(set(groups)),
        pairs=pairs,
        target=design.target,
        rows=tuple(rows),
        embeddings=_embeddings(measurements.uniform, by_ems[-1], pairs),
        repeat=by_gain[-1],
        notices=measurements.notices,
        provenance=_provenance(model, design, draws),
    )


def _row(
    result: SettingResult,
    by_ems: Agreement,
    by_gain: Agreement,
    pairs: tuple[str, ...],
    interval: tuple[float, float] | None,
) -> SettingRow:
    return SettingRow(
        setting=result.setting,
        ems=float(result.ems.mean()),
        gain=float(result.gain.mean()),
        gain_low=None if interval is None else interval[0],
        gain_high=None if interval is None else interval[1],
        completeness_error=result.completeness_error,
        converged=result.converged,
        evaluations=result.evaluations,
        special_share=result.special_share,
        uniform=result.uniform,
        by_ems=by_ems,
        by_gain=by_gain,
        pair_ems=_by_pair(result.ems, pairs),
        pair_gain=_by_pair(result.gain, pairs),
    )


def _embeddings(uniform: np.ndarray, by_ems: Agreement, pairs: tuple[str, ...]) -> SettingRow:
    return SettingRow(
        setting=Setting("none", 0, None, "uniform"),
        ems=float(uniform.mean()),
        gain=None,
        gain_low=None,
        gain_high=None,
        completeness_error=None,
        converged=None,
        evaluations=None,
        special_share=None,
        uniform=1.0,
        by_ems=by_ems,
        by_gain=None,
        pair_ems=_by_pair(uniform, pairs),
        pair_gain={},
    )


def _by_pair(values: np.ndarray, pairs: tuple[str, ...]) -> dict[str, float]:
    return dict(zip(pairs, values.mean(0).tolist(), strict=True))


def _provenance(model: Model, design: SensitivityDesign, draws: int) -> dict[str, Any]:
    config = design.config
    return {
        "align_layer": model.info.align_layer if config.align_layer is None else config.align_layer,
        "space": config.space,
        "objective": config.objective,
        "quadrature": config.quadrature.rule,
        "tolerance": config.quadrature.tolerance,
        "max_points": config.quadrature.max_points,
        "shuffles": config.shuffles,
        "seed": config.seed,
        "resamplings": draws,
        "precision": config.precision,
        "device": model.device.type,
        "ccta": version("ccta-explorer"),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "pot": version("pot"),
        "python": platform.python_version(),
    }
