"""SAM here beside ``segment_anything``, in one process: time, memory, and how far they differ.

    python benchmarks/exact.py --quick                   everything there is, in a few minutes
    python benchmarks/exact.py --only encode --threads 2 --repeat 3
    python benchmarks/exact.py --only everything --grid 32 --size 2048 --crops 1 --share 16

Weights are random with a fixed seed, position tables included: those are zero in a fresh network
and would hide mistakes. Times are medians; *user* is processor time without the system's share,
which is what remains comparable on a busy machine. Memory is the peak above what was in use
before, and is measured on Linux only.

The reference takes many minutes for a whole grid. With ``--share 16`` both are asked about every
sixteenth point of it, picked at random with a fixed seed, and about the same ones. Without
suppression, as here, every point is on its own, so the ratio of the times is that of the grid.
``--embeddings FOLDER`` keeps what the encoder made, for the next command.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry
from segment_anything.utils.amg import build_all_layer_point_grids

from napari_sam import Prompt, images, load_model
from napari_sam.methods.grid import point_grid
from napari_sam.methods.object_points import object_points
from napari_sam.models.model import Embedding
from napari_sam.models.sam.model import SamModel
from napari_sam.segment import segment_everything

FULL = (0.0, 255.0)


@dataclass
class Cost:
    """Median wall and user seconds, and the highest extra memory in GiB."""

    wall: float
    user: float
    peak: float


def _memory(field: str) -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 2**20


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def measure(run: Callable[[], Any], repeat: int, warm: bool = True) -> tuple[Any, Cost]:
    """Run something several times and return its last answer and its cost.

    The first of several times is not timed if it shall only warm up, but its memory counts:
    later ones may find it still allocated.
    """
    walls, users, peaks = [], [], []
    answer = None
    for _ in range(repeat + warm):
        answer = None
        _forget_peak()
        before = _memory("VmRSS")
        start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
        answer = run()
        walls.append(time.perf_counter() - start)
        users.append(resource.getrusage(resource.RUSAGE_SELF).ru_utime - used)
        peaks.append(_memory("VmHWM") - before)
    return answer, Cost(
        statistics.median(walls[warm:]), statistics.median(users[warm:]), max(peaks)
    )


def row(name: str, reference: Cost, ours: Cost, deviation: str) -> None:
    """Print one line of the table."""
    print(
        f"| {name} | {reference.wall:.3f} ({reference.user:.3f}) | {ours.wall:.3f} "
        f"({ours.user:.3f}) | {reference.wall / ours.wall:.1f} "
        f"({reference.user / ours.user:.1f}) | {reference.peak:.2f} | {ours.peak:.2f} "
        f"| {deviation} |",
        flush=True,
    )


def network(kind: str) -> Any:
    """Build a SAM with random weights of about the size of trained ones."""
    torch.manual_seed(0)
    sam = sam_model_registry[kind]().eval()
    with torch.no_grad():
        for name, weight in sam.named_parameters():
            weight.requires_grad_(False)
            if "rel_pos" in name or "pos_embed" in name:
                torch.nn.init.normal_(weight, std=0.1)
            elif name.startswith("mask_decoder") and weight.ndim == 2 and "tokens" not in name:
                torch.nn.init.normal_(weight, std=1.3 / weight.shape[1] ** 0.5)
    return sam


def discs(size: int) -> np.ndarray:
    """Rows, columns and radii of 120 discs on a picture of this side, (120, 3)."""
    rng = np.random.default_rng(0)
    return rng.uniform([0, 0, 0.01], [1, 1, 0.04], (120, 3)) * size


def picture(size: int) -> np.ndarray:
    """Bright discs on noise, (size, size, 3) uint8."""
    rng = np.random.default_rng(1)
    image = rng.normal(40, 12, (size, size))
    rows, columns = np.mgrid[:size, :size]
    for r, c, radius in discs(size):
        image[(rows - r) ** 2 + (columns - c) ** 2 < radius**2] += rng.uniform(40, 150)
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


class Remembering(SamModel):
    """Encodes a plane only once, and keeps the embeddings as files if there is a folder."""

    def __init__(self, sam: Any, options: argparse.Namespace) -> None:
        super().__init__(sam, options.kind)
        self._known: dict[str, Embedding] = {}
        self._folder = options.embeddings

    def encode(self, plane: Any, **_: Any) -> Embedding:
        """Encode an eight-bit plane as it is, as the reference does."""
        key = f"{self.name}-{images.content_hash(plane)}"
        if key not in self._known:
            path = self._folder / f"{key}.pt" if self._folder else None
            if path is not None and path.exists():
                self._known[key] = torch.load(path, weights_only=False)
            else:
                self._known[key] = super().encode(plane, limits=FULL)
                if path is not None:
                    torch.save(self._known[key], path)
        return self._known[key]

    def predictor(self, plane: Any) -> SamPredictor:
        """Make a predictor of the reference that has encoded the plane already."""
        predictor = SamPredictor(self.network)
        self.give(predictor, plane)
        return predictor

    def give(self, predictor: SamPredictor, plane: Any) -> None:
        """Do what ``predictor.set_image`` does, with an embedding made here."""
        embedding = self.encode(plane)
        predictor.reset_image()
        predictor.original_size, predictor.input_size = embedding.shape, embedding.features.used
        predictor.features, predictor.is_image_set = embedding.features.image, True


def encode(sam: Any, options: argparse.Namespace) -> None:
    """Compare the image encoder, resizing and normalising included."""
    image = picture(options.size)
    predictor, model = SamPredictor(sam), SamModel(sam, options.kind)
    ours, cost = measure(
        lambda: model.encode(image, limits=FULL), options.repeat, warm=options.repeat > 1
    )
    _, other = measure(lambda: predictor.set_image(image), options.repeat, warm=False)
    difference = (predictor.features - ours.features.image).abs().max().item()
    scale = predictor.features.std().item()
    row(f"encode {options.size}²", other, cost, f"{difference:.1e} (std {scale:.1f})")


def click(sam: Any, options: argparse.Namespace) -> None:
    """Compare one point, one box and one refined point, masks of the plane included."""
    image, model, side = picture(options.size), Remembering(sam, options), options.size
    predictor, embedding = model.predictor(image), model.encode(image)
    low = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
    cases = {
        "one click": (
            Prompt(points=[(0.4 * side, 0.6 * side)]),
            {"point_coords": np.array([[0.6 * side, 0.4 * side]]), "point_labels": np.array([1])},
        ),
        "one box": (
            Prompt(boxes=[(0.1 * side, 0.2 * side, 0.5 * side, 0.7 * side)]),
            {"box": np.array([0.2, 0.1, 0.7, 0.5]) * side},
        ),
        "point and mask": (
            Prompt(points=[(0.4 * side, 0.6 * side)], logits=low),
            {
                "point_coords": np.array([[0.6 * side, 0.4 * side]]),
                "point_labels": np.array([1]),
                "mask_input": low[None],
            },
        ),
    }
    for name, (prompt, words) in cases.items():
        found, cost = measure(
            lambda prompt=prompt: model.predict(embedding, prompt, multimask=True), options.clicks
        )
        (masks, scores, logits), other = measure(
            lambda words=words: predictor.predict(**words), options.clicks
        )
        order = np.argsort(-scores, kind="stable")
        deviation = np.abs(found.logits - logits[order]).max()
        wrong = int((found.masks != masks[order]).sum())
        row(name, other, cost, f"{deviation:.1e} (std {logits.std():.1f}), {wrong} pixels of masks")


def prompts(sam: Any, options: argparse.Namespace) -> None:
    """Compare 64 clicks, low-resolution masks, with the reference at two batch sizes."""
    image, model = picture(options.size), Remembering(sam, options)
    predictor, embedding = model.predictor(image), model.encode(image)
    points = np.random.default_rng(1).uniform(0, options.size, (64, 2))
    xy = torch.as_tensor(predictor.transform.apply_coords(points[:, ::-1], predictor.original_size))
    ones = torch.ones(64, 1, dtype=torch.int)

    def reference(batch: int) -> torch.Tensor:
        found = []
        for start in range(0, 64, batch):
            part = slice(start, start + batch)
            with torch.no_grad():
                sparse, dense = sam.prompt_encoder(
                    points=(xy[part, None], ones[part]), boxes=None, masks=None
                )
                low, _ = sam.mask_decoder(
                    image_embeddings=predictor.features,
                    image_pe=sam.prompt_encoder.get_dense_pe(),
                    sparse_prompt_embeddings=sparse,
                    dense_prompt_embeddings=dense,
                    multimask_output=True,
                )
            found.append(low)
        return torch.cat(found)

    def fast() -> torch.Tensor:
        return torch.stack([make([0, 1, 2]) for _, make in model.decode_points(embedding, points)])

    ours, cost = measure(fast, options.repeat)
    for batch in options.batches:
        expected, other = measure(lambda batch=batch: reference(batch), options.repeat, warm=False)
        difference = (ours - expected).abs().max().item()
        row(
            f"64 prompts, reference in batches of {batch}",
            other,
            cost,
            f"{difference:.1e} (std {expected.std():.1f})",
        )


def thresholds(model: SamModel, embedding: Embedding, side: int) -> dict[str, float]:
    """Thresholds that let a realistic share of masks through: with random weights none is."""
    upsampler = model.upsampler(embedding)
    sample = np.random.default_rng(2).uniform(0, side, (24, 2))
    scores, stabilities = [], []
    for found, make in model.decode_points(embedding, sample):
        scores.append(found)
        for low in make([0, 1, 2]):
            whole = upsampler.whole(low)
            stabilities.append(float((whole > 1).sum() / (whole > -1).sum().clamp(min=1)))
    return {
        "pred_iou_thresh": float(np.clip(np.quantile(scores, 0.6), 0, 1)),
        "stability_score_thresh": float(np.clip(np.quantile(stabilities, 0.4), 0, 1)),
    }


def everything(sam: Any, options: argparse.Namespace) -> None:
    """Compare everything-mode without encoding; both get the same embeddings for nothing."""
    image, model = picture(options.size), Remembering(sam, options)
    rng = np.random.default_rng(3)
    grids = [
        rng.permutation(grid)[:: options.share]
        for grid in build_all_layer_point_grids(options.grid, options.crops, 2)
    ]
    parameters = {
        **thresholds(model, model.encode(image), options.size),
        "points_per_side": None,
        "point_grids": grids,
        # No suppression: every mask that passes the other filters is compared.
        "box_nms_thresh": 1.0,
        "crop_nms_thresh": 1.0,
        "crop_n_layers": options.crops,
    }
    generator = SamAutomaticMaskGenerator(sam, **parameters)
    generator.predictor.set_image = lambda crop, *_: model.give(generator.predictor, crop)

    def ours_once() -> Any:
        return segment_everything(image, model, limits=FULL, output="masks", **parameters)

    ours, cost = measure(ours_once, 1)
    expected, other = measure(lambda: generator.generate(image), 1, warm=False)
    same = [r["bbox"] for r in ours] == [r["bbox"] for r in expected]
    worst = 1.0
    for one, two in zip(ours, expected, strict=False):
        both = (one["segmentation"] & two["segmentation"]).sum()
        worst = min(worst, both / max((one["segmentation"] | two["segmentation"]).sum(), 1))
    asked = sum(len(grid) * 4**layer for layer, grid in enumerate(grids))
    row(
        f"everything {options.grid}x{options.grid}, {options.size}², {options.crops} crop layers, "
        f"{asked} points",
        other,
        cost,
        f"{len(ours)}/{len(expected)} of {3 * asked} kept, {'same' if same else 'DIFFERENT'} "
        f"boxes, worst IoU {worst:.4f}",
    )


def seeds(sam: Any, options: argparse.Namespace) -> None:
    """Compare, here, asking about a grid and about where ``cells`` sees objects.

    Weights are random, so masks say nothing; what can be told is how many discs of the picture
    were asked about at all.
    """
    image, model, finder = picture(options.size), Remembering(sam, options), load_model("cells")
    words = {
        **thresholds(model, model.encode(image), options.size),
        "points_per_side": options.grid,
        "output": "masks",
        "finder": finder,
    }
    _, grid = measure(lambda: segment_everything(image, model, ask_at="grid", **words), 1)
    _, other = measure(lambda: segment_everything(image, model, ask_at="objects", **words), 1)
    row(
        f"grid {options.grid}x{options.grid} against seeds, {options.size}²",
        grid,
        other,
        ", ".join(
            f"{len(points)} points in {_hit(points, options.size)} of 120 discs"
            for points in (
                point_grid(options.grid) * options.size,
                object_points(image, finder, options.grid, limits=FULL),
            )
        ),
    )


def _hit(points: np.ndarray, size: int) -> int:
    rows, columns, radii = discs(size).T
    away = np.hypot(points[:, :1] - rows, points[:, 1:] - columns)
    return int((away < radii).any(0).sum())


PARTS = {
    "encode": encode,
    "click": click,
    "prompts": prompts,
    "everything": everything,
    "seeds": seeds,
}


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    parser.add_argument("--quick", action="store_true", help="a small grid, few repetitions")
    parser.add_argument("--kind", default="vit_b", choices=("vit_b", "vit_l", "vit_h"))
    parser.add_argument("--size", type=int, default=1024, help="side of the picture")
    parser.add_argument("--grid", type=int, default=8, help="points per side")
    parser.add_argument("--crops", type=int, default=0, help="layers of crops")
    parser.add_argument("--share", type=int, default=1, help="ask about every n-th point")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--clicks", type=int, default=11, help="repetitions of a click")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 1], help="of the reference")
    parser.add_argument("--embeddings", type=Path, help="existing folder to keep embeddings in")
    options = parser.parse_args()
    if options.quick:
        options.grid, options.clicks = min(options.grid, 4), 3
    torch.set_num_threads(options.threads)
    sam = network(options.kind)
    print(f"{options.kind}, {options.threads} thread(s), wall (user) seconds, GiB\n")
    print("| what | reference | here | times faster | ref. +GiB | here +GiB | deviation |")
    print("|---|---|---|---|---|---|---|")
    for name in options.only:
        PARTS[name](sam, options)


if __name__ == "__main__":
    main()
