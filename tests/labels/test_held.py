"""Of a large plane only what is around a mask is read, and the same is written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from images_watched import Watched
from napari_sam.images import Plane
from napari_sam.labels import held
from napari_sam.labels.accept import accept
from napari_sam.labels.document import Document
from napari_sam.labels.held import part_with
from napari_sam.labels.sheet import PlainSheet
from napari_sam.regions import Region

SHAPE = (90, 120)
PLANE = Plane((0, 1), (None, None), SHAPE)


def discs(number: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.int32)
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    for object_id in range(1, number + 1):
        row, column, radius = rng.integers(0, 90), rng.integers(0, 120), rng.integers(3, 12)
        inside = ((y - row) ** 2 + (x - column) ** 2 <= radius**2) & (labels == 0)
        labels[inside] = object_id
    return labels


@given(st.integers(0, 12), st.integers(0, 500), st.sampled_from(["keep", "overwrite"]))
@settings(deadline=None, max_examples=40)
def test_the_same_is_written_whether_all_of_a_plane_is_read(
    number: int, seed: int, overlap: str
) -> None:
    labels = discs(number, seed)
    rng = np.random.default_rng(seed + 1)
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    mask = (y - rng.integers(90)) ** 2 + (x - rng.integers(120)) ** 2 <= rng.integers(4, 200)
    results = []
    for large in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(held, "_STEP", 2)
            patch.setattr(held, "LARGE", 0 if large else 10**9)
            document = Document(PlainSheet(labels.copy(), pd.DataFrame({"index": []})))
            try:
                change = accept(document, PLANE, [Region.of(mask)], overlap)  # type: ignore[arg-type]
                results.append((document.sheet.pixels, change.told, document.table))
            except ValueError as error:
                results.append((document.sheet.pixels, str(error), document.table))
    (whole, told, table), (part, also_told, other) = results
    np.testing.assert_array_equal(part, whole)
    assert told == also_told
    pd.testing.assert_frame_equal(table, other)


def test_objects_that_are_met_are_read_whole_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held, "LARGE", 0)
    monkeypatch.setattr(held, "_STEP", 1)
    labels = np.zeros((1000, 1000), np.int32)
    labels[400:403, 300:420] = 7
    labels[100:900, 500] = 8
    watched = Watched(labels)
    plane = Plane((0, 1), (None, None), labels.shape)
    part, corner = part_with(watched, plane, (399, 350, 405, 352), lambda *_: [7])
    assert corner == (399, 300)
    assert part.shape == (6, 120)
    assert watched.read < 0.2 * labels.size
