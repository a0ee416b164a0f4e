"""Objects that compete for the pixels of one plane."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, cos, floor, pi, sin

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as components

from napari_sam.training.synthetic.fields import Array, noise

Labels = NDArray[np.int32]


def outline(
    rng: np.random.Generator, roughness: float, lobes: int = 6, samples: int = 256
) -> Array:
    """Radius of a closed random contour for evenly spaced angles, mean about 1.

    The harmonics 2..lobes have random phases and amplitudes falling with the order, so that
    the shape is lobed rather than jagged.
    """
    angle = np.linspace(0, 2 * pi, samples, endpoint=False)
    order = np.arange(2, lobes + 1)
    height = rng.normal(0, roughness, order.size) / (order - 0.5) ** 0.8
    phase = rng.uniform(0, 2 * pi, order.size)
    radius = 1 + (height[:, None] * np.cos(order[:, None] * angle + phase[:, None])).sum(0)
    return np.clip(radius, 0.35, 1.9).astype(np.float32)


def stellate(rng: np.random.Generator, arms: int, reach: float) -> Array:
    """Contour of a cell stretched between ``arms`` footholds: hollow flanks, tapering tips.

    With two arms the tips lie at angles 0 and pi, which makes a spindle of an elongated blob.
    """
    samples = 512
    angle = np.linspace(0, 2 * pi, samples, endpoint=False)
    tips = np.arange(arms) * (2 * pi / arms)
    if arms != 2:
        tips = tips + rng.normal(0, 0.7 * pi / arms, arms) + rng.uniform(0, 2 * pi)
    radius = outline(rng, 0.06, 7, samples) * 0.8
    for tip in tips:
        sharp = rng.uniform(5, 40)
        radius += reach * rng.uniform(0.3, 1.0) * np.exp(sharp * (np.cos(angle - tip) - 1))
    return radius.astype(np.float32)


class Territory:
    """A plane on which every object claims the pixels nearest to it.

    Each object has a normalised distance ``q``: 0 at its core, 1 at its rim. A pixel goes to
    the object with the smallest ``q``, so that neighbours that meet flatten against each other
    as cells do. With ``over=True`` a tube is laid on top of the earlier ones instead.

    Parameters
    ----------
    shape : (int, int)
        Size of the plane.
    rng, bend, bend_scale
        If given, contours are bent by a smooth displacement of ``bend`` pixels.

    Attributes
    ----------
    q : float32 array
        Normalised distance to the owner of the pixel (to the nearest object outside).
    owner : int32 array
        0, or the number of the object that holds the pixel.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        rng: np.random.Generator | None = None,
        bend: float = 0.0,
        bend_scale: float = 16.0,
    ) -> None:
        self.shape = shape
        self.q = np.full(shape, 99.0, np.float32)
        self.owner = np.zeros(shape, np.int32)
        self.count = 0
        self._rows = np.broadcast_to(np.arange(shape[0], dtype=np.float32)[:, None], shape)
        self._cols = np.broadcast_to(np.arange(shape[1], dtype=np.float32)[None, :], shape)
        if rng is not None and bend > 0:
            self._rows = self._rows + np.float32(bend) * noise(rng, shape, bend_scale, 2)
            self._cols = self._cols + np.float32(bend) * noise(rng, shape, bend_scale, 2)
        self._slack = 3.0 * bend

    def _window(self, r0: float, r1: float, c0: float, c1: float) -> tuple[slice, slice] | None:
        low = max(0, floor(r0 - self._slack)), max(0, floor(c0 - self._slack))
        high = (
            min(self.shape[0], ceil(r1 + self._slack) + 1),
            min(self.shape[1], ceil(c1 + self._slack) + 1),
        )
        if low[0] >= high[0] or low[1] >= high[1]:
            return None
        return slice(low[0], high[0]), slice(low[1], high[1])

    def _claim(
        self, window: tuple[slice, slice], q: Array, number: int, limit: float, over: bool = False
    ) -> None:
        held = self.q[window]
        inside = q < limit
        wins = inside if over else inside & (q < held)
        np.copyto(self.owner[window], number, where=wins)
        np.copyto(held, q, where=wins if over else q < held)

    def blob(
        self,
        centre: Sequence[float] | NDArray[np.floating],
        radius: float,
        elongation: float = 1.0,
        angle: float = 0.0,
        contour: Array | None = None,
        limit: float = 1.0,
        number: int | None = None,
    ) -> int:
        """Add a round, oval or lobed object; returns its number.

        Parameters
        ----------
        radius : float
            Radius of the circle of the same area.
        elongation : float
            Long axis over short axis.
        contour : array, optional
            Relative radius by angle, as :func:`outline` makes it.
        limit : float
            The object holds pixels up to this ``q``; above 1 it fills gaps (tissue).
        number : int, optional
            Add to an object that exists instead of starting a new one.
        """
        number = self._number(number)
        long = radius * elongation**0.5
        reach = max(long, radius) * max(limit, 1.3)
        if contour is not None:
            reach *= float(contour.max())
        r, c = centre
        window = self._window(r - reach, r + reach, c - reach, c + reach)
        if window is None:
            return number
        dr = self._rows[window] - np.float32(r)
        dc = self._cols[window] - np.float32(c)
        ca, sa = np.float32(cos(angle)), np.float32(sin(angle))
        u = (dc * ca + dr * sa) / np.float32(long)
        v = (dr * ca - dc * sa) / np.float32(radius / elongation**0.5)
        q = np.sqrt(u * u + v * v)
        if contour is not None:
            index = (np.arctan2(v, u) * np.float32(contour.size / (2 * pi))).astype(np.intp)
            q /= contour[index]  # negative angles index from the end: one full turn
        self._claim(window, q, number, limit)
        return number

    def tube(
        self,
        points: NDArray[np.floating],
        radius: float | NDArray[np.floating],
        over: bool = False,
        number: int | None = None,
        feel: float = 1.6,
    ) -> int:
        """Add a rod, filament or worm: everything near a polyline; returns its number.

        Parameters
        ----------
        points : array (n, 2)
            Centre line, rows and columns.
        radius : float or array (n,)
            Half width, constant or per point.
        feel : float
            ``q`` is kept up to this value around the object.
        """
        number = self._number(number)
        width = np.broadcast_to(np.asarray(radius, float), (len(points),))
        reach = float(width.max()) * max(1.0, feel)
        low, high = points.min(0) - reach, points.max(0) + reach
        window = self._window(low[0], high[0], low[1], high[1])
        if window is None:
            return number
        rows, cols = self._rows[window], self._cols[window]
        best = np.full(rows.shape, 99.0, np.float32)
        local = window[0].start, window[1].start
        for (a, b), (ra, rb) in zip(
            pairwise(points),
            pairwise(width),
            strict=True,
        ):
            part = self._window(
                min(a[0], b[0]) - reach,
                max(a[0], b[0]) + reach,
                min(a[1], b[1]) - reach,
                max(a[1], b[1]) + reach,
            )
            if part is None:
                continue
            cut = tuple(slice(s.start - o, s.stop - o) for s, o in zip(part, local, strict=True))
            dr, dc = rows[cut] - np.float32(a[0]), cols[cut] - np.float32(a[1])
            er, ec = np.float32(b[0] - a[0]), np.float32(b[1] - a[1])
            t = np.clip((dr * er + dc * ec) / max(float(er * er + ec * ec), 1e-6), 0, 1)
            q = np.hypot(dr - t * er, dc - t * ec)
            q /= np.float32(ra) + t * np.float32(rb - ra)
            np.minimum(best[cut], q, out=best[cut])
        self._claim(window, best, number, 1.0, over)
        return number

    def _number(self, number: int | None) -> int:
        if number is None:
            self.count += 1
            return self.count
        return number

    def labels(self, min_area: int = 9) -> Labels:
        """Exact labels: the largest piece of each object, consecutive ids."""
        return tidy(self.owner, min_area)


def tidy(owner: NDArray[np.integer], min_area: int = 9, renumber: bool = True) -> Labels:
    """Keep the largest connected piece of each id and drop small ones.

    Pieces are connected through corners as well; a piece that is dropped becomes background.

    Parameters
    ----------
    owner : integer array, 2-D or 3-D
        0 for background; an id may own several pieces.
    min_area : int
        Pieces with fewer pixels are dropped.
    renumber : bool
        Number the survivors 1..n; otherwise they keep their ids.
    """
    pieces, count = components(owner, background=0, connectivity=owner.ndim, return_num=True)
    if count == 0:
        return np.zeros(owner.shape, np.int32)
    area = np.bincount(pieces.ravel(), minlength=count + 1)
    area[0] = 0
    identity = np.zeros(count + 1, np.int64)
    identity[pieces.ravel()] = owner.ravel()
    order = np.lexsort((-area, identity))
    largest = np.ones(order.size, bool)
    largest[1:] = identity[order][1:] != identity[order][:-1]
    keep = order[largest]
    keep = np.sort(keep[(area[keep] >= min_area) & (keep > 0)])
    table = np.zeros(count + 1, np.int32)
    table[keep] = np.arange(1, keep.size + 1) if renumber else identity[keep]
    return table[pieces]


def boundaries(labels: Labels) -> NDArray[np.bool_]:
    """Pixels whose right or lower neighbour carries another id."""
    edge = np.zeros(labels.shape, bool)
    edge[:-1] |= labels[:-1] != labels[1:]
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return edge
