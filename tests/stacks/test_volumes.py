"""Objects of slices joined to three-dimensional ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam.contrast import contrast_limits
from napari_sam.engine.run import run
from napari_sam.errors import ImageError, LabelsError, ParameterError
from napari_sam.images import Image
from napari_sam.methods.registry import method
from napari_sam.pixel_size import PixelSize
from napari_sam.stacks.haze import Dehazed, reach_of
from napari_sam.stacks.volumes import SliceObjects, link_into, link_slices
from napari_sam.training.evaluation import average_precision
from napari_sam.training.synthetic import generate_volume

SHAPE = (10, 60, 80)


def balls(*centres: tuple[int, int, int], radius: float = 4.5) -> np.ndarray:
    labels = np.zeros(SHAPE, np.int32)
    grid = np.indices(SHAPE)
    for number, centre in enumerate(centres, 1):
        labels[((grid - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0) < radius**2] = number
    return labels


def slices_of(labels: np.ndarray, seed: int = 0) -> list[SliceObjects]:
    """Slices with ids of their own and scores."""
    rng = np.random.default_rng(seed)
    found = []
    for plane in labels:
        lookup = np.concatenate([[0], 1 + rng.permutation(max(int(labels.max()), 1) + 3)])
        renamed = lookup[plane]
        found.append(SliceObjects(renamed, {int(i): 0.8 for i in np.unique(renamed[renamed > 0])}))
    return found


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal but for the ids."""
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def test_every_object_gets_one_id_and_one_row() -> None:
    labels = balls((4, 20, 20), (5, 40, 60), (4, 20, 32))
    found = link_slices(slices_of(labels), SHAPE, spacing=(1, 0.5, 0.5), source="test")
    assert same(found.labels, labels)
    table = found.table
    assert table["label"].tolist() == [1, 2, 3]
    assert table["voxels"].sum() == np.count_nonzero(labels)
    assert table["volume"].tolist() == pytest.approx((table["voxels"] * 0.25).tolist())
    assert table["score"].tolist() == pytest.approx([0.8] * 3)
    for row in table.itertuples():
        there = np.argwhere(found.labels == row.label)
        assert (there.min(0) == (row.z0, row.r0, row.c0)).all()
        assert (there.max(0) + 1 == (row.z1, row.r1, row.c1)).all()
        assert there.mean(0) == pytest.approx(
            (row.centroid_slice, row.centroid_row, row.centroid_col)
        )
        assert row.slices == len(np.unique(there[:, 0]))


def test_true_slices_of_generated_stacks_give_true_objects() -> None:
    precision = []
    for seed in range(4):
        sample = generate_volume("nuclei_stack", seed, (16, 96, 96))
        spacing = sample.info["spacing"]
        found = link_slices(slices_of(sample.labels, seed), sample.labels.shape, spacing=spacing)
        precision.append(average_precision(sample.labels, found.labels)[0])
    assert np.mean(precision) > 0.85


def tubes(count: int = 6, depth: int = 24, side: int = 96, drift: float = 1.0) -> np.ndarray:
    """Packed tubes that go through all slices, each of them its own way."""
    rng = np.random.default_rng(0)
    places = rng.uniform(0, side, (count**2, 2))
    ways = rng.uniform(-drift, drift, places.shape)
    grid = np.indices((side, side)).reshape(2, -1).T
    labels = [cKDTree(places + z * ways).query(grid)[1].reshape(side, side) for z in range(depth)]
    return np.stack(labels).astype(np.int32) + 1


def test_packed_objects_whose_slices_hardly_change_are_followed_through_the_stack() -> None:
    labels = tubes()
    found = link_slices(slices_of(labels, 0), labels.shape)
    assert average_precision(labels, found.labels)[0] > 0.8


def test_branching_objects_of_generated_stacks_stay_whole() -> None:
    precision = []
    for seed in range(3):
        sample = generate_volume("neurite_stack", seed, (16, 96, 96))
        how = {"image": sample.image, "spacing": sample.info["spacing"]}
        found = link_slices(slices_of(sample.labels, seed), sample.labels.shape, **how)
        precision.append(average_precision(sample.labels, found.labels)[0])
    assert np.mean(precision) > 0.85


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_ids_of_the_slices_do_not_matter(seed: int) -> None:
    labels = balls((4, 20, 20), (5, 40, 60), (4, 20, 31), (6, 36, 30))
    first, second = (link_slices(slices_of(labels, s), SHAPE).labels for s in (seed, seed + 1))
    assert same(first, second)
    assert ((first > 0) == (labels > 0)).all()


def test_a_missing_slice_is_bridged_and_drawn() -> None:
    labels = balls((5, 30, 40), radius=4.5)
    broken = labels.copy()
    broken[5] = 0
    found = link_slices(slices_of(broken), SHAPE)
    assert found.labels.max() == 1
    both, either = (found.labels[5] > 0) & (labels[5] > 0), (found.labels[5] + labels[5]) > 0
    assert both.sum() / either.sum() > 0.8


def parted(shift: int) -> np.ndarray:
    """An object that shows on slices 2 to 4 and, that many pixels aside, on 6 to 8."""
    labels = np.zeros(SHAPE, np.int32)
    grid = np.indices(SHAPE[1:])
    for z, radius in ((2, 6), (3, 8), (4, 8), (6, 8), (7, 8), (8, 6)):
        middle = np.reshape((30, 40 + (shift if z > 5 else 0)), (2, 1, 1))
        labels[z][((grid - middle) ** 2).sum(0) < radius**2] = 1
    return labels


def test_where_a_slice_shows_nothing_more_has_to_speak_for_one_object() -> None:
    objects = [int(link_slices(slices_of(parted(shift)), SHAPE).labels.max()) for shift in (0, 3)]
    assert objects == [1, 2]


def test_where_a_slice_was_lost_no_more_has_to_speak_for_one_object() -> None:
    labels = parted(3)
    image = np.random.default_rng(0).normal(10, 2, SHAPE)
    image[labels > 0] = 100
    image[5] = 0
    assert link_slices(slices_of(labels), SHAPE, image=image).labels.max() == 1


@pytest.mark.parametrize("half", [8, 10, 12])
def test_more_has_to_speak_for_one_object_where_a_model_found_it(half: int) -> None:
    """A model glues what is two: where slices share a third, drawn ones are taken for one."""
    labels = np.zeros(SHAPE, np.int32)
    for z in range(2, 8):
        left = 30 - half if z < 5 else 30
        labels[z, 30 - half : 30 + half, left : left + 2 * half] = 1
    drawn = [SliceObjects(plane, {}) for plane in labels]
    assert link_slices(drawn, SHAPE).labels.max() == 1
    assert link_slices(slices_of(labels), SHAPE).labels.max() == 2


def test_pieces_of_one_slice_are_one_object_again() -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[2:8, 20:40, 20:40] = 1
    cut = labels.copy()
    cut[5, 20:40, 30:40] = 2
    found = link_slices(slices_of(cut), SHAPE)
    assert same(found.labels, labels)


def test_objects_on_top_of_each_other_stay_two() -> None:
    """They cover each other where they meet, and get larger on both sides of that."""
    labels = np.zeros(SHAPE, np.int32)
    grid = np.indices(SHAPE[1:])
    for z, radius in enumerate((4, 6, 7, 6, 4, 4, 6, 7, 6, 4)):
        inside = ((grid - np.reshape((30, 40 + 3 * (z // 5)), (2, 1, 1))) ** 2).sum(0)
        labels[z][inside < radius**2] = 1 + z // 5
    assert same(link_slices(slices_of(labels), SHAPE, spacing=(3, 1, 1)).labels, labels)


def test_a_tip_of_a_few_pixels_belongs_to_the_object_that_it_ends() -> None:
    labels = np.zeros(SHAPE, np.int32)
    for z, half in zip(range(2, 9), (1, 9, 11, 12, 11, 9, 1), strict=True):
        labels[z, 30 - half : 30 + half, 40 - half : 40 + half] = 1
    labels[1:5, 10:13, 10:13] = 2  # as small, but nothing large goes on from it
    found = link_slices(slices_of(labels), SHAPE)
    assert same(found.labels, labels)


def test_a_small_object_beside_a_large_one_stays_apart() -> None:
    """It ends where it overlaps the large one for a slice, but is on the same slices, too."""
    labels = np.zeros(SHAPE, np.int32)
    labels[2:8, 20:40, 20:40] = 1
    labels[1:5, 30:36, 40:46] = 2
    labels[5, 30:36, 34:40] = 2
    found = link_slices(slices_of(labels), SHAPE)
    assert found.labels[3, 33, 43] != found.labels[3, 30, 30]


def test_long_objects_whose_middle_shifts_stay_whole() -> None:
    """As neurites do that a slice cuts along: most of them is where it was, the middle is not."""
    labels = np.zeros((2, 20, 300), np.int32)
    labels[0, 9, 5:255] = labels[1, 9, 5:283] = 1
    assert same(link_slices(slices_of(labels), labels.shape).labels, labels)


def test_neighbours_that_one_slice_joined_stay_apart() -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[1:9, 20:40, 20:30] = 1
    labels[1:9, 20:40, 30:40] = 2
    joined = labels.copy()
    joined[5][joined[5] == 2] = 1
    found = link_slices(slices_of(joined), SHAPE)
    assert same(found.labels[[1, 2, 3, 4, 6, 7, 8]], labels[[1, 2, 3, 4, 6, 7, 8]])


def test_labels_are_written_where_they_are_wanted() -> None:
    labels = balls((4, 20, 20))
    out = np.zeros(SHAPE, np.uint16)
    found = link_slices(slices_of(labels), SHAPE, out=out)
    assert found.labels is out
    assert same(out, labels)
    with pytest.raises(LabelsError, match="out has shape"):
        link_slices(slices_of(labels), SHAPE, out=np.zeros((2, 3, 4), int))


def test_wrong_stacks_are_refused() -> None:
    labels = balls((4, 20, 20))
    with pytest.raises(LabelsError, match="10 slices came"):
        link_slices(slices_of(labels), (11, 60, 80))
    with pytest.raises(ParameterError, match="spacing"):
        link_slices(slices_of(labels), SHAPE, spacing=(0, 1, 1))
    with pytest.raises(ImageError, match="Expected a stack"):
        ns.segment_volume(labels[0], FakeModel())


def test_empty_slices_do_not_dim_the_others() -> None:
    rng = np.random.default_rng(0)
    stack = rng.normal(500, 10, (12, 96, 96))
    cells = np.zeros((96, 96), bool)
    cells[12:36, 12:36] = cells[60:84, 50:80] = True
    stack[::2] += 120 * cells
    seen: list[tuple[float, float]] = []

    class Watched(FakeModel):
        def encode(self, plane, *, limits=None, progress=None):
            seen.append(limits)
            return super().encode(plane, limits=limits)

    list(run(Image(stack, "ZYX"), None, method("volume"), Watched()))
    del seen[: -len(stack)]  # those of planes that were looked at for the size of objects
    clear = Dehazed(stack, 0, reach_of(None))
    assert seen[::2] == [contrast_limits(clear[z]) for z in range(0, len(stack), 2)]


@pytest.mark.parametrize("apart", [0.5, 1.0, 3.0])
def test_a_disc_on_one_slice_is_no_object_among_balls(apart: float) -> None:
    """At many a distance between slices."""
    labels = balls((5, 15, 15), (5, 15, 40), (5, 15, 65))
    scrap = labels.copy()
    scrap[5, 40:49, 36:45] = 4
    found = link_slices(slices_of(scrap), SHAPE, spacing=(apart, 1, 1))
    assert same(found.labels, labels)
    scrap[3:8, 40:49, 36:45] = 4  # half as many slices as usual are enough
    assert same(link_slices(slices_of(scrap), SHAPE, spacing=(apart, 1, 1)).labels, scrap)


def test_scraps_are_told_though_there_be_more_of_them_than_of_objects() -> None:
    labels = balls((5, 15, 15), (5, 15, 40), (5, 15, 65))
    scrap, number = labels.copy(), 3
    for z in (1, 5):
        for column in range(4, 76, 12):
            number += 1
            scrap[z, 40:49, column : column + 9] = number
    assert same(link_slices(slices_of(scrap), SHAPE).labels, labels)


def test_a_ball_among_long_fibres_is_an_object() -> None:
    labels = np.zeros((30, 60, 80), np.int32)
    for number, column in enumerate((10, 20, 30, 40), 1):
        labels[1:29, 5:11, column : column + 6] = number
    grid = np.indices(labels.shape)
    labels[((grid - np.reshape((15, 40, 60), (3, 1, 1, 1))) ** 2).sum(0) < 36] = 5
    assert same(link_slices(slices_of(labels), labels.shape).labels, labels)


def test_the_end_of_a_stack_may_cut_objects_off() -> None:
    labels = balls((5, 15, 15), (5, 15, 40), (5, 15, 65))
    labels[-2:, 40:49, 36:45] = 4
    assert same(link_slices(slices_of(labels), SHAPE).labels, labels)


def test_of_few_thick_slices_nothing_is_a_scrap() -> None:
    labels = balls((5, 15, 15), (5, 15, 40))[5:7]
    labels[1, 40:49, 36:45] = 3
    assert same(link_slices(slices_of(labels), labels.shape).labels, labels)


def test_nothing_gives_an_empty_table() -> None:
    found = link_slices(slices_of(np.zeros(SHAPE, np.int32)), SHAPE)
    assert len(found.table) == 0
    assert {"label", "voxels", "slices"} <= set(found.table)


def test_cells_of_a_stack_are_objects_in_space() -> None:
    stack = blobs(SHAPE, ((4, 20, 20), (5, 40, 60)), 5)
    size = PixelSize(0.5, 0.5, slice=1.0)
    found = ns.segment_volume(stack, FakeModel(), pixel_size=size)
    assert len(found.table) == 2
    assert ((found.labels > 0) == (stack > 100)).mean() > 0.99
    assert found.table["volume_um3"].tolist() == pytest.approx(
        (found.table["voxels"] * 0.25).tolist()
    )
    assert found.table["source"].tolist() == ["fake", "fake"]


def test_cells_that_every_slice_glues_are_two_in_space() -> None:
    stack = blobs(SHAPE, ((5, 30, 30), (5, 30, 42)), 8)
    middle = stack[5]
    assert len(ns.segment_cells(middle, FakeModel()).table) == 1
    assert len(ns.segment_volume(stack, FakeModel()).table) == 2
    movie = np.stack([stack, stack])
    of_stacks = ns.track_cells(Image(movie, "TZYX"), FakeModel())
    assert of_stacks.table["frames"].tolist() == [2, 2]
    planes = ns.track_cells(movie[:, 5], FakeModel())
    assert planes.table["frames"].tolist() == [2]


def test_cells_of_a_movie_are_tracks() -> None:
    movie = np.stack([blobs((64, 80), ((20, 20 + 3 * t), (40, 60)), 6) for t in range(4)])
    tracks = ns.track_cells(movie, FakeModel())
    assert tracks.table["frames"].tolist() == [4, 4]
    assert tracks.labels.shape == movie.shape


def faint(planes: list[list[float]]) -> list[SliceObjects]:
    """Return slices with two discs that never touch, and how certain each is."""
    labels = np.zeros((30, 60), np.int32)
    labels[10:20, 5:15], labels[10:20, 35:45] = 1, 2
    return [SliceObjects(labels, {1: first, 2: second}) for first, second in planes]


def test_all_slices_of_an_object_decide_whether_it_is_certain() -> None:
    found = faint([[0.9, 0.3], [0.35, 0.6], [0.9, 0.4], [0.8, 0.3]])
    labels = np.zeros((4, 30, 60), np.int32)
    table = link_into(labels, found, least=0.5)
    assert table["label"].tolist() == [1]
    assert (labels[:, 15, 10] == 1).all()
    assert not labels[:, :, 30:].any()


def test_an_object_without_scores_stays() -> None:
    found = [SliceObjects(one.labels, {}) for one in faint([[1, 1]] * 3)]
    assert len(link_into(np.zeros((3, 30, 60), np.int32), found, least=0.5)) == 2


@pytest.mark.parametrize("kind", ["nuclei_stack", "spheroid_stack", "tissue_stack"])
def test_the_image_shows_where_one_object_ends_on_top_of_the_next(kind: str) -> None:
    precision = []
    for seed in range(3):
        sample = generate_volume(kind, seed, (16, 96, 96))
        found, shape = slices_of(sample.labels, seed), sample.labels.shape
        both = [
            link_slices(found, shape, image=image, spacing=sample.info["spacing"]).labels
            for image in (sample.image, None)
        ]
        precision.append([average_precision(sample.labels, labels)[0] for labels in both])
    known, unknown = np.mean(precision, axis=0)
    assert known > 0.97
    assert 1 - known < 0.6 * (1 - unknown)  # it undoes nearly half of the errors, or more


def test_a_stack_that_is_not_a_number_everywhere_is_joined_all_the_same() -> None:
    labels = balls((4, 20, 20), (5, 40, 60))
    image = np.where(labels > 0, 9.0, 1.0)
    image[3:6, 18:22] = np.nan
    assert same(link_slices(slices_of(labels), SHAPE, image=image).labels, labels)


@pytest.mark.parametrize("lost", [0, np.nan])
def test_a_slice_that_was_lost_says_nothing_of_what_lies_beside_it(lost: float) -> None:
    labels = balls((5, 30, 20), (5, 30, 60))
    stack = np.random.default_rng(0).normal(10, 2, SHAPE)
    stack[labels > 0] = 200
    stack[5] = lost
    found = ns.segment_volume(stack, FakeModel())
    assert len(found.table) == 2
    there = found.labels[4, 30, [20, 60]]
    assert (there > 0).all()
    np.testing.assert_array_equal(found.labels[5, 30, [20, 60]], there)
    np.testing.assert_array_equal(found.labels[6, 30, [20, 60]], there)


def test_a_slice_that_was_blurred_says_nothing_either() -> None:
    """Dimmer than its neighbours, it would speak for one object on top of another."""
    labels = balls((5, 30, 20), (5, 30, 60))
    image = np.random.default_rng(0).normal(10, 2, SHAPE)
    image[labels > 0] = 200
    image[5] = ndi.gaussian_filter(image[5], 12)
    labels[5] = 0
    found = link_slices(slices_of(labels), SHAPE, image=image).labels
    assert len(np.unique(found)) == 3
    np.testing.assert_array_equal(found[4, 30, [20, 60]], found[6, 30, [20, 60]])


def test_an_array_that_cannot_be_written_is_told_before_the_search(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    path = str(tmp_path / "labels.zarr")
    zarr.create_array(path, shape=SHAPE, dtype="uint16")
    model = FakeModel()
    with pytest.raises(LabelsError, match="read-only"):
        ns.segment_volume(np.zeros(SHAPE), model, out=zarr.open_array(path, mode="r"))
    assert not model.encoded


def test_lengths_of_any_size_join_alike() -> None:
    labels = balls((4, 20, 20))
    for unit in (1e-200, 1.0, 1e200):
        found = link_slices(slices_of(labels), SHAPE, spacing=(unit, unit, unit))
        assert same(found.labels, labels)
