"""How long a cancelled search keeps the model busy, as the panel's worker runs it.

    python benchmarks/cancel.py [--side 1024] [--tries 6]

SAM ViT-B with random weights, whose time does not depend on their values. *Cancel to idle* is the
time from cancelling a search to the start of the next piece of work in the worker's thread, at
moments spread evenly over each stage. *Longest step* is the longest time between two chances to
stop in a whole run of that stage: no cancel waits longer.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable

import numpy as np
import torch

from napari_sam.engine.jobs import Jobs
from napari_sam.engine.view import View
from napari_sam.engine.worker import Worker
from napari_sam.images import Image, Plane
from napari_sam.loading import load_model
from napari_sam.methods.settings import Settings
from napari_sam.models.model import Model
from napari_sam.models.sam.model import SamModel
from napari_sam.samples import load_sample
from napari_sam.ui.loops import ManualLoop

PATIENCE = 300.0


def vit_b() -> SamModel:
    from segment_anything import sam_model_registry

    torch.manual_seed(0)
    network = sam_model_registry["vit_b"]().eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "rel_pos" in name or "pos_embed" in name:  # they begin as zeros
                torch.nn.init.normal_(weight, std=0.02)
    return SamModel(network, "sam_vit_b", "cpu", "0" * 64)


def picture(side: int) -> np.ndarray:
    data = np.asarray(load_sample("nuclei_stack")[0][0])
    plane = data[len(data) // 2]
    copies = -(-side // min(plane.shape))
    return np.tile(plane, (copies, copies))[:side, :side]


class Steps:
    """Notes when progress was reported, and can be asked to wait for a fraction."""

    def __init__(self) -> None:
        self.times = [time.perf_counter()]
        self.fraction = 0.0

    def __call__(self, fraction: float) -> None:
        self.times.append(time.perf_counter())
        self.fraction = fraction

    def gaps(self) -> np.ndarray:
        return np.diff([*self.times, time.perf_counter()])


def cancelled(jobs: Jobs, work: Callable, until: float) -> float:
    """Cancel work once it has reported a fraction; seconds until the thread does the next thing."""
    reached, free = threading.Event(), threading.Event()

    def watched(progress: Callable[[float], None]) -> None:
        def report(fraction: float) -> None:
            progress(fraction)
            if fraction >= until:
                reached.set()

        work(report)
        reached.set()

    jobs.submit("find", watched, print, print)
    assert reached.wait(PATIENCE)
    time.sleep(np.random.default_rng(int(1e6 * until)).uniform(0, 0.3))  # not right after a report
    start = time.perf_counter()
    jobs.cancel("find")
    jobs.submit("predict", lambda progress: free.set(), lambda nothing: None, print)
    assert free.wait(PATIENCE)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--tries", type=int, default=6)
    parser.add_argument("--only", help="one stage, by a part of its name")
    options = parser.parse_args()
    image = picture(options.side)
    model, cells = vit_b(), load_model("cells", "cpu")
    view = View(Image.of(image), Plane((0, 1), (None, None), image.shape))
    known: dict[str, Model] = {"sam_vit_b": model, "cells": cells}
    worker = Worker(lambda name, device: known[name], 10**9)
    jobs = Jobs(ManualLoop(), ("predict", "find"), name="benchmark")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.side}²\n")
    print("| stage | run, s | longest step, s | cancel to idle: median, s | slowest, s |")
    print("|---|---|---|---|---|")

    def find(settings: Settings, keep: bool) -> Callable:
        def work(progress: Callable[[float], None]) -> object:
            if not keep:
                worker.forget()
            return worker.find("sam_vit_b", "cpu", view, settings, progress)

        return work

    def stage(name: str, work: Callable, low: float, high: float) -> None:
        if options.only and options.only not in name:
            return
        worker.encode("sam_vit_b", "cpu", view, lambda fraction: None)
        steps = Steps()
        start = time.perf_counter()
        work(steps)
        whole = time.perf_counter() - start
        longest = steps.gaps().max()
        moments = np.linspace(low, high, options.tries)
        waits = [cancelled(jobs, work, float(at)) for at in moments]
        print(
            f"| {name} | {whole:.1f} | {longest:.2f} | {np.median(waits):.2f} | {max(waits):.2f} |",
            flush=True,
        )

    # Few points, so that reading the image is nearly all of it; it ends at 0.6.
    stage("reading the image", find(Settings(points_per_side=1), keep=False), 0.0, 0.55)
    loose = Settings(pred_iou_thresh=0.0, stability_score_thresh=0.0, points_per_side=12)
    stage("asking 144 points, every mask made", find(loose, keep=True), 0.86, 0.99)
    strict = Settings(points_per_side=12)
    stage("asking 144 points", find(strict, keep=True), 0.86, 0.99)
    seeds = Settings(ask_at="objects", points_per_side=12)
    stage("looking for objects to ask about", find(seeds, keep=True), 0.6, 0.64)
    jobs.close()


if __name__ == "__main__":
    main()
