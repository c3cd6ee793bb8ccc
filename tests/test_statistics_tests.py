"""Predictors, deciles, synonyms, training languages and two-way tables, on known answers."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from ccta_core.analysis import prediction
from ccta_core.analysis.prediction import accuracy_by_decile, auroc, compare_auroc
from ccta_core.analysis.seeds import CheckpointScores, over_seeds
from ccta_core.analysis.synonyms import synonym_test
from ccta_core.analysis.training_languages import Checkpoint, rank_training_languages
from ccta_core.analysis.two_way import two_way
from ccta_core.errors import CctaError
from research.documents import coverage


def predictions(n=300, told=1.0, seed=0):
    generator = np.random.default_rng(seed)
    score = generator.normal(size=n)
    right = (told * score + generator.normal(size=n) > -0.5).astype(int)
    return score, right, np.repeat(np.arange(n // 3), 3)


def test_auroc_is_mann_whitney_and_knows_only_the_order():
    assert auroc([1, 2, 2, 3], [0, 1, 0, 1], draws=100).auc == pytest.approx(3.5 / 4)
    score, right, groups = predictions()
    score = np.round(score, 1)
    found = auroc(score, right, groups, draws=400)
    u = stats.mannwhitneyu(score[right == 1], score[right == 0]).statistic
    assert found.auc == pytest.approx(u / (right.sum() * (1 - right).sum()))
    assert found.low < found.auc < found.high
    assert (found.p < 0.01, found.n_correct, found.n_groups) == (True, right.sum(), 100)
    order = np.random.default_rng(1).permutation(300)
    assert auroc(np.exp(score[order]), right[order], groups[order], draws=400) == found
    turned = auroc(-score, right, groups, draws=400)
    assert turned.auc == pytest.approx(1 - found.auc)


def test_auroc_of_many_items_from_placements(monkeypatch):
    score, right, groups = predictions(900)
    anew = auroc(score, right, groups)
    monkeypatch.setattr(prediction, "RANKED_ANEW", {"spearman": 0})
    once = auroc(score, right, groups)
    assert once.auc == pytest.approx(anew.auc)
    assert [once.low, once.high] == pytest.approx([anew.low, anew.high], abs=0.004)


def test_two_scores_are_compared_on_the_same_items():
    score, right, groups = predictions(600)
    noisy = score + 2 * np.random.default_rng(1).normal(size=600)
    found = compare_auroc(score, noisy, right, groups, draws=400)
    assert found.difference == pytest.approx(found.first.auc - found.second.auc)
    assert found.low > 0
    assert found.p < 0.02
    back = compare_auroc(noisy, score, right, groups, draws=400)
    assert back.difference == pytest.approx(-found.difference)
    same = compare_auroc(score, np.exp(score), right, groups, draws=400)
    assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)
    # The pairs tell more than two intervals side by side.
    alone = found.first.high - found.first.low + found.second.high - found.second.low
    assert found.high - found.low < alone


def test_without_a_wrong_prediction_there_is_nothing_to_predict():
    found = auroc([1, 2, 3], [1, 1, 1])
    assert (found.auc, found.p, found.reliable) == (None, None, False)
    assert "nothing to tell apart" in found.notice
    assert compare_auroc([1, 2, 3], [3, 2, 1], [1, 1, 1]).difference is None
    with pytest.raises(CctaError, match=r"correct has 0\.5"):
        auroc([1, 2], [1, 0.5])


def test_deciles_by_hand():
    found = accuracy_by_decile(np.arange(20), np.repeat([0, 1], 10), bins=4)
    assert [one.accuracy for one in found.deciles] == [0, 0, 1, 1]
    assert [one.n for one in found.deciles] == [5, 5, 5, 5]
    first, last = found.deciles[0], found.deciles[-1]
    assert (first.score_low, first.score_high, first.score_mean) == (0, 4, 2)
    exact = stats.binomtest(5, 5).proportion_ci(method="exact")
    assert [last.low, last.high] == pytest.approx([exact.low, exact.high])
    assert [first.low, first.high] == pytest.approx([1 - exact.high, 1 - exact.low])
    assert (found.rise, found.reliable) == (1, False)
    tied = accuracy_by_decile([0] * 15 + [1] * 5, [1, 0] * 10)
    assert [one.n for one in tied.deciles] == [15, 5]


def test_deciles_rise_with_a_score_that_tells_and_heed_groups():
    score, right, groups = predictions(3000)
    found = accuracy_by_decile(score, right, groups, draws=400)
    assert len(found.deciles) == 10
    assert found.rise_low > 0.3
    assert all(one.low <= one.accuracy <= one.high for one in found.deciles)
    order = np.random.default_rng(0).permutation(3000)
    assert accuracy_by_decile(score[order], right[order], groups[order], draws=400) == found
    copies = [np.repeat(side, 4) for side in (score, right)]
    within = accuracy_by_decile(*copies, np.repeat(np.arange(3000), 4), draws=400)
    without = accuracy_by_decile(*copies, draws=400)
    ends = [(one.deciles[0].high - one.deciles[0].low) for one in (within, without)]
    assert ends[0] > 1.5 * ends[1]


def test_synonyms_alike_and_not_alike():
    generator = np.random.default_rng(0)
    linked, unlinked = generator.exponential((0.7, 1.0), size=(400, 2)).T
    shuffled = generator.exponential(1.0, size=(400, 20))
    shuffled[:7, 3:] = np.nan
    groups = np.repeat(np.arange(100), 4)
    found = synonym_test(linked, unlinked, shuffled, groups, draws=400)
    u = stats.mannwhitneyu(unlinked, linked).statistic
    assert found.unlinked.auc == pytest.approx(u / 400**2)
    for contrast in (found.unlinked, found.shuffled):
        assert contrast.low > 0.5
        assert contrast.p < 0.01
        assert contrast.linked < contrast.other
    assert (found.shuffled.n, found.shuffled.n_other) == (400, 8000 - 7 * 17)
    none = synonym_test(unlinked, shuffled[:, 0], shuffled, groups, draws=400)
    assert none.unlinked.low < 0.5 < none.unlinked.high
    assert none.unlinked.p > 0.05
    scaled = synonym_test(5 * linked, 5 * unlinked, 5 * shuffled, groups, draws=400)
    assert (scaled.unlinked.auc, scaled.unlinked.p) == (found.unlinked.auc, found.unlinked.p)


def test_synonyms_change_sides_with_their_group():
    linked, unlinked = np.random.default_rng(2).normal((0, 0.6), size=(8, 2)).T
    groups = [0, 0, 1, 2, 3, 3, 4, 5]
    every = []
    for turned in itertools.product([False, True], repeat=6):
        swap = np.array(turned)[groups]
        left, right = np.where(swap, unlinked, linked), np.where(swap, linked, unlinked)
        every.append(abs(stats.mannwhitneyu(right, left).statistic / 64 - 0.5))
    found = synonym_test(linked, unlinked, unlinked, groups, draws=100)
    assert found.unlinked.p == pytest.approx(np.mean(np.array(every) >= every[0] - 1e-9))
    assert not found.unlinked.reliable
    lonely = synonym_test(linked, np.full(8, np.nan), unlinked, groups, draws=100)
    assert (lonely.unlinked.auc, lonely.unlinked.n) == (None, 0)
    with pytest.raises(CctaError, match="one row a linked pair"):
        synonym_test(linked, unlinked[:5], unlinked, groups)


def test_two_way_by_hand_and_as_statsmodels():
    rows, columns = np.repeat(["a", "b"], 3), np.tile(["x", "y", "z"], 2)
    found = two_way([0, 1, 2, 10, 11, 12], rows, columns, draws=200)
    assert found.rows.sum_of_squares == pytest.approx(150)
    assert found.columns.sum_of_squares == pytest.approx(4)
    assert found.residual_share == pytest.approx(0, abs=1e-9)
    assert found.rows.share == pytest.approx(150 / 154)
    generator = np.random.default_rng(0)
    rows, columns = np.repeat(np.arange(5), 9), np.tile(np.arange(9), 5)
    value = generator.normal(size=5)[rows] + 0.1 * generator.normal(size=9)[columns]
    value += 0.5 * generator.normal(size=45)
    kept = rows != columns  # the training language left out: not balanced
    frame = pd.DataFrame({"v": value[kept], "r": rows[kept], "c": columns[kept]})
    table = anova_lm(ols("v ~ C(r) + C(c)", frame).fit(), typ=2)
    found = two_way(value[kept], rows[kept], columns[kept], draws=400)
    for effect, name in ((found.rows, "C(r)"), (found.columns, "C(c)")):
        line = table.loc[name]
        assert [effect.sum_of_squares, effect.f, effect.p_normal] == pytest.approx(
            [line["sum_sq"], line["F"], line["PR(>F)"]]
        )
        assert effect.p == pytest.approx(line["PR(>F)"], abs=0.08)
    shares = found.rows.share + found.columns.share + found.residual_share + found.overlap_share
    assert shares == pytest.approx(1)
    assert abs(found.overlap_share) > 1e-6
    assert abs(two_way(value, rows, columns, draws=100).overlap_share) < 1e-9
    scaled = two_way(3 * value + 5, rows, columns, draws=100)
    assert scaled.rows.share == pytest.approx(two_way(value, rows, columns, draws=100).rows.share)


def seeds_table(language, run, seed):
    """4 training languages x 3 runs x 6 languages read, each run's own language left out."""
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(itertools.product(range(4), range(3), range(6)), columns=list("rsc"))
    table["u"] = 3 * table.r + table.s
    table["v"] = (
        language * generator.normal(size=4)[table.r]
        + run * generator.normal(size=12)[table.u]
        + 0.5 * generator.normal(size=6)[table.c]
        + 0.3 * generator.normal(size=len(table))
    )
    return table[table.r != table.c]


def test_rows_are_held_against_their_runs_as_in_statsmodels():
    table = seeds_table(1, 0.5, 0)
    found = two_way(table.v, table.r, table.c, runs=table.u, draws=400)
    outer, inner = ols("v ~ C(r) + C(c)", table).fit(), ols("v ~ C(u) + C(c)", table).fit()
    line = anova_lm(outer, inner).loc[1]
    assert [found.runs.sum_of_squares, found.runs.df, found.runs.f] == pytest.approx(
        [line["ss_diff"], 8, line["F"]]
    )
    assert found.runs.p_normal == pytest.approx(line["Pr(>F)"])
    rows = anova_lm(outer, typ=2).loc["C(r)"]
    assert found.rows.sum_of_squares == pytest.approx(rows["sum_sq"])
    assert found.rows.f == pytest.approx(rows["sum_sq"] / 3 / (line["ss_diff"] / 8))
    read = anova_lm(inner, typ=2).loc["C(c)"]
    assert [found.columns.f, found.columns.p_normal] == pytest.approx([read["F"], read["PR(>F)"]])
    shares = [one.share for one in (found.rows, found.runs, found.columns)]
    assert sum(shares) + found.residual_share + found.overlap_share == pytest.approx(1)
    assert (found.n_rows, found.n_runs, found.n_columns) == (4, 12, 6)
    alone = table[table.s == 0]
    named = two_way(alone.v, alone.r, alone.c, runs=alone.u, draws=100)
    assert named == two_way(alone.v, alone.r, alone.c, draws=100)
    with pytest.raises(CctaError, match="a run stands in two rows"):
        two_way(table.v, table.r, table.c, runs=table.s, draws=100)


def test_runs_that_differ_are_not_taken_for_their_language():
    """Runs differ, languages do not: p of the language keeps its 5%, without runs it does not."""
    tables = [seeds_table(0, 1, seed) for seed in range(100)]
    told = [two_way(one.v, one.r, one.c, runs=one.u, draws=100) for one in tables]
    assert np.mean([one.rows.p < 0.05 for one in told]) <= 0.12
    assert np.mean([one.runs.p < 0.05 for one in told]) > 0.9
    blind = [two_way(one.v, one.r, one.c, draws=100) for one in tables[:20]]
    assert np.mean([one.rows.p < 0.05 for one in blind]) > 0.5


def test_a_language_that_differs_more_than_its_runs_is_found():
    told = [seeds_table(2, 0.3, seed) for seed in range(20)]
    found = [two_way(one.v, one.r, one.c, runs=one.u, draws=100).rows.p < 0.05 for one in told]
    assert np.mean(found) > 0.8


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (([1, 2], [0, 0], [0, 1]), "two rows and two columns"),
        (([1, 2, 3, 4], [0, 0, 1, 1], [0, 1, 2, 3]), "falls apart"),
        (([1, 2, 4], [0, 0, 1], [0, 1, 1]), "3 values for 3 effects"),
        (([1, 1, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1]), "the same"),
    ],
)
def test_tables_that_cannot_be_split(table, said):
    with pytest.raises(CctaError, match=said):
        two_way(*table)


def trained(best=0.08, seeds=2, spread=0.0, groups=40, seed=0):
    """A long table in which models trained on es score `best` more on the same items."""
    generator = np.random.default_rng(seed)
    names = ["training_language", "seed", "group", "item", "pair"]
    parts = (("en", "es", "fr"), range(seeds), range(groups), range(2), ("en-es", "en-fr"))
    table = pd.DataFrame(itertools.product(*parts), columns=names)
    own = {
        key: spread * generator.normal() for key in itertools.product(("en", "es", "fr"), parts[1])
    }
    makers = zip(table["training_language"], table["seed"], strict=True)
    table["value"] = 0.5 + best * (table["training_language"] == "es")
    table["value"] += [own[key] for key in makers]
    table["value"] += 0.1 * generator.normal(size=groups)[table["group"]]
    table["value"] += 0.1 * generator.normal(size=len(table))
    return table


def test_the_best_training_language_of_these_checkpoints():
    table = trained()
    found = rank_training_languages(table, draws=400)
    means = table.groupby("training_language")["value"].mean().sort_values(ascending=False)
    assert [one.name for one in found.languages] == list(means.index)
    assert [one.mean for one in found.languages] == pytest.approx(list(means))
    assert found.verdict.startswith("Of these checkpoints those trained on Spanish are the most")
    assert all(one.low > 0 for one in found.comparisons)
    assert all(one.p_holm >= one.p for one in found.comparisons)
    assert (found.p_highest, found.n_cells) == (pytest.approx(1 / 401), 160)
    assert "not checked against the majority" in found.notice
    assert rank_training_languages(table.sample(frac=1, random_state=0), draws=400) == found


def test_nothing_is_claimed_where_nothing_is():
    found = rank_training_languages(trained(best=0.0, seed=3), draws=400)
    assert "no training language is shown to be the most consistent" in found.verdict
    assert found.p_highest > 0.05


def test_three_seeds_speak_of_models_and_seeds_widen_the_doubt():
    alike = rank_training_languages(trained(seeds=3), draws=200)
    assert alike.verdict.startswith("Of models of 3 seeds a language those trained on Spanish")
    apart = rank_training_languages(trained(seeds=3, spread=0.1, seed=1), draws=200)
    assert "no training language is shown" in apart.verdict
    widths = [one.comparisons[0].high - one.comparisons[0].low for one in (alike, apart)]
    assert widths[1] > 3 * widths[0]


def test_seeds_and_groups_by_hand():
    # One value for all groups: only seeds vary, and t has S - 1 degrees of freedom.
    scores = CheckpointScores({"a": np.outer([1.0, 2, 3], np.ones(4))}, np.ones(4))
    found = over_seeds(scores, {"a": 1.0}, draws=100, seed=0)
    reach = stats.t.ppf(0.975, 2) / np.sqrt(3)
    assert [found.low, found.high] == pytest.approx([2 - reach, 2 + reach])
    assert found.p == pytest.approx(stats.ttest_1samp([1, 2, 3], 0).pvalue)


def test_checkpoints_not_above_the_majority_are_named():
    table = trained()
    scores = [Checkpoint(lang, seed, 0.6, 0.34) for lang in ("en", "es", "fr") for seed in (0, 1)]
    scores[3] = Checkpoint("es", 1, 0.33, 0.34)
    found = rank_training_languages(table, scores, draws=200)
    assert found.left_out == (scores[3],)
    assert found.verdict.endswith(
        "Left out, not shown above the majority: Spanish seed 1 (0.330 against 0.340)."
    )
    assert {one.name: one.seeds for one in found.languages} == {"en": 2, "es": 1, "fr": 2}
    nobody = [Checkpoint(one.training_language, one.seed, 0.3, 0.34) for one in scores]
    assert rank_training_languages(table, nobody).languages == ()
    only = rank_training_languages(table, nobody[:2] + scores[2:3] + nobody[3:])
    assert "only Spanish is left" in only.verdict
    with pytest.raises(CctaError, match="fr seed 1 has no score"):
        rank_training_languages(table, scores[:-1])


def test_all_are_compared_on_the_same_items():
    table = trained()
    some = table[~((table["training_language"] == "fr") & (table["group"] < 10))]
    found = rank_training_languages(some, draws=200)
    assert (found.n_cells, found.n_groups) == (120, 30)
    assert "40 (item, pair)" in found.notice
    with pytest.raises(CctaError, match="more than once"):
        rank_training_languages(table.drop(columns="item"))
    with pytest.raises(CctaError, match="pair is missing"):
        rank_training_languages(table.drop(columns="pair"))
    with pytest.raises(CctaError, match="whole numbers"):
        rank_training_languages(table.assign(seed="first"))
    with pytest.raises(CctaError, match="share no item"):
        rank_training_languages(table.assign(pair=table["training_language"] + table["pair"]))


def test_the_coverage_table_goes_between_its_marks():
    rows = list(coverage.trainings(simulations=20, draws=100))
    assert [row.n for row in rows] == [50, 50]
    assert 0.5 < rows[0].coverage <= 1
    page = f"before\n{coverage.START}\nold\n{coverage.END}\nafter\n"
    new = coverage.inserted(page, "\n".join(coverage.lines(rows)))
    assert new.startswith("before\n")
    assert new.endswith("after\n")
    assert "\nold\n" not in new
    assert coverage.inserted(new, "x") == coverage.inserted(page, "x")
    with pytest.raises(CctaError, match="put them back"):
        coverage.inserted("no marks", "x")
    groups = np.repeat(np.arange(2000), 3)
    x, y = coverage.pairs_of(2000, 0.6, groups, np.random.default_rng(0))
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(0.6, abs=0.03)
    assert np.corrcoef(x[::3], x[1::3])[0, 1] == pytest.approx(0.5, abs=0.06)
