"""The findings of studies: page, figures and tables, so that no number is typed in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ccta_core.analysis.chance import Share
from ccta_core.analysis.claims import models
from ccta_core.analysis.performance import MixedModel, item_table, mixed_model
from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.reports.findings import answers
from ccta_core.reports.findings.evidence import StudyEvidence, gather, main_studies
from ccta_core.reports.findings.figures import figures
from ccta_core.reports.findings.first_page import Apart, five_lines, warnings
from ccta_core.reports.findings.tables import mixed_table, tables
from ccta_core.reports.markdown import markdown_table
from ccta_core.study.storage.table import Study
from ccta_core.text import count, interval, listing, number, p_value, percent, signed

TITLE = "# Findings: the paper's claims, tested\n"
_CLAIMS = {
    1: "Claim 1: consistency correlates with performance",
    2: "Claim 2: models trained on Spanish are the most consistent",
    3: "Claim 3: words that mean the same get different attributions",
}


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """The page, its figures as SVG and its tables, by the names of their files."""

    page: str
    figures: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def findings_page(studies: Sequence[Study]) -> str:
    """Returns the page as Markdown without figures and files: what `ccta study findings` prints."""
    return findings(studies).page


def findings(
    studies: Sequence[Study],
    *,
    folder: str = "",
    link_errors: Mapping[str, float] | None = None,
    apart: Apart | None = None,
    mixed: bool = False,
) -> Findings:
    """Returns what studies say to the claims.

    `folder`: where figures and tables will lie beside the page, named in its links; nothing of both
    without one. `link_errors`: the alignment error rate of word links by pair of languages, shown
    beside claim 3. `apart`: controls that no study holds. `mixed` adds the crossed mixed model of
    the first study (a minute).
    """
    evidence = gather(studies)
    made, drawn = {}, {}
    if folder:
        made, drawn = tables(evidence), figures(evidence)
    model = mixed_model(item_table(evidence[0].study, evidence[0].layer)) if mixed else None
    if model is not None:
        made["mixed-model"] = mixed_table(model)
    parts = [TITLE, *five_lines(evidence, apart), "", warnings(evidence), ""]
    for place, part in (
        (1, _performance(evidence, model)),
        (2, _training(evidence)),
        (3, _synonyms(evidence, link_errors or {})),
    ):
        parts.append(f"## {_CLAIMS[place]}\n")
        if f"claim-{place}" in drawn:
            parts.append(f"![{_CLAIMS[place]}]({folder}/claim-{place}.svg)\n")
        parts += part
    parts += _random_head(evidence)
    parts += _chance(evidence)
    parts += _studies(evidence)
    if made:
        links = ", ".join(f"[{name}]({folder}/{name}.csv)" for name in made)
        parts.append(f"## Tables\n\n{links}\n")
    return Findings("\n".join(parts).rstrip() + "\n", drawn, made)


def _performance(evidence: Sequence[StudyEvidence], model: MixedModel | None) -> Iterator[str]:
    yield (
        "x of a model and language is the mean EMS with the model's training language, y its score "
        "in the language. The headline is one test for all models of a study: languages permuted "
        "together, since models share encoder and items. Intervals draw languages, the same for "
        "all models. Models whose training language is read count, also those that claim 2 leaves "
        "out as not shown to be above the majority.\n"
    )
    for entry in evidence:
        yield f"- `{entry.name}`: {answers.performance(entry.performance)}"
    yield ""
    yield (
        "Single models are tested too. A test that can't be below .05 after Holm's correction at "
        "any effect is described and not counted:\n"
    )
    for entry in evidence:
        yield f"- `{entry.name}`: {answers.single_tests(entry.single)}"
    yield ""
    yield (
        "Item by item the question is another one: does EMS tell which translations the model gets "
        "right? Taken within each model and pair from English and averaged, premises or paragraphs "
        "drawn.\n"
    )
    for entry in evidence:
        yield f"- `{entry.name}`: {answers.items(entry.items)}"
    yield ""
    if model is not None:
        effects = ", ".join(f"{name} {number(value)}" for name, value in model.effects.items())
        yield (
            f"A crossed mixed model of `{evidence[0].name}` ({model.n:,} predictions; logistic, "
            "random intercepts): a standard deviation of EMS moves the log odds of a right "
            f"prediction by {signed(model.ems)} (SD {number(model.ems_sd)}), one of embeddings "
            f"only by {signed(model.uniform)} (SD {number(model.uniform_sd)}); standard deviations "
            f"of the intercepts: {effects}. Slopes do not vary in it, so its SDs are several times "
            "too small: a logistic regression with languages and models as fixed effects and "
            f"premises as clusters gives {_slopes(model)}.\n"
        )


def _slopes(model: MixedModel) -> str:
    told = zip(("EMS", label("ems_uniform")), model.clustered, strict=True)
    return " and ".join(
        f"{name} {signed(slope)} (standard error {number(error)})" for name, (slope, error) in told
    )


def _training(evidence: Sequence[StudyEvidence]) -> Iterator[str]:
    yield (
        "Gain grows with the concentration of mass; z (gain in standard deviations of the "
        "shuffled) and the rank correlation of linked words do not. A first place that another of "
        "these turns round is no finding.\n"
    )
    for entry in evidence:
        if entry.refused:
            yield f"- `{entry.name}`: Not answered: {entry.refused}."
            continue
        by_ems = entry.rankings["ems"]
        sentences = [
            answers.training(by_ems),
            answers.beyond_embeddings(entry.rankings),
            answers.doubts(by_ems),
        ]
        yield f"- `{entry.name}`: {' '.join(part for part in sentences if part)}"
    yield ""
    for entry in main_studies(evidence):
        yield from _ranking_table(entry)


def _ranking_table(entry: StudyEvidence) -> Iterator[str]:
    by_ems = entry.rankings.get("ems")
    if by_ems is None or not by_ems.comparisons:
        return
    places = {
        name: {row.name: place for place, row in enumerate(ranking.languages, 1)}
        for name, ranking in entry.rankings.items()
        if ranking is not None
    }
    yield f"`{entry.name}`, by EMS, and the place by the other scales:\n"
    yield markdown_table(
        ["trained on", "EMS", "95%", *(f"place by {label(name)}" for name in answers.BEYOND)],
        [
            [
                language(row.name).name,
                number(row.mean, 3),
                interval(row.low, row.high, 3),
                *(places.get(name, {}).get(row.name, "") for name in answers.BEYOND),
            ]
            for row in by_ems.languages
        ],
    )


def _synonyms(evidence: Sequence[StudyEvidence], link_errors: Mapping[str, float]) -> Iterator[str]:
    yield (
        "Mean |n_s m_i - n_t m_j| over a sentence pair's word links (1 is an even share), against "
        "the same source words with an unlinked word of like frequency, and against shuffled "
        "masses. AUC is P(the other differs more than the linked).\n"
    )
    rows = []
    for entry in evidence:
        for name, contrast in answers.contrasts(entry.synonyms).items():
            rows.append(
                [
                    entry.name,
                    name,
                    number(contrast.linked),
                    number(contrast.other),
                    number(contrast.auc, 3),
                    interval(contrast.low, contrast.high, 3),
                    p_value(contrast.p),
                    contrast.n_groups,
                ]
            )
    columns = ["study", "against", "linked (median)", "other (median)", "AUC", "95%", "p", "groups"]
    yield markdown_table(columns, rows)
    if link_errors:
        rates = ", ".join(f"{pair} {number(rate)}" for pair, rate in link_errors.items())
        wrong = [pair for pair, rate in link_errors.items() if rate > 0.5]
        mostly = f" Those of {', '.join(wrong)} are mostly wrong." if wrong else ""
        yield (
            "The links are machine-made, mutual nearest neighbours of the states; their alignment "
            f"error rate on gold alignments: {rates}.{mostly} Wrong links make words differ more.\n"
        )
    older = [entry.name for entry in evidence if not entry.study.manifest.shuffles_within]
    if older:
        yield (
            f"{listing([f'`{name}`' for name in dict.fromkeys(older)])} shuffled masses once, "
            "across premise and hypothesis, which makes that chance level a little too high; "
            "studies measured now shuffle within each text, as often as EMS's null.\n"
        )


def _random_head(evidence: Sequence[StudyEvidence]) -> Iterator[str]:
    checks = [(entry, check) for entry in evidence for check in entry.random_heads]
    if not checks:
        return
    yield "## Sanity check: a randomly initialised head\n"
    for entry, check in checks:
        stays = "" if check.kept is None else f" {percent(check.kept)} of the gain stays."
        yield (
            f"{check.model} (`{entry.name}`): {check.verdict}{stays} The encoder is the trained "
            "model's, the head one draw; the twin is in no other table or count.\n"
        )
        rows = []
        for name, fall in (("EMS", check.ems), ("gain", check.gain)):
            estimate = fall.fall
            rows.append(
                [
                    name,
                    number(fall.trained, 3),
                    number(fall.random, 3),
                    f"{signed(estimate.value, 3)} ({interval(estimate.low, estimate.high, 3)})",
                ]
            )
        yield markdown_table(["measure", "trained head", "random head", "fall (95%)"], rows)


def _chance(evidence: Sequence[StudyEvidence]) -> Iterator[str]:
    """The gain less what unrelated texts reach, of the studies that have it."""
    held = [(entry, entry.chance) for entry in evidence if entry.chance is not None]
    if not held:
        return
    yield "## What of the gain is agreement on translations\n"
    yield (
        "The gain against unrelated texts of the same class and like length is its chance level: "
        "content words outweigh function words in any sentence. What is left is agreement on "
        "translations. In some items one side explains another class: that share is of the gain "
        "of the same items. Intervals draw premises or paragraphs.\n"
    )
    rows = []
    for entry, found in held:
        rows += [
            [entry.name, "gain", number(found.gain, 3), "100%", ""],
            [entry.name, "of unrelated texts", *_share(found.unrelated)],
            [entry.name, "agreement on translations", *_share(found.agreement)],
        ]
        if found.other_class is not None:
            base = number(found.other_class.gain, 3)
            groups = count(found.other_class.groups, "group")
            what = f"one side for another class (gain of these {groups} of items {base})"
            rows.append([entry.name, what, *_share(found.other_class)])
    yield markdown_table(["study", "what", "mean", "of the gain", "95%"], rows)


def _share(share: Share) -> list[str]:
    ends = share.ends
    span = f"{interval(100 * ends.low, 100 * ends.high, 0)}%" if ends else ""
    return [number(share.mean, 3), percent(share.of_gain), span]


def _studies(evidence: Sequence[StudyEvidence]) -> Iterator[str]:
    yield "## The studies\n"
    for study in dict.fromkeys(id(entry.study) for entry in evidence):
        entry = next(each for each in evidence if id(each.study) == study)
        yield f"- {study_line(entry.study)}"
    yield ""


def study_line(study: Study) -> str:
    """Returns what a study measured, and how, in a line."""
    manifest = study.manifest
    whole = study.query(
        "SELECT count(*) AS n, avg(CASE WHEN source_converged THEN 1.0 ELSE 0 END) AS converged, "
        "count(*) FILTER (source_truncated) AS truncated FROM rows"
    ).iloc[0]
    config = manifest.config
    drawn = len(manifest.models) - len(models(study))
    parts = study.done
    few = (
        f" **Unfinished: {parts.done} of {parts.total} parts.**" if parts.done < parts.total else ""
    )
    twins = f" and {count(drawn, 'twin')} with a random head" if drawn else ""
    return (
        f"`{study.name}`: {manifest.source} {manifest.part_of_data} ({manifest.licence}), "
        f"{count(manifest.items, 'item')}, {count(len(manifest.languages), 'language')} "
        f"({' '.join(manifest.languages)}), {count(len(models(study)), 'model')}{twins}, layer "
        f"{', '.join(map(str, manifest.layers))}, {config['precision']}, "
        f"{config['baseline'].upper()} baseline, {config['shuffles']} shuffles; {whole.n:,.0f} "
        f"rows (a pair both ways), {percent(whole.converged, 1)} converged, "
        f"{whole.truncated:.0f} sides cut.{few}"
    )
