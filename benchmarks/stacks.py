"""Through slices and time: propagation, volumes and tracks compared with the truth.

    python benchmarks/stacks.py propagate|volumes|track [--data FOLDER] [--full] [--objects 4]

Prints tables in Markdown. Stacks and movies are generated with seeds that nothing was fitted on;
``--data`` adds those of a folder of ``NAME.image.tif`` and ``NAME.labels.tif`` whose names
``stack_samples.py`` lists. ``--full`` takes more of all and longer. ``--only`` takes the stacks
whose names begin so.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import napari_sam as ns
from napari_sam.engine.run import run
from napari_sam.images import Image
from napari_sam.methods.registry import method
from napari_sam.methods.volume import slices_of
from napari_sam.regions import Region
from napari_sam.stacks.crops import Slices
from napari_sam.stacks.volumes import Found, link_slices
from napari_sam.training.evaluation import average_precision
from napari_sam.training.metrics import deepest_point
from napari_sam.training.synthetic import VOLUME_KINDS
from propagation_ways import WAYS, Way, watershed_3d
from stack_samples import MOVIES, REAL, Stack, choose_objects, generated, real

SEEDS = range(1, 3)
FAINT = 0.5  # score below which ways without a rule of their own stop
BEYOND = 8  # slices past the ends at which they stop in any case, to their favour


def iou_3d(found: dict[int, Region], true: np.ndarray) -> float:
    both = either = 0
    for z, plane in enumerate(true):
        mask = found[z].on(plane.shape) if z in found else np.zeros(plane.shape, bool)
        both += np.count_nonzero(mask & plane)
        either += np.count_nonzero(mask | plane)
    return both / either


def carried(
    way: Way,
    model: ns.Model,
    stack: Stack,
    start: tuple[int, Region],
    ends: tuple[int, int],
    told: bool,
) -> dict[int, Region]:
    """Carry an object both ways, to its true ends if they are told, or until it looks faint."""
    largest, first = start
    slices = Slices(stack.image)
    slices.look_at(largest)
    found = {largest: first}
    low, high = ends
    if not told:
        low, high = max(low - BEYOND, 0), min(high + BEYOND, slices.depth - 1)
    for step, stop in ((1, high), (-1, low)):
        region = first
        for index in range(largest + step, stop + step, step):
            seen = way(slices, model, index - step, region, index)
            if seen is None or (not told and seen[1] < FAINT):
                break
            region = found[index] = seen[0]
    return found


def grown(model: ns.Model, stack: Stack, start: tuple[int, Region]) -> dict[int, Region]:
    """Carry an object by ``ns.propagate``, to wherever that ends."""
    mask = start[1].on(stack.labels.shape[1:])
    found = ns.propagate(stack.image, {start[0]: mask}, model)
    return {int(z): Region.of(found.mask[z]) for z in found.slices}


def propagate(stacks: Iterator[Stack], model: ns.Model, count: int, names: list[str]) -> None:
    heads = [*names, "watershed"]
    print("\n3-D IoU stopped at the true ends [never told], from a true mask / from one click:\n")
    print("| stack | objects | " + " | ".join(heads) + " | ends within one slice | ms a slice |")
    print("|---" * (len(heads) + 4) + "|", flush=True)
    for stack in stacks:
        objects = choose_objects(stack.labels, count)
        if not objects:
            continue
        table: dict[str, list[list[float]]] = {name: [] for name in heads}
        exact, spent, steps = [], 0.0, 0
        for number, largest, low, high in objects:
            true = stack.labels == number
            click = ns.Prompt(points=[deepest_point(true[largest])])
            answer = model.predict(model.encode(stack.image[largest]), click).masks[0]
            starts = [(largest, Region.of(mask)) for mask in (true[largest], answer)]
            for name in names:
                row = []
                for start in starts:
                    began = time.perf_counter()
                    told = carried(WAYS[name], model, stack, start, (low, high), True)
                    if name == "ours":
                        spent += time.perf_counter() - began
                        steps += len(told) - 1
                        free = grown(model, stack, start)
                    else:
                        free = carried(WAYS[name], model, stack, start, (low, high), False)
                    row += [iou_3d(told, true), iou_3d(free, true)]
                    if name == "ours" and start is starts[0]:
                        exact += [abs(min(free) - low) <= 1, abs(max(free) - high) <= 1]
                table[name].append(row)
            object_3d = watershed_3d(stack.image, true[largest], largest)
            alone = np.count_nonzero(object_3d & true) / np.count_nonzero(object_3d | true)
            table["watershed"].append([alone] * 4)
        cells = []
        for name in heads:
            a, b, c, d = np.mean(table[name], axis=0)
            cells.append(f"{a:.2f} [{b:.2f}] / {c:.2f} [{d:.2f}]")
        print(
            f"| {stack.name} | {len(objects)} | " + " | ".join(cells) + f" | {np.mean(exact):.2f} "
            f"| {1000 * spent / max(steps, 1):.0f} |",
            flush=True,
        )


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


def volumes(stacks: Iterator[Stack], model: ns.Model) -> None:
    print("\nAP@.5 of 3-D objects; s of finding cells in all slices, and of linking them:\n")
    print("| stack | true | found | ours | chained by IoU | true slices linked | s | linking |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for stack in stacks:
        began = time.perf_counter()
        image = Image.of(stack.image)
        found = run(image, None, method("volume"), model)
        slices = list(slices_of((one.block.plane, one.chosen) for one in found))
        middle = time.perf_counter()
        how = {"spacing": stack.spacing, "least": method("volume").defaults.min_score}
        ours = link_slices(slices, stack.labels.shape, **how).labels
        done = time.perf_counter()
        true = [Found(plane, {}) for plane in stack.labels]
        linked = link_slices(true, stack.labels.shape, spacing=stack.spacing).labels
        scores = [
            average_precision(stack.labels, found)[0]
            for found in (ours, chained(np.stack([one.labels for one in slices])), linked)
        ]
        print(
            f"| {stack.name} | {len(np.unique(stack.labels)) - 1} | {ours.max()} | "
            + " | ".join(f"{score:.2f}" for score in scores)
            + f" | {middle - began:.1f} | {done - middle:.2f} |",
            flush=True,
        )


def track(movies: Iterator[Stack], model: ns.Model) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from track_scores import every, score

    print("\nTracks; the same of true masks and of those that the model finds:\n")
    print("| movie | every | TRA | LNK | division F1 | TRA, own | LNK, own | division F1, own |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for movie in movies:
        for step in (1, 3, 6):
            true = every(movie.labels, movie.parents, step)
            image = movie.image[::step]
            both = [score(true, ns.link_labels(true.labels, image))]
            both.append(score(true, ns.track_cells(image, model)))
            cells = [f"{value:.3f}" for found in both for value in found.values()]
            print(f"| {movie.name} | {step} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=("propagate", "volumes", "track"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--objects", type=int, default=4, help="of each stack")
    parser.add_argument("--ways", default=",".join(WAYS), help="of carrying an object")
    parser.add_argument("--only", default="", help="beginning of the names of stacks")
    options = parser.parse_args()
    torch.set_num_threads(1 if not options.full else 2)
    seeds = range(1, 7) if options.full else SEEDS
    shape = (32, 256, 256) if options.full else (24, 128, 128)
    model = ns.load_model("cells", device="cpu")

    def stacks(kinds: tuple[str, ...], beginnings: tuple[str, ...]) -> Iterator[Stack]:
        found = list(generated(kinds, seeds, shape))
        if options.data is not None:
            found += real(options.data, beginnings)
        yield from (stack for stack in found if stack.name.startswith(options.only))

    if options.table == "propagate":
        kinds = (*VOLUME_KINDS, "timelapse")
        chosen = stacks(kinds, (*REAL, *MOVIES))
        propagate(chosen, model, options.objects, options.ways.split(","))
    elif options.table == "volumes":
        volumes(stacks(VOLUME_KINDS, tuple(REAL)), model)
    else:
        track(stacks(("timelapse",), tuple(MOVIES)), model)


if __name__ == "__main__":
    main()
