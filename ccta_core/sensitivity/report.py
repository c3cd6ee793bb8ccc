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
from ccta_core.sensitivity.measure import Measured, Measurements, measure
from ccta_core.sensitivity.ranking import Agreement, Row, agreements, mean_interval
from ccta_core.sensitivity.settings import Question, Setting
from ccta_core.sensitivity.verdict import verdict


@dataclass(frozen=True, slots=True)
class Report:
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
    rows: tuple[Row, ...]
    embeddings: Row
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
        return verdict(self.rows, self.embeddings, self.repeat, groups=self.groups)

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
    question: Question,
    *,
    draws: int = 1000,
    say: Callable[[str], None] = lambda _line: None,
    stop: Stop = never,
) -> Report:
    """Measures every setting and compares it with the first, the reference.

    `draws` resamplings of the items' groups give the intervals, seeded by the config's seed. Raises
    what `measure` raises.
    """
    return compared(model, question, measure(model, question, say, stop), draws=draws)


def compared(model: Model, question: Question, found: Measurements, *, draws: int = 1000) -> Report:
    """The report on what was measured."""
    groups = [item.group for item in question.items]
    pairs = tuple("-".join(pair) for pair in question.pairs)
    seed = question.config.seed
    ems = np.stack([*(one.ems for one in found.settings), found.uniform])
    by_ems = agreements(ems, groups, draws=draws, seed=seed)
    gains = np.stack([*(one.gain for one in found.settings), found.repeat])
    by_gain = agreements(gains, groups, draws=draws, seed=seed)
    rows = [
        _row(one, a, b, pairs, mean_interval(one.gain, groups, draws=draws, seed=seed))
        for one, a, b in zip(found.settings, by_ems, by_gain, strict=False)
    ]
    return Report(
        model=model.id,
        revision=model.revision,
        corpus=question.corpus,
        items=len(question.items),
        groups=len(set(groups)),
        pairs=pairs,
        target=question.target,
        rows=tuple(rows),
        embeddings=_embeddings(found.uniform, by_ems[-1], pairs),
        repeat=by_gain[-1],
        notices=found.notices,
        provenance=_provenance(model, question, draws),
    )


def _row(
    one: Measured,
    by_ems: Agreement,
    by_gain: Agreement,
    pairs: tuple[str, ...],
    interval: tuple[float, float] | None,
) -> Row:
    return Row(
        setting=one.setting,
        ems=float(one.ems.mean()),
        gain=float(one.gain.mean()),
        gain_low=None if interval is None else interval[0],
        gain_high=None if interval is None else interval[1],
        completeness_error=one.completeness_error,
        converged=one.converged,
        evaluations=one.evaluations,
        special_share=one.special_share,
        uniform=one.uniform,
        by_ems=by_ems,
        by_gain=by_gain,
        pair_ems=_by_pair(one.ems, pairs),
        pair_gain=_by_pair(one.gain, pairs),
    )


def _embeddings(uniform: np.ndarray, by_ems: Agreement, pairs: tuple[str, ...]) -> Row:
    return Row(
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


def _provenance(model: Model, question: Question, draws: int) -> dict[str, Any]:
    config = question.config
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
