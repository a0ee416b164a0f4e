"""Finding all cells: how fast sliders answer, how long it takes, and whether seams can be seen.

    python benchmarks/automatic.py [--data DATA] [--side 3000] [--sam] [--precision float32]

Prints tables. ``--data`` is a folder of pairs (see ``docs/training.md``): a mosaic of its
images is segmented in tiles and in one piece, which takes several GB, and the two are compared.
``--sam`` asks SAM ViT-B with random weights, whose time does not depend on their values, about
the seeds of the model ``cells`` and about its own grid. Times are wall clock and processor
time; on a machine that does other work only the second says something.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skimage.transform import rescale

import napari_sam as ns
from napari_sam.methods.finding_cells import find_cells
from napari_sam.methods.found_cells import FoundCells
from napari_sam.methods.options import CellOptions
from napari_sam.models.cells import reading
from napari_sam.models.cells.readers import precision_of
from napari_sam.training.evaluation import average_precision
from napari_sam.training.pairs import find_pairs, scale_to_unit
from napari_sam.training.synthetic import generate

ENLARGED = 1.45  # makes about 500 objects of a generated field of 1024 pixels a side
TRIES = 8
SLIDERS: dict[str, Callable[[float], dict[str, Any]]] = {
    "minimum area": lambda t: {"min_area": int(20 + 300 * t)},
    "score": lambda t: {"min_score": 0.2 + 0.6 * t},
    "splitting": lambda t: {"splitting": t},
    "sensitivity": lambda t: {"sensitivity": t},
    "smoothing": lambda t: {"smoothing": 1 + 3 * t},
}


def picture(side: int) -> np.ndarray:
    """Return a generated field of touching nuclei, 8 bits."""
    tile = np.asarray(generate("nuclei_dense", 7, (512, 512)).image, dtype=np.float64)
    tile = rescale(255 * (tile - tile.min()) / np.ptp(tile), ENLARGED, order=1)
    copies = -(-side // len(tile))
    return np.tile(tile.astype(np.uint8), (copies, copies))[:side, :side]


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a call gives, its seconds, and its seconds of processor time."""
    wall, used = time.perf_counter(), time.process_time()
    result = call()
    return result, time.perf_counter() - wall, time.process_time() - used


def sliders(model: ns.Model) -> None:
    image = picture(1024)
    live = find_cells(image, model.encode(image), model)
    count = len(live.choose())
    print(f"\nSliders on 1024², {count} objects, maps {live.maps.foreground.shape}:\n")
    print("| slider | median, ms | slowest, ms | processor time, median ms | slowest |")
    print("|---|---|---|---|---|")
    for name, values in SLIDERS.items():
        spent = []
        for t in np.linspace(0.1, 0.9, TRIES):
            options = CellOptions(**values(float(t)))
            spent.append(timed(lambda options=options: live.choose(options))[1:])
        wall, used = np.array(spent).T * 1000
        print(
            f"| {name} | {np.median(wall):.0f} | {wall.max():.0f} "
            f"| {np.median(used):.0f} | {used.max():.0f} |",
            flush=True,
        )


def peak() -> float:
    """Largest memory that the process has held, in MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024**2 if sys.platform == "darwin" else most / 1024


def whole(model: ns.Model) -> None:
    ns.segment_cells(picture(256), model=model)  # the first call pays for memory and code paths
    before = peak()
    print("\nFrom pixels to labels and table:\n")
    print("| image | objects | diameter | s | processor time, s | peak memory above idle, MiB |")
    print("|---|---|---|---|---|---|")
    for side in (512, 1024):
        image = picture(side)
        runs = [timed(lambda i=image: ns.segment_cells(i, model=model)) for _ in range(3)]
        wall, used = (min(run[at] for run in runs) for at in (1, 2))
        table = runs[0][0].table
        diameter = float(np.sqrt(4 / np.pi * table["area"].median()))
        print(
            f"| {side}² | {len(table)} | {diameter:.0f} | {wall:.2f} | {used:.2f} "
            f"| {peak() - before:.0f} |",
            flush=True,
        )


def mosaic(folder: Path, side: int) -> np.ndarray:
    """Return real images of fluorescent nuclei side by side, each with its own contrast."""
    pairs = [pair for pair in find_pairs(folder) if pair.family == "fluorescence nuclei"]
    rng = np.random.default_rng(0)
    canvas = np.zeros((side, side), np.float32)
    row = 0
    while row < side:
        column, tallest = 0, 0
        while column < side:
            image, _ = next(iter(pairs[rng.integers(len(pairs))].planes()))
            grey = scale_to_unit(image)
            grey = grey.mean(axis=2) if grey.ndim == 3 else grey
            part = grey[: side - row, : side - column]
            canvas[row : row + part.shape[0], column : column + part.shape[1]] = part
            column += part.shape[1]
            tallest = max(tallest, part.shape[0])
        row += tallest
    return canvas


def seams(model: ns.Model, folder: Path, side: int, diameter: float) -> None:
    image = mosaic(folder, side)
    embedding = model.encode(image)
    found = []
    most = reading.TILE
    for tile in (most, 10**6):
        reading.TILE = tile
        maps = model.instance_maps(embedding, diameter=diameter * (1 if tile == most else 1.00001))
        found.append((maps, FoundCells(maps, image, source="cells").choose().labels))
    reading.TILE = most
    (maps, tiled), (other, one_piece) = found
    differ = max(
        float(np.abs(getattr(maps, name) - getattr(other, name)).max())
        for name in ("foreground", "centre", "boundary")
    )
    precision = average_precision(one_piece, tiled)
    print(f"\nIn tiles of {most} against one piece, mosaic of {side}², diameter {diameter:g}:")
    print(f"{tiled.max()} and {one_piece.max()} objects, largest difference of maps {differ:.3f},")
    print(f"AP@.5 {precision[0]:.4f}, AP@.9 {precision[8]:.4f}", flush=True)


def seeds_and_grid(finder: ns.Model, per_side: int) -> None:
    from segment_anything import sam_model_registry

    from napari_sam.models.sam.model import SamModel

    torch.manual_seed(0)
    model = SamModel(sam_model_registry["vit_b"]().eval(), "sam_vit_b", "cpu", "0" * 64)
    image = picture(512)
    limits = (float(image.min()), float(image.max()))
    embedding, encode, _ = timed(lambda: model.encode(image, limits=limits))

    from napari_sam.methods.everything import propose_plane
    from napari_sam.methods.found_masks import find_masks
    from napari_sam.methods.settings import Settings

    masks, wall, used = timed(lambda: find_masks(image, embedding, model, finder))
    print(f"\nSAM ViT-B, random weights, 512²; encoding takes {encode:.1f} s in both:\n")
    print("| asked about | decodes | s after encoding | processor time, s |")
    print("|---|---|---|---|")
    print(f"| seeds of `cells` | {masks.decodes} | {wall:.1f} | {used:.1f} |", flush=True)
    settings = Settings(points_per_side=per_side)
    _, wall, used = timed(lambda: propose_plane(image, model, settings, embedding=embedding))
    print(f"| {per_side} x {per_side} grid | {per_side**2} | {wall:.1f} | {used:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--side", type=int, default=3000)
    parser.add_argument("--diameter", type=float, default=32.0, help="of the mosaic's objects")
    parser.add_argument("--sam", action="store_true")
    parser.add_argument("--grid", type=int, default=32, help="points per side of SAM's grid")
    parser.add_argument("--only", choices=("sliders", "whole", "seams", "sam"))
    parser.add_argument("--precision", choices=("auto", "float32"), default="auto")
    options = parser.parse_args()
    model = ns.load_model("cells", device="cpu", precision=options.precision)
    precision = precision_of(model.eyes.reader)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, planes in {precision}")
    if options.only in (None, "whole"):  # first, while the peak of memory is its own
        whole(model)
    if options.only in (None, "sliders"):
        sliders(model)
    if options.data is not None and options.only in (None, "seams"):
        seams(model, options.data, options.side, options.diameter)
    if options.sam or options.only == "sam":
        seeds_and_grid(model, options.grid)


if __name__ == "__main__":
    main()
