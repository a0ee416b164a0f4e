"""Options about cells: each acts on kept maps, and what was kept never changes an answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam.errors import ParameterError
from napari_sam.methods.found_cells import FoundCells
from napari_sam.methods.options import CellOptions
from napari_sam.models.model import InstanceMaps
from napari_sam.pixel_size import PixelSize
from napari_sam.segmentation import measure

SCALE = 2.0


def disks(*circles: tuple[int, int, int, float], shape=(90, 120)) -> InstanceMaps:
    """Maps of disks ``(row, column, radius, probability)``; overlapping ones touch."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    foreground, centre = np.zeros((2, *shape), np.float32)
    for row, column, radius, probability in circles:
        depth = np.clip(1 - np.hypot(rows - row, columns - column) / radius, 0, 1)
        soft = np.clip(radius + 0.5 - np.hypot(rows - row, columns - column), 0, 1)
        foreground = np.maximum(foreground, probability * soft)
        centre = np.maximum(centre, probability * depth)
    boundary = np.where(foreground > 0.1, np.clip(0.4 - centre, 0, 1), 0).astype(np.float32)
    size = (int(shape[0] * SCALE), int(shape[1] * SCALE))
    return InstanceMaps(
        foreground.astype(np.float32), centre.astype(np.float32), boundary, (SCALE, SCALE), size, 40
    )


MAPS = disks((20, 20, 10, 1), (20, 37, 10, 1), (60, 25, 6, 1), (60, 60, 12, 0.4), (40, 100, 14, 1))
PIXELS = np.random.default_rng(0).integers(0, 4000, MAPS.shape).astype(np.uint16)


@pytest.fixture
def live() -> FoundCells:
    return FoundCells(MAPS, PIXELS, source="cells")


def at(found, row, column):
    return found.labels[int(row * SCALE), int(column * SCALE)]


def test_sensitivity_brings_the_faint_object_and_takes_it_away(live):
    assert at(live.choose(), 60, 60) == 0
    assert at(live.choose(CellOptions(sensitivity=0.95)), 60, 60) > 0
    assert at(live.choose(), 60, 60) == 0


def test_sensitivity_moves_outlines(live):
    areas = [
        np.count_nonzero(live.choose(CellOptions(sensitivity=s, min_score=0)).labels)
        for s in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert areas == sorted(areas)
    assert areas[0] < areas[-1]


def test_splitting_parts_and_joins_touching_objects(live):
    joined = live.choose(CellOptions(splitting=0.0))
    parted = live.choose(CellOptions(splitting=1.0))
    assert at(joined, 20, 20) == at(joined, 20, 37) > 0
    assert at(parted, 20, 20) != at(parted, 20, 37)


def test_smoothing_joins_fine_structure(live):
    assert len(live.choose(CellOptions(smoothing=8))) < len(live.choose())


def test_areas_and_scores_choose_among_the_same_objects(live):
    everything = live.choose(CellOptions(min_area=0, min_score=0))
    table = everything.table
    bounds = CellOptions(min_area=400, max_area=2000, min_score=0.5)
    chosen = live.choose(bounds)
    areas, scores = chosen.table["area"], chosen.table["score"]
    assert areas.between(400, 2000).all()
    assert (scores >= 0.5).all()
    assert len(chosen) == (table["area"].between(400, 2000) & (table["score"] >= 0.5)).sum()
    kept = np.isin(everything.labels, np.unique(everything.labels[chosen.labels > 0]))
    np.testing.assert_array_equal(kept & (everything.labels > 0), chosen.labels > 0)


@st.composite
def choices(draw):
    return CellOptions(
        sensitivity=draw(st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0])),
        splitting=draw(st.sampled_from([0.0, 0.5, 0.7, 1.0])),
        smoothing=draw(st.sampled_from([0.0, 1.5, 4.0])),
        min_area=draw(st.sampled_from([None, 0, 300])),
        max_area=draw(st.sampled_from([None, 1500])),
        min_score=draw(st.sampled_from([0.0, 0.5, 0.8])),
    )


@given(st.lists(choices(), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_what_was_chosen_before_changes_nothing(sequence):
    live = FoundCells(MAPS, PIXELS, source="cells")
    for options in sequence:
        found = live.choose(options)
        fresh = FoundCells(MAPS, PIXELS, source="cells").choose(options)
        np.testing.assert_array_equal(found.labels, fresh.labels)
        pd.testing.assert_frame_equal(found.table, fresh.table)
        # The caller may do with the answer what it likes.
        found.labels[:] = 7
        found.table.loc[:, "area"] = -1


def test_the_table_measures_the_labels(live):
    found = live.choose(CellOptions(min_score=0))
    scores = dict(zip(found.table["label"], found.table["score"], strict=True))
    expected = measure(found.labels, PIXELS, scores, "cells")
    pd.testing.assert_frame_equal(found.table, expected)
    assert found.table["label"].tolist() == list(range(1, len(found) + 1))


def test_a_pixel_size_adds_physical_columns():
    live = FoundCells(MAPS, PIXELS, source="cells", pixel_size=PixelSize(0.5, 0.25))
    table = live.choose().table
    np.testing.assert_allclose(table["area_um2"], table["area"] * 0.125)
    np.testing.assert_allclose(table["centroid_row_um"], table["centroid_row"] * 0.5)


def test_objects_reach_no_further_than_the_foreground(live):
    labels = live.choose(CellOptions(min_score=0, min_area=0)).labels
    foreground = ndi.zoom(MAPS.foreground, SCALE, order=1, grid_mode=True, mode="nearest")
    assert not labels[foreground < 0.5].any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sensitivity": -0.1},
        {"sensitivity": float("nan")},
        {"splitting": 1.5},
        {"splitting": "much"},
        {"smoothing": -1},
        {"min_score": 2},
        {"min_area": -1},
        {"min_area": 2.5},
        {"max_area": 0},
        {"min_area": 30, "max_area": 20},
        {"min_area": True},
    ],
)
def test_senseless_options_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        CellOptions(**wrong)
