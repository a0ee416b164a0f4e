"""A table of divisions that are told while cells are followed, for ``stacks.py``."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

import napari_sam as ns
from stack_samples import Stack

FRAMES = 20  # that a cell is followed for at most
BEFORE = 10  # of them before it divides
LATER = 5  # frames after which daughters are looked at
LEAST = 3  # frames on which daughters have to be there: what is told later is not asked for
AREA = 60

Row = list[float]


def divisions(stacks: Iterator[Stack], model: ns.Model, count: int) -> None:
    """Print how many divisions are told, how many of these are right, and what daughters become."""
    print(
        f"\nCells that divide, and up to {count} that do not, followed from a true mask over up to"
    )
    print(f"{FRAMES} frames. A division is right within a frame, with two daughters of IoU > .5:\n")
    print("| movie | every | cells | divide | told | of others | right | precision ", end="")
    print(f"| recall | daughters, IoU after {LATER} | s per cell |")
    print("|---" * 11 + "|", flush=True)
    rows = []
    for stack in stacks:
        for step in (1, 3):
            image, labels = stack.image[::step], stack.labels[::step]
            family = mothers(labels, stack.parents)
            still = [n for n in np.unique(labels[labels > 0]) if n not in stack.parents.values()]
            chosen = [*family, *(n for n in still if large(labels, n))]
            found = [
                of_cell(image, labels, n, family, model) for n in chosen[: len(family) + count]
            ]
            if found:
                rows += found
                print(line(stack.name, str(step), found), flush=True)
    print(line("all", "", rows), flush=True)


def mothers(labels: np.ndarray, parents: dict[int, int]) -> dict[int, list[int]]:
    """Return the cells whose two daughters follow them at once and are there for long enough."""
    found = {}
    for mother in sorted(set(parents.values())):
        daughters = [child for child, parent in parents.items() if parent == mother]
        there = np.flatnonzero((labels == mother).any(axis=(1, 2)))
        if len(daughters) != 2 or not len(there) or not large(labels, mother):
            continue
        born = there[-1] + 1
        after = labels[born : born + LEAST]
        if len(after) == LEAST and all((after == n).any(axis=(1, 2)).all() for n in daughters):
            found[mother] = daughters
    return found


def large(labels: np.ndarray, number: int) -> bool:
    return int((labels == number).sum(axis=(1, 2)).max()) >= AREA


def of_cell(
    image: np.ndarray,
    labels: np.ndarray,
    number: int,
    family: dict[int, list[int]],
    model: ns.Model,
) -> Row:
    """Follow a cell: whether it divides, that was told, it is right; IoU of daughters; seconds."""
    there = np.flatnonzero((labels == number).any(axis=(1, 2)))
    start = max(there[0], there[-1] - BEFORE + 1) if number in family else there[0]
    image, labels = (one[start : start + FRAMES] for one in (image, labels))
    began = time.perf_counter()
    found = ns.propagate(image, {0: labels[0] == number}, model, divisions=True)
    took = time.perf_counter() - began
    right, later = False, np.nan
    if found.divides is not None and number in family:
        born = there[-1] + 1 - start
        seen = max(found.divides, born)
        right = abs(found.divides - born) <= 1
        right &= min(best(found, labels, child, seen) for child in family[number]) > 0.5
        if right and seen + LATER < len(labels):
            left = [n for n in family[number] if (labels[seen + LATER] == n).any()]
            later = float(np.mean([best(found, labels, n, seen + LATER) for n in left] or [np.nan]))
    return [number in family, found.divides is not None, right, later, took]


def best(found: ns.Propagation, labels: np.ndarray, child: int, at: int) -> float:
    """Return the IoU of a true daughter with the one that was found most like her."""
    true = labels[at] == child
    masks = [one.mask[at] for one in found.daughters.values()]
    return max(np.count_nonzero(m & true) / np.count_nonzero(m | true) for m in masks)


def line(name: str, step: str, rows: list[Row]) -> str:
    table = np.array(rows, float)
    divide, told, right = table[:, :3].sum(axis=0)
    later = table[:, 3][~np.isnan(table[:, 3])]
    others = table[table[:, 0] == 0, 1].sum()
    share = [f"{right / total:.2f}" if total else "-" for total in (told, divide)]
    iou = f"{later.mean():.2f}" if len(later) else "-"
    counts = [f"{value:.0f}" for value in (len(rows), divide, told, others, right)]
    return f"| {' | '.join([name, step, *counts, *share, iou, f'{table[:, 4].mean():.1f}'])} |"
