"""Planes read in products of 8 bits show what float32 shows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

import napari_sam as ns
from napari_sam.errors import CheckpointError
from napari_sam.models.cells import int8, load, readers, size
from napari_sam.models.cells.int8 import Int8Reader, _Conv, _Scale, multiplies_int8
from napari_sam.models.cells.load import load_cells
from napari_sam.models.cells.network import ARCHITECTURES, CellsNetwork
from napari_sam.models.cells.walk import ranges_of
from napari_sam.prompts import Prompt
from napari_sam.regions import mask_iou
from napari_sam.training.synthetic import generate

here = pytest.mark.skipif(not multiplies_int8(), reason="this processor does not read in 8 bits")


def trained(name: str) -> CellsNetwork:
    """A folded network with statistics as after training."""
    torch.manual_seed(3)
    network = CellsNetwork(**ARCHITECTURES[name])
    with torch.no_grad():
        for key, value in network.state_dict().items():
            if "running_var" in key:
                value.uniform_(0.5, 1.5)
            elif "running_mean" in key:
                value.uniform_(-0.5, 0.1)
    network.eval().requires_grad_(False).fold_norms()
    return network.to(memory_format=torch.channels_last)


@here
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_read_as_it_answers_in_float32(name):
    network = trained(name)
    images = [torch.rand(1, 3, 96, 64), torch.rand(1, 1, 64, 64) ** 3]
    network.ranges = ranges_of(network, images)
    reader = Int8Reader(network)
    with torch.inference_mode():
        for image in images:
            wanted, levels = network.encode(image), reader.encode(image)
            pairs = [
                *zip(wanted, reader.as_numbers(levels), strict=True),
                (network.instances(wanted), reader.instances(levels)),
                (network.sizes(wanted), reader.sizes(levels)),
            ]
            for one, two in pairs:
                assert one.shape == two.shape
                assert two.dtype == torch.float32
                # a hundredth of the reach is two or three of the 255 levels
                assert (one - two).abs().mean() < 0.02 * (one.max() - one.min())


@here
@given(st.integers(1, 40), st.integers(1, 24), st.sampled_from([1, 3, 5]), st.booleans())
def test_no_sum_of_products_is_cut_off(inputs, outputs, kernel, negative):
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.constant_(conv.weight, -0.5 if negative else 0.5)
    zero = 128 if negative else 0
    x = torch.full((1, inputs, 6, 6), 0 if negative else 255, dtype=torch.uint8)
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = _Conv(conv, _Scale(0.1, zero)).numbers(x)
        wanted = conv(0.1 * (x.float() - zero))
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


@here
def test_a_plane_shows_the_same_objects(monkeypatch):
    monkeypatch.setattr(size, "NEAR_SIZES", (1.0,))  # which one is chosen can hang on little
    image = generate("nuclei_dense", 5, (192, 192)).image
    exact, fast = load_cells(), load_cells(precision="int8")
    assert exact.fingerprint != fast.fingerprint  # what one keeps is not served to the other
    assert isinstance(ns.load_model("cells", device="cpu").eyes.reader, Int8Reader)
    maps = [model.instance_maps(model.encode(image)) for model in (exact, fast)]
    assert maps[0].diameter == pytest.approx(maps[1].diameter, rel=0.05)
    at_one_size = fast.instance_maps(fast.encode(image), diameter=maps[0].diameter)
    inside = maps[0].foreground > 0.5
    assert np.mean((at_one_size.foreground > 0.5) != inside) < 0.01


@here
def test_a_box_and_a_click_are_answered_with_the_same_masks():
    image, labels = generate("nuclei_sparse", 5, (192, 192))[:2]
    exact, fast = load_cells(), load_cells(precision="int8")
    embeddings = [model.encode(image) for model in (exact, fast)]
    for number in np.unique(labels)[1:6]:
        rows, columns = np.nonzero(labels == number)
        box = (rows.min() - 0.5, columns.min() - 0.5, rows.max() + 0.5, columns.max() + 0.5)
        prompt = Prompt([(rows[0], columns[0])], [1], boxes=[box])
        one, two = (
            model.predict(embedding, prompt).regions[0].on(labels.shape)
            for model, embedding in zip((exact, fast), embeddings, strict=True)
        )
        assert mask_iou(one, two) > 0.9


@here
def test_a_taught_model_and_its_file_are_read_the_same_way(tmp_path):
    model = load_cells(precision="int8")
    state = {name: 1.01 * tensor for name, tensor in model.network.state_dict().items()}
    taught = model.taught(state, "taught", None)
    assert isinstance(taught.eyes.reader, Int8Reader)
    again = load_cells(taught.save(tmp_path / "taught.safetensors"), precision="fastest")
    assert isinstance(again.eyes.reader, Int8Reader)
    assert again.network.ranges == model.network.ranges
    image = generate("nuclei_sparse", 2, (96, 96)).image
    one, two = (one.instance_maps(one.encode(image)).foreground for one in (taught, again))
    assert np.abs(one - two).max() < 0.05


def test_where_8_bits_cannot_be_used_planes_are_read_as_before(monkeypatch):
    network = load_cells().network
    monkeypatch.setattr(readers, "multiplies_bfloat16", lambda device: False)
    monkeypatch.setattr(readers, "multiplies_int8", lambda: True)
    assert readers.fastest(network, "cpu") == "int8"
    assert readers.fastest(network, "cuda") == "float32"
    network.ranges = None
    assert readers.fastest(network, "cpu") == "float32"


@pytest.mark.parametrize(("name", "value"), [("Conv", None), ("capability", "DEFAULT")])
def test_a_processor_or_a_torch_without_the_operators_is_told(monkeypatch, name, value):
    def missing(*args):
        raise AttributeError("no such operator")

    if name == "Conv":
        monkeypatch.setattr(int8, "_Conv", missing)
    else:
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: value)
    assert not multiplies_int8.__wrapped__()


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"down.0.0": 3}', '{"down.0.0": [0, NaN]}', "[1]", '{"down.0.0": [0, 1]}'],
)
def test_damaged_ranges_are_refused(tmp_path, text):
    source = load.resources.files("napari_sam.models.cells") / "weights/cells.safetensors"
    with safe_open(source, framework="pt") as file:
        words = file.metadata()
    assert json.loads(words["ranges"])
    save_file(load_file(source), tmp_path / "w.safetensors", metadata=words | {"ranges": text})
    with pytest.raises(CheckpointError, match="damaged"):
        load_cells(tmp_path / "w.safetensors")
