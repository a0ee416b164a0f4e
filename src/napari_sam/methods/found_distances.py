"""Cells cut out of maps of distances, kept so that every option about them acts at once."""

from __future__ import annotations

import math

import numpy as np

from napari_sam.methods.distances import (
    DISTANCE_SMOOTHING,
    FOREGROUND_SMOOTHING,
    SEED,
    flood_distances,
    mirrored,
)
from napari_sam.methods.found_cells import Cut, FoundCells
from napari_sam.methods.instances import InstanceScores, raised
from napari_sam.methods.interpolation import Labels, Map, MapPixels
from napari_sam.methods.options import SMOOTHING, CellOptions

_REACH = 0.8  # by how much the slider for splitting moves the thresholds of seeds, end to end


def seed_threshold(options: CellOptions) -> float:
    """Return the distance that those of seeds are shorter than.

    Examples
    --------
    >>> [round(seed_threshold(CellOptions(splitting=s)), 2) for s in (0, 0.5, 1)]
    [0.9, 0.5, 0.1]
    """
    return SEED + _REACH * (0.5 - options.splitting)


class FoundDistances(FoundCells):
    """Cells of one plane, cut out of micro-sam's maps as it cuts them out itself.

    With the options as they are, `napari_sam.methods.distances.labels_from_distances` with its
    own defaults; a smallest area of 0 leaves out nothing. Sensitivity moves the threshold of the
    foreground, splitting both those of the seeds; smoothing is that of the distances, 1.6 pixels
    where the option says 1.5. An object scores by its mean foreground.
    """

    least = 1
    _reliefs: tuple[float, Map, Map] | None = None

    def _cut_out(self, options: CellOptions) -> Cut:
        foreground = self._smooth_foreground()
        # Half of the foreground, until the sensitivity moves it.
        inside = foreground > 1 / (1 + options.odds)
        threshold = seed_threshold(options)
        labels = flood_distances(*self._distances(options.smoothing), inside, threshold, threshold)
        pixels = MapPixels.of(labels > 0, labels.shape, (1.0, 1.0))
        values = labels.ravel()[pixels.places]
        scores = self._scores(labels, values, pixels, options.odds)
        return Cut(pixels, values, scores, scores.areas)

    def _scores(
        self, labels: Labels, values: Labels, pixels: MapPixels, odds: float
    ) -> InstanceScores:
        areas = np.bincount(values, minlength=1)
        likely = raised(self._smooth_foreground().ravel()[pixels.places], odds)
        means = np.bincount(values, likely, len(areas)) / np.maximum(areas, 1)
        cut_off = np.zeros(len(areas), bool)
        for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            cut_off[border] = True
        return InstanceScores(means.astype(np.float32), areas, cut_off)

    def _smooth_foreground(self) -> Map:
        if self._foreground is None:
            self._foreground = mirrored(self._on_plane(self.maps.foreground), FOREGROUND_SMOOTHING)
        return self._foreground

    def _distances(self, smoothing: float) -> tuple[Map, Map]:
        """Smooth the distances to centre and boundary."""
        if self._reliefs is None or not math.isclose(self._reliefs[0], smoothing):
            sigma = smoothing * DISTANCE_SMOOTHING / SMOOTHING
            centre = mirrored(1 - self._on_plane(self.maps.centre), sigma)
            boundary = mirrored(self._on_plane(self.maps.boundary), sigma)
            self._reliefs = smoothing, centre, boundary
        return self._reliefs[1:]

    def _on_plane(self, values: Map) -> Map:
        """Leave out the pixels of a map that was cropped generously; each is one of the plane."""
        (top, left), (height, width) = self.maps.origin, self.maps.shape
        return values[-int(top) :, -int(left) :][:height, :width]
