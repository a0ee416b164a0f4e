"""SAM 3: its files, and the numbers of ``transformers`` for words, examples, prompts, memory."""

from __future__ import annotations

import json
import shutil
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import napari_sam as ns
from napari_sam.errors import Cancelled, CheckpointError, PromptError
from napari_sam.models.families import family_of
from rounding import rounding
from sam_prompts import picture
from tiny_sam2 import library
from tiny_sam3 import SIDE, save, tiny_network

FULL = (0.0, 255.0)
SHAPE = (90, 140)
ATOL = {"terms": 256, "products": 80}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Any:
    found = tmp_path_factory.mktemp("sam3")
    save(tiny_network(), found)
    return found


@pytest.fixture(scope="module")
def both(folder) -> Any:
    """A model that was loaded from a file, its embedding, and the network that was saved."""
    model = ns.load_model(folder, device="cpu")
    image = picture(SHAPE, 5)
    network = tiny_network()
    with torch.inference_mode():
        pixels, _ = model._encoder.pixels(image, FULL)
        seen = network.detector_model.get_vision_features(pixels)
    return model, model.encode(image, limits=FULL), network, seen


def expected_of(network: Any, folder: Any, seen: Any, text: str, examples: Any = ()) -> Any:
    """What ``transformers`` finds, best first; examples are boxes and labels."""
    found = library()
    processor = found.Sam3Processor(
        found.Sam3ImageProcessor(), found.CLIPTokenizer.from_pretrained(str(folder))
    )
    how: dict[str, Any] = {"text": text}
    if examples:
        boxes, labels = examples
        how["input_boxes"] = [[[c0, r0, c1, r1] for r0, c0, r1, c1 in boxes]]
        how["input_boxes_labels"] = [labels]
    given = processor(original_sizes=[list(SHAPE)], return_tensors="pt", **how)
    given.pop("original_sizes")
    with torch.inference_mode():
        answer = network.detector_model(vision_embeds=seen, **given)
    (result,) = processor.post_process_instance_segmentation(
        answer, threshold=0.0, target_sizes=[SHAPE]
    )
    order = result["scores"].argsort(descending=True)
    return result["scores"][order].numpy(), result["masks"][order].numpy().astype(bool)


BOXES = [(10.0, 20.0, 40.0, 60.5), (50.0, 70.0, 80.0, 120.0)]


@pytest.mark.parametrize(
    ("text", "boxes", "labels"),
    [
        ("nucleus", None, None),
        ("", BOXES, [1, 0]),
        ("small round cell", BOXES, [0, 1]),
        ("", BOXES[:1], None),
    ],
)
def test_concepts_are_those_of_transformers(both, folder, text, boxes, labels):
    model, embedding, network, seen = both
    examples = (boxes, labels or [1] * len(boxes)) if boxes else ()
    scores, masks = expected_of(network, folder, seen, text or "visual", examples)
    assert len({int(mask.sum()) for mask in masks}) > 6
    found = model.concepts.find_concept(embedding, text, boxes=boxes, labels=labels, min_score=0)
    assert len(found) == len(scores) == 12
    np.testing.assert_allclose(
        [one.score for one in found], scores, rtol=0, atol=rounding(scores, **ATOL)
    )
    for one in found:
        alike = masks[np.abs(scores - one.score) < 1e-4]  # which of two comes first is rounding
        differing = (alike != one.region.on(SHAPE)).sum(axis=(1, 2))
        assert differing.min() <= 0.002 * alike[0].size
    half = float(np.median(scores))
    fewer = model.concepts.find_concept(embedding, text, boxes=boxes, labels=labels, min_score=half)
    assert 0 < len(fewer) < 12


def test_words_and_examples_change_what_is_found(both):
    model, embedding, _, _ = both

    def areas(text: str = "", **how: Any) -> list[int]:
        found = model.concepts.find_concept(embedding, text, min_score=0, **how)
        return sorted(one.region.area for one in found)

    answers = [
        areas("nucleus"),
        areas("fibre"),
        areas(boxes=BOXES),
        areas(boxes=BOXES, labels=[1, 0]),
        areas("nucleus", boxes=BOXES),
    ]
    for number, one in enumerate(answers):
        assert all(np.abs(np.subtract(one, other)).max() > 5 for other in answers[:number])
    assert areas("nucleus") == answers[0]


@pytest.mark.parametrize(
    ("text", "how", "match"),
    [
        ("", {}, "noun"),
        ("", {"boxes": BOXES, "labels": [0, 0]}, "at least one example"),
        ("cell", {"boxes": BOXES, "labels": [1]}, "2 labels"),
        ("cell", {"boxes": [(500, 500, 600, 600)]}, "outside"),
        ("cells that divide " * 5, {}, "too long"),
        ("cells that divide " * 500, {}, r"too long.{,140}noun or two\.$"),
        (3, {}, "must be text"),
    ],
)
def test_what_makes_no_sense_is_said(both, text, how, match):
    model, embedding, _, _ = both
    with pytest.raises(PromptError, match=match):
        model.concepts.find_concept(embedding, text, **how)


def test_a_search_can_be_cancelled(both):
    model, embedding, _, _ = both

    def stop(fraction: float) -> None:
        if fraction > 0.9:
            raise Cancelled

    with pytest.raises(Cancelled):
        model.concepts.find_concept(embedding, "cell", min_score=0, progress=stop)


def test_planes_are_read_as_the_reference_reads_them(both):
    model, _, _, _ = both
    image = picture((150, 90), 3)
    found, used = model._encoder.pixels(image, FULL)
    processor = library().Sam3ImageProcessor(size={"height": SIDE, "width": SIDE})
    expected = processor(Image.fromarray(image), return_tensors="pt").pixel_values
    # One level of grey, where a half is rounded the other way.
    np.testing.assert_allclose(found, expected, rtol=0, atol=2.01 / 255)
    assert int(((found - expected).abs() > 1e-5).sum()) < 0.02 * expected.numel()
    assert used == (SIDE, SIDE)


def test_a_click_is_answered_as_by_transformers(both):
    model, embedding, network, seen = both
    tracker = network.tracker_model
    with torch.inference_mode():
        flat, _ = network.get_vision_features_for_tracker(seen)
        levels = [
            level.permute(1, 2, 0).unflatten(2, (side, side))
            for level, side in zip(flat, (32, 16, 8), strict=True)
        ]
        xy = torch.tensor([60 * SIDE / SHAPE[1], 40 * SIDE / SHAPE[0]]).view(1, 1, 1, 2)
        sparse, dense = tracker.prompt_encoder(xy, torch.ones(1, 1, 1, dtype=torch.int), None, None)
        low, scores, _, _ = tracker.mask_decoder(
            image_embeddings=levels[-1] + tracker.no_memory_embedding.view(1, -1, 1, 1),
            image_positional_embeddings=tracker.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            high_resolution_features=levels[:-1],
        )
    found = model.predict(embedding, ns.Prompt(points=[(40, 60)]))
    order = np.argsort(-scores[0, 0].numpy(), kind="stable")
    expected = low[0, 0].numpy()[order]
    np.testing.assert_allclose(found.scores, scores[0, 0].numpy()[order], atol=1e-4)
    np.testing.assert_allclose(found.logits, expected, rtol=0, atol=rounding(expected, **ATOL))


def test_memory_is_that_of_transformers(both):
    model, _, network, _ = both
    frames = [np.roll(picture(SHAPE, 5), (2 * i, 3 * i), (0, 1)) for i in range(4)]
    session = library().Sam3TrackerVideoInferenceSession(dtype=torch.float32)
    session.processed_frames = dict.fromkeys(range(4))
    session.max_vision_features_cache_size = 4
    tracker = network.tracker_model
    session.cache.max_vision_features_cache_size = 4
    recollection = model.memory.begin(4)
    number = session.obj_id_to_idx(1)
    xy = torch.tensor([60 * SIDE / SHAPE[1], 40 * SIDE / SHAPE[0]]).view(1, 1, 1, 2)
    given = {"point_coords": xy, "point_labels": torch.ones(1, 1, 1, dtype=torch.int)}
    for at, frame in enumerate(frames):
        with torch.inference_mode():
            pixels, _ = model._encoder.pixels(frame, FULL)
            seen = network.detector_model.get_vision_features(pixels)
            feats, places = network.get_vision_features_for_tracker(seen)
            kept = {"vision_feats": feats, "vision_pos_embeds": places}
            session.cache.cache_vision_features(at, kept)
            if not at:
                session.add_point_inputs(number, 0, given)
                session.obj_with_new_inputs = [1]
            expected = tracker(session, frame_idx=at)
        embedding = model.encode(frame, limits=FULL)
        if at:
            found = recollection.ask(at, embedding, [1])[1]
        else:
            found = recollection.tell(0, embedding, {1: ns.Prompt(points=[(40, 60)])})[1]
        logits = expected.pred_masks.reshape(32, 32)
        atol = rounding(logits, terms=256, products=80)
        np.testing.assert_allclose(found.candidates.logits[0], logits, rtol=0, atol=atol)
        assert found.presence == pytest.approx(
            float(expected.object_score_logits.sigmoid()), abs=1e-4
        )


def test_an_embedding_survives_being_arrays(both):
    model, embedding, _, _ = both
    features, nbytes = model.from_arrays(model.to_arrays(embedding))
    assert nbytes == embedding.nbytes
    assert torch.equal(features.details[2], embedding.features.details[2])


# -- files ------------------------------------------------------------------------------------


def test_the_family_its_licence_and_what_it_can_do(folder, both):
    model = both[0]
    assert family_of(folder / "model.safetensors").name == "sam3"
    assert model.concepts is not None
    assert model.memory is not None
    assert not model.has_instances
    assert "SAM License" in model.licence


def test_what_the_library_saves_is_read_too(both, folder, tmp_path):
    model, _, network, _ = both
    shutil.copytree(folder, tmp_path / "mine")
    network.save_pretrained(tmp_path / "mine")
    again = ns.load_model(tmp_path / "mine", device="cpu")
    assert again.name == "mine"
    weights = again.whole.state_dict()
    for name, value in model.whole.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_what_is_missing_beside_the_weights_is_named(folder, tmp_path):
    file = shutil.copytree(folder, tmp_path / "mine") / "model.safetensors"
    words = file.with_name("tokenizer.json")
    text = words.read_text()
    words.unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.json beside its weights"):
        ns.load_model(file, device="cpu")
    words.write_text(text[:40])
    with pytest.raises(CheckpointError, match="tokenizer"):
        ns.load_model(file, device="cpu")
    words.write_text(text)
    config = file.with_name("config.json")
    described = json.loads(config.read_text())
    described["detector_config"]["detr_decoder_config"]["num_queries"] = 5
    config.write_text(json.dumps(described))
    with pytest.raises(CheckpointError, match="does not fit"):
        ns.load_model(file, device="cpu")
    config.unlink()
    with pytest.raises(CheckpointError, match=r"config\.json beside it"):
        ns.load_model(file, device="cpu")


def test_files_of_other_layouts_are_named(tmp_path):
    one = torch.zeros(1)
    names = {
        "detector.backbone.vision_backbone.trunk.pos_embed": one,
        "tracker.maskmem_tpos_enc": one,
    }
    torch.save(names, tmp_path / "sam3.pt")
    with pytest.raises(CheckpointError, match="SAM 3 as Meta's own program reads it"):
        ns.load_model(tmp_path / "sam3.pt", device="cpu")
    part = {"detr_decoder.layers.0.norm": one, "text_encoder.x": one}
    save_file({k: v.clone() for k, v in part.items()}, tmp_path / "part.safetensors")
    with pytest.raises(CheckpointError, match="detector alone"):
        ns.load_model(tmp_path / "part.safetensors", device="cpu")
