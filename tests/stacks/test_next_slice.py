"""The network that outlines a followed object on the next slice."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given as drawn_from
from hypothesis import settings
from hypothesis import strategies as st
from scipy import ndimage as ndi

from napari_sam.regions import mask_iou
from napari_sam.stacks.depth import depth_of
from napari_sam.stacks.flow import carry_mask
from napari_sam.stacks.logits import OUTSIDE
from napari_sam.stacks.next_slice import (
    SIDE,
    Outline,
    Square,
    Views,
    cut,
    drawn_at,
    outline_next,
    put_back,
)
from napari_sam.stacks.next_slice_network import FACTS, MAPS, NextSliceNetwork

SHAPE = (90, 100)


def disc(row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    return np.hypot(rows - row, columns - column) < radius


def shown(mask: np.ndarray, seed: int, inside: float = 0.8, around: float = 0.2) -> np.ndarray:
    picture = ndi.gaussian_filter(np.where(mask, inside, around), 1.0)
    noise = np.random.default_rng(seed).normal(0, 0.03, SHAPE)
    return (picture + noise).astype(np.float32)


def outlined(known: np.ndarray, before: np.ndarray, here: np.ndarray) -> Outline:
    """What is said of an object, shown on a slice, on the next one."""
    moved = carry_mask(known, before, here)
    expected = moved.cover > 0.5
    views = Views(here, (before, here), known, moved, depth_of(expected))
    return outline_next(drawn_at(4, known, before), 5, views, expected)


@pytest.mark.parametrize(
    ("radius", "inside", "around"),
    [
        (8, 0.8, 0.2),
        (8, 0.5, 0.35),
        (13, 0.8, 0.2),
        (13, 0.2, 0.8),
        (20, 0.5, 0.35),
        (20, 0.2, 0.8),
    ],
)
def test_an_object_is_outlined_as_large_as_it_has_become(radius, inside, around) -> None:
    one, other = disc(42, 48, radius), disc(43, 50, 0.85 * radius)
    pictures = [shown(mask, seed, inside, around) for seed, mask in enumerate((one, other))]
    found = outlined(one, *pictures).logits > 0
    assert mask_iou(found, other) > 0.75
    assert mask_iou(found, other) > mask_iou(one, other)


def test_the_next_slice_is_outlined_as_wide_as_the_first_was_drawn() -> None:
    true, later = disc(42, 48, 13), disc(42, 48, 12)
    pictures = shown(true, 0), shown(later, 1)
    areas = [
        np.count_nonzero(outlined(drawn, *pictures).logits > 0)
        for drawn in (ndi.binary_erosion(true, iterations=2), true, ndi.binary_dilation(true))
    ]
    assert areas[0] < areas[1] < areas[2]


@pytest.mark.parametrize(("inside", "around"), [(0.8, 0.2), (0.5, 0.3), (0.2, 0.8)])
def test_an_object_is_told_from_nothing(inside, around) -> None:
    here, nobody = disc(42, 48, 13), np.zeros(SHAPE, bool)
    first = shown(here, 0, inside, around)
    goes_on = outlined(here, first, shown(disc(43, 48, 12), 1, inside, around))
    ended = outlined(here, first, shown(nobody, 1, inside, around))
    assert goes_on.there > 0 > ended.there


def test_how_an_object_was_drawn() -> None:
    true = disc(42, 48, 12)
    bright, dark = (drawn_at(3, true, shown(true, 0, *ends)) for ends in ((0.8, 0.2), (0.2, 0.8)))
    assert bright.index == 3
    assert bright.area == np.count_nonzero(true)
    assert bright.contrast == pytest.approx(0.6, abs=0.05)
    assert dark.contrast == pytest.approx(-0.6, abs=0.05)
    wide = drawn_at(3, ndi.binary_dilation(true, iterations=2), shown(true, 0))
    assert wide.level < bright.level
    flat = np.full(SHAPE, 0.5, np.float32)
    assert all(np.isfinite([drawn_at(0, true, flat).level, drawn_at(0, true, flat).clear]))
    assert drawn_at(0, np.ones(SHAPE, bool), flat).area == flat.size


@settings(max_examples=40, deadline=None)
@drawn_from(
    row=st.floats(-5, 90), column=st.floats(-5, 100), radius=st.floats(3, 60), seed=st.integers(0)
)
def test_a_square_is_put_back_where_it_was_cut(row, column, radius, seed) -> None:
    """What is smooth at the size of the network's pixels comes back; nothing is told beyond."""
    mask = disc(row, column, radius)
    if not mask.any():
        return
    square = Square.around(mask)
    rough = np.random.default_rng(seed % 2**32).normal(0, 1, SHAPE)
    smooth = ndi.gaussian_filter(rough, max(2.0, 2 * square.side / SIDE)).astype(np.float32)
    smooth /= np.abs(smooth).max()
    piece = cut(torch.from_numpy(smooth)[None], square)[0]
    assert piece.shape == (SIDE, SIDE)
    back = put_back(piece, square, SHAPE)
    rows, columns = np.indices(SHAPE) + 0.5
    inside = (np.abs(rows - square.row - square.side / 2) <= square.side / 2) & (
        np.abs(columns - square.column - square.side / 2) <= square.side / 2
    )
    assert (back[~inside] == OUTSIDE).all()
    assert inside[mask].all()
    assert np.abs(back - smooth)[inside].max() < 0.25


def test_folded_norms_change_nothing() -> None:
    torch.manual_seed(0)
    network = NextSliceNetwork()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    maps, facts = torch.rand(2, MAPS, 32, 32), torch.rand(2, FACTS)
    network.eval()
    with torch.inference_mode():
        before = network(maps, facts)
        network.fold_norms()
        after = network(maps, facts)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    for one, other in zip(before, after, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
