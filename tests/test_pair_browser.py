"""The Pair page's moving parts in a real browser: layers, views, files, answers."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.models.catalog import catalog
from ccta_core.projection.places import PairPlaces, Places, PlacesOf, PlaneFacts, keep_places
from ccta_core.store.pairs import keep_pair
from ccta_core.types import Sentence
from dashboard.views.pair.view import PairRequest
from tests.made_pair import make_result
from tests.serving import visiting

LAYERS = (0, 1, 2)
CARDS = {
    "e5-small/nli-made": (
        '{"task": "nli", "training_language": "en", "layers": [0, 1, 2], "align_layer": 8, '
        '"labels": ["entailment", "neutral", "contradiction"], "revision": "made"}'
    ),
    "e5-small/qa-made": (
        '{"task": "qa", "training_language": "en", "layers": [0], "align_layer": 8, '
        '"labels": ["start", "end"], "revision": "made"}'
    ),
}
NLI, QA = CARDS
SIDES = next(one for one in read_demo("nli") if one.id == "ferry-c").sentences
EDITED = (replace(SIDES["en"], text=SIDES["en"].text.replace("cancelled", "delayed")), SIDES["es"])
EDITED_TWICE = (EDITED[0], replace(SIDES["es"], text=SIDES["es"].text.replace("ferri ", "")))
SHORT = (Sentence("Yes", "en"), Sentence("Sí", "es"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Models' cards and finished results, but no weights: a pair at every layer, an answer."""
    folder = tmp_path_factory.mktemp("pair")
    for name, card in CARDS.items():
        model = folder / "models" / name
        model.mkdir(parents=True)
        (model / "card.json").write_text(card, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(folder))
        for layer in LAYERS:
            keep(request_of(NLI, "nli", "ferry-c", layer), ems=0.5 + layer / 10)
        for texts, ems in ((EDITED, 0.62), (EDITED_TWICE, 0.64), (SHORT, 0.4)):
            keep(PairRequest(catalog()[NLI], *texts, Config()), ems=ems)
        keep(request_of(QA, "qa", "market-1", 0), task="qa")
        keep_words(request_of(NLI, "nli", "ferry-c", 0))
    return folder


def keep_words(request: PairRequest) -> None:
    """Has the words of a pair lie on a plane, each by itself."""
    result = make_result(request)
    draw = np.random.default_rng(0)
    sides = (draw.uniform(size=(len(side.units), 2)) for side in (result.source, result.target))
    plane = PlaneFacts("centered", 8, 6521, 14, (0.13, 0.07))
    wanted = PlacesOf(request.model, ((request.source, request.target),), request.config)
    keep_places(Places(plane, (PairPlaces(*sides),), 0.16), wanted)


def request_of(model: str, part: str, item: str, layer: int) -> PairRequest:
    sides = next(one for one in read_demo(part) if one.id == item).sentences
    return PairRequest(catalog()[model], sides["en"], sides["es"], Config(layer=layer))


def keep(request: PairRequest, ems: float | None = None, **changes: str) -> None:
    result = replace(make_result(request), **changes)
    if ems is not None:
        result = replace(result, plan=replace(result.plan, ems=ems))
    if result.task == "qa":
        result = replace(
            result,
            source=replace(result.source, prediction={"noon": 0.9}),
            target=replace(result.target, prediction={"cierra": 0.6}),
        )
    assert keep_pair(result, request.model, request.source, request.target, request.config) is None


@pytest.fixture
def show(browser, server):
    """Opens a view of the Pair page."""
    with visiting(browser, server) as visit:

        def open_view(width: int = 1280, **query: str):
            page = visit(f"?{urlencode({'model': NLI, 'item': 'ferry-c'} | query)}", width)
            page.locator("[data-flow]").first.wait_for(state="attached")
            return page

        yield open_view


def test_the_layers_play(show):
    page = show()
    page.get_by_text("Walk the layers").click()
    said = page.locator(".ccta-walk-said")
    said.get_by_text("Layer 0: EMS 0.50").wait_for()
    page.get_by_role("button", name="Play").click()
    said.get_by_text("Layer 2: EMS 0.70").wait_for()
    assert page.locator(".ccta-walk-dot").count() == len(LAYERS)
    assert page.locator(".ccta-walk-dot.is-now").get_attribute("data-layer") == "2"
    page.get_by_role("button", name="Play").wait_for()
    page.get_by_role("button", name="Open this layer").click()
    page.wait_for_url("**layer=2**")


def test_the_words_of_both_sentences_lie_on_a_plane(show):
    page = show(width=390)
    assert not page.get_by_text("A fixed projection").count()
    page.get_by_text("Where the words are").click()
    chart = page.locator(".st-key-pair_places_chart")
    chart.get_by_text("cancelled", exact=True).wait_for()
    labels = chart.locator(".annotation-text").all_text_contents()
    for text in (*SIDES["en"].segments, *SIDES["es"].segments):
        assert set(labels) & set(text.split()), "words of each of the four texts are named"
    page.get_by_text("A fixed projection").wait_for()
    chart.locator(".scatterlayer .point").first.scroll_into_view_if_needed()
    # The largest mark of a side is its first word's (`make_result`).
    chart.locator(".scatterlayer .trace").nth(1).locator(".point").first.hover(force=True)
    page.locator(".hoverlayer").get_by_text("nearest Spanish word").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_undo_takes_a_view_back(show):
    page = show()
    page.get_by_role("radio", name="mass").click()
    page.wait_for_url("**view=mass**")
    page.locator('[data-tone="mass"]').first.wait_for()
    page.get_by_role("button", name="History", exact=True).wait_for()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("!location.search.includes('view=')")
    page.locator('[data-tone="for"]').first.wait_for()


def test_the_slider_of_ribbons_hides_the_thin_ones(show):
    page = show(ribbons="0")
    every = page.locator("[data-flow]:visible").count()
    page.get_by_role("slider", name="Ribbons").press("End")
    page.wait_for_url("**ribbons=10**")
    page.wait_for_function(
        f"document.querySelectorAll('.ccta-flow:not(.is-below)').length < {every}"
    )


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_the_picture_is_saved_as_it_stands(show, kind, tmp_path):
    page = show()
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as caught:
        page.get_by_role("button", name=f"Picture ({kind})").click()
    assert caught.value.suggested_filename.endswith(f"layer0.{kind.lower()}")
    file = tmp_path / "picture"
    caught.value.save_as(file)
    if kind == "PNG":
        assert file.read_bytes().startswith(b"\x89PNG")
        return
    root = ET.fromstring(file.read_text(encoding="utf-8"))
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "ferry" in texts
    assert "ferri" in texts
    assert "EMS 0.50" in root.findtext("{http://www.w3.org/2000/svg}title")
    assert "oklab" not in ET.tostring(root, encoding="unicode")


def test_answers_are_underlined_in_both_languages(show):
    page = show(model=QA, item="market-1")
    for side, gold, said in (("source", "noon.", "noon."), ("target", "mediodía.", "cierra")):
        marked = page.locator(f'.ccta-root [data-side="{side}"].is-gold')
        assert marked.all_inner_texts() == [gold]
        assert said in page.locator(f'[data-side="{side}"].is-said').all_inner_texts()
    legend = page.locator(".ccta-legend").inner_text()
    assert "right answer" in legend
    assert "predicted answer" in legend
    page.get_by_text("The model is right in English and wrong in Spanish.").wait_for()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_second_layer_has_a_picture_of_its_own(show, width):
    page = show(width=width, layer2="2")
    second = page.locator(".st-key-pair_second")
    second.locator("[data-flow]").first.wait_for(state="attached")
    page.get_by_text("EMS is higher by 0.20 with layer 2").wait_for()
    page.get_by_text("Walk the layers").click()
    page.locator(".ccta-walk-dot").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def word(page, side: str, text: str):
    return page.locator(f'.ccta-word[data-side="{side}"]').get_by_text(text, exact=True).first


def test_a_word_is_typed_over_deleted_and_taken_back(show):
    page = show()
    word(page, "source", "cancelled").dblclick()
    page.get_by_label("In place of cancelled").fill("delayed")
    page.get_by_role("button", name="Replace").click()
    strip = page.locator(".st-key-pair_strip")
    strip.get_by_text("English: “cancelled” became “delayed”.").wait_for()
    page.wait_for_url("**item=own**original=ferry-c**delayed**")
    assert "before the edit: contradiction .70" in page.locator(".ccta-who").first.inner_text()
    assert strip.locator("tr", has_text="EMS").inner_text().split() == ["EMS", "0.50", "0.62"]
    # By keys, in the other language: an empty field deletes the word.
    word(page, "target", "ferri").press("Enter")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    strip.get_by_text("Spanish: “ferri” deleted.").wait_for()
    assert "El se canceló" in page.locator('.ccta-text[lang="es"]').first.inner_text()
    page.reload()  # the address opens the edit again
    strip.get_by_text("Spanish: “ferri” deleted.").wait_for()
    page.go_back()
    strip.get_by_text("English: “cancelled” became “delayed”.").wait_for()
    strip.get_by_role("button", name="Back to the original").click()
    page.wait_for_url("**item=ferry-c**")
    word(page, "source", "cancelled").wait_for()
    strip.wait_for(state="detached")


def test_escape_leaves_a_word_as_it_was_and_the_last_one_stays(show):
    page = show(item="own", s1="Yes", t1="Sí")
    word(page, "source", "Yes").press("Enter")
    page.keyboard.type("No")
    page.keyboard.press("Escape")
    assert not page.locator(".ccta-edit").is_visible()
    word(page, "source", "Yes").press("Enter")
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("Yes is the last word of its English text").wait_for()
    word(page, "source", "Yes").wait_for()
