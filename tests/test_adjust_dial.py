"""The alignment scaled under a task's model: the weights it gives, and what the page shows."""

import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest

from ccta_core.adjustment.curves import dial, dial_finding
from ccta_core.adjustment.tables import SHIPPED, read_tables
from dashboard.views.adjust.charts import DIALLED, dial_chart
from research.adjustment.dial import SCALES, alignment_step, scaled
from tests.conftest import ROOT
from tests.made_adjustment import write_made
from tests.test_dashboard import clean, html_of, said


def made_dial():
    return pd.DataFrame(
        [
            {"lang": "es", "arm": "adjusted", "seed": 1, "task": "nli", "model": "own/m",
             "revision": "r", "scale": scale, "metric": "accuracy",
             "score": 0.6 - (scale - 1) ** 2 / 5, "n": 50, "auc": 0.9,
             "related": 0.1, "unrelated": 0.2, "links": 30, "layer": 12,
             "ems": 0.6, "chance": 0.25, "pairs": 4, "space": "none"}
            for scale in SCALES
        ]
    )  # fmt: skip


class Hull(torch.nn.Module):
    """A head over an encoder, as transformers has it."""

    def __init__(self):
        super().__init__()
        self.base_model = torch.nn.Linear(3, 2)


def test_a_scale_takes_its_share_of_the_alignment():
    torch.manual_seed(0)
    original = {"weight": torch.randn(2, 3), "bias": torch.randn(2)}
    step = torch.randn(2, 3)
    adjusted = original | {"weight": original["weight"] + step}
    learnt = torch.randn(2, 3)
    hull = Hull()
    with torch.no_grad():
        hull.base_model.weight.copy_(adjusted["weight"] + learnt)
    steps = alignment_step(original, adjusted)
    assert set(steps) == {"weight"}
    whole = hull.base_model.weight.detach().clone()
    for scale in (0.0, 0.25, 1.0, 1.5):
        with scaled(hull, steps, scale):
            expected = original["weight"] + scale * step + learnt
            assert torch.allclose(hull.base_model.weight, expected, atol=1e-6)
        assert torch.equal(hull.base_model.weight, whole)


def test_a_model_without_the_adjusted_weights_is_refused():
    with (
        pytest.raises(ValueError, match="2 weights"),
        scaled(Hull(), {"other": torch.ones(1), "more": torch.ones(1)}, 0.5),
    ):
        pass


def test_the_finding_names_measured_scales_alone():
    table = dial({"dial": made_dial()}, "es", "nli")
    assert list(table["scale"]) == sorted(SCALES)
    text = dial_finding(table)
    assert text.startswith("Score 0.400 at 0 and 0.600 at 1; AUC")
    assert "EMS less chance 0.350 at 0" in text
    assert f"{len(SCALES)} scales measured; with 50 items one score is known to about ±" in text
    assert "best" not in text
    assert "not run" in dial_finding(dial({}, "es", "nli"))
    assert not len(dial({"dial": made_dial()}, "hi", "nli"))


@pytest.mark.parametrize("measure", DIALLED)
def test_nothing_is_drawn_between_measured_scales(measure):
    figure = dial_chart(dial({"dial": made_dial()}, "es", "nli"), measure, dark=False)
    assert [trace.mode for trace in figure.data] == ["markers"]
    assert list(figure.data[0].x) == sorted(SCALES)


def test_the_page_shows_it_or_says_that_it_was_not_run(tmp_path, monkeypatch):
    folder = write_made(tmp_path / "adjustment")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))

    def page():
        app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
        app.switch_page("views/adjust/adjust.py")
        app.query_params["lang"] = "es"
        return clean(app.run())

    assert "The alignment scaled under a task&#x27;s model: not run." in html_of(page())
    made_dial().to_parquet(folder / "dial.parquet", index=False)
    app = page()
    assert not said(app)
    assert "7 scales measured" in html_of(app)


def test_what_ships_was_measured_at_planned_scales():
    table = read_tables(SHIPPED)["dial"]
    if len(table):
        assert set(table["scale"]) <= set(SCALES)
        assert table["score"].between(0, 1).all()
        assert table["auc"].between(0, 1).all()
        assert not table.duplicated(["lang", "arm", "task", "scale"]).any()
