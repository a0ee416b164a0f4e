"""Ways of carrying an object from one slice to the next, for the table of ``stacks.py``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage as ndi
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.segmentation import watershed

import napari_sam as ns
from napari_sam.contrast import normalise
from napari_sam.regions import Region, deepest, edges, mask_iou
from napari_sam.stacks.crops import Slices, Window
from napari_sam.stacks.flow import carry_mask
from napari_sam.stacks.following import Step, follow, looks_of
from napari_sam.stacks.logits import spread

Way = Callable[[Slices, ns.Model, int, Region, int], tuple[Region, float] | None]
"""From a slice and the object on it to the object on another slice, and its score."""


def copy(slices: Slices, model: ns.Model, before: int, region: Region, index: int):
    return region, 1.0


def flow(slices: Slices, model: ns.Model, before: int, region: Region, index: int):
    window = Window.around(region, slices.plane)
    mask = moved(slices, before, region, index, window)
    return (window.region(mask), 1.0) if mask.any() else None


def moved(slices: Slices, before: int, region: Region, index: int, window: Window) -> np.ndarray:
    pictures = [normalise(slices.read(z, window), slices.limits) for z in (before, index)]
    return carry_mask(window.mask(region), *pictures).cover > 0.5


def prompted(*asked: str, warp: bool = False) -> Way:
    """Ask by the mask's box (b), deepest point (p) and itself (m); average what several say."""

    def way(slices: Slices, model: ns.Model, before: int, region: Region, index: int):
        window = Window.around(region, slices.plane)
        mask = window.mask(region)
        if warp:
            mask = moved(slices, before, region, index, window)
            if not mask.any():
                return None
        embedding = model.encode(slices.read(index, window), limits=slices.limits)
        logits, scores = [], []
        for marks in asked:
            found = model.predict(embedding, prompt_of(mask, marks))
            fits = [mask_iou(m, mask) * s for m, s in zip(found.masks, found.scores, strict=True)]
            best = int(np.argmax(fits))
            logits.append(spread(found.logits[best], found.window, window.shape))
            scores.append(float(found.scores[best]))
        answer = window.region(np.mean(logits, axis=0) > 0)
        return (answer, float(np.mean(scores))) if answer.area else None

    return way


def prompt_of(mask: np.ndarray, marks: str) -> ns.Prompt:
    given = {}
    if "b" in marks:
        given["boxes"] = [edges(mask)]
    if "p" in marks:
        given["points"] = [deepest(mask)]
    if "m" in marks:
        given["mask"] = mask
    if "l" in marks:  # as logits, which SAM models take
        height, width = mask.shape
        given["logits"] = np.where(mask, 6.0, -6.0)
        given["window"] = (-0.5, -0.5, height - 0.5, width - 0.5)
    return ns.Prompt(**given)


def ours(
    slices: Slices,
    model: ns.Model,
    before: int,
    region: Region,
    index: int,
    start: Step | None = None,
):
    """Follow by the rule of ``ns.propagate``; a movie has no `start`, where it was shown."""
    looks = None if start is None else looks_of(slices, start)
    seen = follow(slices, model, before, region, index, None, looks, start is None)
    return None if seen is None else (seen.region, seen.score)


WAYS: dict[str, Way] = {
    "copy": copy,
    "box": prompted("b"),
    "point": prompted("p"),
    "previous mask": prompted("m"),
    "box + points + logits": prompted("bpl"),
    "flow alone": flow,
    "way B": prompted("bm", "pm", warp=True),
    "ours": ours,
}


def watershed_3d(image: np.ndarray, start: np.ndarray, index: int) -> np.ndarray:
    """Return the object (Z, H, W) of a threshold and a 3-D watershed that meets a mask most."""
    smooth = gaussian(image.astype(float), 1)
    inside = smooth > threshold_otsu(smooth)
    depth = ndi.distance_transform_edt(inside)
    peaks = peak_local_max(depth, min_distance=5, labels=inside.astype(int))
    seeds = np.zeros(image.shape, int)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-depth, seeds, mask=inside)
    numbers = labels[index][start]
    numbers = numbers[numbers > 0]
    if not len(numbers):
        return np.zeros(image.shape, bool)
    return labels == np.bincount(numbers).argmax()
