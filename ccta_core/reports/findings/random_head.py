"""The sanity check with a randomly initialised head (Adebayo et al., 2018)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.analysis import claims
from ccta_core.analysis.intervals import Ends, mean_interval
from ccta_core.analysis.resampling import DRAWS, grouped
from ccta_core.analysis.seeds import CheckpointScores, ContrastEstimate, of_checkpoints
from ccta_core.study.storage.table import Study

_MOST = 0.5
"""A share of the gain that is most of it [ours]."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A measure of a trained model and of its twin with a random head, on the same items and pairs.

    `fall` is the trained model's mean less the twin's, `kept` the 95% interval of the twin's mean
    over the trained model's, groups of items independent in both.
    """

    trained: float
    random: float
    fall: ContrastEstimate
    kept: Ends | None


@dataclass(frozen=True, slots=True)
class Sanity:
    """One model beside its twin."""

    model: str
    twin: str
    ems: Fall
    gain: Fall
    n: int

    @property
    def kept(self) -> float | None:
        """The share of the trained model's gain that the twin has too; None without a gain."""
        return self.gain.random / self.gain.trained if self.gain.trained > 0 else None

    @property
    def verdict(self) -> str:
        """What follows for EMS, in one sentence and no stronger than the numbers."""
        if self.ems.fall.low is None:
            return "Too few groups of items to say whether EMS reads the head."
        if self.ems.fall.low <= 0:
            return (
                "EMS does not fall when the head is random: here it does not read the head, and "
                "what it shows is the encoder's."
            )
        if self.kept is not None and self.kept >= _MOST:
            return (
                "EMS falls when the head is random, but most of the gain stays: it reads the head "
                "little, and the encoder more."
            )
        return "EMS falls when the head is random, and most of the gain goes: it reads the head."


def sanity(study: Study, layer: int) -> list[Sanity]:
    """Returns every twin of the study beside the model whose encoder it has."""
    checks = []
    for model, twin in claims.twins(study):
        table = claims.beside_twin(study, layer, model, twin)
        if len(table):
            ems, gain = (_measure_fall(table, name) for name in ("ems", "gain"))
            checks.append(Sanity(model, twin, ems, gain, len(table)))
    return checks


def _measure_fall(table: pd.DataFrame, measure: str) -> Fall:
    trained, random = (table[name].to_numpy(float) for name in (measure, f"twin_{measure}"))
    complete = np.isfinite(trained) & np.isfinite(random)
    groups = grouped(list(table["group"][complete]), int(complete.sum()))
    sums = groups.sums(np.column_stack([trained[complete], random[complete]]))
    scores = CheckpointScores(
        {"trained": sums[None, :, 0], "random": sums[None, :, 1]}, groups.sizes
    )
    fall = of_checkpoints(scores, {"trained": 1.0, "random": -1.0}, draws=DRAWS, seed=0)
    kept = mean_interval(sums[:, 1], sums[:, 0]) if scores.mean("trained") > 0 else None
    return Fall(scores.mean("trained"), scores.mean("random"), fall, kept)
