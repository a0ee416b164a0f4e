"""What a few corrected objects teach, and what is lost by it: ``python benchmarks/adapt.py``.

    python benchmarks/adapt.py --data DATA [--objects 5 20] [--seconds 60] [--only GROUP ...]

DATA is a folder of pairs, see ``docs/training.md``. Of every group of sources one image is what
a person corrected: the objects nearest to one of them, as somebody goes on from cell to cell. The
model is adapted to these, and AP@.5 is measured before and after on other images of the group,
and on two images of every other group, which must not get worse; of the new weights, whether the
verdict on the objects that were held back is to keep them or not. Seconds are processor time, so
that a busy machine gives the same figures; two threads use them up in half the time.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

import napari_sam as ns
from leave_one_out import SOURCES, chosen
from napari_sam.training.evaluation import Image
from napari_sam.training.metrics import average_precision
from napari_sam.training.pairs import find_pairs
from napari_sam.training.teaching import teach

IMAGES = 4  # of a group: the first is corrected, the others are measured


def corrected(labels: np.ndarray, count: int) -> np.ndarray:
    """Keep the objects nearest to the one in the middle of all."""
    ids = np.unique(labels[labels > 0])
    middles = np.array(ndi.center_of_mass(labels > 0, labels, ids))
    first = np.linalg.norm(middles - middles.mean(axis=0), axis=1).argmin()
    near = np.linalg.norm(middles - middles[first], axis=1).argsort()[:count]
    return np.where(np.isin(labels, ids[near]), labels, 0)


def precision(model: ns.Model, images: list[Image]) -> float:
    """Mean AP@.5 of finding all."""
    return float(
        np.mean(
            [
                average_precision(labels, ns.segment_cells(image, model=model).labels)[0]
                for _, _, image, labels in images
            ]
        )
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--objects", nargs="+", type=int, default=[5, 20])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", nargs="+", metavar="GROUP", help="beginnings of their names")
    options = parser.parse_args()
    pairs = find_pairs(options.data)
    groups = {name: chosen(pairs, names, IMAGES) for name, names in SOURCES.items()}
    groups = {name: images for name, images in groups.items() if len(images) > 1}
    model = ns.load_model("cells")
    before = {name: precision(model, images[1:]) for name, images in groups.items()}
    guard = {name: precision(model, images[1:3]) for name, images in groups.items()}
    print(
        "| group | objects | before | after | gain | others | verdict |\n"
        "|---|---|---|---|---|---|---|"
    )
    for name, images in groups.items():
        if options.only and not name.startswith(tuple(options.only)):
            continue
        _, _, image, labels = images[0]
        for count in options.objects:
            taught = teach(
                model,
                [(image, corrected(labels, count))],
                options.seconds,
                anyway=True,
                clock=time.process_time,
            ).model
            after = precision(taught, images[1:])
            others = [
                precision(taught, theirs[1:3]) - guard[other]
                for other, theirs in groups.items()
                if other != name
            ]
            print(
                f"| {name} | {count} | {before[name]:.2f} | {after:.2f} | "
                f"{after - before[name]:+.3f} | {np.mean(others):+.3f} | "
                f"{taught.history[-1].verdict} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
