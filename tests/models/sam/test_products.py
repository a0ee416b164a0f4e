"""Whichever library multiplies, the numbers are the same."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from napari_sam.models.sam import products


@pytest.fixture(params=[True, False])
def chosen(request, monkeypatch):
    if request.param and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this PyTorch has no oneDNN")
    monkeypatch.setattr(products, "_faster", lambda: request.param)


@torch.no_grad()
@pytest.mark.parametrize("rows", [1, 63, 64, 300])
def test_products_equal_those_of_pytorch(chosen, rows):
    x, weight, bias = torch.randn(rows, 40), torch.randn(24, 40), torch.randn(24)
    expected = F.linear(x, weight, bias)
    torch.testing.assert_close(products.linear(x, weight, bias), expected, atol=1e-4, rtol=1e-4)
    strided = weight.t().contiguous().t()
    torch.testing.assert_close(products.linear(x, strided, bias), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        products.added(x, weight, expected), 2 * expected - bias, atol=1e-4, rtol=1e-4
    )
    layer = torch.nn.Linear(40, 24)
    torch.testing.assert_close(products.apply(layer, x), layer(x), atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 3])
def test_products_of_batches(chosen, batch):
    a, b = torch.randn(batch, 70, 30), torch.randn(batch, 50, 30)
    found = products.transposed(a, b)
    expected = a @ b.transpose(1, 2)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    found = products.matmul(a, b.transpose(1, 2))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    found = products.accumulated(a, b.transpose(1, 2), expected.clone())
    torch.testing.assert_close(found, 2 * expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 3])
def test_products_of_heads_are_added_in_place(batch):
    total, asked, table = (
        torch.randn(batch, 9, 50),
        torch.randn(batch, 2, 3, 8),
        torch.randn(2, 8, 50),
    )
    expected = total.clone()
    expected[:, 1:7] += 2 * (asked @ table).flatten(1, 2)
    products.add_heads(total[:, 1:7], asked, table, alpha=2)
    torch.testing.assert_close(total, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_few_rows_with_many_weights(chosen):
    x, weight, bias = torch.randn(7, 256), torch.randn(2048, 256), torch.randn(2048)
    expected = F.linear(x, weight, bias)
    torch.testing.assert_close(products.linear(x, weight, bias), expected, atol=1e-4, rtol=1e-4)


def test_gradients_are_left_to_pytorch(chosen):
    x = torch.randn(100, 30, requires_grad=True)
    products.linear(x, torch.randn(5, 30)).sum().backward()
    assert x.grad is not None


def test_a_build_without_it_is_no_error(monkeypatch):
    def absent(*_):
        raise AttributeError("no such operator")

    monkeypatch.setattr(products, "_onednn", absent)
    assert products._faster.__wrapped__() is False
