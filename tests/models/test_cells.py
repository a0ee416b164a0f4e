"""The wrapper of the embedded model: every mask must come back where its prompt was.

The network here is a stand-in that draws what it is asked for, so that any error of geometry
(rows and columns swapped, half a pixel, a wrong zoom, an edge) shows up in the masks.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_sam as ns
from napari_sam.errors import Cancelled, CheckpointError, ModelError, PromptError
from napari_sam.models.cells import size
from napari_sam.models.cells.load import load_cells
from napari_sam.models.cells.model import CellsModel
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.reading import OBJECT
from napari_sam.models.cells.size import size_told
from napari_sam.models.cells.windows import Pyramid, paste, resample, square
from napari_sam.models.lesson import Lesson
from napari_sam.prompts import Prompt
from napari_sam.training.synthetic import generate


class Drawing(torch.nn.Module):
    """Answers a click by a disk of 12 window pixels, a box by itself, logits by themselves."""

    precision = torch.float32

    def __init__(self):
        super().__init__()
        self.images = []
        self.earlier = []

    def encode(self, image):
        self.images.append(image)
        return image

    def instances(self, image):
        grey = torch.nn.functional.avg_pool2d(image.mean(1, keepdim=True), 2)
        return torch.cat([(grey - 0.5) * 40] * 3, dim=1)

    def sizes(self, image):
        return torch.full((1, 1, image.shape[-2] // 8, image.shape[-1] // 8), 9.0)  # told wrongly

    def decode(self, image, image_index, points, labels, boxes, mask_input=None):
        self.earlier.append(mask_input)
        height, width = image.shape[-2] // 2, image.shape[-1] // 2
        y = (torch.arange(height) + 0.5)[:, None] * 2
        x = (torch.arange(width) + 0.5)[None] * 2
        scale = torch.tensor([1.0, 0.5, 0.25])[:, None, None]
        answers = []
        for at, box in enumerate(boxes):
            if not torch.isnan(box).any():
                x0, y0, x1, y1 = box
                drawn = torch.minimum(torch.minimum(x - x0, x1 - x), torch.minimum(y - y0, y1 - y))
            elif mask_input is not None and (labels[at] < 1).all():
                drawn = mask_input[at, 0]
            else:
                first = points[at][labels[at] == 1][0]
                drawn = 12 - ((x - first[0]) ** 2 + (y - first[1]) ** 2).sqrt()
            answers.append(drawn - (1 - scale) * 4)
        return torch.stack(answers), torch.tensor([[0.9, 0.6, 0.3]]).expand(len(boxes), -1)


def model():
    return CellsModel(Drawing(), "drawing", "cpu", "drawing:1")


def centre_of(mask):
    return np.argwhere(mask).mean(axis=0)


@given(
    height=st.integers(20, 300),
    width=st.integers(20, 300),
    u=st.floats(0.2, 0.8),
    v=st.floats(0.2, 0.8),
)
@settings(max_examples=40, deadline=None)
def test_a_click_is_answered_where_it_was(height, width, u, v):
    cells = model()
    embedding = cells.encode(np.zeros((height, width)))
    click = (u * height, v * width)
    found = cells.predict(embedding, ns.Prompt(points=[click]))
    assert found.masks.shape[1:] == (height, width)
    # Nothing was found in the black image, so the zoom is 1 and the disk has 12 pixels.
    disk = found.masks[0]
    if 14 < click[0] < height - 14 and 14 < click[1] < width - 14:
        np.testing.assert_allclose(centre_of(disk), click, atol=0.6)


@given(
    height=st.integers(40, 400),
    width=st.integers(40, 400),
    corners=st.tuples(*[st.floats(0.0, 1.0)] * 4),
)
@settings(max_examples=40, deadline=None)
def test_a_box_comes_back_as_that_box(height, width, corners):
    r0, r1 = sorted(corners[:2])
    c0, c1 = sorted(corners[2:])
    box = (r0 * (height - 1), c0 * (width - 1), r1 * (height - 1), c1 * (width - 1))
    if box[2] - box[0] < 6 or box[3] - box[1] < 6:
        return
    cells = model()
    found = cells.predict(cells.encode(np.zeros((height, width))), ns.Prompt(boxes=[box]))
    rows, columns = np.nonzero(found.masks[0])
    measured = rows.min(), columns.min(), rows.max(), columns.max()
    # A pixel of the window's map covers this much of the plane.
    coarse = 1 + 2 * max(box[2] - box[0], box[3] - box[1]) / 40
    np.testing.assert_allclose(measured, box, atol=coarse)


def test_every_click_on_a_large_object_stays_in_the_window():
    cells = model()
    embedding = cells.encode(np.zeros((900, 700)))
    clicks = [(20.0, 30.0), (860.0, 650.0)]
    found = cells.predict(embedding, ns.Prompt(points=clicks))
    for r, c in clicks:
        assert found.window[0] < r < found.window[2]
        assert found.window[1] < c < found.window[3]


def test_logits_refine_in_their_own_window():
    cells = model()
    embedding = cells.encode(np.zeros((200, 200)))
    first = cells.predict(embedding, ns.Prompt(boxes=[(60, 80, 100, 140)]))
    again = cells.predict(embedding, ns.Prompt(logits=first.logits[0], window=first.window))
    assert again.window == first.window
    given_back = cells.network.earlier[-1]
    np.testing.assert_array_equal(given_back[0, 0].numpy(), first.logits[0])
    np.testing.assert_array_equal(again.masks[0], first.masks[0])


def test_a_window_is_read_once_for_an_object_and_its_corrections():
    cells = model()
    embedding = cells.encode(np.zeros((200, 200)))
    read = len(cells.network.images)
    first = cells.predict(embedding, ns.Prompt(boxes=[(60, 80, 100, 140)]))
    again = ns.Prompt(points=[(70, 90)], labels=[0], logits=first.logits[0], window=first.window)
    cells.predict(embedding, again)
    assert len(cells.network.images) == read + 1
    other = cells.encode(np.ones((200, 200)))
    read = len(cells.network.images)
    cells.predict(other, ns.Prompt(boxes=[(60, 80, 100, 140)]))
    assert len(cells.network.images) == read + 1  # the same place of another plane
    cells.predict(other, ns.Prompt(boxes=[(20, 20, 60, 80)]))
    assert len(cells.network.images) == read + 2


class Following(Drawing):
    """Answers the mask of a neighbouring slice by itself; it is there if it is large."""

    presence = True

    def follow(self, image, image_index, points, labels, boxes, mask_input, neighbour):
        self.asked = points, labels, boxes, mask_input
        logits = (neighbour[:, 0] - 0.5) * 12
        scale = torch.tensor([1.0, 0.5, 0.25])[:, None, None]
        scores = torch.tensor([[0.9, 0.6, 0.3]])
        return logits[:, None] - (1 - scale) * 4, scores, neighbour.sum((1, 2, 3)) - 100


def test_the_mask_of_a_neighbouring_slice_is_asked_where_it_lies():
    cells = CellsModel(Following(), "following", "cpu", "following:1")
    embedding = cells.encode(np.zeros((150, 130)))
    mask = np.zeros((150, 130), bool)
    mask[40:80, 30:100] = True
    found = cells.follows.follow(embedding, mask)
    overlap = (found.candidates.masks[0] & mask).sum() / (found.candidates.masks[0] | mask).sum()
    assert overlap > 0.93
    assert found.presence > 0.5
    assert (cells.network.asked[1] == -1).all()  # nobody clicked
    cells.follow(embedding, mask, ns.Prompt(points=[(60, 65)]))
    points, labels, boxes, _ = cells.network.asked
    assert labels.tolist() == [[1]]
    np.testing.assert_allclose(points[0, 0], (96, 96), atol=1)
    assert torch.isnan(boxes).all()
    moved = cells.follow(embedding, mask, ns.Prompt(boxes=[(90, 35, 130, 105)]))  # it is there now
    assert np.mean(moved.candidates.window[::2]) == 110
    with pytest.raises(PromptError):
        cells.follow(embedding, np.ones((3, 3), bool))


def test_a_network_that_was_not_taught_to_follow_is_not_asked():
    assert model().follows is None


def test_no_prompt_sees_the_logits_of_another():
    cells = model()
    embedding = cells.encode(np.zeros((200, 200)))
    cells.predict(embedding, ns.Prompt(boxes=[(60, 80, 100, 140)]))
    cells.network.earlier.clear()
    cells.predict(embedding, ns.Prompt(points=[(30, 30)]))
    assert all(earlier is None for earlier in cells.network.earlier)


def test_prompts_that_are_answered_together_are_answered_as_alone():
    cells = ns.load_model("cells", device="cpu")
    embedding = cells.encode(generate("nuclei_dense", 3, (150, 160)).image)
    box = Prompt(boxes=[(40, 40, 80, 90)])
    window = cells.window_for(embedding, box)
    clicks = [Prompt([(60 + 5 * step, 60)], window=window) for step in range(-3, 7)]
    corrected = Prompt([(60, 60), (50, 70)], [1, 0], window=window)
    elsewhere = [Prompt([(20, 100)]), Prompt([(100, 20)])]
    low = np.linspace(-8, 8, 96 * 96, dtype=np.float32).reshape(96, 96)
    refined = Prompt([(60, 60)], logits=low, window=window)
    prompts = [box, *clicks, corrected, *elsewhere, refined, corrected, clicks[0]]
    together = cells.predict_each(embedding, prompts)
    for prompt, found in zip(prompts, together, strict=True):
        alone = cells.predict(embedding, prompt)
        assert found.window == alone.window == cells.window_for(embedding, prompt)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-3)
        np.testing.assert_allclose(found.logits, alone.logits, atol=1e-2)


def test_a_mask_prompt_comes_back_as_that_mask():
    cells = model()
    embedding = cells.encode(np.zeros((150, 130)))
    mask = np.zeros((150, 130), bool)
    mask[40:80, 30:100] = True
    found = cells.predict(embedding, ns.Prompt(mask=mask))
    overlap = (found.masks[0] & mask).sum() / (found.masks[0] | mask).sum()
    assert overlap > 0.93


@given(
    zoom=st.floats(0.2, 4),
    r=st.floats(-20, 120),
    c=st.floats(-20, 120),
    down=st.integers(-5, 5),
    right=st.integers(-5, 5),
)
@settings(max_examples=60, deadline=None)
def test_moving_a_region_by_whole_pixels_moves_its_logits(zoom, r, c, down, right):
    edges = square((r, c), zoom, 64)
    pixel = 2 / zoom  # plane pixels per map pixel
    moved = (
        edges[0] + down * pixel,
        edges[1] + right * pixel,
        edges[2] + down * pixel,
        edges[3] + right * pixel,
    )
    logits = torch.randn(2, 32, 32)
    again = resample(logits, edges, moved, (32, 32), outside=-8.0)
    kept = again[:, 8:24, 8:24]
    expected = logits[:, 8 + down : 24 + down, 8 + right : 24 + right]
    torch.testing.assert_close(kept, expected, atol=1e-3, rtol=0)


def test_pasting_beyond_the_plane_keeps_what_is_inside():
    edges = (-50.0, -50.0, 50.0, 50.0)
    masks, corner = paste(torch.ones(1, 96, 96), edges, (60, 80))
    # The window covers pixels up to 49: those whose centre lies inside.
    assert corner == (0, 0)
    assert masks[0, :50, :50].all()
    assert masks.sum() == 50 * 50


def test_only_the_marked_part_of_a_mask_is_kept():
    from napari_sam.models.cells.answers import marked_parts

    mask = np.zeros((20, 20), bool)
    mask[2:6, 2:6] = mask[10:14, 10:14] = True
    kept = marked_parts(mask, ns.Prompt(points=[(3, 3)]))
    assert kept[3, 3]
    assert not kept[11, 11]
    # A click beside the mask does not make it vanish.
    assert marked_parts(mask, ns.Prompt(points=[(8, 8)])).sum() == mask.sum()


def test_candidates_differ_and_come_best_first():
    cells = model()
    embedding = cells.encode(np.zeros((200, 200)))
    found = cells.predict(embedding, ns.Prompt(points=[(90, 110)]))
    assert list(found.scores) == sorted(found.scores, reverse=True)
    for i in range(len(found)):
        for j in range(i):
            a, b = found.masks[i], found.masks[j]
            assert (a & b).sum() / (a | b).sum() <= 0.85


def test_another_models_embedding_is_refused():
    cells, other = model(), model()
    other.fingerprint = "drawing:2"
    embedding = cells.encode(np.zeros((50, 50)))
    with pytest.raises(ModelError, match="another model"):
        other.predict(embedding, ns.Prompt(points=[(1, 1)]))


def test_a_prompt_outside_the_plane_is_refused():
    cells = model()
    embedding = cells.encode(np.zeros((50, 60)))
    with pytest.raises(PromptError, match="outside"):
        cells.predict(embedding, ns.Prompt(points=[(55, 10)]))


def test_encoding_can_be_cancelled():
    def stop(fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        model().encode(np.zeros((64, 64)), progress=stop)


class Texture(Drawing):
    """Sees blobs 12 window pixels wide and nothing else, whatever it looks at."""

    def instances(self, image):
        height, width = image.shape[-2] // 2, image.shape[-1] // 2
        rows, columns = torch.meshgrid(
            *((torch.arange(side) % 10 - 5.0) for side in (height, width)), indexing="ij"
        )
        depth = (3 - torch.hypot(rows, columns)) / 3
        maps = torch.stack([depth, depth - 0.3, -depth])
        return 8 * maps[None]


def test_texture_of_every_zoom_does_not_make_objects_ever_smaller():
    cells = CellsModel(Texture(), "texture", "cpu", "texture:1")
    embedding = cells.encode(np.random.default_rng(0).random((400, 400)))
    assert 8 < embedding.features.diameter < 16


class Grainy(Drawing):
    """Sees objects of 30 pixels on a ramp, and where it enlarges, grain of any size."""

    def instances(self, image):
        slope = image.mean(1)[0].diff(dim=1).median()
        zoom = 1 / (399 * float(slope))
        radius = (30 * zoom if zoom < 1.3 else 32) / 4  # in map pixels
        height, width = image.shape[-2] // 2, image.shape[-1] // 2
        rows, columns = torch.meshgrid(
            *(torch.arange(side) % (3 * radius) - 1.5 * radius for side in (height, width)),
            indexing="ij",
        )
        depth = 1 - torch.hypot(rows, columns) / radius
        return 8 * torch.stack([depth, depth - 0.3, -depth])[None]


@pytest.mark.parametrize(("shown", "believed"), [(8.0, 30.0), (20.0, 20.0)])
def test_a_size_that_was_shown_is_believed_unless_a_much_larger_one_is_confirmed(shown, believed):
    cells = CellsModel(Grainy(), "grainy", "cpu", "grainy:1")
    ramp = np.broadcast_to(np.linspace(0, 1, 400), (400, 400))
    found = cells.encode(ramp, limits=(0, 1)).features.diameter
    assert 30 / 1.2 < found < 30 * 1.2
    cells.history = (Lesson("", "cells", 1, 2, 1, 1.0, 1, True, shown, {}, {}, {}, {}),)
    found = cells.encode(ramp, limits=(0, 1)).features.diameter
    assert believed / 1.2 < found < believed * 1.2


@pytest.mark.parametrize("diameter", [12, 30, 60, 140])
def test_the_size_of_objects_is_found(diameter):
    rows, columns = np.mgrid[:512, :512]
    pitch = diameter * 1.6
    off_r, off_c = (np.mod(rows, pitch) - pitch / 2), (np.mod(columns, pitch) - pitch / 2)
    image = (np.hypot(off_r, off_c) < diameter / 2).astype(float)
    embedding = model().encode(image, limits=(0, 1))
    assert diameter / 1.3 < embedding.features.diameter < diameter * 1.3


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match="cannot be read as safetensors"):
        load_cells(path)
    with pytest.raises(CheckpointError, match="no file"):
        load_cells(tmp_path / "missing.safetensors")


def test_folding_the_norms_changes_no_map():
    torch.manual_seed(0)
    network = CellsNetwork()
    with torch.no_grad():  # statistics as after training, not as at the start
        for name, value in network.state_dict().items():
            if "running" in name:
                value.uniform_(0.5, 2.0)
    folded = deepcopy(network).eval()
    folded.fold_norms()
    left = [name for name, part in folded.named_modules() if type(part) is torch.nn.BatchNorm2d]
    assert not left
    network.eval()
    image = torch.rand(1, 3, 96, 64)
    clicks = torch.tensor([[[30.0, 40.0]]]), torch.tensor([[1]]), torch.full((1, 4), torch.nan)
    with torch.inference_mode():
        for one, two in zip(network.encode(image), folded.encode(image), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)
        answers = [
            part.decode(part.encode(image), torch.zeros(1, dtype=torch.long), *clicks)
            for part in (network, folded)
        ]
    for one, two in zip(*answers, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)


def test_planes_read_in_half_precision_show_the_same_objects(monkeypatch):
    monkeypatch.setattr(size, "NEAR_SIZES", (1.0,))  # which one is chosen can hang on little
    image = generate("nuclei_dense", 5, (192, 192)).image
    exact, half = load_cells(), load_cells(precision="bfloat16")
    assert exact.fingerprint != half.fingerprint  # what one keeps is not served to the other
    maps = [model.instance_maps(model.encode(image)) for model in (exact, half)]
    assert maps[0].diameter == pytest.approx(maps[1].diameter, rel=0.02)
    at_one_size = half.instance_maps(half.encode(image), diameter=maps[0].diameter)
    np.testing.assert_allclose(at_one_size.foreground, maps[0].foreground, atol=0.15)
    inside = maps[0].foreground > 0.5
    assert np.mean((at_one_size.foreground > 0.5) != inside) < 0.005


def test_prompts_are_answered_in_full_precision_where_planes_are_read_in_half():
    image = generate("nuclei_dense", 5, (192, 192)).image
    prompt = Prompt(boxes=[(60, 60, 100, 100)])
    exact, half = (load_cells(precision=kind) for kind in ("float32", "bfloat16"))
    answers = [model.predict(model.encode(image), prompt) for model in (exact, half)]
    np.testing.assert_array_equal(answers[0].logits, answers[1].logits)


def test_maps_of_a_region_are_those_of_the_whole_plane():
    from napari_sam.methods.finding_cells import find_cells_around
    from napari_sam.methods.found_cells import FoundCells

    model = load_cells()
    tile = np.asarray(generate("nuclei_dense", 3, (192, 192)).image, dtype=np.float32)
    plane = np.tile(tile, (4, 4))
    embedding = model.encode(plane)
    diameter = embedding.features.diameter * 0.8  # maps that encoding has not made
    whole = model.instance_maps(embedding, diameter=diameter)
    region = (300, 350, 440, 520)
    maps = model.instance_maps(embedding, diameter=diameter, region=region)
    box = np.s_[
        int(region[0] / whole.scale[0]) : int(region[2] / whole.scale[0]),
        int(region[1] / whole.scale[1]) : int(region[3] / whole.scale[1]),
    ]
    assert np.abs(maps.foreground[box] - whole.foreground[box]).mean() < 0.01
    assert not maps.foreground[:20, :20].any()
    live, part = find_cells_around(plane, embedding, model, region, diameter=diameter)
    cells = FoundCells(whole, plane, source="cells").choose().labels
    inner = np.s_[region[0] : region[2], region[1] : region[3]]
    found = np.zeros(plane.shape, np.int32)
    found[part] = live.choose().labels
    differ = (found[inner] > 0) != (cells[inner] > 0)
    assert differ.mean() < 0.01
    assert cells[inner].any()


def test_cropped_maps_are_interpolated_as_the_whole():
    from napari_sam.methods.interpolation import enlarge
    from napari_sam.models.model import InstanceMaps

    values = np.random.default_rng(0).random((40, 50), dtype=np.float32)
    scale = (2.3, 1.7)
    maps = InstanceMaps(values, values, values, scale, (92, 85), 10.0)
    full = enlarge(values, maps.shape, scale)
    part = maps.crop(slice(21, 60), slice(33, 70))
    np.testing.assert_allclose(
        enlarge(part.foreground, part.shape, scale, part.origin)[3:-3, 3:-3],
        full[21:60, 33:70][3:-3, 3:-3],
        atol=1e-5,
    )


def test_the_candidates_of_a_click_go_from_the_least_to_the_most_that_it_may_mean():
    network = load_cells().network
    ordered, larger = [], []
    for seed in range(4):
        image, truth = generate("nuclei_dense", seed, (192, 192))[:2]
        low, high = np.percentile(image, (0.5, 99.8))
        grey = torch.from_numpy(np.clip((image - low) / (high - low), 0, 1).astype(np.float32))
        middles = [np.argwhere(truth == one).mean(0) for one in np.unique(truth)[1:13]]
        points = torch.tensor(np.array(middles), dtype=torch.float32).flip(1)[:, None] + 0.5
        count = len(points)
        with torch.inference_mode():
            logits, _ = network.decode(
                network.encode(grey.expand(1, 3, -1, -1).contiguous()),
                torch.zeros(count, dtype=torch.long),
                points,
                torch.ones(count, 1, dtype=torch.long),
                torch.full((count, 4), torch.nan),
            )
        areas = (logits > 0).sum((2, 3)).float()
        ordered += ((areas[:, 1] <= areas[:, 0]) & (areas[:, 0] <= areas[:, 2])).tolist()
        larger += (areas[:, 2] / areas[:, 1].clamp_min(1)).tolist()
    assert np.mean(ordered) > 0.9
    assert np.median(larger) > 1.1


def test_maps_at_the_size_that_encoding_saw_are_not_read_again():
    ours = model()
    embedding = ours.encode(np.zeros((90, 80)), limits=(0, 1))
    looks = len(ours.network.images)
    # Nothing is there, so that the size is what a guess is.
    maps = ours.instance_maps(embedding, diameter=OBJECT)
    assert len(ours.network.images) == looks
    assert maps.diameter == OBJECT


def test_a_window_is_answered_as_a_plane_is_and_looked_at_once():
    rows, columns = np.mgrid[:130, :140]
    image = (np.hypot(rows % 40 - 20, columns % 42 - 21) < 13).astype(float)
    plane, window = model(), model()
    prompt = Prompt(points=[(60, 62)], boxes=[(40, 42, 80, 82)])
    whole = plane.predict(plane.encode(image, limits=(0, 1)), prompt)
    embedding = window.encode_window(image, limits=(0, 1))
    part = window.predict(embedding, prompt)
    np.testing.assert_array_equal(part.masks, whole.masks)
    np.testing.assert_array_equal(part.logits, whole.logits)
    assert len(window.network.images) == 1
    assert len(plane.network.images) > 1
    # A click by itself says nothing of the size: then the window is looked at after all.
    click = Prompt(points=[(60, 62)])
    np.testing.assert_array_equal(
        window.predict(embedding, click).masks,
        plane.predict(plane.encode(image, limits=(0, 1)), click).masks,
    )


class Telling(Drawing):
    """Tells that all objects are so many octaves larger than 32 window pixels, at any zoom."""

    def __init__(self, octaves):
        super().__init__()
        self.octaves = octaves

    def sizes(self, image):
        shape = 1, 1, image.shape[-2] // 8, image.shape[-1] // 8
        return torch.full(shape, float(self.octaves))


def test_a_size_that_is_told_is_believed_if_it_is_near_what_was_measured(monkeypatch):
    monkeypatch.setattr(size, "NEAR_SIZES", (1.0,))  # it is what it is, however sure of others
    rows, columns = np.mgrid[:320, :320]
    image = ((rows % 40 < 20) & (columns % 40 < 20)).astype(float)

    def found(octaves):
        cells = CellsModel(Telling(octaves), "telling", "cpu", "telling:1")
        return cells.encode(image, limits=(0, 1)).features.diameter

    measured = found(6)
    assert 20 / 1.3 < measured < 20 * 1.3
    assert found(-6) == measured, "what is told is far from it"
    # both see the same at the same zoom, and differ by what they are told alone
    assert found(0.3) / found(0.1) == pytest.approx(2**0.2)


def test_of_sizes_near_the_one_found_the_one_counts_at_which_the_network_is_surer(monkeypatch):
    image = generate("nuclei_sparse", 5, (192, 192)).image
    model = load_cells()
    sure = dict.fromkeys((*size.NEAR_SIZES, 1.0), 0.9)
    monkeypatch.setattr(size, "_certainty", lambda *where: sure[where[-1]])
    found = model.encode(image).features.diameter
    sure[size.NEAR_SIZES[1]] = 0.9 + size.SURER_BY / 2
    assert model.encode(image).features.diameter == found, "it is hardly surer"
    sure[size.NEAR_SIZES[1]] = 0.9 + size.SURER_BY * 2
    assert model.encode(image).features.diameter == pytest.approx(size.NEAR_SIZES[1] * found)


def test_the_certainty_of_a_plane_is_that_of_its_middle():
    class Sure(Telling):
        def instances(self, image):
            rows, columns = image.shape[-2] // 2, image.shape[-1] // 2
            inside = torch.full((1, 3, rows, columns), 30.0)
            inside[..., rows // 2 :, :] = 0.0  # half of it might be anything
            return inside

    pyramid = Pyramid.of(np.zeros((400, 500), np.float32), "cpu")
    assert size._certainty(Sure(0), pyramid, 32.0, 1.0) == pytest.approx(0.5)


def test_every_object_has_a_say_in_the_size_that_is_told():
    maps = np.zeros((3, 64, 128), np.float32)
    sizes = np.zeros((16, 32), np.float32)
    maps[:2, 8:56, 8:56] = 0.9  # one large object, and three small ones
    sizes[:, :16] = 1.5
    for left in (72, 92, 112):
        maps[:2, 24:32, left : left + 8] = 0.9
    sizes[:, 16:] = -1.0
    assert size_told(maps, sizes) == pytest.approx(16)
    assert np.isnan(size_told(np.zeros_like(maps), sizes))
