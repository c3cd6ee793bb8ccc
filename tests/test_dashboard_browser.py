"""The dashboard in a real browser: the picture, its links, its safety."""

from pathlib import Path
from urllib.parse import urlencode

import pytest

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.models.catalog import catalog
from ccta_core.store.pairs import keep_pair
from ccta_core.types import Sentence
from dashboard.views.pair.view import PairRequest
from tests.made_pair import make_result
from tests.serving import visiting

MODEL = "e5-small/browser-test"
CARD = (
    '{"task": "nli", "training_language": "en", "layers": [0, 1, 2], "align_layer": 8, '
    '"labels": ["entailment", "neutral", "contradiction"], "revision": "browser-test"}'
)
HOSTILE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script> [a](b)'


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """A cache with a model's card and finished results, but no weights."""
    folder = tmp_path_factory.mktemp("dashboard")
    model = folder / "models" / MODEL
    model.mkdir(parents=True)
    (model / "card.json").write_text(CARD, encoding="utf-8")
    sides = next(item for item in read_demo("nli") if item.id == "ferry-c").sentences
    hostile = Sentence(HOSTILE, "en"), Sentence(HOSTILE, "es")
    pairs = [(sides["en"], sides[lang]) for lang in ("es", "ar", "zh")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(folder))
        info = catalog()[MODEL]
        for layer in (0, 1):
            for source, target in (*pairs, hostile):
                request = PairRequest(info, source, target, Config(layer=layer))
                problem = keep_pair(make_result(request), info, source, target, request.config)
                assert problem is None
    return folder


@pytest.fixture
def show(browser, server):
    """Opens a view of the Pair page."""
    with visiting(browser, server) as visit:

        def open_view(width: int = 1280, **query: str):
            return visit(f"?{urlencode({'model': MODEL} | query)}", width)

        yield open_view


def words(page, side: str):
    found = page.locator(f'[data-side="{side}"][data-unit]')
    found.first.wait_for(timeout=20_000)
    return found


@pytest.mark.parametrize(
    ("lang", "word", "direction"),
    [("es", "ferri", "ltr"), ("ar", "العبّارة", "rtl"), ("zh", "渡轮", "ltr")],
)
def test_a_link_opens_its_picture(show, lang, word, direction):
    page = show(item="ferry-c", src="en", tgt=lang, layer="0")
    words(page, "target")
    assert any(word in text for text in words(page, "target").all_inner_texts())
    text = page.locator('.ccta-segment[data-side="target"] .ccta-text').first
    assert text.get_attribute("dir") == direction
    assert page.locator("[data-flow]").count() > 0
    page.get_by_text("embeddings only", exact=True).wait_for()


def test_hover_shows_a_card_and_click_pins(show):
    page = show()
    word = words(page, "source").nth(1)
    word.hover()
    card = page.locator(".ccta-card")
    card.wait_for(state="visible")
    assert "ferry" in card.inner_text()
    word.click()
    page.wait_for_timeout(1500)
    assert page.locator(".is-pinned").count() == 1
    page.get_by_text("What costs most").click()
    page.get_by_text("The flows of the pinned word, ferry").wait_for()
    assert page.locator(".is-pinned").count() == 1


def test_the_layer_moves_with_the_keyboard(show):
    page = show()
    words(page, "source")
    page.get_by_role("slider", name="Layer").press("ArrowRight")
    page.wait_for_url("**layer=1**")
    page.go_back()
    page.wait_for_function("document.querySelector('input[type=range]')?.value === '0'")


def test_typed_markup_stays_text(show):
    page = show(item="own", s1=HOSTILE, t1=HOSTILE)
    words(page, "source")
    assert page.evaluate("window.broken") is None
    assert page.locator('img[src="x"]').count() == 0
    page.get_by_text("Share").click()
    page.get_by_text("The same in Python").wait_for()
    assert page.evaluate("window.broken") is None


def test_what_is_damaged_in_a_link_is_said(show):
    page = show(item="<b>nothing</b>", layer="99")
    words(page, "source")
    page.get_by_text("'<b>nothing</b>' is not an item").wait_for()
    page.get_by_text("'99' is not a layer").wait_for()


def test_a_missing_weight_file_is_one_line(show):
    page = show(layer="2")
    words(page, "source")
    page.get_by_role("button", name="Try again").wait_for(timeout=60_000)
    assert "Traceback" not in page.inner_text("body")


def test_a_narrow_screen_folds_the_controls(show):
    page = show(width=390)
    words(page, "source")
    model = page.get_by_label("Model", exact=False).first
    assert not model.is_visible()
    page.get_by_text("Change English and Spanish").click()
    model.wait_for(state="visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
