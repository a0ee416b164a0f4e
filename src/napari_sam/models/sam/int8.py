"""SAM's image encoder with eight-bit products: faster on a CPU, and not exact.

Every row of the input and every output channel of the weights has a scale of its own, so one
outlier costs the precision of one token and not that of all. Sums are made in 32-bit integers.
Only the linear layers of the image encoder change; attention, norms and the mask decoder stay in
float32. ``docs/accelerators.md`` has the measured times and deviations.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from napari_sam.errors import DeviceError, ModelError
from napari_sam.models.model import Model
from napari_sam.models.sam import products
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam.network import vit_network

_LEVELS = 127  # the same range on both sides of zero, so there are no offsets to correct for
_LEAST = 1e-12  # a scale of a row of zeros


class Int8Linear(nn.Module):
    """A linear layer whose weights, and whose input row by row, are rounded to eight bits.

    Parameters
    ----------
    layer : nn.Linear
        Left as it is.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        with torch.no_grad():
            scale = layer.weight.abs().amax(1).clamp_(min=_LEAST) / _weight_levels()
            rounded = (layer.weight / scale[:, None]).round_().to(torch.int8)
        self.register_buffer("weight", rounded.t())
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Multiply (N, K) float32 rows; returns (N, M) float32."""
        scale = x.abs().amax(1, keepdim=True).clamp_(min=_LEAST) / _LEVELS
        found = torch._int_mm((x / scale).round_().to(torch.int8), self.weight).float()
        found.mul_(scale).mul_(self.scale)
        return found if self.bias is None else found.add_(self.bias)


@functools.cache
def _weight_levels() -> int:
    """Return how many levels weights may have on either side of zero on this processor.

    Processors without VNNI add two products in 16 bits, which overflow with the whole range: half
    of it for the weights keeps every sum exact.
    """
    most = torch.full((32, 32), _LEVELS, dtype=torch.int8)
    exact = bool((torch._int_mm(most, most) == 32 * _LEVELS**2).all())
    return _LEVELS if exact else _LEVELS // 2


def with_int8(model: Model) -> SamModel:
    """Make a model that encodes with eight-bit products on the CPU.

    Parameters
    ----------
    model : SamModel
        On the CPU. It is left as it is, and shares all other weights with the new one. Embeddings
        of one are not accepted by the other.

    Returns
    -------
    SamModel

    Raises
    ------
    ModelError
        When the model is none of the SAM family.
    DeviceError
        When the model is not on the CPU, or eight-bit products are not faster on this processor.
    """
    whole = vit_network(model)
    if whole is None:
        raise ModelError(
            f"The model {model.name!r} is not a Segment Anything ViT: there are no eight-bit "
            "products for it. Use it as it is, or load a model of the SAM family."
        )
    if model.device != "cpu":
        raise DeviceError(
            f"Eight-bit products are for the CPU, and the model is on {model.device!r}, which is "
            "faster without them. Load it with device='cpu' if that is what you want."
        )
    if not faster():
        raise DeviceError(
            "Eight-bit products are not faster than float32 on this processor with this version "
            "of PyTorch, only less precise. Use the model as it is."
        )
    encoder = whole.image_encoder
    # What is in the memo is not copied: linear layers become eight-bit ones, weights are shared.
    memo: dict[int, object] = {
        id(layer): Int8Linear(layer) for layer in encoder.modules() if isinstance(layer, nn.Linear)
    }
    for weight in (*whole.parameters(), *whole.buffers()):
        memo[id(weight)] = weight
    network = copy.deepcopy(whole, memo)
    digest = hashlib.sha256(f"int8 by rows, 1: {model.fingerprint}".encode()).hexdigest()
    head = getattr(model, "head", None)
    return SamModel(network, model.name, model.device, digest, head)


@functools.cache
def faster() -> bool:
    """Measure, once per process, whether eight-bit products are right and faster here."""
    layer = nn.Linear(512, 512)
    x = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
    try:
        rounded = Int8Linear(layer)
        with torch.no_grad():
            expected = products.apply(layer, x)
            if (rounded(x) - expected).abs().max() > 0.1 * expected.std():
                return False
            own = _fastest(lambda: products.apply(layer, x))
            return _fastest(lambda: rounded(x)) < own
    except (AttributeError, NotImplementedError, RuntimeError):
        return False  # this build of PyTorch has no product of eight-bit matrices


def _fastest(run: Callable[[], Tensor]) -> float:
    found = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        run()
        found = min(found, time.perf_counter() - start)
    return found
