"""The sanity check: what is left of EMS when the head is random (Adebayo et al., 2018)?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ccta_core.findings import frames
from ccta_core.findings.wording import number, span
from ccta_core.statistics.groups import grouped
from ccta_core.statistics.resampling import DRAWS
from ccta_core.statistics.seeds import Estimate, Scores, of_checkpoints
from ccta_core.study.table import Study
from ccta_core.text import signed

_MOST = 0.5
"""A share of the gain that is most of it [ours]."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A measure of a trained model and of its twin with a random head, on the same items and pairs.

    `fall` is the trained model's mean less the twin's, whole groups of items drawn.
    """

    trained: float
    random: float
    fall: Estimate


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
    """Every twin of the study beside the model whose encoder it has."""
    found = []
    for model, twin in frames.twins(study):
        table = frames.beside_twin(study, layer, model, twin)
        if len(table):
            ems, gain = (_fall(table, name) for name in ("ems", "gain"))
            found.append(Sanity(model, twin, ems, gain, len(table)))
    return found


def _fall(table: pd.DataFrame, measure: str) -> Fall:
    trained, random = (table[name].to_numpy(float) for name in (measure, f"twin_{measure}"))
    known = np.isfinite(trained) & np.isfinite(random)
    own = grouped(list(table["group"][known]), int(known.sum()))
    sums = own.sums(np.column_stack([trained[known], random[known]]))
    scores = Scores({"trained": sums[None, :, 0], "random": sums[None, :, 1]}, own.sizes)
    fall = of_checkpoints(scores, {"trained": 1.0, "random": -1.0}, draws=DRAWS, seed=0)
    return Fall(scores.mean("trained"), scores.mean("random"), fall)


def section(study: Study, layer: int) -> Iterator[str]:
    """The table and a sentence, as lines of Markdown; nothing where the study has no twin."""
    found = sanity(study, layer)
    if not found:
        return
    scores = {row.model: row for row in frames.checkpoints(study).itertuples()}
    yield "### Sanity check: a randomly initialised head\n"
    for one in found:
        stays = "" if one.kept is None else f" {one.kept:.0%} of the gain stays."
        yield (
            f"{one.model}: {one.verdict}{stays} The encoder is the trained model's, the head one "
            "draw; the twin is in no other table.\n"
        )
        yield "| head | EMS | gain | score | majority |\n|---|---|---|---|---|"
        for head, ems, gain, model in (
            ("trained", one.ems.trained, one.gain.trained, one.model),
            ("random", one.ems.random, one.gain.random, one.twin),
        ):
            row = scores[model]
            yield (
                f"| {head} | {number(ems)} | {number(gain)} | {number(row.score)} | "
                f"{number(row.majority)} |"
            )
        yield (
            f"\nTrained less random over {one.n:,} items and pairs: EMS {_difference(one.ems.fall)}"
            f", gain {_difference(one.gain.fall)}.\n"
        )


def _difference(found: Estimate) -> str:
    interval = span(found, 3)
    return signed(found.value, 3) + (f" (95% {interval})" if interval else "")
