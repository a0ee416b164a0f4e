"""Prompts and pictures to compare SAMs with their references by."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from napari_sam import Prompt


def picture(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Noise of several scales, in colour."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (shape[0] // 8 + 1, shape[1] // 8 + 1, 3), dtype=np.uint8)
    fine = rng.integers(0, 40, (*shape, 3), dtype=np.uint8)
    return (coarse.repeat(8, 0).repeat(8, 1)[: shape[0], : shape[1]] // 2 + fine).astype(np.uint8)


@st.composite
def prompts(draw):
    """A prompt, as ours and as the reference's arguments, for a plane of 90 x 140."""
    count = draw(st.integers(0, 3))
    points = [(draw(st.floats(0, 89)), draw(st.floats(0, 139))) for _ in range(count)]
    labels = [draw(st.integers(0, 1)) for _ in range(count)]
    box = draw(
        st.none()
        | st.tuples(st.floats(0, 40), st.floats(0, 60), st.floats(41, 89), st.floats(61, 139))
    )
    low = draw(st.none() | st.integers(0, 9))
    logits = None
    if low is not None:
        logits = np.random.default_rng(low).normal(size=(32, 32)).astype(np.float32) * 4
    if box is None and logits is None:
        points.append((12.0, 30.5))
        labels.append(1)
    arguments = {}
    if points:
        arguments["point_coords"] = np.array(points)[:, ::-1].copy()
        arguments["point_labels"] = np.array(labels)
    if box is not None:
        arguments["box"] = np.array([box[1], box[0], box[3], box[2]])
    if logits is not None:
        arguments["mask_input"] = logits[None]
    ours = Prompt(points=points, labels=labels, boxes=[box] if box else (), logits=logits)
    return ours, arguments
