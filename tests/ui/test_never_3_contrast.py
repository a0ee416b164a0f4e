"""Bug class 3 of the field, as far as the panel is concerned: what the model gets to see."""

from __future__ import annotations

import numpy as np

from fake_model import blobs
from napari_sam.contrast import contrast_limits


class Seen:
    """Writes down the contrast limits that the model was given."""

    def __init__(self, model):
        self.limits = []
        original = model.encode

        def encode(plane, *, limits=None, progress):
            self.limits.append(limits)
            return original(plane, limits=limits, progress=progress)

        model.encode = encode


def test_contrast_limits_are_used_when_the_person_wants_them(bench):
    seen = Seen(bench.model)
    bench.session._bench.preferences.remember(use_contrast_limits=True)
    layer = bench.viewer.add_image(blobs(), contrast_limits=(5, 150))
    bench.settle()
    assert seen.limits[-1] == (5.0, 150.0)
    layer.contrast_limits = (0, 90)
    bench.settle()
    assert seen.limits[-1] == (0.0, 90.0)


def test_contrast_limits_change_nothing_by_default(bench):
    seen = Seen(bench.model)
    layer = bench.viewer.add_image(blobs(), contrast_limits=(5, 150))
    bench.settle()
    layer.contrast_limits = (0, 90)
    bench.settle()
    assert seen.limits == [contrast_limits(layer.data)]  # of the pixels, and read only once


def test_one_hot_pixel_leaves_the_thumbnail_visible(bench):
    image = blobs().astype(np.uint16)
    image[0, 0] = 65535
    bench.viewer.add_image(image)
    bench.settle()
    bench.click(20, 20)
    bench.settle()
    assert bench.state.answer.picture.pixels.max() > 0.9


def test_a_constant_image_and_nan_are_survived(bench):
    for image in (np.zeros((32, 32)), np.full((32, 32), np.nan)):
        bench.session.layers.choose("image", bench.viewer.add_image(image, contrast_limits=(0, 1)))
        bench.settle()
        bench.click(10, 10)
        bench.settle()
        assert bench.state.answer is not None
        bench.cells.proposal.clear()
