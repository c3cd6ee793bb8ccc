"""What a correlation and its controls say together, in plain sentences; no Streamlit."""

import re
from collections.abc import Sequence
from statistics import median

from ccta_core.analysis.correlation import Correlation
from ccta_core.analysis.partial import PartialCorrelation
from ccta_core.analysis.questions import TOGETHER, CorrelationQuestion, ScoreCorrelation
from ccta_core.analysis.two_way import TwoWay
from ccta_core.measures import label, title
from ccta_core.text import count, interval, listing, number, p_phrase, percent

SYMBOLS = {"pearson": "r", "spearman": "\N{GREEK SMALL LETTER RHO}", "kendall": "tau"}
_ALPHA = 0.05
_CLOSE = 0.1
"""Coefficients nearer than this are called as large; their difference is not tested."""
_COLUMN = re.compile(r"\b[abxy]\b")
_OF_EMS = ("ems", "calibrated")


def counted_units(question: CorrelationQuestion, found: Correlation) -> str:
    """What n counts, and what of it is independent."""
    languages = count(found.n_groups, "language")
    if question.unit == "language":
        return count(found.n, "language")
    if question.unit == "pair":
        return f"{count(found.n, 'pair')} of {languages}"
    if question.unit == "item":
        return f"{count(found.n, 'item')} in {count(found.n_groups, 'group')}"
    return f"{count(found.n, 'cell')}, {languages} read"


def verdict(question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], task: str) -> str:
    """One or two sentences: does y go with x, and would embeddings alone say so too?"""
    main = [one for one in tested if one.measure == question.x]
    if not main:
        return "There is nothing to correlate yet: no unit has both measures."
    if len(main) > 1:
        return _several(question, tested, task)
    lead = _lead(question, main[0], task)
    return " ".join(part for part in (lead, _alone(question, tested, main[0])) if part)


def added(question: CorrelationQuestion, tested: Sequence[ScoreCorrelation]) -> str:
    """What shuffled masses and gain give: what attributions add to the embeddings."""
    symbol = SYMBOLS[question.kind]
    models = {one.model for one in tested}
    found = {one.measure: one for one in tested if one.correlation.r is not None}
    shuffled, gain = found.get("ems_shuffled"), found.get("gain")
    if question.x not in _OF_EMS or gain is None or len(models) != 1:
        return ""
    way = "goes" if _shown(gain) else "is not shown to go"
    rest = f" Shuffled masses give {symbol} = {number(shuffled.correlation.r)}." if shuffled else ""
    return (
        f"What attributions add to the embeddings (gain) {way} with it ({symbol} = "
        f"{number(gain.correlation.r)}, {_after_holm(gain.p_holm)}).{rest}"
    )


def held_text(question: CorrelationQuestion, found: Sequence[PartialCorrelation], task: str) -> str:
    """What is left of the correlation where the controls are held fixed."""
    symbol = "r" if question.kind == "pearson" else SYMBOLS["spearman"]
    if not found:
        return ""
    pairs = f"{title(question.x, task)} and {label(question.y, task)}"
    if len(found) == 1:
        names = listing([label(name) for name in found[0].covariates])
        return f"{pairs} with {names} held fixed: {_short(found[0].correlation, symbol)}."
    each = "; ".join(
        f"{label(one.covariates[0])} {_short(one.correlation, symbol)}" for one in found
    )
    return f"{pairs} with one control held fixed at a time: {each}."


def shares_text(found: TwoWay, what: str) -> str:
    """How much of a table is the training language's, how much the language's that is read."""
    overlap = ""
    if abs(found.overlap_share) >= 0.005:
        overlap = (
            f"; the two overlap by {percent(abs(found.overlap_share))}, since no language is "
            "compared with itself"
        )
    run, of_runs = "", ""
    if found.runs is not None:
        run = f"the run {percent(found.runs.share)} ({p_phrase(found.runs.p)}), "
        of_runs = f" of {count(found.n_runs, 'run')}, against which the training language is tested"
    return (
        f"Of the differences in {what}, the training language explains "
        f"{percent(found.rows.share)} ({p_phrase(found.rows.p)}), {run}the language read "
        f"{percent(found.columns.share)} ({p_phrase(found.columns.p)}), "
        f"{'none' if run else 'neither'} of them {percent(found.residual_share)}{overlap} "
        f"(n = {count(found.n, 'cell')}{of_runs})."
    )


def explained(notice: str, x: str, y: str) -> str:
    """A notice of the statistics with the measures' names for its columns x and y, or a and b."""
    named = _COLUMN.sub(lambda one: x if one[0] in "ax" else y, notice.partition(" does not")[0])
    return named + notice[len(notice.partition(" does not")[0]) :]


def named(notice: str, x: str) -> str:
    """A notice of a partial correlation with the measures by the names the page uses."""
    with_x = re.sub(r"\bx\b(?= [\d.i])", label(x), notice)
    return re.sub(r"\bems_uniform\b", label("ems_uniform"), with_x)


def _lead(question: CorrelationQuestion, one: ScoreCorrelation, task: str) -> str:
    found, symbol = one.correlation, SYMBOLS[question.kind]
    x, y = label(question.x, task), label(question.y, task)
    if found.r is None:
        return f"No correlation of {x} and {y}: {explained(found.notice, x, y)}."
    where = f"Over {counted_units(question, found)}"
    numbers = ", ".join(
        text for text in (f"{symbol} = {number(found.r)}", _after_holm(one.p_holm)) if text
    )
    doubt = "" if found.reliable else ", unreliable"
    if not _shown(one):
        return f"{where}, {y} is not shown to go with {x} ({numbers}{doubt})."
    way = "up" if found.r > 0 else "down"
    return f"{where}, {y} goes {way} with {x} ({numbers}{doubt})."


def _after_holm(p: float | None) -> str:
    return f"{p_phrase(p)} after Holm" if p is not None else ""


def _shown(one: ScoreCorrelation) -> bool:
    return one.p_holm is not None and one.p_holm < _ALPHA


def _alone(
    question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], main: ScoreCorrelation
) -> str:
    """What embeddings alone give, and what follows for EMS."""
    alone = next((one for one in tested if one.measure == "ems_uniform"), None)
    own = main.correlation.r
    if question.x not in _OF_EMS or own is None or alone is None or alone.correlation.r is None:
        return ""
    text = f"Embeddings alone give {SYMBOLS[question.kind]} = {number(alone.correlation.r)}"
    as_large = own * alone.correlation.r > 0 and abs(alone.correlation.r) >= abs(own) - _CLOSE
    if _shown(main) and as_large:
        text += ": EMS tells no more than similar embeddings would"
    return f"{text}."


def _several(question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], task: str) -> str:
    symbol = SYMBOLS[question.kind]
    own = _known(tested, question.x)
    if not own:
        return "No model of those chosen has a correlation; the table says why."
    middle = median(r for r, _ in own)
    way = "up" if middle > 0 else "down"
    along = sum(r * middle > 0 for r, _ in own)
    text = (
        f"{title(question.y, task)} goes {way} with {label(question.x, task)} in {along} of "
        f"{len(own)} models (median {symbol} = {number(middle)}); {sum(hit for _, hit in own)} "
        "below 0.05 after Holm."
    )
    rest = [
        f"{name} {number(median(r for r, _ in found))} ({sum(hit for _, hit in found)} below 0.05)"
        for measure, name in (("ems_uniform", "embeddings alone"), ("gain", "gain"))
        if measure != question.x and (found := _known(tested, measure))
    ]
    return f"{text} Median of the controls: {', '.join(rest)}." if rest else text


def _known(tested: Sequence[ScoreCorrelation], measure: str) -> list[tuple[float, bool]]:
    """(coefficient, below .05 after Holm) of every model that has one."""
    return [
        (one.correlation.r, one.p_holm is not None and one.p_holm < _ALPHA)
        for one in tested
        if one.measure == measure and one.correlation.r is not None and one.model != TOGETHER
    ]


def _short(found: Correlation, symbol: str) -> str:
    if found.r is None:
        return f"no result ({found.notice})"
    text = f"{symbol} = {number(found.r)} (95% {interval(found.low, found.high)}"
    text += f", {p_phrase(found.p)})" if found.p is not None else ")"
    return text if found.reliable else f"{text}, unreliable"
