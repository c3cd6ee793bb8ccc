"""Linked words of demo items: ranges of distances, places on the plane, and what makes them."""

import numpy as np
import pandas as pd
import pytest

from ccta_core.adjustment.demo import GROUPS, read_words
from ccta_core.adjustment.tables import SHIPPED
from ccta_core.corpus.demo import read_demo
from ccta_core.projection.plane import Plane
from dashboard.views.adjust.charts import plane_chart
from dashboard.views.adjust.word_tables import (
    distance_table,
    in_range,
    plane_numbers,
    plane_table,
)
from research.adjustment.sentences import arm_models
from tests.made_adjustment import runs, write_made
from tests.made_demo import LINKS, made_words, write_demo
from tests.test_dashboard import clean, html_of, said


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adjust-words")
    write_made(folder / "adjustment")
    write_demo(folder / "adjustment")
    return folder


@pytest.fixture(scope="module")
def words(cache):
    return read_words(cache / "adjustment", "es")


@pytest.fixture
def page(cache, opens):
    return opens(cache, "adjust", lang="es")


def test_a_range_holds_the_pairs_whose_distance_lies_in_it(words):
    table = distance_table(words, 3, "cosine")
    assert len(table) == 2 * len(LINKS)
    for row in made_words(0.2).query("layer == 3").itertuples():
        same = table[(table["foreign"] == row.foreign) & (table["kind"] == "related")]
        assert float(same["adjusted"].iloc[0]) == pytest.approx(row.related_cosine)
        assert float(same["original"].iloc[0]) == pytest.approx(2 * row.related_cosine)
    near = in_range(table, "adjusted", None, 0.1)
    assert list(near["foreign"]) == ["salió", "ferri"]
    assert list(in_range(table, "original", 0.25, 0.35)["foreign"]) == ["pan"]
    unrelated = in_range(table, "adjusted", 0.2, None)
    assert set(unrelated["kind"]) == {"unrelated"}
    assert list(unrelated["foreign"]) == [link[3] for link in LINKS]
    assert len(in_range(table, "adjusted", None, None)) == len(table)


def test_the_plane_has_the_words_of_the_item_alone(words):
    table = plane_table(words, "ferry-c", 3)
    assert set(table["foreign"]) == {"salió", "ferri"}
    assert set(table["arm"]) == {"original", "adjusted"}
    numbers = plane_numbers(words, "ferry-c", 3)
    made = made_words(0.2).query("layer == 3").head(2)
    assert numbers.loc["L2 distance of linked words, mean", "adjusted"] == pytest.approx(
        made["related_l2"].mean()
    )
    assert numbers.loc["the same on the plane", "adjusted"] == pytest.approx(
        5 * made["related_cosine"].mean()
    )


def test_the_axes_are_the_same_for_every_arm(words):
    table = plane_table(words, "ferry-c", 3)
    figures = [plane_chart(table, arm, ("Spanish", "English"), dark=False)
               for arm in ("original", "adjusted")]  # fmt: skip
    assert figures[0].layout.xaxis.range == figures[1].layout.xaxis.range
    assert figures[0].layout.yaxis.range == figures[1].layout.yaxis.range
    assert len(figures[1].data) == 2 * len(figures[0].data)


def test_the_page_lists_a_range(page):
    app = clean(page(low="0.04", high="0.11", item="ferry-c"))
    assert not said(app)
    text = html_of(app)
    assert "2 of 3 related, 0 unrelated" in text
    assert "Where words went: L2 distance" in text
    assert app.selectbox(key="adjust_words_input").options == ["salió – left", "ferri – ferry"]


@pytest.mark.parametrize("query", [{"low": "3"}, {"high": "x"}, {"low": "-1"}])
def test_a_damaged_range_gives_a_notice(page, query):
    (name,) = query
    assert f"{name}=" in said(clean(page(**query))).casefold()


def test_an_arm_without_words_is_named(page):
    assert "Words of placebo: not run" in html_of(clean(page(arm="placebo")))
    assert "and where they went" in html_of(clean(page(lang="hi")))


def test_a_plane_holds_what_varies_most():
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(200, 5)) * [9.0, 5.0, 0.1, 0.1, 0.1] + 3.0
    plane = Plane.fit(vectors)
    assert plane.axes @ plane.axes.T == pytest.approx(np.eye(2))
    assert plane.share(vectors) > 0.99
    assert plane.share(vectors[:, ::-1]) < 0.5
    spread = plane.project(vectors)
    assert spread.mean(0) == pytest.approx([0.0, 0.0])
    assert spread.var(0)[0] > spread.var(0)[1]


def test_an_arm_has_its_first_seeds_models():
    by_arm = {each.arm: each for each in arm_models(pd.DataFrame(runs()), "hi")}
    assert by_arm["original"].word_model == "e5-small"
    assert by_arm["original"].task_model == "own/nli-original-s1"
    assert by_arm["placebo"].word_model == "adjusted/hi-40-s1-placebo"
    assert by_arm["placebo"].task_model == "own/nli-hi-placebo-s1"
    assert by_arm["continual"].word_model == by_arm["continual"].task_model
    assert {each.seed for each in by_arm.values()} == {1}


def test_words_that_ship_are_of_the_demo_corpus():
    texts = {
        name: f"{side.text} {side.text2}"
        for example in read_demo("nli")
        for name, side in ((example.id, example.sentences["es"]),
                           (str(example.group), example.sentences["es"]))
    }  # fmt: skip
    words = read_words(SHIPPED, "es")
    assert len(words)
    for sentence, foreign in set(zip(words["sentence"], words["foreign"], strict=True)):
        assert foreign in texts[sentence]
        assert sentence.partition("-")[0] in GROUPS
    assert words["plane_share"].between(0, 1).all()
    assert (words[["related_cosine", "unrelated_cosine"]].to_numpy() >= 0).all()
