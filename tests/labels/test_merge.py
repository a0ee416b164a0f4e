"""Found objects meet labelled ones: three rules, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.segmentation import relabel_sequential

from napari_sam.errors import ParameterError
from napari_sam.labels.merge import RULES, merge, restrict

BEFORE = np.array(
    [
        [7, 7, 0, 0, 0, 0],
        [7, 7, 0, 0, 0, 0],
        [0, 0, 0, 0, 9, 9],
    ]
)
FOUND = np.array(
    [
        [0, 1, 1, 0, 2, 2],
        [0, 1, 1, 0, 2, 2],
        [3, 0, 0, 0, 2, 4],
    ]
)


def test_only_where_empty_fills_around_what_is_labelled():
    merged = merge(FOUND, BEFORE, "empty", 10)
    expected = [
        [7, 7, 10, 0, 11, 11],
        [7, 7, 10, 0, 11, 11],
        [12, 0, 0, 0, 9, 9],
    ]
    np.testing.assert_array_equal(merged.labels, expected)
    assert (merged.ids, merged.left_out, merged.removed) == ((10, 11, 12), 1, 0)


def test_whole_adds_only_what_meets_nothing():
    merged = merge(FOUND, BEFORE, "whole", 10)
    expected = BEFORE.copy()
    expected[2, 0] = 10
    np.testing.assert_array_equal(merged.labels, expected)
    assert (merged.ids, merged.left_out) == ((10,), 3)


def test_replace_leaves_the_found_alone():
    merged = merge(FOUND, BEFORE, "replace", 10)
    np.testing.assert_array_equal(merged.labels, np.where(FOUND > 0, FOUND + 9, 0))
    assert (merged.removed, merged.left_out) == (2, 0)


def test_replace_takes_away_only_what_lies_in_the_region():
    within = np.zeros(BEFORE.shape, bool)
    within[:, :1] = True  # half of 7, nothing of 9
    merged = merge(np.where(FOUND == 1, 1, 0), BEFORE, "replace", 10, within)
    assert merged.removed == 1
    assert not (merged.labels == 7).any()
    np.testing.assert_array_equal(merged.labels == 9, BEFORE == 9)
    np.testing.assert_array_equal(merged.labels == 10, FOUND == 1)


def test_restrict_keeps_objects_whole_or_not_at_all():
    within = np.zeros(FOUND.shape, bool)
    within[:2, 4:] = True  # four of five pixels of 2, none of the others
    kept = restrict(FOUND, within)[FOUND]
    np.testing.assert_array_equal(kept, (FOUND == 2).astype(int))


def test_bad_input_is_refused():
    with pytest.raises(ParameterError, match="rule"):
        merge(FOUND, BEFORE, "all", 1)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="labels"):
        merge(FOUND[:2], BEFORE, "empty", 1)


planes = arrays.arrays(np.int32, (6, 7), elements=st.integers(0, 5))


@given(found=planes, before=planes, rule=st.sampled_from(RULES))
def test_no_rule_loses_or_mixes_anything(found, before, rule):
    found = relabel_sequential(found)[0]
    untouched = before.copy()
    merged = merge(found, before, rule, 100)
    np.testing.assert_array_equal(before, untouched)
    assert set(np.unique(merged.labels[merged.labels >= 100])) == set(merged.ids)
    assert len(merged.ids) + merged.left_out == found.max()
    # Every new object lies in one found object.
    for new in merged.ids:
        assert len(np.unique(found[merged.labels == new])) == 1
    if rule == "replace":
        np.testing.assert_array_equal(merged.labels > 0, found > 0)
    else:
        np.testing.assert_array_equal(merged.labels[before > 0], before[before > 0])
    if rule == "whole":
        for new in merged.ids:
            old = found[merged.labels == new][0]
            np.testing.assert_array_equal(merged.labels == new, found == old)


@pytest.mark.parametrize(
    "join",
    [
        lambda: merge(FOUND * 1.0, BEFORE, "empty", 10),
        lambda: merge(FOUND, BEFORE > 0, "empty", 10),
        lambda: merge(FOUND, BEFORE[None], "empty", 10),
        lambda: merge(FOUND * 10**9, BEFORE, "empty", 10),  # a list that long is 8 GB
        lambda: merge(-FOUND, BEFORE, "empty", 10),
        lambda: merge(FOUND, BEFORE, None, 10),
        lambda: merge(FOUND, BEFORE, "empty", 0),
        lambda: merge(FOUND, BEFORE, "empty", np.nan),
        lambda: merge(FOUND, BEFORE, "replace", 10, BEFORE),
        lambda: merge(FOUND, BEFORE, "replace", 10, np.ones((2, 2), bool)),
        lambda: restrict(FOUND, FOUND),
        lambda: restrict(FOUND, np.ones((2, 2), bool)),
        lambda: restrict(None, FOUND > 0),
    ],
)
def test_what_makes_no_sense_joins_nothing(join):
    with pytest.raises(ParameterError):
        join()
