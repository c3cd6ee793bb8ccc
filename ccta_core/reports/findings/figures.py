"""One figure a claim: a forest of estimates over models or studies, controls beside them."""

from collections.abc import Sequence

from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.reports.findings.answers import contrasts
from ccta_core.reports.findings.evidence import StudyEvidence, main_studies
from ccta_core.reports.forest import ForestRow, forest

_CONTROLS = ("ems_uniform",)


def figures(evidence: Sequence[StudyEvidence]) -> dict[str, str]:
    """Returns the figures as SVG by name; a claim without an estimate has none."""
    made = {
        "claim-1": _performance(evidence),
        "claim-2": _training(evidence),
        "claim-3": _synonyms(evidence),
    }
    return {name: svg for name, svg in made.items() if svg}


def _performance(evidence: Sequence[StudyEvidence]) -> str:
    rows = []
    for entry in evidence:
        result = entry.performance
        if result is None:
            continue
        rows.append(ForestRow(f"{entry.name} ({len(result.models)} models)"))
        for name in ("ems", "gain", "ems_uniform"):
            if name in result.joint:
                joint = result.joint[name]
                rows.append(
                    ForestRow(label(name), joint.r, joint.low, joint.high, name in _CONTROLS)
                )
        for name, joint in result.added.items():
            fixed = f"{label(name)}, embeddings held fixed"
            rows.append(ForestRow(fixed, joint.r, joint.low, joint.high))
    if not rows:
        return ""
    title = "Consistency against the score, over languages"
    return forest(rows, title=title, axis="mean correlation over models, 95%", zero=0.0)


def _training(evidence: Sequence[StudyEvidence]) -> str:
    """Draws how far each training language's EMS is below the first one's, by data set."""
    rows = []
    for entry in main_studies(evidence):
        ranking = entry.rankings.get("ems")
        if ranking is None or not ranking.comparisons:
            continue
        first = language(ranking.languages[0].name).name
        rows.append(ForestRow(f"{entry.name}: {first} less"))
        rows += [
            ForestRow(
                language(gap.other).name, gap.difference, gap.low, gap.high, gap.other != "es"
            )
            for gap in ranking.comparisons
        ]
    if not rows:
        return ""
    title = "EMS of the first training language less that of each other"
    return forest(rows, title=title, axis="difference of mean EMS, 95%", zero=0.0, digits=3)


def _synonyms(evidence: Sequence[StudyEvidence]) -> str:
    rows = []
    for entry in evidence:
        by_name = contrasts(entry.synonyms)
        if by_name:
            rows.append(ForestRow(entry.name))
            rows += [
                ForestRow(
                    f"against {name}", each.auc, each.low, each.high, name != "shuffled masses"
                )
                for name, each in by_name.items()
            ]
    if not rows:
        return ""
    title = "Do words that mean the same differ less than others?"
    return forest(rows, title=title, axis="P(the other differs more), 95%", zero=0.5)
