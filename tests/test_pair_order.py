"""A pair compared in both orders: the same draws, the same p, the same verdict."""

import numpy as np
import pytest
from families import build
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ccta_core as ccta
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.unrelated import unrelated_sentences
from ccta_core.study.measure import measure
from ccta_core.types import Sentence, in_order

FERRY = next(item for item in read_demo("nli") if item.id == "ferry-c")
SYMMETRIC = (
    "ems_uniform", "ems_length", "ems_shuffled", "shuffled_sd", "p_value", "gain",
    "gain_unrelated", "z",
    "link_spearman", "sign_agreement", "cross_segment_mass",
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return ccta.load_model(str(build(tmp_path_factory.mktemp("model"), "bert", "classification")))


def check_exchange(model, source, target, config):
    """Both orders agree to the last bit, but for what is of one direction by definition."""
    one = ccta.compare(model, source, target, config)
    other = ccta.compare(model, target, source, config)
    assert other.ems == one.ems
    assert other.permutation == one.permutation
    assert other.chance_level == one.chance_level
    for name in SYMMETRIC:
        assert getattr(other.controls, name) == getattr(one.controls, name), name
    # A text and itself: nothing is exchanged, and a BLAS may round X @ X.T asymmetrically.
    exchanged = np.asarray if source == target else np.transpose
    np.testing.assert_array_equal(other.plan.matrix, exchanged(one.plan.matrix))
    np.testing.assert_array_equal(other.similarity, exchanged(one.similarity))
    np.testing.assert_array_equal(other.source_mass, one.target_mass)
    assert (other.claim, other.verdict) == (one.claim, one.verdict)
    assert other.source.sentence == one.target.sentence == target
    return one, other


@pytest.mark.parametrize(("source", "target"), [("en", "zh"), ("es", "ar"), ("de", "en")])
def test_the_order_of_the_sides_changes_nothing(model, source, target):
    """English and Chinese had p = .05 and .09: one order "agreed", the other did not."""
    config = ccta.Config(layer=8, target_class=FERRY.label, unrelated=1)
    one, other = check_exchange(model, FERRY.sentences[source], FERRY.sentences[target], config)
    first = in_order(one.source.sentence, one.target.sentence)[0]
    forward = one if one.source.sentence == first else other
    assert forward.chance_level == forward.controls.ems_unrelated


WORDS = st.lists(
    st.sampled_from(["the", "ferry", "was", "late", "el", "barco", "llegó", "tarde"]),
    min_size=1,
    max_size=6,
).map(" ".join)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=2),
    st.sampled_from([("en", "es"), ("es", "en"), ("en", "en"), ("zh", "de")]),
    st.sampled_from(["abs", "positive"]),
    st.integers(0, 99),
)
def test_exchanging_any_two_texts_keeps_the_claim(small, texts, langs, mass, seed):
    sides = [Sentence(one, lang, two) for (one, two), lang in zip(texts, langs, strict=True)]
    config = ccta.Config(
        layer=1, target_class="neutral", mass=mass, shuffles=19, unrelated=1, seed=seed
    )
    check_exchange(small, *sides, config)


def test_a_study_draws_the_same_however_it_names_its_languages(small):
    items = read_demo("nli")[:4]
    config = ccta.Config(shuffles=20, unrelated=1)
    rows, turned = (
        measure(small, items, langs, [1], config) for langs in (("en", "es"), ("es", "en"))
    )
    assert {row["ems_unrelated"] is None for row in rows} == {False, True}
    for one, other in zip(rows, turned, strict=True):
        assert (one["item"], one["source_lang"]) == (other["item"], other["target_lang"])
        for name in ("ems", "ems_unrelated", *SYMMETRIC):
            there = f"{name}_back" if name == "ems_unrelated" else name
            assert other[there] == pytest.approx(one[name], abs=1e-12), name


def test_sentences_have_one_order():
    en, de, es = (Sentence("a b", lang) for lang in ("en", "de", "es"))
    for one, other in ((en, de), (de, es), (Sentence("a", "es"), es), (en, es)):
        assert in_order(one, other) == in_order(other, one) == (one, other)
    focused = Sentence("a b", "en", focus=((0, 1),))
    assert in_order(focused, en) == in_order(en, focused) == (en, focused)
    assert in_order(en, Sentence("a b", "en")) == (en, en)


def test_what_is_compared_with_a_text_is_no_unrelated_sentence_of_its_own():
    """A demo text beside a text of another item: its own translation is not drawn as unrelated."""
    items = {item.id: item for item in read_demo("nli")}
    source, target = items["ferry-c"].sentences["en"], items["match-c"].sentences["es"]
    groups = {items["ferry-c"].group, items["match-c"].group}
    most = 18
    found = unrelated_sentences("nli", target, "neutral", count=most, seed=0, beside=source)
    drawn = {item.group for item in items.values() if item.sentences["es"] in found}
    assert len(found) == len({item.group for item in items.values()}) - len(groups) == len(drawn)
    assert not groups & drawn


# What a pair says where it can say little ----------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "claim", "words"),
    [
        (("Hello",), ("Hola",), "untestable", "each text has one word"),
        (("Hello", "Bye"), ("Hola", "Adiós"), "untestable", "each text has one word"),
        (("Hello there",), ("Hola amigo",), "too few arrangements", "4 arrangements"),
        (
            ("The ferry was late because of the storm.", "The ferry was on time."),
            ("Mi hermana compra manzanas verdes.", "Nadie compra fruta en el mercado."),
            "at chance level",
            "no agreement shown for this pair",
        ),
    ],
)
def test_nothing_is_claimed_where_nothing_is_shown(model, source, target, claim, words):
    sides = [
        Sentence(texts[0], lang, *texts[1:]) for texts, lang in ((source, "en"), (target, "es"))
    ]
    result = ccta.compare(model, *sides, ccta.Config(layer=8))
    assert result.claim == claim
    assert words in result.verdict
    assert "stressed in both" not in result.verdict
    assert (claim == "untestable") == (result.controls.p_value is None)


def test_a_text_with_itself_is_two_sentences(model):
    text = Sentence("The ferry was late because of the storm.", "en", "The ferry was on time.")
    result = ccta.compare(model, text, text, ccta.Config(layer=8))
    assert result.ems == pytest.approx(1)
    assert result.claim == "shown"
    assert "in both sentences" in result.verdict
    assert "languages" not in result.verdict


def test_the_test_comes_back_from_the_payload(small):
    sides = [FERRY.sentences[lang] for lang in ("en", "es")]
    result = ccta.compare(small, *sides, ccta.Config(layer=1, unrelated=2, shuffles=19))
    again = ccta.PairResult.from_payload(result.payload())
    assert again.permutation == result.permutation
    assert (again.chance_level, again.verdict) == (result.chance_level, result.verdict)
    assert again.permutation.drawn >= 19 == again.n_shuffles
    older = {k: v for k, v in result.payload().items() if k not in ("permutation", "chance_level")}
    read = ccta.PairResult.from_payload(older)
    assert (read.permutation.drawn, read.permutation.p_value) == (19, result.controls.p_value)
    assert read.chance_level == result.controls.ems_unrelated
