"""Three people in a real browser: a teacher, a researcher, an engineer; and what axe says.

With CCTA_SCREENS=FOLDER every stop leaves a screenshot there (`make screens`).
"""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from tests.serving import check_accessible, serving, visiting

SCREENS = os.environ.get("CCTA_SCREENS")
PAGES = (
    "", "languages", "correlation", "errors?study=demo-nli", "adjust", "studies", "models", "learn",
)  # fmt: skip
LOOKS = {"wide": (1280, "light"), "dark": (1280, "dark"), "narrow": (390, "light")}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A dashboard as a new user has it: an empty cache, and what ships."""
    with serving(tmp_path_factory.mktemp("walks")) as found:
        yield found


@pytest.fixture
def visit(browser, address):
    """Opens a page as one person sees it."""
    with visiting(browser, address) as open_page:

        def look_at(path="", look="wide"):
            width, scheme = LOOKS[look]
            page = open_page(path, width, scheme=scheme)
            settled(page)
            return page

        yield look_at


def settled(page):
    """The page has its heading and its script has ended."""
    page.locator("h1").or_(page.get_by_text("did not expect")).first.wait_for()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    assert "did not expect" not in page.locator("body").inner_text()


def go(page, name):
    """Follows the menu, which is folded on a narrow screen."""
    page.get_by_role("link", name=name, exact=True).first.click()
    page.wait_for_url(lambda url: name.split()[0].lower() in url)
    settled(page)


def keep(page, name):
    if SCREENS:
        Path(SCREENS).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(800)
        page.screenshot(path=f"{SCREENS}/{name}.jpg", type="jpeg", quality=72, full_page=True)


def test_the_first_screen_of_pair_holds_picture_verdict_and_ems(visit):
    page = visit()
    for width in (1920, 1440):  # the menu's words and the title have one left edge
        page.set_viewport_size({"width": width, "height": 900})
        menu = page.locator('[data-testid="stTopNavLink"]').first.bounding_box()["x"] + 8
        assert abs(menu - page.locator(".ccta-title").first.bounding_box()["x"]) <= 1
    page.locator("[data-flow] path[d]").first.wait_for(state="attached")
    page.wait_for_timeout(600)  # the picture is laid out anew for the window
    title = page.locator("h1").inner_text()
    body = page.locator('[data-testid="stMainBlockContainer"]').inner_text()
    assert body.strip().startswith(title), "nothing stands above the title"
    parts = [
        page.locator(".ccta-verdict").first,
        page.locator(".ccta-numbers").first,
        page.locator(".ccta-pair .ccta-text[dir]").last,
    ]
    for part in parts:
        box = part.bounding_box()
        assert box["y"] + box["height"] <= 900


def test_a_teacher_opens_the_lesson_in_class(visit):
    page = visit()
    page.locator('[data-side="source"][data-unit]').nth(1).hover()
    page.locator(".ccta-verdict").first.wait_for()
    assert "EMS" in page.locator(".ccta-numbers").inner_text()
    keep(page, "teacher-pair")
    go(page, "Learn")
    questions = []
    for step in range(1, 9):
        settled(page)
        questions.append(page.locator("h1").inner_text())
        keep(page, f"teacher-learn-{step}")
        if step < 8:
            page.get_by_role("button", name="Next").click()
            page.wait_for_url(lambda url, step=step: f"step={step + 1}" in url)
            page.wait_for_function(
                "before => document.querySelector('h1').innerText !== before", arg=questions[-1]
            )
    assert len(set(questions)) == 8
    page.get_by_text("Large type").click()
    page.wait_for_url(lambda url: "present=1" in url)
    settled(page)
    keep(page, "teacher-presents")


def test_a_researcher_reads_the_findings_and_prices_a_study(visit):
    page = visit("correlation")
    page.locator(".ccta-verdict").first.wait_for()
    keep(page, "researcher-correlation")
    go(page, "Languages")
    cell = page.locator(".ccta-mx button").first
    cell.wait_for()
    before = page.url
    cell.click()
    page.wait_for_url(lambda url: url != before)
    settled(page)
    keep(page, "researcher-languages")
    go(page, "Adjust")
    page.locator(".adj-scores tbody tr").first.wait_for()
    assert "not run" in page.locator("body").inner_text()
    keep(page, "researcher-adjust")
    go(page, "Studies")
    page.get_by_text("New study", exact=True).click()
    page.get_by_role("button", name="Start ", exact=False).first.wait_for()
    keep(page, "researcher-studies")
    go(page, "Models and data")
    assert "nli-xnli-es" in page.locator("body").inner_text()
    keep(page, "researcher-models")


def test_an_engineer_finds_an_error_opens_it_and_comes_back(visit):
    page = visit("errors?study=demo-nli")
    page.get_by_role("combobox", name="View").click()
    page.get_by_role("option", name="Consistent but wrong").click()
    page.wait_for_url(lambda url: len(parse_qs(urlparse(url).query)) > 1)
    settled(page)
    keep(page, "engineer-errors")
    page.locator("[data-pick]").first.click()
    page.get_by_role("button", name="Open in Pair").wait_for()
    settled(page)
    keep(page, "engineer-item")
    place = page.url
    page.get_by_role("button", name="Open in Pair").click()
    page.wait_for_url(lambda url: "item=" in url and "/errors" not in url)
    page.locator('[data-side="source"][data-unit]').first.wait_for()
    keep(page, "engineer-pair")
    page.get_by_role("button", name="Back to errors").first.click()
    # The page puts its own address in the place of the pair's a moment after it is called.
    page.wait_for_url(lambda url: "/errors" in url and "item=" not in url)
    settled(page)
    assert parse_qs(urlparse(page.url).query) == parse_qs(urlparse(place).query)


@pytest.mark.parametrize("look", ["dark", "narrow"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_stands_in_the_dark_and_on_a_phone(visit, path, look):
    page = visit(path, look)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= LOOKS[look][0], "the page scrolls sideways"
    keep(page, f"{look}-{path.partition('?')[0] or 'pair'}")


@pytest.mark.parametrize(
    ("lang", "way"), [("ar", "rtl"), ("zh", "ltr"), ("th", "ltr"), ("hi", "ltr")]
)
def test_every_script_is_written_its_own_way(visit, lang, way):
    page = visit(f"?item=ferry-c&src=en&tgt={lang}")
    page.locator('[data-side="target"][data-unit]').first.wait_for()
    text = page.locator('.ccta-segment[data-side="target"] .ccta-text').first
    assert (text.get_attribute("dir"), text.get_attribute("lang")) == (way, lang)
    assert_order(page, way)
    keep(page, f"script-{lang}-pair")
    if lang == "th":
        return  # no study that ships with its texts has Thai
    page = visit(f"errors?study=demo-nli&src=en&tgt={lang}&right=any&row=en-{lang}-ferry-c")
    line = page.locator(f'[data-pick] p[dir="{way}"] bdi[lang="{lang}"]').first
    line.wait_for()
    assert line.evaluate("it => getComputedStyle(it.parentElement).direction") == way
    page.get_by_role("button", name="Open in Pair").wait_for()
    keep(page, f"script-{lang}-errors")


def assert_order(page, way):
    """The first two words of a line stand in reading order."""
    one, two = (
        page.locator('[data-side="target"][data-unit]').nth(at).bounding_box() for at in (0, 1)
    )
    assert abs(one["y"] - two["y"]) < one["height"], "the first two words are on one line"
    assert (one["x"] > two["x"]) == (way == "rtl")


@pytest.mark.parametrize("look", ["wide", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(visit, path, look):
    page = visit(path, look)
    check_accessible(page)
