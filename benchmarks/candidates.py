"""What the three candidates of a single click show: the part, the object and the clump.

    python benchmarks/candidates.py [--data DATA] [--model cells] [--windows 240]

Windows of validation images (generated ones, and those of DATA that training holds out) as training
draws them, zooms and looks varied at random, four clicks each; the network alone.  "Alone" are
objects that touch none, and those in a tissue.  Areas are medians, over that of the object.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import napari_sam as ns
from napari_sam.training.crops import prepare_plane
from napari_sam.training.evaluation import validation_images
from napari_sam.training.pairs import scale_to_unit
from napari_sam.training.prompting import choose_objects, first_prompts
from napari_sam.training.roles import CLUMP, PART, other_meanings
from napari_sam.training.sampling import WindowStream

OBJECT = 0
LEAST = 30  # map pixels of an object worth asking about


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """IoU."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default="cells")
    parser.add_argument("--windows", type=int, default=240)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    network = ns.load_model(options.model).network
    images = validation_images(options.data, per_family=8, per_kind=2)
    planes = [
        prepare_plane(scale_to_unit(image), truth, family) for family, _, image, truth in images
    ]
    stream = WindowStream([plane for plane in planes if plane is not None], seed=1)
    found: dict[str, list[list[float]]] = {"alone": [], "in a clump": []}
    for _ in range(options.windows // 4):
        examples = [stream.draw(192) for _ in range(4)]
        batch = first_prompts(*choose_objects(examples, 4, generator, torch.device("cpu")))
        batch.boxes[:], batch.labels[:] = torch.nan, 1
        meanings = other_meanings(examples, batch)[0].numpy()
        image = torch.from_numpy(np.stack([example.image for example in examples]))
        with torch.inference_mode():
            logits, scores = network.decode(
                network.encode(image), batch.image_index, batch.points, batch.labels, batch.boxes
            )
        masks, truths = (logits > 0).numpy(), batch.truth.numpy() > 0
        for mask, truth, meant, score in zip(masks, truths, meanings, scores, strict=True):
            if truth.sum() < LEAST:
                continue
            clump = meant[CLUMP]
            areas = [mask[k].sum() / truth.sum() for k in (PART, OBJECT, CLUMP)]
            nested = areas[0] <= areas[1] <= areas[2]
            shown = overlap(mask[CLUMP], clump if clump.any() else truth)
            first = float(score.argmax() == OBJECT)
            row = [*areas, overlap(mask[OBJECT], truth), shown, nested, first]
            found["in a clump" if clump.any() else "alone"].append(row)
    print(
        "| object | clicks | area of the part | of the object | of the clump | IoU of the object "
        "| IoU of the clump | in this order | object is predicted best |"
    )
    print("|---" * 9 + "|")
    for title, rows in found.items():
        table = np.array(rows)
        values = [*np.median(table[:, :3], axis=0), *table[:, 3:].mean(0)]
        print(f"| {title} | {len(rows)} | " + " | ".join(f"{v:.2f}" for v in values) + " |")


if __name__ == "__main__":
    main()
