"""The page Correlation: its statistics, every unit, addresses and studies that are wrong."""

from dataclasses import replace

import pytest
import streamlit as st

from ccta_core.analysis.questions import correlations
from ccta_core.errors import CctaError
from ccta_core.study.storage.table import Study
from ccta_core.text import interval, number
from dashboard import resources
from tests.made_study import made_study
from tests.test_correlation_tables import question
from tests.test_dashboard import clean, html_of, said

PAIR = ("en", "zh")


@pytest.fixture
def page(study_page):
    return study_page("correlation")


def test_the_page_shows_the_statistics(page, study):
    app = clean(page())
    text = html_of(app)
    main = correlations(study, replace(question(study), models=question(study).models[:1]))[0]
    assert f"<dd>{number(main.correlation.r)}</dd>" in text
    assert interval(main.correlation.low, main.correlation.high) in text
    assert "unreliable" in text
    assert "With embeddings alone" in text
    assert not said(app)


@pytest.mark.parametrize("unit", ["pair", "item", "training"])
@pytest.mark.parametrize("kind", ["pearson", "kendall"])
def test_every_unit_opens(page, unit, kind):
    app = clean(page(unit=unit, kind=kind, source="en", target="zh"))
    assert not said(app)
    assert "The same correlation for the controls" in html_of(app)
    assert app.query_params["unit"] == unit


def test_several_models_are_one_table(page):
    app = clean(page(model="made/en,made/es"))
    assert "of 2 models" in html_of(app)


def test_a_model_without_its_training_language_is_measured_with_all_others(
    study_cache, page, monkeypatch
):
    made_study(study_cache / "studies", name="lone", trained=("fr",), items=12)
    app = clean(page(study="lone"))
    assert "Over 6 languages" in html_of(app)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"study": "nobody"}, "nobody"),
        ({"layer": "99"}, "layer='99'"),
        ({"unit": "<b>x</b>"}, "unit="),
        ({"x": "ems; DROP TABLE"}, "x="),
        ({"x": "score", "y": "score"}, "correlates with itself"),
        ({"model": "made/en,made/xx"}, "made/xx"),
        ({"source": "en", "target": "en", "unit": "item"}, "can't be compared with itself"),
        ({"kind": "cosine"}, "kind="),
    ],
)
def test_a_damaged_address_gives_a_notice_and_the_default(page, query, word):
    assert word.casefold() in said(clean(page(**query))).casefold()


def test_without_a_study_the_page_says_what_to_do(page, monkeypatch):
    monkeypatch.setattr(resources, "studies", list)
    app = page()
    assert "Start one on the page Studies" in said(clean(app))


def test_a_part_that_cant_be_read_is_one_line(page, monkeypatch):
    def fails(*_):
        raise CctaError("a part of the study made can't be read; resume measures it again")

    monkeypatch.setattr(resources, "computed", fails)
    assert "resume measures it again" in said(clean(page()))


def test_a_study_that_cant_be_asked_is_one_line(page, monkeypatch):
    def fails(*_):
        raise CctaError("the study made has no finished part yet; run it first")

    st.cache_data.clear()
    monkeypatch.setattr(Study, "query", fails)
    assert "run it first" in said(clean(page()))
