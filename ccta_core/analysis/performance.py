"""Claim 1 as findings and pages put it: one joint test, what attributions add, items beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from ccta_core.analysis import claims
from ccta_core.analysis.joint import JointCorrelation, joint_correlation, least_permutation_p
from ccta_core.analysis.pooled_items import PooledItems, pooled_items
from ccta_core.analysis.questions import CorrelationQuestion, StudyModel, units
from ccta_core.analysis.scores import LanguageScores, language_scores
from ccta_core.errors import CctaError
from ccta_core.measures import label
from ccta_core.study.storage.table import Study

JOINT = ("ems", "ems_uniform", "gain", "gain_calibrated", "z", "link_spearman")
"""What is put to the joint test: EMS, its embeddings alone, and four scales of what masses add."""
ADDED = ("ems", "gain", "gain_calibrated")
"""What is tested again with embeddings only held fixed."""
ALPHA = 0.05
LEAST_POWER = 0.2
"""Single tests that would see r = .7 more seldom are described, not counted."""


@dataclass(frozen=True, slots=True)
class SingleTests:
    """What single tests of a study, corrected together, could show.

    `tests` of `languages` each; `least_p` is the smallest p after Holm that they allow. `power`
    maps a true r to the chance that one test shows it at the strictest step of the correction
    (`single_power`), `shown` how many of them are below .05 after Holm, by measure.
    """

    tests: int
    languages: int
    least_p: float
    power: Mapping[float, float]
    shown: Mapping[str, int]

    @property
    def can_pass(self) -> bool:
        """Whether any of its tests could be below .05 after the correction, at any effect."""
        return self.least_p < ALPHA

    @property
    def counted(self) -> bool:
        """Whether one of them would be seen often enough that "not shown" says something."""
        return self.can_pass and max(self.power.values(), default=0.0) >= LEAST_POWER


@dataclass(frozen=True, slots=True)
class Performance:
    """Claim 1 over languages, all models of a study together.

    `joint` by measure is the headline; `added` the same with embeddings only held fixed.
    """

    joint: Mapping[str, JointCorrelation]
    added: Mapping[str, JointCorrelation]
    scores: LanguageScores
    models: tuple[str, ...]
    languages: int

    @property
    def table(self) -> pd.DataFrame:
        """One row a measure, and one more with embeddings only held fixed."""
        parts = [("", self.joint), (label("ems_uniform"), self.added)]
        rows = [
            {
                "measure": name,
                "held_fixed": fixed,
                "mean_r": entry.r,
                "low": entry.low,
                "high": entry.high,
                "p": entry.p,
                "p_error": entry.p_error,
                "least_p": entry.least_p,
                "detectable": entry.detectable,
                "models": len(entry.by_model),
                "languages": entry.n_languages,
            }
            for fixed, entries in parts
            for name, entry in entries.items()
        ]
        return pd.DataFrame(rows)


def performance(study: Study, layer: int) -> Performance | None:
    """Returns claim 1 over languages; None where no model can be tested.

    x of a model and language is the mean measure with the model's training language, y the score in
    the language (`scores.language_scores`); the training language is left out.
    """
    table = cells(study, layer)
    if table.empty:
        return None
    models = tuple(dict.fromkeys(table["model"]))
    wide = {
        name: table.pivot(index="model", columns="target", values=name).to_numpy(float)
        for name in (*JOINT, "score")
    }
    joint, added = {}, {}
    for name in JOINT:
        try:
            joint[name] = joint_correlation(wide[name], wide["score"])
            if name in ADDED:
                added[name] = joint_correlation(wide[name], wide["score"], wide["ems_uniform"])
        except CctaError:  # too few languages, or values that do not vary
            continue
    if "ems" not in joint:
        return None
    return Performance(joint, added, language_scores(study), models, wide["score"].shape[1])


def cells(study: Study, layer: int) -> pd.DataFrame:
    """Returns a row a model and language read: the measures of `JOINT` with the model's training
    language, and the score.
    """
    homes = {entry["id"]: entry["training_language"] for entry in study.manifest.models}
    trained = tuple(StudyModel(model, homes[model]) for model in claims.models(study))
    question = CorrelationQuestion(
        "language", "ems", "score", "pearson", trained, layer, tuple(study.manifest.languages)
    )
    tables = [units(study, question, model, (*JOINT, "score")) for model in trained]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def single_tests(study: Study, layer: int) -> SingleTests | None:
    """Returns what tests of one model each show and could have shown; None where there is none."""
    tested = claims.by_language(study, layer)
    if not tested:
        return None
    shown = {
        name: sum(
            test.p_holm is not None and test.p_holm < ALPHA
            for test in tested
            if test.measure == name
        )
        for name in ("ems", "ems_uniform", "gain")
    }
    count, languages = len(tested), min(test.correlation.n for test in tested)
    least = min(1.0, count * least_permutation_p(languages))
    power = {
        r: single_power(r, languages, ALPHA / count) if least < ALPHA else 0.0 for r in (0.5, 0.7)
    }
    return SingleTests(count, languages, least, power, shown)


def single_power(r: float, n: int, alpha: float = ALPHA) -> float:
    """Returns the chance that a correlation of r over n units is below alpha, two-sided.

    By Fisher's z, whose standard error is 1 / sqrt(n - 3): close to the permutation's from about
    seven units on.
    """
    if n < 4:
        return 0.0
    shift, critical = np.arctanh(r) * np.sqrt(n - 3), norm.ppf(1 - alpha / 2)
    return float(norm.sf(critical - shift) + norm.cdf(-critical - shift))


def items(study: Study, layer: int) -> PooledItems:
    """Returns claim 1 at the unit item: translations from English (else from the first language),
    whether the model is right in the target language, all models and pairs together.
    """
    return pooled_items(item_table(study, layer))


def item_table(study: Study, layer: int) -> pd.DataFrame:
    """Returns a row a model, pair from English and item, as `pooled_items` takes it."""
    languages = study.manifest.languages
    home = "en" if "en" in languages else languages[0]
    return study.query(
        "SELECT model, training_language, seed, target_lang, source_lang || '-' || target_lang AS "
        'pair, "group", item, ems, gain, ems_uniform, target_confidence, '
        'CAST(target_correct AS INT) AS "right", CAST(source_correct AS INT) AS home, '
        "source_units + target_units AS units, "
        "(source_subwords + target_subwords) / (source_units + target_units) AS fertility "
        "FROM rows WHERE layer = ? AND source_lang = ? AND list_contains(?, model) "
        "ORDER BY model, pair, item",
        [layer, home, claims.models(study)],
    )


@dataclass(frozen=True, slots=True)
class MixedModel:
    """A logistic regression of being right on EMS and embeddings only, with crossed effects.

    `ems` and `uniform` are log odds a standard deviation, with the posterior's SD (variational
    Bayes); `effects` are the standard deviations of item, premise, language, training language and,
    where models differ in it, seed. No slopes vary in it, so its SDs are several times too small:
    `clustered` are the same slopes (EMS, embeddings only) of a logistic regression with languages
    and models as fixed effects, each with its standard error, premises as clusters.
    """

    ems: float
    ems_sd: float
    uniform: float
    uniform_sd: float
    effects: Mapping[str, float]
    clustered: tuple[tuple[float, float], tuple[float, float]]
    n: int


def mixed_model(table: pd.DataFrame) -> MixedModel | None:
    """Fits the crossed mixed model of a table of items (`item_table`); None where it can't be.

    right ~ EMS + embeddings only, with random intercepts of item, premise, language read, training
    language and seed (statsmodels' BinomialBayesMixedGLM, variational Bayes); of the premise alone
    where every item has one of its own. Takes about a minute
    for 40,000 rows.
    """
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    rows = table.dropna(subset=["ems", "ems_uniform", "right"]).copy()
    if len(rows) < 100 or rows["right"].nunique() < 2:
        return None
    for name in ("ems", "ems_uniform"):
        rows[f"{name}_z"] = (rows[name] - rows[name].mean()) / rows[name].std()
    rows["premise"] = rows["group"]
    wanted = {
        "item": "item",
        "premise": "premise",
        "language": "target_lang",
        "training language": "training_language",
        "seed": "seed",
    }
    effects = {name: at for name, at in wanted.items() if rows[at].nunique(dropna=False) > 1}
    if rows["item"].nunique() == rows["group"].nunique():
        effects.pop("item", None)  # one of a premise: the two can't be told apart
    rows = rows.fillna({"seed": 1, "training_language": "none"})
    model = BinomialBayesMixedGLM.from_formula(
        "is_right ~ ems_z + ems_uniform_z",
        {name: f"0 + C({at})" for name, at in effects.items()},
        rows.rename(columns={"right": "is_right"}),
    )
    fit = model.fit_vb()
    spreads = np.exp(fit.vcp_mean)
    names = [str(name) for name in model.vcp_names]
    return MixedModel(
        float(fit.fe_mean[1]),
        float(fit.fe_sd[1]),
        float(fit.fe_mean[2]),
        float(fit.fe_sd[2]),
        dict(zip(names, spreads.tolist(), strict=True)),
        _clustered(rows),
        len(rows),
    )


def _clustered(rows: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]]:
    """Returns slope and standard error of EMS and of embeddings only; groups are the clusters."""
    from statsmodels.formula.api import logit

    formula = "is_right ~ ems_z + ems_uniform_z + C(target_lang) + C(model)"
    fit = logit(formula, rows.rename(columns={"right": "is_right"})).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["group"])[0]}
    )
    ems, uniform = (
        (float(fit.params[at]), float(fit.bse[at])) for at in ("ems_z", "ems_uniform_z")
    )
    return ems, uniform
