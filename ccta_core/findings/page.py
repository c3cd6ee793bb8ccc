"""Writes docs/findings.md from the studies, so that no figure is typed in.

python -m ccta_core.findings.page STUDY [STUDY ...]
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from ccta_core.findings import claims, frames
from ccta_core.languages import language
from ccta_core.statistics.correlation import Correlation
from ccta_core.statistics.synonyms import Contrast
from ccta_core.study.table import Study, open_study

_PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
_MOST_PAIRS = 6
"""Pairs with English shown at the item level; the others are in the study."""
_ALPHA = 0.05


def page(studies: Sequence[Study]) -> str:
    """The page as Markdown, a section a study."""
    parts = [
        "# Findings: the paper's claims, tested\n",
        "Made by `python -m ccta_core.findings.page` from the studies named below; nothing is "
        "typed in. Intervals are 95%, whole groups (premises, paragraphs, languages) resampled; "
        "p is a permutation's, after Holm where a table shows several. EMS mixes the agreement "
        "of attributions with the similarity of embeddings: every EMS stands beside the same "
        "number with uniform masses (embeddings only), with shuffled masses, and against "
        "unrelated sentences. `gain` is EMS less its shuffled mean.\n",
    ]
    for study in studies:
        for layer in study.plan.layers:
            parts += [*_measured(study, layer), *_first(study, layer)]
            parts += [*_second(study, layer), *_third(study, layer)]
    return "\n".join(parts)


def _measured(study: Study, layer: int) -> Iterator[str]:
    plan, (done, total) = study.plan, study.done
    yield f"## {plan.source} {plan.split}, layer {layer}\n"
    yield (
        f"Study `{study.name}`: {plan.items} items ({plan.data}, {plan.licence}; {plan.left_out} "
        f"left out), {len(plan.languages)} languages ({' '.join(plan.languages)}), "
        f"{len(plan.models)} models, {done} of {total} parts. Gold class explained.\n"
    )
    ((rows, converged, worst, truncated),) = study.sql(
        "SELECT count(*), avg(CASE WHEN source_converged THEN 1.0 ELSE 0 END), "
        "max(source_completeness_error), sum(CASE WHEN source_truncated THEN 1 ELSE 0 END) "
        "FROM rows WHERE layer = ?",
        [layer],
    ).fetchall()
    yield (
        f"{rows:,} rows; {converged:.1%} of the attributions converged, worst completeness error "
        f"{worst or 0:.1%}; {truncated} sides were cut.\n"
    )
    yield "| model | score | majority |" + "".join(f" {name} |" for name in frames.MEASURES)
    yield "|---|---|---|" + "---|" * len(frames.MEASURES)
    means = ", ".join(f"avg({name})" for name in frames.MEASURES)
    values = {
        row[0]: row[1:]
        for row in study.sql(
            f"SELECT model, {means} FROM rows WHERE layer = ? GROUP BY model", [layer]
        ).fetchall()
    }
    for row in frames.checkpoints(study).itertuples():
        cells = "".join(f" {_number(value)} |" for value in values.get(row.model, ()))
        yield f"| {row.model} | {row.score:.3f} | {_number(row.majority)} |{cells}"
    yield ""


def _first(study: Study, layer: int) -> Iterator[str]:
    yield "### Claim 1: consistency goes with performance\n"
    for title, found in (
        ("Unit language: mean with the training language against the language's score",
         claims.by_language(study, layer)),
        ("Unit pair: mean of the pair against the mean score of its languages (Mantel)",
         claims.by_pair(study, layer)),
    ):  # fmt: skip
        if found:
            yield f"**{title}.** {_summary(found)}\n"
            yield from _correlations(found)
    yield from _item_level(study, layer)


def _summary(found: Sequence[claims.Tested]) -> str:
    """How many models show it, for EMS and for embeddings alone."""
    sentences = []
    for measure in ("ems", "gain", "ems_uniform"):
        own = [one for one in found if one.measure == measure and one.found.r is not None]
        if own:
            held = sum(one.p_holm is not None and one.p_holm < _ALPHA for one in own)
            middle = float(np.median([one.found.r for one in own if one.found.r is not None]))
            sentences.append(
                f"`{measure}`: median r {middle:.2f} over {len(own)} models, {held} with p < .05 "
                "after Holm"
            )
    return "; ".join(sentences) + "." if sentences else ""


def _correlations(found: Sequence[claims.Tested]) -> Iterator[str]:
    yield "| model | measure | r | 95% | p | p (Holm) | n |\n|---|---|---|---|---|---|---|"
    for one in found:
        result = one.found
        mark = "" if result.reliable else " (unreliable)"
        yield (
            f"| {one.model} | {one.measure} | {_number(result.r)} | {_span(result)}{mark} | "
            f"{_number(result.p)} | {_number(one.p_holm)} | {result.n_groups} |"
        )
    yield ""


def _item_level(study: Study, layer: int) -> Iterator[str]:
    langs = study.plan.languages
    home = [pair for pair in combinations(langs, 2) if "en" in pair] or list(combinations(langs, 2))
    pairs = [pair if pair[0] == "en" else pair[::-1] for pair in home][:_MOST_PAIRS]
    rows = list(claims.by_item(study, layer, pairs))
    if not rows:
        return
    yield (
        "**Unit item: AUROC of each measure as a predictor of a right prediction in the target "
        "language** (.5 says nothing; the model's own confidence is the baseline to beat), and the "
        "partial correlation of EMS with being right, embeddings only, length and fertility held "
        "fixed.\n"
    )
    names = claims.ITEM_MEASURES
    yield "| model | pair | n | " + " | ".join(names) + " | partial r of EMS | 95% |"
    yield "|---|---|---|" + "---|" * (len(names) + 2)
    for row in rows:
        cells = [_number(row.aurocs[name].auc if name in row.aurocs else None) for name in names]
        partial = row.partial.correlation if row.partial else None
        yield (
            f"| {row.model} | {row.pair} | {row.n} | " + " | ".join(cells) + " | "
            f"{_number(partial.r if partial else None)} | {_span(partial) if partial else ''} |"
        )
    yield ""


def _second(study: Study, layer: int) -> Iterator[str]:
    yield '### Claim 2: "Spanish is the most consistent" training language\n'
    any_found = False
    for measure in ("ems", "gain", "ems_uniform"):
        found = claims.training_languages(study, layer, measure)
        if found is None or not found.languages:
            continue
        any_found = True
        yield f"By `{measure}`: {found.verdict}\n"
        yield "| training language | mean | 95% | seeds |\n|---|---|---|---|"
        for one in found.languages:
            span = "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
            yield f"| {_name(one.name)} | {one.mean:.3f} | {span} | {one.seeds} |"
        yield ""
    if not any_found:
        yield "This study has fewer than two training languages.\n"


def _third(study: Study, layer: int) -> Iterator[str]:
    yield "### Claim 3: multilingual synonyms get different attributions\n"
    found = claims.synonyms(study, layer)
    yield (
        "Mean |n_s m_i - n_t m_j| over a sentence pair's word links (1 is a uniform share), "
        "against the same words re-paired within the sentence (their frequencies are not matched) "
        "and against shuffled masses. AUC is P(the other differs more than the linked).\n"
    )
    yield "| against | linked (median) | other (median) | AUC | 95% | p | pairs | groups |"
    yield "|---|---|---|---|---|---|---|---|"
    for title, one in (("re-paired words", found.unlinked), ("shuffled masses", found.shuffled)):
        yield (
            f"| {title} | {_number(one.linked)} | {_number(one.other)} | {_number(one.auc)} | "
            f"{_contrast_span(one)} | {_number(one.p)} | {one.n:,} | {one.n_groups} |"
        )
    yield ""


def _name(code: str) -> str:
    return language(code).name


def _number(value: float | None) -> str:
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:.1e}" if 0 < abs(value) < 0.0005 else f"{value:.3f}"


def _span(found: Correlation) -> str:
    return "" if found.low is None or found.high is None else f"{found.low:.2f} to {found.high:.2f}"


def _contrast_span(found: Contrast) -> str:
    return "" if found.low is None or found.high is None else f"{found.low:.3f} to {found.high:.3f}"


def main() -> None:
    """Writes the page from the studies named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="+")
    options = parser.parse_args()
    _PAGE.write_text(page([open_study(name) for name in options.studies]), encoding="utf-8")


if __name__ == "__main__":
    main()
