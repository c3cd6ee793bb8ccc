"""Words typed over in the picture: texts are cut by offsets, whatever their script."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccta_core.config import Config
from ccta_core.errors import CctaError
from ccta_core.types import Sentence, Unit
from dashboard.views.pair.edits import Change, Edit, apply_edit, changes, replace_span
from dashboard.views.pair.view import OWN, PairRequest, PairView, choose
from tests.made_pair import ITEM, MODEL, OPTIONS, make_result

VIEW = PairView(MODEL.id, ITEM.id, "en", "es", 0)


def result_of(source: Sentence, target: Sentence):
    return make_result(PairRequest(MODEL, source, target, Config()))


def with_units(text: str, lang: str, *spans):
    """A result whose source has these units, whatever stands between them."""
    result = result_of(Sentence(text, lang), Sentence("Salió", "es"))
    units = tuple(Unit(text[a:b], a, b) for a, b in spans)
    side = replace(
        result.source,
        sentence=Sentence(text, lang),
        units=units,
        scores=np.ones(len(units)),
    )
    return replace(result, source=side)


def test_an_item_becomes_texts_that_know_it():
    result = result_of(ITEM.sentences["en"], ITEM.sentences["es"])
    edited = apply_edit(VIEW, result, Edit("target", 4, "Salió.", "Zarpó."))
    assert edited.texts == (
        "The ferry was cancelled.", "It left.", "El ferri se canceló.", "Zarpó.",
    )  # fmt: skip
    assert (edited.item, edited.original) == (OWN, ITEM.id)
    assert choose(edited.query(), OPTIONS) == (edited, [])
    assert edited.before_edits(OPTIONS) == VIEW
    again = apply_edit(
        edited, result_of(*edited.sentences(OPTIONS)), Edit("source", 1, "ferry", "")
    )
    assert again.texts[0] == "The was cancelled."
    assert again.original == ITEM.id


@pytest.mark.parametrize(
    ("text", "lang", "spans", "index", "new", "expected"),
    [
        ("渡轮晚点了。", "zh", [(0, 2), (2, 4), (4, 6)], 1, "取消", "渡轮取消了。"),
        ("渡轮晚点了。", "zh", [(0, 2), (2, 4), (4, 6)], 1, "", "渡轮了。"),
        ("เรือมาสาย", "th", [(0, 4), (4, 6), (6, 9)], 2, "เร็ว", "เรือมาเร็ว"),
        ("تأخرت العبّارة 2010 New York", "ar", [(0, 5), (6, 14), (15, 19)], 2, "1990",
         "تأخرت العبّارة 1990 New York"),
        ("a 🙂🙂 b", "en", [(0, 1), (2, 4), (5, 6)], 1, "", "a b"),
    ],
)  # fmt: skip
def test_a_unit_is_replaced_where_it_stands(text, lang, spans, index, new, expected):
    result = with_units(text, lang, *spans)
    was = result.source.units[index].text
    view = replace(VIEW, src=lang)
    assert apply_edit(view, result, Edit("source", index, was, new)).texts[0] == expected


def test_what_is_no_edit_is_one_line():
    result = result_of(Sentence("Yes", "en"), Sentence("Sí claro", "es"))
    with pytest.raises(CctaError, match="the last word of its English text"):
        apply_edit(VIEW, result, Edit("source", 0, "Yes", ""))
    with pytest.raises(CctaError, match="has changed"):
        apply_edit(VIEW, result, Edit("target", 1, "no", "x"))
    with pytest.raises(CctaError, match="has changed"):
        apply_edit(VIEW, result, Edit("target", -1, "claro", "x"))
    for value in ({}, {"side": "both", "index": 0, "was": "a", "text": "b"},
                  {"side": "source", "index": "0", "was": "a", "text": "b"},
                  {"side": "source", "index": 0, "was": "a", "text": "b" * 201}):  # fmt: skip
        with pytest.raises(CctaError, match="at most 200 characters"):
            Edit.read(value)


@given(st.lists(st.text("ab\u0301ع渡", min_size=1), min_size=2, max_size=6), st.data())
def test_a_deleted_word_takes_one_space_and_nothing_else(words, data):
    index = data.draw(st.integers(0, len(words) - 1))
    start = sum(len(word) + 1 for word in words[:index])
    rest = " ".join(words[:index] + words[index + 1 :])
    assert replace_span(" ".join(words), (start, start + len(words[index])), "") == rest


def test_what_was_changed_is_named():
    before, after = "The ferry was not cancelled.", "The big ferry was delayed."
    assert changes(before, after, "en") == [
        Change("", "big"), Change("not cancelled.", "delayed."),
    ]  # fmt: skip
    assert changes("渡轮晚点了", "渡轮取消了", "zh") == [Change("晚点", "取消")]
    assert changes(before, before, "en") == []
