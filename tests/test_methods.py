"""Every method against an independent computation of the same thing, and what must hold of all."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from captum.attr import LayerGradientXActivation
from small_models import (
    CLASS,
    HEADS,
    LONG,
    MASK,
    PAD,
    POINTS,
    SHORT,
    SIZES,
    SMALL,
    bert,
    f_of,
    loaded,
    module_of,
    requests,
)
from transformers import (
    ModernBertConfig,
    ModernBertForSequenceClassification,
)

from ccta_core.attribution.captum_reference import captum_integrated_gradients
from ccta_core.attribution.gradients import gradient_norm, input_x_gradient
from ccta_core.attribution.integrated_gradients import layer_integrated_gradients, unit_sums
from ccta_core.attribution.methods import METHODS, method, traits
from ccta_core.attribution.occlusion import occlusion
from ccta_core.attribution.protocol import Request
from ccta_core.attribution.rollout import attention_rollout
from ccta_core.config import Config, Quadrature
from ccta_core.errors import CctaError, StoppedError
from ccta_core.models.heads import head_logits
from ccta_core.models.layer_suffix import own_modules
from ccta_core.types import Sentence


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("layer", [0, 2])
def test_input_x_gradient_is_captums(head, layer):
    kind, target = HEADS[head]
    model = bert(kind)

    def forward(ids):
        return f_of(head_logits(model.hf_model(input_ids=ids)), target)

    theirs = LayerGradientXActivation(forward, module_of(model, layer)).attribute(SHORT.ids[None])
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    config = Config(layer=layer, mass="norm")
    ours = input_x_gradient(model, requests(model, layer, target), config)[0]
    np.testing.assert_allclose(ours.vectors, theirs[0].detach(), atol=1e-5)
    np.testing.assert_allclose(ours.scores, theirs[0].detach().sum(-1), atol=1e-5)
    assert ours.f_input == pytest.approx(float(forward(SHORT.ids[None])), abs=1e-5)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_gradients_norm_by_hand(layer):
    model = bert()
    words = model.hf_model.base_model.embeddings.word_embeddings(SHORT.ids[None]).requires_grad_()
    output = model.hf_model(inputs_embeds=words, output_hidden_states=True)
    (slopes,) = torch.autograd.grad(output.logits[0, 1], output.hidden_states[layer])
    found = gradient_norm(model, requests(model, layer), Config(layer=layer))[0]
    np.testing.assert_allclose(found.scores, slopes[0].norm(dim=-1), rtol=1e-4)
    assert (found.scores >= 0).all()
    assert found.f_baseline is None
    assert found.completeness_error is None


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("layer", "baseline"), [(0, "pad"), (1, "mask"), (2, "zero")])
def test_occlusion_is_a_plain_loop_over_the_whole_model(head, layer, baseline):
    kind, target = HEADS[head]
    model = bert(kind)
    hf, where = model.hf_model, module_of(model, layer)
    blank_ids = torch.where(SHORT.special, SHORT.ids, {"mask": MASK}.get(baseline, PAD))[None]
    with torch.inference_mode():
        blank = hf(input_ids=blank_ids, output_hidden_states=True).hidden_states[layer]
        blank = torch.zeros_like(blank) if baseline == "zero" else blank
        whole = f_of(head_logits(hf(input_ids=SHORT.ids[None])), target)
        expected = np.zeros(SHORT.length)
        for members in SHORT.maps[0].members:

            def swap(_module, _given, out, at=members):
                changed = out.clone()
                changed[:, list(at)] = blank[:, list(at)]
                return changed

            handle = where.register_forward_hook(swap)
            left = f_of(head_logits(hf(input_ids=SHORT.ids[None])), target)
            handle.remove()
            expected[list(members)] = float(whole - left) / len(members)
    config = Config(layer=layer, baseline=baseline)
    found = occlusion(model, requests(model, layer, target), config)[0]
    np.testing.assert_allclose(found.scores, expected, atol=1e-5)
    assert found.evaluations == 4
    assert found.f_baseline is None
    assert found.scores[[0, -1]].tolist() == [0, 0]


def plain_rollout(attentions, rows):
    """Rollout in NumPy from attentions (heads, tokens, tokens), first layer first."""
    rolled = np.eye(attentions[0].shape[-1])
    for attention in attentions:
        mixed = 0.5 * attention.mean(0) + 0.5 * np.eye(len(rolled))
        rolled = (mixed / mixed.sum(1, keepdims=True)) @ rolled
    return rolled[rows].mean(0)


def eager(model):
    view = own_modules(model.hf_model)
    view.set_attn_implementation("eager")
    return view


@pytest.mark.parametrize(("head", "rows"), [("classes", [0]), ("answer", [2, 4]), ("tags", [1, 3])])
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_rollout_by_hand(head, rows, layer):
    kind, target = HEADS[head]
    model = bert(kind)
    with torch.inference_mode():
        output = eager(model)(input_ids=SHORT.ids[None], output_attentions=True)
    attentions = [attention[0].numpy() for attention in output.attentions[layer:]]
    expected = plain_rollout(attentions, rows) if attentions else np.eye(6)[rows].mean(0)
    found = attention_rollout(model, requests(model, layer, target), Config(layer=layer))[0]
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    assert found.scores.sum() == pytest.approx(1)
    assert found.f_input == pytest.approx(float(f_of(head_logits(output), target)[0]), abs=1e-5)


def test_rollout_of_a_head_that_takes_the_mean_reads_every_token():
    model = loaded(
        ModernBertForSequenceClassification,
        ModernBertConfig(
            **SMALL, **SIZES, classifier_pooling="mean", bos_token_id=0, eos_token_id=2,
            cls_token_id=0, sep_token_id=2, local_attention=8,
        ),
    )  # fmt: skip
    with torch.inference_mode():
        output = eager(model)(input_ids=SHORT.ids[None], output_attentions=True)
    expected = plain_rollout([a[0].numpy() for a in output.attentions], list(range(6)))
    asked = [Request(item, torch.zeros(item.length, 16), CLASS) for item in (SHORT, LONG)]
    found = attention_rollout(model, asked, Config())
    np.testing.assert_allclose(found[0].scores, expected, atol=1e-6)
    assert [len(one.scores) for one in found] == [SHORT.length, LONG.length]


def test_rollout_and_captum_leave_the_shared_model_as_it_was():
    model = bert()
    asked = requests(model, 1)
    hooks = [len(module._forward_hooks) for module in model.hf_model.modules()]
    before = model.hf_model.config._attn_implementation
    attention_rollout(model, asked, Config(layer=1))
    captum_integrated_gradients(model, asked, Config(layer=1, quadrature=POINTS.quadrature))
    assert model.hf_model.config._attn_implementation == before != "eager"
    assert [len(module._forward_hooks) for module in model.hf_model.modules()] == hooks
    view = own_modules(model.hf_model)
    own = {id(module) for module in model.hf_model.modules()}
    assert {id(t) for t in view.parameters()} == {id(t) for t in model.hf_model.parameters()}
    assert {id(t) for t in view.buffers()} == {id(t) for t in model.hf_model.buffers()}
    assert not own & {id(module) for module in view.modules()}


def test_rollout_needs_attentions():
    model = bert()
    asked = requests(model, 1)
    model._trace = replace(model._trace, makers=(*model._trace.makers, 0))  # one layer more
    with pytest.raises(CctaError, match="3 of its 4 layers"):
        attention_rollout(model, asked, Config(layer=1))


class Linear:
    """A model whose logits are linear in the activations, of two classes."""

    id, device, tokenizer, even_only = "linear", torch.device("cpu"), None, False
    info = SimpleNamespace(card={}, folder=None)
    hf_model = SimpleNamespace(config=SimpleNamespace(hidden_size=5))

    def __init__(self):
        self.weights = torch.randn(12, 5, 2, generator=torch.Generator().manual_seed(3))

    def inputs(self, rows):
        masks = [torch.ones(row.length) for row in rows]
        return {"attention_mask": torch.nn.utils.rnn.pad_sequence(masks, batch_first=True)}

    def layer_suffix(self, _layer):
        def run(states, _inputs):
            return torch.einsum("rtd,tdc->rc", states, self.weights[: states.shape[1]])[:, None]

        return run


def test_where_the_model_is_linear_every_signed_method_agrees():
    model = Linear()
    draw = torch.Generator().manual_seed(1)
    asked = [
        Request(item, torch.randn(item.length, 5, generator=draw), CLASS) for item in (SHORT, LONG)
    ]
    config = Config(baseline="zero")
    lig = layer_integrated_gradients(model, asked, config)
    products = input_x_gradient(model, asked, config)
    taken = occlusion(model, asked, config)
    norms = gradient_norm(model, asked, config)
    for request, one, two, three, norm in zip(asked, lig, products, taken, norms, strict=True):
        expected = (request.states * model.weights[: request.encoded.length, :, 1]).sum(-1)
        np.testing.assert_allclose(one.scores, expected, atol=1e-4)
        np.testing.assert_allclose(two.scores, expected, atol=1e-5)
        np.testing.assert_allclose(
            unit_sums(request.encoded, three.scores),
            unit_sums(request.encoded, two.scores),
            atol=1e-5,
        )
        weights = model.weights[: request.encoded.length, :, 1]
        np.testing.assert_allclose(norm.scores, weights.norm(dim=-1), rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_batch_equals_its_singles(name):
    model = bert()
    config = Config(layer=1, quadrature=POINTS.quadrature)
    asked = requests(model, 1, items=(LONG, SHORT, LONG))
    run = method(name)
    together = run(model, asked, config, lambda: False)
    assert len(together) == 3
    for request, found in zip(asked, together, strict=True):
        alone = run(model, [request], config, lambda: False)[0]
        scale = np.abs(alone.scores).max()
        np.testing.assert_allclose(found.scores / scale, alone.scores / scale, atol=1e-5)
        assert found.f_input == pytest.approx(alone.f_input, abs=1e-5)
        assert found.evaluations == alone.evaluations
        assert found.scores.shape == (request.encoded.length,)


@pytest.mark.parametrize("name", METHODS)
def test_the_same_question_has_the_same_answer(name):
    model = bert()
    asked = requests(model, 1, items=(LONG, SHORT))
    config = POINTS.with_layer(1)
    first, second = (method(name)(model, asked, config, lambda: False) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_stops_when_nobody_waits(name):
    model = bert()
    asked = []

    def stop():
        asked.append(True)
        return True

    with pytest.raises(StoppedError):
        method(name)(model, requests(model, 0, items=(LONG, SHORT)), Config(), stop)
    assert len(asked) == 1


@pytest.mark.parametrize("name", METHODS)
def test_traits_are_true_of_the_scores(name):
    model, known = bert(), traits(name)
    config = Config(layer=1, mass="norm", quadrature=POINTS.quadrature)
    found = method(name)(model, requests(model, 1, items=(LONG,)), config, lambda: False)[0]
    assert bool((found.scores < 0).any()) == known.signed
    assert (found.completeness_error is not None) == known.completeness
    assert (found.f_baseline is not None) == known.completeness
    assert (found.vectors is not None) == known.vectors
    if known.vectors:
        np.testing.assert_allclose(found.vectors.sum(-1), found.scores, atol=1e-5)
    if len(known.baselines) > 1:
        other = method(name)(
            model,
            requests(model, 1, items=(LONG,)),
            Config(layer=1, baseline="mask", quadrature=POINTS.quadrature),
            lambda: False,
        )[0]
        assert np.abs(other.scores - found.scores).max() > 1e-3


def test_an_unknown_method_is_named():
    with pytest.raises(CctaError, match="unknown method 'lime'; expected one of: lig, "):
        method("lime")


@pytest.mark.parametrize("name", [name for name in METHODS if name != "lig"])
def test_on_the_shipped_model(model, name):
    """Real weights: the same F as integrated gradients, finite scores, one for each token."""
    config = Config(layer=8, quadrature=Quadrature(rule="gauss", points=2))
    item = model.encode(Sentence("渡轮取消了。", "zh", "渡轮准时开出了。"))
    asked = requests(model, 8, items=(item,))
    found = method(name)(model, asked, config, lambda: False)[0]
    expected = layer_integrated_gradients(model, asked, config)[0].f_input
    assert found.f_input == pytest.approx(expected, abs=1e-4)
    assert np.isfinite(found.scores).all()
    assert found.scores.shape == (item.length,)
    assert np.ptp(found.scores) > 0
