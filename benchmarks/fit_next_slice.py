"""Teach the network that outlines an object on the next slice.

    python benchmarks/fit_next_slice.py [--data FOLDER] [--minutes 90] [--out FILE]

Objects of generated stacks are carried from their largest slice to some slices beyond their ends,
by the rule without this network first, then by the network as it is by then, so that it learns
from its own mistakes. Stacks are disturbed, and their objects drawn wider or narrower than they
are, all of a stack alike: people draw differently, and the network has to go on as it was shown
(``varied_stacks.py``). Two fifths of the time go into following objects, three into learning.

With ``--data``, a folder of ``NAME.image.tif`` and ``NAME.labels.tif``, the real stacks of `TAUGHT`
teach, too. Writes ``stacks/next_slice.safetensors``, or another file.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from scipy import ndimage as ndi
from torch import Tensor
from torch.nn import functional as F

import napari_sam as ns
import napari_sam.stacks
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
FIRST_SEED = 70_000  # seeds of the tables are smaller
BEYOND = 3  # slices past an end that are looked at
OBJECTS = 9  # of a generated stack
PUT_RIGHT = 0.2  # share of slices after which an object is followed on from its true mask
MISDRAWN = 0.4  # share of objects that are shown too wide or too narrow on their first slice
BATCH, RATE = 24, 1.5e-3


class Sample(NamedTuple):
    """What the network is given of one object on one slice, and where that truly is."""

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
        logits = asked(*given(drawn, index, views, square))[0]
        mask = main_part(put_back(logits, square, window.shape) > 0, expected)
        return window.region(mask) if mask.any() else None

    return carried


def samples(stack: Stack, carried: Carried, count: int, rng: np.random.Generator) -> list[Sample]:
    """Carry objects of a stack both ways, beyond their ends; keep the slices that show them."""
    found = []
    objects = choose_objects(stack.labels, 300, least=3, area=40)
    rng.shuffle(objects)
    for number, largest, low, high in objects[:count]:
        true = stack.labels == number
        slices = Slices(stack.image, reach=reach_of(step_of(stack.spacing)))
        slices.look_at(largest)
        shown = Region.of(misdrawn(true[largest], rng))
        drawn = looks_of(slices, Step(int(largest), shown, 1.0))
        for way, end in ((1, high), (-1, low)):
            region: Region | None = shown
            for index in range(largest + way, end + way * (BEYOND + 1), way):
                if region is None or not 0 <= index < slices.depth:
                    break
                known = views_of(slices, index - way, region, index)
                if known is None:
                    break
                window, expected, views = known
                here = true[index][window.slices]
                if here.any():
                    square = Square.around(expected)
                    maps, facts = given(drawn, index, views, square)
                    truth = cut(torch.from_numpy(here.astype(np.float32))[None], square)[0]
                    found.append(Sample(maps[0].half(), facts[0], truth.half()))
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


class Gathered:
    """Samples by the kind of their stack; kinds are learnt from as often as each other."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._seed = FIRST_SEED
        self._rng = np.random.default_rng(FIRST_SEED)
        self._kept: dict[str, list[Sample]] = defaultdict(list)

    def gather(self, carried: Carried, minutes: float) -> None:
        """Carry objects of more and more stacks."""
        began = time.monotonic()
        while time.monotonic() - began < 60 * minutes:
            for kind in VOLUME_KINDS:
                stack = varied(kind, self._seed, self._rng)
                self._kept[kind] += samples(stack, carried, OBJECTS, self._rng)
            for name in TAUGHT if self._folder is not None else ():
                for stack in varied_real(self._folder, name, self._rng):
                    self._kept[name] += samples(stack, carried, OBJECTS // 2, self._rng)
            self._seed += 1
            counts = {kind: len(some) for kind, some in self._kept.items()}
            print(f"# {sum(counts.values())} slices: {counts}", flush=True)

    def batch(self) -> Sample:
        """Draw a batch: turned, mirrored, brighter or darker, and with more noise."""
        rng, kinds = self._rng, [kind for kind, some in self._kept.items() if some]
        pools = [self._kept[kinds[int(at)]] for at in rng.integers(len(kinds), size=BATCH)]
        some = [pool[int(rng.integers(len(pool)))] for pool in pools]
        maps, facts, truth = (torch.stack(part).float() for part in zip(*some, strict=True))
        flips = [axis for axis in (-2, -1) if rng.random() < 0.5]
        maps, truth = maps.flip(flips), truth.flip(flips)
        if rng.random() < 0.5:
            maps, truth = maps.transpose(-2, -1), truth.transpose(-2, -1)
        shown = maps[:, :4].clamp(-0.5, 2)
        power = torch.from_numpy(np.exp(rng.normal(0, 0.25, (BATCH, 1, 1, 1)))).float()
        noise = torch.from_numpy(rng.uniform(0, 0.04, (BATCH, 1, 1, 1))).float()
        shown = shown.sign() * shown.abs() ** power + noise * torch.randn(shown.shape)
        maps = torch.cat([shown, maps[:, 4:]], 1)
        return Sample(maps.contiguous(memory_format=torch.channels_last), facts, truth)


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy, which counts more near borders, and the Dice coefficient."""
    border = (F.avg_pool2d(truth[:, None], 9, 1, 4)[:, 0] - truth).abs()
    each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    said = logits.sigmoid()
    common, both = (said * truth).sum((1, 2)), (said + truth).sum((1, 2))
    dice = 1 - (2 * common + 1) / (both + 1)
    return (2 * (each * (1 + 4 * border)).mean((1, 2)) + dice).mean()


def learn(network: NextSliceNetwork, gathered: Gathered, minutes: float) -> NextSliceNetwork:
    """Take steps until the time is up; return the average of the weights on the way."""
    average = WeightAverage(network)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    network.train()
    began, steps, told = time.monotonic(), 0, []
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            warm = min(1.0, (steps + 1) / 100)
            group["lr"] = RATE * warm * (0.02 + 0.98 * min(1.0, 2 * (1 - share)))
        maps, facts, truth = gathered.batch()
        logits = network(maps, facts)
        loss = loss_of(logits, truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        steps += 1
        average.update(network)
        mask, true = logits > 0, truth > 0.5
        common, both = (mask & true).sum((1, 2)), (mask | true).sum((1, 2))
        told.append((float(loss.detach()), float((common / both.clamp_min(1)).mean())))
        if steps % 200 == 0:
            loss_then, iou = np.mean(told[-200:], axis=0)
            print(f"# {steps} steps, loss {loss_then:.3f}, IoU {iou:.3f}", flush=True)
    learnt = deepcopy(network)
    learnt.load_state_dict(average.state)
    return learnt


def write(network: NextSliceNetwork, path: Path) -> None:
    """Write weights as the package reads them."""
    state = network.state_dict()
    names = [name for name in state if not name.endswith("num_batches_tracked")]
    save_file({name: state[name].half().contiguous() for name in names}, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    torch.manual_seed(0)
    gathered, network = Gathered(args.data), NextSliceNetwork()
    network.to(memory_format=torch.channels_last)
    for carried in (by_rule(ns.load_model("cells")), None):
        gathered.gather(carried or by_network(network), 0.2 * args.minutes)
        network = learn(network, gathered, 0.3 * args.minutes)
        write(network, args.out)


if __name__ == "__main__":
    main()
