"""The page Languages: its tables against pandas and the statistics, its matrices, the page."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from ccta_core.analysis.two_way import two_way
from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.errors import CctaError
from ccta_core.models.catalog import find
from ccta_core.projection.places import PairPlaces, Places, PlacesOf, PlaneFacts
from ccta_core.store.pairs import find_pair
from ccta_core.text import number
from dashboard import resources
from dashboard.engine import Engine
from dashboard.views.languages import tables
from dashboard.views.languages.charts import (
    flows_html,
    flows_svg,
    histogram_chart,
    histogram_table,
    mexa_chart,
    profile_chart,
)
from dashboard.views.languages.layers import mexa_sentence, profile_sentence
from dashboard.views.languages.matrix import cells, finding
from dashboard.views.languages.pair import pair_sentence
from dashboard.views.languages.sentence_charts import sentences_chart
from dashboard.views.languages.sentence_tables import (
    MOST_ITEMS,
    nearest_translations,
    placed_items,
    sentences_table,
)
from dashboard.widgets.matrix import Head, Matrix, MatrixCell, payload, shades_of
from tests.made_study import LANGS, answering, made_study
from tests.test_dashboard import clean, html_of, said

PAIR = ("en", "zh")
MODELS = ("made/en", "made/es")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def rows(study):
    found = study.table()
    return found[found.layer == 8]


def clustered(values, groups):
    """The interval of a mean by statsmodels, groups independent."""
    fit = sm.OLS(values.to_numpy(), np.ones(len(values))).fit(
        cov_type="cluster",
        cov_kwds={"groups": groups.astype("category").cat.codes.to_numpy()},
        use_t=True,
    )
    return tuple(fit.conf_int()[0])


@pytest.mark.parametrize("measure", ["ems", "gain", "ems_unrelated", "z"])
def test_a_cell_is_the_mean_with_its_clustered_interval(study, rows, measure):
    table = tables.matrix_table(study, "made/en", 8, measure).set_index(["source", "target"])
    assert len(table) == len(LANGS) * (len(LANGS) - 1)
    own = rows[rows.model == "made/en"]
    for pair in (PAIR, PAIR[::-1], ("ar", "hi")):
        part = own[(own.source_lang == pair[0]) & (own.target_lang == pair[1])]
        cell = table.loc[pair]
        assert cell.value == pytest.approx(part[measure].mean())
        low, high = clustered(part[measure], part.group)
        assert (cell.low, cell.high) == (pytest.approx(low), pytest.approx(high))
        assert (cell.n, cell.groups) == (len(part), part.group.nunique())


def test_scores_and_agreement(study, rows):
    own = rows[rows.model == "made/en"]
    part = own[(own.source_lang == "en") & (own.target_lang == "zh")]
    score = tables.matrix_table(study, "made/en", 8, "score").set_index(["source", "target"])
    assert score.loc[PAIR].value == pytest.approx(
        (part.source_score + part.target_score).mean() / 2
    )
    alone = own[own.source_lang == "es"].groupby("item")["source_score"].mean()
    assert score.loc[("es", "es")].value == pytest.approx(alone.mean())
    assert score.loc[("es", "es")].n == 48
    for measure, wanted in (
        ("agreement", part.source_predicted == part.target_predicted),
        ("both_right", part.source_correct & part.target_correct),
    ):
        found = tables.matrix_table(study, "made/en", 8, measure).set_index(["source", "target"])
        assert found.loc[PAIR].value == pytest.approx(wanted.mean())
        assert found.loc[PAIR[::-1]].value == found.loc[PAIR].value


def test_every_cell_says_its_interval(study):
    """It takes no draws, so that no study is too large for it."""
    table = tables.matrix_table(study, "made/en", 8, "ems")
    assert table.low.notna().all()
    assert "95%" in next(iter(cells(table, "EMS", 2).values())).say


def test_orders(study):
    table = tables.matrix_table(study, "made/en", 8, "ems")
    assert tables.order_languages(LANGS, "study", table) == list(LANGS)
    assert tables.order_languages(LANGS, "name", table) == ["ar", "zh", "en", "de", "hi", "es"]
    by_family = tables.order_languages(LANGS, "family", table)
    assert by_family.index("de") - by_family.index("en") == 1
    names = tables.order_languages(LANGS, "name", table)
    away = 1 - tables.grid(table, names)
    away = (away + away.T) / 2
    np.fill_diagonal(away, 0)
    near = squareform(away, checks=False)
    best = leaves_list(linkage(near, "average", optimal_ordering=True))
    assert tables.order_languages(LANGS, "clustering", table) == [names[at] for at in best]
    assert tables.cluster_languages(names, table[table.source != "ar"]) == names


def test_families(study):
    table = tables.matrix_table(study, "made/en", 8, "ems")
    own = table.set_index(["source", "target"]).value
    within, across = tables.within_families(table)
    assert within == pytest.approx(own.loc[("de", "en")])
    both = [("de", "en"), ("en", "de")]
    assert across == pytest.approx(own.drop(both).mean())
    assert tables.within_families(table[table.source == "ar"]) is None
    text = finding(table, "ems", "nli")
    assert text.startswith("EMS is highest for ")
    assert number(own.max()) in text
    empty = finding(table.iloc[:0], "ems", "nli")
    assert "choose another measure" in empty


def test_the_items_of_a_pair(study, rows):
    items = tables.pair_items(study, "made/en", 8, PAIR)
    assert len(items) == 48
    assert items.ems.is_monotonic_decreasing
    means = tables.pair_means(items)
    for name, mean in means.items():
        assert mean.value == pytest.approx(items[name].mean())
        wanted = clustered(items[name], items.group)
        assert (mean.low, mean.high) == pytest.approx(wanted)
    assert f"EMS is {number(means['ems'].value)} (95% " in pair_sentence(means)


def test_counts_of_the_histogram_are_all_items(study):
    items = tables.pair_items(study, "made/en", 8, PAIR)
    table = histogram_table(items, {"ems": "EMS", "ems_uniform": "embeddings only"})
    assert dict(table.groupby("measure")["items"].sum()) == {"EMS": 48, "embeddings only": 48}
    figure = histogram_chart(table, {"EMS": 0.5}, dark=True)
    assert [trace.name for trace in figure.data] == ["EMS", "embeddings only"]


def test_the_profile_is_the_mean_over_pairs(study):
    table = tables.layer_profile(study, "made/en").set_index(["measure", "layer"])
    pairs = study.query("SELECT * FROM pairs WHERE model = 'made/en'")
    for measure in tables.PROFILE:
        for layer in (4, 8):
            own = pairs[pairs.layer == layer]
            assert table.value[measure, layer] == pytest.approx(own[measure].mean())
            assert table.n[measure, layer] == len(own)
    shown = table.reset_index()
    assert "at layer 4 to" in profile_sentence(shown)
    alone = profile_sentence(shown[shown.layer == 8])
    for measure, called in {"ems": "EMS", "gain": "gain", "ems_uniform": "embeddings only"}.items():
        assert f"{called} {number(table.value[measure, 8])} (95% " in alone
    assert "95%" not in profile_sentence(shown[shown.layer == 8].assign(low=np.nan, high=np.nan))
    names = {name: name for name in tables.PROFILE}
    assert len(profile_chart(shown, names, 12, dark=False).data) == 3


def test_mexa_is_the_cards(study):
    card = find("e5-small").card
    table = tables.mexa_table(card, ("es", "zh", "en"))
    assert set(table.lang) == {"es", "zh"}
    own = table[(table.variant == "mexa") & (table.lang == "es")].sort_values("layer")
    assert list(own.value) == card["mexa"]["scores"]["es"]["mexa"]
    means = tables.mexa_means(table)
    assert set(means.variant) == set(tables.VARIANTS)
    assert "2 languages" in mexa_sentence(means)
    assert len(mexa_chart(means, tables.VARIANTS, 12, dark=True).data) == 3
    assert tables.mexa_table({}, ("es",)).empty


@pytest.mark.parametrize("measure", ["score", "ems"])
def test_training_languages_are_a_two_way_table(study, rows, measure):
    found = tables.training_table(study, 8, measure, MODELS)
    away = found.table[found.table.source != found.table.target]
    own = rows[rows.source_lang == rows.training_language]
    column = "target_score" if measure == "score" else measure
    wanted = own.groupby(["model", "target_lang"])[column].mean()
    for row in away.itertuples():
        assert row.value == pytest.approx(wanted[row.model, row.target])
    assert found.shares == two_way(away.value, list(away.source), list(away.target))
    assert found.items == 48
    assert len(found.table) == len(away) + (2 if measure == "score" else 0)


def test_only_items_that_every_model_has_are_compared(study):
    def some(query, parameters=()):
        return study.query(
            query.replace("FROM rows", "FROM (FROM rows WHERE NOT (model = 'made/es' AND item IN "
                          "(SELECT DISTINCT item FROM rows ORDER BY item LIMIT 8)))")
            .replace("FROM pairs WHERE model", "FROM (FROM pairs WHERE NOT (model = 'made/es' AND "
                     "item IN (SELECT DISTINCT item FROM pairs ORDER BY item LIMIT 8))) "
                     "WHERE model"),
            parameters,
        )  # fmt: skip

    assert tables.training_table(answering(study, some), 8, "ems", MODELS).items == 40


def test_a_model_below_the_majority_is_left_out(study):
    def poor(query, parameters=()):
        frame = study.query(query, parameters)
        if "avg(source_score) AS score" in query:
            frame = frame.assign(score=[0.1, 0.9])
        if "AS excess" in query:
            above = np.where(frame["model"] == "made/en", -0.2, 0.2)
            frame = frame.assign(excess=frame["n"] * above)
        return frame

    found = tables.training_table(answering(study, poor), 8, "score", MODELS)
    assert found.left_out == ("made/en",)
    assert set(found.table.model) == {"made/es"}
    assert found.shares is None
    assert "two rows" in found.problem


@pytest.fixture(scope="module")
def shipped():
    info = find(resources.FLOWS_OF)
    return [
        (item.id, item.group, result)
        for item in read_demo("nli")[:12]
        if (result := find_pair(info, item.sentences["en"], item.sentences["es"], Config()))
    ]


def test_flows_keep_the_mass(shipped):
    flows = tables.rank_flows(shipped)
    sums = flows.groupby("item")[["mass", "expected"]].sum()
    np.testing.assert_allclose(sums.to_numpy(), 1, atol=1e-6)
    for item, _, result in shipped[:3]:
        own = flows[flows.item == item]
        ranked = np.sort(result.source_mass)[::-1]
        sent = own.groupby("sent")["mass"].sum()
        assert sent["1st"] == pytest.approx(ranked[0])
        assert sent["4th to 6th"] == pytest.approx(ranked[3:6].sum())
        received = own.groupby("received")["mass"].sum()
        assert received["7th and on"] == pytest.approx(np.sort(result.target_mass)[::-1][6:].sum())
    share = tables.top_share(flows)
    assert share.low <= share.share <= share.high
    assert share.n == len(shipped)


def test_the_alluvial_picture_is_safe(shipped):
    means = tables.mean_flows(tables.rank_flows(shipped))
    text = flows_html(means, ("<i>", '"&'), tables.BINS, alt='a "b" <c>')
    assert "<i>" not in text
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in text
    assert text.count("clip-path") == int((means.mass > 0).sum())


def test_the_alluvial_picture_for_a_file_has_the_masses(shipped):
    means = tables.mean_flows(tables.rank_flows(shipped))
    drawn = ET.fromstring(flows_svg(means, ("<i>", '"&'), tables.BINS, alt="a <c>"))
    assert drawn.findtext(f"{SVG}title") == "a <c>"
    found = []
    for ribbon in drawn.iter(f"{SVG}polygon"):
        corners = [tuple(map(float, one.split(","))) for one in ribbon.get("points").split()]
        found.append(max(y for x, y in corners if x == corners[0][0]) - corners[0][1])
    shares = sorted(means.mass[means.mass > 0])
    np.testing.assert_allclose(np.sort(found) / sum(found), shares, atol=2e-3)


def contrast(one, other):
    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("kind", ["similarity", "mass"])
@pytest.mark.parametrize("signed", [True, False])
def test_every_number_can_be_read_on_its_colour(kind, signed):
    shades = shades_of([-1.0, 1.0] if signed else [0.0, 1.0], kind, signed=signed)
    for value in np.linspace(-1 if signed else 0, 1, 101):
        for fill, ink in zip(shades.fill(value), shades.ink(value), strict=True):
            assert contrast(fill, ink) >= 4.5


def test_scales_of_few_values():
    assert shades_of([]).fill(0.0)
    assert shades_of([0.5]).fill(0.5)
    both = shades_of([-0.2, 0.1])
    assert (both.low, both.high) == (-0.2, 0.2)


def test_a_matrix_as_its_script_reads_it():
    heads = [Head("a", "<b>A</b>", "a", "one"), Head("b", "B")]
    drawn = Matrix(
        "label", heads, heads, {("a", "b"): MatrixCell(-0.5, "−0.50", "A and B")}, "gain",
        scale="signed", marked=frozenset([("a", "b")]),
    )  # fmt: skip
    found = payload(drawn, chosen=("a", "b"))
    assert found["cells"][0][0] is None
    cell = found["cells"][0][1]
    assert (cell["text"], cell["chosen"], cell["marked"]) == ("−0.50", True, True)
    assert found["legend"]["ends"] == ["−0.50", "0.50"]
    assert found["rows"][0] == {"key": "a", "name": "<b>A</b>", "short": "a", "group": "one"}


@pytest.fixture
def page(study_page):
    return study_page("languages")


def test_the_page_shows_the_statistics(page, study):
    app = clean(page(target="zh"))
    text = html_of(app)
    assert finding(tables.matrix_table(study, "made/en", 8, "ems"), "ems", "nli") in text
    means = tables.pair_means(tables.pair_items(study, "made/en", 8, PAIR))
    assert pair_sentence(means) in text
    assert "English and Chinese, item by item" in text
    assert "the training language explains" in text
    assert "heaviest Arabic word" in text
    assert not said(app)


@pytest.mark.parametrize("measure", ["score", "z", "agreement", "calibrated"])
@pytest.mark.parametrize("order", ["clustering", "study"])
def test_every_measure_and_order_opens(page, measure, order):
    app = clean(page(measure=measure, order=order, read="gain"))
    assert not said(app)
    assert app.query_params["measure"] == measure


def test_choosing_another_pair_moves_the_address(page):
    app = clean(page())
    clean(app.selectbox(key="languages_target_input").select("hi").run())
    assert app.query_params["target"] == "hi"
    assert "English and Hindi, item by item" in html_of(app)


def test_the_ranking_is_made_when_it_is_opened(page):
    app = clean(page())
    assert "these checkpoints" not in html_of(app)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"study": "<script>"}, "study="),
        ({"model": "made/xx"}, "made/xx"),
        ({"measure": "accuracy"}, "measure="),
        ({"order": "1"}, "order="),
        ({"source": "en", "target": "en"}, "can't be compared with itself"),
        ({"source": "xx"}, "source="),
        ({"read": "p_value"}, "read="),
        ({"flow": "xx"}, "flow="),
    ],
)
def test_a_damaged_address_gives_a_notice_and_the_default(page, query, word):
    assert word.casefold() in said(clean(page(**query))).casefold()


def test_without_a_study_the_flows_are_still_there(page, monkeypatch):
    monkeypatch.setattr(resources, "studies", list)
    app = clean(page())
    assert "Start one on the page Studies" in said(app)
    assert "heaviest Arabic word" in html_of(app)


def test_a_part_that_cant_be_read_is_one_line(page, monkeypatch):
    def fails(*_):
        raise CctaError("a part of the study made can't be read; resume measures it again")

    monkeypatch.setattr(resources, "computed", fails)
    app = clean(page())
    assert said(app).count("resume measures it again") == 1


def test_texts_that_are_not_here_leave_the_ids(page, monkeypatch):
    def fails(*_):
        raise CctaError("the texts of the study made are not here")

    monkeypatch.setattr(resources, "texts", fails)
    app = clean(page())
    assert "Items by id" in html_of(app)
    assert any(button.key and button.key.startswith("languages_item_") for button in app.button)


def test_a_study_of_one_model_has_no_training_languages(page, study_cache):
    made_study(study_cache / "studies", name="one", trained=("en",), items=12)
    app = clean(page(study="one"))
    assert "Training language against" not in html_of(app)


# Where the sentences are ---------------------------------------------------------------------


def made_places(wanted):
    draw = np.random.default_rng(0)
    pairs = (PairPlaces(draw.normal(size=(4, 2)), draw.normal(size=(5, 2))) for _ in wanted.pairs)
    return Places(PlaneFacts("centered", 7, 6521, 14, (0.13, 0.07)), tuple(pairs), 0.16)


def test_the_placed_items_reach_from_the_highest_to_the_lowest_ems(study):
    items = tables.pair_items(study, "made/en", 8, PAIR)
    assert placed_items(items) == list(items["item"])
    many = pd.DataFrame({"item": [f"i{n}" for n in range(1000)]})
    placed = placed_items(many)
    assert len(placed) == len(set(placed)) == MOST_ITEMS
    assert (placed[0], placed[-1]) == ("i0", "i999")
    gaps = np.diff([int(item[1:]) for item in placed])
    assert set(gaps) <= {16, 17}


def test_a_sentence_lies_at_the_mean_of_its_words_with_its_items_ems(study):
    items = tables.pair_items(study, "made/en", 8, PAIR)
    ids = placed_items(items)[:7]
    examples = {example.id: example for example in read_demo("nli")}
    wanted = PlacesOf(find("e5-small/nli-en"), tuple((None, None) for _ in ids), Config())
    places = made_places(wanted)
    table = sentences_table(places, ids, items, examples, PAIR)
    ems = items.set_index("item")["ems"]
    for n, (item, pair) in enumerate(zip(ids, places.pairs, strict=True)):
        rows = table.iloc[2 * n : 2 * n + 2]
        assert list(rows["item"]) == [item] * 2
        assert list(rows["lang"]) == list(PAIR)
        assert list(rows["ems"]) == [ems[item]] * 2
        assert rows[["x", "y"]].to_numpy() == pytest.approx(
            np.stack([pair.source.mean(0), pair.target.mean(0)])
        )
        assert examples[item].sentences["zh"].text2 in rows["text"].iloc[1]
    sides = [table[table["side"] == side] for side in (0, 1)]
    nearest = 0
    for own in sides[0].itertuples():
        away = {t.item: (t.x - own.x) ** 2 + (t.y - own.y) ** 2 for t in sides[1].itertuples()}
        nearest += min(away, key=away.get) == own.item
    assert nearest_translations(table) == nearest
    figure = sentences_chart(table, (0.13, 0.07), ("English", "Chinese"), ids[:2], dark=True)
    lines, *points = figure.data
    assert len(lines.x) == 3 * len(ids)
    for side, drawn in zip(sides, points, strict=True):
        assert [item for (item,) in drawn.customdata] == ids
        assert list(drawn.marker.line.width) == [2.5, 2.5, *[1] * (len(ids) - 2)]
        opacity = [float(colour.rpartition(",")[2][:-1]) for colour in drawn.marker.color]
        assert np.argmax(opacity) == np.argmax(side["ems"].to_numpy())
        assert np.argmin(opacity) == np.argmin(side["ems"].to_numpy())


def test_sentences_are_read_on_request(page, monkeypatch):
    asked = []
    engine = Engine(
        load=lambda info: info,
        compare=lambda model, request, stop: None,
        further={PlacesOf: lambda model, wanted, *_: asked.append(wanted) or made_places(wanted)},
    )
    monkeypatch.setattr(resources, "engine", lambda: engine)
    app = clean(page(target="zh"))
    app.session_state["languages_sentences_input"] = True
    app = clean(app.run())
    assert "The sentences can't be read here" in said(app)  # a made-up model is not here
    monkeypatch.setattr(
        "dashboard.views.languages.sentences.find",
        lambda name: replace(find("e5-small/nli-en"), id=name),
    )
    app = clean(app.run())
    assert "A study keeps no vectors" in html_of(app)
    assert not asked, "nothing is computed before it is asked for"
    app = clean(app.button(key="languages_sentences_go_input").click().run())
    for _ in range(50):
        if "A fixed projection" in html_of(app):
            break
        app = clean(app.run())
    (wanted,) = asked
    assert {(source.lang, target.lang) for source, target in wanted.pairs} == {PAIR}
    assert "the nearest Chinese sentence is the translation for" in html_of(app)
    assert "the selection stays on every page of the study" in html_of(app)
