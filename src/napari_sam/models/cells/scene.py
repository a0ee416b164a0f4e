"""The encoder's features of a whole plane, pooled over any labels: what objects look like."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from napari_sam.models.cells.readers import Reader
from napari_sam.models.cells.reading import OBJECT, STRIDE, clip_zoom, features_of, tiles
from napari_sam.models.cells.windows import Pyramid
from napari_sam.progress import Progress, silent

__all__ = ["CellsScene", "read_scene"]

_COARSE = (1, 2, 4)  # map pixels per pixel of the features at strides 2, 4 and 8


@dataclass(frozen=True, eq=False)
class CellsScene:
    """Features of a plane, in which the objects of any labels are described without the network.

    Parameters
    ----------
    features : tuple of (h, w, C) float16 array
        At strides 2, 4 and 8 of the plane seen at `zoom`.
    zoom : float
        Of the plane as it was seen.
    shape : (H, W)
        Of the plane.
    """

    features: tuple[npt.NDArray[np.float16], ...]
    zoom: float
    shape: tuple[int, int]

    def describe(self, labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float32]:
        """Pool the features over every object.

        Parameters
        ----------
        labels : (H, W) integer array
            Ids 1..n, 0 is background.

        Returns
        -------
        (n, D) float32
            Means and standard deviations of the features over each object, by id; 0 for an id
            that no pixel has.
        """
        count = int(labels.max(initial=0))
        numbers, rows, columns = self._places(labels, count)
        pooled = []
        for maps, coarse in zip(self.features, _COARSE, strict=True):
            at = rows // coarse * maps.shape[1] + columns // coarse
            shape = (count, maps.shape[0] * maps.shape[1])
            ones = np.ones(len(at), np.float32)
            share = sparse.csr_matrix((ones, (numbers - 1, at)), shape)
            used = np.unique(at)
            share, flat = share[:, used], maps.reshape(-1, maps.shape[2])[used].astype(np.float32)
            area = np.maximum(np.asarray(share.sum(1)), 1)
            mean = share @ flat / area
            spread = np.sqrt(np.maximum(share @ flat**2 / area - mean**2, 0))
            pooled += [mean, spread]
        return np.concatenate(pooled, axis=1).astype(np.float32)

    def _places(
        self, labels: npt.NDArray[np.integer[Any]], count: int
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return id, row and column of every map pixel in an object, at least one of each."""
        fine = self.features[0]
        scale = STRIDE / self.zoom
        at = [
            np.minimum(((np.arange(side) + 0.5) * scale).astype(int), length - 1)
            for side, length in zip(fine.shape[:2], self.shape, strict=True)
        ]
        seen = labels[np.ix_(*at)]
        rows, columns = np.nonzero(seen)
        numbers = seen[rows, columns].astype(np.intp)
        missing = np.setdiff1d(np.arange(1, count + 1), numbers)
        if len(missing):  # too small to hold the middle of a map pixel
            small_rows, small_columns = np.nonzero(np.isin(labels, missing))
            numbers = np.append(numbers, labels[small_rows, small_columns])
            rows = np.append(rows, np.minimum(small_rows / scale, fine.shape[0] - 1).astype(int))
            columns = np.append(
                columns, np.minimum(small_columns / scale, fine.shape[1] - 1).astype(int)
            )
        return numbers, rows, columns


@torch.inference_mode()
def read_scene(
    network: Reader, pyramid: Pyramid, diameter: float, progress: Progress = silent
) -> CellsScene:
    """Run the encoder over a plane, in tiles with a halo, at one object size."""
    zoom = clip_zoom(OBJECT / diameter)
    rows, columns = (ceil(side * zoom / STRIDE) for side in pyramid.shape)
    parts = tiles((0, rows), (0, columns), (rows, columns))
    maps: list[npt.NDArray[np.float16]] = []
    for done, part in enumerate(parts):
        progress(done / len(parts))
        found = network.as_numbers(features_of(network, pyramid, part.seen, zoom))
        for level, (feature, coarse) in enumerate(zip(found, _COARSE, strict=True)):
            if done == 0:
                shape = ceil(rows / coarse), ceil(columns / coarse), feature.shape[1]
                maps.append(np.zeros(shape, np.float16))
            r, c = (slice(s.start // coarse, ceil(s.stop / coarse)) for s in part[:2])
            inner = tuple(slice(s.start // coarse, ceil(s.stop / coarse)) for s in part.inner)
            kept = feature[0][:, inner[0], inner[1]].half().permute(1, 2, 0).cpu().numpy()
            maps[level][r, c] = kept
    progress(1.0)
    return CellsScene(tuple(maps), zoom, pyramid.shape)
