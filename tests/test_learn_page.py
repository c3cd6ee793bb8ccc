"""The page Learn without a browser: its pictures, every step, the claims at the end."""

from html import escape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ccta_core.errors import DamagedFileError
from ccta_core.zoo.lesson import read_lesson
from dashboard import resources
from dashboard.plane import label_places
from dashboard.views.learn import tables as tables
from dashboard.views.learn.charts import intervals, pieces_html
from dashboard.views.learn.claims_table import answer_claim
from dashboard.views.learn.steps import STEPS
from dashboard.widgets.terms import TERMS, terms_of
from tests.made_study import made_study

APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
TOLD = list(read_lesson().sentences.values())


# Pictures ------------------------------------------------------------------------------------


def test_labels_do_not_cover_each_other():
    points = [(100.0, 100.0), (104.0, 101.0), (102.0, 96.0), (300.0, 100.0)]
    ways = label_places(points, [60.0] * 4, 18.0, (0.0, 0.0, 500.0, 300.0))
    boxes = [(x + a, y + b) for (x, y), (a, b) in zip(points, ways, strict=True)]
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            assert abs(one[0] - other[0]) >= 60 or abs(one[1] - other[1]) >= 18


def test_words_are_escaped():
    table = tables.pieces_table(TOLD[0], "abs")
    table.loc[table["word_position"] == 0, "word"] = "<script>"
    html = pieces_html(table, lang='e"n', rtl=False, alt='"<b>')
    assert "<script>" not in html
    assert "&lt;/s&gt;" in html
    assert 'lang="e&quot;n"' in html


# The page ------------------------------------------------------------------------------------


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(resources, "studies", list)

    def open_page(**query):
        app = AppTest.from_file(APP, default_timeout=60).switch_page("views/learn/learn.py")
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return open_page


def html_of(app):
    return "\n".join(element.proto.body for element in app.get("html"))


def said(app):
    return "\n".join(line.value.replace("\\", "") for line in [*app.warning, *app.error])


def clean(app):
    assert not app.exception
    assert "did not expect" not in said(app)
    return app


@pytest.mark.parametrize("code", ["en", "es", "ar", "zh"])
@pytest.mark.parametrize("step", range(1, len(STEPS) + 1))
def test_every_step_opens_in_every_language(page, step, code):
    app = clean(page(step=str(step), lang=code, **{"with": code}))
    text = html_of(app)
    assert STEPS[step - 1].question in text
    assert "<b>Notice</b>" in text
    assert "<b>Try</b>" in text
    assert " nan" not in text.lower()
    if step < len(STEPS):
        assert not said(app)
    else:
        assert "No study is here yet" in text


@pytest.mark.parametrize("step", range(1, len(STEPS) + 1))
def test_large_type_tells_the_same(page, step):
    app = clean(page(step=str(step), present="1"))
    assert app.query_params["present"] == "1"
    text, _ = STEPS[step - 1].told("English", "contradiction")
    assert text.split(".")[0].replace("'", "&#x27;") in html_of(app)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"step": "11"}, "expected one of 1"),
        ({"step": "<b>"}, "expected one of 1"),
        ({"lang": "xx"}, "expected one of en"),
        ({"with": "\u202e"}, "expected one of es"),
        ({"alpha": "2"}, "a number from 0 to 1"),
        ({"alpha": "nan"}, "a number from 0 to 1"),
        ({"points": "4"}, "expected one of 2"),
        ({"present": "yes"}, "0 or 1"),
        ({"shuffles": "1e9"}, "expected one of 19"),
        ({"seed": "-1"}, "a whole number"),
        ({"mass": "x"}, "expected one of abs"),
        ({"space": "x"}, "expected one of raw"),
        ({"claim": "4"}, "expected one of 1"),
    ],
)
def test_a_damaged_address_gives_a_notice_and_the_default(page, query, word):
    app = clean(page(**query))
    assert word in said(app)
    assert STEPS[0].question in html_of(app)


@pytest.mark.parametrize("step", sorted({term.number for term in TERMS.values()}))
def test_a_step_says_what_its_terms_are(page, step):
    text = html_of(clean(page(step=str(step))))
    for term in terms_of(STEPS[step - 1].name):
        assert f"<b>{escape(term.name)}</b> {escape(term.sentence)}" in text


def test_next_and_previous_turn_the_page(page):
    app = clean(page())
    clean(app.button(key="learn_next_input").click().run())
    assert STEPS[1].question in html_of(app)
    assert app.query_params["step"] == "2"
    clean(app.button(key="learn_previous_input").click().run())
    assert STEPS[0].question in html_of(app)
    assert app.button(key="learn_previous_input").disabled


def test_the_language_read_alone_is_compared_next(page):
    app = clean(page(step="4"))
    clean(app.selectbox(key="learn_lang_input").select("ar").run())
    app.session_state["learn_step_input"] = "5"
    clean(app.run())
    assert app.selectbox(key="learn_with_input").value == "ar"


def test_a_link_with_a_language_compares_english_with_it(page):
    app = clean(page(step="6", lang="zh"))
    assert app.selectbox(key="learn_with_input").value == "zh"
    assert "with" not in app.query_params


def test_more_points_change_the_finding(page):
    app = clean(page(step="3", points="5"))
    clean(app.select_slider(key="learn_points_input").set_value("129").run())
    assert "129 evenly spaced points" in html_of(app)
    assert app.query_params["points"] == "129"


def test_shuffle_again_draws_others(page):
    app = clean(page(step="7", shuffles="19"))
    clean(app.button(key="learn_again_input").click().run())
    assert app.query_params["seed"] == "1"


def test_without_a_lesson_the_page_says_what_to_do(page, monkeypatch):
    def missing():
        raise DamagedFileError("no lesson; make it again with python -m research.zoo.lesson")

    monkeypatch.setattr(resources, "lesson", missing)
    app = clean(page())
    assert "research.zoo.lesson" in said(app)


# The claims ----------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of two training languages, in this test's own cache."""
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    return made_study(tmp_path / "studies", items=12, layers=(8,))


def test_every_claim_is_answered(study):
    for claim in ("1", "2", "3"):
        answer = answer_claim(study, claim, 8)
        assert len(answer.table)
        assert answer.sentence.endswith(".")
        assert answer.counted.startswith("n = ")
        known = answer.table.dropna()
        assert (known["low"] <= known["high"]).all()
        figure = intervals(answer.table, axis="x", zero=answer.zero, dark=True, large=False)
        assert sum(len(trace.x) for trace in figure.data) == len(answer.table)


def test_too_small_a_study_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    small = made_study(
        tmp_path / "studies", langs=("en", "es"), trained=("en",), items=3, layers=(8,)
    )
    assert "too few languages" in answer_claim(small, "1", 8).sentence
    assert "fewer than two training languages" in answer_claim(small, "2", 8).sentence


@pytest.mark.parametrize("claim", ["1", "2", "3"])
def test_the_last_step_shows_the_study(page, monkeypatch, study, claim):
    monkeypatch.setattr(resources, "studies", lambda: [study.name])
    app = clean(page(step=str(len(STEPS)), claim=claim))
    text = html_of(app)
    assert "<b>Claim</b>" in text
    assert "Bars are 95% intervals" in text
    assert not said(app)
