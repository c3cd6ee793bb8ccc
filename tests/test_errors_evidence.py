"""Comparisons as HTML, in the list and as a file: hostile text stays text, nothing is loaded."""

import re
import shlex
import unicodedata
from dataclasses import replace

import pandas as pd
import pytest
from markupsafe import escape

from ccta_core.reports.study.errors import Selection, pair_command, selection_page
from ccta_core.store.notes import Remark
from ccta_core.study.storage.table import Study
from ccta_core.study.storage.texts import examples_of
from ccta_core.types import ParallelExample, Sentence
from dashboard.views.errors import tables
from dashboard.views.errors.charts import list_html
from dashboard.views.errors.export import MOST_ROWS, describe_limits, with_remarks
from dashboard.views.errors.filters import Filters, Order
from dashboard.widgets.files import to_csv
from tests.made_study import made_study

MODEL, LAYER = "made/en", 8
ALL = Filters(MODEL, LAYER)
HOSTILE = '<img src=x onerror="window.broken=1">[a](b) :smile: {{ 7 * 7 }}{% raw %}'


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return made_study(tmp_path_factory.mktemp("studies"), items=12)


def hostile_rows() -> pd.DataFrame:
    row = dict.fromkeys(tables.COLUMNS, HOSTILE) | {
        "source_lang": "en", "target_lang": "ar", "source_correct": True, "target_correct": None,
        "source_confidence": 0.5, "target_confidence": float("nan"), "ems": 0.5, "gain": -0.0001,
        "sorted": 1.0,
    }  # fmt: skip
    return pd.DataFrame([row, row | {"gold": None}])


def test_hostile_text_stays_text():
    sides = {lang: Sentence(HOSTILE, lang, f"{HOSTILE} two") for lang in ("en", "ar")}
    examples = {HOSTILE: ParallelExample(HOSTILE, "g", None, sides)}
    remarks = {HOSTILE: Remark((HOSTILE,), HOSTILE)}
    text = list_html(hostile_rows(), examples, remarks, "z")
    assert "<img" not in text
    assert text.count("&lt;img") >= 20
    assert text.count("<bdi") == text.count("</bdi>") == 10
    assert 'dir="rtl"' in text
    assert "\N{MINUS SIGN}0.000" not in text


def test_a_long_text_ends_between_characters():
    sentence = Sentence("นี่คือ" * 200, "th")
    rows = hostile_rows().assign(source_lang="th", item="a")
    example = ParallelExample("a", "a", None, {"th": sentence})
    text = list_html(rows, {"a": example}, {}, "ems")
    shown = re.findall(r'<bdi lang="th">([^<]*)…</bdi>', text)[0]
    assert sentence.text.startswith(shown)
    assert not unicodedata.combining(sentence.text[len(shown)])


def test_the_page_of_evidence_is_whole_and_safe(study):
    rows = tables.first_rows(study, replace(ALL, source="en"), Order("ems"), 5)
    examples = examples_of(study)
    rows.loc[0, ["item", "source_predicted"]] = HOSTILE
    page = selection_page(
        Selection(
            study=study,
            model=MODEL,
            layer=LAYER,
            rows=rows,
            total=900,
            verdict=HOSTILE,
            doubt="d",
            filters=[("text or id holds", HOSTILE)],
            examples=examples,
            remarks={rows["item"][1]: Remark((HOSTILE,), HOSTILE)},
            address="http://localhost/errors",
            query={"find": HOSTILE},
        )
    )
    assert "<img" not in page
    # The item and what was predicted, the verdict, a filter, a tag and a note.
    assert page.count(escape(HOSTILE)) == 6
    assert not re.search(r'(src|href)="(?!http://localhost/errors)', page)
    assert "The first 5 of 900 comparisons" in page
    assert page.count("<summary>command</summary>") == 4
    example = examples[rows["item"][1]]
    words = shlex.split(pair_command(study.manifest, next(rows.iloc[1:].itertuples()), example))
    assert words[:2] == ["ccta", "pair"]
    assert words[words.index("--source") + 1] == example.sentences["en"].text
    assert words[words.index("--layer") + 1] == str(LAYER)
    assert "javascript" not in selection_page(
        Selection(study, MODEL, LAYER, rows, 5, "v", "d", [], {}, {}, "javascript:alert(1)", {})
    )


def test_a_table_has_the_tags_of_its_items(study):
    rows = tables.first_rows(study, ALL, Order("item"), 200)
    kept = with_remarks(rows, {"ferry-n": Remark(("a", "=b"), "=1+1")})
    text = to_csv(kept).decode("utf-8-sig")
    assert text.splitlines()[0].endswith(",tags,note")
    assert "'=1+1" in text
    assert len(text.splitlines()) == 181
    assert "first 300" in describe_limits(301)
    assert f"first {MOST_ROWS:,}" in describe_limits(MOST_ROWS + 1)
    assert "every comparison" in describe_limits(300)
