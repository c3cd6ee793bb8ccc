"""docs/faithfulness.md is written from what was measured, and says what was not."""

from dataclasses import replace

import numpy as np
import pytest

from ccta_core.analysis.intervals import clustered_interval
from ccta_core.errors import CctaError, StoppedError
from ccta_core.faithfulness.measure import measure_items
from ccta_core.faithfulness.report import ALL, GAP, report_on
from ccta_core.faithfulness.settings import RANDOM, Noise
from ccta_core.text import plain
from research.documents.faithfulness_consistency import Consistency, consistency, section
from research.documents.faithfulness_page import page
from research.documents.faithfulness_parts import MEASUREMENTS, NLI, NOISY, Measured
from tests.heads import tiny
from tests.test_faithfulness import WAYS, design


@pytest.fixture(scope="module")
def model():
    return tiny("paraphrase")


@pytest.fixture(scope="module")
def results(model):
    """A main measurement, one of another task, and one with noise that removes nothing."""
    plan = design(replacements=("pad", "mask"), corpus="made")
    noisy = replace(plan, replacements=(), noise=Noise(0.1, 1), settings=WAYS[:2])
    few = replace(plan, replacements=("pad",), settings=WAYS[:2], corpus="elsewhere")
    records = {
        "nli": (NLI, plan, plan.items),
        "other": (replace(NLI, name="other", items=4), few, plan.items[:3]),
        "qa": (MEASUREMENTS["qa"], few, ()),
        "noise": (NOISY, noisy, plan.items[:2]),
    }
    return {
        name: Measured(part, model, used, tuple(measure_items(model, used, items) if items else ()))
        for name, (part, used, items) in records.items()
    }


def gains(report, better):
    """Made-up gains of EMS: `better` for the two most faithful settings, zero for the others."""
    gap = {
        name: np.mean([report.estimate(GAP, kind, ALL, name).value for kind in ("pad", "mask")])
        for name in report.settings
    }
    ranked = sorted(gap, key=lambda name: -gap[name])
    noise = np.random.default_rng(0).normal(0, 1, (12, 1))
    noise = 0.001 * (noise - noise.mean())
    values = {
        name: noise * (place + 1) + (better if name in ranked[:2] else 0.0)
        for place, name in enumerate(ranked)
    }
    groups = tuple(str(number) for number in range(12))
    return ranked, Consistency(groups, ("en-es",), values, values)


def test_the_page_has_every_part_that_was_measured(results):
    text = page(results, None)
    report = results["other"].report
    for name in (*map(str, WAYS[:2]), "word length", "position"):
        estimate = report.estimate(GAP, "pad", "es", name, RANDOM)
        assert f"{plain(estimate.value, 2)} [{plain(estimate.low, 2)}" in text
    assert "tiny-paraphrase, elsewhere: 3 items from 2 groups in en, es" in text
    assert "qa 0 of 8 items" in text
    assert "noise 2 of 8 items" in text
    assert "other 3 of 4 items" in text
    assert "Consistency by faithful and by unfaithful settings was not measured" in text
    assert "## Units replaced by MASK" in text


def test_noise_is_told_of_the_texts_it_was_measured_on(results, model):
    main, noisy = results["nli"], results["noise"]
    report = report_on(model, main.design, main.with_changes(noisy.records))
    changes = [
        cell["mass_change"][str(WAYS[1])] for record in noisy.records for cell in record["cells"]
    ]
    estimate = report.estimate("mass_change", "mask", ALL, str(WAYS[1]))
    assert estimate.n == len(changes)
    assert estimate.value == pytest.approx(np.mean(changes))
    assert report.estimate("mass_change", "mask", ALL, str(WAYS[3])) is None


def test_consistency_is_told_by_faithfulness(results):
    report = results["nli"].report
    ranked, values = gains(report, better=0.2)
    lines = "\n".join(section(report, values)).splitlines()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert rows[1:] == ranked
    told = "\n".join(lines)
    means = [np.mean([values.gain[name][:, 0] for name in half], axis=0)
             for half in (ranked[:2], ranked[2:])]  # fmt: skip
    low, high = clustered_interval(means[0] - means[1], values.groups)
    assert f"the difference, 0.200 [{plain(low, 3)}, {plain(high, 3)}], is different" in told
    assert "by 2 of the 2 more faithful settings" in told
    _, same = gains(report, better=0.0)
    assert "is not shown to be different from zero" in "\n".join(section(report, same))


def test_consistency_is_measured_once(results, model, monkeypatch):
    plan = replace(results["nli"].design, settings=WAYS[:2])
    with pytest.raises(StoppedError):
        consistency(model, plan, lambda _line: None, lambda: True)
    first = consistency(model, plan, lambda _line: None, lambda: False)
    assert first.pairs == ("en-es",)
    assert {name: gain.shape for name, gain in first.gain.items()} == {
        str(way): (len(plan.items), 1) for way in WAYS[:2]
    }
    monkeypatch.setattr(
        "research.documents.faithfulness_consistency.measure", lambda *_: pytest.fail("again")
    )
    again = consistency(model, plan, lambda _line: None, lambda: False)
    for name, gain in first.gain.items():
        np.testing.assert_array_equal(again.gain[name], gain)


def test_nothing_measured_is_one_clear_line(results):
    empty = results | {"nli": replace(results["nli"], records=())}
    with pytest.raises(CctaError, match="nothing of the main measurement is there yet"):
        page(empty, None)
