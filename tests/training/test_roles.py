"""Part, object and clump: what the three candidates of a click are taught to show."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.training.losses import caution_loss, prompt_loss
from napari_sam.training.prompting import PromptBatch
from napari_sam.training.roles import (
    CLUMP,
    PART,
    clump_around,
    lobe_around,
    other_meanings,
)
from napari_sam.training.sampling import Example


def disks(shape, *discs):
    """Labels of disks (row, column, radius); the later ones lie on top."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number, (r, c, radius) in enumerate(discs, 1):
        labels[(rows - r) ** 2 + (cols - c) ** 2 <= radius**2] = number
    return labels


def test_a_clump_is_all_that_touches_and_nothing_else():
    labels = disks((60, 90), (20, 20, 9), (20, 37, 9), (20, 54, 9), (48, 75, 9))
    clump = clump_around(labels, 1)
    np.testing.assert_array_equal(clump, np.isin(labels, (1, 2, 3)))
    assert clump_around(labels, 4) is None


def test_the_clump_of_an_object_in_pieces_is_around_all_of_them():
    labels = disks((60, 90), (15, 15, 6), (40, 50, 8), (40, 64, 8))
    labels[labels == 2] = 1  # one piece alone, the other beside a neighbour
    np.testing.assert_array_equal(clump_around(labels, 1), labels > 0)


def test_a_tissue_is_no_clump():
    labels = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((10, 10), np.int32)).astype(np.int32)
    assert clump_around(labels, 6) is None


def test_a_neck_divides_an_object():
    mask = disks((40, 70), (20, 20, 12), (20, 46, 12))
    mask[17:24, 20:46] = 1  # a bridge
    whole = mask > 0
    left, right = lobe_around(whole, (20, 18)), lobe_around(whole, (20, 48))
    assert left[:, :30].sum() > 0.95 * whole[:, :30].sum()
    assert not left[:, 38:].any()
    np.testing.assert_array_equal(left ^ right, whole)


@given(radius=st.floats(5, 20), stretch=st.floats(1, 2), angle=st.floats(0, np.pi))
@settings(max_examples=30, deadline=None)
def test_an_ellipse_has_no_parts(radius, stretch, angle):
    rows, cols = np.mgrid[-45:46, -45:46]
    along = rows * np.cos(angle) + cols * np.sin(angle)
    across = cols * np.cos(angle) - rows * np.sin(angle)
    mask = (along / stretch) ** 2 + across**2 <= radius**2
    assert lobe_around(mask, (45, 45)) is None


def example_of(labels):
    nothing = np.zeros(labels.shape, np.float32)
    return Example(
        np.zeros((3, 2, 2), np.float32),
        labels,
        nothing,
        nothing,
        np.stack([nothing] * 2),
        nothing,
        0,
    )


def test_only_a_single_click_has_other_meanings():
    labels = disks((48, 48), (20, 15, 8), (20, 30, 8), (40, 40, 5))
    truth = torch.from_numpy(np.stack([labels == 1, labels == 1, labels == 3, labels == 9]))
    points = 2 * torch.tensor([[15.5, 20.5], [15.5, 20.5], [40.5, 40.5], [2.5, 2.5]])
    boxes = torch.full((4, 4), torch.nan)
    boxes[1] = torch.tensor([10.0, 20.0, 50.0, 60.0])
    batch = PromptBatch(
        torch.zeros(4, dtype=torch.long),
        truth.float(),
        points[:, None],
        torch.ones(4, 1, dtype=torch.long),
        boxes,
    )
    meanings, plain = (x.numpy() for x in other_meanings([example_of(labels)], batch))
    np.testing.assert_array_equal(meanings[0, CLUMP], np.isin(labels, (1, 2)))
    assert not meanings[0, PART].any(), "it has no neck"
    assert not plain[0].any()
    np.testing.assert_array_equal(plain[2], labels == 3)  # it stands alone
    assert not meanings[1].any(), "a box says how large the object is"
    assert not meanings[3].any(), "a click on nothing"
    assert not plain[[1, 3]].any()


def test_a_candidate_with_a_meaning_of_its_own_is_measured_by_it():
    truth, meanings = torch.zeros(1, 16, 16), torch.zeros(1, 3, 16, 16, dtype=torch.bool)
    truth[:, 4:8, 4:8] = 1
    meanings[:, CLUMP, 4:8, 4:12] = 1
    logits = (12 * truth - 6)[:, None].repeat(1, 3, 1, 1)
    iou = torch.full((1, 3), 0.9)
    alike = prompt_loss(logits, iou, truth, meanings)
    logits[:, CLUMP] = 12 * meanings[:, CLUMP] - 6
    apart = prompt_loss(logits, iou, truth, meanings)
    assert apart["mask_loss"] < alike["mask_loss"]
    assert apart["mask_loss"] < prompt_loss(logits, iou, truth)["mask_loss"]
    assert apart["own"] == alike["own"] == 1, "the object is still what is chosen"


def test_a_part_dreads_too_much_and_a_clump_too_little():
    truth = torch.zeros(1, 16, 16)
    truth[:, 4:12, 4:12] = 1
    small, large = torch.full((16, 16), -6.0), torch.full((16, 16), -6.0)
    small[5:11, 5:11], large[3:13, 3:13] = 6.0, 6.0

    def loss(part, clump):
        return float(caution_loss(torch.stack([small, part, clump])[None], truth))

    assert loss(small, large) < loss(small, small) < loss(large, small)
    assert loss(small, large) < loss(large, large) < loss(large, small)
    assert caution_loss(torch.randn(2, 3, 8, 8), torch.zeros(2, 8, 8)) == 0
