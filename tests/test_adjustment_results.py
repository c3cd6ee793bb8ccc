"""From a plan's cells to tables, verdicts and the document."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct, ttest_rel
from scipy.stats import t as student

from ccta_core.adjustment import join
from ccta_core.adjustment.changes import LANGUAGES, change_of, difference, hardly_learnt
from ccta_core.adjustment.hypotheses import (
    NOT_RUN,
    PARTLY,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    verdicts,
)
from ccta_core.adjustment.plan import TRAIN, PlanCell, Studied, TaskSettings, Training
from ccta_core.adjustment.results import DesignPoint, collect, compare_arms
from ccta_core.adjustment.schedule import run_plan
from ccta_core.adjustment.tables import (
    TABLES,
    detectable,
    read_items,
    read_tables,
    refuse_to_lose,
    write_tables,
)
from ccta_core.analysis.intervals import f1_interval
from ccta_core.cli import main
from ccta_core.errors import CctaError
from ccta_core.evaluation.score import ItemScores
from ccta_core.text import signed
from ccta_core.training.finish import write_items
from research.documents.adjustment import Dot, dot_plot, write
from tests.made_adjustment import write_made
from tests.test_adjustment import quiet, tiny  # noqa: F401 - a fixture
from tests.test_adjustment_plan import declared, opened  # noqa: F401 - a fixture

MEASURING = """
[[block]]
title = "second"
measure = true
languages = ["es"]
arms = ["original", "adjusted"]
tasks = ["nli"]
seeds = [1]
"""


def empty():
    return {name: pd.DataFrame() for name in TABLES}


def test_a_plan_becomes_tables_and_a_document(declared, tmp_path, capsys):  # noqa: F811
    declared.write_text(declared.read_text("utf-8") + MEASURING, "utf-8")
    plan = opened(declared)
    run_plan(plan, workers=2, report=quiet)
    words = ["adjust", "plan", "collect", str(declared), "--data", str(declared.parent)]
    assert main([*words, "--out", str(tmp_path / "tables")]) == 0
    tables = read_tables(tmp_path / "tables")
    assert set(tables["runs"]["state"]) == {"finished"}
    assert set(tables["scores"]["arm"]) == {"original", "adjusted", "placebo", "continual"}
    assert set(tables["contrasts"]["reference"]) == {"original", "adjusted", "placebo"}
    scores = tables["scores"].set_index(["arm", "eval_lang"])["score"]
    for row in tables["paired"].itertuples():
        first, reference = scores[row.arm, row.eval_lang], scores[row.reference, row.eval_lang]
        assert row.difference == pytest.approx(first - reference, abs=2e-4)
        assert row.only_first - row.only_reference == pytest.approx(row.difference * row.n)
    assert set(tables["forgetting"]["arm"]) == {"original", "adjusted"}
    assert set(tables["distances"]["pairs"]) == {0, 40}  # the dose, not the pairs measured on
    measured = tables["distances"].query("distance == 'cosine' and layer == 3")
    auc = measured.set_index(["arm", "task"])["auc"]
    fallen = tables["forgetting"].query("layer == 3").set_index("arm")["difference"]
    for arm in ("original", "adjusted"):
        assert fallen[arm] == pytest.approx(auc[arm, ""] - auc[arm, "nli"], abs=1e-6)
    probe = tables["probe"]
    assert set(probe["arm"]) == {"adjusted", "placebo"}
    assert probe["overlap_cosine"].between(0, 1).all()
    links = probe["histogram_related_l2"].map(sum)
    assert (links == probe["links"]).all()
    items = read_items(tmp_path / "tables", "es", "nli", "en")
    right = items.groupby(["arm", "seed"])["correct"].mean()
    for (arm, _), share in right.items():
        assert share == pytest.approx(scores[arm, "en"], abs=2e-4)
    assert (items["predicted"] == items["gold"])[items["correct"]].all()
    assert not len(read_items(tmp_path / "tables", "es", "nli", "ru"))
    assert list(tables["gradients"]["arm"]) == ["continual"]  # adjustments of 2 steps log none
    write(tables, tmp_path / "docs")
    page = (tmp_path / "docs" / "adjustment.md").read_text("utf-8")
    for key in ("H1", "H2", "H3", "H4", "H5", "H6", "H7", "**not run**", "AlignFreeze"):
        assert key in page, key
    assert (tmp_path / "docs" / "adjustment" / "contrasts.csv").exists()
    assert (tmp_path / "docs" / "adjustment" / "auc.svg").exists()


def runs_of(*cells):
    return pd.DataFrame([{"id": cell, "state": state} for cell, state in cells])


def test_collected_tables_are_not_lost(declared, tmp_path, capsys, monkeypatch):  # noqa: F811
    """Neither to a plan of which nothing is finished, nor to another one."""
    tables = tmp_path / "tables"
    write_tables(empty() | {"runs": runs_of(("own/a", "finished")), "scores": runs_of(("s", "x"))},
                 tables)  # fmt: skip
    kept = {path.name: path.read_bytes() for path in tables.iterdir()}
    words = ["adjust", "plan", "collect", str(declared), "--data", str(declared.parent)]
    assert main([*words, "--out", str(tables)]) == 2
    assert "no cell of the plan is finished here" in capsys.readouterr().err
    with pytest.raises(CctaError, match="1 finished cells that are not finished here, own/a"):
        refuse_to_lose(runs_of(("own/b", "finished"), ("own/a", "not run")), tables)
    refuse_to_lose(runs_of(("own/b", "finished"), ("own/a", "finished")), tables)
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == kept
    monkeypatch.chdir(tmp_path)  # by default they lie in the cache folder, wherever one stands
    assert main(words) == 2
    assert not (tmp_path / "cache" / "adjustment").exists()


def test_nothing_run_is_said_so():
    assert {each.verdict for each in verdicts(empty())} == {NOT_RUN}
    assert [each.key for each in verdicts(empty())] == [f"H{n}" for n in range(1, 8)]


def contrast(lang, reference, difference, reach=0.01, arm="adjusted", task="nli"):
    return {
        "task": task, "lang": lang, "arm": arm, "reference": reference, "eval_lang": lang,
        "difference": difference, "low": difference - reach, "high": difference + reach,
        "seeds": 3, "detectable": 0.02,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("placebo", "langs", "expected"),
    [
        (0.02, ("es", "ru", "vi", "hi"), SUPPORTED),
        (0.02, ("es", "hi"), UNDECIDED),
        (0.0, ("es", "ru", "vi", "hi"), REFUTED),
        (None, ("es",), NOT_RUN),
    ],
)
def test_inference_must_beat_the_placebo_everywhere(placebo, langs, expected):
    rows = [contrast(lang, "original", 0.02) for lang in langs]
    if placebo is not None:
        rows += [contrast(lang, "placebo", placebo) for lang in langs]
    found = verdicts(empty() | {"contrasts": pd.DataFrame(rows)})[0]
    assert found.verdict == expected
    assert "+2.0 over the original (1.0" in " ".join(found.evidence)
    assert "could have seen 2.0" in " ".join(found.evidence)


def test_what_holds_in_some_languages_is_partly_so():
    rows = [contrast(lang, "original", 0.02) for lang in LANGUAGES]
    rows += [contrast(lang, "placebo", 0.02 * (lang != "vi")) for lang in LANGUAGES]
    assert verdicts(empty() | {"contrasts": pd.DataFrame(rows)})[0].verdict == PARTLY


def test_a_task_that_was_hardly_learnt_is_said_first():
    rows = [
        {"arm": arm, "task": "nli", "lang": lang, "seed": 1, "usual": True, "eval_lang": "en",
         "score": score}
        for arm, lang, score in (("original", "", 0.64), ("adjusted", "es", 0.63),
                                 ("adjusted", "hi", 0.44))
    ]  # fmt: skip
    tables = empty() | {"scores": pd.DataFrame(rows)}
    (line,) = hardly_learnt(tables)
    assert line.startswith(
        "inference, Hindi, adjusted, seed 1: the task was hardly learnt (English 44.0"
    )
    assert hardly_learnt(tables, "es") == []
    assert hardly_learnt(empty()) == []


def test_one_seed_decides_nothing():
    """Of names the scores of one language differ by two to three points from seed to seed."""
    rows = [contrast(lang, reference, 0.02) for lang in LANGUAGES
            for reference in ("original", "placebo")]  # fmt: skip
    few = [row | {"seeds": 1 if row["lang"] == "hi" else 3} for row in rows]
    found = verdicts(empty() | {"contrasts": pd.DataFrame(few)})[0]
    assert found.verdict == UNDECIDED
    assert found.evidence[0] == (
        "so far supported; decided once each language has 3 seeds, which Hindi (1) has not"
    )


def test_a_smaller_gain_than_mberts_needs_the_whole_interval():
    for gain, expected in ((-0.02, SUPPORTED), (0.01, REFUTED)):
        table = pd.DataFrame([contrast(lang, "original", gain) for lang in LANGUAGES])
        assert verdicts(empty() | {"contrasts": table})[5].verdict == expected


def test_attributions_stay_where_embeddings_move():
    for gain, expected in ((0.0, SUPPORTED), (0.05, REFUTED)):
        rows = [
            {"arm": "adjusted", "reference": reference, "lang": lang, "seeds": 3, "layer": 8,
             "measure": measure, "difference": value, "low": value - 0.01, "high": value + 0.01,
             "detectable": 0.02}
            for measure, value in (("ems", 0.1), ("gain", gain))
            for lang in LANGUAGES
            for reference in ("original", "placebo")
        ]  # fmt: skip
        found = verdicts(empty() | {"consistency_contrasts": pd.DataFrame(rows)})[6]
        assert found.verdict == expected
        told = found.evidence[0].replace("\xa0", " ")
        assert told.startswith(
            "Spanish, layer 8 (3 seeds), over the original: EMS +0.100 (0.090 to 0.110; could "
            "have seen 0.020) and gain"
        )


def test_consistency_without_an_interval_decides_nothing():
    """Fewer than three premises: a difference, and no more."""
    rows = [
        {"arm": "adjusted", "reference": "original", "lang": "es", "seeds": 1, "layer": 8,
         "measure": measure, "difference": 0.1, "low": None, "high": None, "detectable": None}
        for measure in ("ems", "gain")
    ]  # fmt: skip
    found = verdicts(empty() | {"consistency_contrasts": pd.DataFrame(rows)})[6]
    assert found.verdict == NOT_RUN
    assert found.evidence == (
        "Spanish, layer 8 (1 seed), over the original: EMS +0.100 (–) and gain +0.100 (–)",
    )


def test_the_smallest_detectable_effect_has_its_power():
    for count in (3, 5):
        effect = detectable(0.01 / count**0.5, count - 1) / 0.01
        critical = student.ppf(0.975, count - 1)
        power = nct.sf(critical, count - 1, effect * count**0.5)
        assert power == pytest.approx(0.8, abs=0.001)
    critical = student.ppf(0.975, 7.3)
    assert nct.sf(critical, 7.3, detectable(0.02, 7.3) / 0.02) == pytest.approx(0.8, abs=0.001)
    assert detectable(0.01, 0) is None
    assert detectable(None, None) is None


def trained(task, lang, arm, seed):
    work = Training(TaskSettings(task, (), "", 1, 1, ()), arm, seed, None, ())
    return PlanCell(f"own/{task}-{lang}{arm}-s{seed}", TRAIN, (), work)


def test_a_difference_over_seeds_is_wider_than_over_items(tmp_path):
    draw = np.random.default_rng(8)
    cells, places, gaps = [], {}, []
    ids, groups = tuple(map(str, range(300))), tuple(str(n // 3) for n in range(300))
    for seed, shift in ((1, 0.02), (2, 0.10), (3, 0.06)):
        means = []
        for arm, rate in (("original", 0.5), ("adjusted", 0.5 + shift)):
            cell = trained("nli", "", arm, seed)
            cells.append(cell)
            places[cell.id] = DesignPoint(
                arm, "nli", "" if arm == "original" else "es", 0, 0.0, seed, True
            )
            right = (draw.random(300) < rate).astype(float)
            means.append(right.mean())
            from ccta_core.adjustment.cells import model_folder

            folder = model_folder(cell.id)
            folder.mkdir(parents=True)
            write_items(folder, "es", ItemScores("nli", ids, groups, {"correct": right}))
        gaps.append(means[1] - means[0])
    paired, (whole,) = compare_arms(cells, places)
    assert whole["learnt_difference"] is None, "every seed learnt the task"
    failed = frozenset({places["own/nli-adjusted-s2"]})
    rest = compare_arms(cells, places, failed).contrasts[0]
    without = {id_: place for id_, place in places.items() if place.seed != 2}
    (two,) = compare_arms([c for c in cells if c.id in without], without).contrasts
    assert {name: rest[f"learnt_{name}"] for name in ("difference", "low", "high", "seeds")} == {
        name: two[name] for name in ("difference", "low", "high", "seeds")
    }
    assert rest["learnt_difference"] == pytest.approx((gaps[0] + gaps[2]) / 2)
    assert rest["difference"] == whole["difference"], "the verdict's own counts every seed"
    told = change_of(rest, "es").text
    assert f"; where the task was learnt {signed(100 * rest['learnt_difference'], 1)} (" in told
    assert told.endswith("2 seeds))")
    assert [row["difference"] for row in paired] == pytest.approx(gaps)
    assert whole["difference"] == pytest.approx(np.mean(gaps))
    assert whole["sd_over_seeds"] == pytest.approx(np.std(gaps, ddof=1))
    reach = (whole["high"] - whole["low"]) / 2
    assert reach > min(row["high"] - row["low"] for row in paired) / 2 / 3**0.5
    assert reach > 1.96 * np.std(gaps, ddof=1) / 3**0.5, "what seeds do differently is in it"
    assert whole["detectable"] > reach, (
        "an effect as small as half the interval is seen half the time"
    )
    assert ttest_rel(gaps, [0, 0, 0]).statistic > 0


def test_names_are_compared_by_entity_f1():
    from ccta_core.adjustment.cells import model_folder

    draw = np.random.default_rng(9)
    cells, places, f1, widths = [], {}, [], []
    ids = tuple(map(str, range(200)))
    for arm in ("original", "adjusted"):
        gold, predicted = draw.integers(0, 4, 200), draw.integers(0, 4, 200)
        correct = np.minimum(gold, predicted) * (draw.random(200) < 0.8)
        cell = trained("ner", "", arm, 1)
        cells.append(cell)
        places[cell.id] = DesignPoint(
            arm, "ner", "" if arm == "original" else "es", 0, 0.0, 1, True
        )
        folder = model_folder(cell.id)
        folder.mkdir(parents=True)
        columns = {"correct": correct, "gold": gold, "predicted": predicted}
        write_items(folder, "es", ItemScores("ner", ids, ids, columns))
        f1.append(2 * correct.sum() / (gold + predicted).sum())
        low, high = f1_interval(correct, gold, predicted)
        widths.append(high - low)
    (row,), (whole,) = compare_arms(cells, places)
    assert row["reference_score"] == pytest.approx(f1[0])
    assert row["first_score"] == pytest.approx(f1[1])
    # Two independent predictions: their intervals add as squares.
    assert row["high"] - row["low"] == pytest.approx(np.hypot(*widths), rel=0.15)
    assert whole["seeds"] == 1
    assert row["mcnemar_p"] is None


def test_a_folder_without_tables_is_one_line(tmp_path):
    with pytest.raises(CctaError, match="collect them with"):
        read_tables(tmp_path)
    write_tables(empty() | {"runs": pd.DataFrame({"id": ["a"]})}, tmp_path)
    assert len(read_tables(tmp_path)["runs"]) == 1
    assert not len(read_tables(tmp_path)["scores"])
    assert collect.__doc__


def test_a_figure_shows_each_dot_and_zero():
    text = dot_plot("a < b", [Dot("one", -1.0, -2.0, 0.5), Dot("two", 3.0, None, None)])
    assert text.count("<circle") == 2
    assert "a &lt; b" in text
    assert 'stroke="#bbb"' in text


def test_consistency_is_compared_on_the_same_items_and_where_predictions_flip(monkeypatch):
    """Twelve items: the arm's EMS is .1 higher everywhere, its gain moves where it flips alone."""
    rows = []
    for item in range(12):
        flips = item < 4
        for model in ("own/nli-original-s1", "own/nli-es-adjusted-s1"):
            arm = model.endswith("adjusted-s1")
            rows.append(
                {"model": model, "layer": 8, "item": f"i{item}", "group": f"g{item // 2}",
                 "ems": 0.5 + 0.01 * item + 0.1 * arm, "ems_uniform": 0.4, "ems_unrelated": 0.3,
                 "gain": 0.02 * item + (0.3 + 0.01 * item) * (arm and flips),
                 "gain_calibrated": 0.1,
                 "link_spearman": np.nan if item == 0 else 0.2,
                 "target_predicted": "neutral" if arm and flips else "entailment",
                 "target_correct": True}
            )  # fmt: skip
    monkeypatch.setattr(join, "_study_rows", lambda work: pd.DataFrame(rows))
    models = ("own/nli-original-s1", "own/nli-es-adjusted-s1")
    work = Studied("join-es-s1", models, "", ("en", "es"), (8,), 12, seed=1)
    places = {model: DesignPoint(arm, "nli", "es", 0, 0.0, 1, True)
              for model, arm in zip(models, ("original", "adjusted"), strict=True)}  # fmt: skip
    table = pd.DataFrame(join.consistency_rows(work, places)).set_index(["arm", "measure"])
    assert table.loc[("adjusted", "ems"), "difference"] == pytest.approx(0.1)
    gain = table.loc[("adjusted", "gain"), "difference"]
    assert gain == pytest.approx(sum(0.3 + 0.01 * item for item in range(4)) / 12)
    assert np.isnan(table.loc[("original", "ems"), "difference"])
    assert table.loc[("adjusted", "link_spearman"), "n"] == 11
    contrasts = pd.DataFrame(join.consistency_contrasts([work], places)).set_index("measure")
    assert contrasts.loc["ems", "difference"] == pytest.approx(0.1)
    assert (contrasts.loc["ems", "arm"], contrasts.loc["ems", "reference"]) == (
        "adjusted", "original",
    )  # fmt: skip
    for end in ("difference", "low", "high"):
        assert contrasts.loc["gain", end] == pytest.approx(table.loc[("adjusted", "gain"), end])
    assert contrasts.loc["link_spearman", "n"] == 11
    flips = pd.DataFrame(join.flip_rows(work, places)).set_index("measure")
    assert flips.loc["gain", "auc"] == 1
    assert flips.loc["gain", "flipped"] == 4
    assert flips.loc["link_spearman", "auc"] == pytest.approx(0.5)


def test_consistency_over_seeds_is_paired_by_item_and_seed(monkeypatch):
    """Three seeds whose arms differ by .1, .2 and .3: the mean, and an interval wider than any."""
    works, places, tables = [], {}, {}
    draw = np.random.default_rng(0)
    for seed in (1, 2, 3):
        models = (f"own/nli-original-s{seed}", f"own/nli-es-adjusted-s{seed}")
        works.append(Studied(f"join-{seed}", models, "", ("en", "es"), (8,), 20, seed=seed))
        for model, arm in zip(models, ("original", "adjusted"), strict=True):
            places[model] = DesignPoint(arm, "nli", "es", 0, 0.0, seed, True)
        start = draw.uniform(0.3, 0.6, 20)
        tables[works[-1].name] = pd.DataFrame([
            {"model": model, "layer": 8, "item": f"i{item}", "group": f"g{item}",
             "target_predicted": "neutral", "target_correct": True}
            | dict.fromkeys(join.CONSISTENCY, start[item] + 0.1 * seed * (model == models[1]))
            for model in models for item in range(20)
        ])  # fmt: skip
    # What one seed lacks is compared in none.
    tables["join-2"] = tables["join-2"].query("item != 'i0'")
    monkeypatch.setattr(join, "_study_rows", lambda work: tables[work.name])
    rows = pd.DataFrame(join.consistency_contrasts(works, places)).set_index("measure")
    row = rows.loc["ems"]
    assert (row["seeds"], row["n"]) == (3, 19)
    assert row["difference"] == pytest.approx(0.2)
    assert row["sd_over_seeds"] == pytest.approx(0.1)
    # Student's t of three seeds alone, since the items do not differ.
    reach = 4.302653 * 0.1 / 3**0.5
    assert (row["low"], row["high"]) == pytest.approx((0.2 - reach, 0.2 + reach), rel=1e-4)
    assert row["learnt_difference"] is None
    failed = frozenset({places["own/nli-original-s3"]})
    rows = pd.DataFrame(join.consistency_contrasts(works, places, failed)).set_index("measure")
    row = rows.loc["ems"]
    assert (row["difference"], row["learnt_difference"]) == pytest.approx((0.2, 0.15))
    assert row["learnt_seeds"] == 2
    assert "; where the task was learnt +0.150 (" in difference(row)


def test_the_document_has_a_row_a_dose(tmp_path):
    tables = read_tables(write_made(tmp_path / "tables"))
    scores = tables["scores"]
    usual = scores[(scores["arm"] == "adjusted") & (scores["lang"] == "es") & (scores["seed"] == 1)]
    fewer = usual.assign(pairs=500, noise=0.3, usual=False, score=0.5)
    write(tables | {"scores": pd.concat([scores, fewer], ignore_index=True)}, tmp_path)
    text = (tmp_path / "adjustment.md").read_text("utf-8").replace("\xa0", " ")
    dose = text.split("## Dose and noise")[1].split("\n## ")[0]
    assert "**Spanish**, seed 1" in dose
    # What was not measured of a dose says so.
    assert "| 500 | 30% | 50.0 | 50.0 | not run | not run |" in dose
    write(tables, tmp_path)
    assert "## Dose and noise" not in (tmp_path / "adjustment.md").read_text("utf-8")


def test_the_document_has_a_row_for_two_arms_and_a_line_for_flips(tmp_path):
    folder = write_made(tmp_path / "tables")
    flips = [
        {"lang": "es", "arm": "adjusted", "seed": seed, "measure": measure, "auc": 0.5 + 0.1 * seed,
         "flipped": 10 * seed, "n": 60}
        for measure in ("ems", "gain") for seed in (1, 2)
    ]  # fmt: skip
    tables = read_tables(folder) | {"flips": pd.DataFrame(flips)}
    write(tables, tmp_path)
    text = (tmp_path / "adjustment.md").read_text("utf-8").replace("\xa0", " ")
    assert (
        "| Spanish | adjusted less placebo | 8 | 2 | 60 | +0.050 (0.040 to 0.060) | +0.040 (0.030 "
        "to 0.050) | - | 0.000 (−0.010 to 0.010) | +0.010 (0.000 to 0.020) | - |"
    ) in text
    assert "- Spanish, adjusted: EMS 0.65 (0.60, 0.70); gain 0.65 (0.60, 0.70); 30 of 120" in text


def test_a_task_of_one_seed_does_not_undecide_what_others_decided():
    """Forgetting: a model with fewer seeds than decide is told and not counted."""
    rows = [
        {"task": task, "lang": lang, "arm": arm, "seed": seed, "layer": 3, "usual": True,
         "difference": 0.1, "low": low}
        for lang in LANGUAGES
        for task, arm, seeds, low in (
            ("nli", "original", 3, 0.05), ("nli", "adjusted", 3, 0.05),
            ("qa", "original", 1, -0.01),
        )
        for seed in range(1, seeds + 1)
    ]  # fmt: skip

    def forgetting(table):
        found = verdicts(empty() | {"forgetting": table})
        return next(verdict for verdict in found if verdict.key == "H4")

    table = pd.DataFrame(rows)
    assert forgetting(table).verdict == SUPPORTED
    (line, *_) = (line for line in forgetting(table).evidence if line.startswith("qa, "))
    assert line.endswith("(mean of 1 seed; the interval lies above zero in 0; too few to count)")
    alone = forgetting(table[table["task"] == "qa"])
    assert alone.verdict == UNDECIDED
    assert alone.evidence[0].startswith("so far not supported")
