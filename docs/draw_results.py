"""Draw what `cells` finds on each kind of image, at its best and at its worst.

    python docs/draw_results.py          # writes docs/images/results.jpg

All images are generated, with seeds that training never uses; for each kind twelve are
segmented, and the best and the worst by AP at IoU .5 are shown: truth white, found teal.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from skimage.segmentation import find_boundaries

import napari_sam as ns
from napari_sam.training.metrics import average_precision
from napari_sam.training.pairs import scale_to_unit
from napari_sam.training.synthetic import generate

SHOWN = {
    "nuclei_dense": "nuclei, fluorescence",
    "nuclei_confocal": "nuclei, confocal",
    "membranes": "membranes",
    "stain_pink_purple": "stained tissue",
    "phase_cells": "phase contrast",
    "dic_cells": "DIC",
    "rods_phase": "bacteria, phase contrast",
    "yeast": "yeast",
    "em_axons": "axons, electron microscope",
    "em_mitochondria": "mitochondria, electron microscope",
    "worms": "worms",
    "organoids": "organoids",
}
SEEDS = range(12)
TRUTH, FOUND = (1.0, 1.0, 1.0), (0.0, 0.8, 0.75)


def outlined(image: np.ndarray, truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the image (2H, 2W, 3) with the outlines of both."""
    grey = scale_to_unit(image).repeat(2, 0).repeat(2, 1)
    picture = np.repeat(grey[..., None], 3, -1) if grey.ndim == 2 else grey
    for labels, colour in ((truth, TRUTH), (found, FOUND)):
        large = labels.repeat(2, 0).repeat(2, 1)
        picture[find_boundaries(large, mode="inner")] = colour
    return picture


def main() -> None:
    model = ns.load_model("cells")
    figure = Figure(figsize=(3 * 4, 3.1 * len(SHOWN) / 2), layout="constrained")
    axes = figure.subplots((len(SHOWN) + 1) // 2, 4).reshape(-1, 2)
    for (kind, title), pair in zip(SHOWN.items(), axes, strict=True):
        results = []
        for seed in SEEDS:
            image, truth = generate(kind, seed, (256, 256))[:2]
            found = ns.segment_cells(image, model=model).labels
            results.append((average_precision(truth, found)[0], seed, image, truth, found))
        results.sort(key=lambda result: result[:2])
        for axis, which in zip(pair, (-1, 0), strict=True):
            precision, _, image, truth, found = results[which]
            axis.imshow(outlined(np.asarray(image), truth, found))
            axis.set_title(f"{title}: {precision:.2f}", fontsize=9)
            axis.axis("off")
        mean = np.mean([result[0] for result in results])
        print(
            f"{title}: mean AP@.5 {mean:.2f}, best {results[-1][0]:.2f}, worst {results[0][0]:.2f}"
        )
    figure.savefig(
        Path(__file__).parent / "images" / "results.jpg", dpi=70, pil_kwargs={"quality": 85}
    )


if __name__ == "__main__":
    main()
