"""Changes and journals on disk: what is read is what was written, whatever was cut off."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.errors import DataError
from napari_sam.images import Plane
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.change_bytes import from_bytes, to_bytes
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.prompts import Placed, Prompt
from napari_sam.regions import Region

SHAPE = (3, 24, 24)
numbers = st.floats(0, 20, width=32)


def plane(at: int) -> Plane:
    return Plane((1, 2), (at, None, None), SHAPE[1:])


@st.composite
def changes(draw: Any) -> Change:
    states = hnp.arrays(np.int32, SHAPE, elements=st.sampled_from([0, 0, 1, 2, 70000]))
    runs = Runs.between(SHAPE, (0, 0, 0), draw(states), draw(states))
    table = pd.DataFrame(
        {"index": [1, 2], "score": [0.5, np.nan], "mine": ["a", None], "on": [True, False]}
    )
    new = pd.DataFrame({"index": [2, 5], "score": draw(st.lists(numbers, min_size=2, max_size=2))})
    rows = draw(st.sampled_from([None, replace_rows(table, [2, 5], new)]))
    points = draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3))
    prompt = Prompt(
        points=points,
        labels=[1, *(draw(st.integers(0, 1)) for _ in points[1:])],
        boxes=draw(st.sampled_from([(), [(1, 2, 9, 9)]])),
        mask=draw(st.sampled_from([None, np.eye(24) > 0])),
        strokes=draw(st.sampled_from([(), [[(1, 2), (3.5, 4)]]])),
    )
    origin = draw(st.sampled_from([None, Origin(), Origin(plane(1), (prompt,), "cells")]))
    return Change(draw(st.text(max_size=20)), runs, rows, "accept", origin, draw(st.integers(0)))


def same(one: Any, other: Any) -> None:
    """Compare whatever a change holds."""
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif hasattr(one, "__dataclass_fields__"):
        assert type(one) is type(other)
        for name in one.__dataclass_fields__:
            same(getattr(one, name), getattr(other, name))
    else:
        assert one == other


@given(changes())
@settings(deadline=None)
def test_what_is_read_is_what_was_written(change):
    same(from_bytes(to_bytes(change)), change)


@given(changes(), st.data())
@settings(deadline=None, max_examples=40)
def test_a_damaged_record_is_said_to_be_damaged(change, data):
    record = bytearray(to_bytes(change))
    at = data.draw(st.integers(0, len(record) - 1))
    cut = bytes(record[:at])
    with pytest.raises(DataError):
        from_bytes(cut)


def test_a_mask_on_a_plane_that_no_memory_holds_is_written_and_read():
    side = 2**24
    prompt = Prompt(mask=Placed(Region(np.ones((3, 5), bool), side - 9, side - 6), (side, side)))
    change = Change("", Runs.none(SHAPE), None, "accept", Origin(plane(1), (prompt,), "cells"))
    same(from_bytes(to_bytes(change)), change)


def test_values_of_any_kind_are_written():
    table = pd.DataFrame(
        {
            "index": [1],
            "seen": pd.to_datetime(["2020-01-01"]),
            "kind": pd.Categorical(["x"]),
            "what": [{"a": 1}],
            "phase": [1j],
        }
    )
    rows = replace_rows(table, [1], table.assign(index=[1]))
    back = from_bytes(to_bytes(Change("", Runs.none(SHAPE), rows)))
    assert back.rows is not None
    assert back.rows.before["index"].tolist() == [1]
    assert str(back.rows.before["seen"][0]).startswith("2020-01-01")
    assert back.rows.before["kind"].tolist() == ["x"]


def test_a_cell_of_a_large_stack_takes_about_a_kilobyte():
    labels = np.zeros((200, 2048, 2048), np.uint8)  # never touched, so it takes no memory
    grid = np.indices((41, 41)) - 20
    disc = ((grid**2).sum(axis=0) <= 400)[None].astype(np.uint8)
    runs = Runs.between(labels.shape, (120, 1000, 1000), np.zeros_like(disc), disc)
    assert len(to_bytes(Change("Added cell 1.", runs))) < 2000
