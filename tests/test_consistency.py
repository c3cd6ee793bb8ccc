import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from strategies import transport_problems

from ccta_core.consistency import Compared, SideMass, controls, link_spearman, mass, shuffled
from ccta_core.report.verdict import verdict
from ccta_core.space.links import alignment_error_rate, mutual_links
from ccta_core.transport import ems
from ccta_core.types import Controls


def side(masses, seed=0, segments=None):
    n = len(masses)
    draw = np.random.default_rng(seed)
    segments = np.zeros(n, int) if segments is None else np.array(segments)
    return SideMass(np.asarray(masses) / np.sum(masses), draw.normal(size=n), segments, np.ones(n))


def measured(source, target, similarity, **settings):
    plan = ems(source.mass, target.mass, similarity)
    options = {"shuffles": 19, "seed": 1, "links": mutual_links(similarity)} | settings
    return plan, controls(Compared(source, target, similarity, plan), **options)


@settings(max_examples=40, deadline=None)
@given(transport_problems(largest=6))
def test_ranges_and_definitions(problem):
    masses_s, masses_t, similarity = problem
    source, target = side(masses_s), side(masses_t, seed=1)
    plan, found = measured(source, target, similarity, unrelated=[0.1, 0.3])
    assert 1 / 20 <= found.p_value <= 1
    assert found.gain == pytest.approx(plan.ems - found.ems_shuffled)
    assert found.ems_unrelated == pytest.approx(0.2)
    assert found.calibrated == pytest.approx((plan.ems - 0.2) / 0.8)
    assert 0 <= found.sign_agreement <= 1 + 1e-9
    assert found.cross_segment_mass is None
    uniform = ems(np.ones(len(masses_s)), np.ones(len(masses_t)), similarity).ems
    assert found.ems_uniform == found.ems_length == pytest.approx(uniform)


def test_uniform_masses_can_not_beat_their_own_shuffles():
    flat = side(np.ones(5))
    _, found = measured(flat, flat, np.random.default_rng(0).uniform(-1, 1, (5, 5)))
    assert found.gain == pytest.approx(0, abs=1e-12)
    assert found.p_value == 1.0
    assert found.z is None


def test_agreeing_masses_beat_shuffled_ones():
    strong = side([20, 12, 7, 4, 1, 1, 1, 1])
    plan, found = measured(strong, strong, 2 * np.eye(8) - 1, shuffles=99)
    assert plan.ems == pytest.approx(1)
    assert found.gain > 0.5
    assert found.p_value < 0.1


def test_shuffles_stay_within_their_segment_and_follow_the_seed():
    segments = [0, 0, 1, 1]
    one = side([4, 0, 0, 0], segments=segments)
    similarity = np.kron(np.eye(2), np.ones((2, 2)))  # 1 within a segment, 0 across
    null = shuffled(one, one, similarity, shuffles=30, seed=7)
    np.testing.assert_allclose(null, 1.0)
    free = side([4, 0, 0, 0])
    draws = [shuffled(free, free, similarity, shuffles=30, seed=seed) for seed in (7, 7, 8)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()
    assert draws[0].min() == pytest.approx(0)


def test_the_controls_are_each_control_alone():
    """One call for all references; the shuffles draw source then target, segment by segment."""
    one, other = side([4, 1, 2, 3], segments=[0, 0, 1, 1]), side([1, 5, 2], 1, [0, 1, 1])
    similarity = np.random.default_rng(3).uniform(-1, 1, (4, 3))
    draw, values = np.random.default_rng(1), []
    for _ in range(19):
        moved = []
        for each in (one, other):
            mass_ = each.mass.copy()
            for segment in (0, 1):
                where = np.flatnonzero(each.segments == segment)
                mass_[where] = each.mass[draw.permutation(where)]
            moved.append(mass_)
        values.append(ems(*moved, similarity).ems)
    assert shuffled(one, other, similarity, shuffles=19, seed=1).tolist() == values
    _, found = measured(one, other, similarity)
    assert found.ems_shuffled == np.mean(values)
    assert found.ems_uniform == ems(np.ones(4), np.ones(3), similarity).ems


def test_cross_segment_mass_of_a_known_plan():
    one = side([1, 1], segments=[0, 1])
    _, straight = measured(one, one, np.eye(2))
    _, crossed = measured(one, one, np.eye(2)[::-1])
    assert straight.cross_segment_mass == pytest.approx(0)
    assert crossed.cross_segment_mass == pytest.approx(1)


def test_no_shuffles_and_no_corpus_give_null():
    one = side([1, 2, 3])
    _, found = measured(one, one, np.eye(3), shuffles=0)
    assert found.ems_shuffled is found.p_value is found.gain is found.z is None
    assert found.ems_unrelated is found.calibrated is None
    assert found.link_spearman is None  # three links are fewer than five


def test_calibration_needs_room():
    one = side([1, 1])
    _, found = measured(one, one, np.eye(2), unrelated=[0.96])
    assert found.calibrated is None


def test_link_spearman_is_scipys_over_the_links():
    draw = np.random.default_rng(5)
    left, right = draw.normal(size=6), draw.normal(size=6)
    links = [(i, (i + 2) % 6) for i in range(6)]
    expected = spearmanr(left, [right[j] for _, j in links]).statistic
    assert link_spearman(left, right, links) == pytest.approx(expected)
    assert link_spearman(np.ones(6), right, links) is None


def test_links_are_mutual_and_one_to_one():
    similarity = np.array([[0.9, 0.1], [0.8, 0.2], [0.0, 0.7]])
    assert mutual_links(similarity) == [(0, 0), (2, 1)]


def test_alignment_error_rate_of_a_known_case():
    sure, possible = {(0, 0), (1, 1)}, {(2, 2)}
    assert alignment_error_rate({(0, 0), (1, 1), (2, 2)}, sure, possible) == 0
    assert alignment_error_rate({(0, 0), (1, 2)}, sure, possible) == pytest.approx(1 - 2 / 4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=9),
    st.sampled_from(["abs", "positive", "negative"]),
)
def test_masses_are_distributions(scores, kind):
    found, uniform = mass(np.array(scores), None, kind)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    raw = {
        "abs": np.abs(scores),
        "positive": np.maximum(scores, 0),
        "negative": -np.minimum(scores, 0),
    }
    assert uniform == (not raw[kind].any())


@pytest.mark.parametrize(
    ("shuffled_mean", "p", "unrelated", "words"),
    [
        (0.60, 0.01, 0.4, "clearly more than chance"),
        (0.67, 0.04, 0.4, "a little more than chance"),
        (0.69, 0.30, 0.4, "the embeddings', not the attributions'"),
        (0.80, 1.00, 0.4, "less well than shuffled"),
        (0.60, 0.01, 0.7, "says nothing about the pair"),
    ],
)
def test_the_verdict_says_what_the_controls_say(shuffled_mean, p, unrelated, words):
    found = Controls(
        ems_shuffled=shuffled_mean, p_value=p, ems_unrelated=unrelated, ems_uniform=0.7
    )
    text = verdict(0.7, found)
    assert words in text
    assert text.endswith(".")


def test_without_shuffles_the_verdict_claims_nothing():
    assert "can't be told apart" in verdict(0.9, Controls())
