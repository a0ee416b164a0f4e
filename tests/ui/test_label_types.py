"""Labels of any type, with ids of any size: every page works or says why, and undo is exact."""

from __future__ import annotations

import numpy as np
import pytest

from fake_model import blobs

CENTRES = [(row, column) for row in (10, 26, 42, 56) for column in (10, 28, 46, 64)]
PLANE = blobs((64, 80), tuple(CENTRES), radius=5)


def delete(bench, object_id):
    bench.session.set_tool("review")
    bench.settle()
    bench.review.edit(lambda editing: editing.delete([object_id]))


def cut(bench, object_id):
    bench.session.set_tool("review")
    bench.settle()
    bench.review.edit(lambda editing: editing.cut(2, [(38, 10), (46, 10)]))


def keep(bench, object_id):
    bench.session.set_tool("click")
    bench.click(10, 46)
    bench.settle()
    bench.cells.accept()


def paint(bench, object_id):
    bench.labels.brush_size = 3
    bench.labels.paint((56, 64), 2)
    bench.settle()
    bench.labels.paint((26, 10), 2)  # over the object


def search(bench, object_id):
    bench.session.set_tool("find")
    bench.session.layers.choose("merge", bench.labels)
    bench.settle()
    bench.find.start()


ACTS = {"delete": delete, "cut": cut, "keep": keep, "paint": paint, "search": search}
MANY = [
    ("int8", 127),
    ("int8", -3),
    ("uint8", 255),
    (">u2", 65535),
    ("int64", -5),
    ("int64", 2**63 - 1),
    ("uint64", 2**62),
    ("uint64", 2**63 - 1),
    ("uint64", 2**63),
    ("uint64", 2**64 - 1),
]


@pytest.mark.parametrize(("kind", "object_id"), MANY)
@pytest.mark.parametrize("act", ACTS)
def test_every_page_works_or_says_why(bench, act, kind, object_id):
    bench.viewer.add_image(PLANE, name="image")
    bench.settle()
    data = np.zeros(PLANE.shape, kind)
    data[22:31, 6:15] = object_id
    data[38:47, 6:15] = 2
    bench.labels = bench.viewer.add_labels(data.copy(), name="mine")
    bench.session.layers.choose("target", bench.labels)
    bench.viewer.layers.selection.active = bench.viewer.layers["image"]
    bench.settle()
    ACTS[act](bench, object_id)
    bench.settle()
    changed = not np.array_equal(bench.labels.data, data)
    assert changed or bench.state.problem or "Nothing" in bench.state.status, bench.state.status
    untouched = (data != 0) & (bench.labels.data == data)
    assert untouched.sum() >= 40
    for _ in range(3):
        bench.labels.undo()
        bench.settle()
    np.testing.assert_array_equal(bench.labels.data, data)


def test_ids_that_are_too_large_are_told_instead_of_no_cells(bench):
    """Inside the package ids have a sign: an id of 2**63 and more would mean another object."""
    top = 2**63 + 5
    pixels = np.zeros((64, 80), np.uint64)
    pixels[8:14, 8:14], pixels[20:30, 20:30] = top, 3
    bench.viewer.add_image(PLANE, name="plate")
    layer = bench.viewer.add_labels(pixels.copy(), name="mine")
    bench.session.set_tool("review")
    bench.review.choose(layer)
    bench.settle()
    assert bench.state.problem
    assert f"the id {top}" in bench.state.status
    assert "relabel_sequential" in bench.state.status
    np.testing.assert_array_equal(layer.data, pixels)


@pytest.mark.parametrize("kind", ["int64", "uint64"])
@pytest.mark.parametrize("large", [2**40, 2**53 + 1, 2**63 - 1])
def test_ids_that_no_float_holds_are_reviewed_as_others_are(bench, large, kind):
    bench.viewer.add_image(PLANE, name="image")
    pixels = np.zeros(PLANE.shape, kind)
    pixels[22:31, 6:15], pixels[38:47, 6:15] = large, 3
    layer = bench.viewer.add_labels(pixels.copy(), name="mine")
    bench.session.set_tool("review")
    bench.review.choose(layer)
    bench.settle()
    assert bench.review.state.objects.ids.tolist() == [3, large]
    assert layer.features["index"].tolist() == layer.features["label"].tolist() == [3, large]
    bench.review.select(large)
    bench.review.accept()
    marks = dict(zip(layer.features["index"].tolist(), layer.features["reviewed"], strict=True))
    assert marks == {3: "open", large: "accepted"}
    bench.review.select(large)
    bench.review.reject()
    bench.settle()
    assert np.unique(layer.data).tolist() == [0, 3]
    bench.review.undo()
    bench.settle()
    np.testing.assert_array_equal(layer.data, pixels)
