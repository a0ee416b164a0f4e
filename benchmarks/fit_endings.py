"""Fit the model that says whether a slice still shows an object that is carried through a stack.

    python benchmarks/fit_endings.py [--volumes 2] [--objects 5] [--data FOLDER]

Prints the constant ``PRESENCE`` of ``stacks/ending.py``, and how often it is right about the kinds
of stacks that it was fitted on and about others. Objects are carried from their largest slice to
some slices beyond their end; a slice counts as showing the object where the carried mask still has
to do with it. With ``--data``, a folder of ``NAME.image.tif`` and ``NAME.labels.tif``, one real
stack is fitted on too and others are told about.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import napari_sam as ns
from napari_sam.regions import Region, iou
from napari_sam.stacks.crops import Slices
from napari_sam.stacks.ending import Watch
from napari_sam.stacks.following import follow
from napari_sam.stacks.logistic import Logistic, fit
from stack_samples import Stack, choose_objects, generated, real

FIRST_SEED = 60_000  # seeds of the tables are smaller
TAUGHT = ("nuclei_stack", "tissue_stack", "timelapse")
UNSEEN = ("spheroid_stack",)
TAUGHT_REAL = ("flyem_medulla_z000",)
UNSEEN_REAL = ("qcanet", "plantseg")
RIDGE = 5.0
BEYOND = 6  # slices past the end
LOST = 0.25  # IoU below which the carried mask has nothing to do with the object any more


def signs_of(stack: Stack, model: ns.Model, count: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Carry objects beyond their ends; yield signs, and whether the object was still there."""
    for number, largest, low, high in choose_objects(stack.labels, count):
        slices = Slices(stack.image)
        slices.look_at(largest)
        for way, end in ((1, high), (-1, low)):
            region = Region.of(stack.labels[largest] == number)
            watch = Watch(region.area)
            index = largest
            while 0 <= index + way < slices.depth and (index - end) * way < BEYOND:
                seen = follow(slices, model, index, region, index + way)
                if seen is None:
                    break
                index += way
                region = seen.region
                true = stack.labels[index] == number
                there = iou(region.on(slices.plane), true) > LOST and bool(true.any())
                yield watch.signs(seen), there
                if true.any() and not there:
                    break


def collect(stacks: Iterator[Stack], model: ns.Model, count: int) -> tuple[np.ndarray, np.ndarray]:
    found = [pair for stack in stacks for pair in signs_of(stack, model, count)]
    return np.array([signs for signs, _ in found]), np.array([there for _, there in found])


def report(name: str, model: Logistic, signs: np.ndarray, there: np.ndarray) -> None:
    right = (model.log_odds(signs) > 0) == there
    print(
        f"# {name}: {len(there)} slices; told right with the object {right[there].mean():.3f}, "
        f"without {right[~there].mean():.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volumes", type=int, default=2, help="stacks of each kind")
    parser.add_argument("--objects", type=int, default=5, help="objects of each stack")
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = ns.load_model("cells", device="cpu")
    seeds = range(FIRST_SEED, FIRST_SEED + options.volumes)
    stacks = list(generated(TAUGHT, seeds))
    if options.data is not None:
        stacks += real(options.data, TAUGHT_REAL)
    taught = collect(iter(stacks), model, options.objects)
    found = fit(*taught, ridge=RIDGE)
    report("taught kinds", found, *taught)
    rounded = Logistic(tuple(round(w, 2) for w in found.weights), round(found.bias, 2))
    print(f"PRESENCE = {rounded}", flush=True)
    report("unseen kind", found, *collect(generated(UNSEEN, seeds), model, options.objects))
    if options.data is not None:
        for beginning in UNSEEN_REAL:
            unseen = real(options.data, (beginning,))
            report(beginning, found, *collect(unseen, model, options.objects))


if __name__ == "__main__":
    main()
