"""Retrieval scores against loops in exact arithmetic; vectors of every layer; the card."""

import json
from fractions import Fraction

import families
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ccta_core.corpus.formats.flores import FLORES_CODES
from ccta_core.errors import CctaError
from ccta_core.evaluation import retrieval
from ccta_core.evaluation.retrieval import (
    accuracy_at_1,
    layer_vectors,
    mexa,
    ranks,
)
from ccta_core.languages import language
from ccta_core.models import embedded
from ccta_core.models.catalog import BACKBONE, SHIPPED
from ccta_core.models.load import load_backbone, load_model
from research.zoo.retrieval import TATOEBA_CODES, read_tatoeba, tatoeba_scores

LAYERS = 13


def vectors(rows):
    whole = hnp.arrays(np.int64, (rows, 3), elements=st.integers(-3, 3))
    return whole.filter(lambda found: found.any(1).all())


@st.composite
def sides(draw, least=1, extra=3):
    """Queries and a pool in small whole numbers: ties are exact and frequent."""
    count = draw(st.integers(least, 6))
    return draw(vectors(count)), draw(vectors(count + draw(st.integers(0, extra))))


def exact(x, y):
    """A fraction that grows with the cosine of two vectors of whole numbers."""
    dot = int(x @ y)
    return Fraction(dot * abs(dot), int(x @ x) * int(y @ y))


def rank_by_loop(queries, pool, at):
    own = exact(queries[at], pool[at])
    before = 0
    for place, row in enumerate(pool):
        other = exact(queries[at], row)
        before += other > own or (other == own and place < at)
    return 1 + before


@settings(max_examples=80, deadline=None)
@given(sides())
def test_ranks_and_what_comes_of_them_are_a_loops(pair):
    queries, pool = pair
    expected = [rank_by_loop(queries, pool, at) for at in range(len(queries))]
    assert ranks(queries, pool).tolist() == expected
    assert accuracy_at_1(queries, pool) == np.mean([rank == 1 for rank in expected])


@settings(max_examples=80, deadline=None)
@given(sides(least=2, extra=0))
def test_mexa_is_a_loops(pair):
    queries, pool = pair
    count = len(queries)
    beaten = 0
    for at in range(count):
        own = exact(queries[at], pool[at])
        others = [place for place in range(count) if place != at]
        beaten += all(own > exact(queries[at], pool[place]) for place in others) and all(
            own > exact(queries[place], pool[at]) for place in others
        )
    found = mexa(queries, pool)
    assert found == pytest.approx(beaten / count)
    assert found == mexa(pool, queries)
    assert found <= min(accuracy_at_1(queries, pool), accuracy_at_1(pool, queries))


@settings(max_examples=80, deadline=None)
@given(sides(), st.integers(1, 12))
def test_ranks_by_csls_are_a_loops(pair, neighbours):
    queries, pool = pair
    cosine = np.array(
        [[x @ y / np.sqrt((x @ x) * (y @ y)) for y in pool] for x in queries], np.float64
    )
    expected = np.empty_like(cosine)
    for at, row in enumerate(cosine):
        for place, value in enumerate(row):
            near = np.mean(sorted(row)[-neighbours:])
            far = np.mean(sorted(cosine[:, place])[-neighbours:])
            expected[at, place] = 2 * value - near - far
    own = expected[np.arange(len(queries)), np.arange(len(queries))]
    clear = [at for at, row in enumerate(expected) if np.sum(np.abs(row - own[at]) < 1e-6) == 1]
    by_matrix = 1 + (expected > own[:, None]).sum(1)
    assert ranks(queries, pool, neighbours=neighbours)[clear].tolist() == by_matrix[clear].tolist()


@settings(max_examples=80, deadline=None)
@given(sides(least=2, extra=0), st.integers(2, 4))
def test_scores_do_not_depend_on_lengths_nor_on_the_blocks(pair, block):
    queries, pool = pair
    scales = np.arange(1, len(pool) + 1)[:, None] / 7
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "_BLOCK", block)
        assert ranks(queries * scales, pool).tolist() == ranks(queries, pool).tolist()
        in_blocks = mexa(queries, pool * scales), ranks(queries, pool, neighbours=10).tolist()
    assert in_blocks == (mexa(queries, pool), ranks(queries, pool, neighbours=10).tolist())


def test_the_same_sentences_find_themselves_and_equal_ones_only_once():
    own = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    assert accuracy_at_1(own, own) == mexa(own, own) == 1
    assert accuracy_at_1(own, own, neighbours=10) == 1
    collapsed = np.ones((50, 8), np.float32)
    assert accuracy_at_1(collapsed, collapsed) == 1 / 50
    assert mexa(collapsed, collapsed) == 0


def test_csls_helps_against_a_hub():
    """A row of the pool that is near to everything is found less often."""
    draw = np.random.default_rng(1)
    queries = draw.normal(size=(60, 6)) + 0.8
    pool = np.concatenate([queries + draw.normal(size=queries.shape), np.ones((1, 6))])
    assert accuracy_at_1(queries, pool, neighbours=10) > accuracy_at_1(queries, pool)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda: ranks(np.ones((3, 2)), np.ones((2, 2))), "the pool has 2"),
        (lambda: accuracy_at_1(np.zeros((1, 2)), np.ones((2, 2))), "no direction"),
        (lambda: accuracy_at_1(np.full((1, 2), np.nan), np.ones((2, 2))), "no direction"),
        (lambda: ranks(np.ones(3), np.ones(3)), "shape"),
        (lambda: ranks(np.ones((1, 2)), np.ones((1, 2)), neighbours=0), "1 neighbour"),
        (lambda: mexa(np.ones((1, 2)), np.ones((1, 2))), "two or more"),
        (lambda: mexa(np.ones((3, 2)), np.ones((2, 2))), "3 and 2"),
        (lambda: layer_vectors(None, None, []), "at least one text"),
    ],
)
def test_what_is_refused(score, message):
    with pytest.raises(CctaError, match=message):
        score()


@pytest.mark.parametrize("family", ["bert", "xlm-r", "modernbert", "xlm"])
def test_every_layer_is_the_mean_of_its_states(tmp_path, monkeypatch, family):
    """Whatever shares the batch; with a head or without; equal texts get equal vectors."""
    model = load_model(str(families.build(tmp_path, family, "classification")))
    encoder, tokenizer = model.hf_model, model.tokenizer
    texts = [*families.TEXTS, families.TEXTS[1], "bread", "storm"]
    monkeypatch.setattr(retrieval, "_BATCH_TOKENS", 64)
    found = layer_vectors(encoder, tokenizer, texts, prefix="the ", max_tokens=20)
    assert found.shape == (model.depth + 1, len(texts), 16)
    assert found.dtype == np.float32
    assert np.array_equal(found[:, 1], found[:, len(families.TEXTS)])
    bare = layer_vectors(encoder.base_model, tokenizer, texts, prefix="the ", max_tokens=20)
    assert np.array_equal(found, bare)
    for row, text in enumerate(texts):
        ids = tokenizer("the " + text, truncation=True, max_length=20)["input_ids"]
        with torch.inference_mode():
            states = encoder(torch.tensor([ids]), output_hidden_states=True).hidden_states
        expected = [state[0].mean(0).numpy() for state in states]
        assert np.allclose(found[:, row], expected, atol=1e-5)


@pytest.fixture(scope="module")
def card():
    return json.loads((SHIPPED / BACKBONE / "card.json").read_text("utf-8"))


def test_the_card_has_every_language_and_layer(card):
    tatoeba, flores = card["tatoeba"]["scores"], card["mexa"]
    assert set(tatoeba) == set(TATOEBA_CODES)
    assert set(flores["scores"]) == set(flores["random"]) == set(FLORES_CODES) - {"en"}
    rows = [*tatoeba.values(), *flores["scores"].values(), *flores["random"].values()]
    for row in rows:
        lists = [values for name, values in row.items() if name != "n"]
        assert row["n"] >= 200
        assert {len(values) for values in lists} == {LAYERS}
        assert all(0 <= value <= 1 for values in lists for value in values)
    for row in tatoeba.values():
        for mark in ("", "_centered"):
            for layer in range(LAYERS):
                both = (row[f"to_en{mark}"][layer], row[f"from_en{mark}"][layer])
                assert row[f"mexa{mark}"][layer] <= min(both)
    for lang in tatoeba:
        language(lang)


def test_the_card_is_what_the_backbone_does(card, shared_data):
    """The smallest language, all layers."""
    own, english = read_tatoeba(shared_data / "tatoeba_laser_v1", "te")
    backbone, tokenizer = load_backbone()
    sides = [
        layer_vectors(backbone, tokenizer, side, prefix=embedded.RETRIEVAL_PREFIX)
        for side in (own, english)
    ]
    for name, values in tatoeba_scores(*sides).items():
        assert np.allclose(values, card["tatoeba"]["scores"]["te"][name], atol=0.01), name


def test_tatoeba_says_what_is_missing(tmp_path):
    with pytest.raises(CctaError, match="not known for 'cy'"):
        read_tatoeba(tmp_path, "cy")
    with pytest.raises(CctaError, match="expected Tatoeba at"):
        read_tatoeba(tmp_path, "es")
    (tmp_path / "tatoeba.spa-eng.spa").write_text("uno\ndos\n", encoding="utf-8")
    (tmp_path / "tatoeba.spa-eng.eng").write_text("one\n", encoding="utf-8")
    with pytest.raises(CctaError, match="2 lines beside 1"):
        read_tatoeba(tmp_path, "es")
