"""Finding all cells: the public call with the embedded model, on what people pass in."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import disk

import napari_sam as ns
from napari_sam.errors import Cancelled, LabelsError, ModelError, ParameterError, PromptError
from napari_sam.methods.found_cells import FoundCells
from napari_sam.methods.interpolation import EnlargedLabels, MapPixels, enlarge
from napari_sam.models.model import InstanceMaps

CENTRES = [(30, 30), (40, 90), (90, 40), (95, 100), (60, 64)]


@pytest.fixture(scope="module")
def model():
    return ns.load_model("cells", device="cpu")


def nuclei(centres=CENTRES, shape=(128, 128), radius=11):
    """Draw bright disks with a soft edge and a little noise on a dark background."""
    image = np.random.default_rng(0).normal(20, 3, shape)
    for centre in centres:
        image[disk(centre, radius, shape=shape)] += 120
    return image.clip(0, 255).astype(np.uint8)


def test_every_nucleus_is_one_object(model):
    found = ns.segment_cells(nuclei(), model=model)
    ids = [found.labels[centre] for centre in CENTRES]
    assert len(set(ids)) == len(CENTRES)
    assert 0 not in ids
    assert len(found) == len(CENTRES)
    expected = np.pi * 11**2
    assert (abs(found.table["area"] - expected) < 0.25 * expected).all()


def test_the_table_describes_the_labels(model):
    found = ns.segment_cells(nuclei(), model=model)
    for _, row in found.table.iterrows():
        rows, columns = np.nonzero(found.labels == row["label"])
        assert row["area"] == len(rows)
        assert (row["r0"], row["c0"]) == (rows.min(), columns.min())
        assert (row["r1"], row["c1"]) == (rows.max() + 1, columns.max() + 1)
        assert 0 < row["score"] <= 1
        assert row["source"] == "cells"


def test_ids_of_a_stack_never_repeat_and_stay_on_their_slice(model):
    stack = np.stack([nuclei(CENTRES[:2]), nuclei([]), nuclei(CENTRES[2:])])
    found = ns.segment_cells(da.from_array(stack, chunks=(1, 128, 128)), model=model)
    assert found.labels.shape == stack.shape
    first, third = set(np.unique(found.labels[0])), set(np.unique(found.labels[2]))
    assert first & third == {0}
    per_slice = found.table.groupby("axis_0").size()
    assert per_slice[0] == 2
    assert per_slice[2] == 3


def test_colour_and_grey_agree(model):
    grey = nuclei()
    colour = np.repeat(grey[..., None], 3, axis=2)
    a = ns.segment_cells(grey, model=model)
    b = ns.segment_cells(colour, model=model)
    np.testing.assert_array_equal(a.labels, b.labels)


def test_an_empty_image_has_no_cells(model):
    found = ns.segment_cells(np.zeros((64, 80)), model=model)
    assert found.labels.shape == (64, 80)
    assert len(found) == found.labels.max() == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 7), (33, 31)])
def test_tiny_images_are_answered(model, shape):
    assert ns.segment_cells(np.ones(shape), model=model).labels.shape == shape


def test_small_objects_are_dropped_on_request(model):
    assert len(ns.segment_cells(nuclei(), model=model, min_area=2000)) == 0


@pytest.mark.parametrize("diameter", [0, -3, float("nan")])
def test_a_senseless_diameter_is_refused(model, diameter):
    with pytest.raises(ParameterError, match="diameter"):
        ns.segment_cells(nuclei(), model=model, diameter=diameter)


def test_it_can_be_cancelled(model):
    def stop(fraction):
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        ns.segment_cells(nuclei(), model=model, progress=stop)


def test_progress_grows_to_the_end(model):
    seen = []
    ns.segment_cells(np.stack([nuclei()] * 2), model=model, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_click_on_a_nucleus_gives_that_nucleus(model):
    image = nuclei()
    embedding = model.encode(image)
    for centre in CENTRES:
        truth = np.zeros(image.shape, bool)
        truth[disk(centre, 11)] = True
        mask = model.predict(embedding, ns.Prompt(points=[centre])).masks[0]
        assert (mask & truth).sum() / (mask | truth).sum() > 0.75
        box = (centre[0] - 11, centre[1] - 11, centre[0] + 11, centre[1] + 11)
        mask = model.predict(embedding, ns.Prompt(boxes=[box])).masks[0]
        assert (mask & truth).sum() / (mask | truth).sum() > 0.8


@given(scale=st.floats(0.3, 6.0), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_labels_keep_their_places_when_brought_to_the_plane(scale, seed):
    rng = np.random.default_rng(seed)
    labels = np.zeros((24, 30), np.int32)
    labels[4:12, 5:14], labels[4:12, 14:22], labels[15:20, 8:25] = rng.permutation([1, 2, 3])
    shape = (round(24 * scale), round(30 * scale))
    pixels = MapPixels.of(np.ones(shape, bool), labels.shape, (scale, scale))
    full = pixels.paint(EnlargedLabels(labels, pixels).values(np.arange(4, dtype=np.int32)))
    for label in (1, 2, 3):
        before = (np.argwhere(labels == label).mean(axis=0) + 0.5) * scale
        after = np.argwhere(full == label).mean(axis=0) + 0.5
        # Where no neighbour stops it an object reaches half a map pixel further.
        np.testing.assert_allclose(after, before, atol=0.6 + 0.5 * scale)


@given(
    scale=st.tuples(st.floats(0.3, 6.0), st.floats(0.3, 6.0)),
    origin=st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_each_pixel_goes_to_the_object_that_weighs_most(scale, origin, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, (6, 7), dtype=np.int32).repeat(2, 0).repeat(3, 1)
    objects = np.array([0, 1, 1, 3, 4], np.int32)  # two labels are one object
    shape = tuple(int(rng.integers(1, 40, 2)[0]) for _ in range(2))
    inside = rng.random(shape) < 0.7
    pixels = MapPixels.of(inside, labels.shape, scale, origin)
    found = pixels.paint(EnlargedLabels(labels, pixels).values(objects))
    weights = [
        enlarge((objects[labels] == k).astype(np.float32), shape, scale, origin) for k in (1, 3, 4)
    ]
    weights = np.where(inside, weights, 0)
    assert not found[~inside].any()
    at = np.take_along_axis(weights, np.array([0, 0, 0, 1, 2])[found][None], 0)[0]
    assert (found > 0)[weights.max(axis=0) > 1e-5].all()  # below, rounding decides
    np.testing.assert_allclose(at, weights.max(axis=0), atol=1e-5)


def test_maps_coarser_than_the_plane_give_smooth_borders():
    rows, columns = np.mgrid[:40, :40]
    inside = np.clip(12.5 - np.hypot(rows - 20, columns - 20), 0, 1).astype(np.float32)
    depth = np.clip(1 - np.hypot(rows - 20, columns - 20) / 12, 0, 1).astype(np.float32)
    maps = InstanceMaps(inside, depth, (inside - depth).clip(0, 1), (8.0, 8.0), (320, 320), 190.0)
    labels, scores = FoundCells(maps, np.zeros(maps.shape), source="").labels()
    assert labels.max() == len(scores) == 1
    # A staircase of eight-pixel steps would have a perimeter of 8/pi times the diameter.
    from skimage.measure import perimeter

    assert perimeter(labels > 0) < 1.08 * np.sqrt(4 * np.pi * (labels > 0).sum())


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("labels.zarr", "array of whole numbers"),
        (np.zeros((128, 128)), "array of whole numbers"),
        (np.zeros((3, 3), np.int32), "has shape"),
        (np.broadcast_to(np.int32(0), (128, 128)), "read-only"),
    ],
)
def test_labels_are_written_into_nothing_else_than_labels(model, out, told, monkeypatch):
    def asked(*_, **__):
        raise AssertionError("the model was asked first")

    monkeypatch.setattr(model, "encode", asked)
    with pytest.raises(LabelsError, match=told):
        ns.segment_cells(nuclei(), model=model, out=out)


def test_one_prompt_is_no_list_of_prompts(model):
    embedding = model.encode(nuclei())
    with pytest.raises(PromptError, match="list of Prompt"):
        model.predict_each(embedding, ns.Prompt(points=[(30, 30)]))
    with pytest.raises(ModelError, match="must be an Embedding"):
        model.predict(nuclei(), ns.Prompt(points=[(30, 30)]))
