"""The sensitivity report: what is compared, how rankings are compared, what is said about it."""

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

import ccta_core as ccta
from ccta_core.cli import sensitivity as command
from ccta_core.config import Config, Quadrature
from ccta_core.consistency import fixed_null
from ccta_core.corpus.demo import read_demo
from ccta_core.errors import CctaError, StoppedError
from ccta_core.pipeline import pairs as pairs_module
from ccta_core.pipeline import sentences
from ccta_core.sensitivity.measure import measure
from ccta_core.sensitivity.ranking import Agreement, agreements, mean_interval
from ccta_core.sensitivity.report import SettingRow, sensitivity
from ccta_core.sensitivity.settings import REFERENCE, SensitivityDesign, Setting, grid, spread
from ccta_core.sensitivity.tables import markdown, table
from ccta_core.sensitivity.verdict import sensitivity_verdict

ITEMS = spread(read_demo("nli"), 3)
PAIRS = (("en", "es"), ("en", "zh"))
QUICK = Config(shuffles=9, quadrature=Quadrature(max_points=9))
DEEP = (
    Setting("lig", 11, "pad", "abs"),
    Setting("lig", 11, "pad", "norm"),
    Setting("gradient_norm", 11, None, "abs"),
    Setting("occlusion", 11, "mask", "negative"),
)


def test_the_grid_has_only_what_means_something():
    found = grid(
        ["lig", "gradient_norm", "input_x_gradient", "occlusion", "captum"],
        [0, 4],
        ["pad", "zero"],
        ["abs", "positive", "norm"],
    )
    assert found[0] == REFERENCE == Setting("lig", 0, "pad", "abs")
    assert len(found) == len(set(found)) == 12 + 2 + 6 + 8 + 6
    by = {name: [s for s in found if s.method == name] for name in ("gradient_norm", "captum")}
    assert {(s.baseline, s.mass) for s in by["gradient_norm"]} == {(None, "abs")}
    assert {s.baseline for s in by["captum"]} == {"pad"}
    assert not [s for s in found if s.method == "occlusion" and s.mass == "norm"]


def test_the_reference_is_there_though_nobody_asked():
    assert grid(["rollout"], [8], ["zero"], ["abs"]) == (
        REFERENCE,
        Setting("rollout", 8, None, "abs"),
    )


def test_items_are_spread_over_premises_and_labels():
    items = spread(read_demo("nli"), 12)
    assert len({item.group for item in items}) == 12
    labels = [item.label for item in items]
    assert {labels.count(label) for label in set(labels)} == {4}
    everything = read_demo("nli")
    assert spread(everything, 1000) == tuple(everything)
    assert len({item.id for item in spread(everything, 25)}) == 25


def random_values(settings=4, items=12, pairs=3):
    return np.random.default_rng(5).normal(size=(settings, items, pairs))


def test_rank_correlations_are_scipys():
    values = random_values()
    groups = [f"g{index // 2}" for index in range(12)]
    found = agreements(values, groups, draws=50, seed=1)
    for own, one in zip(values, found, strict=True):
        a, b = values[0].ravel(), own.ravel()
        assert one.spearman == pytest.approx(spearmanr(a, b).statistic)
        assert one.kendall == pytest.approx(kendalltau(a, b).statistic)
        within = [spearmanr(values[0][:, p], own[:, p]).statistic for p in range(3)]
        assert one.within == pytest.approx(np.mean(within))
        pairs = spearmanr(values[0].mean(0), own.mean(0)).statistic
        assert one.pairs == pytest.approx(pairs)
    assert (found[0].low, found[0].high) == pytest.approx((1, 1))


def test_the_interval_resamples_whole_groups():
    """By hand: the same draws, scipy's rho, percentiles."""
    values = random_values()
    groups = [f"g{index // 3}" for index in range(12)]
    found = agreements(values, groups, draws=60, seed=7)[2]
    draw, rhos = np.random.default_rng(7), []
    for _ in range(60):
        chosen = np.concatenate([np.arange(3) + 3 * g for g in draw.integers(4, size=4)])
        a, b = values[0][chosen].ravel(), values[2][chosen].ravel()
        rhos.append(spearmanr(a, b).statistic)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(rhos, [2.5, 97.5])))
    alone = agreements(values, ["one"] * 12, draws=20, seed=7)[2]
    assert alone.low == pytest.approx(alone.high) == pytest.approx(alone.spearman)


def test_what_does_not_vary_has_no_rank():
    values = random_values(2)
    values[1] = 0.5
    found = agreements(values, [str(index) for index in range(12)], draws=20, seed=0)[1]
    assert found == Agreement(None, None, None, None, None, None)
    assert agreements(values[:, :, :1], ["a"] * 12, draws=0, seed=0)[0].low is None


def test_the_interval_of_a_mean():
    values = np.arange(12.0).reshape(12, 1)
    low, high = mean_interval(values, [str(i) for i in range(12)], draws=500, seed=0)
    assert 2 < low < 5.5 < high < 9
    assert mean_interval(values, ["one"] * 12, draws=9, seed=0) == pytest.approx((5.5, 5.5))
    assert mean_interval(values, ["one"] * 12, draws=0, seed=0) is None


@pytest.fixture(scope="module")
def measured(model):
    return measure(model, SensitivityDesign(ITEMS, PAIRS, DEEP, QUICK))


@pytest.fixture
def fixed_draws(monkeypatch):
    """A report draws as many shuffles as it was asked for; a pair might draw more."""
    monkeypatch.setattr(pairs_module, "sequential_null", fixed_null)


@pytest.mark.usefixtures("fixed_draws")
@pytest.mark.parametrize("number", range(len(DEEP)))
def test_every_cell_is_what_compare_gives(model, measured, number):
    """EMS, gain and the control of one item as the pipeline computes them, the gold class given."""
    setting, item = DEEP[number], ITEMS[1]
    config = replace(
        QUICK,
        layer=11,
        method=setting.method,
        baseline=setting.baseline or "pad",
        mass=setting.mass,
        target_class=item.label,
        unrelated=0,
    )
    found = measured.settings[number]
    assert found.setting == setting
    expected = ccta.compare(model, item.sentences["en"], item.sentences["zh"], config)
    assert found.ems[1, 1] == pytest.approx(expected.ems, abs=1e-4)
    assert found.gain[1, 1] == pytest.approx(expected.controls.gain, abs=1e-4)
    assert measured.uniform[1, 1] == pytest.approx(expected.controls.ems_uniform, abs=1e-6)


@pytest.mark.usefixtures("fixed_draws")
def test_exchanged_languages_give_the_same_cells(model):
    turned = tuple(pair[::-1] for pair in PAIRS)
    settings = (Setting("gradient_norm", 11, None, "abs"),)
    one, other = (
        measure(model, SensitivityDesign(ITEMS, langs, settings, QUICK))
        for langs in (PAIRS, turned)
    )
    np.testing.assert_allclose(other.settings[0].gain, one.settings[0].gain, atol=1e-9)
    np.testing.assert_allclose(other.repeat, one.repeat, atol=1e-9)


@pytest.mark.usefixtures("fixed_draws")
def test_the_repeat_is_the_first_settings_gain_with_other_shuffles(model, measured):
    item = ITEMS[2]
    config = replace(QUICK, layer=11, target_class=item.label, unrelated=0, seed=QUICK.seed + 1)
    expected = ccta.compare(model, item.sentences["en"], item.sentences["es"], config)
    assert measured.repeat[2, 0] == pytest.approx(expected.controls.gain, abs=1e-4)
    assert np.abs(measured.repeat - measured.settings[0].gain).max() > 1e-3


def test_diagnostics_are_none_where_a_method_has_none(measured):
    lig, _, norm, occluded = measured.settings
    assert lig.completeness_error < 0.1
    assert 0 <= lig.converged <= 1
    assert lig.evaluations <= 9
    assert 0 < lig.special_share < 1
    assert norm.completeness_error is norm.converged is None
    assert norm.evaluations == 1
    assert occluded.evaluations > 9
    assert occluded.special_share == 0


def test_a_method_runs_once_for_all_masses_and_sentences(model, monkeypatch):
    calls = []

    def counted(name):
        run = ccta_method(name)

        def method(model, requests, config, stop):
            calls.append((name, len(requests), config.mass))
            return run(model, requests, config, stop)

        return method

    ccta_method = sentences.method
    monkeypatch.setattr(sentences, "method", counted)
    settings = tuple(
        Setting("input_x_gradient", 11, None, mass) for mass in ("abs", "positive", "norm")
    )
    found = measure(model, SensitivityDesign(ITEMS, PAIRS, settings, QUICK))
    assert calls == [("input_x_gradient", 9, "norm")]
    assert len({one.ems.tobytes() for one in found.settings}) == 3


def test_the_sources_class_may_be_explained_instead(model):
    item = replace(ITEMS[0], label=None)
    settings = (Setting("input_x_gradient", 11, None, "abs"),)
    design = SensitivityDesign((item, *ITEMS[1:]), PAIRS, settings, QUICK)
    with pytest.raises(CctaError, match="explain the predicted class"):
        measure(model, design)
    found = measure(model, replace(design, target="source")).settings[0]
    config = replace(QUICK, layer=11, method="input_x_gradient", unrelated=0)
    expected = ccta.compare(model, item.sentences["en"], item.sentences["es"], config)
    assert found.ems[0, 0] == pytest.approx(expected.ems, abs=1e-4)


def test_it_stops(model):
    with pytest.raises(StoppedError):
        measure(model, SensitivityDesign(ITEMS, PAIRS, DEEP, QUICK), stop=lambda: True)


def test_a_layer_that_is_not_there_is_named(model):
    design = SensitivityDesign(ITEMS, PAIRS, (Setting("lig", 12, "pad", "abs"),), QUICK)
    with pytest.raises(CctaError, match="layer 12 is the last one"):
        measure(model, design)


@pytest.fixture(scope="module")
def report(model):
    return sensitivity(
        model, SensitivityDesign(ITEMS, PAIRS, DEEP, QUICK, corpus="demo:nli"), draws=40
    )


def test_the_report_is_the_measurements(report, measured):
    for row, one in zip(report.rows, measured.settings, strict=True):
        assert row.setting == one.setting
        assert row.ems == pytest.approx(one.ems.mean(), abs=1e-6)
        assert row.gain_low <= row.gain <= row.gain_high
        assert row.pair_ems["en-zh"] == pytest.approx(one.ems[:, 1].mean(), abs=1e-6)
    assert report.rows[0].by_gain.spearman == pytest.approx(1)
    assert report.n == 6
    assert report.groups == 3
    rho = spearmanr(measured.settings[0].ems.ravel(), measured.uniform.ravel()).statistic
    assert report.embeddings.by_ems.spearman == pytest.approx(rho)


def test_json_and_pages_hold_every_setting(report):
    payload = json.loads(report.to_json())
    assert len(payload["rows"]) == len(DEEP)
    assert payload["rows"][3]["baseline"] == "mask"
    assert payload["rows"][2]["gain_spearman"] == report.rows[2].by_gain.spearman
    assert payload["embeddings"]["gain"] is None
    page = markdown(report, "ccta sensitivity --limit 3")
    assert "Written by `ccta sensitivity --limit 3`" in page
    for text in (page, table(report)):
        assert all(line in text for line in report.verdict)
        for row in report.rows:
            assert text.count(f"{row.ems:.3f}")
    rows = [line for line in page.splitlines() if line.startswith("| occlusion | 11 | mask | neg")]
    assert len(rows) == 1
    widths = {
        line.count("|") for line in page.split("## Every setting")[1].splitlines() if "|" in line
    }
    assert len(widths) == 1


def row(setting, rho, *, gain=(0.1, 0.05, 0.15), ems_rho=0.9, order=("a", "b")):
    def agreed(value):
        return Agreement(value, None, None, value, value, 1.0)

    values = {name: -float(place) for place, name in enumerate(order)}
    return SettingRow(
        setting=setting, ems=0.6, gain=gain[0], gain_low=gain[1], gain_high=gain[2],
        completeness_error=None, converged=None, evaluations=1.0, special_share=0.0, uniform=0.0,
        by_ems=agreed(ems_rho), by_gain=agreed(rho), pair_ems=values, pair_gain=values,
    )  # fmt: skip


SELF = Agreement(0.93, 0.9, 0.97, 0.8, 0.9, 1.0)


def test_the_verdict_counts_what_the_rows_say():
    rows = [
        row(REFERENCE, 1.0),
        row(Setting("lig", 4, "pad", "abs"), 0.85),
        row(Setting("lig", 4, "zero", "abs"), 0.71, order=("b", "a")),
        row(Setting("occlusion", 0, "pad", "abs"), 0.55, ems_rho=0.2),
        row(Setting("gradient_norm", 0, None, "abs"), 0.31, gain=(0.01, -0.02, 0.04)),
        row(Setting("rollout", 0, None, "abs"), None, gain=(-0.1, -0.2, -0.05)),
    ]
    said = "\n".join(sensitivity_verdict(rows, row(REFERENCE, None, ems_rho=0.8), SELF, groups=12))
    assert "in 4 of 6 settings; the interval is below 0 in 1." in said
    assert (
        "by gain over shuffled masses survives (rho >= 0.7) in 2 of 5 other settings, is weakened "
        "in 1 and lost (rho < 0.4, or nothing to rank) in 2."
    ) in said
    assert "survives in every setting of: lig (rho 0.71 to 0.85, median 0.78)." in said
    assert (
        "does not survive in any setting of: gradient_norm (rho 0.31), rollout (rho 0.00)" in said
    )
    assert "The reference against itself with other shuffles has rho 0.93 by gain." in said
    assert "converge" not in said
    assert "layer 4 0.85, method occlusion 0.55, method gradient_norm 0.31" in said
    assert "by EMS survives (rho >= 0.7) in 4 of 5" in said
    assert "need not come from the attributions" in said
    assert "in 4 of 5 other settings by EMS and in 4 by gain" in said
    assert "unreliable" not in said


def test_the_verdict_names_what_is_weak_and_what_did_not_converge():
    lost = replace(row(Setting("lig", 0, "zero", "abs"), 0.2), converged=0.1)
    rows = [row(REFERENCE, 1.0), lost, row(Setting("occlusion", 0, "pad", "abs"), 0.5)]
    rows += [
        row(Setting("occlusion", 4, "pad", "abs"), 0.3),
        row(Setting("lig", 4, "pad", "abs"), 0.8),
    ]
    said = "\n".join(sensitivity_verdict(rows, row(REFERENCE, None), SELF, groups=12))
    assert "weakened at best with: occlusion (rho 0.30 to 0.50, median 0.40)." in said
    assert "depends on the setting with: lig (rho 0.20 to 0.80, median 0.50)." in said
    assert "Most integrals did not converge under lig layer 0 zero:" in said


def test_the_verdict_on_little():
    few = sensitivity_verdict(
        [row(REFERENCE, 1.0)] * 2, row(REFERENCE, None, ems_rho=0.5), SELF, groups=4
    )
    assert "that much of the agreement by EMS is the embeddings'" in " ".join(few)
    assert few[-1] == "Only 4 groups of items: the intervals are unreliable."
    little = sensitivity_verdict(
        [row(REFERENCE, 1.0)] * 2, row(REFERENCE, None, ems_rho=-0.2), SELF, groups=12
    )
    assert "the embeddings alone do not give this ranking" in " ".join(little)
    alone = sensitivity_verdict([row(REFERENCE, 1.0)], row(REFERENCE, None), SELF, groups=4)
    assert "nothing to compare" in alone[0]


def run(*flags):
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    options = parser.parse_args(["sensitivity", *flags])
    options.run(options)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--methods", "lime"), "unknown method 'lime'; expected one of: lig"),
        (("--layers", "0,x"), "'x' is no layer"),
        (("--layers", ","), "--layers is empty"),
        (("--baselines", "noise"), "unknown baseline 'noise'"),
        (("--masses", "square"), "unknown mass 'square'"),
        (("--pairs", "en"), "'en' is no pair of languages"),
        (("--pairs", "en-en"), "'en-en' is no pair of languages"),
        (("--pairs", "en-ko"), "has no 'ko'; expected one of: ar"),
        (("--corpus", "xnli:here"), "unknown corpus 'xnli:here'; expected demo:nli"),
        (("--corpus", "demo:qa7"), "unknown demo corpus 'qa7'"),
        (("--limit", "2"), "expected --limit 3 or more"),
        (("--shuffles", "0"), "expected --shuffles 1 or more"),
        (("--resamplings", "-1"), "expected 0 or more"),
        (("--max-points", "3"), "at least 9 for max_points"),
        (("--model", "nowhere"), "unknown model 'nowhere'"),
        (("--json", "no-folder/a.json"), "no-folder is no folder); name another file"),
    ],
)
def test_bad_input_is_one_line(flags, message):
    with pytest.raises(CctaError) as caught:
        run(*flags)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_writes_what_was_asked_for(model, monkeypatch, tmp_path, capsys):
    from ccta_core.models import load

    monkeypatch.setattr(load, "load_model", lambda _name: model)
    flags = ["--limit", "3", "--pairs", "en-es", "--layers", "11", "--methods", "gradient_norm"]
    flags += ["--max-points", "9", "--shuffles", "3", "--resamplings", "5"]
    page, data = tmp_path / "page.md", tmp_path / "data.json"
    run(*flags, "--json", str(data), "--markdown", str(page))
    payload = json.loads(data.read_text("utf-8"))
    assert [one["method"] for one in payload["rows"]] == ["lig", "gradient_norm"]
    assert payload["pairs"] == ["en-es"]
    assert "--layers 11 --methods gradient_norm" in page.read_text("utf-8")
    told = capsys.readouterr()
    assert told.out == ""
    assert "1/2 lig 0 pad: 6 sentences" in told.err
    run(*flags)
    rows = capsys.readouterr().out.splitlines()
    assert rows[2].split()[:4] == ["gradient_norm", "11", "-", "abs"]
