"""What a notebook shows of a result: the whole page in a frame, coloured words, no script of ours
in the notebook's own page.
"""

import re
from html import unescape

import pytest

import ccta_core as ccta
from ccta_core.errors import CctaError
from tests.made_pair import SIDES, make_result, request_of
from tests.test_report import HOSTILE


@pytest.fixture(scope="module")
def result():
    return make_result(request_of())


def test_a_result_is_its_page_in_a_frame(result):
    html = result._repr_html_()
    (document,) = re.findall(r'srcdoc="([^"]*)"', html)
    assert unescape(document) == result.to_html()
    assert "<script" not in html, "scripts run in the frame alone"
    assert 'sandbox="allow-scripts allow-downloads"' in html


def test_two_results_stand_side_by_side(result):
    html = ccta.show(result, result)._repr_html_()
    assert html.count("<iframe") == 2


def test_an_attribution_is_coloured_words(result):
    html = ccta.show(result.source)._repr_html_()
    text = unescape(re.sub(r"<[^>]*>", "", html))
    for sentence in (SIDES[0].text, SIDES[0].text2):
        assert sentence in " ".join(text.split())
    strengths = [int(found) for found in re.findall(r"\) (\d+)%\)", html)]
    assert max(strengths) == 100
    assert "English" in text


def test_hostile_words_stay_words(result):
    from dataclasses import replace

    sentence = replace(result.source.sentence, text=HOSTILE, text2=None)
    html = ccta.show(replace(result.source, sentence=sentence))._repr_html_()
    assert "<img" not in html
    assert "<script" not in html


@pytest.mark.parametrize("wrong", [(), (3,), ("a",)])
def test_whatever_else_is_refused_in_one_line(wrong):
    with pytest.raises(CctaError, match="show takes"):
        ccta.show(*wrong)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_in_a_browser(browser, result, tmp_path, scheme):
    file = tmp_path / "notebook.html"
    cells = ccta.show(result, result)._repr_html_() + ccta.show(result.source)._repr_html_()
    file.write_text(f"<!doctype html><meta charset=utf-8><body>{cells}", encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.as_uri())
    for frame in page.frames[1:]:
        frame.wait_for_selector("[data-flow] path[d]", state="attached")
    assert len(page.frames) == 3
    word = page.frames[1].locator('[data-side="source"][data-unit="0"]')
    word.click()
    assert word.get_attribute("aria-pressed") == "true"
    page.screenshot(path=tmp_path.parent / f"notebook-{scheme}.png")
    page.close()
    assert complaints == []


def test_a_study_is_a_table_of_its_means(study):
    html = study._repr_html_()
    means = study.means()
    assert html.count("<tr>") == 1 + min(len(means), 12)
    assert f"{len(means) - 12} more rows" in html
    assert study.manifest.title in unescape(html)
