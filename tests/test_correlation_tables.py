"""What the page Correlation counts, says and draws: against pandas and the statistics."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from ccta_core.analysis import claims
from ccta_core.analysis.claims import trained
from ccta_core.analysis.correlation import Correlation, correlate
from ccta_core.analysis.partial import partial_correlation
from ccta_core.analysis.prediction import accuracy_by_decile, compare_auroc
from ccta_core.analysis.questions import (
    OTHERS,
    CorrelationQuestion,
    ScoreCorrelation,
    StudyModel,
    Told,
    corrected,
    correlations,
    deciles,
    held_fixed,
    point_intervals,
    points,
    told_apart,
    told_measures,
    units,
)
from ccta_core.measures import MEASURES, WITH_CONTROLS
from ccta_core.text import interval, number, p_phrase
from dashboard.views.correlation.charts import (
    auroc_chart,
    decile_chart,
    labels_of,
    mark_selected,
    scatter,
    shared_frames,
)
from dashboard.views.correlation.items import auroc_sentence, auroc_table, decile_sentence
from dashboard.views.correlation.models import download_table
from dashboard.views.correlation.panels import with_intervals
from dashboard.views.languages.tables import matrix_table
from dashboard.widgets.statistics_wording import (
    correlation_verdict,
    gain_sentence,
    latex_rows,
    name_columns,
    name_measures,
    paper_sentence,
    partial_text,
)
from tests.made_study import LANGS, answering, made_study

PAIR = ("en", "zh")


@pytest.fixture(scope="module")
def rows(study):
    return study.table()


def question(study, **changes):
    models = tuple(StudyModel(one["id"], one["training_language"]) for one in study.manifest.models)
    plain = CorrelationQuestion(
        "language", "ems", "score", "pearson", models, 8, study.manifest.languages
    )
    return replace(plain, **changes)


def test_a_language_is_its_mean_with_the_training_language(study, rows):
    found = units(
        study, question(study), StudyModel("made/es", "es"), ("ems", "score", "fertility")
    )
    own = rows[(rows.model == "made/es") & (rows.layer == 8) & (rows.source_lang == "es")]
    own = own.assign(fertility=own.target_subwords / own.target_units)
    wanted = own.groupby("target_lang")[["ems", "target_score", "fertility"]].mean()
    assert "es" not in set(found.target)
    shown = found.set_index("target")[["ems", "score", "fertility"]]
    np.testing.assert_allclose(shown.sort_index().to_numpy(), wanted.sort_index().to_numpy())
    assert set(found.n) == {48}


def test_with_all_other_languages_nothing_is_left_out(study, rows):
    asked = question(study, home=OTHERS)
    found = units(study, asked, StudyModel("made/es", "es"), ("ems",)).set_index("target")["ems"]
    own = rows[(rows.model == "made/es") & (rows.layer == 8)]
    wanted = own.groupby("target_lang")["ems"].mean()
    np.testing.assert_allclose(found.sort_index(), wanted.sort_index())


def test_a_pair_is_the_mean_of_both_directions(study, rows):
    asked = question(study, unit="pair")
    found = units(study, asked, asked.models[0], ("ems", "score", "ems_unrelated"))
    assert len(found) == len(LANGS) * (len(LANGS) - 1) / 2
    own = rows[(rows.model == "made/en") & (rows.layer == 8)]
    for row in found.itertuples():
        both = own[own.source_lang.isin([row.source, row.target])]
        both = both[both.target_lang.isin([row.source, row.target])]
        assert row.ems == pytest.approx(both.ems.mean())
        assert row.score == pytest.approx((both.source_score.mean() + both.target_score.mean()) / 2)


def test_an_item_has_the_scores_of_its_target_and_the_length_of_both(study):
    asked = question(study, unit="item", pair=PAIR)
    names = ("ems", "score", "length", "fertility", "confidence")
    found = units(study, asked, asked.models[0], names)
    wanted = claims.items(study, "made/en", 8, PAIR)
    for name, other in (
        ("ems", "ems"), ("score", "target_score"), ("length", "units"),
        ("fertility", "fertility"), ("confidence", "target_confidence"),
    ):  # fmt: skip
        np.testing.assert_allclose(
            found.sort_values("item")[name], wanted.sort_values("item")[other].astype(float)
        )


def test_a_measure_that_is_not_known_is_left_out(study):
    def nothing(query, parameters=()):
        frame = study.query(query, parameters)
        return frame.assign(ems=np.nan) if "ems" in frame else frame

    assert points(answering(study, nothing), question(study)).empty
    assert "nothing to correlate" in correlation_verdict(question(study), (), "nli")


@pytest.mark.parametrize("measure", ["ems", "ems_uniform", "gain"])
def test_the_correlation_over_languages_is_scipys(study, measure):
    """The means by pandas, the coefficient by scipy; the findings give the page's number."""
    rows = study.table()
    for model, home in (("made/en", "en"), ("made/es", "es")):
        with_home = rows[(rows.model == model) & (rows.layer == 8) & (rows.source_lang == home)]
        means = with_home.groupby("target_lang")[[measure, "target_score"]].mean()
        expected = scipy.stats.pearsonr(means[measure], means.target_score).statistic
        for answers in (claims.by_language(study, 8), correlations(study, question(study))):
            shown = next(one for one in answers if (one.model, one.measure) == (model, measure))
            assert shown.correlation.r == pytest.approx(expected, abs=1e-9)


def test_the_correlation_over_pairs_is_numpys(study):
    rows = study.table()
    rows = rows[(rows.model == "made/en") & (rows.layer == 8)]
    rows = rows.assign(both=(rows.source_score + rows.target_score) / 2)
    means = rows[rows.source_lang < rows.target_lang].groupby(["source_lang", "target_lang"])
    means = means[["ems", "both"]].mean()
    for answers in (claims.by_pair(study, 8), correlations(study, question(study, unit="pair"))):
        shown = next(one for one in answers if (one.model, one.measure) == ("made/en", "ems"))
        assert shown.correlation.r == pytest.approx(
            np.corrcoef(means.ems, means.both)[0, 1], abs=1e-9
        )


@pytest.mark.parametrize("kind", ["pearson", "spearman", "kendall"])
def test_items_are_correlated_by_group(study, kind):
    asked = question(study, unit="item", pair=PAIR, kind=kind, models=question(study).models[:1])
    table = claims.items(study, "made/en", 8, PAIR)
    main = correlations(study, asked)[0]
    assert main.correlation == correlate(
        table.ems, table.target_score, kind=kind, groups=list(table.group)
    )


def test_training_languages_count_the_languages_read(study):
    found = correlations(study, question(study, unit="training"))
    assert {one.measure for one in found} == set(WITH_CONTROLS)
    assert found[0].correlation.n == 2 * (len(LANGS) - 1)
    assert found[0].correlation.n_groups == len(LANGS)


def test_what_is_held_fixed_follows_the_number_of_units(study):
    asked = question(study)
    few = held_fixed(study, asked, asked.models[0])
    assert [part.covariates for part in few] == [("ems_uniform",), ("length",), ("fertility",)]
    table = units(study, asked, asked.models[0], ("ems", "score", "length"))
    wanted = partial_correlation(
        table.ems, table.score, {"length": table.length.to_numpy()}, groups=list(table.group)
    )
    assert few[1].correlation.r == wanted[0].correlation.r
    assert "one control held fixed at a time" in partial_text(asked, few, "nli")
    assert held_fixed(study, question(study, unit="pair"), asked.models[0]) == ()


def test_the_deciles_and_aurocs_are_those_of_the_statistics(study):
    asked = question(study, unit="item", pair=PAIR)
    table = claims.items(study, "made/en", 8, PAIR)
    right, groups = table.target_correct.astype(float), list(table.group)
    assert deciles(study, asked, "ems") == accuracy_by_decile(table.ems, right, groups)
    told = told_apart(study, asked, "gain")
    assert told.against == compare_auroc(table.gain, table.target_confidence, right, groups)
    assert told.own == told.against.first
    levels = {one.model: one for one in claims.by_item(study, 8, [PAIR])}
    assert told.own.auc == levels["made/en"].aurocs["gain"].auc


def test_few_items_say_nothing(tmp_path):
    small = made_study(tmp_path, items=12, trained=("en",))
    asked = question(small, unit="item", pair=PAIR)
    assert told_apart(small, asked, "ems") is None
    assert deciles(small, asked, "ems") is None


def test_the_models_of_a_study(study):
    assert claims.measured_models(study) == ["made/en", "made/es"]
    kept, out = trained(study)
    assert list(kept.model) == ["made/en", "made/es"]
    assert out == []


def test_every_measure_can_be_asked_at_every_unit(study):
    for unit in ("language", "pair", "item", "training"):
        asked = question(study, unit=unit, pair=PAIR)
        found = units(study, asked, asked.models[0], tuple(MEASURES))
        assert set(MEASURES) <= set(found.columns)
        assert not found[list(MEASURES)].isna().all().any()


def made(r, p=0.01, reliable=True, notice=""):
    return Correlation(r, r - 0.1, r + 0.1, p, 12, 12, "made", reliable, notice)


def some(**values):
    return [
        ScoreCorrelation("made/en", measure, made(r, 0.01 if abs(r) > 0.5 else 0.6), p)
        for measure, (r, p) in values.items()
    ]


def test_the_verdict_says_what_the_controls_say(study):
    asked = question(study)
    found = some(ems=(0.9, 0.01), ems_uniform=(0.91, 0.01), gain=(0.1, 0.6))
    text = correlation_verdict(asked, found, "nli")
    assert text == (
        "Over 12 languages, accuracy correlates positively with EMS "
        "(r = 0.90, p = 0.010 after Holm). With embeddings alone r = 0.91: EMS shows no more than "
        "embeddings alone do."
    )
    assert "not shown to correlate with it (r = 0.10, p = 0.60 after Holm)" in gain_sentence(
        asked, found
    )
    better = some(ems=(0.9, 0.01), ems_uniform=(0.3, 0.6), gain=(0.8, 0.01))
    assert "shows no more" not in correlation_verdict(asked, better, "nli")
    assert "(gain) correlates with it" in gain_sentence(asked, better)
    against = some(ems=(-0.9, 0.01), ems_uniform=(0.9, 0.01))
    assert "correlates negatively" in correlation_verdict(asked, against, "nli")
    assert "shows no more" not in correlation_verdict(asked, against, "nli")
    nothing = some(ems=(0.2, 0.9), ems_uniform=(0.91, 0.01))
    assert "is not shown to correlate with EMS" in correlation_verdict(asked, nothing, "nli")
    assert "F1 correlates positively" in correlation_verdict(asked, found, "qa")


def test_what_is_unreliable_says_so(study):
    found = [ScoreCorrelation("made/en", "ems", made(0.9, 0.01, False, "only 5"), 0.01)]
    assert "unreliable" in correlation_verdict(question(study), found, "nli")
    none = Correlation(None, None, None, None, 5, 5, "none", False, "a does not vary")
    text = correlation_verdict(
        question(study), [ScoreCorrelation("made/en", "ems", none, None)], "nli"
    )
    assert text == "No correlation of EMS and accuracy: EMS does not vary."
    notice = "variance inflation above 10: x 64, ems_uniform 64"
    assert name_measures(notice, "ems") == "variance inflation above 10: EMS 64, embeddings only 64"
    assert name_columns("x and y does not vary", "gain", "F1") == "gain and F1 does not vary"
    too_few = "2 items: no correlation below 3"
    assert name_columns(too_few, "a", "b") == too_few


def test_several_models_are_counted(study):
    asked = question(study)
    found = [
        ScoreCorrelation(f"made/{at}", measure, made(r), p)
        for at, (r, p) in enumerate([(0.9, 0.01), (0.7, 0.2), (-0.2, 1.0)])
        for measure in ("ems", "gain")
    ]
    text = correlation_verdict(asked, found, "nli")
    assert "in 2 of 3 models (median r = 0.70); 1 below 0.05 after Holm" in text


def test_numbers_are_written_plainly():
    assert number(-0.001) == "0.00"
    assert number(None) == "–"
    assert interval(-0.5, None) == "–"
    assert interval(-0.5, 0.25).replace("\u00a0", " ") == "−0.50 to 0.25"
    assert p_phrase(0.0004) == "p < 0.001"
    assert p_phrase(0.034) == "p = 0.034"
    assert p_phrase(None) == ""


def drawn(count=8, mark="a"):
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": draw.random(count), "y": draw.random(count), "mark": mark, "line": "one",
            "label": [f"l{at}" for at in range(count)], "hover": "<b>&", "source": "en",
            "target": "es", "model": "m",
        }
    )  # fmt: skip


def test_the_scatter_has_line_band_and_labels():
    figure = scatter(drawn(), ("x", "y"), dark=False)
    assert len(figure.data) == 3
    assert list(figure.data[-1].text) == [f"l{at}" for at in range(8)]
    assert figure.data[-1].customdata[0].tolist() == ["en", "es", "m", "l0"]
    assert figure.data[-1].hovertext[0] == "&lt;b&gt;&amp;"
    many = scatter(drawn(200), ("x", "y"), dark=True)
    assert sum(bool(text) for text in many.data[-1].text) == 14
    assert len(scatter(drawn(2), ("x", "y"), dark=False).data) == 1


def test_points_have_the_intervals_of_the_matrix(study):
    asked = question(study, models=question(study).models[:1])
    found = point_intervals(study, asked, ("ems", "score"))
    assert set(found["measure"]) == {"ems", "score"}
    assert set(found["target"]) == set(LANGS) - {"en"}
    matrix = matrix_table(study, "made/en", 8, "ems")
    own = matrix[(matrix["source"] == "en") & (matrix["target"] == "hi")].iloc[0]
    row = found[(found["measure"] == "ems") & (found["target"] == "hi")].iloc[0]
    assert (row["low"], row["high"]) == (pytest.approx(own["low"]), pytest.approx(own["high"]))
    table = with_intervals(points(study, asked), found, asked)
    assert ((table["x_low"] < table["x"]) & (table["x"] < table["x_high"])).all()
    assert point_intervals(study, replace(asked, unit="pair"), ("ems",)).empty


def test_panels_share_their_axes():
    wide, narrow = drawn(), drawn().assign(x=lambda rows: rows["x"] / 10 + 5)
    frames = shared_frames(
        {"ems": wide, "ems_uniform": wide, "gain": narrow},
        together=("ems", "ems_uniform"),
        height=300,
    )
    assert frames["ems"] == frames["ems_uniform"]
    lengths = [end - start for start, end in (frame.x for frame in frames.values())]
    assert lengths == pytest.approx([lengths[0]] * 3)
    assert len({frame.y for frame in frames.values()}) == 1
    figure = scatter(wide, ("x", "y"), dark=False, frame=frames["gain"])
    assert tuple(figure.layout.xaxis.range) == frames["gain"].x


def test_selected_items_have_rings_and_a_box_sends_their_ids():
    table = drawn()
    figure = scatter(table, ("x", "y"), dark=False, named=False)
    mark_selected(figure, table, ["l2", "nobody"], dark=False)
    assert list(figure.data[-1].x) == [table["x"][2]]
    sent = [{"customdata": list(row)} for row in figure.data[-2].customdata[:2]]
    assert labels_of([*sent, sent[0], {"x": 1}]) == ["l0", "l1"]


def test_a_paper_gets_a_sentence_and_rows(study):
    asked = question(study, models=question(study).models[:1])
    tested = correlations(study, asked)
    main = next(test for test in tested if test.measure == "ems").correlation
    sentence = paper_sentence(asked, tested, "nli")
    assert f"Pearson's r = {number(main.r)}, 95% CI {interval(main.low, main.high)}" in sentence
    assert f"over {len(tested)} tests; gain: " in sentence
    head, *rows = latex_rows(asked, tested, "nli").splitlines()
    assert len(rows) == sum(test.correlation.r is not None for test in tested)
    assert head.startswith("% measure")
    assert all(row.endswith(r" \\") and row.isascii() for row in rows)
    assert paper_sentence(question(study), correlations(study, question(study)), "nli") == ""


def test_the_charts_of_items_hold_the_numbers(study):
    asked = question(study, unit="item", pair=PAIR)
    found = deciles(study, asked, "ems")
    table = pd.DataFrame(asdict(one) for one in found.deciles)
    assert len(decile_chart(table, "EMS", 0.5, dark=False).data[0].x) == len(found.deciles)
    assert "Unreliable: 10 of the tenths" in decile_sentence(found, "EMS")
    told = corrected(study, tuple(told_apart(study, asked, name) for name in told_measures(asked)))
    shown = auroc_table(told)
    assert list(shown.baseline) == [False] * (len(shown) - 1) + [True]
    assert list(auroc_chart(shown, dark=True).data[0].x) == list(shown.auc)
    assert "the model's own confidence has" in auroc_sentence(told)


def test_what_tells_right_from_wrong_is_named_only_where_it_is_shown(study):
    draw = np.random.default_rng(0)
    right = (draw.random(200) < 0.6).astype(float)
    groups = [str(at // 2) for at in range(200)]
    good, poor = right + draw.normal(0, 0.3, 200), draw.normal(size=200)
    told = [
        Told(name, found.first, found)
        for name, score in (("ems", good), ("gain", poor))
        for found in [compare_auroc(score, poor, right, groups, draws=200)]
    ]
    text = auroc_sentence(corrected(study, tuple(told)))
    assert text.startswith("EMS separates right from wrong best")
    assert text.endswith("Shown to beat it: EMS.")
    nothing = auroc_sentence(corrected(study, (told[1],)))
    assert nothing.startswith(
        "No measure is shown to separate right from wrong (best: gain, AUROC "
    )
    assert nothing.endswith("None is shown to beat it.")


def test_the_download_holds_every_number(study):
    found = correlations(study, question(study))
    table = download_table(found)
    for name in ("r", "low", "high", "p"):
        assert [_none(value) for value in table[name]] == [
            getattr(one.correlation, name) for one in found
        ]
    assert [_none(value) for value in table.p_holm] == [one.p_holm for one in found]


def _none(value):
    return None if pd.isna(value) else value
