"""Charts and matrices as files, and the lines that give a page's numbers, in a real browser."""

import json
import xml.etree.ElementTree as ET

import pytest

from tests.serving import visiting

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture
def page(browser, server):
    with visiting(browser, server) as visit:

        def opened(path, scheme="light", below="h1", folded=None):
            """The page with the first menu of files below a place open, unfolded before."""
            found = visit(path, scheme=scheme)
            found.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
            settle(found)
            if folded is not None:
                found.get_by_text(folded).click()
                found.locator(below).wait_for()
                settle(found)
            menu = "xpath=following::button[contains(., 'Download')][1]"
            found.locator(below).first.locator(menu).click()
            found.get_by_role("button", name="Data (CSV)").first.wait_for()
            return found

        yield opened


def settle(page):
    """Waits until charts that come late move nothing more: an open menu would stay behind."""
    height = None
    while height != (now := page.get_by_test_id("stMain").evaluate("node => node.scrollHeight")):
        height = now
        page.wait_for_timeout(800)


def saved(page, button, folder):
    with page.expect_download() as caught:
        page.get_by_role("button", name=button).first.click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def test_a_chart_is_saved_as_it_stands(page, tmp_path):
    open_page = page("correlation?study=demo-nli", scheme="dark")
    svg = saved(open_page, "Picture (SVG)", tmp_path)
    assert svg.name == "demo-nli-ems-score.svg"
    root = ET.fromstring(svg.read_text("utf-8"))
    texts = {"".join(node.itertext()) for node in root.iter(f"{SVG}text")}
    assert {"de", "zh", "Accuracy"} <= texts
    assert root.find(f"{SVG}rect").get("fill") == "rgb(20, 23, 28)"
    assert not [node for node in root.iter() if "hoverlayer" in node.get("class", "")]
    assert "Accuracy against EMS" in root.findtext(f"{SVG}title")
    png = saved(open_page, "Picture (PNG)", tmp_path).read_bytes()
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20]) == 2 * round(float(root.get("width")))
    rows = json.loads(saved(open_page, "Data (JSON)", tmp_path).read_text("utf-8"))
    assert len(rows) == 7
    assert {"x", "y", "target"} <= set(rows[0])


def test_a_chart_is_a_page_that_fetches_nothing(page, browser, tmp_path):
    html = saved(page("correlation?study=demo-nli"), "Chart (HTML", tmp_path)
    context = browser.new_context(offline=True)
    asked = []
    alone = context.new_page()
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(html.as_uri())
    alone.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert asked == [html.as_uri()]
    context.close()


def test_the_matrix_is_saved(page, tmp_path):
    open_page = page("languages?study=demo-nli&layer=8")
    root = ET.fromstring(saved(open_page, "Picture (SVG)", tmp_path).read_text("utf-8"))
    texts = [node.text for node in root.iter(f"{SVG}text")]
    assert sum(text in {"ar", "de", "en", "es", "hi", "ru", "sw", "zh"} for text in texts) == 16
    assert saved(open_page, "Picture (PNG)", tmp_path).read_bytes().startswith(b"\x89PNG")
    assert saved(open_page, "Data (CSV)", tmp_path).stat().st_size > 1000


def test_the_training_matrix_is_saved(page, tmp_path):
    path = "languages?study=xnli-training-languages&measure=gain"
    open_page = page(path, below=".st-key-languages_training_cells")
    root = ET.fromstring(saved(open_page, "Picture (SVG)", tmp_path).read_text("utf-8"))
    texts = [node.text for node in root.iter(f"{SVG}text")]
    assert sum("Spanish" in str(text) for text in texts) == 1
    assert "th" in texts


def test_the_flows_are_saved(page, tmp_path):
    path = "languages?study=demo-nli&layer=8"
    open_page = page(path, below=".ccta-flows", folded="Not of this study")
    svg = saved(open_page, "Picture (SVG)", tmp_path)
    assert svg.name.startswith("flows-en-")
    shown = {one.get_attribute("title") for one in open_page.locator(".ccta-flows i").all()}
    titles = {node.text for node in ET.fromstring(svg.read_text("utf-8")).iter(f"{SVG}title")}
    assert shown <= titles


def test_the_lines_that_give_the_numbers_are_offered(page):
    open_page = page("correlation?study=demo-nli")
    open_page.keyboard.press("Escape")
    open_page.get_by_role("button", name="Share").click()
    open_page.get_by_text("ccta study findings demo-nli").wait_for()
