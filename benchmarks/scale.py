"""Time and memory against the size of an image, and whether tiles find what the whole finds.

    python benchmarks/scale.py --small                      a minute: 1,000 to 4,000 pixels a side
    python benchmarks/scale.py                              to 40,000 pixels a side
    python benchmarks/scale.py --only click
    python benchmarks/scale.py --only equal --data FOLDER   mosaics of real images

FOLDER holds images as ``NAME.image.tif``; those whose names begin alike come from one source. Each
row of *size* is a process of its own, which runs the job of ``napari-sam segment --save zarr`` on
an OME-Zarr. A share of the squares of 1,024 pixels holds cells, the others noise. *Per megapixel*
are seconds of processors, which other work on the machine changes less; ``OMP_NUM_THREADS=1`` keeps
threads from waiting for each other. *Memory* is the most that the process took, *model* what it
took with PyTorch and the model before it read anything.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

SIDES = (1_000, 4_000, 10_000, 20_000, 40_000)
SQUARE = 1024
DIAMETER = 32.0
KINDS = ("size", "click", "equal")


# images --------------------------------------------------------------------------------------


def cells() -> np.ndarray:
    """Return a square of generated nuclei, and noise of the same background is what is beside."""
    from napari_sam.training.synthetic import generate

    found = np.asarray(generate("nuclei_dense", 7, (512, 512)).image, np.float64)
    found = 20 + 200 * (found - found.min()) / np.ptp(found)
    return np.tile(found.astype(np.uint8), (SQUARE // 512, SQUARE // 512))


def write_slide(path: Path, side: int, share: float) -> Path:
    """Write an OME-Zarr without pyramid, of which a share of the squares holds cells."""
    import zarr

    rng = np.random.default_rng(side)
    group = zarr.open_group(path, mode="w")
    chunks = (min(SQUARE, side),) * 2
    pixels = group.create_array("0", shape=(side, side), dtype="uint8", chunks=chunks)
    full, count = cells(), -(-side // SQUARE)
    empty = rng.normal(24, 2, (SQUARE, SQUARE)).clip(0, 255).astype(np.uint8)
    chosen = rng.permutation(count**2) < max(1, round(share * count**2))
    for number, holds in enumerate(chosen):
        row, column = number // count * SQUARE, number % count * SQUARE
        rows, columns = (
            slice(row, min(row + SQUARE, side)),
            slice(column, min(column + SQUARE, side)),
        )
        part = full if holds else empty
        pixels[rows, columns] = part[: rows.stop - row, : columns.stop - column]
    axes = [{"name": name, "type": "space"} for name in "yx"]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}
    says = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [level]}]}
    group.attrs["ome"] = says
    return path


# size ----------------------------------------------------------------------------------------


def peak() -> float:
    """Megabytes that this process has taken at most."""
    import resource

    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return taken / (1e6 if sys.platform == "darwin" else 1e3)


def segment(path: str, out: str, model: str) -> None:
    """Run one job; prints seconds, those of processors, objects, and memory before and at most."""
    from napari_sam.batch.job import Job, Models
    from napari_sam.batch.outputs import Outputs
    from napari_sam.batch.run_job import run_job
    from napari_sam.files.sources import Source
    from napari_sam.methods.options import CellOptions

    options, models = CellOptions(diameter=DIAMETER), Models(model, device="cpu")
    loaded, finder = models.load(options)
    loaded.encode(np.zeros((256, 256), np.uint8))
    before, started = peak(), (time.perf_counter(), time.process_time())
    source = Source(Path(path), None, "slide", "slide")
    job = Job(source, Outputs("slide", Path(out), ("zarr",)), options, models)
    said = run_job(job, loaded, finder)
    wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
    print(wall, processor, said.split()[0], before, peak())


def measured(
    folder: Path, side: int, share: float, model: str
) -> tuple[float, float, int, float, float]:
    """Segment a slide in a process of its own."""
    slide = write_slide(folder / f"{side}.zarr", side, share)
    command = [sys.executable, __file__, "--segment", str(slide), "--out", str(folder / "out")]
    ended = subprocess.run(
        [*command, "--model", model], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(ended.stderr)
    wall, processor, count, before, most = ended.stdout.split()[-5:]
    return float(wall), float(processor), int(count), float(before), float(most)


def measure_size(sides: tuple[int, ...], share: float, model: str) -> None:
    print(
        "| pixels | with cells | seconds | of processors | per megapixel | objects | memory, MB | "
        "model, MB |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    full = [(side, 1.0) for side in sides if side <= 4_000]
    for side, filled in [*full, *((side, share) for side in sides if side >= 4_000)]:
        with tempfile.TemporaryDirectory() as folder:
            wall, processor, count, before, most = measured(Path(folder), side, filled, model)
        per = processor / (side**2 / 1e6)
        row = f"| {side:,}² | {filled:.0%} | {wall:.0f} | {processor:.1f} | {per:.3f} "
        print(f"{row}| {count:,} | {most:.0f} | {before:.0f} |", flush=True)


# clicks --------------------------------------------------------------------------------------


class Slide:
    """A plane of any size, made of one square again and again where it is read."""

    def __init__(self, side: int) -> None:
        self.shape, self.dtype, self.ndim = (side, side), np.dtype(np.uint8), 2
        self._square = cells()

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, columns = (np.arange(self.shape[0])[part] % SQUARE for part in key)
        return self._square[np.ix_(rows, columns)]


def measure_clicks(count: int, name: str) -> None:
    """Clicks on new planes of 512 pixels a side, and at new places of 40,000², in turn."""
    import napari_sam as ns

    model = ns.load_model(name, device="cpu")
    rng = np.random.default_rng(0)
    slide = ns.Prompter(Slide(40_000), model)
    times: dict[tuple[int, int], list[float]] = {}
    for _ in range(count + 1):
        for side in (512, 40_000):
            prompter = slide if side > 512 else ns.Prompter(Slide(side)[:, :], model)
            place = rng.uniform(0.1 * side, 0.9 * side, 2)
            for following in (0, 1):
                prompt = ns.Prompt(points=[tuple(place + 3 * following)])
                started = time.process_time()
                prompter.predict(prompt)
                taken = 1000 * (time.process_time() - started)
                times.setdefault((side, following), []).append(taken)
    print("| pixels | first click of a place, ms of processors: median, best | next click there |")
    print("|---|---|---|")
    for side in (512, 40_000):
        told = [
            f"{np.median(found):.0f}, {min(found):.0f}"
            for found in (times[side, following][1:] for following in (0, 1))
        ]
        print(f"| {side:,}² | {' | '.join(told)} |", flush=True)


# equality ------------------------------------------------------------------------------------


def mosaics(folder: Path, side: int, most: int) -> Iterator[tuple[str, np.ndarray]]:
    """Iterate over mosaics of images of one source each."""
    from napari_sam.files import read_image

    paths = sorted(folder.glob("*.image.tif"))
    groups = [(key, list(found)) for key, found in groupby(paths, lambda p: p.name.split("_")[0])]
    for key, found in groups[:most]:
        rng = np.random.default_rng(len(found))
        canvas = np.zeros((side, side), np.uint8)
        top = 0
        while top < side:
            left, height = 0, side
            while left < side:
                image = np.asarray(read_image(found[rng.integers(len(found))]).finest, np.float64)
                grey = image.mean(axis=-1) if image.ndim == 3 else image
                grey = grey[: side - top, : side - left]
                low, high = np.percentile(grey, (0.5, 99.8))
                seen = 255 * ((grey - low) / max(high - low, 1e-9)).clip(0, 1)
                height = min(height, len(seen))
                canvas[top : top + height, left : left + seen.shape[1]] = seen[:height]
                left += seen.shape[1]
            top += height
        yield key, canvas


def measure_equality(folder: Path, side: int, most: int, name: str) -> None:
    """Compare what is found in tiles with what is found on the whole plane."""
    import napari_sam as ns
    from napari_sam.engine.sizes import typical_diameter
    from napari_sam.images import Image, samples
    from napari_sam.training.metrics import THRESHOLDS, average_precision

    model = ns.load_model(name, device="cpu")
    at = int(np.argmin(np.abs(np.asarray(THRESHOLDS) - 0.9)))
    print(f"| mosaic of {side}² | diameter | whole | in tiles | AP@.9 of one against the other |")
    print("|---|---|---|---|---|", flush=True)
    scores = []
    for source, pixels in mosaics(folder, side, most):
        limits = (0.0, 255.0)
        diameter = typical_diameter(next(Image.of(pixels).blocks()), model, limits)
        results = []
        for large in (1 << 40, 1):
            samples.IN_MEMORY = large
            results.append(ns.segment_cells(pixels, model, diameter=diameter, limits=limits))
        whole, tiled = results
        scores.append(average_precision(whole.labels, tiled.labels)[at])
        row = f"| {source} | {diameter:g} | {len(whole)} | {len(tiled)} | {scores[-1]:.3f} |"
        print(row, flush=True)
    print(f"| mean | | | | {np.mean(scores):.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="end in a minute")
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--share", type=float, default=0.02, help="squares with cells, from 4,000²")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--data", type=Path, help="images as NAME.image.tif, for equality")
    parser.add_argument("--side", type=int, default=3_000, help="pixels a side of a mosaic")
    parser.add_argument("--mosaics", type=int, default=100)
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--model", default="cells")
    parser.add_argument("--segment", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    typed = parser.parse_args()
    if typed.segment:
        segment(typed.segment, typed.out, typed.model)
        return
    print(f"{os.cpu_count()} processors\n")
    if typed.only in (None, "size"):
        measure_size(
            (1_000, 2_000, 4_000) if typed.small else tuple(typed.sides), typed.share, typed.model
        )
    if typed.only in (None, "click"):
        measure_clicks(3 if typed.small else typed.clicks, typed.model)
    if typed.only == "equal" and typed.data is None:
        parser.error("--only equal needs --data FOLDER")
    if typed.data is not None and typed.only in (None, "equal"):
        few = typed.small
        measure_equality(
            typed.data, 1_500 if few else typed.side, 2 if few else typed.mosaics, typed.model
        )


if __name__ == "__main__":
    main()
