"""How good the masks are: the table of the model card, and pictures of good and bad cases.

    python benchmarks/accuracy.py --data DATA [--model cells] [--out results] [--per-family 8]
        [--beside WEIGHTS]

DATA is a folder of pairs, ``NAME.image.tif`` beside ``NAME.labels.tif``; only the validation
split is read (see ``docs/training.md``).  Without it only generated images are measured.
Writes ``table.md``, ``images.csv``, ``objects.csv`` and a picture per family: truth (white)
and prediction (teal) on the best, the median and the worst image by AP@.5.

``--beside WEIGHTS`` measures other weights on the same images in the same run and prints, for each
family and in the mean of the families, what they reach and what the model reaches.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from skimage.segmentation import find_boundaries

import napari_sam as ns
from napari_sam.training.evaluation import (
    AnnotatedImage,
    Scores,
    evaluate_images,
    table,
    validation_images,
    write_rows,
)
from napari_sam.training.generated import generated_validation
from napari_sam.training.pairs import scale_to_unit

#: What two models are compared by; the last three come from whole images.
COMPARED = {
    "click": "1 click",
    "clicks3": "3 clicks",
    "box": "box",
    "iou_error": "IoU error",
    "ap50": "AP@.5",
    "ap75": "AP@.75",
    "ap": "AP .5:.95",
}
#: Generated kinds that the first generation of weights failed on.
FAILURES = (
    "nuclei_spotted",
    "nuclei_on_grain",
    "nuclei_section",
    "branching_cells",
    "em_cortex",
    "em_plant",
    "endothelium",
    "red_cells",
    "phase_flat",
)
TRUTH, FOUND = (1.0, 1.0, 1.0), (0.0, 0.8, 0.75)


def drawn(image: np.ndarray, labels: np.ndarray, colour: tuple[float, ...]) -> np.ndarray:
    """Return the image (H, W, 3) with the outlines of the labels."""
    grey = scale_to_unit(image)
    picture = np.repeat(grey[..., None], 3, -1) if grey.ndim == 2 else grey.copy()
    picture[find_boundaries(labels, mode="inner")] = colour
    return picture


def draw_families(
    model: ns.Model, images: list[AnnotatedImage], scores: Scores, folder: Path
) -> None:
    """Write a PNG per family with its best, median and worst image."""
    from matplotlib.figure import Figure

    precision = {(row["family"], row["image"]): row["ap50"] for row in scores.images}
    for family in dict.fromkeys(image[0] for image in images):
        members = sorted(
            (image for image in images if image[0] == family),
            key=lambda image: -precision[image[:2]],
        )
        chosen = [members[i] for i in sorted({0, len(members) // 2, len(members) - 1})]
        figure = Figure(figsize=(8, 4 * len(chosen)), layout="constrained")
        axes = figure.subplots(len(chosen), 2, squeeze=False)
        for (_, name, image, labels), (left, right) in zip(chosen, axes, strict=True):
            found = ns.segment_cells(image, model=model).labels
            left.imshow(drawn(image, labels, TRUTH))
            right.imshow(drawn(image, found, FOUND))
            left.set_title(f"{name}: {labels.max()} objects", fontsize=8)
            right.set_title(f"found {found.max()}, AP@.5 {precision[family, name]:.2f}", fontsize=8)
            left.axis("off")
            right.axis("off")
        figure.savefig(folder / f"{family.replace(' ', '_').replace('/', '')}.png", dpi=80)


def family_means(scores: Scores) -> dict[str, dict[str, float]]:
    """Return the means of every family, and last the mean of the families."""
    families = list(dict.fromkeys(row["family"] for row in scores.images))
    means: dict[str, dict[str, float]] = {}
    for family in families:
        rows = [*scores.images, *scores.objects]
        mine = [row for row in rows if row["family"] == family]
        means[family] = {
            key: float(np.mean([row[key] for row in mine if key in row])) for key in COMPARED
        }
    means["mean of the families"] = {
        key: float(np.mean([one[key] for one in means.values()])) for key in COMPARED
    }
    return means


def comparison(before: Scores, after: Scores) -> str:
    """Return a table of what two models reach on the same images: ``before > after``."""
    lines = ["| | " + " | ".join(COMPARED.values()) + " |", "|" + "---|" * (len(COMPARED) + 1)]
    old = family_means(before)
    for family, new in family_means(after).items():
        cells = [f"{old[family][key]:.3f} > {new[key]:.3f}" for key in COMPARED]
        lines.append("| " + " | ".join([family, *cells]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default="cells")
    parser.add_argument("--out", type=Path, default=Path("runs/accuracy"))
    parser.add_argument("--per-family", type=int)
    parser.add_argument("--objects", type=int, default=6)
    parser.add_argument("--generated", type=int, default=3)
    parser.add_argument(
        "--failures", type=int, default=0, help="images of each generated kind of failure, alone"
    )
    parser.add_argument("--beside", help="other weights, measured on the same images")
    parser.add_argument("--no-pictures", action="store_true")
    chosen = parser.parse_args()
    model = ns.load_model(chosen.model)
    if chosen.failures:
        kinds = {kind: (kind,) for kind in FAILURES}
        images = list(generated_validation(chosen.failures, families=kinds))
    else:
        images = list(
            validation_images(chosen.data, per_family=chosen.per_family, per_kind=chosen.generated)
        )

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    scores = evaluate_images(model, images, objects=chosen.objects, say=say)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "table.md").write_text(table(scores) + "\n", encoding="utf-8")
    write_rows(scores.images, chosen.out / "images.csv")
    write_rows(scores.objects, chosen.out / "objects.csv")
    print(table(scores))
    if chosen.beside:
        other = ns.load_model(chosen.beside)
        before = evaluate_images(other, images, objects=chosen.objects, baselines=False, say=say)
        write_rows(before.images, chosen.out / "beside-images.csv")
        write_rows(before.objects, chosen.out / "beside-objects.csv")
        (chosen.out / "beside.md").write_text(comparison(before, scores) + "\n", encoding="utf-8")
        print(comparison(before, scores))
    if not chosen.no_pictures:
        draw_families(model, images, scores, chosen.out)


if __name__ == "__main__":
    main()
