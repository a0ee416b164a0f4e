"""A time series of nuclei that wander, push each other, divide, enter and leave the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from napari_sam.training.synthetic.fields import Array, blur, noise
from napari_sam.training.synthetic.placement import log_uniform, scatter
from napari_sam.training.synthetic.territory import Labels, Territory, outline, tidy

Size = tuple[int, int, int]


@dataclass
class Nucleus:
    """State of one nucleus in the current frame."""

    number: int
    place: NDArray[np.floating]
    drift: NDArray[np.floating]
    radius: float
    oval: float
    angle: float
    contour: Array
    glow: float
    texture: tuple[int, int]
    divides_in: int = 99
    grown: float = 1.0

    def pose(self) -> tuple[float, float, float, float]:
        """Radius, elongation, brightness and condensation as seen now."""
        if self.divides_in == 1:  # rounds up
            return 0.9 * self.radius, 1.1, 1.5 * self.glow, 0.6
        if self.divides_in == 0:  # metaphase plate
            return 0.62 * self.radius, 2.6, 2.3 * self.glow, 1.0
        return self.radius * self.grown, self.oval, self.glow * (2.2 - 1.2 * self.grown), 0.0


def _birth(
    rng: np.random.Generator, number: int, place: NDArray[np.floating], radius: float, frames: int
) -> Nucleus:
    return Nucleus(
        number=number,
        place=place.astype(float),
        drift=rng.normal(0, 0.14 * radius, 2),
        radius=radius,
        oval=float(np.exp(abs(rng.normal(0, 0.2)))),
        angle=rng.uniform(0, np.pi),
        contour=outline(rng, 0.03, 5),
        glow=float(np.exp(rng.normal(0, 0.22))),
        texture=(int(rng.integers(4096)), int(rng.integers(4096))),
        divides_in=int(rng.integers(1, 4 * frames)),
    )


def _divide(
    rng: np.random.Generator, mother: Nucleus, first: int, frames: int
) -> tuple[Nucleus, Nucleus]:
    """Two small bright daughters on either side of the plate."""
    away = np.array([np.cos(mother.angle), -np.sin(mother.angle)])
    pair = []
    for side, number in ((-1, first), (1, first + 1)):
        child = _birth(rng, number, mother.place + side * 0.55 * mother.radius * away, 0.0, frames)
        child.radius = mother.radius * rng.uniform(0.93, 1.02)
        child.grown, child.glow, child.angle = 0.55, 0.9 * mother.glow, mother.angle
        child.oval, child.divides_in = 1.7, 4 * frames
        child.drift = side * 0.16 * mother.radius * away
        pair.append(child)
    return pair[0], pair[1]


def _push_apart(cells: list[Nucleus]) -> None:
    """Nuclei that overlap give way to each other."""
    if len(cells) < 2:
        return
    place = np.array([cell.place for cell in cells])
    radius = np.array([cell.radius * cell.grown for cell in cells])
    for _ in range(3):
        gap = place[:, None] - place[None]
        distance = np.hypot(gap[..., 0], gap[..., 1])
        np.fill_diagonal(distance, np.inf)
        overlap = np.clip(0.98 * (radius[:, None] + radius[None]) - distance, 0, None)
        place += 0.3 * (overlap[..., None] * gap / np.maximum(distance, 1e-3)[..., None]).sum(1)
    for cell, where in zip(cells, place, strict=True):
        cell.place = where


def _advance(rng: np.random.Generator, cell: Nucleus) -> None:
    cell.drift = 0.8 * cell.drift + rng.normal(0, 0.075 * cell.radius, 2)
    cell.place = cell.place + cell.drift
    cell.angle += rng.normal(0, 0.06)
    cell.oval += 0.3 * (1.2 - cell.oval) * (cell.grown < 1)
    cell.grown = min(1.0, cell.grown + 0.15)
    cell.divides_in -= 1


def _frame_light(
    labels: Labels, land: Territory, cells: dict[int, Nucleus], fabric: Array
) -> Array:
    """Light of one frame; the texture travels with its nucleus."""
    light = np.zeros(labels.shape, np.float32)
    rows, cols = fabric.shape
    for number, box in enumerate(find_objects(labels), 1):
        if box is None:
            continue
        cell = cells[number]
        _, _, glow, condensed = cell.pose()
        r = (np.arange(box[0].start, box[0].stop) - round(cell.place[0]) + cell.texture[0]) % rows
        c = (np.arange(box[1].start, box[1].stop) - round(cell.place[1]) + cell.texture[1]) % cols
        body = (1 + (0.2 + 0.2 * condensed) * fabric[np.ix_(r, c)]) * (1 - 0.3 * land.q[box] ** 2)
        np.copyto(light[box], glow * np.maximum(body, 0.05), where=labels[box] == number)
    return light


def paint_timelapse(
    rng: np.random.Generator, shape: Size
) -> tuple[Array, Labels, dict[int, int], float]:
    """Noise-free light (T, Y, X), labels that keep their track id, parents, and diameter."""
    frames, plane = shape[0], (shape[1], shape[2])
    diameter = log_uniform(rng, 15, max(16.0, min(36.0, 0.2 * min(plane))))
    margin = diameter
    wide = (int(plane[0] + 2 * margin), int(plane[1] + 2 * margin))
    count = int(min(300, rng.uniform(0.3, 0.75) * wide[0] * wide[1] / (0.785 * diameter**2)))
    sizes = 0.5 * diameter * np.exp(rng.normal(0, 0.12, count))
    centres, sizes = scatter(rng, wide, sizes, 1.05)
    cells = [
        _birth(rng, number, centre - margin, size, frames)
        for number, (centre, size) in enumerate(zip(centres, sizes, strict=True), 1)
    ]
    number = len(cells)
    fabric = noise(rng, (256, 256), max(2.0, diameter / 7), 3)
    light = np.zeros(shape, np.float32)
    labels = np.zeros(shape, np.int32)
    parents: dict[int, int] = {}
    for t in range(frames):
        land = Territory(plane)
        for cell in cells:
            radius, oval, _, _ = cell.pose()
            land.blob(cell.place, radius, oval, cell.angle, cell.contour, number=cell.number)
        labels[t] = tidy(land.owner, 9, renumber=False)
        light[t] = _frame_light(labels[t], land, {cell.number: cell for cell in cells}, fabric)
        seen = set(np.unique(labels[t]).tolist())
        if t:
            before = set(np.unique(labels[t - 1]).tolist())
            cells = [cell for cell in cells if cell.number in seen or cell.number not in before]
        following: list[Nucleus] = []
        for cell in cells:
            if cell.divides_in <= 0 and cell.number in seen:
                pair = _divide(rng, cell, number + 1, frames)
                number += 2
                parents |= {child.number: cell.number for child in pair}
                following += pair
            else:
                _advance(rng, cell)
                following.append(cell)
        cells = following
        _push_apart(cells)
    labels, parents = _number_tracks(labels, parents)
    return light, labels, parents, diameter


def _number_tracks(labels: Labels, parents: dict[int, int]) -> tuple[Labels, dict[int, int]]:
    """Ids 1..n over the series; a link is kept where the child follows its parent at once."""
    ids = np.unique(labels)
    ids = ids[ids > 0]
    table = np.zeros(int(labels.max()) + 1, np.int32)
    table[ids] = np.arange(1, ids.size + 1)
    labels = table[labels]
    times: dict[int, list[int]] = {}
    for t, plane in enumerate(labels):
        for number in np.unique(plane).tolist():
            times.setdefault(number, []).append(t)
    links = {}
    for child, parent in parents.items():
        if child >= table.size or not table[child] or not table[parent]:
            continue
        a, b = int(table[child]), int(table[parent])
        if times[a][0] == times[b][-1] + 1:
            links[a] = b
    return labels, links


def expose_timelapse(rng: np.random.Generator, light: Array) -> NDArray[np.uint16]:
    """Widefield movie: the same lamp and blur throughout, bleaching, shot noise, 12 bit."""
    sigma = rng.uniform(0.7, 1.3)
    bleach = rng.uniform(0.0, 0.04)
    shade = 1 + 0.08 * noise(rng, light.shape[1:], 0.7 * max(light.shape[1:]), 1)
    cloud = np.clip(0.03 + 0.02 * noise(rng, light.shape[1:], 40, 2), 0, 1)
    photons = log_uniform(rng, 80, 800)
    top = max(float(np.quantile(light[:, ::4, ::4], 0.998)), 0.5)
    frames = []
    for t, plane in enumerate(light):
        image = blur(plane, sigma)
        image = (image + 0.12 * blur(image, 7) + cloud) * shade * np.float32(1 - bleach) ** t
        image = image + np.sqrt(np.maximum(image, 0) / np.float32(photons)) * rng.standard_normal(
            image.shape, dtype=np.float32
        )
        image = image + np.float32(0.008) * rng.standard_normal(image.shape, dtype=np.float32)
        frames.append(100 + 3900 * np.clip(image / (1.25 * top), 0, 1))
    return np.round(np.stack(frames)).astype(np.uint16)
