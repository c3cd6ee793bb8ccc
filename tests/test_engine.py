"""What makes the engine fast must not change what it says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from families import build
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional

import ccta_core as ccta
from ccta_core.attribution.integrated_gradients import unit_masses
from ccta_core.attribution.schedule import schedule_of
from ccta_core.config import Config, Quadrature
from ccta_core.corpus.unrelated import unrelated_sentences
from ccta_core.errors import CctaError
from ccta_core.models.attention import NAME, attend
from ccta_core.models.last_layer import FirstTokenLayer
from ccta_core.pipeline import compare_many, predict, references
from ccta_core.types import Sentence

PAIR = Sentence("The ferry was cancelled.", "en", "The ferry left on time.")
CHINESE = Sentence("渡轮取消了。", "zh", "渡轮准时开出了。")
CLASS = "contradiction"
WORDS = ("ferry", "left", "the", "harbour", "on", "time", "Sunday", "no", "bread", "tasted")


def narrowed(suffix):
    return any(isinstance(module, FirstTokenLayer) for module in suffix.view.modules())


def masses_moved(model, one, other):
    encoded = model.encode(one.sentence)
    return np.abs(
        unit_masses(encoded, one.subword_scores) - unit_masses(encoded, other.subword_scores)
    ).sum()


def test_a_sweep_gives_each_layers_own_attributions(model):
    swept = ccta.attribute_layers(model, [PAIR, CHINESE], [4, 8, 11], Config(mass="norm"))
    for layer, found in swept.items():
        alone = ccta.attribute(model, [PAIR, CHINESE], Config(layer=layer, mass="norm"))
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_array_equal(one.subword_scores, other.subword_scores)
            np.testing.assert_array_equal(one.norms, other.norms)
    with pytest.raises(CctaError, match="no layer to attribute"):
        ccta.attribute_layers(model, [PAIR], [])
    with pytest.raises(CctaError, match="expected 0 to 11"):
        ccta.attribute_layers(model, [PAIR], [3, 40])


def rounding(model, sentence: Sentence, config: Config) -> float:
    """How far a score moves when every embedding is off by a float32's last bit or two."""
    table = model.hf_model.get_input_embeddings().weight
    kept, exact = table.data, ccta.attribute(model, [sentence], config)[0].subword_scores
    moved = []
    try:
        for seed in range(4):
            draw = torch.randn(len(kept), 1, generator=torch.Generator().manual_seed(seed))
            table.data = kept * (1 + 1e-7 * draw)
            near = ccta.attribute(model, [sentence], config)[0].subword_scores
            moved.append(np.abs(near - exact).max())
    finally:
        table.data = kept
    return max(moved)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=30), st.booleans()),
        min_size=2,
        max_size=4,
    ),
    st.integers(0, 11),
    st.sampled_from(["abs", "norm"]),
)
def test_a_batch_equals_its_singles_whatever_it_holds(model, texts, layer, mass):
    fixed = Quadrature(rule="gauss", points=3)
    config = Config(layer=layer, target_class=CLASS, quadrature=fixed, mass=mass)
    sentences = [
        Sentence(" ".join(words), "en", " ".join(words[::-1]) if paired else None)
        for words, paired in texts
    ]
    together = ccta.attribute(model, sentences, config)
    for sentence, found in zip(sentences, together, strict=True):
        alone = ccta.attribute(model, [sentence], config)[0]
        scale = max(np.abs(alone.subword_scores).max(), 0.1)
        off = np.abs(found.subword_scores - alone.subword_scores).max()
        # 1e-5 on sentences (test_attribution); of a few words said twice, a separator's score can
        # hang on the last bits of the weights: then no order of summing is the right one.
        if off > 2e-5 * scale:
            assert off <= 5 * rounding(model, sentence, config)
        if mass == "norm":
            np.testing.assert_allclose(found.norms, alone.norms, rtol=1e-3, atol=1e-6)


def test_the_same_call_gives_the_same_bits(model):
    config = Config(layer=6)
    one, other = (ccta.attribute(model, [PAIR, CHINESE], config) for _ in range(2))
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left.subword_scores, right.subword_scores)


@pytest.mark.parametrize("layer", [0, 8])
def test_bfloat16_keeps_what_is_promised(model, layer):
    """Converged against F in float32, and its masses near those of float32."""
    full = ccta.attribute(model, [PAIR, CHINESE], Config(layer=layer))
    half = ccta.attribute(model, [PAIR, CHINESE], Config(layer=layer, precision="bf16"))
    for one, other in zip(full, half, strict=True):
        assert other.mass_error <= 0.04
        assert other.f_input == pytest.approx(one.f_input, abs=1e-4)
        assert masses_moved(model, one, other) <= 0.06


def test_bfloat16_stops_after_two_rounds_and_says_how_far_it_got(model):
    """Its noise falls slowly with points: nothing is done again, the bound tells."""
    tight = Config(layer=4, precision="bf16", quadrature=Quadrature(tolerance=1e-4))
    (result,) = ccta.attribute(model, [PAIR], tight)
    first = schedule_of(model.info, 4, "bf16").first
    assert result.evaluations == 2 * first + 1
    assert not result.converged
    assert result.mass_error > 1e-4
    (full,) = ccta.attribute(model, [PAIR], Config(layer=4))
    assert masses_moved(model, full, result) <= 2 * (full.mass_error + result.mass_error)


@pytest.mark.parametrize("masked", [False, True])
def test_the_explicit_attention_is_the_fused_one(masked):
    torch.manual_seed(0)
    parts = [torch.randn(3, 2, 7, 8) for _ in range(3)]
    mask = torch.ones(3, 1, 7, 7, dtype=torch.bool)
    mask[0, :, :, 4:] = False
    mask = mask if masked else None
    exact = [part.clone().requires_grad_() for part in parts]
    expected = functional.scaled_dot_product_attention(*exact, attn_mask=mask).transpose(1, 2)
    half = [part.bfloat16().requires_grad_() for part in parts]
    found, _ = attend(torch.nn.Module(), *half, mask)
    assert found.dtype == torch.bfloat16
    assert found.shape == expected.shape
    torch.testing.assert_close(found.float(), expected, atol=0.03, rtol=0.03)
    slopes = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(expected, exact, slopes),
        torch.autograd.grad(found, half, slopes.bfloat16()),
        strict=True,
    ):
        torch.testing.assert_close(other.float(), one, atol=0.08, rtol=0.05)


def test_a_row_that_sees_nothing_is_not_nan():
    query, key, value = (torch.randn(1, 1, 3, 4).bfloat16().requires_grad_() for _ in range(3))
    mask = torch.tensor([[True, True, False], [False, False, False], [True, False, False]])
    found, _ = attend(torch.nn.Module(), query, key, value, mask[None, None])
    slopes = torch.autograd.grad(found.float().sum(), [query, key, value])
    assert all(slope.isfinite().all() for slope in slopes)


def test_the_embedded_model_attends_so(model):
    assert model.hf_model.config._attn_implementation == NAME


@pytest.mark.parametrize("family", ["bert", "xlm-r", "electra", "modernbert", "distilbert"])
@pytest.mark.parametrize("head", ["classification", "qa"])
def test_the_last_layer_is_narrowed_only_where_one_token_is_read(tmp_path, family, head):
    """Answers need every token; DistilBERT and ModernBERT have layers of another form."""
    loaded = ccta.load_model(str(build(tmp_path / "model", family, head)))
    bert_like = family in ("bert", "xlm-r", "electra")
    expected = bert_like and head == "classification"
    assert all(narrowed(loaded.layer_suffix(layer)) is expected for layer in range(loaded.depth))


def test_unrelated_sentences_are_attributed_once(model, monkeypatch):
    item = ccta.read_demo("nli")[0]
    source, target = item.sentences["en"], item.sentences["es"]
    config = Config(layer=11, shuffles=2, seed=77)
    first = ccta.compare(model, source, target, config)
    monkeypatch.setattr(references, "sides_of", None)  # nothing may be computed again
    again = ccta.compare(model, source, target, config)
    assert first.controls == again.controls
    assert first.controls.ems_unrelated is not None


def test_the_gain_of_unrelated_sentences_is_theirs(model):
    """Each compared as a pair of its own, over far more shuffles."""
    item = ccta.read_demo("nli")[0]
    config = Config(layer=8, target_class=item.label)
    found = ccta.compare(model, item.sentences["en"], item.sentences["es"], config)
    others = unrelated_sentences(
        "nli", item.sentences["es"], item.label, count=5, seed=0, beside=item.sentences["en"]
    )
    many = replace(config, shuffles=400, unrelated=0)
    gains = [ccta.compare(model, item.sentences["en"], other, many).controls.gain
             for other in others]  # fmt: skip
    assert found.controls.gain_unrelated == pytest.approx(np.mean(gains), abs=0.01)


def test_several_pairs_together_are_each_pair_alone(model):
    """What two people ask at once is computed at once; neither sees that in a number."""
    config = Config(layer=8, shuffles=9)
    pairs = [
        (PAIR, CHINESE),
        (CHINESE, PAIR),
        (PAIR, Sentence("The bread tasted good.", "en", "The bread was not bad.")),
    ]
    together = compare_many(model, pairs, config)
    for pair, found in zip(pairs, together, strict=True):
        alone = ccta.compare(model, *pair, config)
        assert found.target_class == alone.target_class
        assert found.ems == pytest.approx(alone.ems, abs=1e-3)
        assert found.controls.ems_unrelated == pytest.approx(alone.controls.ems_unrelated, abs=1e-3)
        np.testing.assert_allclose(found.source_mass, alone.source_mass, atol=2e-3)
    with pytest.raises(CctaError, match="one side has two texts"):
        compare_many(model, [(PAIR, CHINESE), (PAIR, Sentence("Pan", "es"))], config)


def test_what_is_predicted_needs_no_attribution(model):
    sentences = [PAIR, CHINESE]
    whole = ccta.attribute(model, sentences, Config(quadrature=Quadrature("gauss", points=1)))
    for quick, found in zip(predict(model, sentences), whole, strict=True):
        assert quick.label == found.predicted
        assert quick.prediction == pytest.approx(found.prediction, abs=1e-5)
    with pytest.raises(CctaError, match="unknown target class"):
        predict(model, sentences, Config(target_class="maybe"))


def test_a_pair_is_given_before_its_unrelated_sentences(model):
    """With the same numbers as in the end, but for the chance level."""
    from ccta_core.pipeline import compare_many

    sentences = ccta.read_demo("nli")[1].sentences
    told = []
    (whole,) = compare_many(
        model, [(sentences["en"], sentences["de"])], Config(layer=8, unrelated=2), early=told.extend
    )
    (early,) = told
    assert early.ems == whole.ems
    assert early.permutation == whole.permutation
    assert early.chance_level is None
    assert whole.chance_level is not None
    assert early.controls.gain_unrelated is None
    assert -1 < whole.controls.gain_unrelated < 1
    changed = {"ems_unrelated", "calibrated", "gain_unrelated"}
    assert {k: v for k, v in early.controls.as_dict().items() if k not in changed} == {
        k: v for k, v in whole.controls.as_dict().items() if k not in changed
    }
