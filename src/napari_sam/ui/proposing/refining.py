"""What one answer of the model means for the next: refinement, and whether it is the same."""

from __future__ import annotations

import numpy as np

from napari_sam.prompts import Prompt
from napari_sam.ui.state import Answer


def refined(answer: Answer, choice: int, prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    """Let a further click refine the candidate that was chosen for the same object.

    An object's logits reach only prompts that repeat all of its marks and add to them;
    keeping, clearing or changing the model drops the answer and its logits.

    Parameters
    ----------
    answer : Answer
        About the same plane.
    choice : int
        Which of its candidates.
    prompts : tuple of Prompt
    """
    if len(prompts) != 1 or len(answer.prompts) != 1:
        return prompts
    new, old = prompts[0], answer.prompts[0]
    if not _grown(new, old):
        return prompts
    best = answer.found[0]
    kept = min(choice, len(best) - 1)
    logits = best.logits[kept]
    return (
        Prompt(
            *(new.points, new.labels, new.boxes),
            logits=logits,
            window=best.window,
            strokes=new.strokes,
            stroke_labels=new.stroke_labels,
        ),
    )


def _grown(new: Prompt, old: Prompt) -> bool:
    """Whether a prompt says all that another one does, and more points or strokes."""
    points, strokes = len(old.points), len(old.strokes)
    assert new.labels is not None
    assert old.labels is not None
    assert new.stroke_labels is not None
    assert old.stroke_labels is not None
    return (
        0 < points + strokes < len(new.points) + len(new.strokes)
        and np.array_equal(new.points[:points], old.points)
        and np.array_equal(new.labels[:points], old.labels)
        and len(new.strokes) >= strokes
        and all(map(np.array_equal, new.strokes, old.strokes))
        and np.array_equal(new.stroke_labels[:strokes], old.stroke_labels)
        and np.array_equal(new.boxes, old.boxes)
        and new.region is None
    )


def same_masks(one: Answer, other: Answer) -> bool:
    """Whether two answers to the same prompts are the same: the pixels were the same as well."""
    alike = one.plane == other.plane and len(one.found) == len(other.found)
    return alike and all(
        a.corner == b.corner and np.array_equal(a.parts, b.parts)
        for a, b in zip(one.found, other.found, strict=True)
    )
