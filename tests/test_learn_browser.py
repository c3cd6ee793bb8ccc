"""The page Learn in a real browser: the path's slider, the plan by hand, a presenter's keys, a pair
of one's own; Pair presented, and pictures that fill the screen.
"""

from urllib.parse import urlencode

import numpy as np
import pytest

from ccta_core.zoo.lesson import read_lesson
from dashboard.views.learn.tables import problem_of
from tests.made_lesson import SOURCE, TARGET, keep_made_lesson
from tests.serving import serving, visiting

LESSON = read_lesson()
PATIENCE = 60_000


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page on a server of its own, whose cache has nothing but one lesson."""
    folder = tmp_path_factory.mktemp("learn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(folder))
        keep_made_lesson()
    with serving(folder) as found:
        yield found


@pytest.fixture
def show(browser, address):
    """Opens a step of the lesson."""
    with visiting(browser, address) as visit:

        def open_step(width=1280, height=900, **query):
            page = visit(f"learn?{urlencode(query)}", width, height)
            page.get_by_text("Try", exact=True).wait_for()
            return page

        yield open_step


def test_a_link_opens_its_place_on_the_path(show):
    page = show(step="2", alpha="0.4")
    slider = page.get_by_role("slider", name="alpha")
    assert slider.input_value() == "40"
    chance = LESSON.sentences["en"].path.probability[40]
    assert f"contradiction {chance:.0%}" in page.get_by_role("status").inner_text()


def test_the_slider_moves_marker_words_and_address(show):
    page = show(step="2", lang="es")
    slider = page.get_by_role("slider", name="alpha")
    before = page.locator(".learn-marker").bounding_box()["x"]
    slider.focus()
    page.keyboard.press("End")
    told = LESSON.sentences["es"]
    sums = page.locator(".learn-column b").all_inner_texts()
    shown = [float(text.replace("\N{MINUS SIGN}", "-")) for text in sums]
    assert shown[:-1] == pytest.approx(told.path.so_far[-1][:-1], abs=0.006)
    assert shown[-1] == pytest.approx(told.difference, abs=0.006)
    assert page.locator(".learn-marker").bounding_box()["x"] > before
    page.wait_for_url("**alpha=1**")
    assert slider.input_value() == "100"
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**alpha=0.99**")
    page.wait_for_timeout(500)
    assert slider.evaluate("node => node === document.activeElement")


def test_words_leave_the_sum(show):
    page = show(step="1")
    status = page.get_by_role("status").filter(has_text="together")
    assert "All words" in status.inner_text()
    page.get_by_role("button", name="Nobody").click()
    told = LESSON.sentences["en"]
    rest = told.scores.sum() - told.scores[told.words.index("Nobody")]
    shown = f"4 of 5 words together: {rest:+.2f}".replace("-", "\N{MINUS SIGN}")
    assert shown in status.inner_text()


def test_a_plan_by_hand_counts_when_all_has_moved(show):
    page = show(step="6", **{"with": "es"})
    problem = problem_of(LESSON, "es")
    root, status = page.locator(".learn-root"), page.locator(".learn-status")
    assert "100% left over" in status.inner_text()
    assert root.get_attribute("data-score") in (None, "")
    cells = page.locator("[data-cell]")
    plan = np.zeros(problem.similarity.shape)
    for at, (i, j) in enumerate(np.ndindex(*plan.shape)):
        room = min(problem.source[i] - plan[i].sum(), problem.target[j] - plan[:, j].sum())
        if room < 1e-6:
            continue
        cells.nth(at).click()
        plan[i, j] = room
    assert "Everything has moved" in status.inner_text()
    mine = float((plan * problem.similarity).sum())
    assert float(root.get_attribute("data-score")) == pytest.approx(mine, abs=1e-5)
    page.get_by_text(f"Your plan scores {mine:.3f}").wait_for()
    page.get_by_role("button", name="Show the optimum").click()
    assert float(root.get_attribute("data-score")) == pytest.approx(problem.best.ems, abs=1e-5)
    page.get_by_role("button", name="Back to mine").click()
    assert float(root.get_attribute("data-score")) == pytest.approx(mine, abs=1e-5)


def test_the_plan_is_moved_with_the_keyboard_and_never_overdrawn(show):
    page = show(step="6", **{"with": "es"})
    page.locator('[data-cell="0-0"]').focus()
    page.keyboard.press("+")
    left = page.locator('[data-left="row-0"]')
    source = problem_of(LESSON, "es").source
    assert left.inner_text() == f"{source[0] - 0.05:.1%} left"
    page.keyboard.press("+")
    assert "done" in left.inner_text()
    page.keyboard.press("+")
    assert "has nothing left" in page.locator(".learn-status").inner_text()
    page.keyboard.press("Delete")
    assert left.inner_text() == f"{source[0]:.1%} left"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.cell") == "1-1"


def test_a_plan_survives_the_next_step(show):
    page = show(step="6", **{"with": "zh"})
    page.locator('[data-cell="3-3"]').click()
    page.get_by_text("of the mass is left over: this plan").wait_for()
    moved = page.locator('[data-cell="3-3"] .learn-mass').inner_text()
    page.keyboard.press("PageDown")
    page.get_by_text("Is that more than chance?").wait_for()
    page.keyboard.press("PageUp")
    page.locator('[data-cell="3-3"]').wait_for()
    assert page.locator('[data-cell="3-3"] .learn-mass').inner_text() == moved


def test_right_to_left_words_stand_from_the_right(show):
    page = show(step="6", **{"with": "ar"})
    first, last = (page.locator(f'[data-cell="0-{j}"]').bounding_box()["x"] for j in (0, 4))
    assert first > last
    page.locator('[data-cell="0-0"]').focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.cell") == "0-1"


@pytest.mark.parametrize("step", range(1, 10))
def test_large_type_fits_its_screen_and_a_phone_does_not_scroll_sideways(show, step):
    page = show(height=800, step=str(step), present="1")
    picture = page.locator(".learn-root, .js-plotly-plot, .learn-pieces").first
    box = picture.bounding_box()
    assert box["y"] < 300
    assert box["y"] + 330 < 800
    page.wait_for_function(
        "parseFloat(getComputedStyle(document.querySelector('.learn-say')).fontSize) >= 22"
    )
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(400)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    steps = page.locator(".st-key-learn_steps").get_by_role("radio")
    assert steps.count() == 10
    ends = steps.evaluate_all("all => all.map((one) => one.getBoundingClientRect().right)")
    assert max(ends) <= 390, "every step can be reached"


def test_a_pair_is_typed_and_every_step_shows_it(show):
    page = show(step="1")
    page.get_by_role("button", name="Your own sentences").click()
    texts = {"English: premise": SOURCE.text, "English: hypothesis": SOURCE.text2,
             "Spanish: premise": TARGET.text, "Spanish: hypothesis": TARGET.text2}  # fmt: skip
    for label, text in texts.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator(".learn-word bdi", has_text="parrots").wait_for()
    page.wait_for_url("**s1=The+parrots+slept**")
    page.get_by_role("radio", name="6 Transport").click()
    ribbons = page.locator(".st-key-learn_ribbons")
    ribbons.locator("[data-side=target]", has_text="loros").first.wait_for()
    ribbons.locator("[data-flow] path[d]").first.wait_for(state="attached")
    page.locator(".learn-head bdi", has_text="parrots").wait_for()  # one, and no more
    page.reload()
    page.locator(".learn-head bdi", has_text="parrots").wait_for()
    page.get_by_role("button", name="Back to the lesson").click()
    page.locator(".learn-head bdi", has_text="children").wait_for()


def test_ribbons_follow_the_plan_by_hand(show):
    page = show(step="6", flows="hand")
    flows = page.locator(".st-key-learn_ribbons [data-flow]")
    page.locator(".st-key-learn_ribbons [data-unit]").first.wait_for()
    assert flows.count() == 0
    page.locator('[data-cell="0-0"]').click()
    flows.first.wait_for(state="attached")
    assert flows.count() == 1


def test_an_address_opens_its_step_and_follows_the_reader(show):
    page = show(step="5", height=700)
    question = page.get_by_role("heading", name="How can words of two languages be compared?")
    assert question.bounding_box()["y"] < 300
    main = page.locator('[data-testid="stMain"]')
    main.evaluate("node => node.scrollTo(0, 400)")
    page.keyboard.press("PageDown")
    page.wait_for_url("**step=6**")
    question = page.get_by_role("heading", name="How alike are two readings?")
    question.wait_for()
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop === 0")
    assert 0 <= question.bounding_box()["y"] < 300, "a step begins at its question"
    main.evaluate("node => node.scrollTo(0, 200)")
    page.get_by_role("radio", name="your plan").click()
    page.wait_for_url("**flows=hand**")
    assert main.evaluate("node => node.scrollTop") > 0, "the same step does not jump"
    page.go_back()
    page.go_back()
    page.get_by_role("heading", name="How can words of two languages be compared?").wait_for()


def test_a_presented_pair_has_no_menu_and_escape_leaves(browser, address):
    with visiting(browser, address) as visit:
        page = visit("?present=1&item=ferry-c", 1440)
        page.locator("[data-flow] path[d]").first.wait_for(state="attached")
        assert not page.locator('[data-testid="stTopNavLink"]').first.is_visible()
        assert page.get_by_role("combobox").count() == 0
        assert "EMS" in page.locator(".ccta-axis").get_attribute("aria-label")
        size = "node => parseFloat(getComputedStyle(node).fontSize)"
        assert page.locator(".ccta-word").first.evaluate(size) >= 30
        # On a word the arrows walk the words, elsewhere the items.
        page.locator("[data-unit]").first.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.unit") == "1"
        assert "item=ferry-c" in page.url
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("ArrowLeft")
        page.wait_for_url(lambda url: "item=ferry-c" not in url and "present=1" in url)
        page.keyboard.press("Escape")
        page.locator('[data-testid="stTopNavLink"]').first.wait_for()
        assert "present" not in page.url


def test_a_picture_and_a_chart_fill_the_screen(browser, address):
    with visiting(browser, address) as visit:
        page = visit("learn?step=3")  # first: Pair loads a model, and Learn waits for that
        chart = page.locator(".st-key-learn_waterfall").get_by_role("button", name="Full screen")
        chart.focus()
        page.keyboard.press("Enter")
        frame = page.locator('.st-key-learn_waterfall [data-testid="stFullScreenFrame"]')
        page.wait_for_function(
            "node => node.getBoundingClientRect().height >= 800", arg=frame.element_handle()
        )
        page.keyboard.press("Escape")
        page.wait_for_function(
            "node => node.getBoundingClientRect().height < 500", arg=frame.element_handle()
        )
        page.goto(f"{address}/?item=ferry-c")
        page.locator("[data-flow] path[d]").first.wait_for(state="attached")
        button = page.get_by_role("button", name="Full screen", exact=True)
        button.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "document.fullscreenElement && document.fullscreenElement.matches('.ccta-root')"
        )
        page.get_by_role("button", name="Leave full screen").click()
        page.wait_for_function("!document.fullscreenElement")
