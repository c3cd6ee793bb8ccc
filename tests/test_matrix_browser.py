"""The matrix of cells and the points of the scatter in a real browser: pointer and keyboard."""

from itertools import pairwise
from urllib.parse import urlencode

import pytest

from tests.made_study import made_study
from tests.serving import serving, visiting

STUDY = "made-here"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A dashboard with one made study."""
    cache = tmp_path_factory.mktemp("matrix")
    made_study(cache / "studies", name=STUDY, items=24)
    with serving(cache) as address:
        yield address


@pytest.fixture
def show(browser, server):
    """Opens a page of the dashboard on the made study."""
    with visiting(browser, server) as visit:

        def open_page(name: str, width: int = 1280, **query: str):
            return visit(f"{name}?{urlencode({'study': STUDY, 'layer': '8'} | query)}", width)

        yield open_page


def cell(page, words: str):
    """The first cell whose name begins with these words, once the page has come to rest."""
    found = page.locator(f'button.ccta-mx-cell[aria-label^="{words}"]').first
    found.wait_for()
    page.get_by_text("where the mass of a word goes in demo items").wait_for()
    return found


def focused(page) -> str:
    return page.evaluate("document.activeElement.getAttribute('aria-label')") or ""


def test_a_click_looks_closer(show):
    page = show("languages", order="study")
    cell(page, "German and Hindi: EMS").click()
    page.get_by_text("German and Hindi, item by item").wait_for()
    page.wait_for_url("**target=hi**")
    assert page.locator(".ccta-mx-cell.is-chosen").count() == 1
    chosen = page.locator(".ccta-mx-cell.is-chosen")
    assert chosen.get_attribute("aria-pressed") == "true"


def test_the_keyboard_walks_the_cells_and_chooses(show):
    page = show("languages", order="study")
    cell(page, "Arabic and German")
    grid = page.locator(".ccta-mx").first
    assert grid.locator('button[tabindex="0"]').count() == 1
    grid.locator('button[tabindex="0"]').focus()
    assert focused(page).startswith("English and Arabic")
    page.keyboard.press("ArrowUp")
    assert focused(page).startswith("German and Arabic")
    page.keyboard.press("ArrowRight")  # German and German is no cell
    assert focused(page).startswith("German and English")
    page.keyboard.press("End")
    assert focused(page).startswith("German and Chinese")
    page.keyboard.press("Home")
    assert focused(page).startswith("German and Arabic")
    assert grid.locator('button[tabindex="0"]').count() == 1
    page.keyboard.press("Enter")
    page.get_by_text("German and Arabic, item by item").wait_for()
    page.wait_for_url("**source=de**")
    assert focused(page).startswith("German and Arabic")  # the reader stays where they were


def test_a_cell_of_the_training_languages_opens_the_errors(show):
    page = show("languages", order="study")
    cell(page, "es · Spanish, Hindi: accuracy").click()
    page.get_by_text("Where does the model go wrong").wait_for()
    page.get_by_text("A comparison is one item in two languages").wait_for()
    page.wait_for_url("**/errors?*model=made%2Fes*")
    assert "src=es&tgt=hi" in page.url  # the page has read its address and kept both


def test_a_narrow_screen_scrolls_the_matrix_and_not_the_page(show):
    page = show("languages", width=390)
    cell(page, "English and Arabic")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # A phone grows its page to whatever the scrolled part of it would hold.
    main = page.get_by_test_id("stMain")
    assert main.evaluate("node => node.scrollWidth") <= 390
    box = page.locator(".ccta-mx-scroll").first
    assert box.evaluate("one => one.scrollWidth > one.clientWidth")
    first = page.locator(".ccta-mx tbody th").first
    before = first.bounding_box()["x"]
    box.evaluate("one => one.scrollTo(200, 0)")
    assert first.bounding_box()["x"] == pytest.approx(before, abs=2)


def test_a_point_opens_its_errors_and_the_page_can_be_come_back_to(show):
    page = show("correlation")
    point = page.locator(".js-plotly-plot").first.locator(".scatterlayer path.point").first
    point.wait_for()
    page.get_by_text("Does a measure predict which items are right").wait_for()
    page.wait_for_timeout(1500)
    point.click(force=True)
    page.get_by_text("A comparison is one item in two languages").wait_for()
    page.wait_for_url("**/errors?*src=en&tgt=*")
    page.get_by_role("link", name="Correlation").first.click()
    page.get_by_text("The same correlation for the controls").wait_for()
    page.wait_for_timeout(1500)
    assert "/correlation" in page.url  # what was clicked does not send the reader off again


def test_a_point_can_be_opened_without_a_pointer(show):
    page = show("correlation")
    page.get_by_role("button", name="Open a point").press("Enter")
    page.get_by_role("button", name="Open its errors").press("Enter")
    page.wait_for_url("**/errors?**")


def test_the_correlation_fits_a_narrow_screen(show):
    page = show("correlation", width=390)
    page.get_by_text("Does a measure predict which items are right").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def drag(page, chart: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draws a box over a chart, from one share of its width and height to another."""
    area = page.locator(f".st-key-{chart} .nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    page.mouse.up()


def test_items_that_are_brushed_are_selected_on_every_page(show):
    page = show("correlation", unit="item", source="en", target="es")
    page.get_by_text("AUROC; 0.5 is chance level").wait_for()
    drag(page, "correlation_points_item", (0.01, 0.01), (0.5, 0.99))
    page.wait_for_url("**set=**")
    chip = page.get_by_role("button", name="items selected")
    count = int(chip.inner_text().split(" items")[0].split()[-1])
    assert 0 < count < 24
    page.get_by_role("link", name="Languages", exact=True).click()
    page.get_by_text("Which languages does the model read alike?").wait_for()
    chip.filter(has_text=f"{count} items selected").wait_for()
    page.wait_for_url("**/languages?**set=**")
    page.locator(".st-key-languages_spread .nsewdrag").wait_for()
    drag(page, "languages_spread", (0.01, 0.3), (0.99, 0.6))
    chip.filter(has_text="24 items selected").wait_for()
    page.get_by_role("button", name="Clear selection").click()
    chip.wait_for(state="detached")
    assert "set=" not in page.url


def test_fifteen_languages_fit_a_laptop(show):
    page = show("languages", study="xnli-training-languages")
    page.locator(".ccta-mx-cell").first.wait_for()
    box = page.locator(".ccta-mx-scroll").first
    assert box.locator("thead th").count() >= 15
    assert box.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_lines_of_items_do_not_lie_on_one_another(show):
    page = show("languages", study="xnli-training-languages")
    lines = page.locator(
        '.st-key-languages_detail [class*="st-key-languages_item_"] button:visible'
    )
    lines.nth(9).wait_for()
    page.wait_for_timeout(1500)
    boxes = [line.bounding_box() for line in lines.all()]
    assert len(boxes) >= 10
    assert len({round(box["x"]) for box in boxes}) == 1
    for above, below in pairwise(boxes):
        assert above["y"] + above["height"] <= below["y"] + 1


@pytest.mark.parametrize("width", [1280, 390])
def test_the_full_screen_of_a_chart_hides_nothing_of_it(show, width):
    """It stands above marks and legend, can be pressed, and closes where it is looked for."""
    page = show("languages", width=width)
    chart = page.locator(".st-key-languages_spread")
    button = chart.locator(".modebar-btn")
    button.wait_for()
    place = button.bounding_box()
    for part in (".nsewdrag", "g.legend .bg"):
        top = chart.locator(part).first.bounding_box()["y"]
        assert place["y"] + place["height"] <= top + 4  # its own edge is empty
    button.click()
    page.locator('.modebar-btn[data-title="Close fullscreen"]').click()
    page.locator('.st-key-languages_spread .modebar-btn[data-title="Fullscreen"]').wait_for()
