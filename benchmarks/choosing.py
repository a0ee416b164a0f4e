"""Whether the automatic mode's defaults are the best, and whether its scores mean what they say.

    python benchmarks/choosing.py --data DATA [--model cells] [--all] [--per-family 10]

Every option is moved both ways from its default, on maps that are read once; the first table is
AP@.5 by family, and its mean and that of AP .5:.95.  The second tells, for objects of every score,
how many lie on a true one (IoU of .5 and more).  ``--all`` measures on all images of DATA instead
of the validation split: for weights that have seen none of them, such as those that
``benchmarks/leave_one_out.py`` leaves in ``OUT/generated``.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

import napari_sam as ns
from napari_sam.methods.found_cells import FoundCells
from napari_sam.methods.options import CellOptions
from napari_sam.training.evaluation import validation_images
from napari_sam.training.metrics import average_precision, iou_matrix

DEFAULTS = CellOptions()
MOVES: dict[str, tuple[float, ...]] = {
    "sensitivity": (-0.1, 0.1),
    "splitting": (-0.1, 0.1),
    "smoothing": (-0.5, 0.5),
    "min_score": (-0.2, -0.1, 0.1, 0.2),
}


def variants() -> dict[str, CellOptions]:
    """The defaults, and every option moved by itself."""
    found = {"defaults": DEFAULTS}
    for name, moves in MOVES.items():
        for move in moves:
            value = round(getattr(DEFAULTS, name) + move, 3)
            found[f"{name} {value:g}"] = CellOptions(**(asdict(DEFAULTS) | {name: value}))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="cells")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--per-family", type=int, default=10)
    parser.add_argument("--generated", type=int, default=2, help="images of each kind; 0 for none")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = ns.load_model(options.model)
    precisions: dict[str, dict[str, list[tuple[float, float]]]] = {}
    scored: list[np.ndarray] = []
    for family, _, image, truth in validation_images(
        options.data,
        per_family=options.per_family,
        per_kind=options.generated,
        everything=options.all,
    ):
        live = FoundCells(model.instance_maps(model.encode(image)), image, source=model.name)
        for name, chosen in variants().items():
            found = average_precision(truth, live.labels(chosen)[0])
            by_family = precisions.setdefault(name, {})
            by_family.setdefault(family, []).append((found[0], found.mean()))
        labels, scores = live.labels(CellOptions(min_score=0))
        scored.append(np.stack([scores, iou_matrix(truth, labels).max(0, initial=0)]))
    families = list(precisions["defaults"])
    print("| AP@.5 | " + " | ".join(families) + " | mean | mean AP .5:.95 |")
    print("|---" * (len(families) + 3) + "|")
    for name, by_family in precisions.items():
        rows = np.array([np.mean(by_family[family], axis=0) for family in families])
        values = [*rows[:, 0], *rows.mean(0)]
        print(f"| {name} | " + " | ".join(f"{v:.3f}".removeprefix("0") for v in values) + " |")
    values, overlaps = np.concatenate(scored, axis=1)
    print("\n| score | objects | share that is right | mean IoU |\n|---|---|---|---|")
    for low in np.arange(10) / 10:
        here = (values >= low) & (values < low + 0.1 + (low == 0.9))
        if here.any():
            right, mean = (overlaps[here] >= 0.5).mean(), overlaps[here].mean()
            print(f"| {low:.1f} to {low + 0.1:.1f} | {here.sum()} | {right:.2f} | {mean:.2f} |")


if __name__ == "__main__":
    main()
