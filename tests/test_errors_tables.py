"""Comparisons by filter: the SQL against pandas, shares and differences with their doubt."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from ccta_core.analysis.intervals import share_of
from ccta_core.errors import CctaError
from ccta_core.study.storage import texts
from ccta_core.study.storage.items import write_items
from ccta_core.study.storage.table import Study
from ccta_core.study.storage.texts import containing, examples_of
from ccta_core.types import Sentence
from dashboard.views.errors import tables
from dashboard.views.errors.filters import (
    AGREEMENT,
    RIGHT,
    Filters,
    Order,
    Range,
    flag_comparisons,
    joined,
)
from dashboard.views.errors.tables import confusion
from tests.made_study import LABELS, LANGS, answering, made_study

MODEL, LAYER = "made/en", 8
ALL = Filters(MODEL, LAYER)
KEYS = ["item", "source_lang", "target_lang"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return made_study(tmp_path_factory.mktemp("studies"), items=12)


@pytest.fixture(scope="module")
def table(study) -> pd.DataFrame:
    rows = study.table()
    return rows[(rows["model"] == MODEL) & (rows["layer"] == LAYER)].reset_index(drop=True)


def passing(table: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """The ordered rows that pass, in pandas, test by test."""
    kept = pd.Series(True, index=table.index)
    words = {
        "source_lang": filters.source,
        "target_lang": filters.target,
        "gold": filters.gold,
        "source_predicted": filters.source_says,
        "target_predicted": filters.target_says,
    }
    for name, value in words.items():
        kept &= (table[name] == value) if value else True
    kept &= saying(table, filters)
    for one in filters.ranges:
        values = table[["source_units", "target_units"]].max(axis=1)
        values = values if one.name == "length" else table[one.name]
        kept &= values.between(one.low, one.high)
    if filters.items is not None:
        kept &= table["item"].isin(filters.items.split("\x1f"))
    if filters.find:
        places = filters.places.split("\x1f")
        hits = table["item"].str.contains(filters.find, case=False, regex=False)
        for side in ("source", "target"):
            hits |= (table[f"{side}_lang"] + " " + table["item"]).isin(places)
        kept &= hits
    return table[kept]


def saying(table: pd.DataFrame, filters: Filters) -> pd.Series:
    """Right or wrong, the same or another prediction."""
    kept = pd.Series(True, index=table.index)
    if filters.right != "any":
        for side, letter in zip(("source", "target"), filters.right, strict=True):
            kept &= table[f"{side}_correct"] == (letter == "r")
    if filters.agreement != "any":
        same = table["source_predicted"] == table["target_predicted"]
        kept &= same == (filters.agreement == "same")
    return kept


def comparisons(rows: pd.DataFrame, filters: Filters) -> list[tuple]:
    """Each comparison by name; without its direction where no language is named."""
    keys = zip(*(rows[name] for name in KEYS), strict=True)
    if filters.source or filters.target:
        return sorted(keys)
    return sorted((item, *sorted((one, other))) for item, one, other in keys)


@st.composite
def filters_of(draw) -> Filters:
    any_or = lambda values: st.one_of(st.just(""), st.sampled_from(values))  # noqa: E731
    ids = [f"{name}-{letter}" for name in ("ferry", "bakery", "none") for letter in "cen"]
    places = [f"{lang} {name}" for lang in LANGS for name in ids]
    ends = st.tuples(st.floats(0.3, 1), st.floats(0.3, 1)).map(sorted)
    names = st.sampled_from(["ems", "gain", "calibrated", "p_value", "link_spearman"])
    ranges = draw(st.lists(st.tuples(names, ends), max_size=2))
    if draw(st.booleans()):
        ranges.append(("length", sorted((draw(st.integers(5, 22)), draw(st.integers(5, 22))))))
    return Filters(
        MODEL,
        LAYER,
        source=draw(any_or(LANGS)),
        target=draw(any_or(LANGS)),
        right=draw(st.sampled_from(RIGHT)),
        agreement=draw(st.sampled_from(AGREEMENT)),
        gold=draw(any_or(LABELS)),
        source_says=draw(any_or(LABELS)),
        target_says=draw(any_or((*LABELS, "'; DROP TABLE rows; --"))),
        ranges=tuple(Range(name, low, high) for name, (low, high) in ranges),
        items=draw(st.one_of(st.none(), st.lists(st.sampled_from(ids)).map(joined))),
        find=draw(st.sampled_from(["", "", "ERRY", "-c", "no such text", "%"])),
        places=draw(st.lists(st.sampled_from(places)).map(joined)),
    )


relaxed = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@relaxed
@given(filters=filters_of())
def test_the_sql_selects_what_pandas_does(study, table, filters):
    rows = tables.first_rows(study, filters, Order("ems"), 10_000)
    found, expected = comparisons(rows, filters), comparisons(passing(table, filters), filters)
    assert len(found) == len(set(found))
    assert found == sorted(set(expected))
    assert tables.count(study, filters) == len(found)
    assert len(passing(rows, filters)) == len(rows)


@relaxed
@given(filters=filters_of())
def test_what_is_flagged_is_what_is_selected(study, filters):
    query = flag_comparisons(filters)
    rows = study.query(query.sql, query.parameters)
    assert rows["chosen"].sum() == tables.count(study, filters)
    assert len(rows) == tables.count(study, filters.whole)


@relaxed
@given(
    filters=filters_of(),
    name=st.sampled_from(["ems", "p_value", "item", "length", "source_confidence", "calibrated"]),
    down=st.booleans(),
)
def test_pages_follow_each_other(study, filters, name, down):
    order = Order(name, down)
    whole = tables.first_rows(study, filters, order, 10_000)
    for early in (0, 10_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tables, "_EARLY", early)
            pages = [
                tables.rows_of_page(study, filters, order, start, 25)
                for start in range(0, len(whole), 25)
            ]
        if pages:
            pd.testing.assert_frame_equal(
                pd.concat(pages, ignore_index=True)[KEYS], whole[KEYS], check_dtype=False
            )


@pytest.mark.parametrize("down", [False, True])
def test_unknown_values_stand_last(study, down):
    unknown = "(SELECT * REPLACE (CASE WHEN item < 'c' THEN 'nan'::DOUBLE ELSE ems END AS ems)"

    def half(query: str, parameters: Any = ()) -> pd.DataFrame:
        return study.query(query.replace("FROM rows", f"FROM {unknown} FROM rows)"), parameters)

    found = tables.rows_of_page(answering(study, half), ALL, Order("ems", down), 0, 1000)["sorted"]
    assert found.isna().any()
    assert found.notna().iloc[0]
    assert not found.isna().astype(int).diff().lt(0).any()
    known = found.dropna()
    assert known.is_monotonic_decreasing if down else known.is_monotonic_increasing


# The doubt of a share and of a difference.


def test_a_share_has_the_interval_of_its_groups():
    sizes = pd.Series([4] * 50)
    apart = share_of(pd.Series([4, 0] * 25), sizes)  # a group is all right or wrong
    mixed = share_of(pd.Series([2] * 50), sizes)
    exact = binomtest(25, 50).proportion_ci(method="exact")
    assert apart.value == mixed.value == 0.5
    assert apart.low == pytest.approx(exact.low, abs=0.01)  # as 50 independent ones, not 200
    assert apart.high == pytest.approx(exact.high, abs=0.01)
    assert mixed.high - mixed.low < apart.high - apart.low
    assert (mixed.count, mixed.n, mixed.groups) == (100, 200, 50)


def test_a_share_of_none_or_all_is_not_certain():
    none = share_of(pd.Series([0] * 20), pd.Series([3] * 20))
    assert (none.low, none.value) == (0.0, 0.0)
    assert none.high == pytest.approx(binomtest(0, 20).proportion_ci(method="exact").high)
    every = share_of(pd.Series([3] * 20), pd.Series([3] * 20))
    assert every.high == 1.0
    assert every.low == pytest.approx(1 - none.high)
    assert share_of(pd.Series([1]), pd.Series([3])).low is None
    assert share_of(pd.Series([], dtype=int), pd.Series([], dtype=int)).n == 0


def test_a_difference_is_that_of_a_regression_with_pairs_as_effects(study, table):
    """The same number as least squares with a mean for each pair of languages (statsmodels)."""
    import statsmodels.formula.api as formulas

    rows = table[table["source_lang"] == "en"].assign(
        chosen=lambda one: (one["source_correct"] & ~one["target_correct"]).astype(float)
    )
    fit = formulas.ols("ems ~ chosen + C(target_lang)", rows).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["group"])[0]}
    )
    found = tables.summarise_selection(study, replace(ALL, source="en", right="rw"))
    assert found.ems.value == pytest.approx(fit.params["chosen"])
    half = (found.ems.high - found.ems.low) / 2 / t.ppf(0.975, rows["group"].nunique() - 1)
    # statsmodels also counts the fitted means as lost degrees of freedom
    assert half == pytest.approx(fit.bse["chosen"], rel=0.06)
    assert found.share.count == rows["chosen"].sum()
    assert found.share.n == len(rows)


def test_without_a_measure_there_is_no_difference(study):
    def without(query: str, parameters: Any = ()) -> pd.DataFrame:
        return study.query(
            query.replace("FROM rows", "FROM (SELECT * REPLACE (NULL::DOUBLE AS gain) FROM rows)"),
            parameters,
        )

    found = tables.summarise_selection(answering(study, without), replace(ALL, right="rw"))
    assert found.gain is None
    assert found.ems is not None


@pytest.mark.parametrize("filters", [ALL, replace(ALL, source="en"), replace(ALL, gold="neutral")])
def test_a_cell_counts_what_its_click_lists(study, filters):
    filters = replace(filters, right="rw", agreement="same")  # neither counts in the table
    cells = confusion(study, filters, LABELS)
    assert len(cells) == len(LABELS) ** 2
    for cell in cells.itertuples():
        sides = {"source_says": cell.source, "target_says": cell.target}
        listed = replace(filters.without_predictions, **sides)
        assert tables.count(study, listed) == cell.n
    words = confusion(study, filters, [])
    for cell in words.itertuples():
        listed = replace(filters.without_predictions, right=cell.source[0] + cell.target[0])
        assert tables.count(study, listed) == cell.n
    same = tables.same_prediction(study, filters)
    diagonal = cells[cells["source"] == cells["target"]]
    assert same.count == diagonal["n"].sum()


def test_a_text_is_found_in_the_file_as_in_the_items(study, tmp_path, monkeypatch):
    examples = list(examples_of(study).values())
    odd = Sentence("Über den Fluß 50% e\u0301t\u00e9", "en", "z(wei")
    examples[0] = replace(examples[0], sentences={**examples[0].sentences, "en": odd})
    write_items(tmp_path, examples, LANGS)
    here = Study(tmp_path, study.manifest)
    for wanted in ("ÜBER", "u\u0308ber", "FLUSS", "50%", "\u00e9te\u0301", "Z(W", "ferry", "e"):
        found = containing(here, wanted, LANGS)
        with monkeypatch.context() as patch:
            patch.setattr(texts, "has_texts", lambda study: False)
            patch.setattr(texts, "examples_of", lambda study: {one.id: one for one in examples})
            assert sorted(containing(here, wanted, LANGS)) == sorted(found)
        if wanted in ("50%", "Z(W", "ÜBER", "u\u0308ber"):
            assert found == (("en", examples[0].id),)
    assert containing(here, "50%", ["ar"]) == ()
    (tmp_path / "items.arrow").write_bytes(b"damaged")
    with pytest.raises(CctaError, match="start the study again"):
        containing(here, "x", LANGS)
