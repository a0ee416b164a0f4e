"""The fast paths give what ``segment_anything`` gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from segment_anything import SamPredictor

from napari_sam import Prompt
from napari_sam.contrast import contrast_limits
from napari_sam.errors import Cancelled, DeviceError, ModelError, PromptError
from napari_sam.models.sam.attention import encode_image
from napari_sam.models.sam.decoder import Decoder
from napari_sam.models.sam.model import SamModel
from rounding import rounding
from sam_prompts import picture, prompts
from tiny_sam import tiny_network, tiny_sam

FULL = (0.0, 255.0)
ENCODING = 25
SHAPES = st.tuples(st.integers(20, 260), st.integers(20, 260))
_NETWORK = tiny_network(1)


def same(found: object, expected: object, products: int = 20) -> None:
    """Compare numbers of the tiny network: its longest sums have 64 terms.

    A prompt passes some 20 matrix products, the image encoder some 25.
    """
    atol = rounding(expected, terms=64, products=products)
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@settings(max_examples=15, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 99))
def test_encoding_equals_the_reference_on_planes_of_any_shape(shape, seed):
    image = picture(shape, seed)
    reference = SamPredictor(_NETWORK)
    reference.set_image(image)
    ours = SamModel(_NETWORK, "tiny").encode(image, limits=FULL)
    same(ours.features.image, reference.features, ENCODING)
    assert ours.features.used == reference.input_size


def test_pixels_that_the_encoder_sees_are_those_of_the_reference_bit_by_bit():
    image = picture((150, 90), 3)
    model = tiny_sam()
    seen = []
    model._encoder.run = lambda pixels, *_: seen.append(pixels) or torch.zeros(1, 32, 8, 8)  # type: ignore[method-assign]
    model.encode(image, limits=FULL)
    reference = SamPredictor(model.network)
    resized = torch.as_tensor(reference.transform.apply_image(image)).permute(2, 0, 1)[None]
    assert torch.equal(seen[0], model.network.preprocess(resized))


def test_eight_bit_colour_is_taken_as_it_is():
    image = picture((150, 90), 3) // 3 + 40  # neither black nor white, which stretching would make
    expected = tiny_sam().encode(image, limits=FULL)
    found = tiny_sam().encode(image)
    assert torch.equal(found.features.image, expected.features.image)
    assert found.limits == FULL
    rgba = np.dstack([image, np.full(image.shape[:2], 9, np.uint8)])
    assert torch.equal(tiny_sam().encode(rgba).features.image, expected.features.image)
    for other in (image.astype(np.uint16), image[..., 0]):
        assert tiny_sam().encode(other).limits == contrast_limits(other)


@pytest.mark.parametrize("window", [3, 4, 8])
def test_encoder_is_exact_with_and_without_padded_windows(window):
    from dataclasses import replace

    from napari_sam.models.sam.network import build
    from tiny_sam import TINY

    torch.manual_seed(window)
    encoder = build(replace(TINY, window=window, depth=2)).image_encoder.eval()
    with torch.no_grad():
        for weight in encoder.parameters():
            torch.nn.init.normal_(weight, std=0.3)
        pixels = torch.randn(1, 3, 128, 128)
        expected = encoder(pixels)
        same(encode_image(encoder, pixels), expected, ENCODING)


def test_position_tables_matter_to_these_tests():
    # If they did not, the equalities above would hold without any relative positions.
    encoder = tiny_network(1).image_encoder
    pixels = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        before = encode_image(encoder, pixels)
        for block in encoder.blocks:
            block.attn.rel_pos_h.zero_()
        assert (encode_image(encoder, pixels) - before).abs().max() > 0.1


@pytest.fixture(scope="module")
def both():
    image = picture((90, 140), 5)
    model = SamModel(_NETWORK, "tiny")
    reference = SamPredictor(_NETWORK)
    reference.set_image(image)
    return model, model.encode(image, limits=FULL), reference


@settings(max_examples=40, deadline=None)
@given(prompt=prompts(), multimask=st.booleans())
def test_candidates_equal_the_reference_for_any_mix_of_prompts(both, prompt, multimask):
    model, embedding, reference = both
    ours, arguments = prompt
    found = model.predict(embedding, ours, multimask=multimask)
    logits, scores, low = reference.predict(
        **arguments, multimask_output=multimask, return_logits=True
    )
    order = np.argsort(-scores, kind="stable")
    assert np.all(np.diff(found.scores) <= 0)
    same(found.scores, scores[order])
    same(found.logits, low[order])
    differs = found.masks != (logits[order] > 0)
    # Only where the reference itself is as good as undecided.
    assert np.abs(logits[order][differs]).max(initial=0) < 1e-4


def test_masks_do_not_depend_on_the_other_prompts_of_a_batch(both):
    model, embedding, _ = both
    several = [Prompt(points=[(r, 70)]) for r in (10, 40, 80)]
    together = model.predict_each(embedding, several)
    alone = [model.predict(embedding, prompt) for prompt in several]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)


def test_answers_are_the_same_with_any_number_of_threads(both):
    model, embedding, _ = both
    low = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    asked = [Prompt(points=[(40, 60)]), Prompt(points=[(40, 60)], logits=low)]
    before = torch.get_num_threads()
    alone = [model.predict(embedding, prompt) for prompt in asked]
    try:
        torch.set_num_threads(3)
        several = [model.predict(embedding, prompt) for prompt in asked]
    finally:
        torch.set_num_threads(before)
    for one, other in zip(alone, several, strict=True):
        same(one.scores, other.scores)
        same(one.logits, other.logits)


def test_clicks_in_a_batch_equal_clicks_one_by_one(both):
    model, embedding, _ = both
    points = np.array([[10.0, 20.0], [50.5, 100.25], [89.0, 139.0]])
    for point, (scores, make) in zip(points, model.decode_points(embedding, points), strict=True):
        found = model.predict(embedding, Prompt(points=[point]))
        order = np.argsort(-scores, kind="stable")
        same(scores[order], found.scores)
        same(make([int(i) for i in order]).numpy(), found.logits)


def test_several_points_get_the_mask_made_for_prompts_without_doubt(both):
    model, embedding, _ = both
    assert len(model.predict(embedding, Prompt(points=[(10, 10)]))) == 3
    assert len(model.predict(embedding, Prompt(boxes=[(10, 10, 50, 50)]))) == 3
    clear = Prompt(points=[(10, 10), (60, 60)], labels=[1, 0])
    assert len(model.predict(embedding, clear)) == 1


def test_an_answer_can_be_refined_with_its_own_logits(both):
    model, embedding, reference = both
    first = model.predict(embedding, Prompt(points=[(40, 60)]))
    again = Prompt(points=[(40, 60)], logits=first.logits[0], window=first.window)
    found = model.predict(embedding, again, multimask=False)
    _, scores, _ = reference.predict(
        np.array([[60, 40]]),
        np.array([1]),
        mask_input=first.logits[:1],
        multimask_output=False,
    )
    same(found.scores, scores)


def test_logits_of_another_plane_are_refused_not_stretched(both):
    model, embedding, _ = both
    logits = np.zeros((32, 32), dtype=np.float32)
    with pytest.raises(PromptError, match="another model or plane"):
        model.predict(embedding, Prompt(points=[(1, 1)], logits=logits, window=(0, 0, 50, 50)))
    with pytest.raises(PromptError, match="another model or plane"):
        model.predict(embedding, Prompt(points=[(1, 1)], logits=logits[:16]))


def test_a_mask_prompt_arrives_at_its_own_place(both):
    model, embedding, _ = both
    mask = np.zeros(embedding.shape, dtype=bool)
    mask[20:60, 90:130] = True
    logits = model._prompts.mask_logits(mask, embedding.features.used)
    from napari_sam.models.sam.upsample import Upsampler

    back = Upsampler((32, 32), 128, embedding.features.used, embedding.shape)
    again = back.masks(torch.from_numpy(logits)[None])[0]
    overlap = (again & mask).sum() / (again | mask).sum()
    assert overlap > 0.8


def test_the_window_covers_the_padded_square(both):
    model, _, _ = both
    assert model.window((64, 128)) == pytest.approx((-0.5, -0.5, 127.5, 127.5))
    assert model.window((512, 512)) == pytest.approx((-0.5, -0.5, 511.5, 511.5))


def test_an_embedding_of_another_model_is_refused(both):
    _, embedding, _ = both
    with pytest.raises(ModelError, match="another model"):
        tiny_sam(7).predict(embedding, Prompt(points=[(1, 1)]))


def test_encoding_is_cancelled_from_its_progress():
    def stop(fraction: float) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        tiny_sam().encode(np.zeros((50, 50), dtype=np.uint8), progress=stop)


def test_encoding_stops_at_any_of_its_many_reports_and_can_be_done_again():
    model, image = tiny_sam(), picture((50, 60), 4)
    reports: list[float] = []
    expected = model.encode(image, progress=reports.append)
    layers = len(model.network.image_encoder.blocks)
    assert len(reports) > 4 * layers  # inside of layers too: one takes a second with ViT-B
    assert reports == sorted(reports)
    for last in range(len(reports)):
        left = iter(range(last))

        def stop(fraction: float, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Cancelled

        with pytest.raises(Cancelled):
            model.encode(image, progress=stop)
    assert torch.equal(model.encode(image).features.image, expected.features.image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, bool])
def test_planes_of_any_type_are_encoded(dtype):
    plane = (np.random.default_rng(0).random((40, 60)) * 200).astype(dtype)
    embedding = tiny_sam().encode(plane)
    assert torch.isfinite(embedding.features.image).all()
    assert embedding.shape == (40, 60)
    assert embedding.nbytes == embedding.features.image.nbytes


def test_sixteen_bits_are_read_like_the_same_picture_in_eight():
    eight = picture((60, 80), 9)
    wide = eight.astype(np.uint16) * 257
    model = tiny_sam()
    one = model.encode(eight, limits=FULL)
    other = model.encode(wide, limits=(0, 65535))
    assert torch.equal(one.features.image, other.features.image)


def test_memory_that_runs_out_while_encoding_is_answered_by_smaller_pieces(monkeypatch):
    image = picture((80, 80), 1)
    expected = tiny_sam().encode(image, limits=FULL)
    tried = []

    def short_of_memory(encoder, pixels, progress, block=None, early=None):
        tried.append(block)
        if block is None:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return encode_image(encoder, pixels, progress, 64)

    monkeypatch.setattr("napari_sam.models.sam.encoding.encode_image", short_of_memory)
    found = tiny_sam().encode(image, limits=FULL)
    assert len(tried) == 2
    same(found.features.image, expected.features.image, ENCODING)

    def never_enough(*_):
        raise MemoryError

    monkeypatch.setattr("napari_sam.models.sam.encoding.encode_image", never_enough)
    with pytest.raises(DeviceError, match="does not suffice"):
        tiny_sam().encode(image)


def test_clicks_in_ever_smaller_batches_when_memory_runs_out(both):
    _, embedding, _ = both
    model = SamModel(_NETWORK, "tiny")
    points = np.random.default_rng(0).uniform(0, 89, (7, 2))
    expected = [scores for scores, _ in model.decode_points(embedding, points)]
    decode, sizes = model.decoder.decode, []

    def limited(tables, sparse):
        sizes.append(len(sparse))
        if len(sparse) > 2:
            raise RuntimeError("CUDA out of memory")
        return decode(tables, sparse)

    model.decoder.decode = limited
    found = [scores for scores, _ in model.decode_points(embedding, points, batch=8)]
    same(found, expected)
    assert sizes[:3] == [7, 4, 2]


@settings(max_examples=24, deadline=None)
@given(
    batch=st.integers(1, 3),
    tokens=st.integers(1, 9),
    masked=st.booleans(),
    most=st.sampled_from([0, 60, 10**6]),
    together=st.booleans(),
    seed=st.integers(0, 99),
)
def test_decoding_is_exact_with_image_tokens_as_rows_and_whole(
    batch, tokens, masked, most, together, seed
):
    network = tiny_network(seed)
    decoder = Decoder(network)
    decoder.together = together
    decoder.most_rows = most  # 60: whole tokens from the second layer on
    features, sparse = torch.randn(1, 32, 8, 8), torch.randn(batch, tokens, 32)
    encoder, module = network.prompt_encoder, network.mask_decoder
    with torch.inference_mode():
        mask = torch.randn(batch, 1, 32, 32) if masked else None
        dense = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand(batch, -1, 8, 8)
        if mask is not None:
            dense, mask = encoder.mask_downscaling(mask), encoder.mask_downscaling[:-1](mask)
        decoded = decoder.decode(decoder.read(features), sparse, mask)
        for prompt in range(batch):
            logits, scores = module.predict_masks(
                image_embeddings=features,
                image_pe=encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse[prompt, None],
                dense_prompt_embeddings=dense[prompt, None],
            )
            found = decoder.masks(decoded, prompt, [0, 1, 2, 3])
            same(found, logits[0])
            same(decoded.scores[prompt], scores[0])
