"""The Pair page without a browser: what it shows, what it says when something is wrong."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ccta_core.errors import CctaError
from ccta_core.models.catalog import ModelInfo
from ccta_core.models.heads import Target
from ccta_core.result import PairResult
from ccta_core.tasks import Explained
from ccta_core.types import Controls, PermutationTest
from dashboard import resources
from dashboard.engine import Engine
from dashboard.jobs import Predicted
from dashboard.session import widget_key
from dashboard.views.pair.view import KEYS, OWN, Options, PairRequest
from tests.made_pair import (
    APP,
    MODEL,
    OPTIONS,
    clean,
    html_of,
    make_result,
    opener,
    request_of,
    said,
)

__all__ = ["APP", "clean", "html_of", "said"]


@pytest.fixture
def page(monkeypatch):
    return opener(monkeypatch)


def test_opens_on_a_finished_example(page):
    app = clean(page())
    text = html_of(app)
    assert make_result(request_of()).verdict.replace("'", "&#x27;") in text
    assert "embeddings only" in text
    assert "completeness error 0.4%" in text
    assert "Something &lt;b&gt;worth&lt;/b&gt; knowing." in text
    assert not said(app)
    assert set(app.query_params) == set(KEYS)


def test_nothing_heavy_is_imported_before_the_first_paint():
    code = (
        "import sys, dashboard.resources, dashboard.widgets.pair_picture, "
        "dashboard.views.pair.details, dashboard.views.pair.job; "
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
    asked: list[PairRequest] = []
    query = {"model": MODEL.id, "item": "ferry-c", "src": "ar", "tgt": "en", "layer": "3"}
    app = clean(page(query, stored=lambda request: asked.append(request) or make_result(request)))
    assert (asked[-1].source.lang, asked[-1].target.lang, asked[-1].config.layer) == ("ar", "en", 3)
    assert not said(app)


def test_moving_the_layer_moves_the_address(page):
    app = clean(page())
    clean(app.slider(key=widget_key("pair", "layer")).set_value(5).run())
    assert app.query_params["layer"] == "5"
    assert app.query_params["item"] == "ferry-c"


def test_an_old_address_comes_back(page):
    app = clean(page({"layer": "7"}))
    app.query_params["layer"] = "2"
    clean(app.run())
    assert app.slider(key=widget_key("pair", "layer")).value == 2


def test_swap_changes_the_sides(page):
    app = clean(page())
    clean(app.button(key=widget_key("pair", "swap")).click().run())
    assert (app.query_params["src"], app.query_params["tgt"]) == ("es", "en")


@pytest.mark.parametrize("how", ["menu", "button"])
def test_own_text_begins_as_the_item(page, how):
    app = clean(page())
    if how == "menu":
        clean(app.selectbox(key=widget_key("pair", "item")).select(OWN).run())
    else:
        clean(app.button(key=widget_key("pair", "type_own")).click().run())
        assert "Type your own" not in [button.label for button in app.button]
    assert app.text_area(key=widget_key("pair", "s1")).value == "The ferry was cancelled."
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
        app.text_area(key=widget_key("pair", key)).set_value(text)
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


def test_the_menu_tells_items_of_one_premise_apart(page):
    (menu,) = [box for box in clean(page()).selectbox if box.label == "Item"]
    assert menu.options[0] == "ferry-c · contradiction · It left."


def test_own_texts_are_not_measured_as_a_language_that_was_only_chosen(page):
    asked = []

    def stored(request):
        asked.append((request.source.lang, request.target.lang))
        return make_result(request)

    app = clean(page({"item": OWN, "s1": "The ferry.", "t1": "El ferri."}, stored=stored))
    assert asked[-1] == ("en", "es")
    asked.clear()
    clean(app.selectbox(key=widget_key("pair", "tgt")).select("ar").run())
    assert asked == []
    assert (
        "The texts were sent as English and Spanish. Change them and press Compare to send them "
        "as English and Arabic." in said(app)
    )
    next(button for button in app.button if button.label == "Compare").click()
    clean(app.run())
    assert asked[-1] == ("en", "ar")
    assert not said(app)


def test_without_a_model_the_page_says_so(page, monkeypatch):
    app = page()
    monkeypatch.setattr(resources, "options", lambda: Options({}, OPTIONS.items, OPTIONS.parts))
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
    assert app.button(key=widget_key("pair", "again_main"))


def test_a_failing_page_is_one_line(page):
    app = page(stored=fails(KeyError("boom")))
    assert not app.exception
    assert "the log has the details" in said(app)


def test_details_open_without_exception(page):
    app = clean(page())
    for name in ("plan", "costs", "controls", "predictions"):
        app.session_state[widget_key("pair", name)] = True
    text = html_of(clean(app.run()))
    assert "EMS is 1 minus" in text
    assert "rank correlation" in text
    assert "The model says contradiction in both languages." in text
    assert "p counts 99 shuffles." in text


def test_a_language_with_itself_is_two_sentences(page):
    app = clean(page({"src": "en", "tgt": "en"}))
    app.session_state[widget_key("pair", "predictions")] = True
    text = html_of(clean(app.run()))
    assert "Does the model read both sentences the same way?" in text
    assert "The model says contradiction in both sentences." in text
    assert "The model is right in both sentences." in text
    assert "stressed in both sentences" in text
    assert "both languages" not in text


def test_what_could_not_be_tested_is_said_with_its_reason(page):
    def nothing_to_shuffle(request):
        result = make_result(request)
        test = PermutationTest(untestable="one unit a segment")
        return replace(result, controls=Controls(ems_uniform=0.6), permutation=test)

    app = clean(page(stored=nothing_to_shuffle))
    app.session_state[widget_key("pair", "controls")] = True
    text = html_of(clean(app.run()))
    assert "nothing can be tested against shuffled masses" in text
    assert "There is no p: each text has one word, which leaves nothing to shuffle." in text


@pytest.mark.parametrize(
    ("test", "line"),
    [
        (
            PermutationTest(1599, p_value=0.031, p_error=0.004),
            "p counts 1,599 shuffles (99 at first), standard error 0.004.",
        ),
        (PermutationTest(144, True, 0.25, 0.0, 0.05), "p is exact, over all 144 arrangements"),
    ],
)
def test_details_say_what_p_was_counted_over(page, test, line):
    app = clean(page(stored=lambda request: replace(make_result(request), permutation=test)))
    app.session_state[widget_key("pair", "controls")] = True
    assert line in html_of(clean(app.run()))


def test_the_chance_level_of_the_other_side_stands_beside_the_own(page):
    """The verdict takes one direction whichever side is called source: both are shown then."""
    found = html_of(clean(page(stored=lambda one: replace(make_result(one), chance_level=0.35))))
    assert "0.30 <small>from the other side 0.35</small>" in found
    assert "from the other side" not in html_of(clean(page()))


def test_a_queue_serves_in_order_and_joins_equals():
    gate = threading.Event()
    engine = Engine(
        load=lambda info: gate.wait(10), compare=lambda model, r, stop, early: make_result(r)
    )
    first, second = engine.submit(request_of(0), "a"), engine.submit(request_of(1), "b")
    assert engine.submit(request_of(1), "c") is second
    assert engine.queue_position(second) in (1, 2)
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


def never_cancelled(model: Any, request: PairRequest, stop: Any, early: Any) -> PairResult:
    return never(model, request, stop, early)


def test_the_picture_comes_before_the_chance_level(page):
    gate, told, parts = threading.Event(), threading.Event(), []

    def compare(model: Any, request: PairRequest, stop: Any, early: Any) -> PairResult:
        sides = [Explained("neutral", Target(((0, 1),)), {"neutral": 0.9})] * 2
        early([Predicted(*sides)])
        parts.append(engine.submit(request, "b").parts)
        early([replace(make_result(request), chance_level=None)])
        parts.append(engine.submit(request, "b").parts)
        told.set()
        gate.wait(20)
        return make_result(request)

    engine = Engine(load=lambda info: info, compare=compare)
    app = page(stored=lambda request: None, engine=engine)
    assert told.wait(20)
    assert parts == [1, 2], "the predictions first, then all but the chance level"
    text = html_of(clean(app.run()))
    assert "The widest ribbon moves" in text
    assert "being computed" in text
    assert "unrelated sentences, for the chance level" in text
    gate.set()
    deadline = time.monotonic() + 20
    while "being computed" in text and time.monotonic() < deadline:
        time.sleep(0.1)
        text = html_of(clean(app.run()))
    assert "being computed" not in text
