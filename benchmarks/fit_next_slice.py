"""Teach the network that outlines an object on the next slice.

    python benchmarks/fit_next_slice.py [--data FOLDER] [--minutes 90] [--workers 2]
        [--start FILE] [--kept 0.3] [--out FILE]

Objects of generated stacks are carried from one of their slices to some slices beyond their ends,
by the rule without this network first, then by the network as it is by then, so that it learns
from its own mistakes. Stacks are disturbed, and their objects drawn wider or narrower than they
are, all of a stack alike: people draw differently, and the network has to go on as it was shown
(``varied_stacks.py``). Two fifths of the time go into following objects, three into learning.

With ``--data``, a folder as for ``python -m napari_sam.training``, the real stacks of `TAUGHT`
teach, too, and stacks that are made out of its single images (``drifting.py``), of those that may
be trained on.

With ``--start``, a network that was taught before goes on, and what is written is the mean of what
it was, weighed by ``--kept``, and of what it became. Writes ``stacks/next_slice.safetensors``, or
another file.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from copy import deepcopy
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from scipy import ndimage as ndi
from torch import Tensor
from torch.nn import functional as F

import napari_sam as ns
import napari_sam.stacks
from drifting import drifting, taught_images
from napari_sam.models.device import multiplies_bfloat16
from napari_sam.pixel_size import step_of
from napari_sam.regions import Mask, Region
from napari_sam.stacks.crops import Slices, Window
from napari_sam.stacks.depth import depth_of
from napari_sam.stacks.flow import carry_mask
from napari_sam.stacks.following import Step, follow, looks_of, main_part
from napari_sam.stacks.haze import reach_of
from napari_sam.stacks.next_slice import Drawn, Square, Views, cut, given, put_back
from napari_sam.stacks.next_slice_network import NextSliceNetwork
from napari_sam.training.averaging import WeightAverage
from napari_sam.training.synthetic import VOLUME_KINDS
from stack_samples import Stack, choose_objects
from varied_stacks import varied, varied_real

FILE = Path(napari_sam.stacks.__file__).parent / "next_slice.safetensors"
#: Real stacks to learn from; others are left to be measured on.
TAUGHT = ("flyem_medulla_z000", "flyem_medulla_z105", "qcanet_16cell")
DRIFTING, DRIFTS = "drifting", 4  # such stacks beside one of every other kind
FIRST_SEED = 70_000  # seeds of the tables are smaller
BEYOND = 3  # slices past an end that are looked at
OBJECTS = 9  # of a stack
ANYWHERE = 0.5  # share of objects that are shown on any slice, not on their largest
LEAST_SHOWN = 16  # pixels of an object where it is shown
PUT_RIGHT = 0.2  # share of slices after which an object is followed on from its true mask
MISDRAWN = 0.4  # share of objects that are shown too wide or too narrow on their first slice
TURNED_DARK = 0.25  # share of samples in which bright is made dark
PRESENCE = 0.3  # weight of telling whether an object is there
BATCH, RATE = 24, 1.5e-3

State = dict[str, npt.NDArray[Any]]


class Sample(NamedTuple):
    """What the network is given of one object on one slice, and where that truly is."""

    maps: npt.NDArray[np.float16]
    facts: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float16]


class Batch(NamedTuple):
    """Samples together, as tensors."""

    maps: Tensor
    facts: Tensor
    truth: Tensor


Carried = Callable[[Slices, int, Region, int, Drawn], Region | None]
"""Carries a region from one slice to another, drawn as it was; None where nothing is left of it."""


def views_of(
    slices: Slices, before: int, region: Region, index: int
) -> tuple[Window, Mask, Views] | None:
    """Return where an object is expected on the next slice, and what is known of it there."""
    window = Window.around(region, slices.plane)
    pictures = slices.picture(before, window), slices.picture(index, window)
    known = window.mask(region)
    moved = carry_mask(known, *pictures)
    expected = moved.cover > 0.5
    if not expected.any():
        return None
    clear = slices.brightness(slices.clear(index, window))
    return window, expected, Views(clear, pictures, known, moved, depth_of(expected))


def by_rule(model: ns.Model) -> Carried:
    """Carry as without the network."""

    def carried(slices: Slices, before: int, region: Region, index: int, drawn: Drawn):
        seen = follow(slices, model, before, region, index)
        return None if seen is None else seen.region

    return carried


def by_network(network: NextSliceNetwork) -> Carried:
    """Carry by what a network says alone."""
    asked = deepcopy(network).eval()

    @torch.inference_mode()
    def carried(slices: Slices, before: int, region: Region, index: int, drawn: Drawn):
        known = views_of(slices, before, region, index)
        if known is None:
            return None
        window, expected, views = known
        square = Square.around(expected)
        logits, _ = asked(*given(drawn, index, views, square))
        mask = main_part(put_back(logits[0], square, window.shape) > 0, expected)
        return window.region(mask) if mask.any() else None

    return carried


def samples(stack: Stack, carried: Carried, rng: np.random.Generator) -> list[Sample]:
    """Carry objects of a stack both ways, beyond their ends; keep what was looked at."""
    found = []
    objects = choose_objects(stack.labels, 300, least=3, area=40)
    rng.shuffle(objects)
    for number, largest, low, high in objects[:OBJECTS]:
        true = stack.labels == number
        first = int(rng.integers(low, high + 1)) if rng.random() < ANYWHERE else int(largest)
        if np.count_nonzero(true[first]) < LEAST_SHOWN:
            continue
        slices = Slices(stack.image, reach=reach_of(step_of(stack.spacing)))
        slices.look_at(first)
        shown = Region.of(misdrawn(true[first], rng))
        drawn = looks_of(slices, Step(first, shown, 1.0))
        for way, end in ((1, high), (-1, low)):
            region: Region | None = shown
            for index in range(first + way, end + way * (BEYOND + 1), way):
                if region is None or not 0 <= index < slices.depth:
                    break
                known = views_of(slices, index - way, region, index)
                if known is None:
                    break
                window, expected, views = known
                here = true[index][window.slices]
                square = Square.around(expected)
                maps, facts = given(drawn, index, views, square)
                truth = cut(torch.from_numpy(here.astype(np.float32))[None], square)[0]
                found.append(Sample(maps[0].half().numpy(), facts[0].numpy(), truth.half().numpy()))
                region = carried(slices, index - way, region, index, drawn)
                if here.any() and rng.random() < PUT_RIGHT:
                    region = window.region(here)
    return found


def misdrawn(mask: Mask, rng: np.random.Generator) -> Mask:
    """Draw the first mask as it is, or a bit too wide or too narrow."""
    off = rng.normal()
    if rng.random() > MISDRAWN or abs(off) < 0.5:
        return mask
    rounds = int(np.ceil(abs(off)))
    if off > 0:
        return ndi.binary_dilation(mask, iterations=rounds)
    smaller = ndi.binary_erosion(mask, iterations=rounds)
    return smaller if np.count_nonzero(smaller) > 12 else mask


def stacks_of(kind: str, seed: int, folder: Path | None) -> Iterator[Stack]:
    """Yield a stack of a kind, drawn at random."""
    rng = np.random.default_rng(seed)
    if kind in VOLUME_KINDS:
        yield varied(kind, seed, rng)
    elif folder is not None and kind in TAUGHT:
        yield from varied_real(folder, kind, rng)
    elif folder is not None:
        found = drifting(taught_images(folder), rng)
        if found is not None:
            yield found


def gathered_from(kind: str, seed: int, folder: Path | None, state: State | None) -> list[Sample]:
    """Carry objects of a stack of a kind, by a network of some weights or, of none, by rule."""
    torch.set_num_threads(1)
    if state is None:
        carried = by_rule(ns.load_model("cells"))
    else:
        network = NextSliceNetwork()
        network.load_state_dict({name: torch.from_numpy(one) for name, one in state.items()})
        carried = by_network(network)
    rng = np.random.default_rng(seed)
    return [
        sample for stack in stacks_of(kind, seed, folder) for sample in samples(stack, carried, rng)
    ]


class Gathered:
    """Samples by the kind of their stack; kinds are learnt from as often as each other.

    But for stacks made of single images, of many kinds themselves: `DRIFTS` times as often.
    """

    def __init__(self, folder: Path | None, workers: int) -> None:
        self._folder, self._workers = folder, workers
        self._seeds = count(FIRST_SEED)
        self._rng = np.random.default_rng(FIRST_SEED)
        self._kept: dict[str, list[Sample]] = defaultdict(list)
        self._kinds = list(VOLUME_KINDS)
        if folder is not None:
            self._kinds += [*TAUGHT, *[DRIFTING] * DRIFTS]

    def gather(self, network: NextSliceNetwork | None, minutes: float) -> None:
        """Carry objects of more and more stacks, by a network or, without one, by rule."""
        state = None
        if network is not None:
            state = {name: one.numpy() for name, one in network.state_dict().items()}
        until, jobs = time.monotonic() + 60 * minutes, self._jobs()
        running: dict[Future[list[Sample]], str] = {}
        with ProcessPoolExecutor(self._workers, get_context("spawn")) as pool:
            while running or time.monotonic() < until:
                while len(running) < 2 * self._workers and time.monotonic() < until:
                    kind, seed = next(jobs)
                    job = pool.submit(gathered_from, kind, seed, self._folder, state)
                    running[job] = kind
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    self._kept[running.pop(done)] += done.result()
        counts = {kind: len(some) for kind, some in self._kept.items()}
        print(f"# {sum(counts.values())} slices: {counts}", flush=True)

    def _jobs(self) -> Iterator[tuple[str, int]]:
        for seed in self._seeds:
            for place, kind in enumerate(self._kinds):
                yield kind, 100 * seed + place if kind == DRIFTING else seed

    def batch(self) -> Batch:
        """Draw a batch: turned, mirrored, brighter or darker or negative, and with more noise."""
        rng, kinds = self._rng, [kind for kind in self._kinds if self._kept[kind]]
        pools = [self._kept[kinds[int(at)]] for at in rng.integers(len(kinds), size=BATCH)]
        some = [pool[int(rng.integers(len(pool)))] for pool in pools]
        maps, facts, truth = (
            torch.from_numpy(np.stack(part)).float() for part in zip(*some, strict=True)
        )
        flips = [axis for axis in (-2, -1) if rng.random() < 0.5]
        maps, truth = maps.flip(flips), truth.flip(flips)
        if rng.random() < 0.5:
            maps, truth = maps.transpose(-2, -1), truth.transpose(-2, -1)
        shown = maps[:, :4].clamp(-0.5, 2)
        power = torch.from_numpy(np.exp(rng.normal(0, 0.25, (BATCH, 1, 1, 1)))).float()
        noise = torch.from_numpy(rng.uniform(0, 0.04, (BATCH, 1, 1, 1))).float()
        shown = shown.sign() * shown.abs() ** power + noise * torch.randn(shown.shape)
        dark = torch.from_numpy(rng.random(BATCH) < TURNED_DARK)
        shown = torch.where(dark[:, None, None, None], 1 - shown, shown)
        facts[dark, 1:3] *= -1  # where its border lies between around and inside, and how clear
        maps = torch.cat([shown, maps[:, 4:]], 1)
        return Batch(maps.contiguous(memory_format=torch.channels_last), facts, truth)


def loss_of(logits: Tensor, there: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy, which counts more near borders, the Dice coefficient, and being there.

    Where an object is not, nothing is said about its outline.
    """
    border = (F.avg_pool2d(truth[:, None], 9, 1, 4)[:, 0] - truth).abs()
    each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    said = logits.sigmoid()
    common, both = (said * truth).sum((1, 2)), (said + truth).sum((1, 2))
    dice = 1 - (2 * common + 1) / (both + 1)
    true = is_there(truth)
    outline = (true * (2 * (each * (1 + 4 * border)).mean((1, 2)) + dice)).sum() / true.sum()
    return outline + PRESENCE * F.binary_cross_entropy_with_logits(there, true)


def is_there(truth: Tensor) -> Tensor:
    """Tell which samples show their object: (N,), 0 or 1."""
    return (truth.amax((1, 2)) > 0).float()


def learn(network: NextSliceNetwork, gathered: Gathered, minutes: float) -> NextSliceNetwork:
    """Take steps until the time is up; return the average of the weights on the way."""
    average = WeightAverage(network)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    network.train()
    halves = multiplies_bfloat16("cpu")
    began, steps, told = time.monotonic(), 0, []
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            warm = min(1.0, (steps + 1) / 100)
            group["lr"] = RATE * warm * (0.02 + 0.98 * min(1.0, 2 * (1 - share)))
        maps, facts, truth = gathered.batch()
        with torch.autocast("cpu", torch.bfloat16, enabled=halves):
            logits, there = (one.float() for one in network(maps, facts))
        loss = loss_of(logits, there, truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        steps += 1
        average.update(network)
        mask, true, shows = logits > 0, truth > 0.5, is_there(truth)
        common, both = (mask & true).sum((1, 2)), (mask | true).sum((1, 2))
        iou = (shows * common / both.clamp_min(1)).sum() / shows.sum()
        right = ((there > 0) == shows.bool()).float().mean()
        told.append([float(one.detach()) for one in (loss, iou, right)])
        if steps % 200 == 0:
            loss_then, iou_then, right_then = np.mean(told[-200:], axis=0)
            print(
                f"# {steps} steps, loss {loss_then:.3f}, IoU {iou_then:.3f}, "
                f"told to be there or not {right_then:.3f}",
                flush=True,
            )
    learnt = deepcopy(network)
    learnt.load_state_dict(average.state)
    return learnt


def write(network: NextSliceNetwork, path: Path) -> None:
    """Write weights as the package reads them."""
    state = network.state_dict()
    names = [name for name in state if not name.endswith("num_batches_tracked")]
    save_file({name: state[name].half().contiguous() for name in names}, path)


def mean_of(former: NextSliceNetwork, network: NextSliceNetwork, kept: float) -> NextSliceNetwork:
    """Weigh what a network was, and what it became."""
    found, before, after = deepcopy(network), former.state_dict(), network.state_dict()
    found.load_state_dict(
        {name: torch.lerp(after[name].float(), before[name].float(), kept) for name in after}
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--workers", type=int, default=2, help="processes that follow objects")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--kept", type=float, default=0.3, help="share of them that is kept")
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    torch.manual_seed(0)
    gathered, network = Gathered(args.data, args.workers), NextSliceNetwork()
    if args.start is not None:
        network.load_state_dict(load_file(args.start))
    former = deepcopy(network)
    network.to(memory_format=torch.channels_last)
    for turn in range(2):
        by_then = None if turn == 0 and args.start is None else network
        gathered.gather(by_then, 0.2 * args.minutes)
        network = learn(network, gathered, 0.3 * args.minutes)
        write(network if args.start is None else mean_of(former, network, args.kept), args.out)


if __name__ == "__main__":
    main()
