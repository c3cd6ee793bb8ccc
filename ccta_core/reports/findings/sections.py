"""Two sections of the page: performance (claim 1), and the sanity check with a random head."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Protocol

import numpy as np
import pandas as pd

from ccta_core.analysis import claims
from ccta_core.analysis.questions import ScoreCorrelation
from ccta_core.analysis.resampling import DRAWS, grouped
from ccta_core.analysis.seeds import CheckpointScores, ContrastEstimate, of_checkpoints
from ccta_core.reports.markdown import markdown_table
from ccta_core.study.storage.table import Study
from ccta_core.text import plain, signed

_MOST_PAIRS = 6
"""Pairs with English shown at the item level; the others are in the study."""
_ALPHA = 0.05


class _Ranged(Protocol):
    """Anything with a 95% interval."""

    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def number(value: float | None) -> str:
    """Writes three digits, a power of ten where they would all be 0, and nothing for no number."""
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:.1e}" if 0 < abs(value) < 0.0005 else plain(value, 3)


def span(estimate: _Ranged, digits: int = 2) -> str:
    """Writes the interval as `low to high`, or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{plain(estimate.low, digits)} to {plain(estimate.high, digits)}"


def item_level(study: Study, layer: int) -> list[claims.ItemLevel]:
    """Returns what EMS says of a right prediction, for each model and a few pairs with English."""
    every = list(combinations(study.manifest.languages, 2))
    pairs = [pair for pair in every if "en" in pair] or every
    from_english = [pair if pair[0] == "en" else pair[::-1] for pair in pairs]
    return claims.by_item(study, layer, from_english[:_MOST_PAIRS])


def performance_section(
    study: Study, layer: int, rows: Sequence[claims.ItemLevel]
) -> Iterator[str]:
    """Yields claim 1 by language, by pair and by item (`rows`, of `item_level`), as lines of
    Markdown.
    """
    yield "### Claim 1: consistency correlates with performance\n"
    for title, rows_of_unit in (
        ("Unit language: mean with the training language against the language's score",
         claims.by_language(study, layer)),
        ("Unit pair: mean of the pair against the mean score of its languages (Mantel)",
         claims.by_pair(study, layer)),
    ):  # fmt: skip
        if rows_of_unit:
            yield f"**{title}.** {_summary(rows_of_unit)}\n"
            yield _correlations(rows_of_unit)
    if rows:
        yield from _aurocs(rows)
        yield from _deciles(rows)
        yield from _by_model(rows)


def _summary(rows: Sequence[ScoreCorrelation]) -> str:
    """Returns how many models show it, for EMS and for embeddings alone."""
    sentences = []
    for measure in ("ems", "gain", "ems_uniform"):
        of_measure = [
            row for row in rows if row.measure == measure and row.correlation.r is not None
        ]
        if of_measure:
            held = sum(row.p_holm is not None and row.p_holm < _ALPHA for row in of_measure)
            middle = float(
                np.median(
                    [row.correlation.r for row in of_measure if row.correlation.r is not None]
                )
            )
            sentences.append(
                f"`{measure}`: median r {plain(middle, 2)} over {len(of_measure)} models, {held} "
                "with p < .05 after Holm"
            )
    return "; ".join(sentences) + "." if sentences else ""


def _correlations(correlations: Sequence[ScoreCorrelation]) -> str:
    rows = []
    for row in correlations:
        result = row.correlation
        mark = "" if result.reliable else " (unreliable)"
        estimate = (number(result.r), f"{span(result)}{mark}", number(result.p))
        rows.append([row.model, row.measure, *estimate, number(row.p_holm), result.n_groups])
    return markdown_table(["model", "measure", "r", "95%", "p", "p (Holm)", "n"], rows)


def _aurocs(rows: Sequence[claims.ItemLevel]) -> Iterator[str]:
    yield (
        "**Unit item: AUROC of each measure as a predictor of a right prediction in the target "
        "language** (.5 is chance level; the model's own confidence is the baseline to beat), and "
        "the partial correlation of EMS with being right, embeddings only, length and fertility "
        "held fixed.\n"
    )
    names = claims.ITEM_MEASURES
    table = []
    for row in rows:
        cells = [number(row.aurocs[name].auc if name in row.aurocs else None) for name in names]
        partial = row.partial.correlation if row.partial else None
        cells += [number(partial.r if partial else None), span(partial) if partial else ""]
        table.append([row.model, row.pair, row.n, *cells])
    yield markdown_table(["model", "pair", "n", *names, "partial r of EMS", "95%"], table)


def _deciles(rows: Sequence[claims.ItemLevel]) -> Iterator[str]:
    """Yields the table of the first model and pair: the shape that one number can't show."""
    first = next((row for row in rows if row.deciles and row.deciles.rise is not None), None)
    if first is None or first.deciles is None:
        return
    deciles = first.deciles
    low, high = deciles.deciles[0], deciles.deciles[-1]
    doubt = "" if deciles.reliable else f" Unreliable: {deciles.notice}."
    yield (
        f"**Right predictions by tenth of EMS.** {first.model}, {first.pair}: "
        f"{low.accuracy:.0%} right where EMS is lowest, {high.accuracy:.0%} where it is highest, a "
        f"difference of {number(deciles.rise)} (95% {number(deciles.rise_low)} to "
        f"{number(deciles.rise_high)}).{doubt}\n"
    )
    tenths = []
    for tenth in deciles.deciles:
        ems = f"{plain(tenth.score_low)} to {plain(tenth.score_high)}"
        tenths.append([tenth.number, ems, tenth.n, f"{tenth.accuracy:.3f}", span(tenth)])
    yield markdown_table(["tenth", "EMS", "items", "right", "95%"], tenths)


def _by_model(rows: Sequence[claims.ItemLevel]) -> Iterator[str]:
    """Yields a line a model over all its pairs: the rise, and EMS against the model's
    confidence.
    """
    yield (
        "Over the pairs above, the share of right predictions in the highest tenth of EMS less "
        "that in the lowest, and the AUROC of EMS less that of the model's own confidence (p < .05 "
        f"after Holm over {len(rows)}):\n"
    )
    for model, of_model in groupby(rows, key=lambda row: row.model):
        pairs = list(of_model)
        lines = [line for line in (_rise_text(pairs), _confidence_text(pairs)) if line]
        if lines:
            yield f"- {model}: {'; '.join(lines)}."
    yield ""


def _rise_text(rows: Sequence[claims.ItemLevel]) -> str:
    deciles = [row.deciles for row in rows if row.deciles and row.deciles.rise is not None]
    if not deciles:
        return ""
    middle = float(np.median([entry.rise for entry in deciles if entry.rise is not None]))
    above = sum(entry.rise_low is not None and entry.rise_low > 0 for entry in deciles)
    below = sum(entry.rise_high is not None and entry.rise_high < 0 for entry in deciles)
    return (
        f"median rise {signed(middle, 3)} over {len(deciles)} pairs, its interval above 0 in "
        f"{above} and below 0 in {below}"
    )


def _confidence_text(rows: Sequence[claims.ItemLevel]) -> str:
    differences = [
        (row.confidence.difference, row.p_holm)
        for row in rows
        if row.confidence and row.confidence.difference is not None
    ]
    if not differences:
        return ""
    middle = float(np.median([difference for difference, _ in differences]))
    sure = [difference for difference, p in differences if p is not None and p < _ALPHA]
    better, worse = sum(gap > 0 for gap in sure), sum(gap < 0 for gap in sure)
    return (
        f"EMS says better than the confidence which predictions are right in {better} of "
        f"{len(differences)} pairs and worse in {worse} (median difference {signed(middle, 3)})"
    )


_MOST = 0.5
"""A share of the gain that is most of it [ours]."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A measure of a trained model and of its twin with a random head, on the same items and pairs.

    `fall` is the trained model's mean less the twin's, whole groups of items drawn.
    """

    trained: float
    random: float
    fall: ContrastEstimate


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
    return Fall(scores.mean("trained"), scores.mean("random"), fall)


def random_head_section(study: Study, layer: int) -> Iterator[str]:
    """Yields the table and a sentence, as lines of Markdown; nothing where the study has no
    twin.
    """
    checks = sanity(study, layer)
    if not checks:
        return
    scores = {row.model: row for row in claims.checkpoints(study).itertuples()}
    yield "### Sanity check: a randomly initialised head\n"
    for check in checks:
        stays = "" if check.kept is None else f" {check.kept:.0%} of the gain stays."
        yield (
            f"{check.model}: {check.verdict}{stays} The encoder is the trained model's, the head "
            "one draw; the twin is in no other table.\n"
        )
        rows = []
        for head, ems, gain, model in (
            ("trained", check.ems.trained, check.gain.trained, check.model),
            ("random", check.ems.random, check.gain.random, check.twin),
        ):
            values = (ems, gain, scores[model].score, scores[model].majority)
            rows.append([head, *map(number, values)])
        yield markdown_table(["head", "EMS", "gain", "score", "majority"], rows)
        yield (
            f"Trained less random over {check.n:,} items and pairs: EMS "
            f"{_difference(check.ems.fall)}, gain {_difference(check.gain.fall)}.\n"
        )


def _difference(estimate: ContrastEstimate) -> str:
    interval = span(estimate, 3)
    return signed(estimate.value, 3) + (f" (95% {interval})" if interval else "")
