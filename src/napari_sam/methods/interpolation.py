"""From the pixels of a model's maps to those of the plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Map = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


def enlarge(
    values: Map,
    shape: tuple[int, int],
    scale: tuple[float, float],
    origin: tuple[float, float] = (0.0, 0.0),
) -> Map:
    """Interpolate a map to the pixels of the plane, linearly; constant beyond its last pixels.

    Parameters
    ----------
    values : (h, w) float32
    shape : (H, W)
        Size of the plane.
    scale : (float, float)
        Plane pixels per map pixel, down and along.
    origin : (float, float)
        Where the first map pixel begins, in plane pixels.
    """
    (r0, r1, down), (c0, c1, along) = _neighbours(values.shape, shape, scale, origin)
    tall = values[r0] + (values[r1] - values[r0]) * down[:, None]
    left = tall.take(c0, axis=1)
    result: Map = tall.take(c1, axis=1)
    result -= left
    result *= along
    result += left
    return result


@dataclass(frozen=True, eq=False)
class MapPixels:
    """Some pixels of the plane, and where they lie on the map.

    Parameters
    ----------
    shape : (H, W)
        Size of the plane.
    places : (p,) int
        Their flat places on the plane, in order.
    corners : (p,) int
        The flat place of the map pixel before each.
    steps : (float32, float32) arrays of (H,) and (W,)
        How far each row and column of the plane is from the map pixels before it to those after.
    reach : (int, int) arrays of (H,) and (W,)
        What leads from the map pixels before to those after, in flat places; 0 at the end.
    """

    shape: tuple[int, int]
    places: npt.NDArray[np.intp]
    corners: npt.NDArray[np.intp]
    steps: tuple[Map, Map]
    reach: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

    @classmethod
    def of(
        cls,
        inside: npt.NDArray[np.bool_],
        size: tuple[int, ...],
        scale: tuple[float, float],
        origin: tuple[float, float] = (0.0, 0.0),
    ) -> MapPixels:
        """Find the pixels of a mask (H, W) on a map of some size (h, w)."""
        (r0, r1, down), (c0, c1, along) = _neighbours(size, inside.shape, scale, origin)
        height, width = inside.shape
        places = np.flatnonzero(inside)
        counts = np.count_nonzero(inside, axis=1)  # np.nonzero of two axes takes four times longer
        before = np.arange(height) * width
        corners = c0[places - np.repeat(before, counts)] + np.repeat(r0 * size[1], counts)
        reach = ((r1 - r0) * size[1], c1 - c0)
        return cls((height, width), places, corners, (down, along), reach)

    def paint(self, values: Labels) -> Labels:
        """Return a plane with these values (p,) at the pixels, 0 elsewhere."""
        plane = np.zeros(self.shape, values.dtype)
        plane.ravel()[self.places] = values
        return plane


class EnlargedLabels:
    """Labels of a map at pixels of the plane: each goes to the object that weighs most there.

    Each object is interpolated like a grey image, so borders between neighbours run smoothly
    where one map pixel covers many pixels of the plane. Background weighs nothing: how far out
    an object reaches is for the pixels to say.

    Parameters
    ----------
    labels : (h, w) int32
    pixels : MapPixels
    """

    def __init__(self, labels: Labels, pixels: MapPixels) -> None:
        flat = labels.ravel()
        self._near = flat[pixels.corners]
        # Squares of four map pixels that do not agree are few; only pixels in them are work.
        mixed = np.zeros(labels.shape, dtype=bool)
        across = labels[:, :-1] != labels[:, 1:]
        mixed[:, :-1] |= across
        mixed[:-1, :-1] |= across[1:]
        mixed[:-1] |= labels[:-1] != labels[1:]
        self._work = np.flatnonzero(mixed.ravel()[pixels.corners])
        rows, columns = np.divmod(pixels.places[self._work], pixels.shape[1])
        y, x = pixels.steps[0][rows], pixels.steps[1][columns]
        top = pixels.corners[self._work]
        bottom, right = top + pixels.reach[0][rows], pixels.reach[1][columns]
        self._corners = (flat[top], flat[top + right], flat[bottom], flat[bottom + right])
        self._weights = ((1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x)

    def values(self, objects: Labels) -> Labels:
        """Return the objects at the pixels.

        Parameters
        ----------
        objects : (n + 1,) int32
            The object that each label belongs to, 0 for the background.
        """
        values = objects[self._near]
        corners = tuple(objects[corner] for corner in self._corners)
        best = np.zeros(len(self._work), dtype=np.int32)
        most = np.zeros(len(self._work), dtype=np.float32)
        for corner in corners:
            weight = np.zeros(len(self._work), dtype=np.float32)
            for other, amount in zip(corners, self._weights, strict=True):
                weight += amount * (other == corner)
            wins = (weight > most) & (corner > 0)
            best = np.where(wins, corner, best)
            most = np.where(wins, weight, most)
        values[self._work] = best
        return values


def _neighbours(
    size: tuple[int, ...],
    shape: tuple[int, int],
    scale: tuple[float, float],
    origin: tuple[float, float],
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Map]]:
    """For rows and columns: the map pixels before and after each plane pixel, and how far."""
    axes = []
    for count, side, step, start in zip(size, shape, scale, origin, strict=True):
        position = np.clip((np.arange(side) + 0.5 - start) / step - 0.5, 0, count - 1)
        before = position.astype(np.intp)
        after = np.minimum(before + 1, count - 1)
        axes.append((before, after, (position - before).astype(np.float32)))
    return axes
