"""MobileSAM: the numbers of the reference's TinyViT, with SAM's own fast decoder behind it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor
from torch import nn

import napari_sam as ns
from hq_reference import lively, reference
from napari_sam.errors import Cancelled, CheckpointError, ModelError
from napari_sam.models.families import family_of
from napari_sam.models.mobile_sam.architecture import find_tiny_vit
from napari_sam.models.mobile_sam.family import tiny_kind
from napari_sam.models.mobile_sam.tiny_vit import TinyVit
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam.network import around
from rounding import rounding
from sam_prompts import picture
from tiny_vit import PUBLISHED, SMALL

FULL = (0.0, 255.0)


def small() -> SamModel:
    torch.manual_seed(0)
    return SamModel(lively(around(TinyVit(SMALL), SMALL)), "tiny")


class _Plain(nn.Module):
    """The reference's encoder, without what it says of its early layers."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.img_size = encoder, 1024

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.encoder(pixels)[0]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The reference's encoder in a SAM, and a model loaded from a file of its weights."""
    reference()
    from segment_anything_hq.modeling import TinyViT

    encoder = TinyViT(
        img_size=1024,
        embed_dims=list(PUBLISHED.widths),
        depths=list(PUBLISHED.depths),
        num_heads=[2, *PUBLISHED.heads],
        window_sizes=[7, *PUBLISHED.windows],
        drop_path_rate=0.0,
    )
    network = lively(around(encoder, PUBLISHED))
    path = tmp_path_factory.mktemp("mobile") / "mobile_sam.pt"
    torch.save(network.state_dict(), path)
    network.image_encoder = _Plain(encoder)
    return network, ns.load_model(path, device="cpu")


def test_the_published_size_gives_the_numbers_of_the_reference(both):
    network, model = both
    image = picture((300, 420), 3)
    predictor = SamPredictor(network)
    predictor.set_image(image)
    embedding = model.encode(image, limits=FULL)
    # Some 60 products one after the other, the longest sums over 1,280 terms.
    found, expected = embedding.features.image, predictor.features
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=rounding(expected, terms=1280, products=60)
    )
    _, scores, low = predictor.predict(np.array([[100, 80]]), np.array([1]))
    answer = model.predict(embedding, ns.Prompt(points=[(80, 100)]))
    order = np.argsort(-scores, kind="stable")
    atol = rounding(low, terms=1280, products=80)
    np.testing.assert_allclose(answer.scores, scores[order], rtol=0, atol=atol)
    np.testing.assert_allclose(answer.logits, low[order], rtol=0, atol=atol)


def test_sizes_are_read_off_the_weights(both):
    network, _ = both
    state = {k.replace(".encoder.", "."): v for k, v in network.state_dict().items()}
    assert find_tiny_vit(state) == PUBLISHED
    assert not any("head" in name for name in state if name.startswith("image_encoder."))


def test_a_file_is_recognised_and_loaded_with_and_without_the_classifier(tmp_path):
    network = small().network
    state = network.state_dict()
    extra = {
        "image_encoder.head.weight": torch.zeros(5, 32),
        "image_encoder.norm_head.bias": torch.zeros(32),
        "image_encoder.layers.1.blocks.0.attn.attention_bias_idxs": torch.zeros(3, 3),
    }
    for name, content in (("plain", state), ("more", {**state, **extra})):
        path = tmp_path / f"{name}.pt"
        torch.save({"model_state": content}, path)
        assert family_of(path).name == "mobile_sam"
        loaded = ns.load_model(path, device="cpu")
        # no weight tells the image's size, which is 1024 in all published ones
        assert loaded.side == 1024
        expected = network.mask_decoder.iou_token.weight
        assert torch.equal(loaded.network.mask_decoder.iou_token.weight, expected)


def test_a_file_with_other_layers_is_refused(tmp_path):
    state = small().network.state_dict()
    path = tmp_path / "odd.pt"
    torch.save({**state, "image_encoder.layers.1.blocks.0.adapter": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="1 unknown"):
        ns.load_model(path, device="cpu")
    torch.save({k: v for k, v in state.items() if "patch_embed.seq.2" not in k}, path)
    with pytest.raises(CheckpointError, match="not a SAM with TinyViT"):
        ns.load_model(path, device="cpu")


def test_it_answers_everywhere_a_sam_does():
    model = small()
    image = picture((90, 140), 5)
    embedding = model.encode(image)
    assert len(model.predict(embedding, ns.Prompt(boxes=[(10, 10, 60, 90)]))) == 3
    records = ns.segment_everything(
        image,
        model=model,
        points_per_side=2,
        pred_iou_thresh=0,
        stability_score_thresh=0,
        output="masks",
    )
    assert records
    features, nbytes = model.from_arrays(model.to_arrays(embedding))
    assert torch.equal(features.image, embedding.features.image)
    assert nbytes == embedding.nbytes


def test_encoding_stops_at_any_of_its_reports():
    model, image = small(), picture((50, 60), 4)
    reports: list[float] = []
    model.encode(image, progress=reports.append)
    assert len(reports) > sum(SMALL.depths)
    assert reports == sorted(reports)

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        model.encode(image, progress=stop)


def test_encoding_adds_nothing_to_the_weights_of_the_checkpoint():
    model = small()
    names = set(model.network.state_dict())
    model.encode(picture((50, 60), 4))
    assert set(model.network.state_dict()) == names


def test_eight_bits_and_onnx_are_for_the_plain_vit(tmp_path):
    from napari_sam.models.sam.int8 import with_int8
    from napari_sam.models.sam.onnx_export import export_onnx

    with pytest.raises(ModelError, match="not a Segment Anything ViT"):
        with_int8(small())
    with pytest.raises(ModelError):
        export_onnx(small(), tmp_path)


def test_micro_sams_tiny_models_bring_their_decoder(tmp_path):
    from micro_sam_files import decoder_state

    path = tmp_path / "vit_t_lm.pt"
    content = {"model_state": small().network.state_dict(), "decoder_state": decoder_state()}
    torch.save(content, path)
    assert family_of(path).name == "mobile_sam"
    assert ns.load_model(path, device="cpu").has_instances
    assert tiny_kind().find is find_tiny_vit
