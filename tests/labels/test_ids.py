"""Ids of every type of whole numbers: right, or refused with what to do; never wrapped round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_sam.errors import NapariSamError
from napari_sam.images import Plane
from napari_sam.labels import edit
from napari_sam.labels import presence as presence_module
from napari_sam.labels import table as object_table
from napari_sam.labels.accept import accept, meet
from napari_sam.labels.change import Change
from napari_sam.labels.document import Document
from napari_sam.labels.ids import among, count_ids, highest_id, ids_of
from napari_sam.labels.merge import merge
from napari_sam.labels.presence import Presence
from napari_sam.labels.runs import Runs
from napari_sam.segmentation import measure, next_id

TYPES = ("i1", "u1", "i2", "u2", ">i2", ">u2", "i4", "u4", ">u4", "i8", "u8", ">i8", ">u8")
SIDE = 20
WHOLE = Plane((0, 1), (None, None), (SIDE, SIDE))
FREE = np.zeros((SIDE, SIDE), bool)
FREE[12:19, 12:19] = True


def cases() -> list[Any]:
    """Every type with its extreme ids and some in between."""
    found = []
    for kind in TYPES:
        held = np.iinfo(kind)
        ids = {int(held.max), int(held.max) - 1, int(held.max) // 2 + 1, 100}
        ids |= {int(held.min), -7} if held.min < 0 else set()
        found += [pytest.param(kind, i, id=f"{kind} {i}") for i in sorted(ids)]
    return found


def plane(kind: str, object_id: int) -> np.ndarray:
    """Three objects: the one that is asked about, its neighbour in number, and 5."""
    labels = np.zeros((SIDE, SIDE), kind)
    labels[2:8, 2:8] = object_id
    labels[10:16, 2:8] = 5
    labels[2:8, 10:16] = beside(object_id)
    return labels


def beside(object_id: int) -> int:
    return object_id - 1 if object_id > 0 else object_id + 1


class Sheet:
    """Labels in memory, as a document sees them."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.name, self.pixels, self.table = "mine", pixels, pd.DataFrame()

    def check_writable(self) -> None:
        """It can always be written."""

    def show(self) -> None:
        """Nobody looks."""


def edited(labels: np.ndarray, make: Callable[[np.ndarray], edit.Edit]) -> None:
    """Apply an edit through a document, compare with the edit itself, and take it back."""
    document = Document(Sheet(labels.copy()))
    pixels = document.sheet.pixels
    change = make(pixels)
    where = (change.rows, change.columns)
    document.apply(
        Change("", Runs.at(pixels.shape, where, change.before, change.after)),
    )
    expected = labels.copy()
    change.apply(expected)
    np.testing.assert_array_equal(pixels, expected)
    document.undo()
    np.testing.assert_array_equal(pixels, labels)


def accepted(labels: np.ndarray, mask: np.ndarray, overlap: Any) -> None:
    """Keep a mask; what is not under it stays."""
    document = Document(Sheet(labels.copy()))
    change = accept(document, WHOLE, [mask], overlap)
    others = ~np.isin(labels, [0, *change.ids]) & ~mask
    np.testing.assert_array_equal(document.sheet.pixels[others], labels[others])
    assert int((document.sheet.pixels == max(change.new_ids, default=0)).sum()) > 0
    document.undo()
    np.testing.assert_array_equal(document.sheet.pixels, labels)


def merged(labels: np.ndarray) -> None:
    """Put a found object into labels."""
    found = merge(FREE.astype(int), labels, "empty", next_id(labels))
    np.testing.assert_array_equal(found.labels[~FREE], labels[~FREE].astype(object))


def counted(labels: np.ndarray, i: int) -> None:
    """Count in every way."""
    ids, counts = count_ids(labels)
    assert dict(zip(ids.tolist(), counts.tolist(), strict=True)) == tally(labels)
    assert ids_of(labels).tolist() == sorted(tally(labels))
    assert highest_id(labels) == max(0, *tally(labels))
    presence = Presence(lambda: labels)
    presence.count_next()
    assert presence.count([i]) == {i: 36}
    assert presence.highest() == max(0, *tally(labels))


def tally(labels: np.ndarray) -> dict[int, int]:
    """Pixels of every object, by Python's own numbers."""
    found: dict[int, int] = {}
    for number in labels.ravel().tolist():
        if number:
            found[number] = found.get(number, 0) + 1
    return found


def told(labels: np.ndarray, i: int) -> None:
    np.testing.assert_array_equal(among(labels, [i]), labels == i)
    several = [i, 1, 2, 3, 4, 6, 2**40, -(2**40)]
    np.testing.assert_array_equal(among(labels, several), labels == i)
    assert meet(labels, labels == i).same == i


ACTS: dict[str, Callable[[np.ndarray, int], Any]] = {
    "told apart": told,
    "counted": counted,
    "delete": lambda labels, i: edited(labels, lambda p: edit.delete(p, [i])),
    "delete another": lambda labels, i: edited(labels, lambda p: edit.delete(p, [5])),
    "merge": lambda labels, i: edited(labels, lambda p: edit.merge(p, [i, 5])),
    "merge into": lambda labels, i: edited(labels, lambda p: edit.merge(p, [5, i])),
    "split": lambda labels, i: edited(
        labels, lambda p: edit.split(p, i, (3, 3), (6, 6), next_id(p))
    ),
    "cut": lambda labels, i: edited(
        labels, lambda p: edit.cut(p, 5, [(9, 5), (17, 5)], next_id(p))
    ),
    "replace": lambda labels, i: edited(labels, lambda p: edit.replace(p, i, FREE)),
    "accept": lambda labels, i: accepted(labels, FREE, "keep"),
    "accept over it": lambda labels, i: accepted(labels, FREE | (labels == i), "overwrite"),
    "find all": lambda labels, i: merged(labels),
    "described": lambda labels, i: (
        object_table.describe(labels, [i], WHOLE)[object_table.INDEX].tolist() == [i]
        or pytest.fail("another object was described")
    ),
    "measured": lambda labels, i: (
        i in measure(labels)["label"].tolist() or pytest.fail("the object was not measured")
    ),
}


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # of pandas' own index
@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize(("kind", "object_id"), cases())
def test_ids_are_right_or_refused(kind, object_id, large, monkeypatch):
    if large:
        monkeypatch.setattr(presence_module, "SMALL", 0)
    labels = plane(kind, object_id)
    refused = []
    for name, act in ACTS.items():
        before = labels.copy()
        try:
            act(labels, object_id)
        except NapariSamError:
            refused.append(name)
        np.testing.assert_array_equal(labels, before)
    room = object_id + 1 <= min(int(np.iinfo(kind).max), 2**63 - 1)
    if object_id > 0 and room:
        assert refused == []
    elif object_id > 0 and object_id < 2**63:  # only new objects have no id left
        assert set(refused) <= {"split", "cut", "accept", "accept over it", "find all"}


def test_large_neighbours_are_not_confused():
    """Numbers that a float cannot tell apart."""
    labels = np.array([[2**60, 2**60 + 1, 7, 8, 9, 10]], np.uint64)
    wanted = [2**60 + 1, 7, 8, 9, 10]
    assert among(labels, wanted).tolist() == [[False, True, True, True, True, True]]
