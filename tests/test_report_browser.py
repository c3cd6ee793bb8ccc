"""The picture in a real browser: hover, pin, keyboard, direction, safety."""

import pytest

from ccta_core.reports.pair.page import pair_assets, pair_page
from tests.test_report import HOSTILE, make_payload, make_side

ENGLISH = make_side("en", ["The", "ferry", "was", "late", "It", "left"], [0, 0, 0, 0, 1, 1])
TARGETS = {
    "es": make_side("es", ["El", "ferri", "tardó", "Salió", HOSTILE], [0, 0, 0, 1, 1]),
    "ar": make_side("ar", ["تأخرت", "العبّارة", "كثيرا", "ثم", "غادرت"], [0, 0, 0, 1, 1]),
    "zh": make_side("zh", ["渡轮", "晚点", "了", "它", "开出"], [0, 0, 0, 1, 1]),
}
MIXED = {
    "ar": make_side(
        "ar", ["يعيش", "في", "New", "York", "City", "2010", "منذ", "سنوات"], [0] * 7 + [1]
    ),
    "he": make_side("he", ["הוא", "נולד", "1990", "בחיפה", "היום"], [0, 0, 0, 0, 1]),
    "ur": make_side("ur", ["Yeh", "sach", "hai", "ke", "woh", "گیا"], [0] * 5 + [1]),
}


@pytest.fixture
def show(browser, tmp_path):
    """Opens the page of English and one other language; fails on any complaint of the browser."""
    complaints, pages = [], []

    def open_page(lang: str, width: int = 1280, *, mixed: bool = False):
        file = tmp_path / f"{lang}.html"
        side = (MIXED if mixed else TARGETS)[lang]
        file.write_text(pair_page(make_payload(ENGLISH, side)), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 800}, reduced_motion="reduce")
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append("dialog"))
        page.on(
            "request",
            lambda request: request.url == file.as_uri() or complaints.append(request.url),
        )
        page.goto(file.as_uri())
        page.wait_for_selector("[data-flow] path[d]", state="attached")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


def word(page, side: str, index: int):
    return page.locator(f'[data-side="{side}"][data-unit="{index}"]')


def opacities(page) -> dict[str, float]:
    script = "all => all.map(g => [g.dataset.flow, +getComputedStyle(g).opacity])"
    return dict(page.eval_on_selector_all("[data-flow]", script))


@pytest.mark.parametrize("lang", TARGETS)
def test_hover_shows_the_card_and_fades_other_ribbons(show, lang):
    page = show(lang)
    assert not page.locator(".ccta-card").is_visible()
    word(page, "source", 3).hover()
    card = page.locator(".ccta-card")
    assert card.is_visible()
    text = card.inner_text()
    assert "late" in text
    assert "attribution" in text
    assert "mass" in text
    assert card.locator("tr").count() == 4
    for name, opacity in opacities(page).items():
        assert (opacity > 0.8) == name.startswith("3-"), name


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("lang", TARGETS)
def test_nothing_overflows_and_the_card_stays_inside(show, lang, width):
    page = show(lang, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    frame = page.locator(".ccta-pair").bounding_box()
    for side, count in (("source", 6), ("target", 5)):
        for index in range(count):
            word(page, side, index).hover()
            card = page.locator(".ccta-card").bounding_box()
            assert card["x"] >= frame["x"] - 1
            assert card["x"] + card["width"] <= frame["x"] + frame["width"] + 1
            assert card["y"] >= frame["y"] - 1
            assert card["y"] + card["height"] <= frame["y"] + frame["height"] + 1


def test_click_pins_until_escape_or_background(show):
    page = show("es")
    late = word(page, "source", 3)
    late.click()
    page.mouse.move(2, 2)
    assert page.locator(".ccta-card").is_visible()
    assert late.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert late.get_attribute("aria-pressed") == "false"
    late.click()
    page.locator(".ccta-legend").click()
    assert late.get_attribute("aria-pressed") == "false"
    late.click()
    late.click()
    assert late.get_attribute("aria-pressed") == "false"


def focused(page) -> tuple[str, int]:
    place = page.evaluate("({...document.activeElement.dataset})")
    return place["side"], int(place["unit"])


def test_arrow_keys_follow_what_is_seen(show):
    page = show("ar")
    word(page, "source", 0).focus()
    page.keyboard.press("ArrowRight")
    assert focused(page) == ("source", 1)
    page.keyboard.press("ArrowDown")
    assert focused(page)[0] == "target"
    word(page, "target", 1).focus()
    page.keyboard.press("ArrowLeft")
    assert focused(page) == ("target", 2)
    page.keyboard.press("ArrowRight")
    assert focused(page) == ("target", 1)
    page.keyboard.press("Enter")
    assert word(page, "target", 1).get_attribute("aria-pressed") == "true"


def test_arabic_runs_from_right_to_left(show):
    page = show("ar")
    first, second = (word(page, "target", n).bounding_box()["x"] for n in (0, 1))
    assert first > second
    first, second = (word(page, "source", n).bounding_box()["x"] for n in (0, 1))
    assert first < second


def seen(page, side: str, count: int) -> list[int]:
    """The indices of the first `count` words from left to right, all on one line."""
    boxes = [word(page, side, n).bounding_box() for n in range(count)]
    assert len({round(box["y"]) for box in boxes}) == 1
    return sorted(range(count), key=lambda n: boxes[n]["x"])


def test_latin_words_of_an_arabic_sentence_keep_their_order(show):
    """Unicode's order: سنين منذ | New York City 2010 | في يعيش, read from the right."""
    page = show("ar", mixed=True)
    assert seen(page, "target", 7) == [6, 2, 3, 4, 5, 1, 0]
    # As the browser sets the same sentence as plain text.
    plain = page.evaluate("""() => {
        const text = document.querySelectorAll('[data-side=target] .ccta-text')[0].textContent;
        const p = document.body.appendChild(document.createElement('p'));
        p.dir = 'rtl'; p.textContent = text;
        const words = [...text.matchAll(/\\S+/g)].map((found) => {
            const range = document.createRange();
            range.setStart(p.firstChild, found.index);
            range.setEnd(p.firstChild, found.index + found[0].length);
            return range.getBoundingClientRect().x;
        });
        p.remove();
        return words.map((x, n) => [x, n]).sort((a, b) => a[0] - b[0]).map(([, n]) => n);
    }""")
    assert plain == [6, 2, 3, 4, 5, 1, 0]
    word(page, "target", 2).focus()
    page.keyboard.press("ArrowRight")
    assert focused(page) == ("target", 3)
    word(page, "target", 0).focus()
    page.keyboard.press("ArrowLeft")
    assert focused(page) == ("target", 1)


def test_hebrew_with_a_number_runs_from_right_to_left(show):
    assert seen(show("he", mixed=True), "target", 4) == [3, 2, 1, 0]


def test_a_text_runs_as_its_letters_do_whatever_its_language(show):
    page = show("ur", mixed=True)
    assert seen(page, "target", 5) == [0, 1, 2, 3, 4]
    ways = page.locator('.ccta-segment[data-side="target"] .ccta-text')
    assert [ways.nth(n).get_attribute("dir") for n in (0, 1)] == ["ltr", "rtl"]


def test_a_pinned_word_outlives_another_layer(show):
    """Its new ribbons have no path before they are placed."""
    page = show("es")
    words, hidden, broken = page.evaluate("""() => {
        const data = JSON.parse(document.getElementById('data').textContent);
        const root = document.body.appendChild(document.createElement('div'));
        const diagonal = data.payload.plan.map((row, i) =>
            row.map((mass, j) => (i === j ? mass : 0)));
        const few = Object.assign({}, data.payload, { plan: diagonal });
        const picture = cctaRenderPair(root, few, data.options);
        root.querySelector('[data-side=source][data-unit="5"]').click();
        picture.update(data.payload, {});
        const hidden = root.querySelector('.ccta-trouble').hidden;
        const lit = root.querySelectorAll('.ccta-word.is-on').length;
        return [lit, hidden, root.querySelector('.ccta-card').hidden];
    }""")
    assert words == 6
    assert hidden
    assert not broken


def test_what_cant_be_drawn_leaves_the_last_picture_and_a_line(show):
    page = show("es")
    page.evaluate("console.error = () => {}")  # it is told the browser, and no visitor
    state = page.evaluate("""() => {
        const data = JSON.parse(document.getElementById('data').textContent);
        const root = document.body.appendChild(document.createElement('div'));
        const picture = cctaRenderPair(root, data.payload, data.options);
        const state = () => [
            root.querySelectorAll('.ccta-word').length,
            root.querySelector('.ccta-trouble').hidden,
        ];
        const before = state();
        picture.update(Object.assign({}, data.payload, { plan: null }), {});
        const after = state();
        picture.update(data.payload, { view: 'mass' });
        return [before, after, state()];
    }""")
    assert state == [[11, True], [11, False], [11, True]]


@pytest.mark.parametrize("lang", TARGETS)
def test_ribbons_start_and_end_at_their_words(show, lang):
    page = show(lang)
    ends = page.evaluate("""() => [...document.querySelectorAll('[data-flow]')].map(g => {
        const path = g.querySelector('path'), box = path.ownerSVGElement.getBoundingClientRect();
        const at = t => path.getPointAtLength(t * path.getTotalLength()).x + box.left;
        return [g.dataset.flow, at(0), at(1)];
    })""")
    for name, start, end in ends:
        i, j = map(int, name.split("-"))
        for side, index, x in (("source", i, start), ("target", j, end)):
            box = word(page, side, index).bounding_box()
            assert box["x"] - 1 <= x <= box["x"] + box["width"] + 1


def test_hostile_text_is_shown_as_text(show):
    page = show("es")
    assert word(page, "target", 4).inner_text() == HOSTILE
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2


def test_unspaced_script_has_narrow_gaps(show):
    page = show("zh")
    boxes = [word(page, "target", n).bounding_box() for n in (0, 1)]
    assert 0 <= boxes[1]["x"] - boxes[0]["x"] - boxes[0]["width"] <= 2.1


def test_views_and_threshold_answer(show):
    page = show("es")
    page.get_by_label("mass", exact=True).check()
    assert word(page, "source", 0).get_attribute("data-tone") == "mass"
    slider = page.locator("input[name=threshold]")
    slider.fill("10")
    assert page.locator("[data-flow]:visible").count() < 5
    slider.fill("0")
    assert page.locator("[data-flow]:visible").count() == 30
    page.get_by_label("subwords").check()
    assert page.locator("[data-subword]").count() == 15
    assert page.locator("[data-flow]:visible").count() == 0
    page.get_by_label("words", exact=True).check()
    assert page.locator("[data-unit]").count() == 11


def test_lives_in_a_shadow_root_and_reports_selection(show):
    page = show("ar")
    css, _ = pair_assets()
    told = page.evaluate(
        """css => {
        const host = document.body.appendChild(document.createElement('div'));
        const root = host.attachShadow({mode: 'open'});
        const sheet = new CSSStyleSheet(); sheet.replaceSync(css);
        root.adoptedStyleSheets = [sheet];
        const data = JSON.parse(document.getElementById('data').textContent);
        const told = [];
        const onSelect = (side, index) => told.push([side, index]);
        const options = Object.assign({dark: true, onSelect}, data.options);
        const picture = cctaRenderPair(root, data.payload, options);
        const word = root.querySelector('[data-side=target][data-unit="2"]');
        word.click(); word.click();
        const theme = root.querySelector('.ccta-pair').dataset.theme;
        picture.update(null, {view: 'mass', dark: false});
        const kept = word.isConnected;
        picture.destroy();
        return [told, theme, kept, root.childElementCount];
    }""",
        css,
    )
    assert told == [[["target", 2], ["target", None]], "dark", True, 0]


CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const light = colour => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const rgb = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255);
    const linear = rgb.map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2];
  };
  return [...document.querySelectorAll('[data-unit]')].map(node => {
    const style = getComputedStyle(node);
    const pair = [light(style.color), light(style.backgroundColor)].sort((a, b) => b - a);
    return (pair[0] + .05) / (pair[1] + .05);
  });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", ["signed evidence", "mass"])
def test_words_can_be_read_on_their_colour(show, theme, view):
    page = show("es")
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.get_by_label(view, exact=True).check()
    assert min(page.evaluate(CONTRAST)) >= 4.5
    word(page, "source", 3).hover()
    assert min(page.evaluate(CONTRAST)) >= 4.5
