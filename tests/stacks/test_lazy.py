"""Stacks that are not in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_sam as ns
from fake_model import FakeModel, blobs
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


def test_labels_go_to_zarr(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    stack = zarr.create_array(tmp_path / "in.zarr", shape=SHAPE, chunks=(1, 60, 80), dtype="u1")
    stack[:] = blobs(SHAPE, ((4, 20, 20), (5, 40, 60)), 5)
    out = zarr.create_array(tmp_path / "out.zarr", shape=SHAPE, chunks=(1, 60, 80), dtype="u2")
    found = ns.segment_volume(stack, FakeModel(), out=out)
    assert found.labels is out
    assert sorted(np.unique(out[:])) == [0, 1, 2]
    assert found.table["voxels"].sum() == np.count_nonzero(out[:])
