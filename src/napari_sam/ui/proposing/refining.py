"""What one answer of the model means for the next: refinement, and whether it is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_sam.prompts import Placed, Prompt
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
    if answer.painted:
        return (new.with_mask(Placed(answer.regions(choice)[0], answer.plane.shape)),)
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


def carried(last: Answer, answer: Answer, choices: Sequence[int]) -> tuple[Answer, tuple[int, ...]]:
    """Let objects about which nothing more was said keep what a person has made of them.

    Parameters
    ----------
    last, answer : Answer
        About the same plane, before and after other objects were marked.
    choices : sequence of int
        Which candidate was chosen of each object before.

    Returns
    -------
    Answer, tuple of int
        With outlines that were changed by hand, and the candidates that are chosen now.
    """
    found, chosen, painted = list(answer.found), [0] * len(answer.found), set()
    for at, prompt in enumerate(answer.prompts):
        for before, old in enumerate(last.prompts):
            if prompt is old or _same(prompt, old):
                chosen[at] = choices[before]
                if before in last.painted:
                    found[at] = last.found[before]
                    painted.add(at)
    kept = replace(answer, found=tuple(found), painted=frozenset(painted)) if painted else answer
    return kept, tuple(chosen)


def _same(one: Prompt, other: Prompt) -> bool:
    """Whether two prompts say the same, and neither goes on from an earlier answer."""
    if one.logits is not None or other.logits is not None or one.region is not other.region:
        return False
    mine, its = _parts(one), _parts(other)
    return len(mine) == len(its) and all(map(np.array_equal, mine, its))


def _parts(prompt: Prompt) -> list[Any]:
    said = prompt.points, prompt.labels, prompt.boxes, prompt.stroke_labels
    return [*said, *prompt.strokes]


def same_masks(one: Answer, other: Answer) -> bool:
    """Whether two answers to the same prompts are the same: the pixels were the same as well."""
    alike = one.plane == other.plane and len(one.found) == len(other.found)
    return alike and all(
        a.corner == b.corner and np.array_equal(a.parts, b.parts)
        for a, b in zip(one.found, other.found, strict=True)
    )
