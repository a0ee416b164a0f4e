"""Eight-bit products: close to the exact encoder, never mistaken for it, refused where useless."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_sam import Prompt
from napari_sam.errors import DeviceError, ModelError
from napari_sam.loading import load_model
from napari_sam.models.sam import int8
from napari_sam.models.sam.int8 import Int8Linear, with_int8
from napari_sam.models.sam.onnx_export import export_onnx
from tiny_sam import tiny_sam

PLANE = np.random.default_rng(0).integers(0, 256, (90, 120), dtype=np.uint8)


@pytest.fixture
def worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take for granted that this processor gains by it."""
    monkeypatch.setattr(int8, "faster", lambda: True)


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_close_and_an_outlier_spoils_only_its_own_row(bias):
    torch.manual_seed(0)
    layer = nn.Linear(96, 160, bias=bias)
    x = torch.randn(40, 96)
    x[3, 5] = 1000.0
    with torch.no_grad():
        off = (Int8Linear(layer)(x) - layer(x)).abs() / layer(x)[4:].std()
    assert off[4:].max() < 0.06
    assert off[:3].max() < 0.06


def test_rows_of_zeros_give_the_bias():
    layer = nn.Linear(32, 32)
    with torch.no_grad():
        assert torch.equal(Int8Linear(layer)(torch.zeros(20, 32)), layer.bias.expand(20, -1))


def test_the_embedding_is_close_and_the_model_given_stays_exact(worthwhile):
    model = tiny_sam()
    before = model.encode(PLANE).features.image
    rough = with_int8(model)
    after = rough.encode(PLANE).features.image
    cosine = torch.cosine_similarity(before, after, dim=1)
    assert 0.98 < cosine.mean() < 1 - 1e-6  # close, but other products were made
    assert torch.equal(model.encode(PLANE).features.image, before)
    assert not any(isinstance(m, nn.Linear) for m in rough.network.image_encoder.modules())
    ours, theirs = rough.network.mask_decoder, model.network.mask_decoder
    assert all(a is b for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_embeddings_are_not_mixed_up(worthwhile):
    model = tiny_sam()
    rough = with_int8(model)
    assert rough.fingerprint != model.fingerprint
    assert with_int8(tiny_sam(1)).fingerprint != rough.fingerprint
    assert rough.predict(rough.encode(PLANE), Prompt(points=[(40, 40)])).masks.shape == (3, 90, 120)
    with pytest.raises(ModelError, match="another model"):
        rough.predict(model.encode(PLANE), Prompt(points=[(40, 40)]))


def test_it_is_refused_where_it_does_not_pay(monkeypatch):
    monkeypatch.setattr(int8, "faster", lambda: False)
    with pytest.raises(DeviceError, match="not faster"):
        with_int8(tiny_sam())


def test_the_processor_is_asked_without_failing():
    assert int8.faster() in (True, False)


def test_other_models_devices_and_export_are_refused(worthwhile, tmp_path):
    with pytest.raises(ModelError, match="not a Segment Anything ViT"):
        with_int8(load_model("cells"))
    elsewhere = tiny_sam()
    elsewhere.device = "cuda"
    with pytest.raises(DeviceError, match="for the CPU"):
        with_int8(elsewhere)
    with pytest.raises(ModelError, match="eight-bit"):
        export_onnx(with_int8(tiny_sam()), tmp_path)
