"""HQ-SAM: the numbers of ``segment_anything_hq``, with the fast exact decoder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_sam as ns
from hq_reference import lively, reference
from napari_sam.errors import CheckpointError, ModelError
from napari_sam.models.capabilities import Sieve
from napari_sam.models.families import family_of
from napari_sam.models.hq_sam.decoder import HqDecoder
from napari_sam.models.hq_sam.network import add_detail
from napari_sam.models.mobile_sam.tiny_vit import TinyVit
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam.network import around, build
from rounding import rounding
from sam_prompts import picture, prompts
from tiny_sam import TINY
from tiny_vit import SMALL

FULL = (0.0, 255.0)
ATOL = {"terms": 9 * 32, "products": 25}


def tiny_network(seed: int = 1) -> Any:
    torch.manual_seed(seed)
    network = add_detail(build(TINY), TINY.width)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            torch.nn.init.normal_(weight, std=1.0 if "rel_pos" in name else 0.3)
            if "norm" in name and name.endswith("weight"):
                weight += 1.0
    return network.eval().requires_grad_(False)


def theirs(network: Any, sizes: Any = TINY, vit_dim: int = TINY.width) -> Any:
    """A SAM of the reference with the same weights."""
    hq = reference()
    from segment_anything_hq.modeling import (
        ImageEncoderViT,
        MaskDecoderHQ,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    grid = sizes.image_size // sizes.patch
    made = Sam(
        image_encoder=ImageEncoderViT(
            img_size=sizes.image_size,
            patch_size=sizes.patch,
            embed_dim=sizes.width,
            depth=sizes.depth,
            num_heads=sizes.heads,
            mlp_ratio=sizes.mlp_ratio,
            out_chans=sizes.prompt_width,
            norm_layer=lambda width: torch.nn.LayerNorm(width, eps=1e-6),
            use_rel_pos=True,
            window_size=sizes.window,
            global_attn_indexes=sizes.global_layers,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=sizes.prompt_width,
            image_embedding_size=(grid, grid),
            input_image_size=(sizes.image_size,) * 2,
            mask_in_chans=sizes.mask_channels,
        ),
        mask_decoder=MaskDecoderHQ(
            transformer=TwoWayTransformer(
                depth=sizes.decoder_depth,
                embedding_dim=sizes.prompt_width,
                mlp_dim=sizes.decoder_mlp,
                num_heads=8,
            ),
            transformer_dim=sizes.prompt_width,
            iou_head_depth=sizes.iou_depth,
            iou_head_hidden_dim=sizes.iou_hidden,
            vit_dim=vit_dim,
        ),
    )
    made.load_state_dict(network.state_dict())
    return hq.SamPredictor(made.eval().requires_grad_(False))


@pytest.fixture(scope="module")
def both():
    network = tiny_network()
    model = SamModel(network, "hq", decoder=HqDecoder)
    image = picture((90, 140), 5)
    predictor = theirs(network)
    predictor.set_image(image)
    return model, model.encode(image, limits=FULL), predictor


def test_embedding_and_detail_are_those_of_the_reference(both):
    _, embedding, predictor = both
    decoder = predictor.model.mask_decoder
    with torch.no_grad():
        seen = predictor.interm_features[0].permute(0, 3, 1, 2)
        detail = decoder.embedding_encoder(predictor.features) + decoder.compress_vit_feat(seen)
    for found, expected in (
        (embedding.features.image, predictor.features),
        (embedding.features.details[0], detail),
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=rounding(expected, **ATOL))


@settings(max_examples=30, deadline=None)
@given(prompt=prompts(), multimask=st.booleans())
def test_the_best_candidate_equals_the_reference_for_any_mix_of_prompts(both, prompt, multimask):
    model, embedding, predictor = both
    ours, arguments = prompt
    found = model.predict(embedding, ours, multimask=multimask)
    _, scores, low = predictor.predict(**arguments, multimask_output=multimask)
    assert len(found) == (3 if multimask else 1)
    assert np.all(np.diff(found.scores) <= 0)
    np.testing.assert_allclose(found.scores[:1], scores, rtol=0, atol=rounding(scores, **ATOL))
    np.testing.assert_allclose(found.logits[:1], low, rtol=0, atol=rounding(low, **ATOL))


def test_clicks_of_everything_mode_get_the_best_alone(both):
    model, embedding, predictor = both
    points = np.array([[10.0, 20.0], [50.5, 100.25], [89.0, 139.0]])
    for point, (scores, make) in zip(points, model.decode_points(embedding, points), strict=True):
        _, expected, low = predictor.predict(point[None, ::-1], np.array([1]))
        np.testing.assert_allclose(scores, expected, rtol=0, atol=rounding(expected, **ATOL))
        np.testing.assert_allclose(make([0]), low, rtol=0, atol=rounding(low, **ATOL))
    sieve = Sieve(0, 0, 1.0)
    answers = list(model.grid.answer_points(embedding, points, sieve, lambda _: None))
    assert [answer.point for answer in answers] == [0, 1, 2]


def test_the_decoder_of_published_size_equals_the_reference():
    reference()
    sizes = replace(
        TINY, image_size=1024, prompt_width=256, mask_channels=16, decoder_mlp=2048, iou_hidden=256
    )
    network = lively(add_detail(build(sizes), 768), 3)
    hq = theirs(network, sizes, 768).model
    decoder = HqDecoder(network)
    torch.manual_seed(0)
    features, early = torch.randn(1, 256, 64, 64), torch.randn(1, 64, 64, 768)
    sparse = torch.randn(1, 3, 256)
    with torch.inference_mode():
        decoded = decoder.decode(decoder.read(features, decoder.details(features, [early])), sparse)
        found = decoder.masks(decoded, 0, [0])
        expected, scores = hq.mask_decoder(
            image_embeddings=features,
            image_pe=hq.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=hq.prompt_encoder.no_mask_embed.weight.reshape(
                1, -1, 1, 1
            ).expand(1, -1, 64, 64),
            multimask_output=False,
            hq_token_only=False,
            interm_embeddings=[early],
        )
    how = {"terms": 2048, "products": 25}
    np.testing.assert_allclose(found, expected[0], rtol=0, atol=rounding(expected, **how))
    np.testing.assert_allclose(decoded.scores[:, :1], scores, rtol=0, atol=rounding(scores, **how))


def test_files_with_either_encoder_are_recognised_and_loaded(tmp_path):
    path = tmp_path / "sam_hq_vit_b.pth"
    network = tiny_network()
    torch.save(network.state_dict(), path)
    assert family_of(path).name == "hq_sam"
    model = ns.load_model(path, device="cpu")
    image = picture((60, 80), 2)
    expected = SamModel(network, "it", decoder=HqDecoder).encode(image)
    assert torch.equal(model.encode(image).features.details[0], expected.features.details[0])

    tiny = lively(add_detail(around(TinyVit(SMALL), SMALL), SMALL.widths[2]))
    torch.save(tiny.state_dict(), path)
    assert family_of(path).name == "hq_sam"
    assert isinstance(ns.load_model(path, device="cpu").decoder, HqDecoder)


def test_an_early_layer_of_tiny_vit_has_the_size_that_the_decoder_wants():
    model = SamModel(
        lively(add_detail(around(TinyVit(SMALL), SMALL), SMALL.widths[2])), "t", decoder=HqDecoder
    )
    embedding = model.encode(picture((60, 80), 2))
    assert embedding.features.details[0].shape == (1, 4, 32, 32)
    assert len(model.predict(embedding, ns.Prompt(points=[(5, 5)]))) == 3


def test_embeddings_keep_their_detail_in_a_file(both):
    model, embedding, _ = both
    features, nbytes = model.from_arrays(model.to_arrays(embedding))
    assert torch.equal(features.details[0], embedding.features.details[0])
    assert nbytes == embedding.nbytes > features.image.nbytes


def test_a_file_without_its_early_layer_is_refused(tmp_path):
    state = {k: v for k, v in tiny_network().state_dict().items() if "compress" not in k}
    path = tmp_path / "half.pth"
    torch.save(state, path)
    with pytest.raises(CheckpointError, match="not an HQ-SAM"):
        ns.load_model(path, device="cpu")


def test_eight_bits_are_refused():
    from napari_sam.models.sam.int8 import with_int8

    with pytest.raises(ModelError, match="not a Segment Anything ViT"):
        with_int8(SamModel(tiny_network(), "hq", decoder=HqDecoder))
