"""Planes read in products of 32, 16 and 8 bits: time and accuracy, side by side.

    OMP_NUM_THREADS=1 python benchmarks/products.py [--data DATA]

Prints processor time, the best of some runs, and with ``--data`` (see ``docs/training.md``) what
is lost on validation images. ``ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2`` before the
command keeps a newer processor to the instructions of an older one, ``AVX2_VNNI`` to those of most
laptops since 2022. Where a processor has no instructions for bfloat16, that is left out.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import napari_sam as ns
from accuracy import family_means
from automatic import picture
from napari_sam.models.cells.int8 import multiplies_int8
from napari_sam.models.cells.load import load_cells
from napari_sam.models.device import multiplies_bfloat16
from napari_sam.training.evaluation import evaluate_images, validation_images

RUNS = 4


def best(call: Callable[[], Any]) -> float:
    """Milliseconds of processor time of the fastest of some runs."""
    spent = []
    for _ in range(RUNS):
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)
    return 1000 * min(spent)


def times(precision: str) -> list[float]:
    """Time finding all cells of two images, and the first and the next click on an object."""
    model = load_cells(precision=precision)
    images = [picture(side) for side in (512, 1024)]
    row = [best(lambda image=image: ns.segment_cells(image, model=model)) for image in images]
    embedding = model.encode(images[0])
    places = iter(np.random.default_rng(0).integers(100, 400, (RUNS, 2)).tolist())
    row.append(best(lambda: model.predict(embedding, ns.Prompt(points=[next(places)]))))
    first = model.predict(embedding, ns.Prompt(points=[(250, 250)]))
    again = ns.Prompt(points=[(250, 250), (262, 250)], logits=first.logits[0], window=first.window)
    row.append(best(lambda: model.predict(embedding, again)))
    return row


def accuracy(precision: str, data: Path, per_family: int) -> dict[str, float]:
    """Measure a click, a box and finding all on validation images; the mean of the families."""
    images = validation_images(data, per_family=per_family, per_kind=0)
    scores = evaluate_images(load_cells(precision=precision), images, baselines=False)
    return family_means(scores)["mean of the families"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--per-family", type=int, default=8)
    chosen = parser.parse_args()
    kinds = ["float32"]
    kinds += ["bfloat16"] if multiplies_bfloat16("cpu") and _all_instructions() else []
    kinds += ["int8"] if multiplies_int8() else []
    capability, most = torch.backends.cpu.get_cpu_capability(), os.environ.get("ONEDNN_MAX_CPU_ISA")
    print(
        f"torch {torch.__version__}, {capability}, oneDNN up to {most or 'all there is'}, ", end=""
    )
    print(f"{torch.get_num_threads()} threads\n")
    print("| products | all cells, 512², ms | 1024² | first click | next click |")
    print("|---|---|---|---|---|")
    for kind in kinds:
        print(f"| {kind} | " + " | ".join(f"{ms:.0f}" for ms in times(kind)) + " |", flush=True)
    if chosen.data is None:
        return
    rows = {kind: accuracy(kind, chosen.data, chosen.per_family) for kind in kinds}
    names = list(rows["float32"])
    print("\n| products | " + " | ".join(names) + " |\n|---" + "|---" * len(names) + "|")
    for kind, row in rows.items():
        print(f"| {kind} | " + " | ".join(f"{row[name]:.3f}" for name in names) + " |")


def _all_instructions() -> bool:
    """Whether oneDNN may use all that the processor has: without, bfloat16 is emulated."""
    return "ONEDNN_MAX_CPU_ISA" not in os.environ


if __name__ == "__main__":
    main()
