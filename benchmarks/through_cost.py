"""What it costs to carry one object through a stack: time of a slice, and memory with the depth.

    python benchmarks/through_cost.py [--slices 60] [--side 512] [--diameter 60]

Time beside reading, the least of some rounds: of the processor with one thread, which other
programs change little, and on the clock with a thread for every core. And how often something is
read, for a chunk of a file is read as a whole each time. Memory is the most that a process of its
own holds while it carries an object through 10 and through 500 slices, read one by one and never
kept. For older processors set
``ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2``.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import napari_sam as ns
from napari_sam.stacks.carry import Carry

DEPTHS = (10, 500)
ROUNDS = 3


class Tube:
    """A stack that is made when it is read: one bright object that wanders through noise."""

    def __init__(self, depth: int, side: int, diameter: float) -> None:
        self.shape, self.dtype = (depth, side, side), np.dtype(np.uint8)
        self.ndim = 3
        self._diameter = diameter
        self.spent, self.reads = 0.0, 0

    def place(self, index: int) -> tuple[float, float]:
        middle = self.shape[1] / 2
        return middle + 8 * np.sin(index / 9), middle + 8 * np.cos(index / 7)

    def mask(self, index: int) -> np.ndarray:
        row, column = self.place(index)
        rows, columns = np.ogrid[: self.shape[1], : self.shape[2]]
        return np.hypot(rows - row, columns - column) < self._diameter / 2

    def __getitem__(self, key: Any) -> np.ndarray:
        began = time.process_time()
        self.reads += 1
        index, *window = key if isinstance(key, tuple) else (key,)
        noise = np.random.default_rng(index).integers(10, 40, self.shape[1:], np.uint8)
        found = (noise + 120 * self.mask(index).astype(np.uint8))[tuple(window)]
        self.spent += time.process_time() - began
        return found


def carry_through(
    tube: Tube, model: ns.Model, clock: Callable[[], float] = time.process_time
) -> tuple[int, float]:
    """Carry the object from the first slice; return slices and seconds of a clock."""
    carry = Carry(tube, model)
    carry.show(0, tube.mask(0))
    before = tube.spent
    began = clock()
    found = len(list(carry.run()))
    return found, clock() - began - (tube.spent - before)


def peak(depth: int, side: int, diameter: float) -> float:
    """Return the most memory in MB of a process that carries an object through a stack."""
    words = [sys.executable, __file__, "--alone", str(depth)]
    words += ["--side", str(side), "--diameter", str(diameter)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def held() -> float:
    """Return the most memory in MB that this process has held."""
    if not sys.platform.startswith("linux"):
        raise SystemExit("Memory is read from /proc, which only Linux has.")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(one.split()[1]) for one in lines if one.startswith("VmHWM")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--diameter", type=float, default=60)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = ns.load_model("cells", device="cpu")
    if options.alone:
        carry_through(Tube(options.alone, options.side, options.diameter), model)
        print(held())
        return
    tube = Tube(options.slices, options.side, options.diameter)
    carry_through(Tube(6, options.side, options.diameter), model)
    profile = cProfile.Profile()
    if options.profile:
        profile.enable()
    rounds = [carry_through(tube, model) for _ in range(ROUNDS)]
    profile.disable()
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    found, spent = min(rounds, key=lambda one: one[1])
    print(f"{1000 * spent / found:.0f} ms of processor a slice, {found} slices")
    torch.set_num_threads(threads)
    rounds = [carry_through(tube, model, time.perf_counter) for _ in range(ROUNDS)]
    torch.set_num_threads(1)
    found, spent = min(rounds, key=lambda one: one[1])
    print(f"{1000 * spent / found:.0f} ms a slice with {threads} threads")
    tube.reads = 0
    carry_through(tube, model)
    print(f"{tube.reads / found:.1f} windows read a slice")
    less, more = (peak(depth, options.side, options.diameter) for depth in DEPTHS)
    print(
        f"{less:.0f} MB with {DEPTHS[0]} slices, {more:.0f} MB with {DEPTHS[1]}: {more - less:+.0f}"
    )


if __name__ == "__main__":
    main()
