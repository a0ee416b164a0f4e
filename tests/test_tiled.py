"""Find all in tiles: the objects are those of the whole plane, each once, and little is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_sam as ns
from fake_model import FakeModel
from images_watched import Watched, pyramid
from napari_sam.contrast import is_noise
from napari_sam.engine import sizes
from napari_sam.engine.sizes import rounded, typical_diameter
from napari_sam.engine.stitch import PlaneOf
from napari_sam.engine.tiled import TiledRun
from napari_sam.engine.tiles import divide, holds_nothing, nearest_first
from napari_sam.errors import Cancelled, ImageError, LabelsError
from napari_sam.images import Block, Image, samples, scales_of
from napari_sam.methods.options import CellOptions
from napari_sam.methods.registry import method

LIMITS = (0.0, 255.0)
CELLS = method("cells")


pytestmark = pytest.mark.usefixtures("hundreds_are_many")


def discs(shape: tuple[int, int], number: int, radius: int, seed: int) -> np.ndarray:
    """Discs that do not touch, at any place."""
    rng = np.random.default_rng(seed)
    pixels = np.full(shape, 10, np.uint8)
    y, x = np.mgrid[-radius - 2 : radius + 3, -radius - 2 : radius + 3]
    near, disc = y**2 + x**2 <= (radius + 2) ** 2, y**2 + x**2 <= radius**2
    for _ in range(number):
        row, column = (rng.integers(radius + 2, side - radius - 2) for side in shape)
        part = pixels[
            row - radius - 2 : row + radius + 3, column - radius - 2 : column + radius + 3
        ]
        if (part[near] == 10).all():
            part[disc] = 200
    return pixels


def block_of(pixels: Any) -> Block:
    return next(Image.of(pixels, limits=LIMITS).blocks())


def assert_same_objects(found: np.ndarray, expected: np.ndarray) -> None:
    """The same pixels belong together, whatever the numbers are."""
    np.testing.assert_array_equal(found > 0, expected > 0)
    inside = expected > 0
    pairs = np.unique(np.stack([found[inside], expected[inside]]), axis=1)
    assert len(pairs[0]) == len(np.unique(pairs[0])) == len(np.unique(pairs[1]))


def whole(pixels: np.ndarray, diameter: float = 14.0) -> ns.Segmentation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "IN_MEMORY", 10**9)
        return ns.segment_cells(pixels, FakeModel(), limits=LIMITS, diameter=diameter)


@given(st.integers(0, 1000), st.integers(90, 200), st.integers(90, 200))
@settings(max_examples=8, deadline=None)
def test_tiles_give_the_objects_of_the_whole_plane(seed: int, height: int, width: int) -> None:
    pixels = discs((height, width), 60, 7, seed)
    expected = whole(pixels)
    found = ns.segment_cells(pixels, FakeModel(), limits=LIMITS, diameter=14.0)
    assert_same_objects(found.labels, expected.labels)
    assert sorted(found.table["area"]) == sorted(expected.table["area"])
    assert found.table["label"].tolist() == list(range(1, len(found) + 1))
    for row in found.table.itertuples():
        mask = found.labels == row.label
        assert mask.sum() == row.area
        np.testing.assert_allclose(
            [row.centroid_row, row.centroid_col], np.argwhere(mask).mean(axis=0)
        )
        assert (row.r0, row.c1) == (
            np.argwhere(mask)[:, 0].min(),
            np.argwhere(mask)[:, 1].max() + 1,
        )
    assert set(found.table.columns) == set(expected.table.columns)


def test_what_is_opaque_hides_no_dark_cells() -> None:
    """Transparency has the largest value of its type, which no dark image comes near."""
    dark = discs((120, 150), 12, 7, 1) // 10
    colour = np.stack([dark] * 3, axis=-1)
    opaque = np.concatenate([colour, np.full((*dark.shape, 1), 255, np.uint8)], axis=-1)
    found = [
        ns.segment_cells(Image.of(one, limits=(0, 20)), model=FakeModel("cells"), diameter=14.0)
        for one in (colour, opaque)
    ]
    assert len(found[0]) > 0
    np.testing.assert_array_equal(found[1].labels, found[0].labels)
    pd.testing.assert_frame_equal(found[1].table, found[0].table)


def test_an_object_that_two_tiles_see_differently_is_there_once() -> None:
    """Its middle lies beyond the seam for both tiles, or before it for both."""
    pixels = discs((200, 200), 60, 7, 4)

    class Unsteady(FakeModel):
        def encode(self, plane: Any, **how: Any) -> Any:
            moved = np.full_like(plane, 10)
            if len(self.encoded) % 2:
                moved[:, 1:] = plane[:, :-1]
            else:
                moved[:-1, :-1] = plane[1:, 1:]
            return super().encode(moved, **how)

    found = ns.segment_cells(pixels, Unsteady(), limits=LIMITS, diameter=14.0)
    expected = len(whole(pixels))
    assert abs(len(found) - expected) <= 0.1 * expected
    areas = found.table["area"]
    assert (areas > 60).mean() > 0.9


@pytest.mark.parametrize("kind", ["numpy", "zarr"])
def test_labels_are_written_where_one_says(kind: str, tmp_path: Any) -> None:
    stack = np.stack([discs((130, 160), 20, 7, seed) for seed in (1, 2)])
    out: Any = np.zeros(stack.shape, np.uint16)
    if kind == "zarr":
        zarr = pytest.importorskip("zarr")
        out = zarr.create_array(
            str(tmp_path / "labels.zarr"), shape=stack.shape, dtype="uint16", chunks=(1, 64, 64)
        )
    found = ns.segment_cells(
        Watched(stack), FakeModel(), limits=LIMITS, diameter=14.0, out=out, rgb=False
    )
    assert found.labels is out
    for at in range(2):
        assert_same_objects(np.asarray(out[at]), whole(stack[at]).labels)
    assert sorted(found.table["axis_0"].unique()) == [0, 1]
    with pytest.raises(LabelsError, match="shape"):
        ns.segment_cells(stack, FakeModel(), out=np.zeros((3, 3), int))


@pytest.mark.parametrize(
    ("method_name", "tiled"),
    [("cells", True), ("cells", False), ("volume", False), ("track", False)],
)
def test_labels_that_cannot_hold_the_ids_are_refused(
    method_name: str, tiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids of 256 and more would wrap round to background, and to those of others."""
    if not tiled:
        monkeypatch.setattr(samples, "IN_MEMORY", 10**9)
    plane = np.full((150, 240), 10, np.uint8)
    rows, columns = np.indices(plane.shape) % 10
    plane[(rows - 5) ** 2 + (columns - 5) ** 2 <= 9] = 200
    stack = np.stack([plane, plane])
    out = np.zeros(stack.shape, np.uint8)
    with pytest.raises(LabelsError, match="end at number 255"):
        ns.segment_objects(
            Image(stack, "TYX" if method_name == "track" else "ZYX"),
            method_name,
            FakeModel(),
            limits=LIMITS,
            diameter=7.0,
            out=out,
        )


def test_a_tile_at_a_time_is_read_and_empty_ones_are_not_shown() -> None:
    pixels = np.full((600, 600), 10, np.uint8)
    pixels[:100, :100] = discs((100, 100), 8, 7, 3)
    watched, model = Watched(pixels), FakeModel()
    run = TiledRun(block_of(watched), CELLS, model, CellOptions(diameter=14.0))
    largest = max(np.prod(part.tile.shape) for part in run.parts)
    labels = np.zeros(pixels.shape, np.int32)
    before = watched.read
    for written in run.run(PlaneOf(labels, run.block.plane)):
        assert watched.read - before <= largest
        before = watched.read
        assert len(written.table) == 0 or written.part.core[0] < 100
    assert len(model.encoded) <= 9 < len(run.parts)
    assert_same_objects(labels, whole(pixels).labels)


def test_large_objects_are_looked_for_at_a_coarser_level() -> None:
    pixels = np.zeros((900, 1200), np.uint8)
    pixels[...] = discs((900, 1200), 12, 70, 5)
    levels = [Watched(level) for level in pyramid(pixels, 3)]
    image = Image(levels, "YX", limits=LIMITS)
    found = ns.segment_cells(image, FakeModel(), diameter=140.0)
    assert levels[0].read == 0
    expected = whole(pixels, 140.0)
    assert len(found) == len(expected)
    for row in expected.table.itertuples():
        mask = expected.labels == row.label
        ids, counts = np.unique(found.labels[mask], return_counts=True)
        best = ids[counts.argmax()]
        union = (mask | (found.labels == best)).sum()
        assert counts.max() / union > 0.96
    areas = sorted(found.table["area"]), sorted(expected.table["area"])
    np.testing.assert_allclose(*areas, rtol=0.05)


# -- going on -------------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_was_killed() -> None:
    pixels = discs((260, 260), 60, 7, 8)
    block, labels = block_of(pixels), np.zeros((260, 260), np.int32)

    def begin(model: FakeModel) -> TiledRun:
        return TiledRun(block, CELLS, model, CellOptions(diameter=14.0))

    done, used = [], 0
    for written in begin(FakeModel()).run(PlaneOf(labels, block.plane)):
        if len(done) == 4:  # killed after its pixels were written, before anybody took note
            break
        done.append(written.part.number)
        used += len(written.table)
    assert labels.max() > used
    model = FakeModel()
    rest = list(begin(model).run(PlaneOf(labels, block.plane), used=used, done=done))
    assert len(rest) == len(begin(model).parts) - 4
    assert_same_objects(labels, whole(pixels).labels)
    assert labels.max() == used + sum(len(written.table) for written in rest)


def test_it_can_be_cancelled_between_tiles() -> None:
    pixels = discs((260, 260), 60, 7, 8)
    seen: list[float] = []

    def report(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.5:
            raise Cancelled("Enough.")

    out = np.zeros(pixels.shape, np.int32)
    with pytest.raises(Cancelled):
        ns.segment_cells(
            pixels, FakeModel(), limits=LIMITS, diameter=14.0, out=out, progress=report
        )
    assert seen == sorted(seen)
    assert out.any()
    assert not out[200:].any()


def test_what_is_looked_at_comes_first() -> None:
    parts = divide(block_of(np.zeros((400, 400), np.uint8)), 64, 10.0)
    window = (200.0, 210.0, 260.0, 290.0)
    order = nearest_first(parts, window)
    assert sorted(part.number for part in order) == list(range(len(parts)))
    r0, c0, r1, c1 = order[0].core
    assert r0 < 260
    assert r1 >= 200
    assert c0 < 290
    assert c1 >= 210
    assert order[-1].core[0] == 0 or order[-1].core[2] == 400


@given(
    st.integers(40, 700),
    st.integers(40, 700),
    st.sampled_from([None, 3.0, 7.5, 10.0, 20.0, 31.7, 80.0, 200.0]),
)
@settings(max_examples=60, deadline=None)
def test_cores_cover_the_plane_once_and_lie_within_their_tiles(
    height: int, width: int, diameter: float | None
) -> None:
    block = block_of(np.zeros((height, width), np.uint8))
    covered = np.zeros((height, width), int)
    for part in divide(block, 64, diameter):
        r0, c0, r1, c1 = part.core
        covered[int(r0) : int(min(r1, height)), int(c0) : int(min(c1, width))] += 1
        assert part.tile.holds((r0, c0, min(r1, height) - 1, min(c1, width) - 1))
        if diameter is not None and diameter in (10.0, 20.0):
            step = part.tile.scale.longest
            assert part.tile.rows[0] % (diameter / step) == 0
    assert (covered == 1).all()


# -- sizes, and what is empty ---------------------------------------------------------------------


@given(st.floats(1.0, 3000.0))
def test_rounded_sizes_are_near_and_fit_the_network(diameter: float) -> None:
    found = rounded(diameter)
    assert abs(found - diameter) <= max(0.04 * diameter, 0.25)
    assert found * 2 == int(found * 2)
    for most in (48, 96, 200):
        if found >= most:
            assert found % {48: 2, 96: 4, 200: 8}[most] == 0


def test_the_size_is_told_from_all_over_the_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "_SIDE", 200)
    pixels = np.full((2300, 2300), 10, np.uint8)
    pixels[100:400, 100:1900] = discs((300, 1800), 200, 10, 1)
    watched = Watched(pixels)
    model = FakeModel()
    assert abs(typical_diameter(block_of(watched), model, LIMITS) - 20) <= 2
    assert watched.read < 0.6 * pixels.size


def noise(level: float, sigma: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (level + sigma * rng.normal(size=(256, 256))).clip(0, 65535).astype(np.uint16)


def test_noise_and_plain_tiles_hold_nothing_but_faint_objects_do() -> None:
    limits = (90.0, 1000.0)
    assert holds_nothing(np.full((64, 64), 100, np.uint16), limits)
    assert holds_nothing(np.full((64, 64, 3), 240, np.uint8), (0, 255))
    assert holds_nothing(np.full((64, 64), np.nan), limits)
    assert holds_nothing(noise(100, 5), limits)
    assert is_noise(noise(100, 40))
    for radius, height in ((8, 40), (12, 25), (3, 200)):
        pixels = noise(100, 5)
        y, x = np.mgrid[:256, :256]
        pixels[(y - 130) ** 2 + (x - 90) ** 2 <= radius**2] += height
        assert not holds_nothing(pixels, limits)


def test_tiles_begin_where_those_of_the_network_do() -> None:
    """So that they see the same as an undivided plane does: at a scale of 2, halves count too."""
    block = block_of(pyramid(np.zeros((3000, 3000), np.uint8), 3)[0])
    for diameter in (7.5, 11.0, 23.0, 60.0, 132.0, 336.0):
        for part in divide(block, 512, diameter):
            scale = part.tile.scale
            assert scale in scales_of(block.image, block.plane)
            zoom = 32 * scale.longest / diameter
            for first, _ in (part.tile.rows, part.tile.columns):
                assert abs(first * zoom / 32 - round(first * zoom / 32)) < 1e-9


def test_planes_that_memory_would_not_hold_are_not_joined(monkeypatch):
    monkeypatch.setattr("napari_sam.images.plane.WHOLE", 1000)
    watched = Watched(np.zeros((2, 64, 80), np.uint8))
    with pytest.raises(ImageError, match=r"64 x 80 pixels are too large to be joined") as refused:
        ns.segment_volume(watched, FakeModel())
    assert not watched.read
    # What to do: smaller planes, of which two thirds are still too many, or each by itself.
    assert "Join every 3rd pixel of them (22 x 27)" in str(refused.value)
    assert "mode cells" in str(refused.value)
    levels = [watched, *(Watched(watched.data[:, ::step, ::step]) for step in (2, 4))]
    with pytest.raises(ImageError, match=r"Join level 2 of their pyramid \(16 x 20\)"):
        ns.track_cells(Image(levels, "TYX"), FakeModel())
    assert not any(level.read for level in levels)
