"""Through slices and time: propagation, volumes and tracks compared with the truth.

    python benchmarks/stacks.py propagate|movies|divisions|volumes|sides|track [--data FOLDER]
        [--objects 4] [--full]

Prints tables in Markdown. Stacks and movies are generated with seeds that nothing was fitted on;
``--data`` adds those of a folder of ``NAME.image.tif`` and ``NAME.labels.tif`` whose names
``stack_samples.py`` lists. ``--full`` takes more of all and longer. ``--only`` takes the stacks
whose names begin so.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from skimage.transform import resize

import napari_sam as ns
from divisions import divisions
from napari_sam.engine.run import run
from napari_sam.images import Image
from napari_sam.methods.registry import method
from napari_sam.methods.volume import slices_of
from napari_sam.stacks.volumes import SliceObjects, link_slices
from napari_sam.training.evaluation import average_precision
from napari_sam.training.synthetic import VOLUME_KINDS
from propagation import movies, propagate
from propagation_ways import WAYS
from stack_samples import MOVIES, REAL, Stack, generated, real

SEEDS = range(1, 3)
TABLES = ("propagate", "movies", "divisions", "volumes", "sides", "track")
STEPS = (1, 3, 6)  # every so many frames of a movie are linked
LONG = 61  # frames of generated movies of which every third is taken


def chained(planes: np.ndarray) -> np.ndarray:
    """Join objects of neighbouring slices whose IoU is a half at least, one after the other."""
    joined = np.zeros_like(planes)
    count = 0
    for z, plane in enumerate(planes):
        for number in np.unique(plane[plane > 0]):
            mask = plane == number
            before = joined[z - 1] if z else np.zeros_like(plane)
            under = np.bincount(before[mask]) if z else np.zeros(1)
            under[0] = 0
            best = int(under.argmax())
            union = np.count_nonzero(mask | (before == best))
            if best and under[best] / union >= 0.5:
                joined[z][mask] = best
            else:
                count += 1
                joined[z][mask] = count
    return joined


def perfectly(planes: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Give every region of a slice to the true object that it shares most with."""
    linked = np.zeros_like(planes)
    for plane, labels, out in zip(planes, true, linked, strict=True):
        both = (plane > 0) & (labels > 0)
        pairs, count = np.unique(np.stack([plane[both], labels[both]]), axis=1, return_counts=True)
        owner = np.zeros(int(plane.max()) + 1, np.int64)
        order = np.argsort(count, kind="stable")
        owner[pairs[0][order]] = pairs[1][order]
        out[:] = owner[plane]
    return np.unique(linked, return_inverse=True)[1].reshape(linked.shape)


def volumes(stacks: Iterator[Stack], model: ns.Model) -> None:
    print("\nAP@.5 of 3-D objects: ours; with rims; the same slices joined by an IoU of a half,")
    print("and as the truth says; true slices joined by ours.\n")
    heads = ("stack", "true", "found", "AP@.5", "with rims", "joined by IoU", "linked perfectly")
    heads = (*heads, "true slices joined", "finding, s", "joining, s")
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads), flush=True)
    for stack in stacks:
        began = time.perf_counter()
        image = Image.of(stack.image, pixel_size=stack.pixel_size)
        found = run(image, None, method("volume"), model)
        slices = list(slices_of((one.block.plane, one.chosen) for one in found))
        middle = time.perf_counter()
        how = {
            "image": stack.image,
            "spacing": stack.spacing,
            "least": method("volume").defaults.min_score,
        }
        ours = link_slices(slices, stack.labels.shape, rims=False, **how).labels
        done = time.perf_counter()
        whole = link_slices(slices, stack.labels.shape, **how).labels
        true = [SliceObjects(plane, {}) for plane in stack.labels]
        linked = link_slices(
            true, stack.labels.shape, image=stack.image, spacing=stack.spacing
        ).labels
        planes = np.stack([one.labels for one in slices]).astype(np.int64)
        scores = [
            average_precision(stack.labels, found)[0]
            for found in (ours, whole, chained(planes), perfectly(planes, stack.labels), linked)
        ]
        print(
            f"| {stack.name} | {len(np.unique(stack.labels)) - 1} | {ours.max()} | "
            + " | ".join(f"{score:.2f}" for score in scores)
            + f" | {middle - began:.1f} | {done - middle:.2f} |",
            flush=True,
        )


def sides(stacks: Iterator[Stack], model: ns.Model) -> None:
    """Would slices along the other axes help? Each alone, and what any of the three finds."""
    print("\nAP@.5 of stacks cut along z, rows and columns; share of objects with IoU of a half:\n")
    print("| stack | z | rows | columns | share by z | by any of them |")
    print("|---|---|---|---|---|---|", flush=True)
    for stack in stacks:
        depth = stack.labels.shape[0]
        tall = round(depth * stack.spacing[0])
        back = np.minimum((np.arange(depth) * tall + tall // 2) // depth, tall - 1)
        stretched = resize(stack.image, (tall, *stack.image.shape[1:]), preserve_range=True)
        found = [ns.segment_volume(stack.image, model, spacing=stack.spacing).labels]
        for axis in (1, 2):
            seen = ns.segment_volume(np.moveaxis(stretched, axis, 0), model).labels
            found.append(np.moveaxis(seen, 0, axis)[back])
        met = [matched(stack.labels, one) for one in found]
        cells = [average_precision(stack.labels, one)[0] for one in found]
        cells += [float(np.mean(met[0])), float(np.mean(np.any(met, axis=0)))]
        print(f"| {stack.name} | " + " | ".join(f"{one:.2f}" for one in cells) + " |", flush=True)


def matched(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Tell of every true object whether a found one has an IoU of more than a half with it."""
    sizes = np.bincount(found.ravel())
    told = []
    for number in np.unique(true[true > 0]):
        inside = np.bincount(found[true == number], minlength=len(sizes))
        area = int(inside.sum())
        told.append(bool((inside / (area + sizes - inside))[1:].max(initial=0) > 0.5))
    return np.array(told)


def track(samples: Iterator[Stack], model: ns.Model) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from track_scores import every, score

    print("\nTracks; the same of true masks and of those that the model finds:\n")
    print("| movie | every | TRA | LNK | division F1 | TRA, own | LNK, own | division F1, own |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    generated_ones: dict[int, list[list[float]]] = {}
    for movie in samples:
        for step in STEPS:
            true = every(movie.labels, movie.parents, step)
            image = movie.image[::step]
            both = [score(true, ns.link_labels(true.labels, image))]
            both.append(score(true, ns.track_cells(image, model)))
            values = [value for found in both for value in found.values()]
            print_row(movie.name, step, values)
            if movie.name.startswith("timelapse"):
                generated_ones.setdefault(step, []).append(values)
    for step, rows in generated_ones.items():
        print_row("mean of timelapses", step, np.nanmean(rows, axis=0))


def print_row(name: str, step: int, values: Iterable[float]) -> None:
    cells = [f"{value:.3f}" for value in values]
    print(f"| {name} | {step} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--objects", type=int, default=4, help="of each stack")
    parser.add_argument("--ways", default=",".join(WAYS), help="of carrying an object")
    parser.add_argument(
        "--only", default="", help="beginnings of the names of stacks, with commas between"
    )
    parser.add_argument("--model", default="cells", help="name or path")
    options = parser.parse_args()
    torch.set_num_threads(1 if not options.full else 2)
    few = options.table not in ("divisions", "track")  # of divisions a movie has two or three
    seeds = SEEDS if few and not options.full else range(1, 7)
    shape = (32, 256, 256) if options.full else (24, 128, 128)
    model = ns.load_model(options.model, device="cpu")

    def stacks(kinds: tuple[str, ...], beginnings: tuple[str, ...]) -> Iterator[Stack]:
        found = list(generated(kinds, seeds, shape))
        if options.data is not None:
            found += real(options.data, beginnings)
        yield from (
            stack for stack in found if stack.name.startswith(tuple(options.only.split(",")))
        )

    if options.table in ("movies", "divisions"):
        shape = (LONG, *shape[1:])
        of_movies = movies if options.table == "movies" else divisions
        of_movies(stacks(("timelapse",), tuple(MOVIES)), model, options.objects)
    elif options.table == "propagate":
        kinds = (*VOLUME_KINDS, "timelapse")
        chosen = stacks(kinds, (*REAL, *MOVIES))
        propagate(chosen, model, options.objects, options.ways.split(","))
    elif options.table in ("volumes", "sides"):
        table = volumes if options.table == "volumes" else sides
        table(stacks(VOLUME_KINDS, tuple(REAL)), model)
    else:
        track(stacks(("timelapse",), tuple(MOVIES)), model)


if __name__ == "__main__":
    main()
