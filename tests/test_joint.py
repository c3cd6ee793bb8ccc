"""One test over all models, items pooled, p-values without a seed: against brute force."""

import itertools
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, pearsonr

from ccta_core.analysis.correlation import correlate
from ccta_core.analysis.intervals import mean_interval
from ccta_core.analysis.joint import joint_correlation, least_permutation_p
from ccta_core.analysis.performance import item_table, mixed_model, single_power
from ccta_core.analysis.permutation import sign_distribution_p, sign_test
from ccta_core.analysis.pooled_items import pooled_items
from ccta_core.analysis.resampling import Groups
from ccta_core.analysis.scores import CARDS, language_scores, same_split
from ccta_core.errors import CctaError
from ccta_core.models.catalog import catalog
from ccta_core.reports.findings import answers
from ccta_core.reports.study.means import summarised
from ccta_core.study.storage.table import open_study
from dashboard.views.languages.tables import matrix_table
from research.documents import planted


def tables(models=4, languages=6, together=0.0, seed=0):
    """x and y of models and languages; `together` of both is the same in every model."""
    generator = np.random.default_rng(seed)
    common, own = (
        generator.normal(size=(2, 1, languages)),
        generator.normal(size=(2, models, languages)),
    )
    x, y = together * common + (1 - together) * own
    for row in range(models):
        x[row, row % languages] = y[row, row % languages] = np.nan
    return x, y


def mean_r(x, y):
    kept = [np.isfinite(a) & np.isfinite(b) for a, b in zip(x, y, strict=True)]
    return np.mean([pearsonr(a[k], b[k]).statistic for a, b, k in zip(x, y, kept, strict=True)])


def test_the_joint_test_is_that_of_every_order():
    x, y = tables()
    result = joint_correlation(x, y, draws=100)
    assert result.r == pytest.approx(mean_r(x, y))
    assert result.by_model == pytest.approx(
        [
            pearsonr(a[np.isfinite(a)], b[np.isfinite(b)]).statistic
            for a, b in zip(x, y, strict=True)
        ]
    )
    orders = itertools.permutations(range(6))
    reached = [abs(mean_r(x, y[:, list(order)])) >= abs(result.r) - 1e-9 for order in orders]
    assert result.p == pytest.approx(np.mean(reached))
    assert (result.p_error, result.least_p) == (0, 1 / 720)


def test_with_something_held_fixed_it_is_the_partial_correlation():
    x, y = tables()
    fixed, _ = tables(seed=3)
    result = joint_correlation(x, y, fixed, draws=100)
    partials = []
    for a, b, c in zip(x, y, fixed, strict=True):
        there = np.isfinite(a)
        design = np.column_stack([np.ones(there.sum()), c[there]])
        left, right = (
            v[there] - design @ np.linalg.lstsq(design, v[there], rcond=None)[0] for v in (a, b)
        )
        partials.append(pearsonr(left, right).statistic)
    assert result.by_model == pytest.approx(partials)
    assert 0 < result.p <= 1


def test_models_that_say_the_same_are_one_piece_of_evidence():
    """Twenty copies of one model are no more than that model."""
    generator = np.random.default_rng(8)
    x, y = generator.normal(size=(2, 7))
    alone = joint_correlation(x[None], y[None], draws=100)
    copies = joint_correlation(np.tile(x, (20, 1)), np.tile(y, (20, 1)), draws=100)
    assert copies.p == alone.p == correlate(x, y, draws=100).p
    assert copies.r == pytest.approx(alone.r)


def test_the_smallest_correlation_it_shows_is_shown_in_four_of_five_cases():
    """One model: Fisher's z itself. Five that share a part of their noise: by simulation."""
    rng = np.random.default_rng(3)
    one = joint_correlation(rng.standard_normal((1, 30)), rng.standard_normal((1, 30)))
    assert one.detectable == pytest.approx(np.tanh(2.8016 / np.sqrt(27)), abs=0.015)

    def draw(slope):
        x = rng.standard_normal((1, 14)) + 0.7 * rng.standard_normal((5, 14))
        noise = rng.standard_normal((1, 14)) + 0.7 * rng.standard_normal((5, 14))
        return joint_correlation(x, slope * x + noise, draws=100)

    empty = [draw(0.0) for _ in range(40)]
    smallest = np.mean([each.detectable for each in empty])
    assert smallest < np.tanh(2.8016 / np.sqrt(11))  # five models say more than one
    slope = smallest / np.sqrt(1 - smallest**2)
    found = [draw(slope).significant for _ in range(60)]
    assert 0.62 < np.mean(found) < 0.95
    few = joint_correlation(rng.standard_normal((1, 4)), rng.standard_normal((1, 4)))
    assert few.detectable > 0.95


def test_tables_that_say_nothing_are_refused():
    with pytest.raises(CctaError, match="one shape"):
        joint_correlation(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(CctaError, match="no model has 4 languages"):
        joint_correlation(np.ones((2, 8)), np.random.default_rng(0).normal(size=(2, 8)))
    assert least_permutation_p(4) == 1 / 24
    assert least_permutation_p(15) == 1e-6


@pytest.mark.parametrize("size", [13, 17])
def test_turned_signs_are_all_counted(size):
    sums = np.random.default_rng(size).normal(0.4, 1, size)
    bits = 1 - 2 * ((np.arange(2**size)[:, None] >> np.arange(size)) & 1)
    every = np.mean(np.abs(bits @ sums) >= abs(sums.sum()) - 1e-9)
    assert sign_distribution_p(sums) == pytest.approx(every, abs=3e-4)
    groups = Groups(np.arange(size), size)
    runs = {sign_test(sums, groups, draws=100, seed=seed) for seed in range(3)}
    assert len(runs) == 1
    assert runs.pop().error == 0


def test_equal_sums_keep_their_ties():
    """Of 20 equal signs p is binomial's: 2 P(at most 4 of 20)."""
    sums = np.repeat([1.0, -1.0], [16, 4])
    assert sign_distribution_p(sums) == pytest.approx(2 * 6196 / 2**20)


def test_a_permutation_near_the_level_is_drawn_until_seeds_agree():
    """r of .515 over 14 has p = .06 by Student's t: 200 draws alone would decide either way."""
    x, noise = np.random.default_rng(1).normal(size=(2, 14))
    x = (x - x.mean()) / x.std()
    noise = noise - noise.mean() - x * np.mean(x * (noise - noise.mean()))
    y = 0.515 * x + np.sqrt(1 - 0.515**2) * noise / noise.std()
    assert pearsonr(x, y).pvalue == pytest.approx(0.0595, abs=0.002)
    runs = [correlate(x, y, seed=seed, draws=200) for seed in range(6)]
    assert {run.p < 0.05 for run in runs} == {False}
    assert all(0 < run.p_error < 0.005 for run in runs)


def test_power_is_fishers():
    assert single_power(0.0, 14) == pytest.approx(0.05)
    assert 0.80 < single_power(0.7, 14) < 0.85
    generator = np.random.default_rng(0)
    x, e = generator.normal(size=(2, 4000, 14))
    y = 0.7 * x + np.sqrt(1 - 0.49) * e
    hits = np.mean([pearsonr(a, b).pvalue < 0.05 for a, b in zip(x, y, strict=True)])
    assert single_power(0.7, 14) == pytest.approx(hits, abs=0.03)


@pytest.fixture(scope="module")
def item_rows():
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(20), 3)
    parts = []
    for model in ("a", "b"):
        columns = {
            name: generator.normal(size=60)
            for name in ("gain", "ems_uniform", "target_confidence", "units", "fertility")
        }
        ems = generator.normal(size=60)
        right = (ems + generator.normal(size=60) > 0).astype(int)
        parts.append(pd.DataFrame({**columns, "ems": ems, "right": right, "group": group, "model": model, "pair": "x-y"}))  # fmt: skip # noqa: E501
    return pd.concat(parts, ignore_index=True)


def test_pooled_areas_are_the_means_of_mann_whitney(item_rows):
    result = pooled_items(item_rows, draws=300)
    for measure in ("ems", "target_confidence"):
        areas = []
        for _, part in item_rows.groupby("model"):
            right = part["right"] == 1
            won = mannwhitneyu(part.loc[right, measure], part.loc[~right, measure]).statistic
            areas.append(won / (right.sum() * (~right).sum()))
        assert result.aurocs[measure].value == pytest.approx(np.mean(areas))
    gap = result.aurocs["ems"].value - result.aurocs["target_confidence"].value
    assert result.less_confidence.value == pytest.approx(gap)
    assert result.less_confidence.clear
    assert (result.aurocs["ems"].n_strata, result.aurocs["ems"].n_groups) == (2, 20)
    partials = []
    for _, part in item_rows.groupby("model"):
        names = ["ems", "right", "ems_uniform", "units", "fertility"]
        inverse = np.linalg.inv(np.corrcoef(part[names].to_numpy(float).T))
        partials.append(-inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1]))
    assert result.partial.value == pytest.approx(np.mean(partials))
    assert result.partial.low > 0
    assert (result.home_right, result.home_wrong) == (None, None)


def test_where_the_source_is_wrong_what_tells_agreement_turns_round(item_rows):
    """EMS tells here whether both sides are right together, not whether the target is."""
    draw = np.random.default_rng(1)
    home = draw.integers(0, 2, len(item_rows))
    right = np.where(item_rows["ems"] > 0, home, 1 - home)
    rows = item_rows.assign(home=home, right=right)
    result = pooled_items(rows, draws=300)
    for kind, found in ((1, result.home_right), (0, result.home_wrong)):
        areas = []
        for _, part in rows[rows["home"] == kind].groupby("model"):
            kinds = (part.loc[part["right"] == side, "ems"] for side in (1, 0))
            won = mannwhitneyu(*kinds)
            areas.append(won.statistic / (part["right"].sum() * (1 - part["right"]).sum()))
        assert found.value == pytest.approx(np.mean(areas)) == kind
    told = answers.items(result)
    assert "Where the source is predicted right its AUROC is 1.000" in told
    assert "it tells which translations are predicted as the source is" in told


def test_items_of_one_kind_say_nothing(item_rows):
    result = pooled_items(item_rows.assign(right=1), draws=100)
    assert (result.aurocs, result.less_confidence, result.partial) == ({}, None, None)


def test_the_mixed_model_finds_what_was_planted(item_rows):
    rows = item_rows.assign(
        item=[str(place % 60) for place in range(120)], target_lang="y",
        training_language=item_rows["model"], seed=1,
    )  # fmt: skip
    fit = mixed_model(rows)
    assert fit.ems > 3 * fit.ems_sd > 0
    (slope, error), (other, its_error) = fit.clustered
    assert slope > 3 * error > 0
    assert abs(other) < 3 * its_error
    assert abs(fit.uniform) < 3 * fit.uniform_sd
    assert set(fit.effects) == {"item", "premise", "training language"}
    assert mixed_model(rows.assign(right=1)) is None


def test_a_mean_has_one_interval_in_the_export_and_on_the_page(study):
    model, layer = study.manifest.models[0]["id"], study.manifest.layers[0]
    exported = {
        (pair.source, pair.target): pair.means["ems"]
        for pair in summarised(study, ()).of(model, layer)
    }
    shown = matrix_table(study, model, layer, "ems")
    assert len(shown)
    for row in shown.itertuples():
        mean = exported[row.source, row.target]
        assert (row.value, row.low, row.high) == pytest.approx((mean.value, mean.low, mean.high))


def test_the_interval_of_a_mean_is_the_clustered_one():
    import statsmodels.api as sm

    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(25), generator.integers(1, 6, 25))
    values = generator.normal(size=25)[group] + generator.normal(size=len(group))
    fit = sm.OLS(values, np.ones(len(group))).fit(
        cov_type="cluster", cov_kwds={"groups": group}, use_t=True
    )
    ends = mean_interval(np.bincount(group, values), np.bincount(group))
    # statsmodels scales the variance by (n - 1) / (n - k) too: 1 with one column
    assert ends == pytest.approx(tuple(fit.conf_int()[0]), rel=1e-6)
    assert mean_interval(np.array([1.0]), np.array([2.0])) is None


def test_scores_are_those_of_the_cards_where_the_split_is_theirs(study, tmp_path):
    shipped = open_study("xnli-training-languages")
    scores = language_scores(shipped)
    assert (scores.from_cards, scores.items) == (True, 2490)
    assert len(scores.by_cell) == 15 * 15
    info = catalog()["e5-small/nli-xnli-es"]
    assert scores.by_cell["e5-small/nli-xnli-es", "de"] == info.card["scores"]["de"]["accuracy"]
    # Two seeds' weights do not ship: their cards lie beside the study, and count for those alone.
    seeds = open_study("xnli-seeds")
    scores = language_scores(seeds)
    assert (scores.from_cards, scores.items) == (True, 2490)
    card = json.loads((seeds.folder / CARDS / "e5-small~nli-xnli-hi-seed3.json").read_text("utf-8"))
    assert scores.by_cell["e5-small/nli-xnli-hi-seed3", "de"] == card["scores"]["de"]["accuracy"]
    folder = tmp_path / "xnli-seeds"
    shutil.copytree(seeds.folder, folder)
    card["revision"] = "another"
    (folder / CARDS / "e5-small~nli-xnli-hi-seed3.json").write_text(json.dumps(card), "utf-8")
    assert not language_scores(replace(seeds, folder=folder)).from_cards
    cut = open_study("xquad-training-languages").manifest
    assert not same_split(catalog()["e5-small/qa-xquad-es"].card, cut)  # contexts are cut
    own = language_scores(study)
    assert (own.from_cards, own.items) == (False, study.manifest.items)


def test_english_items_are_what_is_pooled(study):
    table = item_table(study, study.manifest.layers[0])
    assert set(table["pair"].str[:2]) == {"en"}
    assert set(table["model"]) == {model["id"] for model in study.manifest.models}


ASKED = [name for name in planted.QUESTIONS if "15 lang" not in name and "classes" not in name]


@pytest.mark.parametrize("what", ASKED)
def test_what_is_planted_is_found_and_nothing_else(what):
    trial, *_ = planted.QUESTIONS[what]
    generator = np.random.default_rng(7)
    assert sum(trial(True, generator, number) for number in range(3)) >= 2
    assert sum(trial(False, generator, number) for number in range(12)) <= 4


def test_where_only_word_classes_agree_a_matched_null_alone_finds_nothing():
    """What docs/statistics.md warns of: the gain is found, and less often so less its chance."""
    found = {}
    for which in ("gain", "less chance", "matched"):
        trial = planted.word_classes(which)
        generator = np.random.default_rng(7)
        found[which] = sum(trial(False, generator, number) for number in range(20))
        assert sum(trial(True, generator, number) for number in range(3)) == 3
    assert found["matched"] <= 4
    assert found["less chance"] < found["gain"] - 4
    assert found["gain"] >= 15
