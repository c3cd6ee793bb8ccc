"""Layer integrated gradients against Captum and against what must hold of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients

import ccta_core as ccta
from ccta_core.attribution.integrated_gradients import unit_masses
from ccta_core.attribution.objective import objective
from ccta_core.config import Config, Quadrature
from ccta_core.errors import CctaError
from ccta_core.models.heads import Target
from ccta_core.types import Sentence

PAIR = Sentence("The ferry was cancelled.", "en", "The ferry left on time.")
CHINESE = Sentence("渡轮取消了。", "zh", "渡轮准时开出了。")
LONGER = Sentence(
    "Nobody in the village had tasted better bread than the loaves Ahmed baked on Sundays.",
    "en",
    "Ahmed baked bread on Sundays.",
)
CLASS = "contradiction"


def captum_scores(model, sentence, layer, *, points, method):
    """The same attribution by Captum: (tokens,), summed over the width."""
    encoded = model.encode(sentence)
    ids = encoded.ids[None]
    blank = torch.where(encoded.special, encoded.ids, model.tokenizer.pad_token_id)[None]
    mask = torch.ones_like(ids)
    bert = model.hf_model.base_model
    where = bert.embeddings if layer == 0 else bert.encoder.layer[layer - 1]

    def forward(tokens):
        return model.hf_model(input_ids=tokens, attention_mask=mask).logits[
            :, model.class_index(CLASS)
        ]

    lig = LayerIntegratedGradients(forward, where)
    found = lig.attribute(
        ids, baselines=blank, n_steps=points, method=method, internal_batch_size=16
    )
    found = found[0] if isinstance(found, tuple) else found
    return found.sum(-1)[0].detach().double().numpy()


@pytest.mark.parametrize("layer", [0, 4, 8, 11])
def test_same_points_as_captum_give_the_same_scores(model, layer):
    fixed = Config(layer=layer, target_class=CLASS, quadrature=Quadrature(rule="gauss", points=20))
    ours = ccta.attribute(model, [PAIR], fixed)[0].subword_scores
    theirs = captum_scores(model, PAIR, layer, points=20, method="gausslegendre")
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def test_one_class_rather_than_another_is_the_difference_of_both(model):
    """F is linear in the logits, and so are scores at fixed points; unrelated sentences are A's."""
    fixed = Config(layer=8, quadrature=Quadrature(rule="gauss", points=6), unrelated=2, shuffles=0)
    first, second = "contradiction", "neutral"
    alone = [
        ccta.attribute(model, [PAIR], replace(fixed, target_class=name))[0]
        for name in (first, second)
    ]
    contrast = replace(fixed, target_class=f"{first} rather than {second}")
    both = ccta.compare(model, PAIR, CHINESE, contrast)
    assert both.target_class == "contradiction rather than neutral"
    expected = alone[0].subword_scores - alone[1].subword_scores
    np.testing.assert_allclose(
        both.source.subword_scores, expected, atol=1e-4 * np.abs(expected).max()
    )
    assert both.source.f_input == pytest.approx(alone[0].f_input - alone[1].f_input, abs=1e-4)
    assert both.controls.ems_unrelated is not None
    for asked, reason in (
        (f"{first} rather than {first}", "names one class twice"),
        (f"{first} rather than maybe", "unknown target class 'maybe'"),
    ):
        with pytest.raises(CctaError, match=reason):
            ccta.attribute(model, [PAIR], replace(fixed, target_class=asked))


def test_midpoint_agrees_with_captums_riemann_middle(model):
    fixed = Config(layer=8, target_class=CLASS, quadrature=Quadrature(rule="midpoint", points=9))
    ours = ccta.attribute(model, [CHINESE], fixed)[0].subword_scores
    theirs = captum_scores(model, CHINESE, 8, points=9, method="riemann_middle")
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("layer", [0, 8])
def test_converged_scores_agree_with_many_points_of_captum(model, layer):
    result = ccta.attribute(model, [CHINESE], Config(layer=layer, target_class=CLASS))[0]
    many = captum_scores(model, CHINESE, layer, points=120, method="gausslegendre")
    encoded = model.encode(CHINESE)
    moved = np.abs(unit_masses(encoded, result.subword_scores) - unit_masses(encoded, many)).sum()
    assert result.converged
    assert moved <= 0.02


@pytest.mark.parametrize(
    ("layer", "baseline"),
    [(0, "pad"), (0, "mask")]
    + [(layer, kind) for layer in (3, 7, 11) for kind in ("pad", "mask", "zero")],
)
def test_completeness(model, layer, baseline):
    """The sum over all positions, specials too, is F(input) - F(baseline)."""
    config = Config(layer=layer, baseline=baseline)
    for result in ccta.attribute(model, [PAIR, CHINESE], config):
        assert result.converged == (baseline != "zero"), (layer, result.completeness_error)
        gap = result.subword_scores.sum() - (result.f_input - result.f_baseline)
        scale = max(
            abs(result.f_input - result.f_baseline), 0.01 * np.abs(result.subword_scores).sum()
        )
        assert abs(gap) / scale == pytest.approx(result.completeness_error, abs=1e-9)
        gap_of_masses = abs(gap) / np.abs(result.subword_scores).sum()
        bound = 0.02 if baseline == "zero" else result.mass_error
        assert gap_of_masses <= bound <= 0.02
        assert 4 <= result.evaluations <= 257


def test_from_the_zero_vector_nothing_is_promised(model):
    """A layer norm forgets the scale of its input: F may move before the first point sees it."""
    (result,) = ccta.attribute(model, [Sentence("Rain.", "en", "Sun.")], Config(baseline="zero"))
    assert not result.converged
    assert result.mass_error is None
    assert result.evaluations > 40  # it is walked with care all the same


def test_f_is_the_models_own_output(model):
    """Running only the layers above gives the whole model's logit, at every layer."""
    encoded = model.encode(PAIR)
    with torch.inference_mode():
        logits = model.hf_model(input_ids=encoded.ids[None]).logits[0]
    for layer in (0, 5, 11):
        config = Config(layer=layer, target_class=CLASS, quadrature=Quadrature("gauss", points=1))
        found = ccta.attribute(model, [PAIR], config)[0]
        assert found.f_input == pytest.approx(float(logits[model.class_index(CLASS)]), abs=1e-4)


def test_a_batch_equals_its_singles(model):
    """At fixed points, whatever the padding, the order and the neighbours."""
    config = Config(layer=4, target_class=CLASS, quadrature=Quadrature(rule="gauss", points=8))
    sentences = [LONGER, CHINESE, PAIR]
    together = ccta.attribute(model, sentences, config)
    for sentence, found in zip(sentences, together, strict=True):
        alone = ccta.attribute(model, [sentence], config)[0]
        scale = np.abs(alone.subword_scores).max()
        np.testing.assert_allclose(
            found.subword_scores / scale, alone.subword_scores / scale, atol=1e-5
        )
        assert found.sentence is sentence


@pytest.mark.parametrize("layer", [0, 4, 8])
def test_the_bound_holds_against_many_more_points(model, layer):
    """Of five sentences at most one may be off by more than it says, and none by much."""
    items = ccta.read_demo("nli")[5:10]
    langs = ("en", "es", "zh", "ar", "sw")
    sentences = [item.sentences[lang] for item, lang in zip(items, langs, strict=True)]
    many = Quadrature(rule="midpoint", points=48)
    usual = ccta.attribute(model, sentences, Config(layer=layer))
    exact = ccta.attribute(model, sentences, Config(layer=layer, quadrature=many))
    ratios = []
    for result, truth in zip(usual, exact, strict=True):
        encoded = model.encode(result.sentence)
        moved = unit_masses(encoded, result.subword_scores) - unit_masses(
            encoded, truth.subword_scores
        )
        assert result.converged
        assert result.evaluations < 40
        ratios.append(np.abs(moved).sum() / result.mass_error)
    assert sum(ratio > 1 for ratio in ratios) <= 1
    assert max(ratios) <= 2


def test_what_a_reading_has_told_of_f_is_not_computed_again(model, monkeypatch):
    """F at the baseline and at the input are known from readings, except for the zero vector."""
    from ccta_core.attribution import integrated_gradients

    asked = []
    inner = integrated_gradients.values

    def counted(model, paths, rows, config, stop):
        asked.append(list(rows))
        return inner(model, paths, rows, config, stop)

    monkeypatch.setattr(integrated_gradients, "values", counted)
    fixed = Quadrature(rule="midpoint", points=4)
    ccta.attribute(model, [PAIR], Config(layer=11, quadrature=fixed))
    assert asked == []
    ccta.attribute(model, [PAIR], Config(layer=11, baseline="zero", quadrature=fixed))
    assert asked == [[(0, 0.0)]]


def test_texts_of_the_same_lengths_share_their_baseline(model):
    from ccta_core.attribution.readings import baselines

    texts = [Sentence("time " * 5, "en", "day"), Sentence("day " * 5, "en", "time"), LONGER]
    encoded = [model.encode(text) for text in texts]
    assert encoded[0].length == encoded[1].length
    first, second, third = baselines(model, encoded, [0, 4], kind="pad")
    assert first.states[4] is second.states[4]
    assert len(third.states[4]) == encoded[2].length


def test_adaptive_batches_agree_within_tolerance(model):
    together = ccta.attribute(model, [LONGER, CHINESE], Config(target_class=CLASS))
    alone = ccta.attribute(model, [CHINESE], Config(target_class=CLASS))[0]
    encoded = model.encode(CHINESE)
    shift = unit_masses(encoded, together[1].subword_scores) - unit_masses(
        encoded, alone.subword_scores
    )
    assert np.abs(shift).sum() <= 0.04


def test_units_sum_their_subwords_and_specials_get_none(model):
    found = ccta.attribute(model, [LONGER], Config(layer=8))[0]
    encoded = model.encode(LONGER)
    words = found.subword_scores[~encoded.special.numpy()].sum()
    assert found.scores.sum() == pytest.approx(words)
    share = np.abs(found.subword_scores[encoded.special.numpy()]).sum()
    assert found.special_share == pytest.approx(share / np.abs(found.subword_scores).sum())
    assert [unit.text for unit in found.units if unit.segment == 0] == LONGER.text.split()


def test_at_the_embeddings_specials_have_no_attribution(model):
    """Specials are the same in the baseline: there the path does not move."""
    assert ccta.attribute(model, [PAIR], Config(layer=0))[0].special_share == pytest.approx(
        0, abs=1e-6
    )


def test_the_margin_is_the_logit_over_the_others():
    logits = torch.tensor([[[1.0, 2.0, 0.5]]])
    value = objective(logits, [Target(((0, 1),))], torch.ones(1, 1), "margin")
    expected = 2.0 - np.log(np.exp(1.0) + np.exp(0.5))
    assert float(value) == pytest.approx(expected, abs=1e-6)


def test_norm_masses_are_lengths_of_the_summed_vectors(model):
    config = Config(layer=8, mass="norm", quadrature=Quadrature(rule="gauss", points=4))
    found = ccta.attribute(model, [PAIR], config)[0]
    assert found.norms.shape == found.scores.shape
    assert (found.norms * np.sqrt(model.hf_model.config.hidden_size) >= np.abs(found.scores)).all()


def test_two_threads_get_the_right_answers(model):
    from concurrent.futures import ThreadPoolExecutor

    configs = [
        Config(layer=layer, target_class=CLASS, quadrature=Quadrature(rule="gauss", points=4))
        for layer in (2, 9)
    ]
    expected = [ccta.attribute(model, [PAIR], config)[0].subword_scores for config in configs]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda c: ccta.attribute(model, [PAIR], c)[0], configs * 3))
    for index, result in enumerate(found):
        np.testing.assert_allclose(result.subword_scores, expected[index % 2], atol=1e-5)


def test_bfloat16_stays_near_float32(model):
    fixed = Quadrature(rule="gauss", points=24)
    full, half = (
        ccta.attribute(model, [PAIR], Config(layer=8, precision=p, quadrature=fixed))[0]
        for p in ("fp32", "bf16")
    )
    encoded = model.encode(PAIR)
    gap = unit_masses(encoded, full.subword_scores) - unit_masses(encoded, half.subword_scores)
    assert np.abs(gap).sum() < 0.2


@pytest.mark.parametrize("layer", [-1, 12, 13, 99])
def test_a_layer_out_of_range_is_refused(model, layer):
    with pytest.raises(CctaError, match="expected 0 to 11"):
        ccta.attribute(model, [PAIR], Config(layer=layer))


def test_one_emoji_and_a_very_long_text(model):
    short, long = ccta.attribute(
        model,
        [Sentence("🙂", "en", "Yes."), Sentence("word " * 10_000, "en", "A word.")],
        Config(layer=11, quadrature=Quadrature(rule="gauss", points=1)),
    )
    assert not short.truncated
    assert long.truncated
    assert len(long.subwords) == 512
    assert np.isfinite(long.scores).all()


def test_a_broken_model_is_named(model):
    """NaN weights must not become a picture."""
    import copy

    broken = copy.deepcopy(model.hf_model)
    broken.classifier.weight.fill_(float("nan"))
    from ccta_core.models.model import Model

    with pytest.raises(CctaError, match="not finite"):
        ccta.attribute(Model(model.info, broken, model.tokenizer), [PAIR], Config(layer=11))


def test_it_stops_within_one_batch_when_nobody_waits(model):
    from ccta_core.errors import StoppedError

    asked = []

    def stop():
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(StoppedError):
        ccta.compare(model, LONGER, CHINESE, Config(unrelated=0, shuffles=0), stop)
    assert len(asked) == 3


def test_what_does_not_converge_says_so(model):
    """A cap of 9 points and a tolerance that they can't reach."""
    source = Sentence("It rained.", "en", "It was dry.")
    few = Quadrature(max_points=9, tolerance=1e-4)
    config = Config(unrelated=0, shuffles=0, quadrature=few)
    result = ccta.compare(model, source, source, config)
    assert not result.source.converged
    assert result.source.evaluations <= 9
    assert result.source.mass_error > 1e-4
    late = [notice for notice in result.notices if "did not converge" in notice]
    assert len(late) == 2
    assert all("(90%) after" in notice for notice in late)
