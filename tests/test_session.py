"""The session of a page: one call shows a widget, reads the address and writes to it."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.fields import flag, one_of, shown, some_of, span, whole, words
from dashboard.session import widget_key


def script():
    """A page with one widget of each kind; what they hold is said in one line."""
    import streamlit as st

    from dashboard.fields import Field, flag, one_of, some_of, span, whole, words
    from dashboard.session import Session

    session = Session("made")
    layers = one_of("layer", (0, 4, 8), 4, always=True)
    values = [
        session.selectbox("Layer", layers),
        session.segmented_control("View", one_of("view", ("signed", "mass"))),
        session.multiselect("Languages", some_of("langs", ("en", "es", "zh"), ["en"])),
        session.slider("Range", span("ems", 0.0, 1.0)),
        session.number_input("Page", whole("page", 1, 9, 1)),
        session.text_input("Search", words("find", 10)),
        session.toggle("Large", flag("large")),
        session.slider("Ribbons", Field("ribbons", None, float, limits=(0.0, 9.0)), resting=2.5),
    ]
    st.text(repr(values))
    for problem in session.problems:
        st.warning(problem)
    session.keep()


USUAL = [4, "signed", ["en"], (0.0, 1.0), 1, "", False, None]
FIELDS = (
    one_of("a", (0, 4, 8), 4), some_of("b", ("en", "es")), whole("c", 1, 9, 1), span("d", 0, 1),
    flag("e"), words("f", 10),
)  # fmt: skip


def opened(**query):
    app = AppTest.from_function(script, default_timeout=30)
    for name, text in query.items():
        app.query_params[name] = text
    return app.run()


def held(app):
    assert not app.exception
    return app.text[0].value


def test_a_bare_address_shows_the_defaults_and_names_what_is_always_named():
    app = opened()
    assert held(app) == repr(USUAL)
    assert dict(app.query_params) == {"layer": "4"}


def test_an_address_sets_every_widget_and_stays_as_it_is():
    query = {
        "layer": "8", "view": "mass", "langs": "es,zh", "ems": "0.2..0.7", "page": "3",
        "find": "ferry", "large": "1", "ribbons": "4.0",
    }  # fmt: skip
    app = opened(**query)
    assert held(app) == repr([8, "mass", ["es", "zh"], (0.2, 0.7), 3, "ferry", True, 4.0])
    assert app.selectbox(key=widget_key("made", "layer")).value == 8
    assert app.slider(key=widget_key("made", "ribbons")).value == 4.0
    assert dict(app.query_params) == query
    assert not app.warning


def test_a_moved_widget_is_written_and_kept_where_the_address_is_bare():
    app = opened()
    app.number_input(key=widget_key("made", "page")).set_value(5).run()
    assert app.query_params["page"] == "5"
    app.query_params.clear()  # the menu leads back
    assert held(app.run()) == repr([*USUAL[:4], 5, *USUAL[5:]])
    assert app.query_params["page"] == "5"


def test_a_moved_widget_is_newer_than_an_address_on_its_way():
    app = opened(page="2")
    app.query_params["page"] = "7"
    app.number_input(key=widget_key("made", "page")).set_value(5).run()
    assert app.query_params["page"] == "5"
    app.query_params["page"] = "7"
    app.run()
    assert app.number_input(key=widget_key("made", "page")).value == 7


def test_what_can_not_be_read_is_said_once_and_replaced():
    app = opened(layer="5", page="1e9", langs="en,xx", find="a" * 11, ems="1..0", large="yes")
    assert held(app) == repr(USUAL)
    assert len(app.warning) == 6
    assert all("expected" in line.value for line in app.warning)
    assert not app.run().warning


def test_a_widget_rests_where_nobody_moved_it():
    app = opened()
    ribbons = app.slider(key=widget_key("made", "ribbons"))
    assert ribbons.value == 2.5
    assert "ribbons" not in app.query_params
    ribbons.set_value(3.0).run()
    assert app.query_params["ribbons"] == "3.0"


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_default_survives_its_text(field):
    assert field.read(field.write(field.default)) == field.default


@pytest.mark.parametrize("field", FIELDS[:-1], ids=lambda field: field.name)
def test_a_strange_text_is_one_line(field):
    for text in ("\u202e" * 500, "nan", "-1", "٣", "1" * 5000):
        with pytest.raises(ValueError, match=r"\S"):
            field.read(text)
        assert len(shown(text)) < 300


def polled():
    """A page that polls: once with an old address of its own, once when the browser has left."""
    import streamlit as st

    from dashboard.session import Session, settle

    Session("other").hold({}, {"study": "demo-nli"})
    Session("made").hold({}, {"item": "ferry-c"})
    for brought in ({"item": "stale"}, {}, {"study": "demo-nli"}):
        st.query_params.from_dict(brought)
        settle("made")
        st.text(repr(st.query_params.to_dict()))


def test_a_poll_keeps_the_address_of_its_own_page_and_leaves_that_of_another():
    app = AppTest.from_function(polled, default_timeout=30).run()
    assert not app.exception
    own, other = "{'item': 'ferry-c'}", "{'study': 'demo-nli'}"
    assert [text.value for text in app.text] == [own, own, other]
