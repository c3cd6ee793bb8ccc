"""Changed items on the page Adjust: flips, and the way to Errors and Pair."""

import pandas as pd
import pytest

from ccta_core.adjustment.summary import arm_model, changed_items, join_study
from ccta_core.adjustment.tables import read_items, read_tables
from ccta_core.corpus.demo import read_demo
from tests.made_adjustment import write_made
from tests.made_study import made_study
from tests.test_dashboard import clean, html_of, said

STUDY = "adjustment-es-s1"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Made tables whose first items are those of a study that is here."""
    folder = tmp_path_factory.mktemp("adjust-items")
    tables = write_made(folder / "adjustment")
    items = pd.read_parquet(tables / "items.parquet")
    names = {f"item-{place:03}": each.id for place, each in enumerate(read_demo("nli")[:30])}
    items["id"] = [names.get(name, name) for name in items["id"]]
    items.to_parquet(tables / "items.parquet", index=False)
    runs = pd.read_parquet(tables / "runs.parquet")
    study = runs.iloc[:1].assign(id=f"study/{STUDY}", kind="study", lang="es", task="", seed=1)
    pd.concat([runs, study]).to_parquet(tables / "runs.parquet", index=False)
    made_study(folder / "studies", name=STUDY)
    return folder


@pytest.fixture
def page(cache, opens):
    return opens(cache, "adjust", lang="es")


@pytest.fixture(scope="module")
def changed(cache):
    return changed_items(read_items(cache / "adjustment", "es", "nli", "es"), "adjusted",
                         "original")  # fmt: skip


def test_flips_are_every_other_prediction(cache, changed):
    items = read_items(cache / "adjustment", "es", "nli", "es")
    arms = {
        arm: items[(items["arm"] == arm) & (items["seed"] == 1)].set_index("id")["predicted"]
        for arm in ("adjusted", "original")
    }
    differing = arms["adjusted"][arms["adjusted"] != arms["original"]].index
    assert set(changed.flips["id"]) == set(differing)
    assert set(changed.fixed["id"]) | set(changed.broken["id"]) <= set(differing)


def test_models_and_study_are_those_of_the_plan(cache):
    tables = read_tables(cache / "adjustment")
    assert arm_model(tables, "hi", "nli", "placebo", 2) == "own/nli-hi-placebo-s2"
    assert arm_model(tables, "hi", "nli", "original", 1) == "own/nli-original-s1"
    assert arm_model(tables, "hi", "qa", "adjusted", 1) == ""
    assert join_study(tables, "es", 1) == STUDY
    assert join_study(tables, "hi", 1) == ""


def test_every_flip_is_listed(page, changed):
    app = clean(page(changed="flips"))
    assert not said(app)
    assert f"Every flip: {len(changed.flips)}" in html_of(app)


def button(app, page):
    return app.button(key=f"adjust_changed_to_{page}_input")


@pytest.mark.parametrize("target", ["errors", "pair"])
def test_an_item_of_the_study_opens(page, changed, target, monkeypatch):
    opened = []
    monkeypatch.setattr("streamlit.switch_page", lambda path, query_params: opened.append(
        (path, query_params)))  # fmt: skip
    ids = {each.id for each in read_demo("nli")[:30]}
    row = next(row for row in changed.fixed.itertuples() if row.id in ids)
    app = clean(page(changed_item=row.id))
    assert not button(app, target).disabled
    clean(button(app, target).click().run())
    ((path, query),) = opened
    assert path == f"views/{target}/{target}.py"
    assert (query["study"], query["model"]) == (STUDY, "own/nli-es-adjusted-s1")
    assert (query["src"], query["tgt"]) == ("en", "es")
    assert query["find" if target == "errors" else "item"] == row.id
    assert target == "errors" or query["target"] == row.gold


def test_what_is_not_here_says_why(page, changed):
    assert button(page(), "errors").disabled
    outside = next(name for name in changed.broken["id"] if name.startswith("item-"))
    app = page(changed_item=outside)
    assert button(app, "pair").disabled
    assert f"{outside} is not among the items" in button(app, "pair").help
    elsewhere = page(lang="hi", changed_item="nothing")
    assert "changed_item=" in said(clean(elsewhere)).casefold()
