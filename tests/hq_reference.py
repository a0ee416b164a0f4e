"""``segment_anything_hq``, the reference of HQ-SAM, whose TinyViT is also that of MobileSAM."""

from __future__ import annotations

import sys
import types
import warnings
from typing import Any

import pytest
import torch
from torch import nn


class _Layers(types.ModuleType):
    """What it takes from ``timm``, which is large and says that it is no longer to be had there."""

    def __init__(self) -> None:
        super().__init__("timm.models.layers")
        self.to_2tuple = lambda side: (side, side)
        self.trunc_normal_ = nn.init.trunc_normal_
        self.DropPath = nn.Identity


def reference() -> Any:
    """Import it; skips the test where it is not installed."""
    layers, registry = _Layers(), types.ModuleType("timm.models.registry")
    registry.register_model = lambda function: function  # type: ignore[attr-defined]
    made = {
        "timm": types.ModuleType("timm"),
        "timm.models": types.ModuleType("timm.models"),
        "timm.models.layers": layers,
        "timm.models.registry": registry,
    }
    missing = {name: module for name, module in made.items() if name not in sys.modules}
    sys.modules.update(missing)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pytest.importorskip("segment_anything_hq", reason="of the group 'test'")
    finally:
        for name in missing:
            del sys.modules[name]


def lively(network: nn.Module, seed: int = 0) -> Any:
    """Fill a network of real size with random weights that keep activations about 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if not value.is_floating_point():
                continue
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0, generator=generator)
            elif value.dim() > 1 and "token" not in name and "bias" not in name:
                value.normal_(std=value[0].numel() ** -0.5, generator=generator)
            else:
                value.normal_(std=0.3, generator=generator)
            if name.endswith("weight") and value.dim() == 1:
                value.add_(1)
    # TinyViT looks its biases up when it changes to evaluation.
    return network.train().eval().requires_grad_(False)
