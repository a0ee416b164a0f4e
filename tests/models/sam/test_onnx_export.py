"""ONNX files that answer as Segment Anything does, whatever the prompt and the image's shape."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from segment_anything import SamPredictor

from napari_sam.cli import main
from napari_sam.errors import Cancelled, DataError, InstallationError, ModelError
from napari_sam.loading import load_model
from napari_sam.models.sam import onnx_check, onnx_export
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam.onnx_export import export_onnx
from tiny_sam import tiny_network, tiny_sam

SHAPES = [(128, 128), (90, 201), (300, 77), (33, 7)]
POINTS = [1, 2, 7]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Both files of one network, made by the command, and the network itself."""
    place = tmp_path_factory.mktemp("onnx")
    network = tiny_network(5)
    torch.save(network.state_dict(), place / "tiny five.pth")
    assert main(["models", "export", str(place / "tiny five.pth"), "-o", str(place / "out")]) == 0
    encoder, decoder = (
        place / "out" / "tiny_five_encoder.onnx",
        place / "out/tiny_five_decoder.onnx",
    )

    def session(path: Path) -> Any:
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    return SimpleNamespace(
        network=network,
        checkpoint=place / "tiny five.pth",
        folder=place / "out",
        paths=(encoder, decoder),
        encoder=session(encoder),
        decoder=session(decoder),
    )


def predictor(exported: SimpleNamespace, shape: tuple[int, int]) -> SamPredictor:
    """Segment Anything's own predictor, on noise."""
    made = SamPredictor(exported.network)
    rng = np.random.default_rng(shape)
    made.set_image(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
    return made


def answer(
    exported: SimpleNamespace,
    reference: SamPredictor,
    coords: np.ndarray,
    labels: list[int],
    mask: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Ask the exported decoder as programs for Segment Anything's decoder do."""
    shape = reference.original_size
    side = exported.network.image_encoder.img_size
    none = np.zeros((1, 1, *exported.network.prompt_encoder.mask_input_size), np.float32)
    feed = {
        "image_embeddings": reference.features.numpy(),
        "point_coords": reference.transform.apply_coords(coords, shape)[None].astype(np.float32),
        "point_labels": np.array([labels], np.float32),
        "mask_input": none if mask is None else mask[None].astype(np.float32),
        "has_mask_input": np.array([mask is not None], np.float32),
        "orig_im_size": np.array(shape, np.float32),
    }
    assert side == 128
    return exported.decoder.run(None, feed)


def check(found: list[np.ndarray], reference: SamPredictor, **prompt: Any) -> None:
    """Compare all four mask tokens with what the predictor says."""
    masks, scores, low = found
    for tokens, several in ((slice(1, None), True), (slice(0, 1), False)):
        wanted = reference.predict(multimask_output=several, return_logits=True, **prompt)
        for ours, theirs in zip((masks, scores, low), wanted, strict=True):
            np.testing.assert_allclose(ours[0, tokens], theirs, atol=1e-4, rtol=1e-4)


def test_encoder_equals_the_reference(exported):
    pixels = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = exported.network.image_encoder(pixels)
    (embedding,) = exported.encoder.run(["image_embeddings"], {"image": pixels.numpy()})
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(embedding, expected, atol=3e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", POINTS)
def test_any_number_of_points_on_images_of_any_shape(exported, shape, count):
    reference = predictor(exported, shape)
    rng = np.random.default_rng(count)
    coords = rng.uniform(0, 1, (count, 2)) * (shape[1] - 1, shape[0] - 1)
    labels = [(i + 1) % 2 for i in range(count)]
    # Without a box, one point of label -1 is expected: the predictor adds it by itself.
    padded = np.concatenate([coords, [[0.0, 0.0]]])
    found = answer(exported, reference, padded, [*labels, -1])
    assert found[0].shape == (1, 4, *shape)
    check(found, reference, point_coords=coords, point_labels=np.array(labels))


@pytest.mark.parametrize("shape", SHAPES[1:3])
def test_a_box_and_a_box_with_points(exported, shape):
    reference = predictor(exported, shape)
    box = np.array([0.1 * shape[1], 0.2 * shape[0], 0.7 * shape[1], 0.9 * shape[0]])
    check(answer(exported, reference, box.reshape(2, 2), [2, 3]), reference, box=box)
    points = np.array([[0.4 * shape[1], 0.5 * shape[0]], [0.2 * shape[1], 0.3 * shape[0]]])
    found = answer(exported, reference, np.concatenate([points, box.reshape(2, 2)]), [1, 0, 2, 3])
    check(found, reference, point_coords=points, point_labels=np.array([1, 0]), box=box)


def test_an_answer_refines_another(exported):
    reference = predictor(exported, (90, 201))
    point, label = np.array([[100.0, 40.0]]), np.array([1])
    before = reference.predict(point, label)[2][1:2]
    found = answer(exported, reference, np.array([[100.0, 40.0], [0, 0]]), [1, -1], before)
    check(found, reference, point_coords=point, point_labels=label, mask_input=before)
    without = answer(exported, reference, np.array([[100.0, 40.0], [0, 0]]), [1, -1])
    assert np.abs(found[2] - without[2]).max() > 0.1  # the mask counts


def test_inputs_and_outputs_are_those_of_segment_anythings_own_decoder(exported):
    inputs = {i.name: (i.shape, i.type) for i in exported.decoder.get_inputs()}
    assert list(inputs) == [
        "image_embeddings",
        "point_coords",
        "point_labels",
        "mask_input",
        "has_mask_input",
        "orig_im_size",
    ]
    assert {kind for _, kind in inputs.values()} == {"tensor(float)"}
    assert inputs["point_coords"][0] == [1, "num_points", 2]
    names = [o.name for o in exported.decoder.get_outputs()]
    assert names == ["masks", "iou_predictions", "low_res_masks"]


def test_files_are_valid_and_say_what_they_are(exported):
    for path in exported.paths:
        onnx.checker.check_model(path)
        facts = {p.key: p.value for p in onnx.load(path).metadata_props}
        assert facts["model"] == "tiny five"
        assert facts["image_size"] == "128"
        assert facts["pixel_mean"] == "123.675,116.28,103.53"
    assert sorted(exported.folder.iterdir()) == sorted(exported.paths)


def test_files_are_only_replaced_when_asked(exported):
    with pytest.raises(DataError, match="--overwrite"):
        export_onnx(SamModel(exported.network, "tiny five"), exported.folder)
    with pytest.raises(DataError, match="is a file"):
        export_onnx(tiny_sam(), exported.paths[0])


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch, exported: SimpleNamespace) -> None:
    """Copy the finished files instead of exporting them again, to save time."""

    def write(source: Path) -> Any:
        return lambda network, path, facts: path.write_bytes(source.read_bytes())

    monkeypatch.setattr(onnx_export, "_write_encoder", write(exported.paths[0]))
    monkeypatch.setattr(onnx_export, "_write_decoder", write(exported.paths[1]))


@pytest.mark.parametrize("part", ["image_encoder", "mask_decoder"])
def test_files_that_answer_differently_are_not_left_behind(exported, copied, tmp_path, part):
    network = tiny_network(5)
    assert export_onnx(SamModel(network, "same"), tmp_path / "same").encoder.is_file()
    with torch.no_grad():
        for weight in getattr(network, part).parameters():
            weight *= 1.01
    with pytest.raises(ModelError, match="deviates from torch"):
        export_onnx(SamModel(network, "other"), tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []


def test_large_networks_keep_their_weights_beside_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(onnx_export, "_ONE_FILE", 0)
    layer, x = torch.nn.Linear(64, 64), torch.randn(3, 64)
    where, later = tmp_path / "made" / "big.onnx", tmp_path / "moved"
    where.parent.mkdir()
    onnx_export._write(layer, (x,), where, {}, names=(("x",), ("y",)), dynamic=None)
    where.parent.rename(later)
    assert sorted(p.name for p in later.iterdir()) == ["big.onnx", "big.onnx.data"]
    session = onnxruntime.InferenceSession(later / "big.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x.numpy()})
    np.testing.assert_allclose(found, layer(x).detach(), atol=1e-5)


def test_nothing_is_left_behind_when_cancelled(copied, tmp_path):
    def cancel(fraction: float) -> None:
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        export_onnx(tiny_sam(5), tmp_path, progress=cancel)
    assert list(tmp_path.iterdir()) == []


def test_what_pytorch_cannot_export_is_a_typed_error(monkeypatch, tmp_path):
    def fail(*_: Any, **__: Any) -> None:
        raise torch.onnx.errors.OnnxExporterError("no such operator\nmore")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(ModelError, match="no such operator"):
        export_onnx(tiny_sam(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_not_a_number_is_no_agreement(tmp_path):
    expected = torch.ones(2, 2)
    with pytest.raises(ModelError, match="deviates"):
        onnx_check._agree(tmp_path / "x", [(np.full((2, 2), np.nan, np.float32), expected)])


def test_missing_packages_are_named_with_what_to_do(monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find(name)
    )
    with pytest.raises(InstallationError, match=r"onnxscript.*napari-sam-bio\[onnx\]"):
        export_onnx(tiny_sam(), tmp_path)


def test_the_embedded_model_is_refused_in_plain_words(tmp_path, capsys):
    with pytest.raises(ModelError, match="not a Segment Anything ViT"):
        export_onnx(load_model("cells"), tmp_path)
    assert main(["models", "export", "cells", "-o", str(tmp_path / "out")]) == 1
    assert "sam_vit_b" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_a_typed_error(copied, tmp_path):
    (tmp_path / "a file").write_text("")
    with pytest.raises(DataError, match="Nothing can be written"):
        export_onnx(tiny_sam(), tmp_path / "a file" / "inside")
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]
