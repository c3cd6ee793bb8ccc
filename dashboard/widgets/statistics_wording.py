"""A correlation and its controls in plain sentences; no Streamlit."""

import re
from collections.abc import Sequence
from statistics import median

from ccta_core.analysis.correlation import Correlation
from ccta_core.analysis.partial import PartialCorrelation
from ccta_core.analysis.questions import TOGETHER, CorrelationQuestion, ScoreCorrelation
from ccta_core.analysis.two_way import TwoWay
from ccta_core.measures import label, title
from ccta_core.text import (
    MINUS,
    NONE,
    count,
    interval,
    listing,
    number,
    p_phrase,
    p_value,
    percent,
)

SYMBOLS = {"pearson": "r", "spearman": "\N{GREEK SMALL LETTER RHO}", "kendall": "tau"}
_ALPHA = 0.05
_CLOSE = 0.1
"""Coefficients nearer than this are called as large; their difference is not tested."""
_COLUMN = re.compile(r"\b[abxy]\b")
_OF_EMS = ("ems", "calibrated")


def counted_units(question: CorrelationQuestion, correlation: Correlation) -> str:
    """What n counts, and what of it is independent."""
    languages = count(correlation.n_groups, "language")
    if question.unit == "language":
        return count(correlation.n, "language")
    if question.unit == "pair":
        return f"{count(correlation.n, 'pair')} of {languages}"
    if question.unit == "item":
        return f"{count(correlation.n, 'item')} in {count(correlation.n_groups, 'group')}"
    return f"{count(correlation.n, 'cell')}, {languages} read"


def correlation_verdict(
    question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], task: str
) -> str:
    """One or two sentences: whether y correlates with x, and whether embeddings alone do too."""
    main = [test for test in tested if test.measure == question.x]
    if not main:
        return "There is nothing to correlate yet: no unit has both measures."
    if len(main) > 1:
        return _models_sentence(question, tested, task)
    lead = _main_sentence(question, main[0], task)
    return " ".join(
        part for part in (lead, _embeddings_sentence(question, tested, main[0])) if part
    )


def gain_sentence(question: CorrelationQuestion, tested: Sequence[ScoreCorrelation]) -> str:
    """What attributions add to the embeddings: the correlation of gain, and of shuffled masses."""
    symbol = SYMBOLS[question.kind]
    models = {test.model for test in tested}
    by_measure = {test.measure: test for test in tested if test.correlation.r is not None}
    shuffled, gain = by_measure.get("ems_shuffled"), by_measure.get("gain")
    if question.x not in _OF_EMS or gain is None or len(models) != 1:
        return ""
    way = "correlates" if _is_significant(gain) else "is not shown to correlate"
    rest = f" With shuffled masses {symbol} = {number(shuffled.correlation.r)}." if shuffled else ""
    return (
        f"What attributions add to the embeddings (gain) {way} with it ({symbol} = "
        f"{number(gain.correlation.r)}, {_corrected_p(gain.p_holm)}).{rest}"
    )


def partial_text(
    question: CorrelationQuestion, partials: Sequence[PartialCorrelation], task: str
) -> str:
    """What is left of the correlation where the controls are held fixed."""
    symbol = "r" if question.kind == "pearson" else SYMBOLS["spearman"]
    if not partials:
        return ""
    pairs = f"{title(question.x, task)} and {label(question.y, task)}"
    if len(partials) == 1:
        names = listing([label(name) for name in partials[0].covariates])
        text = _correlation_text(partials[0].correlation, symbol)
        return f"{pairs} with {names} held fixed: {text}."
    each = "; ".join(
        f"{label(partial.covariates[0])} {_correlation_text(partial.correlation, symbol)}"
        for partial in partials
    )
    return f"{pairs} with one control held fixed at a time: {each}."


def paper_sentence(
    question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], task: str
) -> str:
    """What the page's correlations come to as a paper writes it: coefficient, interval, p, n."""
    main = [
        test for test in tested if test.measure == question.x and test.correlation.r is not None
    ]
    if len(main) != 1:
        return ""
    test, names = main[0], {"pearson": "Pearson's r", "kendall": "Kendall's tau"}
    coefficient = names.get(question.kind, "Spearman's rho")
    way = "correlates" if _is_significant(test) else "is not shown to correlate"
    controls = "; ".join(
        f"{label(name, task)}: {number(other.correlation.r)}"
        for name in ("gain", "ems_uniform")
        for other in tested
        if other.measure == name and name != question.x and other.correlation.r is not None
    )
    correlation = test.correlation
    ends = ""
    if correlation.low is not None and correlation.high is not None:
        ends = f", 95% CI {interval(correlation.low, correlation.high)}"
    return (
        f"{title(question.x, task)} {way} with {label(question.y, task)} over "
        f"{counted_units(question, correlation)} ({coefficient} = {number(correlation.r)}{ends}, "
        f"{_corrected_p(test.p_holm)} over {count(len(tested), 'test')}"
        f"{f'; {controls}' if controls else ''})."
    )


def latex_rows(question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], task: str) -> str:
    """A row of a LaTeX table for each correlation: measure, n, coefficient, interval, p."""
    from ccta_core.reports.study.latex import escaped

    symbol = {"pearson": "r", "kendall": r"\tau"}.get(question.kind, r"\rho")
    head = f"% measure & n & ${symbol}$ with {escaped(label(question.y, task))} & 95\\% & p (Holm)"
    rows = [
        " & ".join(
            (
                escaped(title(test.measure, task)),
                str(test.correlation.n),
                f"${_ascii(number(test.correlation.r))}$",
                f"[${_ascii(number(test.correlation.low))}$, "
                f"${_ascii(number(test.correlation.high))}$]",
                escaped(_ascii(p_value(test.p_holm))),
            )
        )
        + r" \\"
        for test in tested
        if test.correlation.r is not None
    ]
    return "\n".join([head, *rows])


def _ascii(text: str) -> str:
    return text.replace(MINUS, "-").replace(NONE, "--")


def shares_text(two_way: TwoWay, what: str) -> str:
    """The shares of a table's variance: training language, run, language read, residual."""
    overlap = ""
    if abs(two_way.overlap_share) >= 0.005:
        overlap = (
            f"; the two overlap by {percent(abs(two_way.overlap_share))}, since no language is "
            "compared with itself"
        )
    run, of_runs = "", ""
    if two_way.runs is not None:
        run = f"the run {percent(two_way.runs.share)} ({p_phrase(two_way.runs.p)}), "
        of_runs = (
            f" of {count(two_way.n_runs, 'run')}, against which the training language is tested"
        )
    return (
        f"Of the variance in {what}, the training language explains "
        f"{percent(two_way.rows.share)} ({p_phrase(two_way.rows.p)}), {run}the language read "
        f"{percent(two_way.columns.share)} ({p_phrase(two_way.columns.p)}), "
        f"and the residual is {percent(two_way.residual_share)}{overlap} "
        f"(n = {count(two_way.n, 'cell')}{of_runs})."
    )


def name_columns(notice: str, x: str, y: str) -> str:
    """A notice of the statistics with the measures' names for its columns x and y, or a and b."""
    renamed = _COLUMN.sub(
        lambda match: x if match[0] in "ax" else y, notice.partition(" does not")[0]
    )
    return renamed + notice[len(notice.partition(" does not")[0]) :]


def name_measures(notice: str, x: str) -> str:
    """A notice of a partial correlation with the measures by the names the page uses."""
    with_x = re.sub(r"\bx\b(?= [\d.i])", label(x), notice)
    return re.sub(r"\bems_uniform\b", label("ems_uniform"), with_x)


def _main_sentence(question: CorrelationQuestion, test: ScoreCorrelation, task: str) -> str:
    correlation, symbol = test.correlation, SYMBOLS[question.kind]
    x, y = label(question.x, task), label(question.y, task)
    if correlation.r is None:
        return f"No correlation of {x} and {y}: {name_columns(correlation.notice, x, y)}."
    where = f"Over {counted_units(question, correlation)}"
    numbers = ", ".join(
        text for text in (f"{symbol} = {number(correlation.r)}", _corrected_p(test.p_holm)) if text
    )
    doubt = "" if correlation.reliable else ", unreliable"
    if not _is_significant(test):
        return f"{where}, {y} is not shown to correlate with {x} ({numbers}{doubt})."
    way = "positively" if correlation.r > 0 else "negatively"
    return f"{where}, {y} correlates {way} with {x} ({numbers}{doubt})."


def _corrected_p(p: float | None) -> str:
    return f"{p_phrase(p)} after Holm" if p is not None else ""


def _is_significant(test: ScoreCorrelation) -> bool:
    return test.p_holm is not None and test.p_holm < _ALPHA


def _embeddings_sentence(
    question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], main: ScoreCorrelation
) -> str:
    """The correlation with embeddings alone, and what follows for EMS."""
    alone = next((test for test in tested if test.measure == "ems_uniform"), None)
    r = main.correlation.r
    if question.x not in _OF_EMS or r is None or alone is None or alone.correlation.r is None:
        return ""
    text = f"With embeddings alone {SYMBOLS[question.kind]} = {number(alone.correlation.r)}"
    as_large = r * alone.correlation.r > 0 and abs(alone.correlation.r) >= abs(r) - _CLOSE
    if _is_significant(main) and as_large:
        text += ": EMS shows no more than embeddings alone do"
    return f"{text}."


def _models_sentence(
    question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], task: str
) -> str:
    symbol = SYMBOLS[question.kind]
    main = _coefficients(tested, question.x)
    if not main:
        return "No model of those chosen has a correlation; the table says why."
    middle = median(r for r, _ in main)
    way = "positively" if middle > 0 else "negatively"
    along = sum(r * middle > 0 for r, _ in main)
    text = (
        f"{title(question.y, task)} correlates {way} with {label(question.x, task)} in {along} of "
        f"{len(main)} models (median {symbol} = {number(middle)}); {sum(hit for _, hit in main)} "
        "below 0.05 after Holm."
    )
    rest = [
        f"{name} {number(median(r for r, _ in values))} "
        f"({sum(hit for _, hit in values)} below 0.05)"
        for measure, name in (("ems_uniform", "embeddings alone"), ("gain", "gain"))
        if measure != question.x and (values := _coefficients(tested, measure))
    ]
    return f"{text} Median of the controls: {', '.join(rest)}." if rest else text


def _coefficients(tested: Sequence[ScoreCorrelation], measure: str) -> list[tuple[float, bool]]:
    """(coefficient, below .05 after Holm) of every model that has one."""
    return [
        (test.correlation.r, test.p_holm is not None and test.p_holm < _ALPHA)
        for test in tested
        if test.measure == measure and test.correlation.r is not None and test.model != TOGETHER
    ]


def _correlation_text(correlation: Correlation, symbol: str) -> str:
    if correlation.r is None:
        return f"no result ({correlation.notice})"
    text = f"{symbol} = {number(correlation.r)} (95% {interval(correlation.low, correlation.high)}"
    text += f", {p_phrase(correlation.p)})" if correlation.p is not None else ")"
    return text if correlation.reliable else f"{text}, unreliable"
