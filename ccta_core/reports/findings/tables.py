"""The findings' tables as frames: each goes to a CSV file beside the page."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

import pandas as pd

from ccta_core.analysis import claims
from ccta_core.analysis.performance import MixedModel
from ccta_core.analysis.pooled_items import PooledEstimate
from ccta_core.analysis.questions import ScoreCorrelation
from ccta_core.analysis.two_way import TwoWay
from ccta_core.measures import WITH_CONTROLS, label
from ccta_core.reports.findings.answers import contrasts
from ccta_core.reports.findings.evidence import StudyEvidence


def tables(evidence: Sequence[StudyEvidence]) -> dict[str, pd.DataFrame]:
    """Returns every table by name, one row a study, layer and whatever the name says."""
    parts = {
        "models": _models,
        "joint": _joint,
        "single-tests": _single_tests,
        "by-language": lambda entry: _correlations(claims.by_language(entry.study, entry.layer)),
        "by-pair": lambda entry: _correlations(claims.by_pair(entry.study, entry.layer)),
        "items": _items,
        "training-languages": _training,
        "training-comparisons": _comparisons,
        "two-way": _two_way,
        "synonyms": _synonyms,
        "random-head": _random_head,
        "chance-of-gain": _chance,
    }
    made = {name: _together(evidence, make) for name, make in parts.items()}
    return {name: table for name, table in made.items() if len(table)}


def _together(
    evidence: Sequence[StudyEvidence], make: Callable[[StudyEvidence], pd.DataFrame]
) -> pd.DataFrame:
    frames = []
    for entry in evidence:
        frame = make(entry)
        if len(frame):
            frame.insert(0, "study", entry.study.name)
            frame.insert(1, "layer", entry.layer)
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _models(entry: StudyEvidence) -> pd.DataFrame:
    means = ", ".join(f"avg({name}) AS {name}" for name in WITH_CONTROLS)
    values = entry.study.query(
        f"SELECT model, {means} FROM rows WHERE layer = ? AND list_contains(?, model) "
        "GROUP BY model ORDER BY model",
        [entry.layer, claims.models(entry.study)],
    )
    scores = claims.checkpoints(entry.study)
    return values.merge(scores.drop(columns="excess_low"), on="model", how="left")


def _joint(entry: StudyEvidence) -> pd.DataFrame:
    result = entry.performance
    if result is None:
        return pd.DataFrame()
    scores = "cards" if result.scores.from_cards else "study"
    return result.table.assign(score_from=scores, score_items=result.scores.items)


def _single_tests(entry: StudyEvidence) -> pd.DataFrame:
    single = entry.single
    if single is None:
        return pd.DataFrame()
    row = {
        "tests": single.tests,
        "languages": single.languages,
        "least_p_after_holm": single.least_p,
        "can_pass": single.can_pass,
        **{f"power_at_r_{r}": value for r, value in single.power.items()},
        **{
            f"shown_{name}": hits if single.counted else None for name, hits in single.shown.items()
        },
    }
    return pd.DataFrame([row])


def _correlations(tested: Sequence[ScoreCorrelation]) -> pd.DataFrame:
    columns = ["r", "low", "high", "p", "p_error", "n", "n_groups", "reliable"]
    return pd.DataFrame(
        {
            "model": row.model,
            "measure": row.measure,
            **{name: getattr(row.correlation, name) for name in columns},
            "p_holm": row.p_holm,
        }
        for row in tested
    )


def _items(entry: StudyEvidence) -> pd.DataFrame:
    named: dict[str, PooledEstimate | None] = {
        f"AUROC of {name}": value for name, value in entry.items.aurocs.items()
    }
    named |= {
        "AUROC of ems less that of the confidence": entry.items.less_confidence,
        "partial r of ems, embeddings, length and fertility held fixed": entry.items.partial,
    }
    return pd.DataFrame(
        {"what": name, **asdict(value)} for name, value in named.items() if value is not None
    )


def _training(entry: StudyEvidence) -> pd.DataFrame:
    return pd.DataFrame(
        {"measure": measure, "place": place, **asdict(row), "p_highest": ranking.p_highest}
        for measure, ranking in entry.rankings.items()
        if ranking is not None
        for place, row in enumerate(ranking.languages, 1)
    )


def _comparisons(entry: StudyEvidence) -> pd.DataFrame:
    return pd.DataFrame(
        {"measure": measure, **asdict(row)}
        for measure, ranking in entry.rankings.items()
        if ranking is not None
        for row in ranking.comparisons
    )


def _two_way(entry: StudyEvidence) -> pd.DataFrame:
    return pd.DataFrame(
        {"measure": measure, **_shares(analysis)}
        for measure, analysis in claims.two_ways(entry.study, entry.layer).items()
    )


def _shares(analysis: TwoWay) -> dict[str, float | int | None]:
    run = analysis.runs
    return {
        "training_language_share": analysis.rows.share,
        "training_language_p": analysis.rows.p,
        "run_share": run.share if run else None,
        "run_p": run.p if run else None,
        "language_read_share": analysis.columns.share,
        "language_read_p": analysis.columns.p,
        "left_over": analysis.residual_share,
        "cells": analysis.n,
    }


def _synonyms(entry: StudyEvidence) -> pd.DataFrame:
    return pd.DataFrame(
        {"against": name, **asdict(contrast)}
        for name, contrast in contrasts(entry.synonyms).items()
    )


def _random_head(entry: StudyEvidence) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": check.model,
            "measure": name,
            "trained": fall.trained,
            "random": fall.random,
            "fall": fall.fall.value,
            "fall_low": fall.fall.low,
            "fall_high": fall.fall.high,
            "kept": fall.random / fall.trained if fall.trained > 0 else None,
            "kept_low": fall.kept.low if fall.kept else None,
            "kept_high": fall.kept.high if fall.kept else None,
            "n": check.n,
        }
        for check in entry.random_heads
        for name, fall in (("ems", check.ems), ("gain", check.gain))
    )


def _chance(entry: StudyEvidence) -> pd.DataFrame:
    if entry.chance is None:
        return pd.DataFrame()
    shares = {
        "unrelated": entry.chance.unrelated,
        "agreement on translations": entry.chance.agreement,
        "another class": entry.chance.other_class,
    }
    rows = [
        {
            "what": name,
            "mean": share.mean,
            "of_gain": share.of_gain,
            "low": share.ends.low if share.ends else None,
            "high": share.ends.high if share.ends else None,
            "gain": share.gain,
            "rows": share.rows,
            "groups": share.groups,
        }
        for name, share in shares.items()
        if share is not None
    ]
    return pd.DataFrame(rows)


def mixed_table(model: MixedModel) -> pd.DataFrame:
    """Returns a crossed mixed model as a table."""
    rows = [
        {"what": "EMS, log odds a standard deviation", "value": model.ems, "sd": model.ems_sd},
        {"what": "embeddings only, the same", "value": model.uniform, "sd": model.uniform_sd},
        *(
            {"what": f"{name}, premises as clusters", "value": slope, "sd": error}
            for name, (slope, error) in zip(
                ("EMS", label("ems_uniform")), model.clustered, strict=True
            )
        ),
        *(
            {"what": f"standard deviation of {name}", "value": value}
            for name, value in model.effects.items()
        ),
    ]
    return pd.DataFrame(rows).assign(n=model.n)
