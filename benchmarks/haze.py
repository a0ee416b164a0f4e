"""3-D objects with more and less of the haze taken away, from nearer and farther slices.

    OMP_NUM_THREADS=1 python benchmarks/haze.py [--data DATA] [--inverted]

Prints AP@.5 of 3-D objects, means of three generated stacks of every kind; with ``--data`` (see
``docs/training.md``) also of real ones, ovules as means of three diameters; with ``--inverted`` of
dark objects on bright ground.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import napari_sam as ns
from napari_sam.stacks import haze
from napari_sam.training.metrics import average_precision
from napari_sam.training.synthetic import VOLUME_KINDS
from stack_samples import Stack, generated, real

SEEDS = (1, 2, 11)
#: Share that is subtracted, and how many widths of a pixel away it is looked for.
WAYS = ((0, 5), (1 / 4, 4), (1 / 3, 4), (1 / 3, 5), (1 / 3, 6), (1 / 3, 8), (0.42, 6))
#: Of real stacks, and the diameters that they are searched with; None for what is found.
DIAMETERS: dict[str, tuple[int | None, ...]] = {"plantseg": (18, 20, 22), "qcanet": (None,)}


def precision(stack: Stack, model: ns.Model, diameter: float | None = None) -> float:
    how = {} if diameter is None else {"diameter": diameter}
    found = ns.segment_volume(stack.image, model, spacing=stack.spacing, **how)
    return average_precision(stack.labels, found.labels)[0]


def inverted(stack: Stack) -> Stack:
    """Return a stack whose objects are dark."""
    image = stack.image.astype(np.float32)
    return replace(stack, image=image.max() - image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--inverted", action="store_true")
    options = parser.parse_args()
    model = ns.load_model("cells", device="cpu")
    columns = {
        kind: [(stack, None) for stack in generated((kind,), SEEDS)] for kind in VOLUME_KINDS
    }
    for beginning, diameters in DIAMETERS.items() if options.data else ():
        for stack in real(options.data, (beginning,)):
            columns[stack.name] = [(stack, diameter) for diameter in diameters]
    if options.inverted:
        columns = {
            name: [(inverted(stack), diameter) for stack, diameter in samples]
            for name, samples in columns.items()
        }
    print("\nAP@.5 of 3-D objects, by how much is subtracted, and of slices how far away:\n")
    print("| share | pixels away | " + " | ".join(columns) + " |")
    print("|" + "---|" * (len(columns) + 2), flush=True)
    for haze.HAZE_SHARE, haze.LIGHT_REACH in WAYS:
        cells = [
            float(np.mean([precision(stack, model, diameter) for stack, diameter in samples]))
            for samples in columns.values()
        ]
        shown = " | ".join(f"{cell:.2f}" for cell in cells)
        print(f"| {haze.HAZE_SHARE:.2f} | {haze.LIGHT_REACH} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
