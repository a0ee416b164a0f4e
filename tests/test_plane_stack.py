"""Planes of an array as a stack, wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.errors import ImageError
from napari_sam.images import Image, PlaneStack
from napari_sam.methods.along import axis_along, groups


@settings(max_examples=50, deadline=None)
@given(order=st.permutations("TZYX"), colour=st.booleans())
def test_planes_of_any_axes_are_read_and_written(order: list[str], colour: bool) -> None:
    sizes = {"T": 2, "Z": 3, "Y": 5, "X": 7, "S": 3}
    axes = "".join(order) + ("S" if colour else "")
    data = np.arange(np.prod([sizes[a] for a in axes])).reshape([sizes[a] for a in axes])
    image = Image(data, axes, rgb=colour)
    wanted = "TZYX" + ("S" if colour else "")
    straight = data.transpose([axes.index(a) for a in wanted])
    stacks = groups(image, (axis_along(image, "Z"),))
    for t, planes in enumerate(stacks):
        stack = PlaneStack(data, planes)
        assert len(stack) == 3
        for z in range(3):
            np.testing.assert_array_equal(stack[z], straight[t, z])
            np.testing.assert_array_equal(
                stack[z, slice(1, 4), slice(2, 7)], straight[t, z, 1:4, 2:7]
            )
    deep = PlaneStack(data, stacks)
    assert deep.shape == (2, 3, 5, 7)
    np.testing.assert_array_equal(deep[1], straight[1])
    if not colour:
        deep[0] = deep[1].copy()
        np.testing.assert_array_equal(straight[0], straight[1])
        PlaneStack(data, stacks[0])[2] = np.zeros((5, 7), int)
        assert not straight[0, 2].any()
        assert straight[0, 1].all()


def test_axes_that_cannot_be_told_are_asked_for() -> None:
    with pytest.raises(ImageError, match="Z for it"):
        axis_along(Image(np.zeros((2, 3, 8, 9)), "TCYX"), "Z")
    with pytest.raises(ImageError, match="single plane"):
        axis_along(Image(np.zeros((8, 9)), "YX"), "T")
