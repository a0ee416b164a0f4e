"""What a model makes of a plane: its embedding, and the maps of a learned automatic head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

SURROUNDINGS = 3.0  # diameters around a region in which its objects may reach
MapKind = Literal["peaks", "distances"]
"""How objects are cut out of maps: from the peaks of the centre map downhill, or as micro-sam
does, from where centre and boundary are nearer and farther than half their reach."""

ENCODE_FIRST = " Encode the plane first: embedding = model.encode(plane)."
"""Advice for who asks about pixels."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """What a model made of one plane.

    Parameters
    ----------
    model : str
        Fingerprint of the model (name, version and hash of the weights) that made it.
    plane_hash : str
        `napari_sam.images.content_hash` of the pixels it was made of.
    limits : (low, high)
        The values that were scaled to 0 and 1.
    shape : (H, W)
        Size of the plane.
    features : object
        Private to the model's backend.
    nbytes : int
        Memory that the features hold.
    """

    model: str
    plane_hash: str
    limits: tuple[float, float]
    shape: tuple[int, int]
    features: Any
    nbytes: int

    def __repr__(self) -> str:
        return f"Embedding: plane of {self.shape}, read by {self.model}, limits {self.limits}"


@dataclass(frozen=True, eq=False)
class InstanceMaps:
    """What a learned automatic head says about every pixel of a plane.

    Parameters
    ----------
    foreground, centre, boundary : (h, w) float32 in [0, 1]
        Probability of being in an object, closeness to an object's centre, and closeness to an
        object's boundary.
    scale : (float, float)
        Plane pixels per map pixel, down and along.
    shape : (H, W)
        Size of the plane.
    diameter : float
        Estimated median object diameter in plane pixels.
    origin : (float, float)
        Where the first map pixel begins, in plane pixels; negative in maps that were cropped.
    kind : {"peaks", "distances"}
        How its training means objects to be cut out of them.
    """

    foreground: npt.NDArray[np.float32]
    centre: npt.NDArray[np.float32]
    boundary: npt.NDArray[np.float32]
    scale: tuple[float, float]
    shape: tuple[int, int]
    diameter: float
    origin: tuple[float, float] = (0.0, 0.0)
    kind: MapKind = "peaks"

    def crop(self, rows: slice, columns: slice) -> InstanceMaps:
        """Return the maps of a part of the plane, given in plane pixels.

        Examples
        --------
        >>> maps = np.zeros((50, 60), np.float32)
        >>> whole = InstanceMaps(maps, maps, maps, (2.0, 2.0), (100, 120), diameter=30.0)
        >>> part = whole.crop(slice(21, 60), slice(0, 40))
        >>> part.shape, part.foreground.shape, part.origin
        ((39, 40), (22, 22), (-1.0, 0.0))
        """
        parts, origin = [], []
        for which, scale, size, at in zip(
            (rows, columns), self.scale, self.foreground.shape, self.origin, strict=True
        ):
            first = max(int((which.start - at) / scale), 0)
            parts.append(slice(first, min(int((which.stop - at) / scale) + 2, size)))
            origin.append(at + first * scale - which.start)
        part = tuple(parts)
        return replace(
            self,
            foreground=self.foreground[part],
            centre=self.centre[part],
            boundary=self.boundary[part],
            shape=(rows.stop - rows.start, columns.stop - columns.start),
            origin=(origin[0], origin[1]),
        )
