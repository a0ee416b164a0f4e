"""An object from one slice to the next.

The picture's own motion carries the mask over, and the model is asked about the object expected
there. Through slices, a network outlines it from both pictures, too, and is heard beside the model.
What they say is weighed against what was expected, so that a faint border does not lead into the
neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.models.model import Model
from napari_sam.prompts import BACKGROUND, FOREGROUND, Prompt
from napari_sam.regions import Mask, Region, deepest, edges, extent, mask_iou
from napari_sam.segmentation import Candidates
from napari_sam.stacks.crops import Others, Slices, Window
from napari_sam.stacks.depth import MOST_DEPTH, depth_of
from napari_sam.stacks.flow import carry_mask
from napari_sam.stacks.light import Light, light_of
from napari_sam.stacks.logits import spread
from napari_sam.stacks.next_slice import Drawn, Views, drawn_at, outline_next

Map = npt.NDArray[np.float32]

SHAPE_WEIGHT = 2.0  # logits that the expected shape adds per pixel of depth
SHAPE_WEIGHT_LEARNT = 0.5  # the same where the model knows the object on the frame before
NO_FIT = 0.1  # fit of the answer to box and point up to which a click alone is not heard
#: What an answer without the box has to be more certain by, of a model that knows the object on the
#: frame before: where neighbours push each other about, it lies partly beyond the box expected.
BOX_TRUSTED = 0.03
OUTLINED = 0.85  # share of what the outlining network says, beside the model's answer
SUREST = 12.0  # logits of an answer that count beside it at most
MOST_NEIGHBOURS = 4  # that the model is told not to mean
NOBODY = Region(np.zeros((0, 0), dtype=bool))


@dataclass(frozen=True, eq=False)
class Step:
    """The object on one slice.

    Parameters
    ----------
    index : int
        The slice.
    region : Region
        Empty where the object is not.
    score : float
        Predicted IoU; of a slice that a person painted 1, of one without the object NaN.
    """

    index: int
    region: Region
    score: float


def nobody(index: int) -> Step:
    """Return a slice without the object."""
    return Step(index, NOBODY, float("nan"))


@dataclass(frozen=True, eq=False)
class SeenOnSlice:
    """What one slice shows of the object that was expected there.

    Parameters
    ----------
    region : Region
    score : float
        Predicted IoU of the model's answer.
    alone : float
        How well a click alone finds what was expected: IoU times predicted IoU, 0 to 1.
    light, before : Light
        How bright the object is on this slice, and on the one before.
    alike : float
        Correlation of its looks on the slice before, moved with the picture, and of what is there.
    covered : float
        Share of its pixels that it had on the slice before, too.
    there : float
        Log-odds that it is there, as the outlining network says; 0 where that was not asked.
    lost : bool
        Whether the slice was lost and says nothing: only the region is told, by its neighbours.
    """

    region: Region
    score: float
    alone: float
    light: Light
    before: Light
    alike: float
    covered: float
    there: float = 0.0
    lost: bool = False


@dataclass(frozen=True, eq=False)
class WindowAnswer:
    """What a model says of an object that is expected in a window.

    Parameters
    ----------
    logits : (h, w) float32
        On the pixels of the window.
    score : float
        Predicted IoU.
    alone : float
        See `SeenOnSlice`.
    """

    logits: Map
    score: float
    alone: float


def follow(
    slices: Slices,
    model: Model,
    before: int,
    region: Region,
    index: int,
    others: Others | None = None,
    start: Drawn | None = None,
    over_time: bool = False,
) -> SeenOnSlice | None:
    """Find on a slice what is known on the slice before.

    Parameters
    ----------
    slices : Slices
    model : Model
    before : int
        A slice where the object is known.
    region : Region
        The object there, not empty.
    index : int
        The slice to look at.
    others : Others, optional
        Objects whose pixels are not taken.
    start : Drawn, optional
        How it was drawn where it was shown: for slices, which a network outlines it on, too.
    over_time : bool
        Whether these are frames of a movie.

    Returns
    -------
    SeenOnSlice or None
        None where nothing is left of it.
    """
    window = Window.around(region, slices.plane)
    pixels = slices.clear(index, window)
    pictures = [slices.picture(at, window) for at in (before, index)]
    taken = None if others is None else others.read(index, window)
    known = window.mask(region)
    moved = carry_mask(known, pictures[0], pictures[1])
    expected = moved.cover > 0.5
    if taken is not None:
        expected &= taken == 0
    if not expected.any():
        return None
    embedding = model.encode_window(pixels, limits=slices.limits)
    told = known if over_time and model.follows is not None else None
    answer = ask(model, embedding, expected, beside(taken, expected), told, start is not None)
    weight = SHAPE_WEIGHT if told is None else SHAPE_WEIGHT_LEARNT
    depth = depth_of(expected)
    weighed = answer.logits + weight * depth
    cleared = slices.brightness(pixels)
    there = 0.0
    if start is not None:
        views = Views(cleared, (pictures[0], pictures[1]), known, moved, depth)
        outline, there = outline_next(start, index, views, expected)
        weighed = OUTLINED * outline + (1 - OUTLINED) * weighed.clip(-SUREST, SUREST)
    if taken is not None:
        weighed[taken != 0] = -MOST_DEPTH
    mask = main_part(weighed > 0, expected)
    if not mask.any():
        return None
    earlier = slices.brightness(slices.clear(before, window, shows=True))
    lights = light_of(mask, cleared), light_of(known, earlier)
    covered = float(known[mask].mean())
    return SeenOnSlice(
        window.region(mask), answer.score, answer.alone, *lights, moved.alike, covered, there
    )


def looks_of(slices: Slices, step: Step) -> Drawn:
    """Look at how an object was drawn where it was shown."""
    window = Window.around(step.region, slices.plane)
    return drawn_at(step.index, window.mask(step.region), slices.picture(step.index, window))


def drawn(slices: Slices, step: Step, expected: SeenOnSlice | None) -> SeenOnSlice:
    """Look at a slice where a person showed an object.

    Parameters
    ----------
    slices : Slices
    step : Step
        What was shown.
    expected : SeenOnSlice or None
        What was seen there of the object as it was known on the slice before. It tells how well a
        click finds it, and how much it looks as before: without that, what lies beyond would be
        compared with itself alone, and a neighbour be as good as the object.

    Returns
    -------
    SeenOnSlice
    """
    window = Window.around(step.region, slices.plane)
    light = light_of(
        window.mask(step.region), slices.brightness(slices.clear(step.index, window, shows=True))
    )
    if expected is None:
        return SeenOnSlice(step.region, step.score, 0.0, light, light, 0.0, 1.0)
    return replace(expected, region=step.region, score=step.score, light=light)


def ask(
    model: Model,
    embedding: Any,
    expected: Mask,
    not_this: Sequence[tuple[int, int]] = (),
    before: Mask | None = None,
    outlined: bool = False,
) -> WindowAnswer:
    """Ask a model about the object that is expected in a window.

    Any promptable model understands a box and a point. Its answers to both and to the point alone
    are averaged. One that has learnt to take the mask of a neighbouring frame as prompt is given
    that beside box and point, as it was there, and believed: it tells the object from others that
    lie where it is expected. Where it is more certain without the box, it is believed without it.
    Where a network of its own outlines the object, too, and no other lies at it, such a model is
    asked for the point alone, which was found to be as good.

    Parameters
    ----------
    not_this : sequence of (row, column)
        Pixels of other objects.
    before : (h, w) bool, optional
        The object on the frame before, for a model that has learnt to take it.
    outlined : bool
        Whether `napari_sam.stacks.next_slice` outlines it, too.

    Returns
    -------
    WindowAnswer
    """
    labels = [FOREGROUND] + [BACKGROUND] * len(not_this)
    middle = deepest(expected)
    prompt = Prompt([middle, *not_this], labels, boxes=[edges(expected)])
    learnt = None if before is None else model.follows
    if before is None or learnt is None:
        click = Prompt([middle], window=model.window_for(embedding, prompt))
        if outlined and not not_this and model.follows is not None:
            found = clicked = model.predict(embedding, click)
        else:
            found, clicked = model.predict_each(embedding, [prompt, click])
    else:
        found = learnt.follow(embedding, before, prompt).candidates
        free = Prompt([middle, *not_this], labels, window=found.window)
        unbound = learnt.follow(embedding, before, free).candidates
        clicked = model.predict(embedding, Prompt([middle], window=found.window))
        if _certain(unbound, expected) > _certain(found, expected) + BOX_TRUSTED:
            found = unbound
    fits, alone = _fits(found, expected), _fits(clicked, expected)
    logits = _best(found, fits, expected)
    both = found is not clicked and learnt is None
    if both and max(fits) > NO_FIT:  # a click is not bound by a box that does not fit
        logits = np.float32(0.5) * (logits + _best(clicked, alone, expected))
    return WindowAnswer(logits, float(found.scores[int(np.argmax(fits))]), max(alone))


def _certain(found: Candidates, expected: Mask) -> float:
    """Return the predicted IoU of the candidate that fits best."""
    return float(found.scores[int(np.argmax(_fits(found, expected)))])


def _best(found: Candidates, fits: list[float], expected: Mask) -> Map:
    """Return the logits of the candidate that fits best, on the pixels of the window."""
    shape = (expected.shape[0], expected.shape[1])
    return spread(found.logits[int(np.argmax(fits))], found.window, shape)


def _fits(found: Candidates, expected: Mask) -> list[float]:
    """Return how well each candidate is what was expected, in its own view and in fact."""
    return [
        mask_iou(mask, expected) * float(score)
        for mask, score in zip(found.masks, found.scores, strict=True)
    ]


def beside(taken: npt.NDArray[Any] | None, expected: Mask) -> list[tuple[int, int]]:
    """Return the middles of the objects that lie in or at the box of the one expected.

    Parameters
    ----------
    taken : (h, w) integer array or None
        Numbers of other objects, 0 where none is.
    expected : (h, w) bool

    Returns
    -------
    list of (row, column)
        At most `MOST_NEIGHBOURS`, of those that have most pixels there.
    """
    if taken is None:
        return []
    box = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in extent(expected))
    near = taken[box]
    ids, counts = np.unique(near[near != 0], return_counts=True)
    most_seen = ids[np.argsort(-counts, kind="stable")][:MOST_NEIGHBOURS]
    return [deepest(taken == number) for number in most_seen]


def main_part(mask: Mask, expected: Mask) -> Mask:
    """Keep the part that covers most of what was expected."""
    parts, count = ndi.label(mask)
    if count <= 1:
        return mask
    covered = np.bincount(parts[expected], minlength=count + 1)
    covered[0] = 0
    if not covered.any():
        covered = np.bincount(parts.ravel(), minlength=count + 1)
        covered[0] = 0
    return np.asarray(parts == covered.argmax(), bool)
