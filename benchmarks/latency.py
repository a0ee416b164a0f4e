"""How long a person waits: encode, click to mask, and click to preview in the real window.

    python benchmarks/latency.py [--clicks 100] [--window] [--reference] [--processor-time]

Prints a table; a correction is a second click, on the background, that refines the first answer.
``--processor-time`` counts seconds of this process on the processors instead, which other work on
the machine changes little. ``--window`` opens napari (under a virtual display: ``xvfb-run -a -s
"-screen 0 1600x1000x24" python benchmarks/latency.py --window``) and times real mouse clicks until
the preview layer holds the answer. ``--reference`` adds ``segment_anything`` ViT-B with random
weights, whose time does not depend on the values of its weights.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

import napari_sam as ns
from napari_sam.training.synthetic import generate

SIDES = (512, 1024, 2048)
clock: Callable[[], float] = time.perf_counter


def picture(side: int) -> np.ndarray:
    """Return a generated field of nuclei of this side, 8 bits."""
    tile = np.asarray(generate("nuclei_dense", 7, (512, 512)).image, dtype=np.float64)
    tile = 255 * (tile - tile.min()) / np.ptp(tile)
    return np.tile(tile.astype(np.uint8), (side // 512, side // 512))


def places(side: int, count: int) -> Iterator[tuple[float, float]]:
    """Return click positions anywhere in the image."""
    rng = np.random.default_rng(0)
    for r, c in rng.uniform(0.02 * side, 0.98 * side, (count, 2)):
        yield float(r), float(c)


def seconds(call: Callable[[], object]) -> float:
    start = clock()
    call()
    return clock() - start


def row(what: str, side: int, encode: float, clicks: list[float]) -> None:
    p50, p95 = np.percentile(clicks, (50, 95)) * 1000
    print(
        f"| {what} | {side}² | {encode:6.2f} | {p50:6.0f} | {p95:6.0f} | {len(clicks)} |",
        flush=True,
    )


def measure_api(side: int, count: int, name: str) -> None:
    model = ns.load_model(name, device="cpu")
    image = picture(side)
    model.encode(image[:256, :256])  # the first call pays for memory and code paths
    encode = float(np.median([seconds(lambda: model.encode(image)) for _ in range(3)]))
    embedding = model.encode(image)
    clicks, corrections = [], []
    for r, c in places(side, count):
        first = ns.Prompt(points=[(r, c)])
        clicks.append(seconds(lambda prompt=first: model.predict(embedding, prompt)))
        found = model.predict(embedding, first)
        more = ns.Prompt(
            points=[(r, c), (r + 4, c + 4)],
            labels=[1, 0],
            logits=found.logits[0],
            window=found.window,
        )
        corrections.append(seconds(lambda prompt=more: model.predict(embedding, prompt)))
    row(f"{model.name}, Python", side, encode, clicks)
    row(f"{model.name}, correction", side, encode, corrections)


def measure_reference(side: int, count: int) -> None:
    from segment_anything import SamPredictor, sam_model_registry

    torch.manual_seed(0)
    predictor = SamPredictor(sam_model_registry["vit_b"]().eval())
    image = np.repeat(picture(side)[..., None], 3, axis=2)
    encode = seconds(lambda: predictor.set_image(image))
    clicks = [
        seconds(
            lambda p=p: predictor.predict(
                point_coords=np.array([p[::-1]]), point_labels=np.array([1])
            )
        )
        for p in places(side, count)
    ]
    row("segment_anything ViT-B", side, encode, clicks)


def main() -> None:
    global clock
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=100)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--window", action="store_true", help="time clicks in the real window")
    parser.add_argument("--reference", action="store_true", help="add segment_anything")
    parser.add_argument("--processor-time", action="store_true", help="not the clock on the wall")
    parser.add_argument("--model", default="cells", help="a name from the zoo or a checkpoint")
    options = parser.parse_args()
    if options.processor_time:
        clock = time.process_time
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print("| path | image | encode, s | click p50, ms | p95, ms | clicks |")
    print("|---|---|---|---|---|---|")
    for side in options.sides:
        measure_api(side, options.clicks, options.model)
    if options.window:
        from latency_window import measure_window

        for side in options.sides:
            row("cells, window", side, *measure_window(picture(side), places(side, options.clicks)))
    if options.reference:
        for side in options.sides:
            measure_reference(side, min(options.clicks, 10))


if __name__ == "__main__":
    main()
