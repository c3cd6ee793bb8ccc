"""The order of a study's items and the unrelated items of each; spread items."""

from collections import Counter

import numpy as np
import pytest
from families import build
from hypothesis import given
from hypothesis import strategies as st

import ccta_core as ccta
from ccta_core.config import Config
from ccta_core.corpus.spread import spread_order
from ccta_core.study.drawing import draw_unrelated
from ccta_core.study.measure import Unrelated, measure
from ccta_core.study.storage.items import read_chunk, write_items
from ccta_core.types import ParallelExample, Sentence

LABELS = ("entailment", "neutral", "contradiction")


def made(number, *, labels=LABELS, in_group=1, seed=0):
    """Items of random length, `in_group` of each group, labels in turn."""
    draw = np.random.default_rng(seed)
    examples = []
    for place in range(number):
        letters = int(draw.integers(20, 200))
        sides = {
            lang: Sentence("a" * letters, lang, "b" * int(draw.integers(5, 40)))
            for lang in ("en", "es")
        }
        label = labels[place % len(labels)] if labels else None
        examples.append(ParallelExample(f"i{place}", f"g{place // in_group}", label, sides))
    return examples


@given(st.integers(0, 150), st.integers(1, 6), st.integers(1, 4), st.integers(0, 3))
def test_unrelated_items_are_what_they_are_called(number, count, in_group, seed):
    examples = made(number, in_group=in_group, seed=seed)
    draw = draw_unrelated(examples, count, seed=seed)
    assert sorted(draw.order) == list(range(number))
    ordered = [examples[place] for place in draw.order]
    for item, places in zip(ordered, draw.unrelated, strict=True):
        others = [ordered[place] for place in places]
        groups = {other.group for other in others}
        assert item.group not in groups
        assert {other.label for other in others} <= {item.label}
        assert len(groups) == len(others)
        like = {each.group for each in examples if each.label == item.label} - {item.group}
        assert len(others) == (count if len(like) >= count else 0)


def test_a_draw_is_the_seeds():
    examples = made(90)
    assert draw_unrelated(examples, 5, seed=1) == draw_unrelated(examples, 5, seed=1)
    assert draw_unrelated(examples, 5, seed=1) != draw_unrelated(examples, 5, seed=2)


def test_unrelated_items_are_of_like_length():
    """Far nearer than two items of the study are on average."""
    examples = made(360, labels=None)
    draw = draw_unrelated(examples, 5, seed=0)
    lengths = np.array([len(examples[place].sentences["en"].text) for place in draw.order])
    apart = [
        abs(lengths[k] - lengths[list(places)]).mean() for k, places in enumerate(draw.unrelated)
    ]
    usual = abs(lengths[:, None] - lengths).mean()
    assert np.mean(apart) < usual / 4
    # Blocks come in random order: the first half of a study is no shorter than the second.
    assert abs(lengths[:180].mean() - lengths[180:].mean()) < 3 * lengths.std() * 6**0.5 / 180**0.5


def test_full_blocks_need_no_item_of_another_chunk():
    """As many of each label as blocks take: what a chunk of three blocks needs is in it."""
    draw = draw_unrelated(made(90), 5, seed=0)
    assert all(
        place // 18 == k // 18 for k, places in enumerate(draw.unrelated) for place in places
    )


def test_a_batch_keeps_its_draw_when_a_study_is_extended():
    examples = made(90)
    before = draw_unrelated(examples[:36], 5, seed=0)
    after = draw_unrelated(examples, 5, seed=0, batches=(36,))
    assert after.order[:36] == before.order
    assert after.unrelated[:36] == before.unrelated
    assert all(place >= 36 for places in after.unrelated[36:] for place in places)


def test_a_row_does_not_depend_on_its_chunk(tmp_path):
    """Chunks that cut through blocks, read with what they need of others, against all at once."""
    model = ccta.load_model(str(build(tmp_path, "bert", "classification")))
    examples, langs = ccta.read_demo("nli")[:18], ("en", "es")
    config = Config(layer=1, shuffles=4, unrelated=3)
    draw = draw_unrelated(examples, 3, seed=0)
    ordered = [examples[place] for place in draw.order]
    write_items(tmp_path, ordered, langs, draw.unrelated)
    whole = measure(model, ordered, langs, [1], config, unrelated=Unrelated((), draw.unrelated))
    parts, borrowed = [], 0
    for start in range(0, 18, 5):
        chunk = read_chunk(tmp_path, start, 5)
        ids = [example.id for example in chunk.examples]
        assert ids == [example.id for example in ordered[start : start + 5]]
        borrowed += len(chunk.beside)
        beside = Unrelated(chunk.beside, chunk.unrelated)
        parts += measure(model, chunk.examples, langs, [1], config, unrelated=beside)
    assert borrowed
    assert [row["item"] for row in parts] == [example.id for example in ordered]
    for one, other in zip(parts, whole, strict=True):
        assert one.keys() == other.keys()
        for name in ("ems", "ems_unrelated", "ems_unrelated_back", "gain", "gain_unrelated"):
            assert (one[name] is None) == (other[name] is None)
            assert one[name] is None or one[name] == pytest.approx(other[name], abs=1e-3), name
    assert {row["gain_unrelated"] is None for row in whole} == {False}


def test_no_unrelated_items_leave_the_order():
    draw = draw_unrelated(made(10), 0, seed=0)
    assert draw.order == tuple(range(10))
    assert set(draw.unrelated) == {()}


@pytest.mark.parametrize("wanted", [10, 30, 97, 400])
def test_every_beginning_of_the_order_is_spread(wanted):
    """Ten blocks of genres: none has two items more or fewer than its share."""
    blocks = Counter(place // 83 for place in spread_order(830)[:wanted])
    assert all(abs(blocks[block] - wanted / 10) < 2 for block in range(10))
    assert spread_order(830)[:wanted] == spread_order(830)[: wanted + 50][:wanted]


@given(st.integers(0, 300))
def test_an_order_has_every_place_once(number):
    assert sorted(spread_order(number)) == list(range(number))
