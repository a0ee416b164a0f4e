"""Whether this source tree finds exactly what another one does: labels, scores and tables.

    python benchmarks/equality.py OTHER/src --data FOLDER            60 images, some minutes
    python benchmarks/equality.py OTHER/src --data FOLDER --images 6 --only cells,stacks

FOLDER holds images as ``NAME.image.tif``. Half as many as of those are generated, with seeds that
nothing was trained or tested with. Each tree finds in a process of its own, with the tiny SAM of
its own tests; what both found is compared byte for byte. Exit code 1 when anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parents[1] / "src"
FIRST_SEED = 900_000_000
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "diameter": {"diameter": 24.0},
    "cut anew": {"sensitivity": 0.7, "splitting": 0.25, "smoothing": 0.5, "min_score": 0.3},
    "areas": {"min_area": 40, "max_area": 900, "min_score": 0.0},
    "refined": {"refine": True, "sensitivity": 0.4},
}
KINDS = ("cells", "everything", "stacks", "regions", "merges")


# what both trees are asked -------------------------------------------------------------------


class Tree:
    """The models of the tree that this process imports, and what it is asked about an image."""

    def __init__(self) -> None:
        import torch

        import napari_sam as ns

        self.ns = ns
        sys.path.insert(0, str(Path(ns.__file__).parents[2] / "tests"))
        from tiny_sam import tiny_sam

        self.cells, self.sam = ns.load_model("cells", device="cpu"), tiny_sam()
        torch.set_num_threads(int(os.environ.get("EQUALITY_THREADS", "1")))

    def cases(self, pixels: np.ndarray, kinds: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        """Iterate over ``(case, what was found)``."""
        for kind in kinds:
            yield from getattr(self, f"_{kind}")(pixels)

    def _cells(self, pixels: np.ndarray) -> Iterator[tuple[str, Any]]:
        for name, options in OPTIONS.items():
            found = self.ns.segment_cells(pixels, model=self.cells, **options)
            yield f"cells, {name}", found
        part = pixels[:128, :128]
        found = self.ns.segment_cells(part, model=self.sam, finder=self.cells)
        yield "cells, asked of a SAM", found

    def _everything(self, pixels: np.ndarray) -> Iterator[tuple[str, Any]]:
        part = pixels[:128, :128]
        find = self.ns.segment_everything
        any_mask = {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "points_per_side": 6}
        yield "everything, SAM", find(part, model=self.sam, **any_mask)
        some = {**any_mask, "box_nms_thresh": 0.9, "crop_n_layers": 1, "min_area": 20}
        some |= {"min_mask_region_area": 10, "drop_background": True, "points_per_side": 4}
        yield "everything, SAM, crops", find(part, model=self.sam, **some)
        yield "everything, SAM, records", find(part, model=self.sam, output="rle", **any_mask)
        at = {"ask_at": "objects", "finder": self.cells, **any_mask}
        yield "everything, SAM, at objects", find(part, model=self.sam, **at)
        low = {"points_per_side": 3, "pred_iou_thresh": 0.3, "stability_score_thresh": 0.5}
        yield "everything, cells", find(part, model=self.cells, **low)

    def _stacks(self, pixels: np.ndarray) -> Iterator[tuple[str, Any]]:
        part = pixels[:96, :96]
        stack = np.stack([part, part[::-1], part[:, ::-1]])
        size = self.ns.PixelSize(0.5, 0.25)
        found = self.ns.segment_cells(stack, model=self.cells, pixel_size=size)
        yield "stack, cells", found
        how = {"points_per_side": 3, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0}
        yield "stack, everything", self.ns.segment_everything(stack, model=self.sam, **how)

    def _regions(self, pixels: np.ndarray) -> Iterator[tuple[str, Any]]:
        region = np.zeros(pixels.shape[:2], dtype=bool)
        height, width = region.shape
        region[height // 4 : height // 2, width // 4 : width // 2] = True
        yield "region, cells", _search(pixels, self.cells, self.cells, region)
        region[height // 8 :, width // 8 :] = True
        yield "region, large", _search(pixels, self.cells, self.cells, region)
        corner = region[:96, :96]
        yield "region, asked of a SAM", _search(pixels[:96, :96], self.sam, self.cells, corner)

    def _merges(self, pixels: np.ndarray) -> Iterator[tuple[str, Any]]:
        from napari_sam.labels.merge import merge

        found = self.ns.segment_cells(pixels, model=self.cells).labels
        before = self.ns.segment_cells(pixels, model=self.cells, sensitivity=0.3).labels
        before = np.roll(before, 7, axis=0)
        for rule in ("empty", "whole", "replace"):
            merged = merge(found, before, rule, int(before.max(initial=0)) + 1)
            yield f"merge, {rule}", (merged.labels, merged.ids, merged.left_out, merged.removed)


def _search(pixels: np.ndarray, model: Any, finder: Any, region: np.ndarray) -> Any:
    """Search a region of a plane as the panel does."""
    from napari_sam.images import Block, Image
    from napari_sam.methods.found import within
    from napari_sam.methods.method import Encoded
    from napari_sam.methods.registry import method
    from napari_sam.pixel_size import PixelSize

    embedding = model.encode(pixels)
    image = Image.of(pixels, pixel_size=PixelSize(0.5, 0.25))
    encoded = Encoded(Block(image, next(image.planes())), pixels, embedding, model, finder)
    cells = method("cells")
    found = cells.search(encoded, cells.defaults, region)
    chosen = within(found.choose(cells.defaults), region)
    return (chosen.labels, chosen.count, chosen.table)


# what was found, as text that differs when a byte does -----------------------------------------


def digest(found: Any) -> dict[str, str]:
    """Fingerprints of the labels, the scores and the whole table of what was found."""
    if isinstance(found, list):
        return {"records": _hash(repr(found).encode())}
    if isinstance(found, tuple):
        parts = [_bytes(part) for part in found]
        return {"labels": _hash(parts[0]), "rest": _hash(b"".join(parts[1:]))}
    return {
        "labels": _hash(_bytes(found.labels)),
        "scores": _hash(_bytes(found.table["score"].to_numpy())),
        "table": _hash(_bytes(found.table)),
    }


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _bytes(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return repr(value.tolist()).encode()
        return f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    if hasattr(value, "columns"):
        columns = [name.encode() + _bytes(value[name].to_numpy()) for name in value.columns]
        return b"".join([*columns, _bytes(value.index.to_numpy())])
    return repr(value).encode()


def answer(images: Path, kinds: tuple[str, ...]) -> None:
    """Run all cases on all images with the tree on the path; print what was found as JSON."""
    tree, answers = Tree(), {}
    started = time.monotonic()
    with np.load(images) as held:
        for name in held.files:
            for case, found in tree.cases(held[name], kinds):
                answers[f"{case}\t{name}"] = {**digest(found), "count": _count(found)}
    print(json.dumps({"answers": answers, "seconds": time.monotonic() - started}))


def _count(found: Any) -> int:
    return int(found[0].max(initial=0)) if isinstance(found, tuple) else len(found)


# the images, and the comparison ----------------------------------------------------------------


def choose_images(data: Path, count: int, side: int) -> dict[str, np.ndarray]:
    """Pick images evenly from the folder, and generate half as many."""
    from tifffile import imread

    from napari_sam.training.synthetic import KINDS as PAINTED
    from napari_sam.training.synthetic import generate

    files = sorted(data.glob("*.image.tif"))
    if not files:
        raise SystemExit(f"No NAME.image.tif in {data}.")
    wanted = min(len(files), count - count // 3)
    chosen = {}
    for at in np.linspace(0, len(files) - 1, wanted).astype(int):
        pixels = imread(files[at])
        while pixels.ndim > 2 and pixels.shape[-1] not in (3, 4):
            pixels = pixels[len(pixels) // 2]
        chosen[files[at].name.removesuffix(".image.tif")] = pixels[:side, :side]
    for number in range(count - wanted):
        kind = PAINTED[number % len(PAINTED)]
        sample = generate(kind, seed=FIRST_SEED + number, shape=(side, side))
        chosen[f"generated {kind} {number}"] = sample.image
    return chosen


def ask(source: Path, images: Path, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Let a tree answer in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    words = [sys.executable, __file__, "--answer", str(images), "--only", ",".join(kinds)]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def compare(other: dict[str, Any], here: dict[str, Any]) -> int:
    """Print a row per case; return how many answers differ."""
    theirs, ours = other["answers"], here["answers"]
    cases: dict[str, list[str]] = {}
    for key in {**theirs, **ours}:
        cases.setdefault(key.split("\t")[0], []).append(key)
    wrong = 0
    print(f"{'case':34}{'images':>7}{'objects':>9}{'equal':>7}   first that differs")
    for case, keys in cases.items():
        apart = [key for key in keys if theirs.get(key) != ours.get(key)]
        wrong += len(apart)
        objects = sum(ours[key]["count"] for key in keys if key in ours)
        told = ""
        if apart:
            one, two = theirs.get(apart[0], {}), ours.get(apart[0], {})
            parts = [part for part in {**one, **two} if one.get(part) != two.get(part)]
            told = f"{apart[0].split(chr(9))[1]}: {', '.join(parts)}"
        print(f"{case:34}{len(keys):7}{objects:9}{len(keys) - len(apart):7}   {told}")
    print(f"{len(ours)} answers, {wrong} differ; {other['seconds']:.0f} s and", end=" ")
    print(f"{here['seconds']:.0f} s")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", nargs="?", type=Path, help="the other source tree, a folder src")
    parser.add_argument("--data", type=Path, help="a folder of NAME.image.tif")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--side", type=int, default=256, help="images are cut to this side")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds of cases, with commas")
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    kinds: tuple[str, ...] = tuple(options.only.split(","))
    if not set(kinds) <= set(KINDS):
        parser.error(f"--only takes {', '.join(KINDS)}")
    if options.answer:
        answer(options.answer, kinds)
        return 0
    if options.other is None or options.data is None:
        parser.error("say which tree to compare with, and --data FOLDER")
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npz"
        np.savez(images, **choose_images(options.data, options.images, options.side))

        other = ask(options.other.resolve(), images, kinds)
        return 1 if compare(other, ask(HERE, images, kinds)) else 0


if __name__ == "__main__":
    sys.exit(main())
