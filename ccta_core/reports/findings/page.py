"""The findings of studies as Markdown, so that no figure is typed in (docs/findings.md)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ccta_core.analysis import claims
from ccta_core.analysis.questions import ScoreCorrelation
from ccta_core.analysis.training_languages import TrainingRanking
from ccta_core.analysis.two_way import Effect
from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.measures import WITH_CONTROLS
from ccta_core.reports.findings import answers, sections
from ccta_core.reports.findings.sections import number, span
from ccta_core.reports.markdown import markdown_table
from ccta_core.study.storage.table import Study
from ccta_core.text import plain


def findings_page(studies: Sequence[Study]) -> str:
    """Returns the page as Markdown, a section a study."""
    parts = [
        "# Findings: the paper's claims, tested\n",
        "Made by `ccta study findings` from the studies named below; nothing is "
        "typed in. Intervals are 95%, whole groups (premises, paragraphs, languages) resampled; "
        "p is a permutation's, after Holm where a table shows several. EMS mixes the agreement "
        "of attributions with the similarity of embeddings: every EMS stands beside the same "
        "number with uniform masses (embeddings only), with shuffled masses, and against "
        "unrelated sentences. `gain` is EMS less its shuffled mean.\n",
    ]
    studied = [
        _StudiedLayer(study, layer, sections.item_level(study, layer))
        for study in studies
        for layer in study.manifest.layers
    ]
    parts += _answers_in_short(studied)
    for entry in studied:
        study, layer = entry.study, entry.layer
        parts += [*_study_facts(study, layer), *sections.random_head_section(study, layer)]
        parts += [*sections.performance_section(study, layer, entry.items), *_claim_2(study, layer)]
        parts += _claim_3(study, layer)
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _StudiedLayer:
    """What is told of: a study at a layer. Its item level is needed twice and takes long."""

    study: Study
    layer: int
    items: list[claims.ItemLevel]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim: what a study finds, that in words, and what all studies find together."""

    name: str
    find: Callable[[_StudiedLayer], Any]
    answer: Callable[[Any], str]
    together: Callable[[list[Any]], str]


_PerformanceEvidence = tuple[list[ScoreCorrelation], list[claims.ItemLevel]]


def _find_performance(studied: _StudiedLayer) -> _PerformanceEvidence:
    return claims.by_language(studied.study, studied.layer), studied.items


def _answer_performance(evidence: _PerformanceEvidence) -> str:
    tested, _ = evidence
    return f"{answers.performance(tested)} {answers.explained(tested)}".strip()


def _answer_performance_in_all(evidence: list[_PerformanceEvidence]) -> str:
    items = [row for _, rows in evidence for row in rows]
    models = answers.performance_in_all([tested for tested, _ in evidence])
    return f"{models} {answers.items_in_all(items)}".strip()


def _find_rankings(studied: _StudiedLayer) -> dict[str, TrainingRanking | None]:
    return {name: claims.training_languages(studied.study, studied.layer, name) for name in _RANKED}


def _answer_training(rankings: dict[str, TrainingRanking | None]) -> str:
    sentences = dict.fromkeys(answers.training(ranking, name) for name, ranking in rankings.items())
    return " ".join([*sentences, answers.doubts(rankings["ems"])]).strip()


def _answer_training_in_all(rankings: list[dict[str, TrainingRanking | None]]) -> str:
    each = {name: [of_study[name] for of_study in rankings] for name in _RANKED}
    return " ".join(answers.training_in_all(each[name], name, "es") for name in _RANKED)


_RANKED = ("ems", "gain")
_CLAIMS = (
    _Claim(
        "Consistency correlates with performance",
        _find_performance,
        _answer_performance,
        _answer_performance_in_all,
    ),
    _Claim(
        "Models trained on Spanish are the most consistent",
        _find_rankings,
        _answer_training,
        _answer_training_in_all,
    ),
    _Claim(
        "Words that mean the same get different attributions",
        lambda one: claims.synonyms(one.study, one.layer),
        answers.synonyms,
        answers.synonyms_in_all,
    ),
)


def _answers_in_short(studied: Sequence[_StudiedLayer]) -> Iterator[str]:
    """Yields the answers to each claim: all studies together, then a line a study and layer."""
    yield "## In short\n"
    yield "Studies of one data set share items and models: they are no independent evidence.\n"
    for place, claim in enumerate(_CLAIMS, 1):
        evidence, lines = [], []
        for entry in studied:
            try:
                evidence.append(claim.find(entry))
                answer = claim.answer(evidence[-1])
            except CctaError as error:  # the other claims may have their answers
                answer = f"Not answered: {error}."
            lines.append(f"- {_layer_title(entry.study, entry.layer)}: {answer}")
        yield f"**Claim {place}. {claim.name}.** {claim.together(evidence)}\n"
        yield from lines
        yield ""


def _layer_title(study: Study, layer: int) -> str:
    manifest = study.manifest
    return (
        f"`{study.name}` ({manifest.source} {manifest.split}, layer {layer}; "
        f"{manifest.items} items, {len(manifest.languages)} languages, "
        f"{len(claims.models(study))} models)"
    )


def _study_facts(study: Study, layer: int) -> Iterator[str]:
    manifest, (done, total), trained = study.manifest, study.done, claims.models(study)
    yield f"## {study.name}: {manifest.source} {manifest.split}, layer {layer}\n"
    yield (
        f"{manifest.items} items ({manifest.data}, {manifest.part_of_data}, "
        f"{manifest.licence}; {manifest.left_out} left out), {len(manifest.languages)} languages "
        f"({' '.join(manifest.languages)}), {len(trained)} models, {done} of {total} parts. "
        "Gold class explained.\n"
    )
    whole = study.query(
        "SELECT count(*) AS n, avg(CASE WHEN source_converged THEN 1.0 ELSE 0 END) AS converged, "
        "max(source_completeness_error) AS worst, "
        "count(*) FILTER (source_truncated) AS truncated FROM rows WHERE layer = ?",
        [layer],
    ).iloc[0]
    yield (
        f"{whole.n:,.0f} rows; {whole.converged:.1%} of the attributions converged, worst "
        f"completeness error {np.nan_to_num(whole.worst):.1%}; {whole.truncated:.0f} sides were "
        "cut.\n"
    )
    means = ", ".join(f"avg({name}) AS {name}" for name in WITH_CONTROLS)
    values = study.query(
        f"SELECT model, {means} FROM rows WHERE layer = ? GROUP BY model", [layer]
    ).set_index("model")
    scores = claims.checkpoints(study)
    rows = []
    for row in scores[scores["model"].isin(trained)].itertuples():
        measured = values.loc[row.model] if row.model in values.index else ()
        rows.append([row.model, f"{row.score:.3f}", number(row.majority), *map(number, measured)])
    yield markdown_table(["model", "score", "majority", *WITH_CONTROLS], rows)


def _claim_2(study: Study, layer: int) -> Iterator[str]:
    yield '### Claim 2: "Spanish is the most consistent" training language\n'
    for measure in ("ems", "gain", "ems_uniform"):
        try:
            ranking = claims.training_languages(study, layer, measure)
        except CctaError as error:
            yield f"Not answered: {error}.\n"
            break
        if ranking is None:
            yield "This study has fewer than two training languages.\n"
            break
        yield f"By `{measure}`: {ranking.verdict}\n"
        if not ranking.languages:
            break
        rows = [
            (language(row.name).name, plain(row.mean), span(row, 3), row.seeds)
            for row in ranking.languages
        ]
        yield markdown_table(["training language", "mean", "95%", "seeds"], rows)
    yield from _two_ways(study, layer)


def _two_ways(study: Study, layer: int) -> Iterator[str]:
    """Yields how the variance is shared between training language and language read, a line a
    measure.
    """
    by_measure = claims.two_ways(study, layer)
    if not by_measure:
        return
    several = any(analysis.runs for analysis in by_measure.values())
    against = " The training language is tested against the runs (seeds) of one language."
    yield (
        "**The training language or the language read?** One value a model and language (its mean "
        "over all pairs with the language); what is left over is chance and interaction. p is of "
        f"these models and languages.{against if several else ''}\n"
    )
    for measure, analysis in by_measure.items():
        run = f"{_share(analysis.runs)} by the run, " if analysis.runs else ""
        yield (
            f"- `{measure}`: {_share(analysis.columns)} of the variance is explained by the "
            f"language read, {_share(analysis.rows)} by the training language, "
            f"{run}{analysis.residual_share:.0%} is left over ({analysis.n_rows} training "
            f"languages{f', {analysis.n_runs} runs' if run else ''}, {analysis.n_columns} "
            "languages)."
        )
    yield ""


def _share(effect: Effect) -> str:
    return f"{effect.share:.0%} (p = {number(effect.p)})"


def _claim_3(study: Study, layer: int) -> Iterator[str]:
    yield "### Claim 3: multilingual synonyms get different attributions\n"
    test = claims.synonyms(study, layer)
    yield (
        "Mean |n_s m_i - n_t m_j| over a sentence pair's word links (1 is a uniform share), "
        "against the same source words with an unlinked word of like frequency (at random where "
        "the model's tokenizer has no frequencies) and against shuffled masses. AUC is P(the other "
        "differs more than the linked).\n"
    )
    rows = []
    for title, contrast in (("unlinked words", test.unlinked), ("shuffled masses", test.shuffled)):
        values = [
            number(contrast.linked),
            number(contrast.other),
            number(contrast.auc),
            span(contrast, 3),
        ]
        rows.append([title, *values, number(contrast.p), f"{contrast.n:,}", contrast.n_groups])
    columns = ["against", "linked (median)", "other (median)", "AUC", "95%", "p", "pairs", "groups"]
    yield markdown_table(columns, rows)
