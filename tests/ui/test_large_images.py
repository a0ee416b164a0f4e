"""Clicks on images that are too large to be read: what is read, where it lies, what is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_model import FakeModel
from napari_sam.images import plane, samples
from napari_sam.labels import held, levels
from napari_sam.labels.levels import LabelLevels
from napari_sam.ui.canvas import preview

SIDE, PITCH, RADIUS = 40_000, 100, 15


class Slide:
    """A level of a slide with a disc in every square of 100 pixels, computed where it is read."""

    ndim = 2
    dtype = np.dtype(np.uint8)

    def __init__(self, step: int) -> None:
        self.step = step
        self.shape = (SIDE // step, SIDE // step)
        self.size = self.shape[0] * self.shape[1]
        self.read = 0

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, columns = (
            np.arange(length)[part] * self.step
            for part, length in zip(key, self.shape, strict=True)
        )
        down, along = (np.asarray(v) % PITCH - PITCH // 2 for v in (rows, columns))
        found = down[..., None] ** 2 + along**2 <= RADIUS**2
        self.read += found.size
        return np.where(found, 200, 10).astype(np.uint8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:, :]


def disc(row: int, column: int) -> np.ndarray:
    y, x = np.ogrid[: 2 * PITCH, : 2 * PITCH]
    return (y - row) ** 2 + (x - column) ** 2 <= RADIUS**2


@pytest.fixture
def slide(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A slide of 40,000 pixels a side, of which the person looks at a part."""
    monkeypatch.setattr(FakeModel, "field", 256)
    bench.levels = [Slide(step) for step in (1, 4, 16, 64)]
    bench.viewer.add_image(
        bench.levels,
        multiscale=True,
        contrast_limits=(0, 255),
        scale=(0.5, 0.5),
        translate=(10, -3),
        name="slide",
    )
    bench.viewer.scene.camera.zoom = 2.0
    bench.viewer.scene.camera.center = (0, 10_010, 4_997)  # pixel (20000, 10000)
    bench.settle()
    bench.start = bench.levels[0].read
    return bench


def world(row: float, column: float) -> tuple[float, float]:
    return row * 0.5 + 10, column * 0.5 - 3


def test_a_click_reads_a_part_and_is_kept_to_the_pixel(slide: Any) -> None:
    assert slide.state.chip.text == "ready"
    slide.click(*world(20_050, 10_052))
    slide.settle()
    assert slide.levels[0].read - slide.start <= 2 * 256**2
    region = slide.state.answer.regions(0)[0]
    assert region.box == (20_035, 10_035, 20_066, 10_066)

    shown = slide.viewer.layers["SAM preview"]
    assert shown.data.shape == (512, 512)
    corner = shown.data_to_world((0, 0))
    place = np.array(world(20_035, 10_050)) - corner
    assert shown.data[tuple((place / 0.5).round().astype(int))]

    slide.press("Enter")
    slide.settle()
    labels = slide.viewer.layers["slide cells"]
    assert labels.multiscale
    written = labels.data[0][20_000:20_200, 10_000:10_200]
    np.testing.assert_array_equal(written > 0, disc(50, 50))
    for level in labels.data[1:]:
        step = SIDE // level.shape[0]
        part = level[20_000 // step :, 10_000 // step :][: 200 // step, : 200 // step]
        expected = labels.data[0][: SIDE // step * step : step, ::step]
        expected = expected[20_000 // step :, 10_000 // step :][: 200 // step, : 200 // step]
        np.testing.assert_array_equal(part, expected)
    assert labels.scale.tolist() == [0.5, 0.5]
    assert labels.features["area"].tolist() == [disc(50, 50).sum()]
    assert labels.features["r0"].tolist() == [20_035]


def test_cells_are_numbered_corrected_and_taken_back(slide: Any) -> None:
    for row, column in ((20_050, 10_050), (20_150, 10_050)):
        slide.click(*world(row, column))
        slide.settle()
        slide.press("Enter")
        slide.settle()
    labels = slide.viewer.layers["slide cells"]
    part = labels.data[0][20_000:20_200, 10_000:10_100]
    assert np.unique(part).tolist() == [0, 1, 2]
    slide.click(*world(20_150, 10_052))
    slide.settle()
    assert slide.state.in_hand == 2
    slide.click(*world(20_150, 10_056))
    slide.settle()
    slide.press("2")  # the wider outline of the same cell
    slide.press("Enter")
    slide.settle()
    wider = int((part == 2).sum())
    assert wider > disc(50, 50).sum()
    assert labels.features["area"].tolist() == [disc(50, 50).sum(), wider]
    for _ in range(8):
        slide.cells.undo()
        slide.settle()
    assert not part.any()
    assert not any(level.any() for level in labels.data[2:])
    assert len(labels.features) == 0


def test_the_cell_under_the_cursor_is_shown_where_it_was_read(slide: Any) -> None:
    slide.session.proposal.set_hover(True)
    slide.viewer.cursor.position = world(20_050, 10_050)
    slide.session.proposal.hover.moved()
    slide.settle()
    assert slide.session.proposal.hover.shown
    read = slide.levels[0].read
    slide.viewer.cursor.position = world(3_050, 38_050)
    slide.session.proposal.hover.moved()
    slide.settle()
    assert slide.levels[0].read == read


def test_labels_of_ones_own_on_disk_are_kept_in(
    slide: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr = pytest.importorskip("zarr")
    made = [
        zarr.create_array(
            str(tmp_path / f"{step}.zarr"),
            shape=(SIDE // step,) * 2,
            dtype="int32",
            chunks=(1000, 1000),
        )
        for step in (1, 8, 64)
    ]
    made[0][20_040:20_060, 10_140:10_160] = 7
    mine = slide.viewer.add_labels(
        made, multiscale=True, scale=(0.5, 0.5), translate=(10, -3), name="mine"
    )
    slide.session.layers.choose("target", mine)
    slide.click(*world(20_050, 10_050))
    slide.settle()
    slide.press("Enter")
    slide.settle()
    part = made[0][20_000:20_100, 10_000:10_200]
    assert np.unique(part).tolist() == [0, 7, 8]
    np.testing.assert_array_equal(part == 8, disc(50, 50)[:100])


def test_labels_that_are_no_halves_are_refused(slide: Any) -> None:
    odd = [np.zeros((SIDE, SIDE), np.int32), np.zeros((999, 999), np.int32)]
    layer = slide.viewer.add_labels(odd, multiscale=True, scale=(0.5, 0.5), translate=(10, -3))
    slide.session.layers.choose("target", layer)
    slide.click(*world(20_050, 10_050))
    slide.settle()
    slide.press("Enter")
    slide.settle()
    assert "does not fit" in slide.state.status
    assert not odd[1].any()


def test_a_plane_in_memory_is_worked_on_in_parts_as_well(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as above on a plane of ordinary size that counts as large."""
    for module, name in (
        (samples, "IN_MEMORY"),
        (held, "LARGE"),
        (preview, "_WHOLE"),
        (plane, "WHOLE"),
        (levels, "_SMALLEST"),
    ):
        monkeypatch.setattr(module, name, 200)
    monkeypatch.setattr(FakeModel, "field", 160)
    pixels = Slide(1)[np.s_[:700], np.s_[:900]]
    bench.viewer.add_image(np.stack([pixels, pixels[::-1]]), name="stack")
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    bench.click(1, 249, 350)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    labels = bench.viewer.layers["stack cells"]
    assert isinstance(labels.data[0], np.ndarray)
    assert not labels.data[0][0].any()
    np.testing.assert_array_equal(labels.data[0][1][200:300, 300:400] > 0, disc(49, 50)[:100, :100])
    both = LabelLevels(labels.data)
    np.testing.assert_array_equal(both.levels[1], both[:, ::2, ::2])
