"""Fit the small models by which objects are linked through time and slices.

    python benchmarks/fit_stacks.py [links|gaps|divisions|slices|all] [--movies 24]

Prints the constants of ``stacks/link.py`` and ``stacks/lineage.py``, and writes
``stacks/same_object.json``. Movies are generated, every first, third and sixth frame of them;
objects are left out at random, and masks come smaller or larger than they are, as no segmentation
is perfect. Slices of generated stacks, every first and second of them, are segmented by the model
``cells``, and their true objects count as much: whole, and in parts where they are in several,
some of which are cut in two.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage as ndi
from skimage.measure import label as connected_parts

import napari_sam as ns
import napari_sam.stacks
from napari_sam.engine.run import run
from napari_sam.images import Image
from napari_sam.methods.registry import method
from napari_sam.stacks.frames import FrameObjects, describe, overlaps
from napari_sam.stacks.lineage import Lineage, Nodes, find_births, find_gaps
from napari_sam.stacks.link import find_pairs, link_two
from napari_sam.stacks.logistic import Logistic, fit
from napari_sam.stacks.pair_light import MOST_DARKER
from napari_sam.stacks.perceptron import Perceptron
from napari_sam.stacks.slice_signs import MOST_DISTANCE, MOST_RATIO
from napari_sam.stacks.volumes import SliceObjects, collect
from napari_sam.training.synthetic import generate_timelapse
from napari_sam.training.synthetic.volumes import NUCLEI_KINDS
from stack_samples import Stack, generated

#: Where the network that joins slices is kept.
SAME_FILE = Path(napari_sam.stacks.__file__).parent / "same_object.json"
STACKS = (*NUCLEI_KINDS, "membrane_stack", "neurite_stack")
#: What each of its signs is at most, see `Perceptron`.
MOST = (
    *(1.0, 1.0, MOST_DISTANCE, 3.0, 2.0, 9.0, 1.0, 1.0),
    *(MOST_DARKER, MOST_DARKER, MOST_DARKER, MOST_RATIO, MOST_RATIO, 1.0, 1.0, 1.0),
)
NETWORKS, HIDDEN = 3, 32
ROUNDS, BATCH, RATE = 5000, 8192, 3e-2
FIRST_SEED = 50_000  # seeds of the tables are smaller
STEPS = (1, 3, 6)
MISSING = 0.03
CUT = 0.1  # share of the objects of a slice that are in two pieces


def spoil(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Leave objects out, and let others shrink or grow by a pixel."""
    spoilt = labels.copy()
    for frame in spoilt:
        ids = np.unique(frame[frame > 0])
        frame[np.isin(frame, ids[rng.random(len(ids)) < MISSING])] = 0
        smaller = np.isin(frame, ids[rng.random(len(ids)) < 0.3])
        frame[smaller & ~ndi.binary_erosion(frame > 0)] = 0
        cut_off(frame, ids[rng.random(len(ids)) < 0.3], rng)
        grown = ndi.grey_dilation(frame, 3)
        free = (frame == 0) & np.isin(grown, ids[rng.random(len(ids)) < 0.3])
        frame[free] = grown[free]
    return spoilt


def cut_off(frame: np.ndarray, ids: np.ndarray, rng: np.random.Generator) -> None:
    """Take away a side of some objects."""
    for number in ids:
        rows, columns = np.nonzero(frame == number)
        angle = rng.uniform(0, 2 * np.pi)
        along = rows * np.cos(angle) + columns * np.sin(angle)
        gone = along > np.quantile(along, rng.uniform(0.6, 1)) if len(along) else along > 0
        frame[rows[gone], columns[gone]] = 0


def movies(count: int) -> Iterator[tuple[np.ndarray, list[FrameObjects], dict[int, int]]]:
    """Yield the labels of generated movies, their objects, and who came from whom."""
    rng = np.random.default_rng(0)
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        sample = generate_timelapse(seed, (24, 256, 256))
        for step in STEPS:
            labels = spoil(sample.labels[::step], rng)
            yield labels, [describe(frame) for frame in labels], sample.info["parents"]


def report(name: str, signs: list[np.ndarray], truth: list[np.ndarray]) -> None:
    x, y = np.concatenate(signs), np.concatenate(truth)
    model = fit(x, y)
    right = np.mean((model.log_odds(x) > 0) == y)
    print(f"# {len(y)} pairs, {np.count_nonzero(y)} of them true, {right:.4f} told right")
    rounded = Logistic(tuple(round(w, 3) for w in model.weights), round(model.bias, 3))
    print(f"{name} = {rounded}", flush=True)


def follows(before: np.ndarray, after: np.ndarray, parents: dict[int, int]) -> np.ndarray:
    """Tell where the later object is the earlier one or its daughter."""
    mothers = np.array([parents.get(int(number), 0) for number in after], np.int64)
    return (before == after) | (before == mothers)


def links(count: int) -> None:
    signs, truth = [], []
    for labels, frames, parents in movies(count):
        for before, after, first, second in zip(
            labels, labels[1:], frames, frames[1:], strict=False
        ):
            common = overlaps(before, after, first, second)
            pairs = find_pairs(first, second, common, np.zeros_like(first.places))
            signs.append(pairs.signs)
            truth.append(follows(first.ids[pairs.rows], second.ids[pairs.columns], parents))
    report("WEIGHTS", signs, truth)


def leftovers(count: int, kind: str) -> None:
    signs, truth = [], []
    for labels, frames, parents in movies(count):
        found = [
            link_two(*both) for both in zip(labels, labels[1:], frames, frames[1:], strict=False)
        ]
        lineage = Lineage.of(frames, found)
        nodes = Nodes.of(frames)
        ids = np.concatenate([frame.ids for frame in frames])
        if kind == "gaps":
            a, b, found = find_gaps(lineage, nodes, 2)
            truth.append(follows(ids[a], ids[b], parents))
        else:
            a, b, found = find_births(lineage, nodes)
            true = []
            for mother, new in zip(a, b, strict=True):
                followed = ids[lineage.after[mother]]
                true.append(
                    parents.get(int(ids[new])) == ids[mother]
                    and parents.get(int(followed)) == ids[mother]
                )
            truth.append(np.array(true, bool))
        signs.append(found)
    report("GAP" if kind == "gaps" else "DIVISION", signs, truth)


def slices() -> None:
    model = ns.load_model("cells", device="cpu")
    rng = np.random.default_rng(0)
    signs, truth, weights = [], [], []
    for stack in stacks():
        image = Image.of(stack.image, pixel_size=stack.pixel_size)
        found = run(image, None, method("volume"), model)
        cells = np.stack([one.chosen.labels for one in found])
        cut = cut_in_pieces(apart_in_slices(stack.labels), rng)
        ways = (cells, 1.0), (cut, 0.5), (stack.labels, 0.5)
        for number, (planes, weight) in enumerate(ways):
            for every in (1, 2):
                parts = planes[::every], stack.labels[::every], stack.image[::every]
                said, same = slice_pairs(*parts, every * stack.spacing[0])
                signs.append(said)
                truth.append(same)
                kind = STACKS.index(stack.name.split()[0])
                weights.append(np.full((len(same), 2), (len(ways) * kind + number, weight)))
        print(f"# {stack.name}", flush=True)
    x, y = np.concatenate(signs), np.concatenate(truth)
    groups, weight = np.concatenate(weights).T
    # Each kind counts as much as any other, however many objects it has.
    weight = weight / np.bincount(groups.astype(int))[groups.astype(int)]
    same = perceptron(x, y, weight)
    right = np.average((same.log_odds(x) > 0) == y, weights=weight)
    print(f"# {len(y)} pairs, {np.count_nonzero(y)} of them true, {right:.4f} told right")
    SAME_FILE.write_text(same.to_json(), encoding="utf-8")


def perceptron(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Perceptron:
    """Fit some networks and put them together: what they say in the mean varies less by chance."""
    clipped = np.minimum(x, MOST)
    mean, spread = clipped.mean(axis=0), clipped.std(axis=0) + 1e-6
    signs = torch.tensor((clipped - mean) / spread, dtype=torch.float32)
    truth = torch.tensor(y, dtype=torch.float32)
    shares = torch.tensor(np.cumsum(weight) / weight.sum())
    every = [network(signs, truth, shares, seed) for seed in range(NETWORKS)]
    weights, biases, outward = (np.concatenate([one[i] for one in every]) for i in range(3))
    bias = np.mean([one[3] for one in every])
    return Perceptron.of(
        MOST, weights / spread, biases - weights @ (mean / spread), outward / NETWORKS, bias
    )


def network(
    signs: torch.Tensor, truth: torch.Tensor, shares: torch.Tensor, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Fit by stochastic gradients; rows are drawn as often as they weigh."""
    torch.manual_seed(seed)
    hidden, out = torch.nn.Linear(signs.shape[1], HIDDEN), torch.nn.Linear(HIDDEN, 1)
    layers = torch.nn.Sequential(hidden, torch.nn.Tanh(), out)
    optimiser = torch.optim.Adam(layers.parameters(), RATE, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, ROUNDS)
    for _ in range(ROUNDS):
        drawn = torch.searchsorted(shares, torch.rand(BATCH, dtype=torch.float64))
        drawn = drawn.clamp(max=len(truth) - 1)
        said = layers(signs[drawn])[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(said, truth[drawn])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    weights, biases, outward, bias = (p.detach().double().numpy() for p in layers.parameters())
    return weights, biases, outward[0], float(bias[0])


def stacks() -> Iterator[Stack]:
    """Yield generated stacks: planes two to four pixels apart, one to two, and about one."""
    for finer, count in ((1, 8), (2, 6), (3, 1)):
        first = FIRST_SEED + 1000 * (finer - 1)
        side = 112 * finer
        for stack in generated(STACKS, range(first, first + count), (24, side, side)):
            seen = stack.image.reshape(24, 112, finer, 112, finer).mean(axis=(2, 4))
            labels = stack.labels[:, finer // 2 :: finer, finer // 2 :: finer]
            spacing = (stack.spacing[0] / finer, 1.0, 1.0)
            yield Stack(stack.name, seen.astype(np.uint16), labels, spacing)


def slice_pairs(
    planes: np.ndarray, true: np.ndarray, image: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the signs of regions of nearby slices that overlap, and which are one object."""
    found = [SliceObjects(plane, {}) for plane in planes]
    pairs = collect(found, np.zeros(planes.shape, np.int32), step, image).pairs
    owners = np.concatenate([owners_of(*pair) for pair in zip(planes, true, strict=True)])
    own = owners[pairs.first], owners[pairs.second]
    both = (own[0] > 0) & (own[1] > 0)  # what is nothing says nothing
    return pairs.signs[both], (own[0] == own[1])[both]


def apart_in_slices(labels: np.ndarray) -> np.ndarray:
    """Number the connected parts of every object in every slice."""
    parts = np.zeros_like(labels)
    for plane, part in zip(labels, parts, strict=True):
        part[:] = connected_parts(plane, connectivity=1)
    return parts


def cut_in_pieces(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut some objects of every slice in two, as a model does that sees a part as a whole."""
    pieces = labels.copy()
    for plane in pieces:
        ids = np.unique(plane[plane > 0])
        for number in ids[rng.random(len(ids)) < CUT]:
            rows, columns = np.nonzero(plane == number)
            angle = rng.uniform(0, 2 * np.pi)
            along = rows * np.cos(angle) + columns * np.sin(angle)
            beyond = along > np.quantile(along, rng.uniform(0.2, 0.8))
            plane[rows[beyond], columns[beyond]] = plane.max() + 1
    return pieces


def owners_of(plane: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return of every object of a slice the true one that most of it covers, 0 for none."""
    return np.array(
        [np.bincount(true[plane == number]).argmax() for number in np.unique(plane[plane > 0])],
        np.int64,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "what", nargs="?", default="all", choices=("links", "gaps", "divisions", "slices", "all")
    )
    parser.add_argument("--movies", type=int, default=24)
    options = parser.parse_args()
    if options.what in ("links", "all"):
        links(options.movies)
    for kind in ("gaps", "divisions"):
        if options.what in (kind, "all"):
            leftovers(options.movies, kind)
    if options.what in ("slices", "all"):
        slices()


if __name__ == "__main__":
    main()
