"""What finding cells loses on images that somebody has turned, painted, padded or shown otherwise.

    python benchmarks/disturbed.py --data DATA [--per-family 8] [--stacks]

Real validation images of DATA (see ``docs/training.md``), each as it is and disturbed in ways that
change to nobody's eye what it shows. AP@.5 of `napari_sam.segment_cells`, in the mean of each
family and of the families; with ``--stacks`` that of `napari_sam.segment_volume` on real stacks.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

import napari_sam as ns
from napari_sam.training.evaluation import validation_images
from napari_sam.training.metrics import average_precision
from stack_samples import real

Pair = tuple[np.ndarray, np.ndarray]
MARGIN = 0.25  # of the side, on each side
HUES = {"green": (0, 1, 0), "blue": (0, 0, 1), "magenta": (1, 0, 1)}


def scaled(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, (0.5, 99.8))
    return np.clip((image.astype(np.float32) - low) / max(high - low, 1e-6), 0, 1)


def padded(image: np.ndarray, labels: np.ndarray, value: float) -> Pair:
    widths = [(round(MARGIN * side),) * 2 for side in labels.shape[-2:]]
    first = [(0, 0)] * (labels.ndim - 2)
    colour = [(0, 0)] * (image.ndim - labels.ndim)
    return (
        np.pad(image, first + widths + colour, constant_values=value),
        np.pad(labels, first + widths),
    )


def enlarged(image: np.ndarray, labels: np.ndarray, times: float) -> Pair:
    factors = (1,) * (labels.ndim - 2) + (times, times)
    colour = (1,) * (image.ndim - labels.ndim)
    return (
        ndi.zoom(image.astype(np.float32), factors + colour, order=1),
        ndi.zoom(labels, factors, order=0),
    )


def planes_of(image: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, Pair]]:
    """Yield a plane as it is and disturbed."""
    yield "as it is", (image, labels)
    yield "black margins", padded(image, labels, 0)
    yield "white margins", padded(image, labels, image.max())
    yield (
        "turned by 30 degrees",
        (
            ndi.rotate(image, 30, axes=(1, 0), order=1),
            ndi.rotate(labels, 30, axes=(1, 0), order=0),
        ),
    )
    yield "mirrored", (image[:, ::-1], labels[:, ::-1])
    grey = scaled(image)
    if image.ndim == 2:
        for name, hue in HUES.items():
            painted = np.round(255 * grey[..., None] * np.array(hue)).astype(np.uint8)
            yield f"painted {name}", (painted, labels)
    yield "gamma 0.5", (grey**0.5, labels)
    yield "gamma 2", (grey**2, labels)
    yield "twice as large", enlarged(image, labels, 2)


def stacks_of(image: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, Pair]]:
    """Yield a stack as it is and disturbed."""
    grey = scaled(image)
    fading = np.linspace(1, 0.25, len(image))[:, None, None]
    yield "as it is", (image, labels)
    yield "black margins", padded(image, labels, 0)
    yield "fading along z", (grey * fading, labels)
    yield "gamma 0.6", (grey**0.6, labels)
    yield "gamma 1.7", (grey**1.7, labels)
    yield "twice as large", enlarged(image, labels, 2)


def table(found: dict[str, dict[str, list[float]]], last: str | None) -> str:
    """Print what was found by disturbance and group."""
    groups = list(found["as it is"])
    lines = ["| AP@.5 | " + " | ".join([*groups, *([last] if last else [])]) + " |"]
    lines.append("|" + "---|" * (len(groups) + 1 + bool(last)))
    for name, scores in found.items():
        means = [float(np.mean(scores[group])) if scores[group] else np.nan for group in groups]
        means += [float(np.nanmean(means))] if last else []
        cells = ["" if np.isnan(mean) else f"{mean:.2f}" for mean in means]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--per-family", type=int, default=8)
    parser.add_argument("--stacks", action="store_true", help="stacks instead of planes")
    chosen = parser.parse_args()
    model = ns.load_model("cells")
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    if chosen.stacks:
        for stack in real(chosen.data, ("plantseg", "qcanet")):
            for name, (image, labels) in stacks_of(stack.image, stack.labels):
                times = image.shape[-1] / stack.image.shape[-1] if "large" in name else 1
                spacing = (stack.spacing[0], *(side / times for side in stack.spacing[1:]))
                result = ns.segment_volume(image, model, spacing=spacing)
                found[name][stack.name].append(average_precision(labels, result.labels)[0])
        print(table(found, None))
        return
    for family, _, image, labels in validation_images(
        chosen.data, per_family=chosen.per_family, per_kind=0
    ):
        for name, (shown, truth) in planes_of(image, labels):
            result = ns.segment_cells(shown, model=model)
            found[name][family].append(average_precision(truth, result.labels)[0])
    print(table(found, "mean of the families"))


if __name__ == "__main__":
    main()
