"""SAM 2 and EdgeTAM: the numbers of ``transformers`` for images and in memory; files of SAM 2."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import napari_sam as ns
from napari_sam.errors import Cancelled, CheckpointError, InstallationError
from napari_sam.models import zoo
from napari_sam.models.families import family_of
from napari_sam.models.sam2.architecture import settings_of
from napari_sam.models.sam2.names import to_transformers
from napari_sam.models.sam2.network import configuration
from rounding import rounding
from sam_prompts import picture
from tiny_edgetam import tiny_edgetam
from tiny_sam2 import SETTINGS, library, tiny_network, tiny_sam2

RECORDED = Path(__file__).parents[2] / "recorded" / "sam2_1_tiny.txt"
FULL = (0.0, 255.0)
SHAPE = (90, 140)
ATOL = {"terms": 256, "products": 40}


def published() -> dict[str, torch.Tensor]:
    """Weights as in Meta's file of SAM 2.1 tiny, without memory for them."""
    rows = (line.split() for line in RECORDED.read_text().splitlines())
    return {
        name: torch.empty([int(side) for side in shape.split("x")], device="meta")
        for name, shape in rows
    }


@pytest.fixture(scope="module", params=[tiny_sam2, tiny_edgetam], ids=["sam2", "edgetam"])
def both(request) -> Any:
    library()
    model = request.param()
    embedding = model.encode(picture(SHAPE, 5), limits=FULL)
    with torch.inference_mode():
        pixels, _ = model._encoder.pixels(picture(SHAPE, 5), FULL)
        levels = model.whole.get_image_embeddings(pixels)
    return model, embedding, levels


# -- images -----------------------------------------------------------------------------------


def test_the_embedding_is_that_of_transformers(both):
    model, embedding, levels = both
    image = embedding.features.image + model.whole.no_memory_embedding.view(1, -1, 1, 1)
    for found, expected in zip((*embedding.features.details, image), levels, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=rounding(expected, **ATOL))


def test_planes_are_stretched_as_the_reference_stretches_them(both):
    from torchvision.transforms.v2 import functional

    model, _, _ = both
    image = picture((150, 90), 3)
    found, used = model._encoder.pixels(image, FULL)
    whole = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    resized = functional.resize(whole, [128, 128], antialias=True)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = functional.normalize(resized, mean.tolist(), std.tolist())
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    assert used == (128, 128)


@st.composite
def asked(draw):
    """A prompt, as ours and as arguments of the reference's prompt encoder."""
    count = draw(st.integers(0, 3))
    points = [(draw(st.floats(0, 89)), draw(st.floats(0, 139))) for _ in range(count)]
    labels = [draw(st.integers(0, 1)) for _ in range(count)]
    corners = st.tuples(st.floats(0, 40), st.floats(0, 60), st.floats(41, 89), st.floats(61, 139))
    box, low = draw(st.none() | corners), draw(st.none() | st.integers(0, 9))
    logits = None
    if low is not None:
        logits = np.random.default_rng(low).normal(size=(32, 32)).astype(np.float32) * 4
    if box is None and logits is None and 1 not in labels:
        points, labels = [*points, (12.0, 30.5)], [*labels, 1]
    scale = np.array([128 / SHAPE[0], 128 / SHAPE[1]])
    arguments: list[Any] = [None, None, None, None]
    if points:
        xy = (np.array(points) * scale)[:, ::-1].copy()
        arguments[0] = torch.from_numpy(xy)[None, None].float()
        arguments[1] = torch.tensor(labels)[None, None]
    if box is not None:
        corners = (np.reshape(box, (2, 2)) * scale)[:, ::-1].reshape(1, 1, 4).copy()
        arguments[2] = torch.from_numpy(corners).float()
    if not points and box is None:
        arguments[:2] = [torch.zeros(1, 1, 1, 2), -torch.ones(1, 1, 1, dtype=torch.int)]
    if logits is not None:
        arguments[3] = torch.from_numpy(logits)[None, None]
    ours = ns.Prompt(points=points, labels=labels, boxes=[box] if box else (), logits=logits)
    return ours, arguments


@settings(max_examples=30, deadline=None)
@given(prompt=asked(), multimask=st.booleans())
def test_candidates_equal_transformers_for_any_mix_of_prompts(both, prompt, multimask):
    model, embedding, levels = both
    ours, arguments = prompt
    network = model.whole
    with torch.inference_mode():
        sparse, dense = network.prompt_encoder(*arguments)
        low, scores, _, _ = network.mask_decoder(
            image_embeddings=levels[-1],
            image_positional_embeddings=network.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            high_resolution_features=levels[:-1],
        )
    found = model.predict(embedding, ours, multimask=multimask)
    order = np.argsort(-scores[0, 0].numpy(), kind="stable")
    expected = low[0, 0].numpy()[order]
    np.testing.assert_allclose(
        found.scores, scores[0, 0].numpy()[order], rtol=0, atol=rounding(scores, **ATOL)
    )
    np.testing.assert_allclose(found.logits, expected, rtol=0, atol=rounding(expected, **ATOL))
    full = torch.nn.functional.interpolate(
        torch.from_numpy(expected)[None], SHAPE, mode="bilinear", align_corners=False
    )[0].numpy()
    differs = found.masks != (full > 0)
    assert np.abs(full[differs]).max(initial=0) < 1e-3


def test_clicks_of_everything_mode_equal_clicks_one_by_one(both):
    model, embedding, _ = both
    points = np.array([[10.0, 20.0], [50.5, 100.25], [89.0, 139.0]])
    for point, (scores, make) in zip(points, model.decode_points(embedding, points), strict=True):
        found = model.predict(embedding, ns.Prompt(points=[point]))
        order = np.argsort(-scores, kind="stable")
        np.testing.assert_allclose(scores[order], found.scores, atol=rounding(scores, **ATOL))
        logits = make([int(i) for i in order]).numpy()
        np.testing.assert_allclose(logits, found.logits, atol=rounding(logits, **ATOL))


def test_encoding_stops_at_any_block_and_can_be_done_again(both):
    model, embedding, _ = both
    reports: list[float] = []
    model.encode(picture(SHAPE, 5), limits=FULL, progress=reports.append)
    assert len(reports) > 5
    assert reports == sorted(reports)

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        model.encode(picture(SHAPE, 5), limits=FULL, progress=stop)
    again = model.encode(picture(SHAPE, 5), limits=FULL)
    assert torch.equal(again.features.image, embedding.features.image)
    features, nbytes = model.from_arrays(model.to_arrays(embedding))
    assert torch.equal(features.details[1], embedding.features.details[1])
    assert nbytes == embedding.nbytes


# -- files ------------------------------------------------------------------------------------


def test_names_of_metas_file_become_those_of_transformers():
    found = library()
    state = to_transformers(published())
    described = settings_of(state, "tiny.pt")
    with torch.device("meta"):
        expected = found.Sam2VideoModel(configuration(described)).state_dict()
    assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in expected.items()}


def test_a_file_of_metas_is_recognised_by_its_names(tmp_path):
    names = {name: torch.zeros(1) for name in published()}
    path = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": names}, path)
    assert family_of(path).name == "sam2"
    with pytest.raises(CheckpointError, match="none of its published sizes"):
        ns.load_model(path, device="cpu")


def saved(folder: Path, **changes: Any) -> Path:
    """Save a tiny network as ``transformers`` does."""
    folder.mkdir()
    network = tiny_network(**changes)
    network.save_pretrained(folder)
    return folder / "model.safetensors"


@pytest.mark.parametrize("given_as", ["file", "folder"])
def test_a_folder_of_transformers_is_loaded(tmp_path, given_as):
    file = saved(tmp_path / "mine")
    model = ns.load_model(file if given_as == "file" else file.parent, device="cpu")
    assert family_of(file).name == "sam2"
    image = picture(SHAPE, 1)
    expected = tiny_sam2().encode(image)
    assert torch.equal(model.encode(image).features.image, expected.features.image)
    assert model.memory is not None
    assert model.name == "mine"


def test_the_links_of_a_cache_are_loaded_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    kept = saved(tmp_path / "kept").parent
    folder = tmp_path / "snapshots" / "1f2e"  # as Hugging Face's: each file is a link to a number
    folder.mkdir(parents=True)
    for number, name in enumerate(("config.json", "model.safetensors")):
        (kept / name).rename(kept / str(number))
        try:
            (folder / name).symlink_to(kept / str(number))
        except OSError:
            pytest.skip("this system makes no links")
    assert ns.load_model(folder, device="cpu").name == "1f2e"
    assert zoo.add(folder, "mine").family.name == "sam2"
    assert ns.load_model("mine", device="cpu").memory is not None


def test_an_image_model_has_no_memory(tmp_path):
    parts = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    config = configuration({"model_type": "sam2", **{part: SETTINGS[part] for part in parts}})
    network = library().Sam2Model(config)
    network.save_pretrained(tmp_path)
    model = ns.load_model(tmp_path / "model.safetensors", device="cpu")
    assert model.memory is None
    assert len(model.predict(model.encode(picture(SHAPE, 1)), ns.Prompt(points=[(5, 5)]))) == 3


def test_a_config_that_is_missing_damaged_or_another_models_is_named(tmp_path):
    file = saved(tmp_path / "mine")
    config = file.with_name("config.json")
    text = config.read_text()
    config.unlink()
    with pytest.raises(CheckpointError, match=r"config\.json beside it"):
        ns.load_model(file, device="cpu")
    config.write_text(text[:50])
    with pytest.raises(CheckpointError, match="cannot be read"):
        ns.load_model(file, device="cpu")
    config.write_text(json.dumps({**json.loads(text), "model_type": "sam"}))
    with pytest.raises(CheckpointError, match="'sam'"):
        ns.load_model(file, device="cpu")
    config.write_text(json.dumps({**json.loads(text), "num_maskmem": 3}))
    with pytest.raises(CheckpointError, match="does not fit"):
        ns.load_model(file, device="cpu")


def test_weights_that_are_missing_are_named(tmp_path):
    file = saved(tmp_path / "mine")
    state = {k: v.clone() for k, v in tiny_network().state_dict().items() if "iou_token" not in k}
    save_file(state, file)
    with pytest.raises(CheckpointError, match="1 weights are missing"):
        ns.load_model(file, device="cpu")


@pytest.mark.parametrize("prefix", ["", "module.", "model._orig_mod."])
@pytest.mark.parametrize("within", [None, "model", "state_dict"])
def test_weights_arrive_unchanged_however_they_are_wrapped(tmp_path, within, prefix):
    file = saved(tmp_path / "mine").with_name("mine.pt")
    weights = {f"{prefix}{name}": value for name, value in tiny_network().state_dict().items()}
    beside = {"optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}, "epoch": 3}
    torch.save(weights if within is None else {within: weights, **beside}, file)
    model = ns.load_model(file, device="cpu")
    image = picture(SHAPE, 1)
    expected = tiny_sam2().encode(image)
    assert torch.equal(model.encode(image).features.image, expected.features.image)
    assert model.memory is not None


def test_a_file_of_two_networks_is_refused(tmp_path):
    file = saved(tmp_path / "mine").with_name("mine.pt")
    weights = tiny_network().state_dict()
    torch.save({"model": weights, "ema": weights}, file)
    with pytest.raises(CheckpointError, match=r"several networks.*'ema\.', 'model\.'"):
        ns.load_model(file, device="cpu")


def test_without_the_library_it_says_what_to_install(tmp_path, monkeypatch):
    file = saved(tmp_path / "mine")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InstallationError, match=r"napari-sam-bio\[transformers\]"):
        ns.load_model(file, device="cpu")


# -- memory -----------------------------------------------------------------------------------

COUNT = 12


@pytest.fixture(scope="module")
def movie(both):
    """Frames, their embeddings, and their pixels as the reference wants them."""
    model, _, _ = both
    frames = [np.roll(picture(SHAPE, 5), (2 * i, 3 * i), (0, 1)) for i in range(COUNT)]
    pixels = torch.cat([model._encoder.pixels(frame, FULL)[0] for frame in frames])
    return frames, [model.encode(frame, limits=FULL) for frame in frames], pixels


def followed(model: Any, pixels: Any, shown: dict[int, Any], asked: range) -> dict[int, Any]:
    """What ``transformers`` answers by itself."""
    session = model.session(video=pixels, dtype=torch.float32)
    number = session.obj_id_to_idx(1)
    backwards = asked.step < 0
    for at, what in shown.items():
        if isinstance(what, tuple):
            xy = torch.tensor([what[1] * 128 / SHAPE[1], what[0] * 128 / SHAPE[0]]).float()
            given = {"point_coords": xy.view(1, 1, 1, 2)}
            given["point_labels"] = torch.ones(1, 1, 1, dtype=torch.int)
            session.add_point_inputs(number, at, given)
        else:
            side = torch.nn.functional.interpolate(
                torch.from_numpy(what).float()[None, None],
                (128, 128),
                mode="bilinear",
                antialias=True,
                align_corners=False,
            )
            session.add_mask_inputs(number, at, (side >= 0.5).float())
        session.obj_with_new_inputs = [1]
        model.whole(session, frame_idx=at)
    found = {}
    for at in asked:
        answer = model.whole(session, frame_idx=at, reverse=backwards)
        found[at] = answer.pred_masks.reshape(32, 32), float(answer.object_score_logits.sigmoid())
    return found


def compare(found: Any, expected: Any) -> None:
    logits, presence = expected
    atol = rounding(logits, terms=256, products=80)
    np.testing.assert_allclose(found.candidates.logits[0], logits, rtol=0, atol=atol)
    assert found.presence == pytest.approx(presence, abs=1e-4)
    assert 0 <= found.candidates.scores[0] <= 1


def test_twelve_frames_with_a_correction_equal_transformers(both, movie):
    model, _, _ = both
    _, embeddings, pixels = movie
    painted = np.zeros(SHAPE, bool)
    painted[30:60, 50:90] = True
    expected = followed(model, pixels, {3: (40, 60), 8: painted}, range(4, 8))
    recollection = model.memory.begin(COUNT)
    recollection.tell(3, embeddings[3], {1: ns.Prompt(points=[(40, 60)])})
    told = recollection.tell(8, embeddings[8], {1: ns.Prompt(mask=painted)})[1]
    assert told.candidates.scores[0] == 1.0
    for at in range(4, 8):
        compare(recollection.ask(at, embeddings[at], [1])[1], expected[at])
    expected = followed(model, pixels, {8: painted}, range(9, 12))
    recollection = model.memory.begin(COUNT)
    recollection.tell(8, embeddings[8], {1: ns.Prompt(mask=painted)})
    for at in range(9, 12):
        compare(recollection.ask(at, embeddings[at], [1])[1], expected[at])


def test_backwards_equals_transformers_and_objects_do_not_know_of_each_other(both, movie):
    model, _, _ = both
    _, embeddings, pixels = movie
    expected = followed(model, pixels, {11: (40, 60)}, range(10, -1, -1))
    recollection = model.memory.begin(COUNT)
    prompts = {1: ns.Prompt(points=[(40, 60)]), 7: ns.Prompt(points=[(20, 100)])}
    recollection.tell(0, embeddings[11], prompts)
    for at in range(10, -1, -1):
        compare(recollection.ask(11 - at, embeddings[at], [1, 7])[1], expected[at])


def test_a_box_with_points_and_a_mask_with_points_are_understood(both, movie):
    model, _, _ = both
    _, embeddings, _ = movie
    recollection = model.memory.begin(COUNT)
    box = ns.Prompt(boxes=[(20, 30, 60, 90)], points=[(25, 35)], labels=[0])
    mask = np.zeros(SHAPE, bool)
    mask[30:60, 50:90] = True
    told = recollection.tell(0, embeddings[0], {1: box, 2: ns.Prompt(mask=mask, points=[(40, 60)])})
    assert told[1].candidates.masks.shape == (1, *SHAPE)
    found = recollection.ask(1, embeddings[1], [1, 2])
    assert set(found) == {1, 2}


def test_what_is_remembered_does_not_grow(both, movie):
    model, _, _ = both
    _, embeddings, _ = movie
    recollection = model.memory.begin(200)
    recollection.tell(0, embeddings[0], {1: ns.Prompt(points=[(40, 60)])})

    def held() -> int:
        outputs = recollection._sessions[1].output_dict_per_obj[0].values()
        values = [v for kind in outputs for output in kind.values() for v in output.values()]
        return sum(value.nbytes for value in values)

    sizes = []
    for at in range(1, 45):
        recollection.ask(at, embeddings[at % COUNT], [1])
        sizes.append(held())
    assert max(sizes[24:]) == max(sizes[34:])
