"""Stacks and movies for the tables: generated ones, and real ones of a data folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile

from napari_sam.pixel_size import PixelSize
from napari_sam.training.synthetic import generate_timelapse, generate_volume

#: Beginnings of the names of real stacks, and their spacing along z in pixels.
REAL = {"plantseg": 1.0, "qcanet": 2.2, "flyem_medulla_z": 1.0}
#: The same of movies, and who came from whom where that is known.
MOVIES: dict[str, dict[int, int]] = {"ctc_sim_track_01": {10: 4, 11: 4, 12: 5, 13: 5}}


@dataclass(frozen=True, eq=False)
class Stack:
    """A stack (Z, H, W) or movie (T, H, W) with true labels."""

    name: str
    image: np.ndarray
    labels: np.ndarray
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    parents: dict[int, int] = field(default_factory=dict)
    over_time: bool = False

    @property
    def pixel_size(self) -> PixelSize:
        """Of the slices; of a movie, the time between frames is none."""
        depth = None if self.over_time else self.spacing[0]
        return PixelSize(self.spacing[1], self.spacing[2], slice=depth)


def generated(
    kinds: Sequence[str], seeds: Sequence[int], shape: tuple[int, int, int] = (24, 128, 128)
) -> Iterator[Stack]:
    """Yield generated stacks of these kinds; ``"timelapse"`` is a movie."""
    for kind in kinds:
        for seed in seeds:
            if kind == "timelapse":
                sample = generate_timelapse(seed, shape)
                parents = sample.info["parents"]
                movie = {"parents": parents, "over_time": True}
                yield Stack(f"{kind} {seed}", sample.image, sample.labels, **movie)
            else:
                sample = generate_volume(kind, seed, shape)
                spacing = tuple(sample.info["spacing"])
                yield Stack(f"{kind} {seed}", sample.image, sample.labels, spacing)


def real(folder: Path, beginnings: Sequence[str]) -> Iterator[Stack]:
    """Yield the stacks of a folder of ``NAME.image.tif`` and ``NAME.labels.tif``."""
    for path in sorted(folder.glob("*.labels.tif")):
        name = path.name.removesuffix(".labels.tif")
        if not name.startswith(tuple(beginnings)):
            continue
        labels = tifffile.imread(path)
        if labels.ndim != 3:
            continue
        image = tifffile.imread(path.with_name(f"{name}.image.tif"))
        step = next((step for start, step in REAL.items() if name.startswith(start)), 1.0)
        parents = MOVIES.get(name, {})
        spacing, movie = (step, 1.0, 1.0), name in MOVIES
        yield Stack(name, image, labels.astype(np.int32), spacing, parents, movie)


def choose_objects(
    labels: np.ndarray, count: int, least: int = 4, area: int = 60
) -> list[tuple[int, int, int, int]]:
    """Choose objects at random: id, largest slice, first and last slice.

    They have to be on some slices without a gap, and of some size on the largest.
    """
    rng = np.random.default_rng(0)
    found = []
    for number in rng.permutation(np.unique(labels[labels > 0])):
        areas = np.count_nonzero(labels == number, axis=(1, 2))
        there = np.flatnonzero(areas)
        whole = there[-1] - there[0] + 1 == len(there)
        if whole and len(there) >= least and areas.max() >= area:
            found.append((int(number), int(areas.argmax()), int(there[0]), int(there[-1])))
        if len(found) == count:
            break
    return found
