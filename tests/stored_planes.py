"""Entries of the embedding cache whose content tells their number; a program that writes them.

``python stored_planes.py write FOLDER`` writes one large entry after the other until it is killed.
``python stored_planes.py share FOLDER SEED`` writes and reads the same few entries as others do,
and fails when it is given one that is not what was written.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.models.model import Embedding

LARGE = 4_000_000  # numbers in an entry, so that writing it takes a while
SMALL = 50_000
SHARED = 6  # entries
FIT = 3 * 4 * SMALL + 10_000  # bytes: half of the shared entries, the others are pruned


class Numbers:
    """What the cache needs of a model."""

    store: EmbeddingStore | None = None

    @property
    def storable(self) -> Numbers:
        return self

    def to_arrays(self, embedding: Embedding) -> dict[str, np.ndarray]:
        return {"numbers": embedding.features}

    def from_arrays(self, arrays: Any) -> tuple[np.ndarray, int]:
        return arrays["numbers"], arrays["numbers"].nbytes


MODEL: Any = Numbers()


def key(number: int) -> tuple[str, str, tuple[float, float]]:
    return "numbers:1", f"plane {number}", (0.0, 1.0)


def write(store: EmbeddingStore, number: int, size: int) -> bool:
    values = np.arange(number, number + size, dtype=np.float32)
    model, plane, limits = key(number)
    embedding = Embedding(model, plane, limits, (1, size), values, values.nbytes)
    return store.write(key(number), embedding, MODEL)


def read(store: EmbeddingStore, number: int, size: int) -> bool:
    """Whether the entry is there; an error when it is another one."""
    found = store.read(key(number), MODEL)
    if found is not None:
        expected = np.arange(number, number + size, dtype=np.float32)
        np.testing.assert_array_equal(found.features, expected)
    return found is not None


def share(folder: Path, seed: int, rounds: int = 300) -> tuple[int, int]:
    """Write and read at random; tell how many entries were written and found."""
    store = EmbeddingStore(folder, max_bytes=FIT)
    rng = np.random.default_rng(seed)
    written = found = 0
    for _ in range(rounds):
        number = int(rng.integers(SHARED))
        if rng.random() < 0.5:
            written += write(store, number, SMALL)
        else:
            found += read(store, number, SMALL)
    return written, found


if __name__ == "__main__":
    task, place = sys.argv[1], Path(sys.argv[2])
    if task == "write":
        for count in itertools.count():
            write(EmbeddingStore(place, max_bytes=20 * 4 * LARGE), count, LARGE)
    else:
        (place / f"ready {sys.argv[3]}").touch()
        while not (place / "go").exists():
            time.sleep(0.001)
        print(*share(place, int(sys.argv[3])))
