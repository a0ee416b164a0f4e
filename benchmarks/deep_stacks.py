"""What 3-D objects cost beyond finding cells on the slices, and memory against depth.

    python benchmarks/deep_stacks.py [--depths 10,60] [--side 512] [--runs 2]
        [--memory 10,500] [--small 128]

The first table: seconds of processors for the slices alone and as 3-D objects, the least of some
runs in turn. The second: the most memory that a process took beyond what it held with the model
loaded, slices of the small side, read from zarr and labels written to zarr. Slices are generated
nuclei, again and again. ``OMP_NUM_THREADS=1`` keeps threads from waiting for each other.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def stack_on_disk(folder: Path, depth: int, side: int) -> Any:
    """Write a stack of nuclei slice by slice."""
    import zarr

    from napari_sam.training.synthetic import generate_volume

    part = np.asarray(generate_volume("nuclei_stack", 3, (12, 128, 128)).image)
    part = np.concatenate([part, part[::-1]])
    chunks = (1, side, side)
    image, labels = (
        zarr.create_array(folder / name, shape=(depth, side, side), chunks=chunks, dtype=kind)
        for name, kind in (("image.zarr", "u2"), ("labels.zarr", "i4"))
    )
    for z in range(depth):
        image[z] = np.tile(part[z % len(part)], (side // 128, side // 128))
    return image, labels


def work(what: str, depth: int, side: int) -> dict[str, float]:
    """Run in a process of its own; seconds of processors, MB, and how many were found."""
    import napari_sam as ns

    model = ns.load_model("cells", device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        image, out = stack_on_disk(Path(folder), depth, side)
        ns.segment_cells(np.asarray(image[0]), model=model)
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        if what == "slices":
            found = ns.segment_cells(image, model=model, out=out)
        else:
            found = ns.segment_volume(image, model, out=out)
        seconds = time.process_time() - began
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    per_mb = 2**20 if sys.platform == "darwin" else 2**10
    return {"s": seconds, "MB": (most - held) / per_mb, "found": len(found.table)}


def apart(what: str, depth: int, side: int) -> dict[str, float]:
    """Run it in another process."""
    command = [sys.executable, __file__, "--work", what, str(depth), str(side)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(told.splitlines()[-1]))


def depths(told: str) -> list[int]:
    return [int(one) for one in told.split(",") if one]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", type=depths, default=[10, 60])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--memory", type=depths, default=[10, 500])
    parser.add_argument("--small", type=int, default=128)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        what, depth, side = options.work
        print(json.dumps(work(what, int(depth), int(side))))
        return
    print("| slices | alone, s | as 3-D objects, s | ratio | objects |\n|---|---|---|---|---|")
    for depth in options.depths:
        runs = [
            {what: apart(what, depth, options.side) for what in ("slices", "volume")}
            for _ in range(options.runs)
        ]
        alone, joined = (min(run[what]["s"] for run in runs) for what in ("slices", "volume"))
        count = int(runs[0]["volume"]["found"])
        print(
            f"| {depth} | {alone:.1f} | {joined:.1f} | {joined / alone:.2f} | {count} |", flush=True
        )
    print("\n| slices | memory beyond the model, MB | objects |\n|---|---|---|")
    for depth in options.memory:
        run = apart("volume", depth, options.small)
        print(f"| {depth} | {run['MB']:.0f} | {int(run['found'])} |", flush=True)


if __name__ == "__main__":
    main()
