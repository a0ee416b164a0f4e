"""Slices and frames of one stack are looked at for objects of one size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage as ndi

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam.engine.sizes import agreed_through
from napari_sam.images import Block, Image
from napari_sam.methods.options import CellOptions

BALLS = blobs((10, 60, 80), ((4, 20, 20), (5, 40, 60)), 5)


class Measuring(FakeModel):
    """Finds objects of another size on every slice, and many only on bright ones."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []
        self.measured = 0

    def object_size(self, pixels: Any, **_: Any) -> tuple[float, int]:
        self.measured += 1
        bright = np.count_nonzero(pixels > pixels.max() / 2)
        return (10.0, 20) if 0 < bright < pixels.size / 2 else (90.0, 1)

    def instance_maps(self, embedding: Any, *, diameter: float | None = None, **how: Any) -> Any:
        self.asked.append(diameter)
        return super().instance_maps(embedding, diameter=diameter, **how)


@pytest.mark.parametrize("together", [ns.segment_volume, ns.track_cells])
def test_all_planes_are_searched_for_the_size_that_most_objects_have(together: Any) -> None:
    model = Measuring()
    together(BALLS, model)
    assert model.asked == [10.0] * len(BALLS)
    assert model.measured == len(BALLS)


def test_of_many_planes_some_tell_the_size() -> None:
    model = Measuring()
    ns.segment_volume(np.tile(BALLS, (6, 1, 1)), model)
    assert set(model.asked) == {10.0}
    assert model.measured == 32


class Grainy(Measuring):
    """Takes the grain of slices without objects for very many small ones."""

    def object_size(self, pixels: Any, **_: Any) -> tuple[float, int]:
        return (20.0, 8) if pixels.max() > 100 else (4.0, 80)


def test_grain_on_few_slices_does_not_decide_for_all() -> None:
    stack = np.concatenate([BALLS[3:6]] * 6 + [BALLS[:1], BALLS[-1:]])
    stack[-2:] = np.random.default_rng(0).integers(0, 60, stack[-2:].shape)
    blocks = list(Image.of(stack).blocks())
    assert agreed_through(blocks, CellOptions(), Grainy(), None).diameter == 20


def test_a_size_that_was_chosen_is_not_measured() -> None:
    model = Measuring()
    ns.segment_volume(BALLS, model, diameter=12)
    assert (set(model.asked), model.measured) == ({12}, 0)


def test_planes_that_are_not_joined_have_sizes_of_their_own() -> None:
    model = Measuring()
    ns.segment_cells(BALLS, model)
    assert (set(model.asked), model.measured) == ({None}, 0)


def test_a_slice_is_read_once_for_its_contrast_and_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[Any] = []
    as_before = Block.read

    def noted(self: Block) -> Any:
        read.append(self.plane.index[0])
        return as_before(self)

    monkeypatch.setattr(Block, "read", noted)
    blocks = list(Image.of(BALLS).blocks())
    assert agreed_through(blocks, CellOptions(), Measuring(), None).diameter == 10
    assert sorted(read) == list(range(len(BALLS)))


class Undecided(Measuring):
    """Planes tell two sizes; at the smaller one it sees other grain on every plane."""

    zooms = True

    def object_size(self, pixels: Any, **_: Any) -> tuple[float, int]:
        self.measured += 1
        return (6.0, 9) if self.measured % 3 else (12.0, 9)

    def instance_maps(self, embedding: Any, *, diameter: float | None = None, **how: Any) -> Any:
        if diameter is not None and diameter < 9:
            rng = np.random.default_rng(len(self.asked))
            grain = ndi.gaussian_filter(rng.normal(size=embedding.shape), 2) > 0.15
            embedding = replace(embedding, features=grain)
        return super().instance_maps(embedding, diameter=diameter, **how)


RODS = np.repeat(blobs((60, 80), ((20, 20), (40, 60)), 6)[None], 10, axis=0)


def test_where_planes_do_not_agree_objects_that_are_seen_again_decide() -> None:
    blocks = list(Image.of(RODS).blocks())
    assert agreed_through(blocks, CellOptions(), Undecided(), None).diameter > 9


def test_the_usual_size_stays_where_no_other_is_clearly_better() -> None:
    class Blind(Undecided):
        instance_maps = Measuring.instance_maps  # sees the same at every size

    blocks = list(Image.of(RODS).blocks())
    assert agreed_through(blocks, CellOptions(), Blind(), None).diameter == 6


def test_models_that_see_the_same_at_every_size_are_not_asked_for_others() -> None:
    class Fixed(Undecided):
        zooms = False

    model = Fixed()
    assert agreed_through(list(Image.of(RODS).blocks()), CellOptions(), model, None).diameter == 6
    assert model.asked == []
