"""Planes from the procedural generator, for training and (other seeds) for validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from napari_sam.progress import Progress, silent
from napari_sam.training.crops import AnnotatedPlane, prepare_plane
from napari_sam.training.pairs import neighbour_of, scale_to_unit
from napari_sam.training.synthetic import (
    KINDS,
    VOLUME_KINDS,
    generate,
    generate_timelapse,
    generate_volume,
)

__all__ = [
    "GENERATED_FAMILIES",
    "TRAINING_SEEDS",
    "fresh",
    "fresh_plane",
    "fresh_planes",
    "fresh_slices",
    "generated_planes",
    "generated_slices",
    "generated_validation",
]

#: Seeds from here on are for training; those below are kept for validation and tests.
TRAINING_SEEDS = 1000
SHAPE = (256, 256)  # pixels of a generated plane

#: Kinds that are hard for the network are drawn several times as often, and looks of no
#: instrument in particular about as often as all others together.
EMPHASIS: dict[str, int] = {
    "any_look": 40,
    "worms": 4,
    "threads": 2,
    "bacteria_filaments": 2,
    "rods_phase": 2,
    "membranes": 2,
    "cell_walls": 2,
    "em_membranes": 2,
    "em_axons": 3,
    "phase_cells": 3,
    "dic_cells": 2,
    "nuclei_spotted": 3,
    "nuclei_on_grain": 3,
    "nuclei_section": 2,
    "branching_cells": 4,
    "em_cortex": 3,
    "red_cells": 2,
    "phase_flat": 4,
}

#: Rows of the tables for generated images, and the kinds each is measured on.
GENERATED_FAMILIES: dict[str, tuple[str, ...]] = {
    "generated bacteria": ("rods_phase", "rods_fluorescence", "bacteria_curved", "cocci"),
    "generated yeast": ("yeast",),
    "generated membranes": ("membranes", "cell_walls", "em_membranes"),
    "generated worms": ("worms",),
}


def generated_planes(
    per_kind: int,
    first_seed: int = TRAINING_SEEDS,
    say: Callable[[str], None] = lambda text: None,
    kinds: Sequence[str] = KINDS,
) -> list[AnnotatedPlane]:
    """Generate and prepare planes of every kind.

    Parameters
    ----------
    per_kind : int
        Images of each kind, times its :data:`EMPHASIS`.
    first_seed : int
        Seeds from here on are used.
    say : callable
        Told how many there are.
    kinds : sequence of str

    Returns
    -------
    list of AnnotatedPlane
        Of family "synthetic".
    """
    planes = []
    for kind in kinds:
        for seed in range(first_seed, first_seed + per_kind * EMPHASIS.get(kind, 1)):
            sample = generate(kind, seed, SHAPE)
            plane = prepare_plane(scale_to_unit(sample[0], 0.5, 99.9), sample[1], "synthetic")
            if plane is not None:
                planes.append(plane)
    say(f"{len(planes)} generated planes of {len(kinds)} kinds")
    return planes


def fresh_plane(rng: np.random.Generator, kinds: Sequence[str] = KINDS) -> AnnotatedPlane | None:
    """Generate and prepare one plane of any kind, as often as :data:`EMPHASIS` says.

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses kind and seed, which is never one of those kept for validation.
    kinds : sequence of str

    Returns
    -------
    AnnotatedPlane or None
        Of family "synthetic"; None if nothing on it is large enough.
    """
    weight = np.array([EMPHASIS.get(kind, 1) for kind in kinds], float)
    kind = kinds[int(rng.choice(len(kinds), p=weight / weight.sum()))]
    sample = generate(kind, int(rng.integers(TRAINING_SEEDS, 2**31)), SHAPE)
    return prepare_plane(scale_to_unit(sample[0], 0.5, 99.9), sample[1], "synthetic")


def fresh_planes(
    rng: np.random.Generator, count: int, progress: Progress = silent
) -> list[AnnotatedPlane]:
    """Generate so many planes, of as many kinds as possible, less those with nothing on them."""
    order = [KINDS[number] for number in rng.permutation(len(KINDS))]
    planes = []
    for number in range(count):
        progress(number / count)
        plane = fresh_plane(rng, [order[number % len(order)]])
        if plane is not None:
            planes.append(plane)
    return planes


def generated_slices(
    stacks: int, first_seed: int = TRAINING_SEEDS, say: Callable[[str], None] = lambda text: None
) -> list[AnnotatedPlane]:
    """Generate stacks and movies, and prepare some slices of each with a neighbour.

    Parameters
    ----------
    stacks : int
        Of each kind of stack, and as many movies as all of them.
    first_seed : int
    say : callable
        Told how many there are.

    Returns
    -------
    list of AnnotatedPlane
        Of family "slices".
    """
    samples = []
    for seed in range(first_seed, first_seed + stacks):
        samples += [generate_volume(kind, seed, (16, 192, 192)) for kind in VOLUME_KINDS]
        samples += [
            generate_timelapse(len(VOLUME_KINDS) * seed + number, (8, 192, 192))
            for number in range(len(VOLUME_KINDS))
        ]
    planes = [plane for image, labels, _ in samples for plane in _some_slices(image, labels)]
    say(f"{len(planes)} generated slices of {len(samples)} stacks and movies")
    return planes


def _some_slices(image: np.ndarray, labels: np.ndarray) -> list[AnnotatedPlane]:
    planes = []
    for number, z in enumerate(range(1, len(labels), len(labels) // 5)):
        beside = labels[neighbour_of(z, number, len(labels))]
        plane = prepare_plane(scale_to_unit(image[z], 0.5, 99.9), labels[z], "slices", beside)
        if plane is not None:
            planes.append(plane)
    return planes


def fresh_slices(rng: np.random.Generator) -> list[AnnotatedPlane]:
    """Generate a stack of any kind, or a movie as often, and prepare some slices of it."""
    seed = int(rng.integers(TRAINING_SEEDS, 2**31))
    kind = int(rng.integers(2 * len(VOLUME_KINDS)))
    if kind < len(VOLUME_KINDS):
        image, labels, _ = generate_volume(VOLUME_KINDS[kind], seed, (16, 192, 192))
    else:
        image, labels, _ = generate_timelapse(seed, (8, 192, 192))
    return _some_slices(image, labels)


def fresh(family: str, rng: np.random.Generator) -> list[AnnotatedPlane]:
    """Generate new planes of a generated family, "synthetic" or "slices", for a long run."""
    if family == "slices":
        return fresh_slices(rng)
    plane = fresh_plane(rng)
    return [] if plane is None else [plane]


def generated_validation(
    per_kind: int = 3,
    families: Mapping[str, Sequence[str]] = GENERATED_FAMILIES,
) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Yield ``(family, name, image, labels)`` of seeds that training never uses."""
    for family, kinds in families.items():
        for kind in kinds:
            if kind in KINDS:
                for seed in range(per_kind):
                    sample = generate(kind, seed, SHAPE)
                    yield family, f"{kind}_{seed}", np.asarray(sample[0]), np.asarray(sample[1])
