"""Everything-mode with `cells`: which thresholds suit its scores.

    python benchmarks/everything_defaults.py --data DATA [--per-family 2]

Prints a table: mean AP@.5 on validation images (see ``docs/training.md``) at the usual values of
everything-mode, which are made for a SAM, and at others, with the model asked where it sees
objects; beside it the same images by `segment_cells`. The model is asked once per image, all
thresholds choose from what it answered.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace

import numpy as np

import napari_sam as ns
from napari_sam.methods.everything import propose_plane
from napari_sam.methods.painting import paint
from napari_sam.methods.proposals import Proposals
from napari_sam.methods.settings import Settings
from napari_sam.training.evaluation import validation_images
from napari_sam.training.metrics import average_precision

SIDE = 512  # pixels that are looked at of larger images
SCORES = (0.4, 0.5, 0.6, 0.7, 0.88)
STABILITIES = (0.3, 0.5, 0.6, 0.7, 0.95)
REPEATS = (0.3, 0.5, 0.7)


def precision(proposals: Proposals, pixels: np.ndarray, truth: np.ndarray, how: Settings) -> float:
    """Return AP@.5 of what thresholds choose."""
    found = paint(proposals.choose(how), proposals.shape, pixels, "cells")
    return float(average_precision(truth, found.labels)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a folder of pairs")
    parser.add_argument("--per-family", type=int, default=2)
    wanted = parser.parse_args()
    model = ns.load_model("cells")
    asked = Settings(ask_at="objects", pred_iou_thresh=0, stability_score_thresh=0)
    scores: dict[tuple[float, ...], list[float]] = {}
    by_cells = []
    for _, _, pixels, truth in validation_images(
        wanted.data, per_family=wanted.per_family, per_kind=0
    ):
        pixels, truth = pixels[:SIDE, :SIDE], truth[:SIDE, :SIDE]
        proposals = propose_plane(pixels, model, asked)
        by_cells.append(average_precision(truth, ns.segment_cells(pixels, model).labels)[0])
        for values in itertools.product(SCORES, STABILITIES, REPEATS):
            score, stability, repeats = values
            how = replace(
                asked,
                pred_iou_thresh=score,
                stability_score_thresh=stability,
                box_nms_thresh=repeats,
            )
            scores.setdefault(values, []).append(precision(proposals, pixels, truth, how))
    print(f"{len(by_cells)} images; segment_cells: AP@.5 {np.mean(by_cells):.3f}\n")
    print("| pred_iou_thresh | stability_score_thresh | box_nms_thresh | AP@.5 |")
    print("|---|---|---|---|")
    best = sorted(scores, key=lambda values: -np.mean(scores[values]))
    usual = (0.88, 0.95, 0.7)
    for values in [usual, *[one for one in best if one != usual][:12]]:
        print(f"| {' | '.join(map(str, values))} | {np.mean(scores[values]):.3f} |")


if __name__ == "__main__":
    main()
