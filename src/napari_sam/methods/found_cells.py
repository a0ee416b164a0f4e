"""Cells found on a plane: its maps, kept so that every option about them acts at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from napari_sam import images
from napari_sam.methods.found import Choice
from napari_sam.methods.instances import (
    MIN_AREA,
    Floods,
    InstanceScores,
    flood,
    height_of,
    merge,
    number,
    score,
)
from napari_sam.methods.interpolation import EnlargedLabels, Labels, Map, MapPixels, enlarge
from napari_sam.methods.options import DEFAULTS, CellOptions
from napari_sam.models.model import InstanceMaps
from napari_sam.pixel_size import PixelSize
from napari_sam.segmentation import measure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(eq=False)
class Cut:
    """All objects, with gaps in their ids: at the pixels inside, the rest by id.

    Parameters
    ----------
    pixels : MapPixels
        Those inside.
    values : (p,) int32
        Their objects.
    scores : InstanceScores
    areas : (n + 1,) int
        Pixels of the plane, by object.
    table : pandas.DataFrame, optional
        Measures of all of them, once they are wanted.
    """

    pixels: MapPixels
    values: Labels
    scores: InstanceScores
    areas: npt.NDArray[np.intp]
    table: pd.DataFrame | None = None


class FoundCells:
    """Cells of one plane, cut out of its maps again and again as a person changes the options.

    Every stage is kept until an option that it depends on changes: the relief (smoothing), the
    pixels inside (sensitivity), the floods (both), the objects and their measures (splitting).
    Areas and scores only choose among objects that are measured already.

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
    least : int
        Objects of fewer map pixels are never wanted.
    """

    least: ClassVar[int] = MIN_AREA

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
        self._foreground: Map | None = None
        self._relief: tuple[object, Map] | None = None
        self._inside: tuple[object, MapPixels] | None = None
        self._floods: tuple[object, Floods, EnlargedLabels] | None = None
        self._cut: tuple[object, Cut] | None = None

    def choose(self, options: CellOptions = DEFAULTS) -> Choice:
        """Cut out the cells.

        Returns
        -------
        Choice
            ``labels`` (H, W) int32 with ids 1..n, and the table of
            `napari_sam.segmentation.measure`.
        """
        labels, scores = self.labels(options)
        return Choice(labels, len(scores), lambda: self.table(options))

    def labels(self, options: CellOptions = DEFAULTS) -> tuple[Labels, npt.NDArray[np.float32]]:
        """Cut out the cells without measuring them; labels (H, W) and scores (n,)."""
        cut = self._objects(options)
        lookup = self._numbers(cut, options)
        return cut.pixels.paint(lookup[cut.values]), cut.scores.values[lookup > 0]

    def table(self, options: CellOptions = DEFAULTS) -> pd.DataFrame:
        """Measure the cells that `labels` cuts out."""
        cut = self._objects(options)
        if cut.table is None:
            known = dict(enumerate(map(float, cut.scores.values)))
            labels = cut.pixels.paint(cut.values)
            cut.table = measure(labels, self._pixels, known, self._source, self._pixel_size)
        lookup = self._numbers(cut, options)
        ids = lookup[cut.table["label"].to_numpy()]
        table = cut.table[ids > 0].reset_index(drop=True)
        table["label"] = ids[ids > 0].astype(np.int64)
        return table

    def _numbers(self, cut: Cut, options: CellOptions) -> Labels:
        """Return the ids 1..n of the objects that the options keep, 0 for the others."""
        kept = cut.scores.keep(self.least, options.min_score)
        # Until the maps were made anew at the diameter that a person is choosing, theirs counts.
        expected = self.diameter if options.diameter is None else options.diameter
        kept &= cut.areas >= max(options.least_area(expected), 1)
        if options.max_area is not None:
            kept &= cut.areas <= options.max_area
        return number(kept)

    def _objects(self, options: CellOptions) -> Cut:
        """Cut out all objects there are, whatever their area and score."""
        key = (options.smoothing, options.sensitivity, options.splitting)
        if self._cut is None or self._cut[0] != key:
            self._cut = key, self._cut_out(options)
        return self._cut[1]

    def _cut_out(self, options: CellOptions) -> Cut:
        floods, enlarged = self._flooded(options)
        found = merge(floods, options.merging)
        scores = score(floods, found, self.maps.foreground, options.odds)
        values = enlarged.values(found)
        areas = np.bincount(values, minlength=len(scores.values))
        return Cut(self._pixels_inside(options), values, scores, areas)

    def _flooded(self, options: CellOptions) -> tuple[Floods, EnlargedLabels]:
        key = (options.smoothing, options.sensitivity)
        if self._floods is None or self._floods[0] != key:
            maps = self.maps
            if self._relief is None or self._relief[0] != options.smoothing:
                height = height_of(maps.centre, maps.boundary, options.smoothing)
                self._relief = options.smoothing, height
            floods = flood(self._relief[1], maps.foreground > options.foreground)
            enlarged = EnlargedLabels(floods.labels, self._pixels_inside(options))
            self._floods = key, floods, enlarged
        return self._floods[1:]

    def _pixels_inside(self, options: CellOptions) -> MapPixels:
        if self._inside is None or self._inside[0] != options.sensitivity:
            maps = self.maps
            inside = self._enlarged() >= options.foreground
            pixels = MapPixels.of(inside, maps.foreground.shape, maps.scale, maps.origin)
            self._inside = options.sensitivity, pixels
        return self._inside[1]

    def _enlarged(self) -> Map:
        if self._foreground is None:
            maps = self.maps
            self._foreground = enlarge(maps.foreground, maps.shape, maps.scale, maps.origin)
        return self._foreground
