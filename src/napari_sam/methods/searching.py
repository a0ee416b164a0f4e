"""Searches in the worker, and what they leave behind to choose from without the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_sam.labels.merge import restrict
from napari_sam.methods import found_cells
from napari_sam.methods.everything import propose_plane
from napari_sam.methods.find_options import FindOptions, collecting
from napari_sam.methods.found_cells import find_cells, find_cells_around
from napari_sam.methods.found_masks import FoundMasks, find_masks
from napari_sam.methods.painting import paint
from napari_sam.methods.proposals import Proposals
from napari_sam.models.model import Embedding, Model
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress
from napari_sam.segmentation import Segmentation, moved, with_units

if TYPE_CHECKING:
    import pandas as pd

Mask = npt.NDArray[np.bool_]
_SMALL = 0.5  # share of the plane up to which a region is searched by itself


@dataclass(frozen=True, eq=False)
class Choice:
    """Objects chosen from what was found, measured only when it is asked for.

    Parameters
    ----------
    labels : (H, W) integer array
        Ids 1..n.
    count : int
        How many objects there are.
    table : callable
        Measures them, see `napari_sam.segmentation.measure`; that takes longer than a slider
        may.
    """

    labels: npt.NDArray[np.integer[Any]]
    count: int
    table: Callable[[], pd.DataFrame]

    def measured(self) -> Choice:
        """Measure now, and keep the table."""
        table = self.table()
        return replace(self, table=lambda: table)


class Found(Protocol):
    """What a search found, before anything was chosen from it."""

    @property
    def diameter(self) -> float | None:
        """Typical diameter in pixels, where it was measured."""

    def choose(self, options: FindOptions) -> Choice:
        """Choose objects by the options, without the model."""

    def covers(self, region: Mask | None) -> bool:
        """Whether all of a region was searched; None is the whole plane."""


@dataclass(frozen=True, eq=False)
class FoundCells:
    """Maps of the cells of one plane, or masks at the places of cells."""

    live: found_cells.FoundCells | FoundMasks

    @property
    def diameter(self) -> float | None:
        return float(self.live.diameter)

    def choose(self, options: FindOptions) -> Choice:
        cells = options.cells
        if cells.min_area is None and options.diameter is not None:
            # Until the maps were made anew at the diameter that the person is choosing.
            cells = replace(cells, min_area=cells.least_area(options.diameter))
        live = self.live
        if isinstance(live, FoundMasks):
            return _measured(live.choose(cells).segmentation())
        labels, scores = live.labels(cells)
        return Choice(labels, len(scores), lambda: live.table(cells))

    def covers(self, region: Mask | None) -> bool:
        return True


@dataclass(frozen=True, eq=False)
class FoundPart:
    """What was found on a part of a large plane.

    Parameters
    ----------
    found : Found
        Of the part.
    part : (slice, slice)
        Rows and columns of the plane.
    box : (slice, slice)
        Those of the part that were asked for; the rest is there for the objects at its edges.
    shape : (H, W)
        Of the plane.
    pixel_size : PixelSize or None
    """

    found: Found
    part: tuple[slice, slice]
    box: tuple[slice, slice]
    shape: tuple[int, int]
    pixel_size: PixelSize | None

    @property
    def diameter(self) -> float | None:
        return self.found.diameter

    def choose(self, options: FindOptions) -> Choice:
        chosen = self.found.choose(options)
        labels = np.zeros(self.shape, chosen.labels.dtype)
        labels[self.part] = chosen.labels

        def table() -> pd.DataFrame:
            rows, columns = self.part
            return with_units(moved(chosen.table(), rows.start, columns.start), self.pixel_size)

        return Choice(labels, chosen.count, table)

    def covers(self, region: Mask | None) -> bool:
        if region is None:
            return False
        return int(np.count_nonzero(region[self.box])) == int(np.count_nonzero(region))


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """Candidates of everything on one plane."""

    proposals: Proposals
    pixels: npt.NDArray[Any]
    source: str
    diameter: None = None

    def choose(self, options: FindOptions) -> Choice:
        first, wanted = self.proposals.settings, options.everything
        wanted = replace(
            wanted,
            # What is below was not kept, and where the model was asked cannot change any more.
            pred_iou_thresh=max(wanted.pred_iou_thresh, first.pred_iou_thresh),
            stability_score_thresh=max(wanted.stability_score_thresh, first.stability_score_thresh),
            stability_score_offset=first.stability_score_offset,
        )
        chosen = self.proposals.choose(wanted)
        return _measured(paint(chosen, self.proposals.shape, self.pixels, self.source))

    def covers(self, region: Mask | None) -> bool:
        return True


def _measured(found: Segmentation) -> Choice:
    return Choice(found.labels, len(found), lambda: found.table)


def search(
    pixels: npt.NDArray[Any],
    embedding: Embedding,
    model: Model,
    finder: Model | None,
    options: FindOptions,
    pixel_size: PixelSize | None,
    region: Mask | None,
    progress: Progress,
) -> Found:
    """Find all cells, or everything, on one plane that is encoded already.

    `finder` says where cells are to a model that has no learned sense for them. Of a plane that is
    much larger than the `region`, a model that has such a sense searches only what is around it.

    Raises
    ------
    ImageError, ModelError, Cancelled
    """
    if options.method == "cells":
        how: dict[str, Any] = {
            "diameter": options.diameter,
            "pixel_size": pixel_size,
            "progress": progress,
        }
        box = _small_box(region) if model.has_instances else None
        if box is not None:
            rows, columns = box
            window = (rows.start, columns.start, rows.stop, columns.stop)
            live, held = find_cells_around(pixels, embedding, model, window, **how)
            return FoundPart(FoundCells(live), held, box, pixels.shape[:2], pixel_size)
        if model.has_instances:
            return FoundCells(find_cells(pixels, embedding, model, **how))
        return FoundCells(find_masks(pixels, embedding, model, finder, options.cells, **how))
    proposals = propose_plane(
        pixels,
        model,
        collecting(options.everything),
        embedding=embedding,
        finder=finder,
        progress=progress,
    )
    return FoundObjects(proposals, pixels, model.name)


def _small_box(region: Mask | None) -> tuple[slice, slice] | None:
    """Return the bounding box of a region if it is worth searching by itself."""
    if region is None:
        return None
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return box if region[box].size <= _SMALL * region.size else None


def within(chosen: Choice, region: Mask | None) -> Choice:
    """Keep the objects that lie mostly in a region, numbered anew; None keeps all."""
    if region is None:
        return chosen
    lookup = restrict(chosen.labels, region)

    def table() -> pd.DataFrame:
        measured = chosen.table()
        kept = measured[lookup[measured["label"]] > 0].copy()
        kept["label"] = lookup[kept["label"]]
        return kept.reset_index(drop=True)

    labels = lookup[chosen.labels].astype(chosen.labels.dtype)
    return Choice(labels, int(np.count_nonzero(lookup)), table)
