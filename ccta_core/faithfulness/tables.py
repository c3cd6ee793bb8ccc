"""The report as text: a table for the terminal, a page in Markdown, a verdict in words."""

from collections.abc import Iterator, Sequence

from ccta_core.analysis.intervals import FEW
from ccta_core.faithfulness.report import ALL, GAP, FaithfulnessReport, GroupedEstimate, RankingRow
from ccta_core.faithfulness.settings import CONTROLS, LENGTH, POSITION, RANDOM
from ccta_core.languages import language
from ccta_core.text import count, listing, plain

_COLUMNS = {
    "normalised gap [95%]": GAP,
    "normalised compr.": "normalised_comprehensiveness",
    "normalised suff.": "normalised_sufficiency",
    "comprehensiveness": "comprehensiveness",
    "sufficiency": "sufficiency",
    "flip rank": "flip_rank",
    "mass change": "mass_change",
}
_FEW_GROUPS = (
    "From {} of items no interval is reliable: which settings differ is not shown, the order below "
    "is that of these items alone."
)
_MEANINGS = (
    "Units (words; pieces where a script has no spaces) are removed in descending order of mass: "
    "all their subwords become PAD or MASK, special tokens stay. Read is the probability of the "
    "explained class. `comprehensiveness` is its mean fall over all steps (higher is better), "
    "`sufficiency` its mean fall where only the first units are kept (lower is better). Both are "
    "`normalised` between the worst and the best attainable order of the same text, so that 1 and "
    "0 are the ends whatever the model and the language (Edin et al., 2024). `normalised gap` is "
    "the first less the second, the order against itself turned round: it is 0 on average over "
    "all orders. `flip rank` is the share of units removed until the explained class is no longer "
    "predicted (1: never; lower is better). `mass change` is the largest L1 distance that the "
    "noise moved the masses (lower is steadier)."
)


def table(report: FaithfulnessReport, setting: str) -> str:
    """Every ranking over all languages in aligned columns, the gap by language, the verdict."""
    blocks = []
    for replacement in report.replacements:
        rows = [row for row in report.rows() if row.replacement == replacement]
        blocks += [f"units replaced by {replacement.upper()}", *_aligned(_overall(rows)), ""]
        blocks += [*_aligned(_by_language(report, rows)), ""]
    return "\n".join([*blocks, *faithfulness_verdict(report, setting), *report.notices, ""])


def markdown(report: FaithfulnessReport, setting: str, command: str) -> str:
    """A page with the verdict first, then the tables and where they come from."""
    return "\n".join([*_page(report, setting, command), ""])


def faithfulness_verdict(report: FaithfulnessReport, setting: str) -> list[str]:
    """Whether `setting` names what the model uses, and whether another one does so better.

    By the normalised gap; of two rankings one is called better where the interval of their paired
    differences leaves zero out. The intervals are not adjusted for the number of comparisons.
    """
    return [
        line
        for replacement in report.replacements
        for line in _verdict(report, replacement, setting)
    ]


def _verdict(report: FaithfulnessReport, replacement: str, setting: str) -> Iterator[str]:
    others = [name for name in report.settings if name != setting]
    if others:
        yield _headline(report, replacement, setting, others)
    elif report.groups < FEW:
        yield _FEW_GROUPS.format(count(report.groups, "group"))
    for lang in (ALL, *report.languages):
        name = "All languages" if lang == ALL else language(lang).name
        yield f"{name}: {_of_language(report, replacement, lang, setting, others)}"


def _headline(
    report: FaithfulnessReport, replacement: str, setting: str, others: Sequence[str]
) -> str:
    """In how many languages a setting comes first, and in how many another is clearly better."""
    first, behind = [], []
    for lang in report.languages:
        differences = [
            difference
            for name in others
            if (difference := report.estimate(GAP, replacement, lang, name, setting)) is not None
        ]
        if differences and max(difference.value for difference in differences) < 0:
            first.append(language(lang).name)
        if any(difference.low > 0 for difference in differences):
            behind.append(language(lang).name)
    text = (
        f"Is {setting} the most faithful of the {len(report.settings)} settings, units replaced by "
        f"{replacement.upper()}? It has the largest normalised gap in {_of(first, report)}"
    )
    if report.groups < FEW:
        return f"{text}. {_FEW_GROUPS.format(count(report.groups, 'group'))}"
    return f"{text}; another setting is better, beyond the interval, in {_of(behind, report)}."


def _of(languages: Sequence[str], report: FaithfulnessReport) -> str:
    named = f" ({listing(languages)})" if languages else ""
    return f"{len(languages)} of {count(len(report.languages), 'language')}{named}"


def _of_language(
    report: FaithfulnessReport, replacement: str, lang: str, setting: str, others: Sequence[str]
) -> str:
    """How one setting compares with random rankings and with the other settings."""
    gap = report.estimate(GAP, replacement, lang, setting)
    if gap is None:
        return "the order of removal changes nothing."
    random = report.estimate(GAP, replacement, lang, setting, RANDOM)
    text = f"gap {_estimate(gap)}"
    if random is not None:
        text += f", less that of random rankings {_estimate(random)}"
    differences = {
        name: difference
        for name in others
        if (difference := report.estimate(GAP, replacement, lang, name, setting)) is not None
    }
    if not differences:
        return f"{text}."
    better = [name for name, difference in differences.items() if difference.low > 0]
    worse = [name for name, difference in differences.items() if difference.high < 0]
    best = max(differences, key=lambda name: differences[name].value)
    if report.groups >= FEW:  # of fewer groups no interval is believed
        text += (
            f"; {len(better)} of {len(differences)} other settings are better, {len(worse)} worse, "
            f"{len(differences) - len(better) - len(worse)} not told apart"
        )
    larger = sum(difference.value > 0 for difference in differences.values())
    return (
        f"{text}; {larger} of {len(differences)} others have a larger gap, the largest of them "
        f"{best}: the difference is {_estimate(differences[best])}."
    )


def _page(report: FaithfulnessReport, setting: str, command: str) -> Iterator[str]:
    yield "# Does an attribution name what the model uses?"
    yield f"\nWritten by `{command}`; the numbers change only when that is run again."
    yield (
        f"\n{report.model}, {report.items} items of {report.corpus} from {report.groups} groups in "
        f"{', '.join(report.languages)}. Explained class: {_TARGETS[report.target]}."
    )
    yield "\n## What it says\n"
    yield from (f"- {line}" for line in (*faithfulness_verdict(report, setting), *report.notices))
    yield f"\n## What is measured\n\n{_MEANINGS}\n"
    yield (
        f"Controls that ignore the model: `{RANDOM}` rankings "
        f"({report.provenance['random_rankings']} of each text, averaged), `{LENGTH}` (the longest "
        f"unit first), `{POSITION}` (the first unit first). Equal masses are ranked at random. "
        "Intervals: 95%, items of one group drawn together, not adjusted for the number of "
        "comparisons; the best of many settings looks better than it is."
    )
    for replacement in report.replacements:
        rows = [row for row in report.rows() if row.replacement == replacement]
        yield f"\n## Units replaced by {replacement.upper()}\n\n{_bounds(report, replacement)}\n"
        yield from _markdown(_overall(rows))
        yield "\nNormalised gap by language; in the last column less that of random rankings:\n"
        yield from _markdown(_by_language(report, rows))
    yield "\n## Provenance\n"
    facts = {"model": report.model, "revision": report.revision, **report.provenance}
    yield "; ".join(f"{name} {value}" for name, value in facts.items() if value is not None)


_TARGETS = {"each": "what the model predicts of each text", "gold": "the gold label"}


def _bounds(report: FaithfulnessReport, replacement: str) -> str:
    facts = report.search[replacement]
    return (
        f"Best and worst order are exact (all orders) for {facts['exact']:.0%} of the texts, else "
        f"from a beam of {report.provenance['beam']}; in {facts['beaten']:.0%} of the texts a "
        "measured order went beyond the beam's and was taken as the bound. Mean room between them: "
        f"{plain(facts['range'], 2)} in probability; texts read: {facts['evaluations']:.0f} for "
        "each sentence."
    )


def _overall(rows: Sequence[RankingRow]) -> list[list[str]]:
    """Every ranking over all languages, all measures."""
    chosen = [row for row in rows if row.lang == ALL]
    columns = {
        head: name for head, name in _COLUMNS.items() if any(name in row.means for row in chosen)
    }
    return [
        ["ranking", *columns],
        *(
            [_label(row.ranking), *(_estimate(row.means.get(name)) for name in columns.values())]
            for row in chosen
        ),
    ]


def _by_language(report: FaithfulnessReport, rows: Sequence[RankingRow]) -> list[list[str]]:
    """The normalised gap of every ranking in every language."""
    by_place = {(row.ranking, row.lang): row for row in rows}
    return [
        ["ranking", *report.languages, "all, less random"],
        *(
            [
                _label(ranking),
                *(_estimate(by_place[ranking, lang].means.get(GAP)) for lang in report.languages),
                _estimate(by_place[ranking, ALL].against_random.get(GAP)),
            ]
            for ranking in report.rankings
        ),
    ]


def _label(ranking: str) -> str:
    return f"({ranking})" if ranking in CONTROLS else ranking


def _estimate(estimate: GroupedEstimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{plain(estimate.value, 2)} [{plain(estimate.low, 2)}, {plain(estimate.high, 2)}]"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _markdown(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *rows = lines
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(cells)} |" for cells in rows)
