"""The report as text: a table for the terminal and a page in Markdown."""

from collections.abc import Iterator, Sequence
from statistics import median

from ccta_core.attribution.methods import traits
from ccta_core.sensitivity.ranking import Agreement, SettingRow
from ccta_core.sensitivity.report import SensitivityReport
from ccta_core.sensitivity.verdict import LOST, SURVIVES
from ccta_core.text import plain

_HEAD = (
    "method",
    "layer",
    "baseline",
    "mass",
    "EMS",
    "gain [95%]",
    "compl. error",
    "converged",
    "evaluations",
    "rho by gain [95%]",
    "tau",
    "within pairs",
    "rho by EMS [95%]",
    "tau",
    "pairs: gain, EMS",
)
_FACTORS = ("method", "layer", "baseline", "mass")


def table(report: SensitivityReport) -> str:
    """Every row in aligned columns, then the verdict."""
    cells = [list(_HEAD), *(_cells(row) for row in _rows(report))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    return "\n".join([*lines, "", *report.verdict, ""])


def markdown(report: SensitivityReport, command: str) -> str:
    """A page with the verdict first, then summaries, every row and where it comes from."""
    return "\n".join([*_page(report, command), ""])


def _page(report: SensitivityReport, command: str) -> Iterator[str]:
    yield "# Does the conclusion survive another method, layer, baseline or mass?"
    yield f"\nWritten by `{command}`; the numbers change only when that is run again."
    yield (
        f"\n{report.model}, {report.items} items of {report.corpus} from {report.groups} premises "
        f"in {', '.join(report.pairs)}: n = {report.n} values in every ranking. Explained class: "
        f"{report.target}. Reference: {report.rows[0].setting}."
    )
    yield "\n## What it says\n"
    yield from (f"- {line}" for line in (*report.verdict, *report.notices))
    yield (
        f"\nThresholds [ours]: a ranking survives from rho {SURVIVES}, is lost below {LOST}, and "
        "is weakened between. The sentences describe these items only."
    )
    yield "\n## By factor\n"
    yield from _markdown(_FACTOR_HEAD, _by_factor(report))
    yield "\n## By language pair\n"
    yield from _markdown(*_by_pair(report))
    yield "\n## Every setting\n"
    yield (
        "EMS, gain: means over items and language pairs. rho, tau: Spearman and Kendall with the "
        "reference over all values; `within pairs` the mean of rho among the items of one language "
        "pair; `pairs` rho among the pairs' means. Intervals: premises resampled. Equal masses "
        "(the last row) are the control: what the embeddings alone give. Gain rests on shuffles: "
        f"with others the reference has rho {_number(report.repeat.spearman)} with itself.\n"
    )
    yield from _markdown(_HEAD, [_cells(row) for row in _rows(report)])
    yield "\n## Methods\n"
    names = dict.fromkeys(row.setting.method for row in report.rows)
    yield from (f"- `{name}`: {traits(name).title}" for name in names)
    yield "\n## Provenance\n"
    facts = {"model": report.model, "revision": report.revision, **report.provenance}
    yield "; ".join(f"{name} {value}" for name, value in facts.items())


def _rows(report: SensitivityReport) -> list[SettingRow]:
    return [*report.rows, report.embeddings]


_FACTOR_HEAD = (
    "factor",
    "value",
    "settings",
    "mean gain",
    "median rho by gain",
    "survive",
    "lost",
    "median rho by EMS",
)


def _by_factor(report: SensitivityReport) -> Iterator[list[str]]:
    """The settings that share one value of one factor, the reference left out."""
    for factor in _FACTORS:
        values = dict.fromkeys(getattr(row.setting, factor) for row in report.rows)
        for value in values:
            rows = [row for row in report.rows[1:] if getattr(row.setting, factor) == value]
            if rows:
                yield [factor, "none" if value is None else str(value), *_summary(rows)]


def _summary(rows: Sequence[SettingRow]) -> list[str]:
    by_gain = [_rho(row.by_gain) for row in rows]
    return [
        str(len(rows)),
        plain(sum(row.gain or 0.0 for row in rows) / len(rows)),
        plain(median(by_gain), 2),
        str(sum(rho >= SURVIVES for rho in by_gain)),
        str(sum(rho < LOST for rho in by_gain)),
        plain(median(_rho(row.by_ems) for row in rows), 2),
    ]


def _rho(agreement: Agreement | None) -> float:
    """Spearman's rho; nothing to rank counts as 0."""
    return 0.0 if agreement is None or agreement.spearman is None else agreement.spearman


def _by_pair(report: SensitivityReport) -> tuple[list[str], list[list[str]]]:
    """The means of the reference and of the equal masses, and in how many settings a pair leads."""
    lead_gain, lead_ems = (
        [max(values(row), key=values(row).__getitem__) for row in report.rows]
        for values in (lambda row: row.pair_gain, lambda row: row.pair_ems)
    )
    first, equal = report.rows[0], report.embeddings
    head = ["pair", "EMS", "gain", "EMS of equal masses", "first by gain", "first by EMS"]
    return head, [
        [
            pair,
            plain(first.pair_ems[pair]),
            plain(first.pair_gain[pair]),
            plain(equal.pair_ems[pair]),
            f"{lead_gain.count(pair)} of {len(report.rows)}",
            f"{lead_ems.count(pair)} of {len(report.rows)}",
        ]
        for pair in report.pairs
    ]


def _cells(row: SettingRow) -> list[str]:
    setting, gain = row.setting, row.by_gain
    unattributed = setting.method == "none"
    return [
        "(equal masses)" if unattributed else setting.method,
        "-" if unattributed else str(setting.layer),
        setting.baseline or "-",
        setting.mass,
        plain(row.ems),
        _interval(row.gain, row.gain_low, row.gain_high, 3),
        "-" if row.completeness_error is None else f"{row.completeness_error:.2%}",
        "-" if row.converged is None else f"{row.converged:.0%}",
        "-" if row.evaluations is None else f"{row.evaluations:.0f}",
        "-" if gain is None else _interval(gain.spearman, gain.low, gain.high, 2),
        _number(gain.kendall if gain else None),
        _number(gain.within if gain else None),
        _interval(row.by_ems.spearman, row.by_ems.low, row.by_ems.high, 2),
        _number(row.by_ems.kendall),
        f"{_number(gain.pairs if gain else None)}, {_number(row.by_ems.pairs)}",
    ]


def _number(value: float | None) -> str:
    return plain(value, 2)


def _interval(value: float | None, low: float | None, high: float | None, digits: int) -> str:
    if value is None:
        return "-"
    text = plain(value, digits)
    if low is None or high is None:
        return text
    return f"{text} [{plain(low, digits)}, {plain(high, digits)}]"


def _markdown(head: Sequence[str], rows: "Iterator[list[str]] | list[list[str]]") -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(cells)} |" for cells in rows)
