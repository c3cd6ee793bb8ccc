"""Every setting of a study is in all the places that offer it, or says why it is not."""

import argparse
import inspect
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import ccta_core as ccta
from ccta_core.cli.main import main
from ccta_core.config import BASELINES, MASSES, METHODS, PRECISIONS, SPACES, Config
from ccta_core.corpus.spec import read_corpus
from ccta_core.errors import CctaError
from ccta_core.models.catalog import find
from ccta_core.study.manifest import Manifest, make_manifest, models_of
from ccta_core.study.request import (
    CONFIG_SETTINGS,
    CONFIG_WITHOUT_FLAG,
    RecordedSettings,
    StudyRequest,
    add_arguments,
    default_of,
    form_fields,
    settings,
)
from tests.test_dashboard import clean
from tests.test_studies_page import APP, widget

MODEL = "e5-small/nli-en"
NAMES = [each.name for each in fields(StudyRequest)]
# A value of every setting that is not its default, and that a page of NLI can show.
OTHER = {
    "name": "other", "data": "demo:qa", "models": ("e5-small/qa-en",), "layers": (4, 12),
    "languages": ("en", "hi"), "crop": 64, "per_group": 2, "chunk": 6, "limit": 7, "spread": True,
    "config": Config(space="none", shuffles=3), "allow_overlap": True, "random_head": True,
}  # fmt: skip
ASKED = {"name": "one", "data": "demo:nli", "models": (MODEL,)}


def places_of(name):
    return set(settings()[name].absent)


def request(**changes):
    return StudyRequest(**{**ASKED, **changes})


def read_back(words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return StudyRequest.from_options(parser.parse_args(words))


@pytest.fixture(scope="module")
def help_text():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return " ".join(parser.format_help().split())


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_on_the_command_line(name, help_text):
    setting = settings()[name]
    assert (setting.flag is None) == ("flag" in setting.absent)
    assert all(reason for reason in setting.absent.values())
    if setting.flag is not None:
        assert f"--{setting.flag} " in help_text
        assert setting.help in help_text
        asked = request(**{name: OTHER[name]})
        assert getattr(read_back(asked.arguments), name) == OTHER[name] != default_of(name)
        assert read_back(asked.arguments) == asked


@pytest.mark.parametrize("name", [each.name for each in fields(Config)])
def test_a_field_of_config_is_on_the_command_line(name, help_text):
    assert (name in CONFIG_SETTINGS) != (name in CONFIG_WITHOUT_FLAG)
    if name in CONFIG_SETTINGS:
        setting = CONFIG_SETTINGS[name]
        other = setting.choices[-1] if setting.choices else 7
        asked = request(config=replace(default_of("config"), **{name: other}))
        assert f"--{setting.flag} " in help_text
        assert setting.help in help_text
        assert read_back(asked.arguments) == asked != request()
    else:
        assert CONFIG_WITHOUT_FLAG[name]


def test_the_choices_are_those_of_config():
    known = {
        "space": SPACES, "baseline": BASELINES, "mass": MASSES, "method": METHODS,
        "precision": PRECISIONS,
    }  # fmt: skip
    assert {n: each.choices for n, each in CONFIG_SETTINGS.items() if each.choices} == known


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_a_keyword_of_run_study(name):
    parameter = inspect.signature(ccta.run_study).parameters[name]
    assert name in (ccta.run_study.__doc__ or "")
    if not settings()[name].required and name != "config":
        assert parameter.default == default_of(name)
    asked = StudyRequest.from_keywords(**{**ASKED, name: OTHER[name]})
    assert getattr(asked, name) == OTHER[name]


def test_the_fields_of_config_are_keywords_too():
    names = {each.name for each in fields(Config)} - {"layer", "target_class"}
    parameters = set(inspect.signature(ccta.run_study).parameters)
    assert names <= parameters
    assert not {"layer", "target_class"} & parameters
    asked = StudyRequest.from_keywords(**ASKED, seed=3, config=Config(shuffles=9))
    assert asked.config == Config(seed=3, shuffles=9)
    assert StudyRequest.from_keywords(**ASKED, mass="norm").config == Config(
        mass="norm", shuffles=20
    )


@pytest.mark.parametrize(("name", "value"), [("layer", 8), ("target_class", "neutral")])
def test_what_is_a_pairs_alone_is_refused_and_not_ignored(name, value):
    for asked in ({name: value}, {"config": Config(shuffles=20, **{name: value})}):
        with pytest.raises(CctaError, match=f"a study takes no {name}: a study"):
            StudyRequest.from_keywords(**ASKED, **asked)


def test_a_keyword_that_is_no_setting_is_one_line():
    with pytest.raises(CctaError, match="unknown setting 'shufles'; expected one of: ") as caught:
        ccta.run_study("one", "demo:nli", MODEL, shufles=3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_in_the_manifest(name):
    corpus = read_corpus("demo:nli", ["en", "es"], limit=3)
    kept = make_manifest(request(layers=(8,)), corpus, [find(MODEL)])
    assert hasattr(kept, name) != ("manifest" in settings()[name].absent)
    if name in ("crop", "per_group", "spread", "chunk"):  # recorded as they were asked for
        limit = {"limit": 3} if name == "spread" else {}
        asked = request(layers=(8,), **limit, **{name: OTHER[name]})
        assert getattr(make_manifest(asked, corpus, [find(MODEL)]), name) == OTHER[name]


def test_a_request_and_its_manifest_share_their_recorded_settings():
    recorded = {each.name for each in fields(RecordedSettings)}
    assert recorded <= {each.name for each in fields(Manifest)}
    absent = {name for name in NAMES if "manifest" in places_of(name)}
    assert set(NAMES) == recorded | absent | {"config"}


def test_a_setting_is_in_the_form(monkeypatch):
    """Every one that is not listed as absent: its label, and what is chosen is asked for."""
    from ccta_core.study.run import process

    started = []
    monkeypatch.setattr(process, "start", lambda asked, workers, cost: started.append(asked))
    shown = dict(form_fields())
    assert set(NAMES) == set(shown) | {name for name in NAMES if "form" in places_of(name)}
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page("views/studies/studies.py")
    for name, field in shown.items():
        value = OTHER[name]
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        app.query_params[field.key] = {"True": "1"}.get(text, text)
    clean(app.run())
    widgets = [
        *app.selectbox, *app.multiselect, *app.number_input, *app.text_input, *app.checkbox,
    ]  # fmt: skip
    labels = {each.key: each.label for each in widgets}
    for field in shown.values():
        assert labels[widget(field.key)] == field.label
    clean(app.button(key=widget("start")).click().run())
    (asked,) = started
    for name in shown:
        assert getattr(asked, name) == OTHER[name]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "a/b"}, "a study's name is letters"),
        ({"models": ()}, "at least one model"),
        ({"layers": ()}, "at least one layer"),
        ({"languages": ("en",)}, "two or more, found 1"),
        ({"limit": 0}, "a limit of 0 items reads nothing; expected 1 or more"),
        ({"per_group": 0}, "0 items of a group measure nothing; expected 1 or more"),
        ({"crop": 15}, "a crop of 15 tokens leaves no context; expected 16 or more"),
        ({"chunk": 0}, "a chunk of 0 items measures nothing; expected 1 or more"),
    ],
)
def test_what_is_out_of_its_range_is_refused_where_the_request_is_made(changes, line):
    with pytest.raises(CctaError, match=line) as caught:
        request(**changes)
    assert "\n" not in str(caught.value)


def test_lists_become_tuples_and_a_request_can_be_hashed():
    assert request(models=[MODEL], layers=[8], languages=["en", "es"]) == request(
        models=(MODEL,), layers=(8,), languages=("en", "es")
    )
    assert len({request(layers=[8]), request(layers=(8,))}) == 1


def test_a_single_name_is_a_list_of_one_and_a_number_is_none():
    assert request(models=MODEL).models == (MODEL,)
    with pytest.raises(CctaError, match="layers is 8; expected a list"):
        request(layers=8)


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"config": Config(shuffles=20, objective="margin")}, "objective"), ({"chunk": 6}, "chunk")],
)
def test_what_has_no_flag_is_not_lost_on_a_command_line(changes, name):
    with pytest.raises(CctaError, match=f"{name} can't be chosen on a command line"):
        _ = request(**changes).arguments


@given(
    st.builds(
        request,
        layers=st.lists(st.integers(0, 24), min_size=1, max_size=4),
        languages=st.none() | st.just(("en", "es")) | st.just(("en", "zh", "ar")),
        limit=st.none() | st.integers(1, 10**6),
        crop=st.none() | st.integers(16, 512),
        per_group=st.none() | st.integers(1, 99),
        allow_overlap=st.booleans(),
        random_head=st.booleans(),
        config=st.builds(
            Config,
            seed=st.integers(0, 2**32 - 1),
            shuffles=st.integers(0, 9999),
            align_layer=st.none() | st.integers(0, 12),
            mass=st.sampled_from(MASSES),
        ),
    )
)
def test_a_command_line_asks_for_the_same_study(asked):
    assert read_back(asked.arguments) == asked


def test_the_twin_under_a_random_head_comes_last():
    models = models_of(request(random_head=True))
    assert [info.id for info in models] == [MODEL, f"{MODEL}~random-head"]


def test_the_command_line_is_read_into_the_same_request(capsys):
    words = request(layers=(40,)).arguments
    assert main(["study", "run", *words, "--dry-run"]) == 2
    assert "has the layers 0 to 11; asked for 40" in capsys.readouterr().err
