"""One sentence through the arms: what ships, what the page says of it, and its address."""

import pytest

from ccta_core.adjustment.demo import (
    FOLDER,
    ITEMS,
    DemoPlace,
    holds,
    items_with,
    read_arms,
    read_pair,
    read_words,
    write_pair,
)
from ccta_core.adjustment.summary import ARMS, adjusted_languages
from ccta_core.adjustment.tables import SHIPPED, read_tables
from ccta_core.corpus.demo import read_demo
from ccta_core.errors import CctaError
from dashboard.views.adjust.sentence import arm_rows, arm_sentence
from tests.made_adjustment import write_made
from tests.made_demo import ITEM, LINKS, write_demo
from tests.test_dashboard import clean, html_of, said


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adjust-sentence")
    write_made(folder / "adjustment")
    return folder


@pytest.fixture(scope="module")
def results(cache):
    return write_demo(cache / "adjustment")


@pytest.fixture
def page(cache, results, opens):
    """Opens the page with a query on the made tables."""
    return opens(cache, "adjust", lang="es")


def test_a_comparison_is_read_as_it_was_written(cache, results):
    arms = read_arms(cache / "adjustment", "nli", "es", ITEM)
    assert [arm for arm in ARMS if arms[arm] is not None] == ["original", "adjusted"]
    for arm, result in results.items():
        assert arms[arm].result.payload() == result.payload()
        assert arms[arm].seed == 1


def test_a_damaged_comparison_reads_as_not_run(tmp_path, results):
    place = DemoPlace("nli", "es", "original", ITEM)
    write_pair(tmp_path, place, results["original"].payload(), 1)
    (path,) = (tmp_path / FOLDER).rglob("*.json.gz")
    path.write_bytes(b"damaged")
    assert read_pair(tmp_path, place) is None
    write_pair(tmp_path, place, {"ems": 1.0}, 1)
    assert read_pair(tmp_path, place) is None


def test_damaged_words_are_one_line(tmp_path):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "words-es-original.parquet").write_bytes(b"damaged")
    with pytest.raises(CctaError, match=r"research\.adjustment\.sentences"):
        read_words(tmp_path, "es")


def test_a_premise_belongs_to_its_three_items(cache, results):
    words = read_words(cache / "adjustment", "es")
    assert holds("ferry-c", "ferry")
    assert not holds("ferry-c", "ferry-e")
    assert items_with(words, *LINKS[1][1:3], ITEMS["nli"]) == ["ferry-c", "ferry-e", "ferry-n"]
    assert items_with(words, *LINKS[0][1:3], ITEMS["nli"]) == ["ferry-c"]
    assert set(ITEMS["nli"]) <= {each.id for each in read_demo("nli")}


def test_the_sentence_says_what_the_arm_changed(results):
    text = arm_sentence(results, "adjusted")
    before, after = results["original"], results["adjusted"]
    for result in (before, after):
        assert f"{result.ems - result.chance_level:.2f}" in text
    rows = list(arm_rows(results, "adjusted"))
    assert [row[0].removeprefix("<b>")[:1] for row in rows] == list("12345")
    assert rows[0][5] == rows[0][6] == "–"
    assert "points" in rows[1][6]
    assert [row[1] for row in rows[2:]] == ["not run"] * 3
    assert arm_sentence(results, "placebo") == "Placebo: not run on this item."


def test_the_word_that_changed_most_is_the_largest_change(results):
    before, after = results["original"], results["adjusted"]
    changes = {
        (side, unit.text, place): abs(float(mass))
        for side in ("source", "target")
        for place, (unit, mass) in enumerate(
            zip(getattr(before, side).units,
                getattr(after, f"{side}_mass") - getattr(before, f"{side}_mass"), strict=True)
        )
    }  # fmt: skip
    _, word, _ = max(changes, key=changes.get)
    assert f"“{word}”" in arm_sentence(results, "adjusted")


def test_the_page_shows_the_item_in_the_arm(page, results):
    app = clean(page(item=ITEM, arm="adjusted"))
    assert not said(app)
    assert arm_sentence(results, "adjusted") in html_of(app).replace("&quot;", '"')
    assert app.query_params.get("item", [ITEM]) in (ITEM, [ITEM])


def test_next_walks_the_items_and_wraps(page):
    app = clean(page(item=ITEMS["nli"][-1]))
    assert "Demo items in English and Spanish: not run" in html_of(app)
    clean(app.button(key="adjust_next_input").click().run())
    assert "item" not in app.query_params  # the first again, which is the default
    clean(app.button(key="adjust_next_input").click().run())
    assert app.query_params["item"] in (ITEMS["nli"][1], [ITEMS["nli"][1]])


def test_a_pair_of_words_leaves_the_items_that_hold_it(page):
    app = clean(page(words="salió – left"))
    assert app.selectbox(key="adjust_item_input").options == [
        option for option in app.selectbox(key="adjust_item_input").options if "ferry-c" in option
    ]
    assert "words=" in said(clean(page(words="nothing – here"))).casefold()


def test_pair_opens_only_where_the_model_is(page):
    button = page(item=ITEM).button(key="adjust_to_pair_input")
    assert not button.disabled  # the made arms are of a model that ships


def test_other_tasks_have_no_demo_items(page):
    assert "Demo items of names: not run" in html_of(clean(page(task="ner")))


def test_what_ships_are_items_of_the_demo_corpus_in_planned_languages():
    langs = adjusted_languages(read_tables(SHIPPED))
    examples = {example.id: example for example in read_demo("nli")}
    measured = 0
    for lang in langs:
        for item in ITEMS["nli"]:
            for pair in read_arms(SHIPPED, "nli", lang, item).values():
                if pair is None:
                    continue
                measured += 1
                assert pair.result.target_class == examples[item].label
                assert pair.result.target.sentence.text == examples[item].sentences[lang].text
    assert measured >= len(ITEMS["nli"])
