"""Word links: the batch is each pair alone, a plan read as links, the statistical aligners."""

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccta_core.corpus.alignments import AlignedPair
from ccta_core.errors import CctaError
from ccta_core.space import links as links_module
from ccta_core.space.aligners import ALIGNERS, statistical_links
from ccta_core.space.links import mutual_links, mutual_links_batch, one_to_one, plan_links
from ccta_core.space.maps import cosine
from ccta_core.transport import ems
from research.documents.alignment import uniform_plan_links
from research.space.gold import GoldSet, error_rate, words

SIZES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=8)


@settings(max_examples=80, deadline=None)
@given(SIZES, st.integers(0, 2**16), st.sampled_from([1, 40, 1_000_000]))
def test_a_batch_is_each_pair_alone(sizes, seed, cells):
    """Whatever the order, the padding and the budget; some vectors are zero."""
    draw = np.random.default_rng(seed)
    sources = [draw.normal(size=(n, 4)) for n, _ in sizes]
    targets = [draw.normal(size=(m, 4)) for _, m in sizes]
    for found in (*sources, *targets):
        found[draw.random(len(found)) < 0.1] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(links_module, "_CELLS", cells)
        batch = mutual_links_batch(sources, targets)
    alone = [mutual_links(cosine(s, t)) for s, t in zip(sources, targets, strict=True)]
    assert batch == alone


def test_opposite_vectors_are_still_linked_and_padding_never():
    """A lone pair at cosine -1 is below a padding of 0."""
    one, two = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    assert mutual_links_batch([one, two], [-one, two]) == [[(0, 0)], [(0, 0), (1, 1), (2, 2)]]


def test_a_plan_is_read_by_its_largest_flows():
    similarity = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.7]])
    plan = ems(np.array([0.4, 0.6]), np.array([0.4, 0.35, 0.25]), similarity).matrix
    np.testing.assert_allclose(plan, [[0.4, 0, 0], [0, 0.35, 0.25]], atol=1e-12)
    assert plan_links(plan, similarity) == [(0, 0), (1, 1)]


def test_the_more_similar_of_equal_flows_wins():
    similarity = np.array([[0.3, 0.6]])
    assert plan_links(np.array([[0.5, 0.5]]), similarity) == [(0, 1)]
    assert plan_links(np.array([[0.5, 0.5 + 1e-14]]), similarity[:, ::-1]) == [(0, 0)]
    assert plan_links(np.zeros((1, 2)), similarity) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**16))
def test_links_of_a_uniform_plan_are_one_to_one(n, m, seed):
    draw = np.random.default_rng(seed)
    found = uniform_plan_links(draw.normal(size=(n, 5)), draw.normal(size=(m, 5)))
    assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found) <= min(n, m)


def test_words_of_two_links_are_dropped():
    assert one_to_one({(0, 0), (1, 1), (1, 2), (3, 4), (2, 4), (5, 5)}) == [(0, 0), (5, 5)]


def test_the_error_rate_of_a_set_counts_all_sentences_together():
    pair = AlignedPair(("a", "b"), ("c", "d"), frozenset({(0, 0), (1, 1)}), frozenset())
    assert error_rate([pair, pair], [[(0, 0), (1, 1)], [(0, 1)]]) == pytest.approx(1 - 4 / 7)


def test_a_missing_aligner_says_what_to_install(monkeypatch):
    for name in ALIGNERS:
        monkeypatch.setitem(sys.modules, name.replace("-", "_"), None)
        with pytest.raises(CctaError, match=rf"pip install {name}") as caught:
            statistical_links(name, [(["a"], ["b"])])
        assert "\n" not in str(caught.value)
    with pytest.raises(CctaError, match="expected one of: eflomal, systran-align"):
        statistical_links("giza", [])


def test_both_directions_of_eflomal_are_intersected(monkeypatch):
    class Aligner:
        def __init__(self, **_):
            pass

        def align(self, left, right, links_filename_fwd, links_filename_rev):
            assert left == ["a b"]
            assert right == ["c d"]
            for path, text in (
                (links_filename_fwd, "0-0 0-1\n"),
                (links_filename_rev, "0-1 1-0\n"),
            ):
                with open(path, "w", encoding="ascii") as file:
                    file.write(text)

    monkeypatch.setitem(sys.modules, "eflomal", SimpleNamespace(Aligner=Aligner))
    assert statistical_links("eflomal", [(["A", "b"], ["C", "D"])]) == [[(0, 1)]]


def test_an_aligner_that_lost_sentences_is_refused(monkeypatch):
    class Aligner:
        def __init__(self, **_):
            pass

        def align(self, left, right, links_filename_fwd, links_filename_rev):
            for path in (links_filename_fwd, links_filename_rev):
                open(path, "w", encoding="ascii").close()

    monkeypatch.setitem(sys.modules, "eflomal", SimpleNamespace(Aligner=Aligner))
    with pytest.raises(CctaError, match="0 sentence pairs of 1"):
        statistical_links("eflomal", [(["a"], ["b"])])


@pytest.mark.parametrize("name", ALIGNERS)
def test_an_aligner_learns_a_small_dictionary(name):
    if importlib.util.find_spec(name.replace("-", "_")) is None:
        pytest.skip(f"{name} is not installed (the extra .[align])")
    draw = np.random.default_rng(0)
    bitext = []
    for _ in range(300):
        order = draw.permutation(12)[:6]
        bitext.append(([f"s{i}" for i in order], [f"t{i}" for i in order]))
    found = statistical_links(name, bitext)
    right = sum(i == j for links in found for i, j in links)
    assert len(found) == 300
    assert right >= 0.9 * sum(map(len, found)) >= 0.9 * 900


def test_training_text_is_cut_like_the_gold_sets():
    assert words("L'homme, 3 fois!", "fr", set()) == ("l", "'", "homme", ",", "3", "fois", "!")
    assert words("科学家一直猜想。", "zh", {"科学家", "科学", "一直"}) == (
        "科学家", "一直", "猜", "想", "。",
    )  # fmt: skip
    assert words("ab", "ja", set()) == ("a", "b")


def test_a_set_is_named_by_its_languages():
    assert GoldSet(("zh", "en"), "somewhere", (), ()).name == "zh-en"
