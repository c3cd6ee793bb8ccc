"""bfloat16 on a processor without instructions for it: same numbers, none of the slow products."""

import pytest
import torch
from torch.nn.functional import linear, scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

import ccta_core as ccta
from ccta_core.adjustment.objective import Frozen, Objective, add_batch_gradients, split_batch
from ccta_core.adjustment.words import word_states
from ccta_core.config import Config, Quadrature
from ccta_core.evaluation.predict import classes
from ccta_core.models import products
from ccta_core.models.products import RoundedProducts, matrix_precision, quick_products
from ccta_core.training.fit import Data, fit
from tests.test_adjustment import tiny  # noqa: F401 - a fixture
from tests.test_adjustment_objective import linked
from tests.test_adjustment_objective import model as encoders  # noqa: F401 - a fixture
from tests.test_training import items_of, quick


class Watch(TorchDispatchMode):
    """Counts the products that reach PyTorch in bfloat16 and in float32."""

    def __init__(self):
        super().__init__()
        self.slow, self.wide = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in products._PRODUCTS:
            kinds = {each.dtype for each in args if isinstance(each, torch.Tensor)}
            self.slow += [str(func)] if torch.bfloat16 in kinds else []
            self.wide += kinds == {torch.float32}
        return func(*args, **(kwargs or {}))


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.setattr(products, "has_bfloat16", lambda: False)
    return Watch()


def rounded(*shape, seed=0):
    made = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return made.bfloat16()


PRODUCTS = {
    "linear": (lambda a, b: linear(a, b, b[:, 0]), (5, 40), (7, 40)),
    "linear of rows in rows": (lambda a, b: linear(a, b), (2, 5, 40), (7, 40)),
    "matmul": (torch.matmul, (5, 40), (40, 7)),
    "matrix and vector": (torch.mv, (5, 40), (40,)),
    "many at once": (torch.matmul, (3, 2, 5, 40), (3, 2, 40, 7)),
    "added": (lambda a, b: torch.baddbmm(a[:, :, :1], a, b), (3, 5, 40), (3, 40, 7)),
    "attention": (lambda a, b: scaled_dot_product_attention(a, b, b), (2, 3, 5, 16), (2, 3, 9, 16)),
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("slopes", [False, True])
def test_values_and_slopes_are_those_of_float32_rounded_once(name, slopes):
    """A product is computed from the rounded numbers in float32; what comes out is rounded."""
    multiply, *shapes = PRODUCTS[name]
    sides = [rounded(*shape, seed=n).requires_grad_(slopes) for n, shape in enumerate(shapes)]
    wide = [side.detach().float().requires_grad_(slopes) for side in sides]
    with RoundedProducts(), torch.set_grad_enabled(slopes):
        result = multiply(*sides)
        expected = multiply(*wide)
    assert result.dtype == torch.bfloat16
    assert expected.dtype == torch.float32
    torch.testing.assert_close(result, expected.bfloat16(), rtol=0.008, atol=1e-6)
    if not slopes:
        return
    weights = rounded(*result.shape, seed=9)
    with RoundedProducts():
        own = torch.autograd.grad((result * weights).sum(), sides)
    theirs = torch.autograd.grad((expected * weights.float()).sum(), wide)
    for one, other in zip(own, theirs, strict=True):
        assert one.dtype == torch.bfloat16
        # attention's backward pass starts from its rounded result: two roundings, not one
        torch.testing.assert_close(one.float(), other, rtol=0.02, atol=0.02)


def test_it_is_pytorchs_own_bfloat16_but_for_rounding():
    left, right = rounded(64, 300), rounded(300, 48, seed=1)
    own = left @ right
    with RoundedProducts():
        ours = left @ right
    assert (own.float() - ours.float()).abs().max() <= 2**-7 * own.float().abs().max()
    assert (own != ours).float().mean() < 0.02


def test_what_is_written_into_the_callers_tensor_is_there():
    left, right, into = rounded(4, 6), rounded(6, 5, seed=1), torch.zeros(4, 5).bfloat16()
    with RoundedProducts():
        assert torch.mm(left, right, out=into) is into
    assert torch.equal(into, left @ right)


def test_other_numbers_are_left_alone():
    one, other = torch.randn(4, 4), torch.randn(4, 4).double()
    with RoundedProducts():
        assert torch.equal(one @ one, (one @ one).clone())
        assert (other @ other).dtype == torch.float64
        assert torch.equal(rounded(3) + 1, rounded(3).add(1))
    assert torch.equal(one @ one, one.mm(one))


@pytest.mark.parametrize(
    ("device", "has", "bfloat16", "taken"),
    [
        ("cpu", False, True, True),
        ("cpu", True, True, False),
        ("cpu", False, False, False),
        ("cuda", False, True, False),
    ],
)
def test_it_is_for_processors_without_it_alone(device, has, bfloat16, taken, monkeypatch):
    monkeypatch.setattr(products, "has_bfloat16", lambda: has)
    assert isinstance(quick_products(device, bfloat16=bfloat16), RoundedProducts) is taken


def test_a_forward_pass_is_in_the_precision_asked_for(watch):
    layer, rows = torch.nn.Linear(8, 8), torch.randn(2, 8)
    with watch, matrix_precision("cpu", bfloat16=True):
        assert layer(rows).dtype == torch.bfloat16
    with watch, matrix_precision("cpu", bfloat16=False):
        assert torch.equal(layer(rows), linear(rows, layer.weight, layer.bias))


def test_no_slow_product_in_training(watch, tmp_path):
    with watch:
        facts = fit(Data(items_of("nli", 8), spec=("made:up",)), quick("nli", epochs=1), tmp_path)
    assert facts["recipe"]["bfloat16"]
    assert watch.slow == []
    assert watch.wide > 100


@pytest.mark.parametrize("apart", [False, True])
def test_no_slow_product_in_adjustment(watch, encoders, apart):  # noqa: F811
    encoder, frozen, reader = encoders
    pairs, parameters = linked(reader), list(encoder.parameters())
    found = {}
    for bfloat16 in (False, True):
        encoder.zero_grad(set_to_none=True)
        objective = Objective(3, bfloat16=bfloat16)
        start = Frozen(frozen.encoder, bfloat16=bfloat16)
        with watch:
            add_batch_gradients(
                encoder, start, split_batch(reader, pairs), parameters, objective, apart=apart
            )
            word_states(encoder, reader, [pairs[0].english], 2, bfloat16=bfloat16)
        found[bfloat16] = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    assert watch.slow == []
    assert watch.wide > 100
    gap = (found[True] - found[False]).norm() / found[False].norm()
    assert 1e-4 < gap < 0.05  # bfloat16 it was, and float32's slopes but for its rounding


@pytest.mark.parametrize(
    "method", ["lig", "captum", "input_x_gradient", "gradient_norm", "occlusion", "rollout"]
)
def test_no_slow_product_in_attributions(watch, model, method):
    sentences = [ccta.read_demo("nli")[0].sentences[lang] for lang in ("en", "es")]
    rule = Quadrature(rule="gauss", points=3)
    config = Config(layer=10, method=method, quadrature=rule, precision="bf16")
    with watch:
        rough = ccta.attribute(model, sentences, config)
    assert watch.slow == []
    assert watch.wide > 10
    exact = ccta.attribute(model, sentences, Config(layer=10, method=method, quadrature=rule))
    for one, other in zip(rough, exact, strict=True):
        scale = abs(other.subword_scores).max()
        assert 0 < abs(one.subword_scores - other.subword_scores).max() < 0.1 * scale


def test_no_slow_product_in_scoring(watch, model):
    items = items_of("nli", 6)
    with watch:
        assert classes(model, items, bfloat16=True) == classes(model, items)
    assert watch.slow == []
    assert watch.wide > 10
