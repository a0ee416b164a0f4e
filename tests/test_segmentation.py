"""Labels with a table, and how a mask joins labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from napari_sam.errors import LabelsError, ModelError, NapariSamError
from napari_sam.segmentation import (
    Candidates,
    Segmentation,
    check_id,
    measure,
    next_id,
    writable,
)

labels_and_mask = hnp.array_shapes(min_dims=2, max_dims=2, max_side=8)


def two_squares() -> np.ndarray:
    labels = np.zeros((20, 30), dtype=np.int32)
    labels[2:6, 3:8] = 7
    labels[10:12, 20:24] = 3
    return labels


def test_every_object_is_measured() -> None:
    image = np.zeros((20, 30), dtype=np.uint8)
    image[2:6, 3:8] = 200
    table = measure(two_squares(), image, scores={7: 0.9}, source="manual").set_index("label")
    assert table.index.tolist() == [3, 7]
    assert table.loc[7, "area"] == 20
    assert table.loc[7, ["r0", "c0", "r1", "c1"]].tolist() == [2, 3, 6, 8]
    assert table.loc[7, ["centroid_row", "centroid_col"]].tolist() == [3.5, 5]
    assert table.loc[7, "mean_intensity"] == 200
    assert table.loc[3, "mean_intensity"] == 0
    assert table.loc[7, "score"] == 0.9
    assert np.isnan(table.loc[3, "score"])
    assert set(table["source"]) == {"manual"}


def test_a_colour_image_is_averaged_over_its_channels() -> None:
    image = np.zeros((20, 30, 3), dtype=np.uint8)
    image[..., 0] = 30
    assert measure(two_squares(), image)["mean_intensity"].tolist() == [10, 10]


def test_transparency_is_no_brightness() -> None:
    labels = np.eye(3, dtype=np.int32)
    colour = np.full((3, 3, 3), 30, np.uint8)
    opaque = np.concatenate([colour, np.full((3, 3, 1), 255, np.uint8)], axis=-1)
    assert measure(labels, opaque)["mean_intensity"].tolist() == [30.0]


def test_no_objects_make_an_empty_table_with_the_same_columns() -> None:
    empty = measure(np.zeros((5, 5), dtype=np.int32))
    assert len(empty) == 0
    assert list(empty.columns) == list(measure(two_squares()).columns)


def test_next_id_is_above_all_ids() -> None:
    assert next_id(two_squares()) == 8
    assert next_id(np.zeros((3, 3), dtype=np.uint8)) == 1
    assert next_id(np.zeros((0, 3), dtype=np.uint8)) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32])
def test_an_id_that_would_wrap_round_is_refused(dtype: type) -> None:
    limit = int(np.iinfo(dtype).max)
    check_id(limit, dtype)
    with pytest.raises(LabelsError) as refused:
        check_id(limit + 1, dtype)
    told = str(refused.value)
    assert f"end at number {limit}:" in told
    assert f"object {limit + 1} is not written" in told
    wider = "int64" if dtype is np.int32 else "int32"
    assert f"Convert data type, {wider}" in told  # as napari calls it
    assert f"labels.astype('{wider}')" in told


@given(
    labels_and_mask.flatmap(
        lambda shape: hnp.arrays(np.uint8, shape, elements={"max_value": 3}).flatmap(
            lambda labels: hnp.arrays(bool, shape).map(lambda mask: (labels, mask))
        )
    )
)
def test_keep_leaves_labels_and_overwrite_takes_the_whole_mask(
    made: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, mask = made
    before = labels.copy(), mask.copy()
    kept = writable(labels, mask, "keep")
    assert not (kept & (labels != 0)).any()
    assert np.array_equal(kept | (mask & (labels != 0)), mask)
    assert np.array_equal(writable(labels, mask, "overwrite"), mask)
    assert np.array_equal(labels, before[0])
    assert np.array_equal(mask, before[1])


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(LabelsError, match="shape"):
        writable(np.zeros((4, 5), dtype=np.uint8), np.zeros((5, 4), dtype=bool), "keep")


NAN = float("nan")


@pytest.mark.parametrize(
    "change",
    [
        {"scores": np.array([NAN, 0.5], np.float32)},
        {"scores": np.zeros(3, np.float32)},
        {"logits": np.full((2, 4, 4), NAN, np.float32)},
        {"logits": np.zeros((2, 4), np.float32)},
        {"masks": np.zeros((2, 8, 8))},
        {"masks": None},
        {"window": (8, 8, 0, 0)},
    ],
)
def test_an_answer_of_nonsense_is_no_answer(change: dict[str, Any]) -> None:
    good = {
        "masks": np.zeros((2, 8, 8), bool),
        "scores": np.zeros(2, np.float32),
        "logits": np.zeros((2, 4, 4), np.float32),
        "window": (0, 0, 8, 8),
    }
    assert len(Candidates(**good)) == 2
    with pytest.raises(ModelError):
        Candidates(**{**good, **change})


@pytest.mark.parametrize(
    "measured",
    [
        lambda labels: measure(labels.astype(float)),
        lambda labels: measure(labels[None]),
        lambda labels: measure(-labels),
        lambda labels: measure(None),
        lambda labels: measure(labels, labels[:5]),
        lambda labels: measure(labels, "image"),
        lambda labels: measure(labels, scores=[0.5]),
        lambda labels: measure(labels, scores={7: "good"}),
        lambda labels: measure(labels, source=None),
        lambda labels: next_id(labels.astype(float)),
        lambda labels: check_id(-1, np.uint8),
        lambda labels: check_id(1, float),
        lambda labels: writable(labels, labels, "keep"),
        lambda labels: writable(labels, labels > 0, "unknown"),
        lambda labels: Segmentation(labels.astype(float), measure(labels)),
        lambda labels: Segmentation(labels, None),
    ],
)
def test_what_are_no_labels_is_not_measured(measured: Any) -> None:
    with pytest.raises(NapariSamError):
        measured(two_squares())


def test_the_next_id_is_above_0_whatever_the_labels_hold() -> None:
    assert next_id(np.full((3, 3), -4)) == 1
