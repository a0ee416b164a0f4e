"""How the recipe does on sources that it never saw.

    python benchmarks/leave_one_out.py --data DATA [--minutes 7] [--out O] [--beside BEFORE]

A network is trained on generated images alone, once. From it, for every group of sources, a
short run goes on with all real images *but that group's*, and is measured on the group, through
the public interface as a person uses it. Beside it: the network before it saw any real image,
and the shipped weights, which were trained with most of these sources. Minutes are processor
time of one thread. What is already in OUT is not trained again. BEFORE is the OUT of this command
in another version: what its recipe made of the same time is measured on the same images.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

import napari_sam as ns
from napari_sam.training.checkpoints import export_weights, load_checkpoint
from napari_sam.training.crops import AnnotatedPlane
from napari_sam.training.evaluation import AnnotatedImage, evaluate_images
from napari_sam.training.generated import generated_planes
from napari_sam.training.loop import Trainer
from napari_sam.training.pairs import Pair, find_pairs
from napari_sam.training.sampling import load_planes
from napari_sam.training.settings import RunSettings

#: Groups of sources, by the beginning of their names; each is left out together.
SOURCES: dict[str, tuple[str, ...]] = {
    "nuclei, fluorescence": ("dsb_fluo",),
    "tissue, purple and pink": ("dsb_purple_he",),
    "tissue, other stains": ("dsb_purple_white", "dsb_brightfield"),
    "phase contrast": ("usiigaci",),
    "axons, electron microscope": ("axonsem",),
    "bacteria, and colonies of stem cells": ("cheetah_bacteria", "cheetah_mes"),
}
NEVER = ("cheetah_volvox", "plant", "laptrack")  # held out from every training
SOURCES["never trained on: Volvox, ovules, time lapse"] = NEVER
COLUMNS = {"ap50": "AP@.5", "click": "1 click", "clicks3": "3 clicks", "box": "box"}
WEIGHTS = "weights.safetensors"
SIDE = 512  # pixels of the images' middles that are measured


def trained(planes: list[AnnotatedPlane], out: Path, minutes: float, start: Path | None) -> Path:
    """Train and export, or find what an earlier call exported."""
    weights = out / WEIGHTS
    if not weights.exists():
        settings = RunSettings(
            minutes=minutes,
            instance_minutes=0 if start else minutes / 3,
            learning_rate=1.2e-3 if start else 2.0e-3,
            threads=1,
            device="cpu",
        )
        trainer = Trainer(planes, out, settings, clock=time.process_time)
        if start:
            trainer.start_from(start)
        trainer.run()
        export_weights(load_checkpoint(out / "last.pt"), weights)
    return weights


def chosen(pairs: list[Pair], names: tuple[str, ...], count: int) -> list[AnnotatedImage]:
    """Return the middles of some images of a group, evenly spaced over its names."""
    members = [pair for pair in pairs if pair.name.startswith(names)]
    places = np.linspace(0, len(members) - 1, min(count, len(members))).round().astype(int)
    images = []
    for pair in (members[place] for place in places):
        image, labels = next(iter(pair.planes()))
        middle = tuple(
            slice(max(0, (side - SIDE) // 2), (side - SIDE) // 2 + SIDE if side > SIDE else side)
            for side in labels.shape
        )
        if labels[middle].any():
            images.append((pair.family, pair.name, image[middle], labels[middle]))
    return images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/leave_one_out"))
    parser.add_argument("--beside", type=Path, help="OUT of another recipe, measured as well")
    parser.add_argument("--base-minutes", type=float, default=15)
    parser.add_argument("--minutes", type=float, default=7, help="of every group")
    parser.add_argument("--images", type=int, default=8, help="measured of every group")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pairs = find_pairs(options.data)
    synthetic = generated_planes(16, say=print)
    base = trained(synthetic, options.out / "generated", options.base_minutes, None)
    lines = [
        "| left out | trained with | images / objects | " + " | ".join(COLUMNS.values()) + " |",
        "|" + "---|" * (3 + len(COLUMNS)),
    ]
    for title, names in SOURCES.items():
        models = {"shipped weights": "cells", "generated images": str(base)}
        before = options.beside
        if before is not None:
            models["generated images, before"] = str(before / "generated" / WEIGHTS)
        if names != NEVER:  # the shipped weights themselves have not seen those
            kept = [pair for pair in pairs if not pair.name.startswith((*names, *NEVER))]
            folder = options.out / names[0]
            planes = [] if (folder / WEIGHTS).exists() else load_planes(kept, print)
            weights = trained(planes + synthetic, folder, options.minutes, base)
            models["and all other sources"] = str(weights)
            if before is not None:
                models["and all other sources, before"] = str(before / names[0] / WEIGHTS)
        images = chosen(pairs, names, options.images)
        for what, model in models.items():
            scores = evaluate_images(ns.load_model(model), images, objects=5, baselines=False)
            values = [
                np.mean([row[key] for row in scores.images + scores.objects if key in row])
                for key in COLUMNS
            ]
            lines.append(
                f"| {title} | {what} | {len(scores.images)} / {len(scores.objects)} | "
                + " | ".join(f"{value:.2f}".replace("0.", ".") for value in values)
                + " |"
            )
            print(lines[-1], flush=True)
    (options.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
