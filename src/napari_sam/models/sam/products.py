"""Matrix products by the library that is faster on this processor.

PyTorch multiplies float32 matrices with MKL, which on processors of other makers than Intel may
use only half of their vector units. oneDNN, which PyTorch brings along for convolutions, does
not; where it is there, gives the same numbers and proves faster, it is used. Which one it is, is
measured once per process, in some milliseconds.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

_ROWS = 64  # with fewer rows there is nothing to gain,
_WEIGHTS = 1 << 19  # unless this many weights are read for them
_FASTER = 0.9  # share of the time below which switching pays


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x @ weight.T + bias``, as ``torch.nn.functional.linear``.

    Parameters
    ----------
    x : (..., K) Tensor
    weight : (N, K) Tensor
        May be a transposed view, so that any product of matrices can be had.
    bias : (N,) Tensor, optional
    """
    plain = x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32
    gains = x.dim() == 2 and (len(x) >= _ROWS or weight.numel() >= _WEIGHTS)
    if plain and gains and not torch.is_grad_enabled() and _faster():
        return _onednn(x, weight, bias)
    return F.linear(x, weight, bias)


def transposed(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a @ b.T`` for every matrix of a batch: (B, M, K) and (B, N, K) give (B, M, N)."""
    if _single(a):
        return _onednn(a[0], b[0], None)[None]
    return torch.bmm(a, b.transpose(1, 2))


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a @ b`` for every matrix of a batch: (B, M, K) and (B, K, N) give (B, M, N)."""
    return transposed(a, b.transpose(1, 2))


def accumulated(a: Tensor, b: Tensor, other: Tensor) -> Tensor:
    """Return ``a @ b + other`` for batches; `other` (B, M, N) may be overwritten."""
    if _single(a):
        return added(a[0], b[0].t(), other[0])[None]
    return other.baddbmm_(a, b)


def add_heads(total: Tensor, asked: Tensor, table: Tensor, alpha: float = 1.0) -> None:
    """Add ``alpha * asked @ table`` of every head in place, without making it first.

    Parameters
    ----------
    total : (B, heads * T, N) Tensor
    asked : (B, heads, T, d) Tensor
    table : (heads, d, N) Tensor
    alpha : float
    """
    if len(total) == 1:
        total[0].view(*asked.shape[1:3], -1).baddbmm_(asked[0], table, alpha=alpha)
    else:
        total.add_((asked @ table).flatten(1, 2), alpha=alpha)


def added(x: Tensor, weight: Tensor, other: Tensor) -> Tensor:
    """Return ``x @ weight.T + other`` for 2-D tensors."""
    if x.device.type == "cpu" and _faster() and not torch.is_grad_enabled():
        found: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, other, weight, None, "add")
        return found
    return torch.addmm(other, x, weight.t())


def apply(layer: torch.nn.Module, x: Tensor) -> Tensor:
    """Run a linear layer, or what was chosen to stand in for it."""
    if not isinstance(layer, torch.nn.Linear):
        found: Tensor = layer(x)
        return found
    return linear(x, layer.weight, layer.bias)


def _single(a: Tensor) -> bool:
    """Whether a batch is one matrix that oneDNN multiplies faster."""
    return a.device.type == "cpu" and len(a) == 1 and not torch.is_grad_enabled() and _faster()


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return found


@functools.cache
def _faster() -> bool:
    """Measure whether oneDNN's product is there, right and faster."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(512, 256, generator=generator)
    weight = torch.randn(256, 256, generator=generator)
    bias = torch.randn(256, generator=generator)
    try:
        with torch.no_grad():
            expected = F.linear(x, weight, bias)
            if not torch.allclose(_onednn(x, weight, bias), expected, atol=1e-4):
                return False
            strided = _onednn(x, weight.t().contiguous().t(), None) + bias
            if not torch.allclose(strided, expected, atol=1e-4):
                return False
            summed = torch.ops.mkldnn._linear_pointwise.binary(x, expected, weight, None, "add")
            if not torch.allclose(summed, 2 * expected - bias, atol=1e-4):
                return False
            # In turns, so that what else the machine does hits both.
            times = [
                (
                    _seconds(lambda: F.linear(x, weight, bias)),
                    _seconds(lambda: _onednn(x, weight, bias)),
                )
                for _ in range(9)
            ]
    except (AttributeError, NotImplementedError, RuntimeError):
        return False  # this build of PyTorch has no oneDNN, or names it otherwise
    own, other = (min(column) for column in zip(*times, strict=True))
    return other < _FASTER * own


def _seconds(run: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
