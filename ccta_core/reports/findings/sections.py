"""Two sections of the page: performance (claim 1), and the sanity check with a random head."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np
import pandas as pd

from ccta_core.analysis import claims
from ccta_core.analysis.questions import ScoreCorrelation
from ccta_core.analysis.resampling import DRAWS, grouped
from ccta_core.analysis.seeds import CheckpointScores, ContrastEstimate, of_checkpoints
from ccta_core.analysis.wording import number, span
from ccta_core.reports.markdown import markdown_table
from ccta_core.study.storage.table import Study
from ccta_core.text import plain, signed

_MOST_PAIRS = 6
"""Pairs with English shown at the item level; the others are in the study."""
_ALPHA = 0.05


def item_level(study: Study, layer: int) -> list[claims.ItemLevel]:
    """What EMS says of a right prediction, for each model and a few pairs with English."""
    return claims.by_item(study, layer, _pairs(study.manifest.languages))


def performance_section(
    study: Study, layer: int, rows: Sequence[claims.ItemLevel]
) -> Iterator[str]:
    """By language, by pair and by item (`rows`, of `item_level`), as lines of Markdown."""
    yield "### Claim 1: consistency correlates with performance\n"
    for title, found in (
        ("Unit language: mean with the training language against the language's score",
         claims.by_language(study, layer)),
        ("Unit pair: mean of the pair against the mean score of its languages (Mantel)",
         claims.by_pair(study, layer)),
    ):  # fmt: skip
        if found:
            yield f"**{title}.** {_summary(found)}\n"
            yield _correlations(found)
    if rows:
        yield from _aurocs(rows)
        yield from _deciles(rows)
        yield from _by_model(rows)


def _pairs(langs: Sequence[str]) -> list[tuple[str, str]]:
    """Ordered pairs from English, or, without English, any."""
    home = [pair for pair in combinations(langs, 2) if "en" in pair] or list(combinations(langs, 2))
    return [pair if pair[0] == "en" else pair[::-1] for pair in home][:_MOST_PAIRS]


def _summary(found: Sequence[ScoreCorrelation]) -> str:
    """How many models show it, for EMS and for embeddings alone."""
    sentences = []
    for measure in ("ems", "gain", "ems_uniform"):
        own = [one for one in found if one.measure == measure and one.correlation.r is not None]
        if own:
            held = sum(one.p_holm is not None and one.p_holm < _ALPHA for one in own)
            middle = float(
                np.median([one.correlation.r for one in own if one.correlation.r is not None])
            )
            sentences.append(
                f"`{measure}`: median r {plain(middle, 2)} over {len(own)} models, {held} with "
                "p < .05 after Holm"
            )
    return "; ".join(sentences) + "." if sentences else ""


def _correlations(found: Sequence[ScoreCorrelation]) -> str:
    rows = []
    for one in found:
        result = one.correlation
        mark = "" if result.reliable else " (unreliable)"
        estimate = (number(result.r), f"{span(result)}{mark}", number(result.p))
        rows.append([one.model, one.measure, *estimate, number(one.p_holm), result.n_groups])
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
    """The table of the first model and pair: the shape that one number can't show."""
    first = next((row for row in rows if row.deciles and row.deciles.rise is not None), None)
    if first is None or first.deciles is None:
        return
    found = first.deciles
    low, high = found.deciles[0], found.deciles[-1]
    doubt = "" if found.reliable else f" Unreliable: {found.notice}."
    yield (
        f"**Right predictions by tenth of EMS.** {first.model}, {first.pair}: "
        f"{low.accuracy:.0%} right where EMS is lowest, {high.accuracy:.0%} where it is highest, a "
        f"difference of {number(found.rise)} (95% {number(found.rise_low)} to "
        f"{number(found.rise_high)}).{doubt}\n"
    )
    tenths = []
    for tenth in found.deciles:
        ems = f"{plain(tenth.score_low)} to {plain(tenth.score_high)}"
        tenths.append([tenth.number, ems, tenth.n, f"{tenth.accuracy:.3f}", span(tenth)])
    yield markdown_table(["tenth", "EMS", "items", "right", "95%"], tenths)


def _by_model(rows: Sequence[claims.ItemLevel]) -> Iterator[str]:
    """A line a model over all its pairs: the rise, and EMS against the model's confidence."""
    yield (
        "Over the pairs above, the share of right predictions in the highest tenth of EMS less "
        "that in the lowest, and the AUROC of EMS less that of the model's own confidence (p < .05 "
        f"after Holm over {len(rows)}):\n"
    )
    for model, own in groupby(rows, key=lambda row: row.model):
        pairs = list(own)
        lines = [line for line in (_rises(pairs), _contests(pairs)) if line]
        if lines:
            yield f"- {model}: {'; '.join(lines)}."
    yield ""


def _rises(rows: Sequence[claims.ItemLevel]) -> str:
    found = [row.deciles for row in rows if row.deciles and row.deciles.rise is not None]
    if not found:
        return ""
    middle = float(np.median([one.rise for one in found if one.rise is not None]))
    above = sum(one.rise_low is not None and one.rise_low > 0 for one in found)
    below = sum(one.rise_high is not None and one.rise_high < 0 for one in found)
    return (
        f"median rise {signed(middle, 3)} over {len(found)} pairs, its interval above 0 in {above} "
        f"and below 0 in {below}"
    )


def _contests(rows: Sequence[claims.ItemLevel]) -> str:
    found = [
        (row.confidence.difference, row.p_holm)
        for row in rows
        if row.confidence and row.confidence.difference is not None
    ]
    if not found:
        return ""
    middle = float(np.median([difference for difference, _ in found]))
    sure = [difference for difference, p in found if p is not None and p < _ALPHA]
    better, worse = sum(one > 0 for one in sure), sum(one < 0 for one in sure)
    return (
        f"EMS says better than the confidence which predictions are right in {better} of "
        f"{len(found)} pairs and worse in {worse} (median difference {signed(middle, 3)})"
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
    """Every twin of the study beside the model whose encoder it has."""
    found = []
    for model, twin in claims.twins(study):
        table = claims.beside_twin(study, layer, model, twin)
        if len(table):
            ems, gain = (_fall(table, name) for name in ("ems", "gain"))
            found.append(Sanity(model, twin, ems, gain, len(table)))
    return found


def _fall(table: pd.DataFrame, measure: str) -> Fall:
    trained, random = (table[name].to_numpy(float) for name in (measure, f"twin_{measure}"))
    known = np.isfinite(trained) & np.isfinite(random)
    own = grouped(list(table["group"][known]), int(known.sum()))
    sums = own.sums(np.column_stack([trained[known], random[known]]))
    scores = CheckpointScores({"trained": sums[None, :, 0], "random": sums[None, :, 1]}, own.sizes)
    fall = of_checkpoints(scores, {"trained": 1.0, "random": -1.0}, draws=DRAWS, seed=0)
    return Fall(scores.mean("trained"), scores.mean("random"), fall)


def random_head_section(study: Study, layer: int) -> Iterator[str]:
    """The table and a sentence, as lines of Markdown; nothing where the study has no twin."""
    found = sanity(study, layer)
    if not found:
        return
    scores = {row.model: row for row in claims.checkpoints(study).itertuples()}
    yield "### Sanity check: a randomly initialised head\n"
    for one in found:
        stays = "" if one.kept is None else f" {one.kept:.0%} of the gain stays."
        yield (
            f"{one.model}: {one.verdict}{stays} The encoder is the trained model's, the head one "
            "draw; the twin is in no other table.\n"
        )
        rows = []
        for head, ems, gain, model in (
            ("trained", one.ems.trained, one.gain.trained, one.model),
            ("random", one.ems.random, one.gain.random, one.twin),
        ):
            values = (ems, gain, scores[model].score, scores[model].majority)
            rows.append([head, *map(number, values)])
        yield markdown_table(["head", "EMS", "gain", "score", "majority"], rows)
        yield (
            f"Trained less random over {one.n:,} items and pairs: EMS {_difference(one.ems.fall)}"
            f", gain {_difference(one.gain.fall)}.\n"
        )


def _difference(found: ContrastEstimate) -> str:
    interval = span(found, 3)
    return signed(found.value, 3) + (f" (95% {interval})" if interval else "")
