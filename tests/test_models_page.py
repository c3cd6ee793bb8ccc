"""Models and data: tables, the scores' picture, adding a folder, clearing the cache."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from transformers import GPT2Config, GPT2LMHeadModel

from ccta_core.config import cache_root
from ccta_core.corpus.catalogue import data_sets, items_of
from ccta_core.errors import CctaError
from ccta_core.models.added import (
    FILE,
    add,
    add_apart,
    added,
    available_models,
    checked_name,
    find,
    remove,
    size_of,
)
from ccta_core.models.catalog import ModelInfo, catalog
from dashboard.session import Session
from dashboard.views.models.charts import describe_chart, score_dots
from dashboard.views.models.tables import (
    card_scores,
    data_table,
    finding,
    heatmap_finding,
    score_table,
    zoo_table,
)
from tests.families import build
from tests.test_dashboard import clean, html_of, said

APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
CARD = {
    "metric": "accuracy", "licence": "weights: free; code: MIT", "evaluation": "a test",
    "scores": {
        "en": {"accuracy": 0.8, "low": 0.75, "high": 0.85, "majority": 0.5, "n": 100},
        "sw": {"accuracy": 0.52, "low": 0.45, "high": 0.6, "majority": 0.5, "n": 100},
        "es": {"accuracy": 0.7, "low": 0.65, "high": 0.75, "majority": 0.5, "n": 90},
    },
}  # fmt: skip


def info(name="own/nli", **card):
    return ModelInfo(name, "nli", None, ("a", "b"), (0, 1), 1, "r1", card={**CARD, **card})


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("small") / "bert", "bert", "classification")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    """What can't be attributed: a model that generates."""
    folder = tmp_path_factory.mktemp("decoder") / "gpt"
    config = GPT2Config(
        vocab_size=60, n_embd=8, n_layer=1, n_head=1, architectures=["GPT2LMHeadModel"]
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


# Tables and pictures


def test_scores_come_best_first_with_their_intervals():
    table = score_table(info())
    assert list(table["language"]) == ["English", "Spanish", "Swahili"]
    assert table["low"][0] == 0.75
    assert list(table["n"]) == [100, 90, 100]


def test_a_mean_has_the_widest_interval_it_can_have():
    row = zoo_table([info()]).iloc[0]
    assert row["mean"] == pytest.approx((0.8 + 0.52 + 0.7) / 3)
    assert row["low"] == pytest.approx((0.75 + 0.45 + 0.65) / 3)
    assert row["high"] == pytest.approx((0.85 + 0.6 + 0.75) / 3)
    assert (row["languages"], row["licence"], row["training_language"]) == (3, "free", "")


def test_models_without_scores_have_a_row():
    row = zoo_table([info(scores={}), *catalog().values()]).iloc[0]
    assert np.isnan(row["mean"])
    assert row["metric"] == ""
    assert score_table(info(scores={})).empty
    assert finding(score_table(info(scores={}))) == "No scores are known."


def test_every_shipped_model_has_a_row_and_a_picture():
    table = zoo_table(catalog().values())
    assert list(table["model"]) == list(catalog())
    for one in catalog().values():
        scores = score_table(one)
        assert len(scores) == len(one.card.get("scores", {}))
        assert score_dots(scores, "accuracy", dark=True).data


def test_the_finding_names_what_is_not_above_the_majority():
    table = score_table(info())
    assert finding(table) == (
        "Best in English (0.80), weakest in Swahili (0.52); not clearly above the majority "
        "baseline in Swahili."
    )
    assert finding(table[:2]).endswith("in every language above the majority baseline.")
    assert (
        finding(table.assign(majority=np.nan))
        == "Best in English (0.80), weakest in Swahili (0.52)."
    )
    assert finding(table[:1]) == "English: 0.80."


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_has_dots_intervals_and_the_majority(dark):
    table = score_table(info())
    figure = score_dots(table, "accuracy", dark=dark)
    dots, majority = figure.data
    assert list(dots.x) == [0.8, 0.7, 0.52]
    assert list(dots.error_x.array) == pytest.approx([0.05, 0.05, 0.08])
    assert set(majority.x) == {0.5}
    low, high = figure.layout.xaxis.range
    assert low < 0.45
    assert high > 0.85
    bare = score_dots(table.assign(low=np.nan, high=np.nan, majority=np.nan), "F1", dark=dark)
    assert len(bare.data) == 1
    assert describe_chart(table, "accuracy").startswith(
        "Dots of accuracy for 3 languages, best first: E"
    )


def test_data_sets_are_counted():
    sets = {one.name: one for one in data_sets()}
    nli = sets["demo:nli"]
    assert (nli.task, nli.parallel, nli.specs) == ("nli", True, ("demo:nli",))
    assert items_of(nli) == {"": 60}
    table = data_table([nli], {"demo:nli": {"": 60}})
    assert (table["items"][0], table["languages"][0]) == ("60", 14)
    assert data_table([nli], {"demo:nli": {"dev": 2490, "test": 5010}})["items"][0] == (
        "dev 2,490, test 5,010"
    )


def test_what_is_not_here_is_named_as_the_hub_has_it(monkeypatch, tmp_path):
    monkeypatch.setattr("ccta_core.corpus.catalogue.SHARED", tmp_path)
    sets = {one.name: one for one in data_sets()}
    assert sets["xnli"].specs == ("xnli:facebook/xnli#dev", "xnli:facebook/xnli#test")
    assert sets["xnli"].parallel
    assert not sets["xnli"].present
    assert sets["pud"].specs == ()
    assert items_of(sets["xnli"]) == {}


def test_shared_sets_have_their_splits(shared_data, monkeypatch):
    monkeypatch.setattr("ccta_core.corpus.catalogue.SHARED", shared_data)
    sets = {one.name: one for one in data_sets()}
    assert sets["xnli"].specs == ("xnli#dev", "xnli#test")
    assert len(sets["xnli"].languages) == 15
    assert not sets["panx"].parallel  # an id says another thing in each language
    assert not sets["mnli"].parallel  # English only


# Adding models


def test_a_folder_is_loaded_once_and_listed(small):
    found = add(str(small))
    assert (found.id, found.task, found.layers) == (str(small), "nli", (0, 1, 2))
    assert found.labels == ("entailment", "neutral", "contradiction")
    assert added() == {found.id: found}
    assert find(found.id) == found
    assert list(available_models())[-1] == found.id
    assert size_of(found) > 10_000
    add(str(small))
    assert len(added()) == 1
    remove(found.id)
    assert added() == {}
    assert small.exists()


def test_a_listed_model_is_loaded_as_it_was(small):
    from ccta_core.models.load import load_model

    found = add(str(small))
    assert load_model(found.id).revision == found.revision


def test_a_folder_is_checked_in_a_process_of_its_own(small, decoder):
    assert add_apart(str(small)) == str(small)
    assert list(added()) == [str(small)]
    with pytest.raises(CctaError, match="decoder or a generative model") as caught:
        add_apart(str(decoder))
    assert "encoders with a task head work" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(added()) == [str(small)]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("", "expected a name"),
        ("  ", "expected a name"),
        ("one,two", "without commas"),
        ("e5-small/nli-en", "is here already"),
        ("nothing", "neither a folder here nor a name of the hub"),
        ("/no/such/folder", "neither a folder"),
        ("a/b/c", "neither a folder"),
    ],
)
def test_a_name_that_cant_be_one_is_refused_before_loading(name, word):
    with pytest.raises(CctaError, match=word):
        checked_name(name)


def test_an_adapters_folder_keeps_its_card(tmp_path):
    shipped = find("e5-small/nli-en")
    folder = shutil.copytree(shipped.folder, tmp_path / "mine")
    (cache_root()).mkdir(parents=True)
    entry = {"id": str(folder), "task": "nli"}
    (cache_root() / FILE).write_text(json.dumps({"models": [entry]}))
    assert added()[str(folder)].card["licence"] == shipped.card["licence"]


def test_a_damaged_list_is_told_and_hides_nothing_else():
    cache_root().mkdir(parents=True)
    (cache_root() / FILE).write_text("{")
    assert added() == {}
    assert "e5-small/nli-en" in available_models()
    with pytest.raises(CctaError, match="restore it, or delete it"):
        remove("anything")


def test_a_process_that_dies_is_one_line(monkeypatch, small):
    monkeypatch.setattr("ccta_core.children.sys.executable", "/bin/false")
    with pytest.raises(CctaError, match=r"could not be read.*too little memory"):
        add_apart(str(small))


# The page


@pytest.fixture
def page(monkeypatch, tmp_path):
    """Opens the page with a query; no data sets but the bundled ones."""
    monkeypatch.setattr("ccta_core.corpus.catalogue.SHARED", tmp_path)

    def open_page(query=None):
        app = AppTest.from_file(APP, default_timeout=120)
        app.switch_page("views/models/models.py")
        for key, value in (query or {}).items():
            app.query_params[key] = value
        return clean(app.run())

    return open_page


def widget(name):
    return f"models_{name}_input"


def test_the_page_shows_the_zoo_and_the_chosen_model(page):
    text = html_of(page())
    assert f"{len(catalog())} models here" in text
    assert "<b>e5-small/nli-en</b>" in text
    assert "in every language above the majority baseline" in text
    assert "2,490 items a language" in text
    assert "demo:nli" in text


def test_a_task_filters_and_an_address_opens_a_model(page):
    app = page({"task": "qa"})
    assert app.selectbox(key=widget("model")).value == "e5-small/qa-en"
    answering = sum(info.task == "qa" for info in catalog().values())
    assert f"{answering} models here" in html_of(app)
    app = page({"model": "e5-small/ner-en"})
    assert "<b>e5-small/ner-en</b>" in html_of(app)
    clean(app.selectbox(key=widget("task")).select("nli").run())
    assert app.query_params["task"] == "nli"


@pytest.mark.parametrize("query", [{"model": "<b>x"}, {"task": "nothing"}])
def test_a_damaged_address_is_one_line_and_the_default(page, query):
    app = page(query)
    assert "showing the default" in said(app)
    assert "<b>x" not in html_of(app)


def test_the_card_opens(page):
    app = page()
    app.session_state["pair_card_input"] = True
    assert "trained on" in html_of(clean(app.run()))


def opened(app, name):
    app.session_state[widget(name)] = True
    return clean(app.run())


def test_a_model_is_added_on_the_page_and_taken_off(page, monkeypatch, small):
    monkeypatch.setattr("dashboard.views.models.sources.add_apart", lambda name: add(name).id)
    app = opened(page(), "more")
    app.text_input(key=widget("name")).set_value(str(small))
    next(button for button in app.button if button.label == "Check and add").click()
    clean(app.run())
    assert app.selectbox(key=widget("model")).value == str(small)
    assert "has no scores" in html_of(app)
    assert "not told" in html_of(app)
    app = opened(app, "more")
    clean(app.button(key=widget("remove_0")).click().run())
    assert added() == {}


def test_a_model_that_cant_be_attributed_is_told_in_the_loaders_words(page, monkeypatch, decoder):
    monkeypatch.setattr("dashboard.views.models.sources.add_apart", lambda name: add(name).id)
    app = opened(page(), "more")
    app.text_input(key=widget("name")).set_value(str(decoder))
    next(button for button in app.button if button.label == "Check and add").click()
    clean(app.run())
    assert "decoder or a generative model" in said(app)
    assert added() == {}


def test_the_cache_is_cleared_with_a_second_click(page):
    kept = cache_root() / "results" / "ab" / "1.json.gz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"x" * 2000)
    app = opened(page(), "use")
    assert "2.0 kB in" in html_of(app)
    assert kept.exists()
    clean(app.button(key=widget("clear_results")).click().run())
    assert not kept.exists()


def test_what_cant_be_cleared_is_one_line(page, monkeypatch):
    def refuse(*_, **__):
        raise CctaError("own was written in the last 10 minutes")

    (cache_root() / "training" / "own").mkdir(parents=True)
    monkeypatch.setattr("dashboard.views.models.sources.clear", refuse)
    app = opened(page(), "use")
    clean(app.button(key=widget("clear_training")).click().run())
    assert "last 10 minutes" in said(app)


def test_counting_the_items_fills_the_column(page):
    app = page()
    clean(app.toggle(key=widget("count")).set_value(True).run())
    assert "<td>60</td>" in html_of(app)


def test_a_failing_page_is_one_line(page, monkeypatch):
    monkeypatch.setattr("dashboard.resources.data", lambda: 1 / 0)
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page("views/models/models.py")
    assert "the log has the details" in said(app.run())


def test_the_heatmap_has_a_cell_for_each_score_of_a_card():
    models = [info(), info("own/two"), replace(info("own/qa"), task="qa")]
    scores = card_scores(models)
    assert len(scores) == 9
    assert list(scores["model"].unique()) == ["own/nli", "own/two", "own/qa"]
    assert heatmap_finding(scores) == (
        "own/nli has the best mean of 2 models (0.67); Swahili is the weakest language of 2 of "
        "them."
    )
    assert heatmap_finding(card_scores(models[:1])) == ""
    assert card_scores([]).empty


def test_models_of_one_task_are_compared_on_an_item(monkeypatch):
    opened = []
    monkeypatch.setattr(Session, "lead_to", lambda self, *where: opened.append(where))
    app = AppTest.from_file(APP, default_timeout=60)
    app.switch_page("views/models/models.py")
    clean(app.run())
    assert app.button(key="models_compare_input").disabled
    basket = ["e5-small/nli-en", "e5-small/nli-xnli-es"]
    clean(app.multiselect(key="models_basket_input").set_value(basket).run())
    assert app.query_params["basket"] == ",".join(basket)
    clean(app.button(key="models_compare_input").click().run())
    assert opened == [("pair", {"model": basket[0], "basket": ",".join(basket)})]
