"""Procrustes maps: orthogonal, shrunk towards identity, kept on disk, said aloud where missing."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from ccta_core.corpus.demo import read_demo
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.models.catalog import ModelInfo, find
from ccta_core.space.maps import MEANS_FILE, into_space, pair_similarities, similarities
from ccta_core.space.procrustes import (
    PIVOT,
    PROCRUSTES_FILE,
    ProcrustesMaps,
    procrustes_maps,
    rotation,
    write_maps,
)
from ccta_core.training.card import revision
from research.space.fit_procrustes import add_to_card, crosses, maps_of
from research.space.scores import FIT, HELD_OUT

MODEL = "e5-small/nli-en"
WIDTH, LAYER = 6, 1


def cross(x, y):
    """Sum y x' over rows."""
    return y.T @ x


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 40), st.floats(0, 100), st.integers(0, 2**16))
def test_every_map_is_orthogonal(width, rows, shrinkage, seed):
    draw = np.random.default_rng(seed)
    found = rotation(cross(*draw.normal(size=(2, rows, width))), shrinkage).astype(np.float32)
    np.testing.assert_allclose(found @ found.T, np.eye(width), atol=1e-5)


def test_without_shrinkage_it_is_scipys():
    x, y = np.random.default_rng(1).normal(size=(2, 50, 7))
    expected, _ = orthogonal_procrustes(x, y)  # x R ~ y, rows
    np.testing.assert_allclose(rotation(cross(x, y)), expected.T, atol=1e-10)


def test_it_recovers_a_rotation():
    draw = np.random.default_rng(2)
    turn = ortho_group.rvs(8, random_state=3)
    x = draw.normal(size=(60, 8))
    np.testing.assert_allclose(rotation(cross(x, x @ turn.T)), turn, atol=1e-10)
    noisy = rotation(cross(x, x @ turn.T + 0.05 * draw.normal(size=x.shape)))
    np.testing.assert_allclose(noisy, turn, atol=0.05)


def test_shrinkage_leads_to_the_identity():
    x, y = np.random.default_rng(4).normal(size=(2, 30, 5))
    far = [np.linalg.norm(rotation(cross(x, y), k) - np.eye(5)) for k in (0, 1, 10, 1e3, 1e9)]
    assert far == sorted(far, reverse=True)
    np.testing.assert_allclose(rotation(cross(x, y), 1e9), np.eye(5), atol=1e-7)
    assert (rotation(cross(x, y), np.inf) == np.eye(5)).all()
    for wrong in (-1.0, np.nan):
        with pytest.raises(ValueError, match="expected a number from 0"):
            rotation(np.eye(2), wrong)


@pytest.mark.parametrize("shrinkage", [0.0, 0.5])
def test_no_other_rotation_does_better(shrinkage):
    """It minimises sum |W x - y|^2 + k |W - I|^2."""
    draw = np.random.default_rng(5)
    x, y = draw.normal(size=(2, 20, 4))
    found = rotation(cross(x, y), shrinkage)
    k = shrinkage * np.linalg.svd(cross(x, y), compute_uv=False).mean()

    def loss(w):
        return ((x @ w.T - y) ** 2).sum() + k * ((w - np.eye(4)) ** 2).sum()

    others = ortho_group.rvs(4, size=300, random_state=6)
    assert all(loss(found) <= loss(other) + 1e-9 for other in others)


def test_maps_are_fitted_on_linked_units_of_the_first_sentences_only():
    draw = np.random.default_rng(7)
    turn = ortho_group.rvs(WIDTH, random_state=8)
    pivot = [draw.normal(size=(4, WIDTH)) for _ in range(HELD_OUT.stop)]
    # A small turn, so that a unit's nearest neighbour is its own image.
    small = rotation(turn + 12 * np.eye(WIDTH))
    turned = [states @ small for states in pivot]
    held_out = [draw.normal(size=(4, WIDTH)) for _ in range(HELD_OUT.stop - FIT.stop)]
    sums = crosses({PIVOT: pivot, "es": turned[FIT] + held_out})
    assert sums["es"].links > 3.5 * FIT.stop
    found = maps_of(sums, 0.0, LAYER)
    np.testing.assert_allclose(found.maps["es"], small, atol=0.02)
    assert found.facts["links"] == {"es": sums["es"].links}


@pytest.fixture
def info(tmp_path):
    """A model of width 6 with means for four languages and maps for two of them and English."""
    draw = np.random.default_rng(9)
    means = {lang: draw.normal(size=(3, WIDTH)).astype(np.float16) for lang in ("en", "es", "de")}
    save_file(means | {"zh": means["en"]}, tmp_path / MEANS_FILE)
    maps = {lang: ortho_group.rvs(WIDTH, random_state=n) for n, lang in enumerate(["es", "zh"])}
    write_maps(ProcrustesMaps(LAYER, maps, {"shrinkage": 0.5}), tmp_path)
    return ModelInfo("own/test", "nli", "en", (), (), LAYER, "r", folder=tmp_path)


def units(seed, n=4):
    return np.random.default_rng(seed).normal(size=(n, WIDTH))


def test_maps_come_back_from_disk(info):
    found = procrustes_maps(info.folder)
    assert found.layer == LAYER
    assert found.facts == {"shrinkage": 0.5}
    assert set(found.maps) == {"es", "zh"}
    assert all(lang in found for lang in ("en", "es", "zh"))
    assert "de" not in found
    exact = ortho_group.rvs(WIDTH, random_state=0)
    np.testing.assert_allclose(found.maps["es"], exact, atol=1e-3)
    assert procrustes_maps(None) is None


def test_the_same_maps_are_the_same_file(info, tmp_path):
    path = info.folder / PROCRUSTES_FILE
    before = path.read_bytes()
    maps = {lang: ortho_group.rvs(WIDTH, random_state=n) for n, lang in enumerate(["es", "zh"])}
    write_maps(ProcrustesMaps(LAYER, maps, {"shrinkage": 0.5}), tmp_path)
    assert path.read_bytes() == before


def test_a_damaged_file_is_named(info):
    (info.folder / PROCRUSTES_FILE).write_bytes(b"nothing of the kind")
    with pytest.raises(DamagedFileError, match=PROCRUSTES_FILE) as caught:
        procrustes_maps(info.folder)
    assert "\n" not in str(caught.value)


def test_a_language_is_turned_towards_the_pivot(info):
    """States that are the pivot's turned back are found again, unit by unit."""
    maps = procrustes_maps(info.folder)
    english = units(1)
    means = {
        lang: into_space(info, LAYER, lang, np.zeros((1, WIDTH)), "centered")
        for lang in ["en", "es"]
    }
    spanish = (english + means["en"]) @ maps.maps["es"] - means["es"]
    found = similarities(info, LAYER, (("en", english), ("es", spanish)), "procrustes")
    assert found.name == "procrustes"
    assert found.notice is None
    np.testing.assert_allclose(np.diag(found.similarity), 1, atol=1e-3)
    centred = similarities(info, LAYER, (("en", english), ("es", spanish)), "centered")
    assert np.diag(centred.similarity).mean() < 0.9


@pytest.mark.parametrize(
    ("pair", "layer", "name", "words"),
    [
        (("en", "de"), LAYER, "centered", "No Procrustes map for de"),
        (("de", "es"), LAYER, "centered", "No Procrustes map for de"),
        (("en", "es"), 2, "centered", "belong to layer 1, not 2"),
        (("en", "fr"), LAYER, "none", "No language mean for fr"),
    ],
)
def test_what_is_missing_is_said_aloud(info, pair, layer, name, words):
    sides = tuple((lang, units(n)) for n, lang in enumerate(pair))
    found = similarities(info, layer, sides, "procrustes")
    assert found.name == name
    assert words in found.notice
    assert found.notice.count(".") - found.notice.count(".safetensors") == 1
    plain = similarities(info, layer, sides, name)
    np.testing.assert_array_equal(found.similarity, plain.similarity)


def test_a_model_without_maps_says_so(info):
    (info.folder / PROCRUSTES_FILE).unlink()
    found = similarities(info, LAYER, (("en", units(1)), ("es", units(2))), "procrustes")
    assert found.name == "centered"
    assert "No Procrustes maps (procrustes.safetensors) are stored with own/test" in found.notice
    with pytest.raises(CctaError, match="fit them first"):
        into_space(info, LAYER, "es", units(1), "procrustes")


@pytest.mark.parametrize("space", ["none", "centered", "procrustes"])
def test_all_pairs_of_an_item_are_each_pair_alone(info, space):
    embeddings = {lang: units(n, n + 2) for n, lang in enumerate(["en", "es", "de", "zh", "fr"])}
    found = pair_similarities(info, LAYER, embeddings, space)
    assert len(found) == 10
    for (a, b), one in found.items():
        alone = similarities(info, LAYER, ((a, embeddings[a]), (b, embeddings[b])), space)
        assert (one.name, one.notice) == (alone.name, alone.notice)
        np.testing.assert_array_equal(one.similarity, alone.similarity)


def test_the_card_follows_the_maps_and_the_revision_stays(info):
    card = find(MODEL).card
    (info.folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    add_to_card(info.folder, procrustes_maps(info.folder))
    after = json.loads((info.folder / "card.json").read_text("utf-8"))
    assert after["procrustes"] == {"layer": LAYER, "shrinkage": 0.5}
    assert after["sha256"][PROCRUSTES_FILE] != card["sha256"].get(PROCRUSTES_FILE)
    assert revision(after) == revision(card) == card["revision"]


def test_the_shipped_maps_are_of_the_demos_languages_and_nearly_orthogonal():
    shipped = find(MODEL)
    found = procrustes_maps(shipped.folder)
    langs = {lang for item in read_demo("nli") for lang in item.sentences}
    assert set(found.maps) | {PIVOT} == langs
    assert found.layer == shipped.align_layer
    assert (shipped.folder / PROCRUSTES_FILE).stat().st_size < 4e6
    assert shipped.card["procrustes"]["links"] == found.facts["links"]
    scores = {k: one["words"] for k, one in found.facts["development"].items() if k != "inf"}
    assert f"{found.facts['shrinkage']:g}" == max(scores, key=scores.get)
    for matrix in found.maps.values():
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=2e-3)  # float16
