"""Fit the model that says where an object that is carried through a stack ends.

    python benchmarks/fit_endings.py [--data FOLDER] [--objects 8] [--volumes 3] [--cache FOLDER]

Objects are carried from their largest slice to some slices beyond their end, from the true mask
and from one click on it. The end is one of the slices seen; the model, a sum of what the slices up
to it say, is fitted so that the true ones become likely: multinomial regression by Newton's method.
Prints the constants of ``stacks/ending.py``, ``PRESENCE`` fitted on stacks and ``STAYING`` fitted
on movies, and how often ends are found within one slice: of each stack by a model fitted without
it, and of each kind of stack without that kind.

Generated membranes and neurites are only asked, not fitted on: with them the rule becomes worse for
real cells with stained membranes.

With ``--data``, a folder of ``NAME.image.tif`` and ``NAME.labels.tif``, real stacks are fitted on,
too. ``--cache`` keeps what the slices show, so that other signs can be fitted without the network.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import napari_sam as ns
from napari_sam.pixel_size import step_of
from napari_sam.regions import Region, deepest, mask_iou
from napari_sam.stacks.crops import Slices
from napari_sam.stacks.end_signs import Past, signs_in_time, signs_of
from napari_sam.stacks.ending import EndingRule, Judge
from napari_sam.stacks.following import SeenOnSlice, Step, follow, looks_of
from napari_sam.stacks.haze import reach_of
from napari_sam.stacks.logistic import Logistic
from napari_sam.training.synthetic import VOLUME_KINDS
from napari_sam.training.synthetic.packed import PACKED_KINDS
from stack_samples import MOVIES, REAL, Stack, choose_objects, generated, real

FIRST_SEED = 60_000  # seeds of the tables are smaller
RIDGE = 0.003
BEYOND = 8  # slices past the end
MISSED = 0.3  # IoU of a first click below which something else was clicked

Signs = Callable[[Past, list[SeenOnSlice]], np.ndarray]


@dataclass(frozen=True, eq=False)
class Way:
    """An object followed one way, past its end.

    Parameters
    ----------
    stack : str
    area : int
        Pixels where it was shown.
    seen : list of SeenOnSlice
    true : int
        Slices after the first one that truly show it.
    """

    stack: str
    area: int
    seen: list[SeenOnSlice]
    true: int

    @property
    def over_time(self) -> bool:
        return self.stack.startswith(("timelapse", *MOVIES))

    @property
    def fitted_on(self) -> bool:
        return not self.stack.startswith(PACKED_KINDS)

    @property
    def kind(self) -> str:
        return self.stack.replace(" ", "_").split("_")[0]


def ways_of(stack: Stack, model: ns.Model, count: int) -> Iterator[Way]:
    """Follow objects of a stack both ways, from a true mask and from one click."""
    for number, largest, low, high in choose_objects(stack.labels, count):
        true = stack.labels[largest] == number
        reach = 0 if stack.over_time else reach_of(step_of(stack.spacing))
        slices = Slices(stack.image, reach=reach)
        click = ns.Prompt(points=[deepest(true)])
        answer = model.predict(model.encode(slices.look_at(largest)), click).regions[0]
        for start in (Region.of(true), answer):
            if mask_iou(start.on(slices.plane), true) < MISSED:
                continue
            looks = None if stack.over_time else looks_of(slices, Step(largest, start, 1.0))
            how = None, looks, stack.over_time
            for way, end in ((1, high), (-1, low)):
                region, seen, index = start, [], largest
                while 0 <= index + way < slices.depth and (index - end) * way < BEYOND:
                    found = follow(slices, model, index, region, index + way, *how)
                    if found is None:
                        break
                    seen.append(found)
                    region, index = found.region, index + way
                if seen:
                    yield Way(stack.name, start.area, seen, min(abs(end - largest), len(seen)))


def cached(stack: Stack, folder: Path | None, make: Callable[[], list[Way]]) -> list[Way]:
    """Return what was found before, or find and keep it."""
    path = None if folder is None else folder / f"{stack.name.replace(' ', '_')}.pickle"
    if path is not None and path.exists():
        return pickle.loads(path.read_bytes())
    found = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(found))
    return found


def fit(ways: list[Way], signs_of: Signs) -> Logistic:
    """Fit so that true ends become likely; every kind of stack counts by the root of its ways."""
    signs = [signs_of(Past.of(way.area), way.seen) for way in ways]
    every = np.concatenate(signs)
    mean, spread = every.mean(axis=0), every.std(axis=0) + 1e-9
    sums = []  # of the signs of all slices up to each possible end
    for one in signs:
        ones = np.ones((len(one), 1))
        says = np.concatenate([(one - mean) / spread, ones], axis=1)
        sums.append(np.concatenate([np.zeros((1, says.shape[1])), np.cumsum(says, axis=0)]))
    kinds = [way.kind for way in ways]
    share = np.array([kinds.count(kind) ** -0.5 for kind in kinds])
    share /= share.sum()
    w = np.zeros(len(mean) + 1)
    penalty = 2 * RIDGE * np.diag([1.0] * len(mean) + [1e-6])
    for _ in range(100):
        slope, curve = penalty @ w, penalty.copy()
        for way, said, part in zip(ways, sums, share, strict=True):
            odds = said @ w
            p = np.exp(odds - odds.max())
            p /= p.sum()
            usual = p @ said
            slope += part * (usual - said[way.true])
            curve += part * ((said - usual).T * p @ (said - usual))
        step = np.linalg.solve(curve, slope)
        w -= step * min(1.0, 2.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-7:
            break
    weights = w[:-1] / spread
    bias = float(w[-1] - weights @ mean)
    return Logistic(tuple(round(float(v), 2) for v in weights), round(bias, 2))


def errors(ways: list[Way], rule: EndingRule) -> np.ndarray:
    """Return by how many slices ends are found too late."""
    told = [Judge(way.area, rule).judge(way.seen, len(way.seen), True) for way in ways]
    return np.array([one.certain - way.true for one, way in zip(told, ways, strict=True)])


def report(ways: list[Way], heading: str, name: Callable[[Way], str], signs_of: Signs) -> None:
    print(f"\n| {heading} left out | ends | within one slice | mean error |\n|---|---|---|---|")
    for out in sorted({name(way) for way in ways}):
        others = [way for way in ways if name(way) != out and way.fitted_on]
        without = fit(others, signs_of)
        off = errors([way for way in ways if name(way) == out], EndingRule(signs_of, without))
        print(f"| {out} | {len(off)} | {np.mean(abs(off) <= 1):.2f} | {off.mean():+.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volumes", type=int, default=3, help="stacks of each kind")
    parser.add_argument("--objects", type=int, default=8, help="objects of each stack")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--model", default="cells", help="name or path")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = ns.load_model(options.model, device="cpu")
    seeds = range(FIRST_SEED, FIRST_SEED + options.volumes)
    stacks = list(generated((*VOLUME_KINDS, "timelapse"), seeds))
    if options.data is not None:
        stacks += real(options.data, (*REAL, *MOVIES))
    ways: list[Way] = []
    for stack in stacks:
        count = options.objects
        ways += cached(stack, options.cache, lambda s=stack, c=count: list(ways_of(s, model, c)))
        print(f"# {stack.name}: {len(ways)} ways so far", flush=True)
    movies = [way for way in ways if way.over_time]
    volumes = [way for way in ways if not way.over_time]
    for name, some, signs in (("PRESENCE", volumes, signs_of), ("STAYING", movies, signs_in_time)):
        print(f"\n{name} = {fit([way for way in some if way.fitted_on], signs)}")
        report(some, "stack", lambda way: way.stack, signs)
        report(some, "kind", lambda way: way.kind, signs)


if __name__ == "__main__":
    main()
