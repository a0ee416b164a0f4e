"""What a few corrected objects teach, and what is lost by it: ``python benchmarks/adapt.py``.

    python benchmarks/adapt.py --data DATA [--objects 5 20] [--seconds 60] [--only SOURCE ...]
                               [--others 3]

DATA is a folder of pairs, see ``docs/training.md``. Of every source one image is what a person
corrected: the objects nearest to one of them, as somebody goes on from cell to cell. The model is
adapted to these, and AP@.5 and the IoU after one click are measured before and after on other
images of the same source (where there is one image alone, on its other half), and on one image of
every other source, which must not get worse; of the new weights, whatever the verdict on the
objects that were held back. All images are of the validation split: the shipped weights
have not seen them. Seconds are processor time, so that a busy machine gives the same figures; two
threads use them up in half the time.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi

import napari_sam as ns
from napari_sam.methods.finding_cells import find_cells
from napari_sam.regions import deepest, mask_iou
from napari_sam.training.metrics import average_precision
from napari_sam.training.pairs import Pair, find_pairs
from napari_sam.training.split import is_validation
from napari_sam.training.teaching import teach

#: One instrument and one kind of sample each, by the beginning of their names.
SOURCES = {
    "fly neuropil, EM": "flyem_medulla",
    "axons, EM": "axonsem",
    "quantitative phase": "deepqpi",
    "phase contrast": "usiigaci",
    "bacteria": "cheetah_bacteria",
    "Volvox": "cheetah_volvox",
    "colonies of stem cells": "cheetah_mes",
    "corneal endothelium": "cornea",
    "tissue, purple and pink": "dsb_purple_he",
    "tissue, other stains": "dsb_brightfield",
    "ovules": "plant",
    "time lapse of nuclei": "laptrack",
}
IMAGES = 3  # of a source: the first is corrected, the others are measured
SIDE = 512  # pixels of their middles that are used
CLICKS = 6  # objects of an image that are clicked

Picture = tuple[np.ndarray, np.ndarray]


class Seen(NamedTuple):
    """Means over images: AP@.5 of finding all, and IoU after a click."""

    precision: float
    click: float


def pictures(pairs: list[Pair], start: str) -> list[Picture]:
    """Return the middles of some images of a source, or both halves of the only one."""
    members = [pair for pair in pairs if pair.name.startswith(start)]
    places = np.unique(np.linspace(0, len(members) - 1, IMAGES).round().astype(int))
    planes = [next(iter(members[place].planes())) for place in places] if members else []
    if len(planes) == 1:
        return halves(*planes[0])
    return [middle(image, labels) for image, labels in planes]


def middle(image: np.ndarray, labels: np.ndarray) -> Picture:
    """Cut the middle out of a plane."""
    rows, columns = (slice(max(0, (side - SIDE) // 2), (side + SIDE) // 2) for side in labels.shape)
    return image[rows, columns], labels[rows, columns]


def halves(image: np.ndarray, labels: np.ndarray) -> list[Picture]:
    """Part a plane between its objects' middles, along the axis in which they lie apart more."""
    places = np.argwhere(labels)
    axis = int(np.ptp(places, axis=0).argmax())
    at = int(np.median(places[:, axis]))
    images, ids = np.split(image, [at], axis), np.split(labels, [at], axis)
    return [middle(*half) for half in zip(images, ids, strict=True)]


def corrected(labels: np.ndarray, count: int) -> np.ndarray:
    """Keep the objects nearest to the one in the middle of all."""
    ids = np.unique(labels[labels > 0])
    middles = np.array(ndi.center_of_mass(labels > 0, labels, ids))
    first = np.linalg.norm(middles - middles.mean(axis=0), axis=1).argmin()
    near = np.linalg.norm(middles - middles[first], axis=1).argsort()[:count]
    return np.where(np.isin(labels, ids[near]), labels, 0)


def look(model: ns.Model, images: list[Picture]) -> Seen:
    """Find all objects of images, and click on some."""
    precisions, clicks = [], []
    for image, labels in images:
        embedding = model.encode(image)
        found = find_cells(image, embedding, model).choose().labels
        precisions.append(average_precision(labels, found)[0])
        ids = np.unique(labels[labels > 0])
        for one in ids[np.linspace(0, len(ids) - 1, min(CLICKS, len(ids))).astype(int)]:
            prompt = ns.Prompt(points=[deepest(labels == one)])
            clicks.append(mask_iou(labels == one, model.predict(embedding, prompt).masks[0]))
    return Seen(float(np.mean(precisions)), float(np.mean(clicks)))


def change(model: ns.Model, images: list[Picture], before: list[Seen]) -> Seen:
    """Return the mean change on single images."""
    after = [look(model, [image]) for image in images]
    return Seen(*(np.array(after) - np.array(before)).mean(axis=0))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--objects", nargs="+", type=int, default=[5, 20])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", nargs="+", metavar="SOURCE", help="beginnings of rows' titles")
    parser.add_argument("--others", type=int, help="look at so many other sources, the last")
    options = parser.parse_args()
    pairs = [pair for pair in find_pairs(options.data) if is_validation(pair)]
    groups = {name: pictures(pairs, start) for name, start in SOURCES.items()}
    groups = {name: images for name, images in groups.items() if len(images) > 1}
    known: dict[str, Seen] = {}
    model = ns.load_model("cells")
    print(
        "| source | objects | AP@.5 | after | 1 click | after "
        "| others' AP@.5 | 1 click | verdict | s |"
    )
    print("|" + "---|" * 10)
    for name, images in groups.items():
        if options.only and not name.startswith(tuple(options.only)):
            continue
        image, labels = images[0]
        before = look(model, images[1:])
        others = [other for other in groups if other != name]
        others = others[-(options.others or len(others)) :]
        for other in others:
            if other not in known:
                known[other] = look(model, [groups[other][1]])
        for count in options.objects:
            taught = teach(
                model,
                [(image, corrected(labels, count))],
                options.seconds,
                anyway=True,
                clock=time.process_time,
            ).model
            after = look(taught, images[1:])
            elsewhere = change(
                taught, [groups[other][1] for other in others], [known[other] for other in others]
            )
            lesson = taught.history[-1]
            print(
                f"| {name} | {lesson.objects} | {before.precision:.2f} | {after.precision:.2f} | "
                f"{before.click:.2f} | {after.click:.2f} | {elsewhere.precision:+.3f} | "
                f"{elsewhere.click:+.3f} | {lesson.verdict} | {lesson.seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
