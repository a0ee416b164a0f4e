"""How well cells like three examples are found: ``python benchmarks/similar.py``.

    python benchmarks/similar.py [--seeds 2] [--data DATA]

Generated images hold two populations of objects (`populations.py`): three of one, drawn at random
four times, are the examples, and what is found and alike enough is compared with all others of
that population: precision, recall and F1, objects that are found by themselves (IoU above .5)
alone counted, so that it is about telling them apart. Then a person answers yes or no five times,
about the cell that is nearest to the threshold. With DATA, a folder of pairs, images of every
group of sources are asked for cells like three of theirs: there all are alike, and what is found
is compared with what *Find all* finds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import napari_sam as ns
from classes import images
from leave_one_out import SOURCES, chosen
from napari_sam.methods.finding_cells import find_cells
from napari_sam.objects.describe import Looks, Sight
from napari_sam.objects.likeness import Likeness
from napari_sam.training.metrics import average_precision, iou_matrix
from napari_sam.training.pairs import find_pairs

EXAMPLES, ANSWERS, DRAWS = 3, 5, 4
FEWEST = 9  # objects of a population


def found_of(
    model: ns.Model, image: np.ndarray, labels: np.ndarray
) -> tuple[Looks, np.ndarray, np.ndarray]:
    """Return the looks of all cells that are found, the true one of each, and their labels."""
    embedding = model.encode(image)
    found = find_cells(image, embedding, model).choose().labels
    iou = iou_matrix(labels, found)
    ids = np.unique(labels[labels > 0])
    true = np.where(iou.max(0) > 0.5, ids[iou.argmax(0)], 0) if iou.size else np.zeros(0, int)
    return Sight.of(image, embedding, model).looks(found), true, found


def scores(yes: np.ndarray, true: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    hits = np.count_nonzero(yes & true)
    precision, recall = hits / max(yes.sum(), 1), hits / max(true.sum(), 1)
    return precision, recall, 2 * hits / max(yes.sum() + true.sum(), 1)


def asked(looks: Looks, member: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the scores with three examples, and those after five answers."""
    shown = rng.choice(np.flatnonzero(member), EXAMPLES, replace=False)
    rest = np.ones(len(member), bool)
    rest[shown] = False
    yes, no = [int(i) for i in shown], []
    for answers in range(ANSWERS + 1):
        unlike = looks.of(no) if no else None
        alike = Likeness.fit(looks, looks.of(yes), unlike).similarity(looks)
        if answers in (0, ANSWERS):
            yield np.array(scores((alike >= 0.5)[rest], member[rest]))
        open_ = [int(i) for i in np.argsort(np.abs(alike - 0.5)) if i not in yes and i not in no]
        (yes if member[open_[0]] else no).append(open_[0])


def generated(model: ns.Model, seeds: int) -> None:
    """Print how well two populations are told apart."""
    rows: dict[str, list[np.ndarray]] = {}
    for name, image, labels, population in images(seeds):
        looks, true, _ = found_of(model, image, labels)
        for which in (0, 1):
            member = np.array([population.get(int(i)) == which for i in true], bool)
            if min(member.sum(), (~member).sum()) < FEWEST:
                continue
            for draw in range(DRAWS):
                both = list(asked(looks, member, np.random.default_rng(draw)))
                rows.setdefault(name, []).append(np.concatenate([both[0], both[1][2:]]))
    print(f"| populations | precision | recall | F1 | F1 after {ANSWERS} answers |")
    print("|---|---|---|---|---|")
    means = {name: np.mean(row, axis=0) for name, row in rows.items()}
    for name, row in [*means.items(), ("mean", np.mean(list(means.values()), axis=0))]:
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |")


def real(model: ns.Model, data: Path) -> None:
    """Print how much of what is found is found by three examples."""
    print("\n| group | AP@.5 of all found | of cells like three |\n|---|---|---|")
    pairs = find_pairs(data)
    for group, names in SOURCES.items():
        every, alike = [], []
        for _, _, image, labels in chosen(pairs, names, 3):
            looks, true, found = found_of(model, image, labels)
            right = np.flatnonzero(true)
            if not len(right):
                continue
            every.append(average_precision(labels, found)[0])
            for draw in range(DRAWS):
                rng = np.random.default_rng(draw)
                shown = rng.choice(right, min(EXAMPLES, len(right)), replace=False)
                like = Likeness.fit(looks, looks.of(shown)).similarity(looks) >= 0.5
                kept = np.where(np.concatenate([[False], like])[found], found, 0)
                alike.append(average_precision(labels, kept)[0])
        print(f"| {group} | {np.mean(every):.2f} | {np.mean(alike):.2f} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2, help="images of each kind")
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    model = ns.load_model("cells")
    generated(model, options.seeds)
    if options.data:
        real(model, options.data)


if __name__ == "__main__":
    main()
