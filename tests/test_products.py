"""Products with frozen weights: PyTorch's numbers and slopes, and its own path elsewhere."""

import copy

import pytest
import torch
from torch.nn import Linear

from ccta_core.models import products
from ccta_core.models.products import FrozenLinear, use_quick_products

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="PyTorch was built without oneDNN"
)


@pytest.fixture
def layers(monkeypatch):
    """A linear layer, the same by oneDNN, and what oneDNN was asked to multiply."""
    monkeypatch.setattr(products, "mkl_is_slow", lambda: True)
    torch.manual_seed(3)
    plain = Linear(192, 256).requires_grad_(False)
    quick = copy.deepcopy(plain)
    use_quick_products(quick)
    asked, multiply = [], products._multiply
    monkeypatch.setattr(products, "_multiply", lambda *args: asked.append(1) or multiply(*args))
    return plain, quick, asked


@pytest.mark.parametrize("shape", [(192,), (1, 192), (5, 192), (3, 7, 192), (0, 192)])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_slopes_are_pytorchs(layers, shape, bias):
    plain, quick, asked = layers
    if not bias:
        plain.bias = quick.bias = None
    rows = torch.randn(shape)
    first, second = (rows.clone().requires_grad_() for _ in range(2))
    expected, result = plain(first), quick(second)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    weights = torch.randn(expected.shape)
    (slope,) = torch.autograd.grad((expected * weights).sum(), first)
    (quick_slope,) = torch.autograd.grad((result * weights).sum(), second)
    torch.testing.assert_close(quick_slope, slope, atol=1e-5, rtol=1e-5)
    with torch.inference_mode():
        torch.testing.assert_close(quick(rows), plain(rows), atol=1e-5, rtol=1e-5)
    assert len(asked) == 3


def test_rows_in_any_order_of_memory(layers):
    plain, quick, _ = layers
    rows = torch.randn(192, 9, 2).permute(2, 1, 0)
    torch.testing.assert_close(quick(rows), plain(rows), atol=1e-5, rtol=1e-5)


def test_whatever_is_another_product_is_pytorchs(layers):
    plain, quick, asked = layers
    rows = torch.randn(4, 192)
    assert torch.equal(quick.double()(rows.double()), plain.double()(rows.double()))
    learning = quick.float().requires_grad_()
    learning(rows).sum().backward()
    assert learning.weight.grad is not None
    assert asked == []


def test_what_is_small_or_of_another_class_stays(monkeypatch):
    monkeypatch.setattr(products, "mkl_is_slow", lambda: True)
    small, other = Linear(16, 16), torch.nn.Bilinear(200, 200, 2)
    use_quick_products(torch.nn.Sequential(small, other))
    assert type(small) is Linear
    assert type(other) is torch.nn.Bilinear


def test_where_mkl_is_quick_float32_is_pytorchs(layers, monkeypatch):
    plain, quick, asked = layers
    monkeypatch.setattr(products, "mkl_is_slow", lambda: False)
    rows = torch.randn(5, 192)
    assert torch.equal(quick(rows), plain(rows))
    assert asked == []


@pytest.mark.parametrize("bias", [True, False])
def test_bfloat16_is_autocasts_own_bit_by_bit(layers, bias):
    plain, quick, _ = layers
    if not bias:
        plain.bias = quick.bias = None
    rows = torch.randn(6, 192)
    first, second = (rows.clone().requires_grad_() for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.inference_mode():
            assert torch.equal(quick(rows), plain(rows))
        expected, result = plain(first), quick(second)
    assert result.dtype == torch.bfloat16
    assert torch.equal(result, expected)
    expected.float().square().sum().backward()
    result.float().square().sum().backward()
    assert torch.equal(second.grad, first.grad)


def test_rounded_weights_are_kept_and_never_older_than_the_weights(layers, monkeypatch):
    plain, quick, _ = layers
    rows = torch.randn(6, 192)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        quick(rows)
        kept = quick._kept
        quick(rows)
        assert quick._kept is kept
        with torch.inference_mode(False):
            for layer in (plain, quick):
                layer.weight.mul_(1.5)
        assert torch.equal(quick(rows), plain(rows))
        with torch.inference_mode(False):
            other = torch.nn.Parameter(torch.randn(256, 192), requires_grad=False)
            plain.weight = quick.weight = other
        assert torch.equal(quick(rows), plain(rows))
    assert set(quick.state_dict()) == {"weight", "bias"}


def test_attributions_are_the_same_either_way(model, monkeypatch):
    """On the embedded model, layer 8; on a machine where MKL is quick both are by MKL."""
    import ccta_core as ccta
    from ccta_core.config import Config, Quadrature

    sentences = [ccta.read_demo("nli")[0].sentences[lang] for lang in ("en", "zh")]
    config = Config(layer=8, quadrature=Quadrature(rule="midpoint", points=4))
    quick = ccta.attribute(model, sentences, config)
    monkeypatch.setattr(FrozenLinear, "forward", Linear.forward)
    for result, expected in zip(quick, ccta.attribute(model, sentences, config), strict=True):
        scale = abs(expected.subword_scores).max()
        assert abs(result.subword_scores - expected.subword_scores).max() <= 1e-4 * scale
