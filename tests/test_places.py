"""Where words lie: one plane whatever is shown on it, coordinates and neighbours by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file

from ccta_core.config import Config, cache_root
from ccta_core.corpus.demo import read_demo
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.identity import MEANS
from ccta_core.permissions import NO_TEXTS
from ccta_core.pipeline import compare
from ccta_core.projection import measure
from ccta_core.projection.measure import fixed_plane, measure_places, measure_places_cached
from ccta_core.projection.places import (
    FOLDER,
    PairPlaces,
    Places,
    PlacesOf,
    PlaneFacts,
    find_places,
    keep_places,
)
from ccta_core.projection.plane import Plane
from ccta_core.types import Sentence
from dashboard.engine import Engine
from dashboard.plane import label_places
from dashboard.session import widget_key
from dashboard.views.pair.place_charts import MOST_NAMED, words_chart
from dashboard.views.pair.place_tables import drawn_links, places_sentence, words_table
from tests.heads import tiny
from tests.made_pair import SIDES, clean, html_of, make_result, opener, request_of, said

QUICK = Config(shuffles=0, unrelated=0, method="input_x_gradient")
EN = Sentence("The ferry is late today.", "en", "Rain fell.")
ES = Sentence("El barco llega tarde.", "es", "Llueve.")
AR = Sentence("تأخرت العبّارة اليوم.", "ar", "هطل المطر.")
LAYER = 2


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model with the means of every language but Arabic: two spaces are in use."""
    model = tiny("paraphrase")
    folder = tmp_path_factory.mktemp("model")
    draw = np.random.default_rng(0)
    langs = [lang for lang in read_demo("paraphrase")[0].sentences if lang != "ar"]
    means = {lang: draw.normal(size=(4, 16)).astype(np.float16) for lang in langs}
    save_file(means, folder / MEANS)
    model.info = replace(model.info, folder=folder)
    model.means = {lang: mean.astype(np.float32) for lang, mean in means.items()}
    return model


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """A process that has fitted no plane yet."""
    monkeypatch.setattr(measure, "_remembered", type(measure._remembered)())


def unit_vectors(model, sentence, *, centred=True):
    """By the model library alone: mean states of a word's pieces less the mean, of length 1."""
    encoded = model.encode(sentence)
    with torch.inference_mode():
        states = model.hf_model(encoded.ids[None], output_hidden_states=True).hidden_states
    states = states[LAYER][0].numpy().astype(np.float64)
    members = [list(group) for part in encoded.maps for group in part.members]
    words = np.stack([states[group].mean(0) for group in members])
    words = words - (model.means[sentence.lang][LAYER] if centred else 0)
    return words / np.linalg.norm(words, axis=1, keepdims=True)


def principal_axes(vectors):
    """The two directions of the largest variance, by the covariance matrix's eigenvectors."""
    values, axes = np.linalg.eigh(np.cov(vectors.T))
    top = axes[:, [-1, -2]].T
    signs = np.sign(top[[0, 1], np.abs(top).argmax(1)])
    return top * signs[:, None], values[[-1, -2]] / values.sum()


def test_a_plane_is_the_largest_variance_and_has_a_sign():
    vectors = np.random.default_rng(1).normal(size=(50, 5)) * [1, 9, 2, 5, 1]
    plane = Plane.fit(vectors).turned()
    axes, shares = principal_axes(vectors)
    assert plane.axes == pytest.approx(axes)
    assert plane.explained == pytest.approx(shares)
    assert plane.share(vectors) == pytest.approx(shares.sum())
    mirrored = Plane(plane.mean, -plane.axes, plane.explained)
    assert mirrored.turned().axes == pytest.approx(plane.axes)
    with pytest.raises(ValueError, match="three or more"):
        Plane.fit(vectors[:2])
    with pytest.raises(ValueError, match="no variance"):
        Plane.fit(np.ones((4, 3)))


def test_words_lie_where_an_independent_computation_puts_them(model):
    """The first item of every group, in the languages that have a mean, decides the plane."""
    demo, seen = [], set()
    for item in read_demo("paraphrase"):
        if item.group not in seen:
            seen.add(item.group)
            demo += [side for lang, side in item.sentences.items() if lang != "ar"]
    words = np.concatenate([unit_vectors(model, side) for side in demo])
    axes, shares = principal_axes(words)
    places = measure_places(model, PlacesOf(model.info, ((EN, ES),), QUICK))
    assert places.plane == PlaneFacts(
        "centered", LAYER, len(words), 13, pytest.approx(tuple(shares), abs=1e-5)
    )
    for sentence, found in ((EN, places.pairs[0].source), (ES, places.pairs[0].target)):
        expected = (unit_vectors(model, sentence) - words.mean(0)) @ axes.T
        assert found == pytest.approx(expected, abs=1e-4)
    assert places.pairs[0].sentences[0] == pytest.approx(places.pairs[0].source.mean(0))


def test_the_plane_is_fixed(model, monkeypatch):
    """The same word has the same place whatever it is compared with, and in another process."""
    first = measure_places(model, PlacesOf(model.info, ((EN, ES),), QUICK))
    itself = measure_places(model, PlacesOf(model.info, ((ES, EN), (ES, EN)), QUICK))
    assert itself.pairs[1].target == pytest.approx(first.pairs[0].source, abs=1e-5)
    # Arabic has no mean: both sides are compared as they are, on that space's own plane.
    plain = measure_places(model, PlacesOf(model.info, ((EN, AR),), QUICK))
    assert (plain.plane.space, plain.plane.languages) == ("none", 14)
    assert plain.pairs[0].source != pytest.approx(first.pairs[0].source, abs=1e-3)
    monkeypatch.setattr(measure, "_remembered", type(measure._remembered)())
    monkeypatch.setattr(measure, "_fit", lambda *_: pytest.fail("the plane was fitted again"))
    again = measure_places(model, PlacesOf(model.info, ((EN, ES),), QUICK))
    assert again.pairs[0].source == pytest.approx(first.pairs[0].source, abs=1e-12)
    assert again.plane == first.plane


def test_a_damaged_plane_is_fitted_again(model):
    fitted = fixed_plane(model, LAYER, "none")
    for path in (cache_root() / FOLDER).rglob("*.gz"):
        path.write_bytes(b"none")
    measure._remembered.clear()
    assert not list((cache_root() / FOLDER).rglob("*.damaged"))
    assert fixed_plane(model, LAYER, "none").plane.axes == pytest.approx(fitted.plane.axes)
    assert list((cache_root() / FOLDER).rglob("*.damaged"))


def test_the_nearest_word_is_the_one_of_a_full_search(model):
    result = compare(model, EN, ES, QUICK)
    places = measure_places(model, PlacesOf(model.info, ((EN, ES),), QUICK))
    table = words_table(result, places.pairs[0])
    vectors = [unit_vectors(model, side) for side in (EN, ES)]
    units = [result.source.units, result.target.units]
    assert len(table) == len(units[0]) + len(units[1])
    for row in table.itertuples():
        own, other = vectors[row.side][row.position], vectors[1 - row.side]
        cosines = [float(own @ each) for each in other]
        assert row.cosine == pytest.approx(max(cosines), abs=1e-5)
        assert row.nearest == units[1 - row.side][int(np.argmax(cosines))].text
        assert row.word == units[row.side][row.position].text
    assert table["mass"].to_numpy() == pytest.approx([*result.source_mass, *result.target_mass])
    assert table[["x", "y"]].to_numpy() == pytest.approx(
        np.concatenate([places.pairs[0].source, places.pairs[0].target])
    )


def test_what_cannot_be_placed_is_one_line(model):
    for pairs, expected in (
        ((), "there is no pair"),
        (((EN, ES), (EN, AR)), "two spaces"),
        (((EN, Sentence("Sí.", "es")),), "second text on both sides"),
    ):
        with pytest.raises(CctaError, match=expected):
            measure_places(model, PlacesOf(model.info, pairs, QUICK))
    with pytest.raises(StoppedError):
        measure_places(model, PlacesOf(model.info, ((EN, ES),), QUICK), lambda: True)


def test_places_are_kept_by_what_moves_a_word(model, monkeypatch):
    wanted = PlacesOf(model.info, ((EN, ES),), QUICK)
    assert find_places(wanted) is None
    places = measure_places_cached(model, wanted)
    kept = find_places(replace(wanted, config=replace(QUICK, layer=1, shuffles=7, mass="positive")))
    assert kept.payload() == places.payload()
    for other in (
        replace(wanted, config=replace(QUICK, align_layer=1)),
        replace(wanted, config=replace(QUICK, space="none")),
        replace(wanted, pairs=((ES, EN),)),
    ):
        assert find_places(other) is None
    monkeypatch.setenv(NO_TEXTS, "1")
    typed = replace(wanted, pairs=((replace(EN, text="Typed."), ES),))
    measure_places_cached(model, typed)
    assert find_places(typed) is None


RESULT = make_result(request_of())
COUNTS = [len(side.units) for side in (RESULT.source, RESULT.target)]
PLACES = Places(
    PlaneFacts("centered", 8, 6521, 14, (0.13, 0.07)),
    (PairPlaces(*(np.random.default_rng(n).normal(size=(n, 2)) for n in COUNTS)),),
    0.16,
)


def test_the_picture_has_every_word_and_the_largest_flows():
    table = words_table(RESULT, PLACES.pairs[0])
    links = drawn_links(RESULT)
    figure = words_chart(table, links, (0.13, 0.07), ("English", "Spanish"), dark=False)
    lines, *sides = figure.data
    assert len(lines.x) == 3 * len(links) > 0
    for side, points in enumerate(sides):
        rows = table[table["side"] == side]
        assert points.x == pytest.approx(rows["x"].to_numpy())
        assert points.marker.size == pytest.approx(
            np.maximum(26 * np.sqrt(rows["mass"] / table["mass"].max()), 5)
        )
        for row, text in zip(rows.itertuples(), points.hovertext, strict=True):
            assert row.word in text
            assert f"word {row.nearest}, cosine" in text
    assert sorted(label.text for label in figure.layout.annotations) == sorted(table["word"])
    assert figure.layout.xaxis.title.text == "first component, 13% of the variance"


def test_of_a_long_text_the_heaviest_words_are_named():
    side = np.random.default_rng(0).normal(size=(60, 2))
    rows = words_table(RESULT, PLACES.pairs[0]).iloc[[0] * 60].assign(x=side[:, 0], y=side[:, 1])
    rows = rows.assign(mass=np.arange(60) / 60, word=[f"<b>{n}" for n in range(60)])
    other = words_table(RESULT, PLACES.pairs[0]).query("side == 1").assign(mass=0.0)
    figure = words_chart(
        pd.concat([rows, other]), [], (0.1, 0.1), ("English", "Spanish"), dark=True
    )
    named = {label.text for label in figure.layout.annotations}
    assert named == {f"&lt;b&gt;{n}" for n in range(60 - MOST_NAMED, 60)}


def test_a_label_keeps_off_marks_without_one():
    frame = (0.0, 0.0, 400.0, 300.0)
    (alone,) = label_places([(100, 100)], [40.0], 15.0, frame)
    beside = [(100 + alone[0], 100 + alone[1])]
    (moved,) = label_places([(100, 100)], [40.0], 15.0, frame, beside)
    assert moved != alone


def test_the_finding_counts_words_whose_largest_flow_goes_to_the_nearest():
    table = words_table(RESULT, PLACES.pairs[0])
    table["nearest_position"] = table["most_to_position"]
    n, m = COUNTS
    assert f"of {n} of {n} English words and of {m} of {m} Spanish words." in places_sentence(table)
    table["nearest_position"] += 1
    assert f"of 0 of {n} English words and of 0 of {m}" in places_sentence(table)


def open_section(monkeypatch, places):
    engine = Engine(
        load=lambda info: info,
        compare=lambda model, request, stop: None,
        further={PlacesOf: lambda model, wanted, stop, early: places(model, wanted, stop)},
    )
    app = clean(opener(monkeypatch)(engine=engine))
    assert "A fixed projection" not in html_of(app)
    app.session_state[widget_key("pair", "places")] = True
    return clean(app.run())


def test_the_section_is_computed_when_it_is_opened(monkeypatch):
    asked = []
    app = open_section(monkeypatch, lambda model, wanted, stop: asked.append(wanted) or PLACES)
    for _ in range(50):
        if "A fixed projection" in html_of(clean(app.run())):
            break
    (wanted,) = asked
    assert wanted.pairs == (SIDES,)
    text = html_of(app)
    assert "It keeps 20% of their variance, 16% of that of the words here" in text
    assert "are not the costs of transport" in text
    assert '<bdi lang="es">' in text
    keep_places(PLACES, wanted)
    assert find_places(wanted).plane == PLACES.plane


def test_why_there_is_no_picture_is_said(monkeypatch):
    def refuse(model, wanted, stop):
        raise CctaError("the demo corpus has nothing for the task")

    app = open_section(monkeypatch, refuse)
    for _ in range(50):
        if "has nothing" in said(clean(app.run())):
            break
    assert "The demo corpus has nothing for the task" in said(app)
