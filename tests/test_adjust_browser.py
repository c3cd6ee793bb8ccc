"""The page Adjust in a real browser: the film of steps, keys, files, axe, a narrow screen."""

import json
from urllib.parse import urlencode

import pytest

from tests.made_adjustment import STEPS, write_made
from tests.made_demo import ITEM, write_demo
from tests.serving import check_accessible, serving, visiting


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A dashboard with the made tables."""
    cache = tmp_path_factory.mktemp("adjust-browser")
    write_made(cache / "adjustment")
    write_demo(cache / "adjustment")
    with serving(cache) as address:
        yield address


@pytest.fixture
def show(browser, server):
    """Opens the page with a query, once it has come to rest."""
    with visiting(browser, server) as visit:

        def open_page(width: int = 1280, height: int = 800, scheme: str = "light", **query: str):
            page = visit(f"adjust?{urlencode(query)}", width, height, scheme)
            page.locator(".adj-scores tbody tr").first.wait_for()
            page.get_by_text("The experiment behind this page").wait_for()
            page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
            return page

        yield open_page


def stepped(page) -> str:
    return page.locator(".adj-stepped").inner_text()


def path_of(page) -> str:
    return page.locator(".adj-fill.is-related").get_attribute("d")


def test_the_first_screen_holds_verdict_distances_and_scores(show):
    page = show(lang="es")
    for place in (".ccta-verdict", ".adj-histogram", ".adj-slider", ".adj-curves", ".adj-scores"):
        box = page.locator(place).first.bounding_box()
        assert box["y"] + box["height"] <= 800, place
    assert "placebo" in page.locator(".ccta-verdict").inner_text()
    assert page.locator(".adj-ticks i").count() == len(STEPS)


def test_a_move_of_the_slider_draws_at_once_and_ends_in_the_address(show):
    page = show(lang="es")
    before, numbers = path_of(page), page.locator(".adj-numbers .is-frame").inner_text()
    slider = page.get_by_role("slider", name="Step")
    slider.focus()
    page.keyboard.press("ArrowLeft")  # no answer of the server is waited for
    assert stepped(page).startswith("step 20 of 31")
    assert path_of(page) != before
    assert page.locator(".adj-numbers .is-frame").inner_text() != numbers
    page.wait_for_url("**step=20**")
    page.reload()
    page.locator(".adj-scores tbody tr").first.wait_for()
    assert stepped(page).startswith("step 20 of 31")


def test_keys_walk_the_steps_and_choose_arms(show):
    page = show(lang="es")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert stepped(page).startswith("step 10 of 31")
    page.keyboard.press("3")
    assert page.locator('[data-value="placebo"]').get_attribute("aria-pressed") == "true"
    assert page.locator(".adj-numbers .is-frame").inner_text().startswith("placebo, step 10")
    page.wait_for_url("**arm=placebo**")
    page.keyboard.press("1")
    assert stepped(page) == "before any step"
    page.keyboard.press("4")
    page.wait_for_url("**arm=continual**")
    page.wait_for_function(
        "document.querySelector('.ccta-verdict').innerText.includes('placebo to')"
    )


def test_distance_layer_and_view_are_chosen_in_the_picture(show):
    page = show(lang="es")
    page.get_by_role("button", name="L2").click()
    assert "L2 distance" in page.locator(".adj-histogram").inner_html()
    page.get_by_role("combobox", name="Layer", exact=True).select_option("1")
    page.get_by_role("button", name="difference").click()
    assert "−" in page.locator(".adj-scores tbody th").first.inner_text()
    page.wait_for_url("**layer=1**view=difference**")
    assert "distance=l2" in page.url
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    assert page.get_by_role("combobox", name="Layer", exact=True).input_value() == "1"


def test_the_steps_play_as_a_film(show):
    page = show(lang="es", step="0")
    page.get_by_role("button", name="Play the steps").click()
    page.wait_for_function("document.querySelector('.adj-stepped').innerText.startsWith('step 31')")
    page.wait_for_url(lambda url: "step=" not in url)


def test_keys_take_the_sentence_through_the_arms_and_to_the_next_item(show):
    page = show(lang="es", item=ITEM)
    picture = page.locator(".st-key-adjust_pair")
    picture.locator("[data-unit]").first.wait_for()
    said = page.locator(".ccta-say", has_text="EMS").first
    before = said.inner_text()
    page.keyboard.press("1")
    page.wait_for_url("**arm=original**")
    page.wait_for_function("before => ![...document.querySelectorAll('.ccta-say')]"
                           ".some(each => each.innerText === before)", arg=before)  # fmt: skip
    assert picture.locator("[data-unit]").count() > 20
    page.keyboard.press("n")
    page.wait_for_url("**item=ferry-e**")
    page.get_by_text("Demo items in English and Spanish: not run").wait_for()


def test_dragging_over_the_histogram_lists_word_pairs(show):
    page = show(lang="es")
    box = page.locator(".adj-histogram").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 60, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, y, steps=4)
    page.mouse.up()
    assert page.locator(".adj-brush").is_visible()
    page.wait_for_url("**low=**high=**")
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    ends = [float(page.get_by_label(name, exact=True).input_value())
            for name in ("Distance from", "to")]  # fmt: skip
    assert 0 < ends[0] < ends[1]
    page.mouse.click(box["x"] + 200, y)
    page.wait_for_url(lambda url: "low=" not in url)
    assert not page.locator(".adj-brush").is_visible()


def test_what_was_not_run_reads_so(show):
    page = show(lang="vi")
    assert page.locator(".adj-scores .is-none").count() >= 4
    assert "not run" in page.locator(".adj-histogram").text_content()
    assert page.get_by_role("slider", name="Step").is_disabled()


@pytest.mark.parametrize(("kind", "head"), [("SVG", b"<svg"), ("PNG", b"\x89PNG")])
def test_the_picture_is_saved(show, tmp_path, kind, head):
    page = show(lang="es")
    page.get_by_role("button", name="Download").first.click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Picture ({kind})").click()
    path = tmp_path / "saved"
    waiting.value.save_as(path)
    data = path.read_bytes()
    assert data.startswith(head)
    if kind == "SVG":
        assert "AUC" in data.decode()
        assert "Swahili" in data.decode()


def saved(page, name, path):
    page.get_by_role("button", name="Download").first.click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    waiting.value.save_as(path)
    return path


def test_all_that_is_drawn_is_saved_as_json(show, tmp_path):
    page = show(lang="es", arm="placebo")
    data = json.loads(saved(page, "Data (JSON)", tmp_path / "film.json").read_text("utf-8"))
    assert data["at"]["arm"] == "placebo"
    assert data["film"]["films"]["adjusted"]["steps"] == list(STEPS)


def test_the_saved_page_moves_without_a_server(show, browser, tmp_path):
    page = show(lang="es", step="10")
    verdict = page.locator(".ccta-verdict").inner_text()
    path = saved(page, "Chart (HTML, works offline)", tmp_path / "film.html")
    context = browser.new_context(offline=True)
    complaints = []
    alone = context.new_page()
    alone.on("console", lambda message: complaints.append(message.text))
    alone.on("pageerror", lambda error: complaints.append(str(error)))
    alone.goto(path.as_uri())
    assert alone.locator(".setting").first.inner_text() == verdict
    assert stepped(alone).startswith("step 10 of 31")
    before = path_of(alone)
    alone.keyboard.press("ArrowRight")
    assert stepped(alone).startswith("step 20 of 31")
    assert path_of(alone) != before
    alone.keyboard.press("3")
    alone.keyboard.press("n")  # it has no sentences to walk
    assert alone.locator(".adj-numbers .is-frame").inner_text().startswith("placebo")
    assert not complaints
    context.close()


@pytest.mark.parametrize("lang", ["es", "vi"])
def test_a_narrow_screen_does_not_scroll_sideways(show, lang):
    page = show(width=390, height=844, lang=lang)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".adj-root").evaluate("it => it.scrollWidth <= it.clientWidth + 1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(show, scheme):
    page = show(lang="es", scheme=scheme)
    check_accessible(page)


def test_two_files_are_handed_in_and_priced_before_anything_starts(show):
    page = show(lang="es")
    page.get_by_text("Start a run").click()
    page.get_by_role("button", name="Hand in parallel text").click()
    sides = {"es": "Esta es la frase número {}.", "en": "This is the sentence with number {}."}
    files = [
        {"name": f"mine.{side}", "mimeType": "text/plain",
         "buffer": "".join(text.format(n) + "\n" for n in range(150)).encode()}
        for side, text in sides.items()
    ]  # fmt: skip
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(files)
    page.get_by_text("150 sentence pairs.").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("spinbutton", name="Sentence pairs").fill("120")
    page.get_by_role("spinbutton", name="Sentence pairs").press("Enter")
    page.get_by_text("(150 are there)").wait_for()
    assert page.get_by_role("button", name="Start es-120-mine").is_enabled()
    page.get_by_role("button", name="Delete this file").click()
    page.get_by_role("button", name="Delete it for good").click()
    page.get_by_role("button", name="Delete this file").wait_for(state="detached")
