"""The address of a view: everything that is chosen, and nothing that is not."""

from dataclasses import asdict, replace

import pytest

from ccta_core.config import Config
from dashboard import resources
from dashboard.engine import Engine
from dashboard.session import widget_key
from dashboard.views.pair.history import MOST, ViewHistory, difference
from dashboard.views.pair.settings import NAMES, Settings, of_study, read_settings
from dashboard.views.pair.view import KEYS, OWN, PairView, choose
from tests.made_pair import ITEM, MODEL, OPTIONS, clean, html_of, make_result, opener, said


@pytest.fixture
def page(monkeypatch):
    return opener(monkeypatch)


def test_a_long_text_is_left_out_of_the_address():
    long = PairView(MODEL.id, OWN, "en", "es", 0, ("x" * 5000, "", "y", ""))
    assert "s1" not in long.query()
    broken = PairView(MODEL.id, OWN, "en", "es", 0, ("\ud800", "", "y", ""))
    assert "s1" not in broken.query()


def test_a_choice_survives_its_address():
    choice = PairView(MODEL.id, OWN, "zh", "ar", 4, ("渡轮", "", "& ?=#%", "x\ny"))
    assert choose(choice.query(), OPTIONS) == (choice, [])


def test_a_plain_view_names_no_setting():
    assert tuple(choose({}, OPTIONS)[0].query()) == KEYS


EVERYTHING = Settings(
    Config(
        method="occlusion", baseline="mask", space="none", mass="positive", align_layer=2,
        target_class="neutral", shuffles=20, seed=7, precision="bf16",
    ),
    view="mass", units="subwords", ribbons=2.5,
)  # fmt: skip


def test_every_setting_survives_its_address():
    offer = OPTIONS.with_study("mine", "nli", {"s-1": replace(ITEM, id="s-1")}, {})
    choice = PairView(
        MODEL.id, "s-1", "es", "ar", 3, study="mine", layer2=5, settings=EVERYTHING
    )  # fmt: skip
    query = choice.query()
    assert set(query) == {*KEYS, "study", "layer2", *NAMES}
    assert choose(query, offer) == (choice, [])


def test_the_settings_make_the_config():
    view = PairView(MODEL.id, ITEM.id, "en", "es", 3, settings=EVERYTHING)
    config = view.request(OPTIONS).config
    assert (config.method, config.baseline, config.target_class) == ("occlusion", "mask", "neutral")
    assert (config.layer, config.shuffles, config.seed) == (3, 20, 7)
    assert (config.align_layer, config.precision) == (2, "bf16")
    assert replace(view, settings=Settings()).request(OPTIONS).config == Config(layer=3)


def test_a_study_gives_the_settings_it_was_measured_with():
    config = EVERYTHING.config
    assert of_study(asdict(config), "nli", "neutral").config == config
    assert of_study(asdict(Config()), "qa", None) == Settings()


@pytest.mark.parametrize(
    "query",
    [
        {"precision": "fp8"},
        {"method": "magic"},
        {"ribbons": "11"},
        {"ribbons": "nan"},
        {"ribbons": "-1"},
        {"shuffles": "1e9"},
        {"seed": "-1"},
        {"units": "\u202e" * 500},
        {"view": "<b>"},
    ],
)
def test_a_damaged_setting_is_said_and_left_out(query):
    settings, problems = read_settings(query, MODEL)
    assert settings == Settings()
    assert len(problems) == 1
    assert len(problems[0]) < 400
    assert "expected" in problems[0]


def test_what_a_method_lacks_is_not_chosen():
    raw = {"method": "rollout", "baseline": "zero", "mass": "norm"}
    settings, problems = read_settings(raw, MODEL)
    config = settings.config
    assert (config.method, config.baseline, config.mass) == ("rollout", "pad", "abs")
    assert not problems
    assert read_settings({"target": "LOC"}, MODEL)[0].config.target_class == "auto"
    assert read_settings({"align": "99"}, MODEL)[0].config.align_layer is None


def test_a_comparison_needs_what_is_here():
    choice, problems = choose({"model2": "nobody/x", "layer2": "99"}, OPTIONS)
    assert not choice.compares
    assert len(problems) == 2
    same, _ = choose({"model2": MODEL.id, "layer2": "4"}, OPTIONS)
    assert (same.model2, same.layer2) == ("", 4)
    assert (same.second.layer, same.second.compares) == (4, False)


def test_a_history_forgets_what_was_undone():
    views = [choose({"layer": str(layer)}, OPTIONS)[0] for layer in range(12)]
    history = ViewHistory()
    for view in (views[0], views[0], views[1], views[2]):
        history = history.visit(view)
    assert history.views == tuple(views[:3])
    back = history.go_to(1)
    assert (back.now, back.can_undo, back.can_redo) == (views[1], True, True)
    assert back.visit(views[1]) == back
    assert back.visit(views[5]).views == (views[0], views[1], views[5])
    for layer in range(2 * MOST):
        history = history.visit(views[layer % 2])
    assert len(history.views) == MOST
    assert difference(views[1], views[2]) == "layer 2"


def set_widget(app, kind, name, value):
    return clean(getattr(app, kind)(key=widget_key("pair", name)).set_value(value).run())


def test_a_drawing_stands_in_the_address(page):
    app = clean(page())
    set_widget(app, "segmented_control", "view", "mass")
    assert app.query_params["view"] == "mass"
    set_widget(app, "slider", "ribbons", 4.0)
    assert app.query_params["ribbons"] == "4"
    assert "units" not in app.query_params


def test_an_address_sets_the_drawing(page):
    app = clean(
        page({"view": "mass", "units": "subwords", "ribbons": "0.5", "method": "occlusion"})
    )
    assert app.segmented_control(key=widget_key("pair", "view")).value == "mass"
    assert app.segmented_control(key=widget_key("pair", "units")).value == "subwords"
    assert app.slider(key=widget_key("pair", "ribbons")).value == 0.5
    assert app.selectbox(key=widget_key("pair", "method")).value == "occlusion"
    assert not said(app)


def test_the_slider_of_ribbons_rests_where_nobody_moved_it(page):
    app = clean(page())
    before = app.slider(key=widget_key("pair", "ribbons")).value
    set_widget(app, "slider", "layer", 3)
    assert before > 0
    assert "ribbons" not in app.query_params


def test_undo_and_redo_go_through_the_views(page):
    app = clean(page())
    assert app.button(key=widget_key("pair", "undo")).disabled
    set_widget(app, "slider", "layer", 4)
    set_widget(app, "segmented_control", "view", "mass")
    for layer, view in (("4", None), ("0", None)):
        clean(app.button(key=widget_key("pair", "undo")).click().run())
        assert (app.query_params["layer"], app.query_params.get("view")) == (layer, view)
        assert app.slider(key=widget_key("pair", "layer")).value == int(layer)
    clean(app.button(key=widget_key("pair", "redo")).click().run())
    assert app.query_params["layer"] == "4"
    clean(app.button(key=widget_key("pair", "view_2")).click().run())
    assert app.query_params["view"] == "mass"
    assert app.button(key=widget_key("pair", "redo")).disabled


def test_undo_takes_back_a_moved_slider_of_ribbons(page):
    app = clean(page())
    usual = app.slider(key=widget_key("pair", "ribbons")).value
    set_widget(app, "slider", "ribbons", 8.0)
    clean(app.button(key=widget_key("pair", "undo")).click().run())
    assert "ribbons" not in app.query_params
    assert app.slider(key=widget_key("pair", "ribbons")).value == usual


def test_the_menu_leads_back_to_the_last_view(page):
    app = clean(page({"layer": "5", "tgt": "ar"}))
    app.query_params.clear()
    clean(app.run())
    assert (app.query_params["layer"], app.query_params["tgt"]) == ("5", "ar")


def test_a_widget_is_newer_than_an_address_on_its_way(page):
    app = clean(page({"layer": "5"}))
    app.query_params["layer"] = "2"
    set_widget(app, "slider", "layer", 7)
    assert app.query_params["layer"] == "7"


def test_a_second_layer_is_compared(page):
    app = clean(page({"layer": "0", "layer2": "2"}))
    text = html_of(app)
    assert "EMS is the same with layer 2" in text
    assert "Words that change most" in text
    clean(app.button(key=widget_key("pair", "exchange")).click().run())
    assert (app.query_params["layer"], app.query_params["layer2"]) == ("2", "0")


def test_the_walk_tells_what_is_measured(page, monkeypatch):
    def some(request):
        return make_result(request) if request.config.layer in (0, 3) else None

    app = clean(page(stored=some))
    app.session_state[widget_key("pair", "layers")] = True
    monkeypatch.setattr(resources, "engine", lambda: Engine(load=None, compare=None))
    text = html_of(clean(app.run()))
    assert "2 of 12 layers are measured" in text
    assert (
        app.button(key=widget_key("pair", "walk_go")).label
        == "Measure the 10 layers that are missing"
    )
