"""Tables of how objects are carried through stacks and movies, for ``stacks.py``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

import napari_sam as ns
from napari_sam.pixel_size import step_of
from napari_sam.regions import Region, deepest
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.crops import Slices
from napari_sam.stacks.following import Step
from napari_sam.stacks.haze import reach_of
from napari_sam.stacks.paring import Paring
from propagation_ways import WAYS, Way, ours, watershed_3d
from stack_samples import Stack, choose_objects

FAINT = 0.5  # score below which ways without a rule of their own stop
BEYOND = 8  # slices past the ends at which they stop in any case, to their favour
CORRECTIONS = 3
FRAMES = 20

Regions = dict[int, Region]


def iou_3d(found: Regions, true: np.ndarray) -> float:
    both = either = 0
    for z, plane in enumerate(true):
        mask = found[z].on(plane.shape) if z in found else np.zeros(plane.shape, bool)
        both += np.count_nonzero(mask & plane)
        either += np.count_nonzero(mask | plane)
    return both / either


def carried(
    way: Way, model: ns.Model, stack: Stack, start: tuple[int, Region], ends: tuple[int, int]
) -> tuple[Regions, Regions]:
    """Carry an object both ways: to its true ends, and until it looks faint."""
    largest, first = start
    reach = 0 if stack.over_time else reach_of(step_of(stack.spacing))
    slices = Slices(stack.image, reach=reach)
    slices.look_at(largest)
    told, free = {largest: first}, {largest: first}
    low, high = max(ends[0] - BEYOND, 0), min(ends[1] + BEYOND, slices.depth - 1)
    for step, stop in ((1, high), (-1, low)):
        region, faint = first, False
        for index in range(largest + step, stop + step, step):
            seen = way(slices, model, index - step, region, index)
            if seen is None:
                break
            region = seen[0]
            faint |= seen[1] < FAINT
            inside = ends[0] <= index <= ends[1]
            if inside:
                told[index] = region
            if not faint:
                free[index] = region
            if faint and not inside:
                break
    return told, free


def pared(stack: Stack, start: tuple[int, Region], found: Regions) -> Regions:
    """Take away the rim that light lays around an object, as ``ns.propagate`` does."""
    if stack.over_time:
        return found
    index, region = start
    paring = Paring(Slices(stack.image), {index: Step(index, region, 1.0)})
    beyond = (index, None)
    left = {z: paring.pare(Step(z, one, 1.0), beyond).region for z, one in found.items()}
    return left | {index: region}


def grown(model: ns.Model, stack: Stack, start: tuple[int, Region]) -> Regions:
    """Carry an object by ``ns.propagate``, to wherever that ends."""
    mask = start[1].on(stack.labels.shape[1:])
    how = {"over_time": stack.over_time, "spacing": stack.spacing}
    found = ns.propagate(stack.image, {start[0]: mask}, model, **how)
    return {int(z): Region.of(found.mask[z]) for z in found.slices}


def corrected(
    model: ns.Model, stack: Stack, start: tuple[int, Region], true: np.ndarray
) -> list[float]:
    """Return the 3-D IoU from one slice, and after each of some corrected slices.

    The slice with most wrong pixels is painted as it is; one beyond an end is said to be beyond.
    """
    step = step_of(stack.spacing)
    carry = Carry(stack.image, model, over_time=stack.over_time, step=step)
    carry.show(start[0], start[1])
    there = np.flatnonzero(true.any(axis=(1, 2)))
    found = []
    for _ in range(CORRECTIONS + 1):
        list(carry.run())
        steps = {z: step.region for z, step in carry.steps.items()}
        found.append(iou_3d(steps, true))
        wrong = [
            np.count_nonzero(plane ^ (steps[z].on(plane.shape) if z in steps else False))
            for z, plane in enumerate(true)
        ]
        worst = int(np.argmax(wrong))
        if true[worst].any():
            carry.show(worst, true[worst])
        else:
            first = worst + 1 if worst < there[0] else carry.first
            carry.limit(first, worst - 1 if worst > there[-1] else carry.last)
    return found


def propagate(stacks: Iterator[Stack], model: ns.Model, count: int, names: list[str]) -> None:
    heads = [*names, "watershed"]
    print("\n3-D IoU stopped at the true ends [never told], from a true mask / from one click;")
    print("ends found within one slice and IoU after corrected slices are ours:\n")
    last = ["ends, true mask", "ends, click", "1, 2, 3 corrections"]
    print("| stack | objects | " + " | ".join([*heads, *last]) + " |")
    print("|---" * (len(heads) + 5) + "|", flush=True)
    every = []
    for stack in stacks:
        objects = choose_objects(stack.labels, count)
        if objects:
            rows = [of_object(stack, model, names, *one) for one in objects]
            every.append(np.mean(rows, axis=0))
            print(line(stack.name, len(objects), every[-1], len(heads)), flush=True)
    print(line("mean", len(every), np.mean(every, axis=0), len(heads)), flush=True)


def of_object(
    stack: Stack, model: ns.Model, names: list[str], number: int, largest: int, low: int, high: int
) -> list[float]:
    """Return a row of figures of one object: four of each way, then two of ends and three more."""
    true = stack.labels == number
    click = ns.Prompt(points=[deepest(true[largest])])
    answer = model.predict(model.encode(stack.image[largest]), click).regions[0]
    starts = [(largest, Region.of(true[largest])), (largest, answer)]
    row, ends = [], []
    for name in names:
        for start in starts:
            shown = None if stack.over_time else Step(*start, 1.0)
            way = partial(ours, start=shown) if name == "ours" else WAYS[name]
            told, free = carried(way, model, stack, start, (low, high))
            if name == "ours":
                told, free = pared(stack, start, told), grown(model, stack, start)
                off = [abs(min(free) - low) <= 1, abs(max(free) - high) <= 1]
                ends.append(float(np.mean(off)))
            row += [iou_3d(told, true), iou_3d(free, true)]
    object_3d = watershed_3d(stack.image, true[largest], largest)
    row += [np.count_nonzero(object_3d & true) / np.count_nonzero(object_3d | true)] * 4
    later = corrected(model, stack, starts[1], true)[1:]
    return [*row, *(ends or [np.nan] * 2), *later]


def line(name: str, count: int, row: np.ndarray, ways: int) -> str:
    cells = [
        f"{a:.2f} [{b:.2f}] / {c:.2f} [{d:.2f}]" for a, b, c, d in row[: 4 * ways].reshape(-1, 4)
    ]
    first, click, *later = row[4 * ways :]
    cells += [f"{first:.2f}", f"{click:.2f}", ", ".join(f"{value:.2f}" for value in later)]
    return f"| {name} | {count} | " + " | ".join(cells) + " |"


def movies(stacks: Iterator[Stack], model: ns.Model, count: int) -> None:
    """Print the IoU some frames after a true mask, found by ``ns.propagate`` and copied."""
    print(f"\nIoU on the last of up to {FRAMES} frames after a true mask; 0 where it was lost:\n")
    print("| movie | every | frames | objects | copied | ours | ours, worst |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for stack in stacks:
        for step in (1, 3):
            image, labels = (one[::step][: FRAMES + 1] for one in (stack.image, stack.labels))
            both = np.intersect1d(labels[0], labels[-1])
            both = [number for number in both if number and (labels[0] == number).sum() > 60]
            scores = []
            for number in both[:count]:
                first, last = labels[0] == number, labels[-1] == number
                found = ns.propagate(image, {0: first}, model, over_time=True).mask[-1]
                scores.append([_iou(first, last), _iou(found, last)])
            copied, ours = np.array(scores).T
            print(
                f"| {stack.name} | {step} | {len(image) - 1} | {len(scores)} | {copied.mean():.2f} "
                f"| {ours.mean():.2f} | {ours.min():.2f} |",
                flush=True,
            )


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)
