"""The page Errors without a browser: filters in the address, the list, tags, the way to Pair."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ccta_core.errors import CctaError
from ccta_core.store import notes
from ccta_core.study.storage.schema import arrow_schema
from ccta_core.study.storage.table import Study
from dashboard import resources
from dashboard.views.errors import tables
from dashboard.views.errors.filters import Filters
from tests.made_study import made_study

MODEL = "made/en"
APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
HOSTILE = '<img src=x onerror="window.broken=1">[a](b) :smile:'


@pytest.fixture
def page(tmp_path, monkeypatch) -> Callable[..., AppTest]:
    """Opens the page on a made-up study with a query."""
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    monkeypatch.setattr(resources, "studies", lambda: ["made"])
    folder = tmp_path / "studies"
    folder.mkdir()
    made_study(folder, items=12)

    def open_page(query: dict[str, str] | None = None) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=60)
        app.switch_page("views/errors/errors.py")
        for key, value in (query or {}).items():
            app.query_params[key] = value
        return app.run()

    return open_page


def key(name: str) -> str:
    return f"errors_{name}_input"


def asked(app: AppTest) -> dict[str, str]:
    """The address without what says which study this is."""
    pinned = ("study", "model", "layer")
    return {name: value for name, value in app.query_params.items() if name not in pinned}


def html_of(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def said(app: AppTest) -> str:
    return "\n".join(line.value.replace("\\", "") for line in [*app.warning, *app.error])


def cases(app: AppTest) -> list[str]:
    """The keys of the listed comparisons."""
    return re.findall(r'<li class="ccta-case" data-pick="([^"]*)"', listing(app))


def listing(app: AppTest) -> str:
    (element,) = [
        one for one in app.get("bidi_component") if one.proto.component_name.endswith("list")
    ]
    return json.loads(element.proto.json)["html"]


def clean(app: AppTest) -> AppTest:
    assert not app.exception
    assert "did not expect" not in said(app)
    return app


def test_opens_on_what_is_right_in_one_language_only(page):
    app = clean(page())
    text = html_of(app)
    assert "are right in one language and wrong in the other" in text
    assert "they are unreliable" in text  # four groups
    assert len(cases(app)) == 25
    assert not said(app)
    assert not asked(app)
    assert app.selectbox(key=key("view")).value.startswith("Right in one")


def test_a_click_on_a_view_sets_right_wrong_and_the_order(page):
    app = clean(page())
    clean(app.selectbox(key=key("view")).set_value("Consistent but wrong").run())
    assert asked(app) == {"right": "ww", "order": "down"}
    assert "wrong in both languages" in html_of(app)
    assert 'class="is-right"' not in listing(app)
    clean(app.selectbox(key=key("sort")).set_value("gain").run())
    assert app.selectbox(key=key("view")).value is None


def test_filters_go_into_the_address_and_back(page):
    app = clean(page())
    app.selectbox(key=key("src")).set_value("en")
    app.selectbox(key=key("tgt")).set_value("hi")
    app.selectbox(key=key("gold")).set_value("neutral")
    app.text_input(key=key("find")).set_value("FERRY")
    app.selectbox(key=key("right")).set_value("any")
    clean(app.slider(key=key("ems")).set_range(0.5, 0.7).run())
    query = asked(app)
    assert query == {
        "src": "en", "tgt": "hi", "gold": "neutral", "find": "FERRY", "right": "any",
        "ems": "0.5..0.7",
    }  # fmt: skip
    again = clean(page(query))
    assert cases(again) == cases(app)
    assert all(one.startswith("en-hi-") for one in cases(again))
    assert not said(again)
    clean(again.button(key=key("clear")).click().run())
    assert asked(again) == {"right": "any"}


def test_pages_turn_and_a_filter_goes_back_to_the_first(page):
    app = clean(page({"right": "any", "page": "3", "rows": "50"}))
    third = cases(app)
    clean(app.button(key=key("chevron_left_top")).click().run())
    assert app.query_params["page"] == "2"
    assert not set(cases(app)) & set(third)
    clean(app.number_input(key=key("page")).set_value(4).run())
    assert "of 180" in html_of(app)
    assert len(cases(app)) == 30
    clean(app.selectbox(key=key("src")).set_value("en").run())
    assert "page" not in app.query_params


def test_an_old_address_with_a_page_comes_back(page):
    app = clean(page({"src": "en"}))
    app.query_params["src"] = "any"
    app.query_params["right"] = "any"
    app.query_params["page"] = "2"
    clean(app.run())
    assert app.number_input(key=key("page")).value == 2


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"src": "xx"}, "Src='xx'"),
        ({"right": "<script>"}, "Right="),
        ({"ems": "0..nan"}, "Ems="),
        ({"ems": "9..1"}, "Ems="),
        ({"page": "9999"}, "Page="),
        ({"by": "ems; DROP TABLE rows"}, "By="),
        ({"find": "x" * 500}, "Find="),
        ({"tag": "nobody's"}, "Tag="),
        ({"set": "nobody's"}, "Set="),
        ({"row": "en-hi-no-such-item"}, "not in this study"),
    ],
)
def test_a_damaged_address_gives_a_notice_and_the_default(page, query, word):
    assert word in said(clean(page(query)))


def test_a_row_is_looked_at_tagged_and_noted(page):
    app = clean(page({"right": "any", "src": "en", "tgt": "hi", "row": "en-hi-ferry-n"}))
    assert "English to Hindi, gold neutral" in html_of(app)
    assert "embeddings only" in html_of(app)
    tags, note = key("tags ferry-n"), key("note ferry-n")
    notes.add_tag("made", "ferry-n", "odd")
    notes.add_tag("made", "ferry-n", HOSTILE[:30])
    clean(app.text_area(key=note).set_value("Look: **again**").run())
    assert notes.remarks("made")["ferry-n"].note == "Look: **again**"
    assert app.pills(key=tags).value == sorted(["odd", HOSTILE[:30]])
    assert '<span class="ccta-tag">odd</span>' in listing(app)
    assert "<img" not in listing(app)
    clean(app.pills(key=tags).set_value([HOSTILE[:30]]).run())
    assert notes.remarks("made")["ferry-n"].tags == (HOSTILE[:30],)
    clean(app.text_input(key=key("new ferry-n")).set_value("  two  words ").run())
    assert notes.remarks("made")["ferry-n"].tags == (HOSTILE[:30], "two words")
    assert app.text_input(key=key("new ferry-n")).value == ""
    notes.remove_tag("made", "ferry-n", "two words")
    clean(app.selectbox(key=key("tag")).set_value(HOSTILE[:30]).run())
    assert cases(app) == ["en-hi-ferry-n"]
    clean(app.button(key=key("close")).click().run())
    assert "row" not in app.query_params


def test_selected_items_are_listed_alone_and_tagged_at_once(page):
    app = clean(page({"right": "any", "src": "en", "tgt": "hi", "find": "ferry"}))
    clean(app.button(key=key("select_listed")).click().run())
    chosen = app.query_params["set"].removeprefix(":").split(",")
    assert [f"en-hi-{item}" for item in sorted(chosen)] == sorted(cases(app))
    clean(app.button(key=key("clear")).click().run())
    assert len(cases(app)) > len(chosen)
    clean(app.toggle(key=key("only")).set_value(True).run())
    assert {one.split("-", 2)[2] for one in cases(app)} == set(chosen)
    clean(app.button(key=key("many label noise")).click().run())
    assert notes.tags("made") == {"label noise": len(chosen)}
    assert f"Tagged: label noise {len(chosen)}" in html_of(app)
    clean(app.button(key=key("many label noise")).click().run())
    assert notes.tags("made") == {}
    clean(app.button(key=key("set_clear")).click().run())
    assert "set" not in app.query_params
    assert len(cases(app)) == 25


def test_a_selection_comes_along_to_other_pages_of_the_study(page):
    app = clean(page({"set": "odd ones:ferry-n,ferry-c,nobody"}))
    assert "1 item of the selection" in said(app)
    app.switch_page("views/languages/languages.py")
    clean(app.run())
    assert app.query_params["set"] == "odd ones:ferry-n,ferry-c,nobody"
    assert app.button(key="languages_set_clear_input")


def test_a_note_that_cant_be_kept_is_one_line(page, monkeypatch):
    app = clean(page({"right": "any", "row": "en-hi-ferry-n"}))

    def refuse(*_: Any) -> None:
        raise CctaError("tags and notes can't be kept; set CCTA_CACHE")

    monkeypatch.setattr(notes, "set_note", refuse)
    clean(app.text_area(key=key("note ferry-n")).set_value("lost").run())
    assert "set CCTA_CACHE" in said(app)


def test_open_in_pair_and_come_back(page):
    query = {"right": "any", "src": "en", "page": "2", "row": "en-hi-ferry-n"}
    app = clean(page(query))
    app.button(key=key("open")).click().run()
    shown = dict(app.query_params)  # the model is not here: Pair takes another
    assert {"item", "src", "tgt", "layer", "study"} <= set(shown)
    assert (shown["item"], shown["src"], shown["tgt"]) == ("ferry-n", "en", "hi")
    page, address = app.session_state["back"]
    assert page == "errors"
    assert address == query | {"study": "made", "model": MODEL, "layer": "8"}


def test_texts_that_are_not_here_are_one_line(page, monkeypatch):
    def missing(*_: Any) -> None:
        raise CctaError("the texts of the study made are not here; get them")

    monkeypatch.setattr(resources, "texts", missing)
    monkeypatch.setattr(resources, "find_places", missing)
    app = clean(page({"find": "ferry"}))
    assert "get them" in said(app)
    assert "Only ids are searched" in said(app)
    assert all("ferry" in one for one in cases(app))
    assert "<bdi" not in listing(app)


def test_nothing_found_says_what_to_do(page):
    app = clean(page({"find": "no such text at all"}))
    assert "No comparison passes these filters" in html_of(app)
    clean(app.button(key=key("clear_all")).click().run())
    assert len(cases(app)) == 25


def test_no_study_says_what_to_do(page, monkeypatch):
    monkeypatch.setattr(resources, "studies", lambda: [])
    assert "ccta study run" in said(clean(page()))


def test_a_study_that_cant_be_read_is_one_line(page, monkeypatch):
    asked = Study.query

    def fails(self: Study, query: str, parameters: Any = ()) -> pd.DataFrame:
        if "count(*) AS n FROM" in query:
            raise CctaError("a part can't be read; resume the study")
        return asked(self, query, parameters)

    st.cache_data.clear()
    monkeypatch.setattr(Study, "query", fails)
    assert "resume the study" in said(clean(page()))


def test_the_table_of_predictions_opens(page):
    app = page()
    app.session_state[key("cells")] = True
    clean(app.run())
    assert "The model says the same in both languages, right or wrong, in" in html_of(app)


# Answers, which have no labels; texts that are searched.


@pytest.fixture
def answers(page, tmp_path) -> Callable[..., AppTest]:
    """The same study as of questions: no gold label, answers that are texts."""
    for path in (tmp_path / "studies" / "made" / "parts").glob("*/*.parquet"):
        rows = pq.read_table(path).to_pylist()
        for at, row in enumerate(rows):
            row |= {"gold": None, "source_probability": None, "target_probability": None}
            row |= {"source_predicted": f"الجواب {at} <b>", "target_predicted": f"answer {at} & so"}
        pq.write_table(pa.Table.from_pylist(rows, arrow_schema()), path)
    manifest = tmp_path / "studies" / "made" / "manifest.json"
    found = json.loads(manifest.read_text("utf-8"))
    found["models"] = [model | {"task": "qa"} for model in found["models"]]
    manifest.write_text(json.dumps(found), "utf-8")
    return page


def test_answers_are_listed_without_labels(answers):
    app = clean(answers({"right": "ww"}))
    assert "wrong in both languages" in html_of(app)
    assert not any(box.key == key("gold") for box in app.selectbox)
    assert not any(box.key == key("says") for box in app.selectbox)
    assert "<bdi" in re.findall(r'class="ccta-said">.*?</div>', listing(app))[0]
    assert "<b> " not in listing(app)
    app.session_state[key("cells")] = True
    clean(app.run())
    assert "answers rightly in both languages, or wrongly in both, in" in html_of(app)


def test_answers_agree_where_both_are_right_or_both_wrong(answers):
    study = resources.read_study("made")
    filters = Filters(model=MODEL, layer=8, source="en", target="es", right="any")
    same = tables.same_prediction(study, filters)
    alike = study.query(
        "SELECT count(*) AS n FROM rows WHERE model = ? AND layer = 8 AND source_lang = 'en' "
        "AND target_lang = 'es' AND source_correct = target_correct",
        [MODEL],
    )
    assert 0 < same.count == alike["n"][0] < same.n
    assert tables.count(study, replace(filters, agreement="same")) == same.count


def test_another_model_takes_its_own_whole_range(page):
    app = clean(page({"right": "any", "sort": "item"}))
    whole = app.slider(key=key("ems")).value
    clean(app.selectbox(key="errors_model_input").set_value("made/es").run())
    assert app.slider(key=key("ems")).value != whole
    assert "ems" not in app.query_params
    assert "of 180" in html_of(app)
