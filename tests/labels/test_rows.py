"""Rows go and come; whatever else a person's table holds stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam.id_columns import NO_OBJECT
from napari_sam.labels import table as object_table
from napari_sam.labels.rows import object_ids, replace_rows

NEW = pd.DataFrame(
    {"index": [3, 9], "area": [30, 90], "score": [0.5, 1.0], "source": ["cells", "by hand"]}
)


def strange_tables() -> dict[str, pd.DataFrame]:
    """Tables that a layer may have, of three objects in an order of their own."""
    plain = {"index": [5, 3, 8], "area": [1.5, 2.5, 3.5]}
    score = pd.Categorical([0.25, 0.5, 0.75])
    source = pd.Categorical(["atlas", "atlas", "other"])
    reviewed = pd.Categorical(["yes", "no", "yes"], ordered=True)
    times = pd.date_range("2020-01-01", periods=3)
    return {
        "plain": pd.DataFrame(plain),
        "categorical score": pd.DataFrame({**plain, "score": score}),
        "categorical source": pd.DataFrame({**plain, "source": source}),
        "categorical reviewed": pd.DataFrame({**plain, "reviewed": reviewed}),
        "words as scores": pd.DataFrame({**plain, "score": ["good", "bad", None]}),
        "bool reviewed": pd.DataFrame({**plain, "reviewed": [True, False, True]}),
        "nullable": pd.DataFrame(plain).convert_dtypes(),
        "times": pd.DataFrame({**plain, "seen": times}),
        "objects": pd.DataFrame({**plain, "what": [{"a": 1}, [2], None]}),
        "complex": pd.DataFrame({**plain, "phase": [1j, 2j, 3j]}),
        "small integers": pd.DataFrame({**plain, "n": np.array([1, 2, 3], np.uint8)}),
        "index of floats": pd.DataFrame({"index": [5.0, np.nan, 8.0], "area": [1, 2, 3]}),
        "index of words": pd.DataFrame({"index": ["a", "b", "c"], "area": [1, 2, 3]}),
        "categorical index": pd.DataFrame({"index": pd.Categorical([5, 3, 8])}),
        "twice the same": pd.DataFrame({"index": [5, 3, 3], "area": [1, 2, 3]}),
        "equal names": pd.DataFrame([[5, 1, 2], [3, 3, 4]], columns=["index", "area", "area"]),
        "numbers as names": pd.DataFrame({**plain, 7: ["x", "y", "z"]}),
        "empty": pd.DataFrame({"index": np.empty(0, np.int64)}),
    }


TABLES = strange_tables()


@pytest.mark.parametrize("name", TABLES)
def test_any_table_takes_new_rows_and_gives_them_back(name):
    table = TABLES[name]
    change = replace_rows(table, [3, 9], NEW)
    after = change.apply(table)
    ids = object_ids(after)
    assert (ids == 9).sum() == 1
    assert (ids == 3).sum() == 1
    assert [str(column) for column in after.columns][: table.shape[1]] == [
        str(column) for column in table.columns
    ]
    others = ~np.isin(object_ids(table), [3])
    kept = after[~np.isin(ids, [3, 9])]
    for k in range(table.shape[1]):
        was = table.iloc[:, k][others].astype(object).tolist()
        assert repr(kept.iloc[:, k].astype(object).tolist()) == repr(was) or np.allclose(
            pd.to_numeric(kept.iloc[:, k]), pd.to_numeric(table.iloc[:, k][others]), equal_nan=True
        )
    back = change.revert(after)
    pd.testing.assert_frame_equal(back, table.reset_index(drop=True))
    again = change.apply(back)
    pd.testing.assert_frame_equal(again, after)


@pytest.mark.parametrize("name", TABLES)
def test_any_table_can_be_reviewed(name):
    table = object_table.adopt(TABLES[name])
    described = object_table.describe(
        np.array([[3, 3, 0, 9]]), [3, 9], _plane((1, 4)), np.ones((1, 4))
    )
    rows = object_table.remeasured(table, described, by_hand=[9])
    assert rows["index"].tolist() == [3, 9]
    assert rows["area"].tolist() == [2, 1]
    assert rows.loc[1, ["score", "source", "reviewed"]].tolist() == [1.0, "by hand", "accepted"]
    whole = object_table.put(table, [3, 9], rows)
    object_table.queue(whole)
    object_table.progress(whole)
    marked = object_table.marked(whole, [9], "rejected")
    assert marked["reviewed"][object_ids(marked) == 9].tolist() == ["rejected"]


def _plane(shape: tuple[int, int]) -> Any:
    from napari_sam.images import Plane

    return Plane((0, 1), (None, None), shape)


def test_a_sorted_table_stays_sorted_and_others_keep_their_places():
    table = pd.DataFrame({"index": [1, 4, 7], "mine": ["a", "b", "c"]})
    change = replace_rows(table, [4, 5], pd.DataFrame({"index": [5, 4], "area": [1, 2]}))
    after = change.apply(table)
    assert after["index"].tolist() == [1, 4, 5, 7]
    assert after["area"].tolist()[1:3] == [2, 1]
    assert change.added == ("area",)
    unsorted = pd.DataFrame({"index": [7, 1, 4], "mark": [0, 0, 0]})
    marked = replace_rows(unsorted, [1, 4], pd.DataFrame({"index": [4, 1], "mark": [4, 1]}))
    assert marked.apply(unsorted)["index"].tolist() == [7, 1, 4]
    assert marked.apply(unsorted)["mark"].tolist() == [0, 1, 4]


def test_columns_that_somebody_filled_meanwhile_are_not_taken_away():
    table = pd.DataFrame({"index": [1, 2]})
    change = replace_rows(table, [3], pd.DataFrame({"index": [3], "area": [9]}))
    after = change.apply(table)
    after.loc[0, "area"] = 4
    back = change.revert(after.assign(theirs="x"))
    assert back["index"].tolist() == [1, 2]
    assert back["area"].tolist()[0] == 4
    assert back["theirs"].tolist() == ["x", "x"]


def test_rows_without_a_number_are_about_no_object():
    ids = object_ids(pd.DataFrame({"index": [1.0, 2.5, np.nan, np.inf, 1e300]}))
    assert ids.tolist() == [1, *[NO_OBJECT] * 4]


rows_of = st.lists(st.integers(1, 12), unique=True, max_size=8)


@given(rows_of, rows_of, rows_of, st.booleans())
def test_every_replacement_is_taken_back_exactly(table_ids, ids, new_ids, in_order):
    if in_order:
        table_ids = sorted(table_ids)
    table = pd.DataFrame({"index": table_ids, "n": [i * 10 for i in table_ids]}, dtype=np.int64)
    new_ids = [i for i in new_ids if i in ids or i not in table_ids]
    ids = [*ids, *new_ids]
    new = pd.DataFrame({"index": new_ids, "n": [i * 100 for i in new_ids]}, dtype=np.int64)
    change = replace_rows(table, ids, new)
    after = change.apply(table)
    values = dict(zip(after["index"], after["n"], strict=True))
    expected = {i: i * 10 for i in table_ids if i not in ids} | {i: i * 100 for i in new_ids}
    assert values == expected
    assert len(after) == len(expected)
    pd.testing.assert_frame_equal(change.revert(after), table)


def test_an_object_without_a_row_and_one_that_is_there_again_are_open_to_review():
    table = object_table.adopt(
        pd.DataFrame(
            {
                "index": [3, 4, 5],
                "score": [0.5, 0.6, 0.7],
                "source": ["cells"] * 3,
                "reviewed": ["accepted", "rejected", "open"],
            }
        )
    )
    labels = np.array([[3, 4, 5, 9]])
    described = object_table.describe(labels, [3, 4, 5, 9], _plane((1, 4)))
    rows = object_table.remeasured(table, described)
    assert rows["reviewed"].tolist() == ["accepted", "open", "open", "open"]
    assert rows["source"].tolist() == ["cells", "cells", "cells", ""]
    whole = object_table.put(table, [3, 4, 5, 9], rows)
    assert object_table.queue(whole) == [4, 5, 9]
    assert object_table.progress(whole) == (1, 4)


LARGE = 2**53 + 1  # as a float it is 2**53


@pytest.mark.parametrize(
    "kind", ["int64", "uint64", "Int64", "UInt64", "object", "category", "str"]
)
def test_ids_that_no_float_holds_are_read_exactly(kind):
    held = pd.Series([LARGE, 3]).astype("object" if kind == "category" else kind).astype(kind)
    assert object_ids(pd.DataFrame({"index": held})).tolist() == [LARGE, 3]


def test_what_a_float_has_rounded_is_no_id():
    told = pd.DataFrame({"index": np.array([float(LARGE), 3.0])})
    assert object_ids(told).tolist() == [NO_OBJECT, 3]


def test_large_numbers_of_a_table_stay_when_rows_without_them_come():
    """A column of whole numbers with a gap is one of floats in pandas."""
    table = object_table.adopt(pd.DataFrame({"index": [1, 2], "parent": [0, LARGE]}))
    described = object_table.describe(np.array([[2, 3]]), [2, 3], _plane((1, 2)))
    rows = object_table.remeasured(table, described)
    assert rows["parent"].tolist()[0] == LARGE
    whole = object_table.put(table, [2, 3], rows)
    assert whole["parent"].tolist()[:2] == [0, LARGE]
    assert object_table.parents(whole) == {2: LARGE}
    longer = object_table.put(table, [3], described.iloc[1:])
    assert longer["parent"].tolist()[:2] == [0, LARGE]
    back = replace_rows(table, [3], described.iloc[1:]).revert(longer)
    assert back["parent"].dtype == np.int64
    assert back["parent"].tolist() == [0, LARGE]
