"""The Pair page without a browser: what it shows, what it says when something is wrong."""

import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ccta_core.config import Config
from ccta_core.errors import CctaError
from ccta_core.models.catalog import ModelInfo
from ccta_core.result import PairResult
from ccta_core.types import ParallelExample, Sentence
from dashboard import resources, state
from dashboard.choice import OWN, Choice, Offer, Request, choose
from dashboard.components.notice import plain
from dashboard.components.share import command, snippet
from dashboard.components.skeleton import skeleton
from dashboard.engine import Engine
from dashboard.tables.pair import dearest, plan_csv, plan_table, predictions

APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
LABELS = ("entailment", "neutral", "contradiction")
MODEL = ModelInfo("e5-small/nli-en", "nli", "en", LABELS, tuple(range(12)), 8, "test")
ITEM = ParallelExample(
    "ferry-c",
    "ferry",
    "contradiction",
    {
        "en": Sentence("The ferry was cancelled.", "en", "It left."),
        "es": Sentence("El ferri se canceló.", "es", "Salió."),
        "ar": Sentence("أُلغيت العبّارة.", "ar", "غادرت."),
    },
)
OFFER = Offer({MODEL.id: MODEL}, {ITEM.id: ITEM}, {MODEL.task: (ITEM.id,)})
SIDES = (ITEM.sentences["en"], ITEM.sentences["es"])


def side_payload(sentence: Sentence) -> dict[str, Any]:
    """One side with a word a unit and weights that fall off."""
    units = [
        {"text": word, "start": text.find(word), "end": text.find(word) + len(word), "segment": n}
        for n, text in enumerate(sentence.segments)
        for word in text.split()[:100]
    ]
    scores = np.array([(-1) ** n / (n + 1) for n in range(len(units))])
    return {
        "lang": sentence.lang,
        "text": sentence.text,
        "text2": sentence.text2,
        "units": units,
        "subwords": ["<s>", *(unit["text"] for unit in units), "</s>"],
        "attribution": scores.tolist(),
        "subword_attribution": [0.0, *scores.tolist(), 0.0],
        "mass": (np.abs(scores) / np.abs(scores).sum()).tolist(),
        "prediction": {"entailment": 0.1, "neutral": 0.2, "contradiction": 0.7},
        "special_share": 0.1,
        "target_class": "contradiction",
        "f_input": 2.0,
        "f_baseline": 0.0,
        "completeness_error": 0.004,
        "mass_shift": 0.0,
        "converged": True,
        "evaluations": 20,
        "truncated": False,
    }


def make_result(request: Request) -> PairResult:
    """A whole result whose plan is the product of its masses."""
    source, target = side_payload(request.source), side_payload(request.target)
    plan = np.outer(source["mass"], target["mass"])
    similarity = np.linspace(0.2, 0.9, plan.size).reshape(plan.shape)
    controls = {"ems_uniform": 0.6, "ems_shuffled": 0.5, "p_value": 0.01, "ems_unrelated": 0.3}
    return PairResult.from_payload(
        {
            "model": request.model.id,
            "revision": "test",
            "task": "nli",
            "target_class": "contradiction",
            "layer": request.config.layer,
            "align_layer": 8,
            "space": "centered",
            "seed": 0,
            "n_shuffles": 99,
            "source": source,
            "target": target,
            "plan": plan.tolist(),
            "similarity": similarity.tolist(),
            "ems": float((plan * similarity).sum()),
            "controls": controls,
            "notices": ["Something <b>worth</b> knowing."],
            "provenance": {"marginal_error": 0.0},
        }
    )


def request_of(layer: int = 0) -> Request:
    return Request(MODEL, *SIDES, Config(layer=layer))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the page with a query; every result is in the store unless `stored` says otherwise."""
    monkeypatch.setattr(resources, "offer", lambda: OFFER)
    monkeypatch.setattr(resources, "warm", lambda info: None)

    def open_page(
        query: dict[str, str] | None = None,
        stored: Callable[[Request], PairResult | None] = make_result,
        engine: Engine | None = None,
    ) -> AppTest:
        monkeypatch.setattr(resources, "stored", stored)
        monkeypatch.setattr(resources, "engine", lambda: engine)
        app = AppTest.from_file(APP, default_timeout=30)
        for key, value in (query or {}).items():
            app.query_params[key] = value
        return app.run()

    return open_page


def html_of(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def said(app: AppTest) -> str:
    lines = [*app.warning, *app.error]
    return "\n".join(line.value.replace("\\", "") for line in lines)


def clean(app: AppTest) -> AppTest:
    assert not app.exception
    assert "did not expect" not in said(app)
    return app


def test_opens_on_a_finished_example(page):
    app = clean(page())
    text = html_of(app)
    assert make_result(request_of()).verdict.replace("'", "&#x27;") in text
    assert "embeddings only" in text
    assert "0.4% <span" in text
    assert "Something &lt;b&gt;worth&lt;/b&gt; knowing." in text
    assert not said(app)
    assert not app.query_params


def test_nothing_heavy_is_imported_before_the_first_paint():
    code = (
        "import sys, dashboard.resources, dashboard.components.pair_picture, "
        "dashboard.components.details, dashboard.components.waiting; "
        "print([name for name in ('torch', 'transformers', 'pandas') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"model": "nobody/nothing"}, "nobody/nothing"),
        ({"item": "<script>alert(1)</script>"}, "not an item"),
        ({"src": "xx"}, "not a language of"),
        ({"src": "", "tgt": ""}, "not a language"),
        ({"layer": "99"}, "not a layer"),
        ({"layer": "1e9"}, "not a layer"),
        ({"layer": "-0"}, "not a layer"),
        ({"tgt": "\u202e\x00" * 500}, "not a language"),
        ({"item": "own", "src": "qq", "s1": "text"}, "not a known language"),
    ],
)
def test_a_damaged_address_gives_a_notice_and_the_default(page, query, word):
    app = clean(page(query))
    assert word in said(app)


def test_an_address_opens_its_view(page):
    asked: list[Request] = []
    query = {"model": MODEL.id, "item": "ferry-c", "src": "ar", "tgt": "en", "layer": "3"}
    app = clean(page(query, stored=lambda request: asked.append(request) or make_result(request)))
    assert (asked[-1].source.lang, asked[-1].target.lang, asked[-1].config.layer) == ("ar", "en", 3)
    assert not said(app)


def test_moving_the_layer_moves_the_address(page):
    app = clean(page())
    clean(app.slider(key=state.widget("layer")).set_value(5).run())
    assert app.query_params["layer"] == "5"
    assert app.query_params["item"] == "ferry-c"


def test_an_old_address_comes_back(page):
    app = clean(page({"layer": "7"}))
    app.query_params["layer"] = "2"
    clean(app.run())
    assert app.slider(key=state.widget("layer")).value == 2


def test_swap_changes_the_sides(page):
    app = clean(page())
    clean(app.button(key=state.widget("swap")).click().run())
    assert (app.query_params["src"], app.query_params["tgt"]) == ("es", "en")


def test_own_text_begins_as_the_item(page):
    app = clean(page())
    clean(app.selectbox(key=state.widget("item")).select(OWN).run())
    assert app.text_area(key=state.widget("s1")).value == "The ferry was cancelled."
    assert app.query_params["item"] == OWN
    assert app.query_params["t2"] == "Salió."


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (("", "", "", ""), "Type the same text"),
        (("  \n", "", "", ""), "Type the same text"),
        (("One text.", "", "", ""), "empty"),
        (("\u200f\u200e", "", "Hola.", ""), "empty"),
        (("a\x07b", "", "Hola.", ""), "U+0007"),
        (("word " * 100_000, "", "Hola.", ""), "at most"),
    ],
)
def test_a_text_that_cant_be_read_gives_a_notice(page, texts, word):
    app = clean(page({"item": OWN}))
    for key, text in zip(("s1", "s2", "t1", "t2"), texts, strict=True):
        app.text_area(key=state.widget(key)).set_value(text)
    next(button for button in app.button if button.label == "Compare").click()
    clean(app.run())
    assert word in said(app)


@pytest.mark.parametrize(
    "text",
    ["\N{GRINNING FACE}", "\u200fمرحبا\u200e", "<b>x</b> & `y` $z$ :smile:", "wort " * 10_000],
    ids=["emoji", "marks", "html", "ten thousand words"],
)
def test_odd_texts_are_shown_as_they_are(page, text):
    app = clean(page({"item": OWN, "s1": text, "t1": text}))
    assert not said(app)
    assert "<b>x" not in html_of(app)


def test_a_long_text_is_left_out_of_the_address():
    long = Choice(MODEL.id, OWN, "en", "es", 0, ("x" * 5000, "", "y", ""))
    assert "s1" not in long.query()
    broken = Choice(MODEL.id, OWN, "en", "es", 0, ("\ud800", "", "y", ""))
    assert "s1" not in broken.query()


def test_a_choice_survives_its_address():
    choice = Choice(MODEL.id, OWN, "zh", "ar", 4, ("渡轮", "", "& ?=#%", "x\ny"))
    assert choose(choice.query(), OFFER) == (choice, [])


def test_without_a_model_the_page_says_so(page, monkeypatch):
    app = page()
    monkeypatch.setattr(resources, "offer", lambda: Offer({}, OFFER.items, OFFER.parts))
    assert "ccta doctor" in said(clean(app.run()))


def never(*_: Any) -> Any:
    raise AssertionError("not asked for")


def fails(error: Exception) -> Callable[..., Any]:
    def load(_: ModelInfo) -> Any:
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (CctaError("the file is damaged; restore it"), "restore it"),
        (RuntimeError("secret detail"), "RuntimeError"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_failed_comparison_is_one_line(page, error, word):
    engine = Engine(load=fails(error), compare=never)
    engine.submit(request_of(), "somebody else").done.wait(10)
    app = clean(page(stored=lambda request: None, engine=engine))
    for _ in range(20):
        if app.error:
            break
        clean(app.run())
    assert word in said(app)
    assert "secret" not in said(app)
    assert app.button(key=state.widget("again"))


def test_a_failing_page_is_one_line(page):
    app = page(stored=fails(KeyError("boom")))
    assert not app.exception
    assert "the log has the details" in said(app)


def test_details_open_without_exception(page):
    app = clean(page())
    for name in ("plan", "costs", "controls", "predictions"):
        app.session_state[state.widget(name)] = True
    text = html_of(clean(app.run()))
    assert "EMS is 1 minus" in text
    assert "rank correlation" in text
    assert "The model says contradiction in both languages." in text


def test_a_queue_serves_in_order_and_joins_equals():
    gate = threading.Event()
    engine = Engine(load=lambda info: gate.wait(10), compare=lambda model, r, stop: make_result(r))
    first, second = engine.submit(request_of(0), "a"), engine.submit(request_of(1), "b")
    assert engine.submit(request_of(1), "c") is second
    assert engine.place(second) in (1, 2)
    engine.leave(second, "b")
    assert not second.cancelled.is_set()
    gate.set()
    assert second.done.wait(10)
    assert first.result is not None
    assert second.result is not None
    assert second.result.layer == 1


def test_a_job_nobody_waits_for_is_dropped():
    gate, loads = threading.Event(), []
    engine = Engine(load=lambda info: loads.append(info) or gate.wait(10), compare=never_cancelled)
    running, queued = engine.submit(request_of(0), "a"), engine.submit(request_of(1), "a")
    engine.leave(queued, "a")
    engine.leave(running, "a")
    gate.set()
    assert running.done.wait(10)
    assert queued.done.is_set()
    assert running.result is None
    assert len(loads) <= 1


def never_cancelled(model: Any, request: Request, stop: Any) -> PairResult:
    return never(model, request, stop)


def test_the_command_is_quoted_for_a_shell():
    odd = Sentence('It\'s "$HOME" `x`; rm', "en")
    request = Request(MODEL, odd, Sentence("-x", "es"), Config(layer=2, mass="positive"))
    words = shlex.split(command(request))
    assert words[:2] == ["ccta", "pair"]
    assert words[words.index("--source") + 1] == odd.text
    assert words[-2:] == ["--mass", "positive"]
    assert "--source-2" not in words
    compile(snippet(request), "snippet", "exec")


def test_costs_add_up_to_what_ems_lacks():
    result = make_result(request_of())
    table = plan_table(result)
    assert table["cost"].sum() == pytest.approx(1 - result.ems)
    assert table["mass"].sum() == pytest.approx(1)
    assert dearest(table)["cost"].is_monotonic_decreasing
    assert predictions(result)["source"].sum() == pytest.approx(1)


def test_a_spreadsheet_sees_no_formula():
    source = Sentence('=HYPERLINK("x") plus', "en")
    result = make_result(Request(MODEL, source, source, Config()))
    assert b"'=HYPERLINK" in plan_csv(result)


def test_a_figure_shows_markup_as_text():
    from dashboard.charts.plan import plan_heatmap

    sentence = Sentence("<b>bold</b> two", "en")
    result = make_result(Request(MODEL, sentence, SIDES[1], Config()))
    figure = plan_heatmap(plan_table(result), names=("English", "Spanish"), dark=False)
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;bold&lt;/b&gt;"
    assert figure.data[0].z.shape == result.plan.matrix.shape


def test_a_skeleton_keeps_marks_with_their_letters():
    hindi, thai = Sentence("नौका रद्द", "hi"), Sentence("เรือถูกยกเลิก", "th")
    blank = skeleton(Request(MODEL, hindi, thai, Config()))
    assert [unit["text"] for unit in blank["source"]["units"]] == ["नौका", "रद्द"]
    assert "".join(unit["text"] for unit in blank["target"]["units"]) == thai.text


def test_markdown_in_a_message_stays_text():
    shown = plain("[x](javascript:y) **b** :smile: $z$\nline")
    assert "[x]" not in shown
    assert ":smile:" not in shown
    assert "\n" not in shown
