"""Tables of labels that were changed without anybody telling."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_sam.batch.in_step import in_step
from napari_sam.labels.table import adopt
from napari_sam.segmentation import measure
from napari_sam.stacks.object_table import describe_objects


def plane() -> np.ndarray:
    labels = np.zeros((40, 60), np.int32)
    for number in range(5):
        labels[5:15, 10 * number + 2 : 10 * number + 9] = number + 1
    return labels


def table(labels: np.ndarray) -> pd.DataFrame:
    rows = measure(labels, scores=dict.fromkeys(range(1, 6), 0.5))
    return adopt(rows.assign(index=rows["label"], mine=rows["label"] * 10))


def test_a_table_that_is_in_step_stays_as_it_is() -> None:
    before = table(plane())
    pd.testing.assert_frame_equal(in_step(plane(), before.copy()), before)


@pytest.mark.parametrize("reviewed", [True, False])
def test_what_is_gone_is_rejected_what_is_new_or_changed_is_measured(reviewed: bool) -> None:
    labels, before = plane(), table(plane())
    if not reviewed:
        before = before.drop(columns="reviewed")
    labels[labels == 2] = 0
    labels[20:25, 20:30] = 9
    labels[5, 2:9] = 0
    rows = in_step(labels, before).set_index("index")
    assert rows.loc[2, ["reviewed", "mine", "area"]].tolist() == ["rejected", 20, 70]
    assert rows.loc[9, ["area", "r0", "c1"]].tolist() == [50, 20, 30]
    assert rows.loc[1, ["area", "r0", "score", "mine"]].tolist() == [63, 6, 0.5, 10]
    assert rows.loc[3, ["area", "score", "mine"]].tolist() == [70, 0.5, 30]
    assert rows.index.tolist() == [1, 2, 3, 4, 5, 9]


def test_an_area_of_somebody_elses_is_left_alone() -> None:
    before = table(plane()).assign(area=[0.5, 0.25, 1.5, 70, 3])
    assert in_step(plane(), before)["area"].tolist() == [0.5, 0.25, 1.5, 70, 3]


def test_objects_in_space_are_measured_on_all_slices() -> None:
    labels = np.stack([plane(), plane(), np.zeros_like(plane())])
    rows = describe_objects(labels, source="cells")
    before = adopt(rows.assign(index=rows["label"], score=0.5))
    labels[2, 5:15, 2:9] = 1
    labels[labels == 4] = 0
    labels[1:, 30:34, 50:60] = 12
    after = in_step(labels, before).set_index("index")
    assert after["voxels"].to_dict() == {1: 210, 2: 140, 3: 140, 4: 140, 5: 140, 12: 80}
    assert after.loc[4, "reviewed"] == "rejected"
    assert after.loc[1, ["slices", "score"]].tolist() == [3, 0.5]


def test_an_outline_of_a_stack_is_told_by_the_slice_where_it_is_largest() -> None:
    labels = np.stack([plane(), plane()])
    before = table(plane()).assign(axis_0=0)
    labels[0, 30:32, 30:34] = 8
    labels[1, 30:35, 30:34] = 8
    after = in_step(labels, before).set_index("index")
    assert after.loc[8, ["axis_0", "area"]].tolist() == [1, 20]
    assert after.loc[1, "area"] == 70
