"""How well classes are told apart after 5 and 20 examples: ``python benchmarks/classes.py``.

On the generated populations of `populations.py`, with the model that comes with the package. Of
each image some objects of each class, drawn at random three times, are the examples; accuracy is
the mean of both classes' share that is right among the rest. Images with too few objects of a
class are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

import napari_sam as ns
from napari_sam.objects.classify import SeenObjects, look_at, suggest
from napari_sam.objects.describe import Sight
from populations import LOOKS, MIXED, mixed, relit

EXAMPLES = (5, 20)
REST = 6  # objects of each class that there must be besides the examples
DRAWS = 3


def images(seeds: int) -> Iterator[tuple[str, np.ndarray, np.ndarray, dict[int, int]]]:
    """The images with two populations, and which object is of which."""
    for seed in range(1, seeds + 1):
        for look in LOOKS:
            yield f"nuclei_dense, {look}", *relit("nuclei_dense", look, seed)
        for first, second in MIXED:
            yield f"{first} and {second}", *mixed(first, second, seed)


def accuracies(seen: SeenObjects, population: dict[int, int], examples: int) -> list[float]:
    """Mean accuracy of the classes, for each draw of the examples."""
    members = [np.array([i for i, p in population.items() if p == which]) for which in (0, 1)]
    if min(map(len, members)) < examples + REST:
        return []
    found = []
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        chosen = [rng.choice(one, examples, replace=False) for one in members]
        known = {int(i): str(which) for which, some in enumerate(chosen) for i in some}
        told = suggest(seen, known).set_index("label")["class"]
        right = [
            np.mean([told[i] == str(which) for i in np.setdiff1d(one, list(known))])
            for which, one in enumerate(members)
        ]
        found.append(float(np.mean(right)))
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="images of each kind")
    options = parser.parse_args()
    model = ns.load_model("cells")
    rows: dict[str, dict[int, list[float]]] = {}
    for name, image, labels, population in images(options.seeds):
        sight = Sight.of(image, model.encode(image), model)
        seen = look_at(labels, sight)
        there = {i: p for i, p in population.items() if i in set(seen.ids.tolist())}
        row = rows.setdefault(name, {count: [] for count in EXAMPLES})
        for count in EXAMPLES:
            row[count] += accuracies(seen, there, count)
    print("\nAccuracy, after so many examples of each class:\n")
    print("| populations | " + " | ".join(f"{n} examples" for n in EXAMPLES) + " |")
    print("|---|" + "---|" * len(EXAMPLES))
    every: dict[int, list[float]] = {count: [] for count in EXAMPLES}
    for name, row in rows.items():
        if not any(row.values()):
            continue
        cells = [f"{np.mean(row[n]):.2f}" if row[n] else "" for n in EXAMPLES]
        print(f"| {name} | " + " | ".join(cells) + " |")
        for count in EXAMPLES:
            every[count] += [float(np.mean(row[count]))] if row[count] else []
    means = " | ".join(f"{np.mean(every[n]):.2f}" for n in EXAMPLES)
    print(f"| mean | {means} |")


if __name__ == "__main__":
    main()
