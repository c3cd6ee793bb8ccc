"""The page Errors in a real browser: a row is picked, text stays text, the way back is found."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ccta_core.study.storage.items import write_items
from ccta_core.study.storage.schema import arrow_schema
from ccta_core.study.storage.texts import examples_of
from ccta_core.types import ParallelExample, Sentence
from tests.made_study import LANGS, made_study
from tests.serving import visiting

HOSTILE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script> [a](b)'


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache with a study whose ids, predictions and texts would like to be markup."""
    folder = tmp_path_factory.mktemp("errors")
    (folder / "studies").mkdir()
    study = made_study(folder / "studies", items=9)
    for path in study.folder.glob("parts/*/*.parquet"):
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            row["item"] += HOSTILE
            row["target_predicted"] = HOSTILE if row["target_correct"] else row["target_predicted"]
        pq.write_table(pa.Table.from_pylist(rows, arrow_schema()), path)
    sides = {lang: Sentence(f"{lang} {HOSTILE}", lang, HOSTILE) for lang in LANGS}
    hostile = [
        ParallelExample(one.id + HOSTILE, one.group, one.label, sides)
        for one in examples_of(study).values()
    ]
    write_items(study.folder, hostile, LANGS)
    return folder


@pytest.fixture
def page(server, browser):
    with visiting(browser, server) as visit:
        opened = visit("errors?study=made&right=any&page=2", width=390)
        opened.locator(".ccta-case").first.wait_for()
        yield opened


def test_a_row_is_picked_and_nothing_of_it_runs(page):
    row = page.locator(".ccta-case").nth(3)
    picked = row.get_attribute("data-pick")
    row.click()
    page.locator(".ccta-case.is-marked").wait_for()
    assert page.locator(".ccta-case.is-marked").get_attribute("data-pick") == picked
    page.locator(".ccta-case-whole").wait_for()
    assert "<img src=x" in page.locator(".ccta-case-whole").inner_text()
    page.get_by_text("Predictions in the two languages, cross-tabulated").click()
    page.locator(".ccta-mx-cell").first.wait_for()
    assert page.evaluate("window.broken") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("by", ["the button", "the browser"])
def test_the_way_back_leads_to_the_same_place(page, by):
    page.locator(".ccta-case").nth(10).locator("button").press("Enter")
    page.locator(".ccta-case.is-marked").wait_for()
    marked = page.locator(".ccta-case.is-marked").get_attribute("data-pick")
    page.get_by_role("button", name="Open in Pair").click()
    page.wait_for_url("**/?*study=made*")
    back = page.get_by_role("button", name="Back to Errors")
    back.wait_for()
    # The study's model is not here: Pair shows another, whose address comes after its own.
    page.wait_for_url("**/?*model=e5-small*")
    if by == "the button":
        back.click()
    else:
        page.evaluate("history.go(-2)")
    page.locator(".ccta-case.is-marked").wait_for()
    assert page.locator(".ccta-case.is-marked").get_attribute("data-pick") == marked
    assert "page=2" in page.url
    place = page.locator(".ccta-case.is-marked").bounding_box()
    assert -50 < place["y"] < 800


def test_the_list_is_walked_selected_and_tagged_with_keys(page):
    picks = [row.get_attribute("data-pick") for row in page.locator(".ccta-case").all()]
    for pick in picks[:2]:
        page.keyboard.press("j")
        page.locator(".ccta-case.is-marked").wait_for()
        page.wait_for_function(
            "pick => document.querySelector('.is-marked').dataset.pick === pick", arg=pick
        )
    page.keyboard.press("x")
    page.get_by_role("button", name="1 item selected").wait_for()
    page.keyboard.press("3")
    page.locator(".ccta-case.is-marked .ccta-tag").filter(has_text="label noise").wait_for()
    page.get_by_label("Note on the item").fill("j3")  # typed, not pressed
    assert page.locator(".ccta-case.is-marked").get_attribute("data-pick") == picks[1]
    page.locator(".ccta-case").nth(24).locator("button").press("Enter")
    page.wait_for_function("document.querySelectorAll('.ccta-case')[24].matches('.is-marked')")
    page.keyboard.press("j")
    page.wait_for_url("**page=3**")
    page.wait_for_function("document.querySelectorAll('.ccta-case')[0].matches('.is-marked')")
