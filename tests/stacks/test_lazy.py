"""Stacks that are not in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam.batch.job import Job
from napari_sam.batch.outputs import Outputs
from napari_sam.batch.run_job import run_job
from napari_sam.errors import LabelsError
from napari_sam.files.sources import Source
from napari_sam.images import Image, recent
from napari_sam.methods.volume import VolumeOptions
from napari_sam.stacks.link import link_labels

SHAPE = (10, 60, 80)


class Counted:
    """An array that refuses to give more than a slice at a time."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape, self.dtype, self.ndim = data, data.shape, data.dtype, data.ndim

    def __getitem__(self, key: Any) -> np.ndarray:
        found = self.data[key]
        assert found.size <= self.data[0].size, "more than a slice was read"
        return found

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise AssertionError("the whole stack was read")


def test_slices_are_read_one_by_one() -> None:
    stack = blobs(SHAPE, ((4, 20, 20), (5, 40, 60)), 5)
    inside = stack > 100
    lazy = Counted(stack)
    assert len(ns.segment_volume(lazy, FakeModel()).table) == 2
    assert len(ns.track_cells(lazy, FakeModel()).table) == 2
    found = ns.propagate(lazy, {4: ns.Prompt(points=[(20, 20)])}, FakeModel())
    assert found.mask[4, 20, 20]
    assert len(link_labels(Counted(inside.astype(np.uint8))).table) == 1


class PerPlane(Counted):
    """An array that counts how often each slice is read."""

    def __init__(self, data: np.ndarray) -> None:
        super().__init__(data)
        self.reads = np.zeros(len(data), int)

    def __getitem__(self, key: Any) -> np.ndarray:
        self.reads[key[0] if isinstance(key, tuple) else key] += 1
        return super().__getitem__(key)


@pytest.mark.parametrize("function", [ns.segment_volume, ns.track_cells])
@pytest.mark.parametrize("kept", [recent._KEPT, 1])
def test_a_slice_is_read_once_and_joined_as_in_memory(
    function: Any, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "_KEPT", kept)
    rng = np.random.default_rng(0)
    stack = blobs(SHAPE, ((4, 20, 20), (5, 40, 60)), 5)
    stack = stack // 2 + rng.integers(0, 20, SHAPE).astype(stack.dtype)
    lazy = PerPlane(stack)
    told: dict[str, Any] = {}
    if kept == 1:  # then nothing looks at some slices beforehand
        told = {"limits": (0.0, 120.0), "diameter": 10.0}
    expected, found = function(stack, FakeModel(), **told), function(lazy, FakeModel(), **told)
    np.testing.assert_array_equal(found.labels, expected.labels)
    pd.testing.assert_frame_equal(found.table, expected.table)
    assert len(found.table) == 2
    # More than memory holds is read again: as haze of both sides, and where rims are taken away.
    most = 1 if kept > 1 else 2 if function is ns.track_cells else 4
    assert lazy.reads.max() == most
    assert lazy.reads.min() >= most - 1


def test_a_slice_is_read_twice_at_most_where_an_object_is_followed() -> None:
    down, along = np.ogrid[:300, :300]
    middles = 150 + np.arange(20)
    stack = np.stack([10 + 90 * (np.hypot(down - m, along - m) < 20) for m in middles])
    lazy = PerPlane(stack.astype(np.uint8))
    found = ns.propagate(lazy, {10: ns.Prompt(points=[(160, 160)])}, FakeModel())
    assert found.mask.any(axis=(1, 2)).all()
    # That of the click once more as a whole.
    assert np.delete(lazy.reads, 10).max() <= 2
    assert lazy.reads[10] <= 3


def test_the_command_line_reads_a_slice_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = blobs(SHAPE, ((4, 20, 20), (5, 40, 60)), 5)
    lazy = PerPlane(stack)
    monkeypatch.setattr(Job, "read", lambda job: (Image(lazy, "ZYX"), Image(lazy, "ZYX")))
    job = Job(
        Source(tmp_path / "a.tif", None, "a", "a.tif"), Outputs("a", tmp_path), VolumeOptions()
    )
    assert run_job(job, FakeModel()) == "2 objects"
    # The overlay in the middle of the stack is drawn of what the file holds.
    assert np.count_nonzero(lazy.reads > 1) <= 1


def test_planes_are_kept_as_far_as_memory_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = np.arange(10 * 6 * 8).reshape(10, 6, 8)
    lazy = PerPlane(stack)
    kept = recent.Recent(lazy)
    for at in (3, 3, 4, 3):
        np.testing.assert_array_equal(kept[at], stack[at])
        np.testing.assert_array_equal(kept[at, 1:4, ::2], stack[at, 1:4, ::2])
        np.testing.assert_array_equal(kept[at, :, :], stack[at])
    assert lazy.reads[3:5].tolist() == [1, 1]
    np.testing.assert_array_equal(kept[7, 2:4, 1:5], stack[7, 2:4, 1:5])
    np.testing.assert_array_equal(kept[7], stack[7])  # a part was read before, and not all of it
    np.testing.assert_array_equal(kept[-1], stack[-1])
    monkeypatch.setattr(recent, "_KEPT", 2 * stack[0].nbytes)
    for at in (0, 1, 2, 1, 2, 0):
        np.testing.assert_array_equal(kept[at], stack[at])
    assert lazy.reads[:3].tolist() == [2, 1, 1]
    turned = recent.Recent(stack)
    np.testing.assert_array_equal(turned[:, 2, :], stack[:, 2])
    np.testing.assert_array_equal(turned[:, :, 2], stack[:, :, 2])
    image = Image(stack, "ZYX")
    assert recent.remembering(image) is image  # what is in memory need not be kept


@pytest.mark.parametrize("function", [ns.segment_cells, ns.segment_volume, ns.track_cells])
@pytest.mark.parametrize("which", ["itself", "a view"])
def test_the_image_is_not_overwritten_by_its_labels(function: Any, which: str) -> None:
    stack = blobs(SHAPE, ((4, 20, 20), (5, 40, 60)), 5)
    before = stack.copy()
    with pytest.raises(LabelsError, match="the image itself"):
        function(stack, FakeModel(), out=stack if which == "itself" else stack[:])
    np.testing.assert_array_equal(stack, before)


def test_labels_go_to_zarr(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    stack = zarr.create_array(tmp_path / "in.zarr", shape=SHAPE, chunks=(1, 60, 80), dtype="u1")
    stack[:] = blobs(SHAPE, ((4, 20, 20), (5, 40, 60)), 5)
    out = zarr.create_array(tmp_path / "out.zarr", shape=SHAPE, chunks=(1, 60, 80), dtype="u2")
    found = ns.segment_volume(stack, FakeModel(), out=out)
    assert found.labels is out
    assert sorted(np.unique(out[:])) == [0, 1, 2]
    assert found.table["voxels"].sum() == np.count_nonzero(out[:])
