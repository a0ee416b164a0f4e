"""Which of several proposed cells a key is meant for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from napari_sam.prompts import Prompt
from napari_sam.segmentation import Candidates
from napari_sam.ui.proposing.in_hand import in_hand
from napari_sam.ui.state import Answer


def proposed(*boxes: tuple[int, int, int, int]) -> Answer:
    """Cells that fill the middle of the boxes they were marked by."""
    found = []
    for r0, c0, r1, c1 in boxes:
        masks = np.zeros((1, 40, 40), bool)
        masks[0, r0 + 2 : r1 - 2, c0 + 2 : c1 - 2] = True
        logits = np.zeros((1, 8, 8), np.float32)
        found.append(Candidates(masks, np.array([0.9]), logits, (0, 0, 40, 40)))
    prompts = tuple(Prompt(boxes=[box]) for box in boxes)
    nothing = SimpleNamespace()
    return Answer(nothing, nothing, prompts, tuple(found), nothing, nothing)


def test_the_cell_under_the_mouse_is_in_hand() -> None:
    answer = proposed((0, 0, 20, 20), (0, 20, 20, 40))
    assert in_hand(answer, (0, 0), (10.0, 8.0)) == 0
    assert in_hand(answer, (0, 0), (10.0, 30.0)) == 1


def test_of_two_under_the_mouse_the_smaller_one() -> None:
    answer = proposed((0, 0, 40, 40), (10, 10, 24, 24))
    assert in_hand(answer, (0, 0), (16.0, 16.0)) == 1
    assert in_hand(answer, (0, 0), (30.0, 30.0)) == 0


def test_beside_an_outline_its_box_counts_and_beside_all_the_last_mark() -> None:
    answer = proposed((0, 0, 14, 14), (20, 20, 40, 40))
    assert in_hand(answer, (0, 0), (1.0, 1.0)) == 0
    assert in_hand(answer, (0, 0), (17.0, 17.0)) == 1
    assert in_hand(answer, (0, 0)) == 1
