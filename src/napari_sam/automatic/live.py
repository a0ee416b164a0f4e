"""One plane's maps, kept so that every option about its cells acts at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import images
from napari_sam.automatic.instances import MIN_AREA, Scores, flood, height_of, merge, score
from napari_sam.automatic.interpolation import enlarge, enlarge_labels, grow
from napari_sam.automatic.options import CellOptions
from napari_sam.models.model import Embedding, InstanceMaps, Model
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, part, silent
from napari_sam.segmentation import Segmentation, measure

Labels = npt.NDArray[np.int32]


class LiveCells:
    """Cuts cells out of a plane's maps, again and again as a person changes the options.

    Every stage is kept until an option that it depends on changes: the relief (smoothing), the
    floods (sensitivity), the objects and their measures (splitting). Areas and scores only
    choose among objects that are measured already.

    Parameters
    ----------
    maps : InstanceMaps
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
        The plane, for the intensities.
    source : str
        Name of the model, for the table.
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.

    Attributes
    ----------
    diameter : float
        Object diameter in pixels that the maps were read at.
    """

    def __init__(
        self,
        maps: InstanceMaps,
        pixels: npt.NDArray[Any],
        *,
        source: str,
        pixel_size: PixelSize | None = None,
    ) -> None:
        self.maps = maps
        self.diameter = maps.diameter
        self._pixels = images.check_plane(pixels)
        self._source = source
        self._pixel_size = pixel_size

    def choose(self, options: CellOptions = CellOptions()) -> Segmentation:
        """Cut out the cells.

        Returns
        -------
        Segmentation
            ``labels`` (H, W) int32 with ids 1..n, and the table of
            `napari_sam.segmentation.measure`.
        """
        labels, scores = self._cut(options)
        known = dict(enumerate(map(float, scores.values)))
        table = measure(labels, self._pixels, known, self._source, self._pixel_size)
        kept = self._choose(labels, scores, options)
        lookup = np.zeros(len(kept), dtype=np.int32)
        lookup[kept] = np.arange(1, np.count_nonzero(kept) + 1)
        chosen = table[kept[table["label"].to_numpy()]].reset_index(drop=True)
        chosen["label"] = lookup[chosen["label"].to_numpy()]
        return Segmentation(lookup[labels], chosen)

    def labels(
        self,
        options: CellOptions = CellOptions(),
    ) -> tuple[Labels, npt.NDArray[np.float32]]:
        """Cut out the cells without measuring them; labels (H, W) and scores (n,)."""
        labels, scores = self._cut(options)
        kept = self._choose(labels, scores, options)
        lookup = np.zeros(len(kept), dtype=np.int32)
        lookup[kept] = np.arange(1, np.count_nonzero(kept) + 1)
        return lookup[labels], scores.values[kept]

    def _choose(
        self, labels: Labels, scores: Scores, options: CellOptions
    ) -> npt.NDArray[np.bool_]:
        areas = self._areas(labels, len(scores.values))
        kept = scores.keep(MIN_AREA, options.min_score)
        kept &= areas >= max(options.least_area(self.diameter), 1)
        if options.max_area is not None:
            kept &= areas <= options.max_area
        return kept

    def _areas(self, labels: Labels, count: int) -> npt.NDArray[np.intp]:
        return np.bincount(labels.ravel(), minlength=count)

    def _cut(self, options: CellOptions) -> tuple[Labels, Scores]:
        """Cut out all objects there are, on the plane's pixels."""
        maps = self.maps
        height = height_of(maps.centre, maps.boundary, options.smoothing)
        floods = flood(height, maps.foreground > options.foreground)
        labels = merge(floods, height, options.merging)
        odds = maps.foreground * np.float32(options.odds)
        scores = score(labels, odds / (1 - maps.foreground + odds), height)
        inside = enlarge(maps.foreground, maps.shape, maps.scale) >= options.foreground
        return enlarge_labels(grow(labels), maps.shape, maps.scale, inside), scores


def find_cells(
    pixels: npt.NDArray[Any],
    embedding: Embedding,
    model: Model,
    *,
    diameter: float | None = None,
    pixel_size: PixelSize | None = None,
    progress: Progress = silent,
) -> LiveCells:
    """Read the maps of a plane that is already encoded.

    Parameters
    ----------
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
        The plane.
    embedding : Embedding
        What `model` made of it.
    model : Model
        With a learned automatic head.
    diameter : float, optional
        Typical object diameter in pixels; estimated by default.
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    LiveCells

    Raises
    ------
    ImageError, ModelError, Cancelled
    """
    maps = model.instance_maps(embedding, diameter=diameter, progress=part(progress, 0.0, 0.95))
    found = LiveCells(maps, pixels, source=model.name, pixel_size=pixel_size)
    progress(1.0)
    return found
