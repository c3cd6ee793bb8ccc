"""The page Adjust without a browser: its sentences, every part, addresses and tables that lack."""

import re

import pandas as pd
import pytest
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest

from ccta_core.adjustment.changes import JOINED
from ccta_core.adjustment.curves import by_layer, consistency, consistency_finding, doses
from ccta_core.adjustment.summary import (
    LEAST_SEEDS,
    adjusted_languages,
    arm_marks,
    changed_items,
    changed_sentence,
    difference_marks,
    most_harmed,
    scored_languages,
    sentence,
)
from ccta_core.adjustment.tables import (
    CONTRASTS,
    SHIPPED,
    TABLES,
    read_items,
    read_tables,
    tables_folder,
    write_tables,
)
from ccta_core.errors import CctaError
from dashboard.views.adjust.tables import layers_of, payload, steps_of
from tests.conftest import ROOT
from tests.made_adjustment import ARMS, EVALUATED, LAYERS, SEEDS, STEPS, write_made
from tests.test_dashboard import clean, html_of, said

NOTHING = {name: pd.DataFrame() for name in TABLES}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache with the made tables."""
    folder = tmp_path_factory.mktemp("adjust")
    write_made(folder / "adjustment")
    return folder


@pytest.fixture(scope="module")
def tables(cache):
    return read_tables(cache / "adjustment")


@pytest.fixture
def page(cache, monkeypatch):
    """Opens the page with a query, on the made tables or on another cache."""

    def open_page(folder=None, **query):
        monkeypatch.setenv("CCTA_CACHE", str(folder or cache))
        app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
        app.switch_page("views/adjust/adjust.py")
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return open_page


def test_the_page_opens_on_the_language_with_the_most_harm(page, tables):
    app = clean(page())
    assert not said(app)
    text = html_of(app)
    assert app.query_params["lang"] == "hi"
    assert sentence(tables, "hi", "nli") in text
    for part in ("Fixed: ", "Broken: ", "By layer", "Dose and noise", "Hypotheses fixed"):
        assert part in text, part


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("lang", ["es", "hi", "vi"])
def test_every_arm_of_every_language_opens(page, lang, arm):
    app = clean(page(lang=lang, arm=arm, distance="l2", view="difference"))
    assert not said(app)
    assert app.query_params["arm" if arm != "adjusted" else "lang"]


def test_what_was_not_run_reads_so(page):
    text = html_of(clean(page(lang="vi")))
    assert "Distances of Vietnamese words: not run; inference in Vietnamese after it: not run." in (
        text
    )
    assert text.count("not run") >= 5


def test_the_address_holds_what_is_looked_at(page):
    query = {"lang": "es", "arm": "placebo", "step": "10", "layer": "1", "distance": "l2",
             "view": "difference"}  # fmt: skip
    app = clean(page(**query))
    assert not said(app)
    assert {key: app.query_params[key] for key in query} == query


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"lang": "xx"}, "lang="),
        ({"task": "<b>x</b>"}, "task="),
        ({"arm": "best"}, "arm="),
        ({"step": "7"}, "step="),
        ({"layer": "99"}, "layer="),
        ({"distance": "l1"}, "distance="),
        ({"view": "1; DROP TABLE"}, "view="),
        ({"scored": "zz"}, "scored="),
    ],
)
def test_a_damaged_address_gives_a_notice_and_the_default(page, query, word):
    assert word in said(clean(page(**query))).casefold()


def test_without_tables_the_page_says_how_to_make_them(page, tmp_path, monkeypatch):
    monkeypatch.setattr("ccta_core.adjustment.tables.SHIPPED", tmp_path / "ships-nothing")
    assert "ccta adjust plan collect" in said(clean(page(tmp_path)))


def test_a_damaged_table_is_one_line(page, tmp_path):
    folder = write_made(tmp_path / "adjustment")
    (folder / "scores.parquet").write_bytes(b"not a table")
    text = said(clean(page(tmp_path)))
    assert "scores.parquet" in text.replace("\\", "")
    assert "collect the tables again" in text


def test_the_tables_that_ship_are_shown(page, tmp_path):
    app = clean(page(tmp_path))
    assert not said(app)
    shipped = read_tables(SHIPPED)
    lang = app.query_params["lang"]
    assert lang == most_harmed(shipped, "nli")
    assert sentence(shipped, lang, "nli") in html_of(app)


def test_a_users_own_tables_come_before_those_that_ship(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("CCTA_CACHE", str(cache))
    assert tables_folder() == cache / "adjustment"
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    assert tables_folder() == SHIPPED


def test_a_sentence_has_the_placebo_and_the_cost_in_it(tables):
    text = sentence(tables, "hi", "nli")
    assert "AUC 0.860 to 0.960; placebo 0.860 to 0.890" in text
    assert "−3.0 points over the original (3 seeds), −1.5 over the placebo" in text
    assert text.endswith("English −3.0.")


@pytest.mark.parametrize(
    ("end", "word"), [(0.861, "as well as before"), (0.9, "better"), (0.82, "less well")]
)
def test_a_move_within_the_interval_of_an_auc_is_none(tables, end, word):
    probe = tables["probe"].copy()
    last = (probe["arm"] == "adjusted") & (probe["auc_cosine"].round(2) == 0.96)
    assert last.any()
    probe.loc[last, "auc_cosine"] = end
    assert f"told apart {word} (AUC 0.860 to {end:.3f};" in sentence(
        tables | {"probe": probe}, "hi", "nli"
    )


def one_contrast(difference, over_placebo, seeds=3, reach=0.01):
    rows = [
        {"task": "nli", "lang": "es", "arm": "adjusted", "reference": reference, "eval_lang": "es",
         "difference": value, "low": value - reach, "high": value + reach, "seeds": seeds,
         "detectable": 0.02}
        for reference, value in (("original", difference), ("placebo", over_placebo))
        if value is not None
    ]  # fmt: skip
    return NOTHING | {"contrasts": pd.DataFrame(rows)}


@pytest.mark.parametrize(
    ("difference", "over_placebo", "seeds", "word"),
    [
        (0.03, 0.02, 3, ": shown to be the alignment"),
        (0.03, 0.005, 3, ": not shown to be the alignment"),
        (0.005, 0.02, 3, "not shown to be better than the original"),
        (0.0, -0.02, 3, "the alignment itself is shown to harm"),
        (-0.03, -0.005, 3, "not to harm more than the placebo"),
        (0.03, 0.02, 2, "too few seeds to tell"),
        (0.03, None, 3, "placebo not run: how much of it is the alignment is not known"),
        (None, None, 3, "inference in Spanish after it: not run"),
    ],
)
def test_a_sentence_claims_no_more_than_its_intervals(difference, over_placebo, seeds, word):
    assert word in sentence(one_contrast(difference, over_placebo, seeds), "es", "nli")


def test_scores_without_kept_items_are_compared_without_an_interval():
    rows = [
        {"task": "nli", "lang": "" if arm == "original" else "es", "arm": arm, "seed": 1,
         "usual": True, "eval_lang": "es", "score": score, "n": 10}
        for arm, score in (("original", 0.5), ("adjusted", 0.52))
    ]  # fmt: skip
    text = sentence(NOTHING | {"scores": pd.DataFrame(rows)}, "es", "nli")
    assert "+2.0 points over the original (1 seed), placebo not run" in text


def test_intervals_stand_from_five_seeds_up(tables):
    for lang, seeds in SEEDS.items():
        for mark in (*arm_marks(tables, lang, "nli"), *difference_marks(tables, lang, "nli")):
            known = len(mark.seeds) >= LEAST_SEEDS
            assert (mark.low is not None) == known
            assert mark.seeds == (seeds if mark.arm != "original" else SEEDS["es"])
            assert mark.mean == pytest.approx(sum(mark.values) / len(mark.values))
            if mark.low is not None:
                assert mark.low <= mark.mean <= mark.high


def test_fixed_and_broken_are_counted_as_mcnemar_has_it(cache):
    items = read_items(cache / "adjustment", "hi", "nli", "hi")
    found = changed_items(items, "adjusted", "original")
    first = items[(items["arm"] == "adjusted") & (items["seed"] == 1)].set_index("id")["correct"]
    second = items[(items["arm"] == "original") & (items["seed"] == 1)].set_index("id")["correct"]
    both = pd.concat([first, second], axis=1, keys=["arm", "original"])
    assert set(found.fixed["id"]) == set(both[both["arm"] & ~both["original"]].index)
    assert set(found.broken["id"]) == set(both[~both["arm"] & both["original"]].index)
    assert found.both_right + found.both_wrong + len(found.fixed) + len(found.broken) == len(both)
    fixed, broken = len(found.fixed), len(found.broken)
    assert found.p == pytest.approx(binomtest(fixed, fixed + broken).pvalue)
    assert (found.fixed["predicted"] == found.fixed["gold"]).all()
    assert (found.broken["predicted_reference"] == found.broken["gold"]).all()
    text = changed_sentence(found, "adjusted", "original", "hi")
    assert f"fixed {fixed} items in Hindi and broke {broken}" in text
    assert changed_items(items, "adjusted", "nobody") is None
    assert changed_items(pd.DataFrame(), "adjusted", "original") is None


def test_languages_come_target_first_unseen_last(tables):
    assert adjusted_languages(tables) == ["es", "hi", "vi"]
    assert scored_languages(tables, "hi", "nli") == ["hi", "en", "sw"]
    assert set(EVALUATED) == {"en", "es", "hi", "sw"}


def test_every_frame_is_in_the_page(tables):
    found = payload(tables, "es", "nli")
    for arm in ("adjusted", "placebo"):
        film = found["film"]["films"][arm]
        assert film["steps"] == list(STEPS) == steps_of(tables, "es")
        assert [len(rows) for rows in film["rows"]] == [len(LAYERS)] * len(STEPS)
        for rows in film["rows"]:
            for frame in rows:
                assert sum(frame["cosine"]["histograms"][0]) == frame["links"]
    assert found["film"]["films"]["original"]["steps"] == [0]
    assert found["film"]["films"]["continual"]["rows"][0][-1]["cosine"]["histograms"]
    assert found["film"]["films"]["continual"]["rows"][0][0]["cosine"]["histograms"] is None
    assert found["film"]["layers"] == list(LAYERS) == layers_of(tables, "es")
    assert [row["key"] for row in found["scores"]["difference"]["rows"]] == [
        f"{first}|{second}" for first, second in CONTRASTS
    ]
    empty = payload(tables, "vi", "nli")
    assert empty["film"]["films"] == dict.fromkeys(ARMS)
    assert {arm["state"] for arm in empty["arms"][1:]} == {"not run"}


def test_curves_have_every_arm(tables):
    table = by_layer(tables, "es", "nli", "cosine")
    assert {"original", "adjusted", "placebo", "continual, after the task"} <= set(table["arm"])
    assert set(table["measure"]) == {"auc", "related", "unrelated", "retrieval", "mexa"}
    before, after = (
        table[(table["arm"] == arm) & (table["measure"] == "auc") & (table["layer"] == 3)]["value"]
        for arm in ("original", "adjusted")
    )
    assert float(after.iloc[0] - before.iloc[0]) == pytest.approx(0.1)
    assert {10, 40, -1} <= set(doses(tables, "es", "nli")["pairs"])
    assert set(consistency(tables, "es")["measure"]) == set(JOINED)
    told = consistency_finding(consistency(tables, "es")).replace("\xa0", " ")
    assert told.startswith(
        "Adjusted less original, 2 seeds: EMS +0.050 (0.040 to 0.060), gain 0.000"
    )
    assert not len(by_layer(NOTHING, "es", "nli", "cosine"))
    assert not len(doses(NOTHING, "es", "nli"))
    assert not len(consistency(NOTHING, "es"))


def test_what_ships_is_small_and_has_no_text():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*")) < 8_000_000
    columns = {"task", "lang", "arm", "seed", "eval_lang", "id", "correct", "predicted", "gold"}
    if (SHIPPED / "items.parquet").exists():
        assert set(pd.read_parquet(SHIPPED / "items.parquet").columns) == columns


def test_a_folder_that_is_written_again_drops_what_is_gone(tmp_path):
    write_tables(NOTHING | {"runs": pd.DataFrame({"id": ["a"]})}, tmp_path)
    assert not len(read_items(tmp_path, "es", "nli", "en"))
    (tmp_path / "items.parquet").write_bytes(b"damaged")
    with pytest.raises(CctaError, match="collect the tables again"):
        read_items(tmp_path, "es", "nli", "en")
    write_tables(NOTHING, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_lines_are_read(tables):
    import shlex

    from ccta_core.cli.main import _parser
    from dashboard.views.adjust.controls import commands

    lines = commands(tables, "es")
    assert len(lines) == 4
    for line in lines:
        assert re.match("ccta adjust ", line)
        assert _parser().parse_args(shlex.split(line)[1:])
