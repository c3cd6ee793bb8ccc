"""The findings of studies as Markdown, so that no figure is typed in (docs/findings.md)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ccta_core.analysis import claims
from ccta_core.analysis.questions import ScoreCorrelation
from ccta_core.analysis.training_languages import TrainingRanking
from ccta_core.analysis.two_way import Effect
from ccta_core.analysis.wording import name_of, number, span
from ccta_core.errors import CctaError
from ccta_core.measures import WITH_CONTROLS
from ccta_core.reports.findings import answers, sections
from ccta_core.reports.markdown import markdown_table
from ccta_core.study.storage.table import Study
from ccta_core.text import plain


def page(studies: Sequence[Study]) -> str:
    """The page as Markdown, a section a study."""
    parts = [
        "# Findings: the paper's claims, tested\n",
        "Made by `ccta study findings` from the studies named below; nothing is "
        "typed in. Intervals are 95%, whole groups (premises, paragraphs, languages) resampled; "
        "p is a permutation's, after Holm where a table shows several. EMS mixes the agreement "
        "of attributions with the similarity of embeddings: every EMS stands beside the same "
        "number with uniform masses (embeddings only), with shuffled masses, and against "
        "unrelated sentences. `gain` is EMS less its shuffled mean.\n",
    ]
    told = [
        _Told(study, layer, sections.item_level(study, layer))
        for study in studies
        for layer in study.manifest.layers
    ]
    parts += _in_short(told)
    for one in told:
        study, layer = one.study, one.layer
        parts += [*_measured(study, layer), *sections.random_head_section(study, layer)]
        parts += [*sections.performance_section(study, layer, one.items), *_second(study, layer)]
        parts += _third(study, layer)
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of: a study at a layer. Its item level is needed twice and takes long."""

    study: Study
    layer: int
    items: list[claims.ItemLevel]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim: what a study finds, that in words, and what all studies find together."""

    name: str
    find: Callable[[_Told], Any]
    answer: Callable[[Any], str]
    together: Callable[[list[Any]], str]


_Performed = tuple[list[ScoreCorrelation], list[claims.ItemLevel]]


def _performed(one: _Told) -> _Performed:
    return claims.by_language(one.study, one.layer), one.items


def _performs(found: _Performed) -> str:
    tested, _ = found
    return f"{answers.performance(tested)} {answers.explained(tested)}".strip()


def _performs_in_all(found: list[_Performed]) -> str:
    items = [row for _, rows in found for row in rows]
    said = answers.performance_in_all([tested for tested, _ in found])
    return f"{said} {answers.items_in_all(items)}".strip()


def _rankings(one: _Told) -> dict[str, TrainingRanking | None]:
    return {name: claims.training_languages(one.study, one.layer, name) for name in _RANKED}


def _trained(rankings: dict[str, TrainingRanking | None]) -> str:
    said = dict.fromkeys(answers.training(found, name) for name, found in rankings.items())
    return " ".join([*said, answers.doubts(rankings["ems"])]).strip()


def _trained_in_all(found: list[dict[str, TrainingRanking | None]]) -> str:
    each = {name: [one[name] for one in found] for name in _RANKED}
    return " ".join(answers.training_in_all(each[name], name, "es") for name in _RANKED)


_RANKED = ("ems", "gain")
_CLAIMS = (
    _Claim(
        "Consistency correlates with performance",
        _performed,
        _performs,
        _performs_in_all,
    ),
    _Claim(
        "Models trained on Spanish are the most consistent",
        _rankings,
        _trained,
        _trained_in_all,
    ),
    _Claim(
        "Words that mean the same get different attributions",
        lambda one: claims.synonyms(one.study, one.layer),
        answers.synonyms,
        answers.synonyms_in_all,
    ),
)


def _in_short(told: Sequence[_Told]) -> Iterator[str]:
    """The answers to each claim: all studies together, then a line a study and layer."""
    yield "## In short\n"
    yield "Studies of one data set share items and models: they are no independent evidence.\n"
    for place, claim in enumerate(_CLAIMS, 1):
        found, lines = [], []
        for one in told:
            try:
                found.append(claim.find(one))
                said = claim.answer(found[-1])
            except CctaError as error:  # the other claims may have their answers
                said = f"Not answered: {error}."
            lines.append(f"- {_where(one.study, one.layer)}: {said}")
        yield f"**Claim {place}. {claim.name}.** {claim.together(found)}\n"
        yield from lines
        yield ""


def _where(study: Study, layer: int) -> str:
    manifest = study.manifest
    return (
        f"`{study.name}` ({manifest.source} {manifest.split}, layer {layer}; "
        f"{manifest.items} items, {len(manifest.languages)} languages, "
        f"{len(claims.models(study))} models)"
    )


def _measured(study: Study, layer: int) -> Iterator[str]:
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


def _second(study: Study, layer: int) -> Iterator[str]:
    yield '### Claim 2: "Spanish is the most consistent" training language\n'
    for measure in ("ems", "gain", "ems_uniform"):
        try:
            found = claims.training_languages(study, layer, measure)
        except CctaError as error:
            yield f"Not answered: {error}.\n"
            break
        if found is None:
            yield "This study has fewer than two training languages.\n"
            break
        yield f"By `{measure}`: {found.verdict}\n"
        if not found.languages:
            break
        rows = [
            (name_of(one.name), plain(one.mean), span(one, 3), one.seeds) for one in found.languages
        ]
        yield markdown_table(["training language", "mean", "95%", "seeds"], rows)
    yield from _two_ways(study, layer)


def _two_ways(study: Study, layer: int) -> Iterator[str]:
    """Whose doing the differences are, a line a measure."""
    found = claims.two_ways(study, layer)
    if not found:
        return
    several = any(one.runs for one in found.values())
    against = " The training language is tested against the runs (seeds) of one language."
    yield (
        "**The training language or the language read?** One value a model and language (its mean "
        "over all pairs with the language); what is left over is chance and interaction. p is of "
        f"these models and languages.{against if several else ''}\n"
    )
    for measure, one in found.items():
        run = f"{_share(one.runs)} by the run, " if one.runs else ""
        yield (
            f"- `{measure}`: {_share(one.columns)} of the variance is explained by the language "
            f"read, {_share(one.rows)} by the training language, {run}{one.residual_share:.0%} is "
            f"left over ({one.n_rows} training languages{f', {one.n_runs} runs' if run else ''}, "
            f"{one.n_columns} languages)."
        )
    yield ""


def _share(effect: Effect) -> str:
    return f"{effect.share:.0%} (p = {number(effect.p)})"


def _third(study: Study, layer: int) -> Iterator[str]:
    yield "### Claim 3: multilingual synonyms get different attributions\n"
    found = claims.synonyms(study, layer)
    yield (
        "Mean |n_s m_i - n_t m_j| over a sentence pair's word links (1 is a uniform share), "
        "against the same source words with an unlinked word of like frequency (at random where "
        "the model's tokenizer has no frequencies) and against shuffled masses. AUC is P(the other "
        "differs more than the linked).\n"
    )
    rows = []
    for title, one in (("unlinked words", found.unlinked), ("shuffled masses", found.shuffled)):
        values = [number(one.linked), number(one.other), number(one.auc), span(one, 3)]
        rows.append([title, *values, number(one.p), f"{one.n:,}", one.n_groups])
    columns = ["against", "linked (median)", "other (median)", "AUC", "95%", "p", "pairs", "groups"]
    yield markdown_table(columns, rows)
