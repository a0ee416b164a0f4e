"""Cells as objects in space: found slice by slice, joined over z."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from napari_sam.methods.along import axis_along, groups, in_pieces, position_of
from napari_sam.methods.cells import Cells
from napari_sam.methods.method import Words
from napari_sam.methods.option import option
from napari_sam.methods.options import CellOptions
from napari_sam.progress import Progress, silent

if TYPE_CHECKING:
    from napari_sam.images import Image, Plane
    from napari_sam.methods.found import Choice
    from napari_sam.segmentation import Segmentation
    from napari_sam.stacks.volumes import SliceObjects

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class VolumeOptions(CellOptions):
    """How objects are cut out of every slice, and what is known of the slices.

    Parameters
    ----------
    anisotropy : float, optional
        Distance between slices in widths of a pixel; that of the spacing by default, else 1.
    spacing : (z, row, column), optional
        Distances between slices, rows and columns, in any unit; those of the image by default.

    Raises
    ------
    ParameterError
    """

    anisotropy: float | None = option(
        None,
        float,
        label="Slice distance",
        help="Distance between slices, in widths of a pixel. Automatic: as the image says, or 1.",
        typed="distance between slices in widths of a pixel (default: as the file says, or 1)",
        low=1e-3,
        high=1e3,
        none="automatic",
    )
    spacing: Spacing | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spacing is not None:
            from napari_sam import checks

            object.__setattr__(self, "spacing", checks.spacing(self.spacing))


class Volume(Cells):
    """Objects in space, one number on all their slices."""

    name = "volume"
    words = Words(
        noun="cell",
        all="all cells",
        about="cells on all slices, joined to 3-D objects",
        typed="finds cells on every slice and joins them to 3-D objects, a number each",
        nothing="No cells were found. Try another diameter, a higher sensitivity or a lower "
        "certainty on one slice first.",
        nothing_typed="Try another --diameter, a higher --sensitivity, or a lower --min-score.",
    )
    kind: type[CellOptions] = VolumeOptions
    function = "segment_volume"
    along = "Z"
    base = "cells"
    together = "as 3-D objects"

    def prepare(self, image: Image) -> Image:
        """Keep slices without objects as dark as the others make them."""
        from napari_sam.contrast import even

        return even(image)

    def clear(self, image: Image, options: CellOptions) -> Image:
        """Take away the haze; how large objects are is told with it, as models know them."""
        from napari_sam.contrast import even

        assert isinstance(options, VolumeOptions)
        spacing, step = options.spacing or spacing_of(image), options.anisotropy
        return even(cleared(image, axis_along(image, "Z"), spacing, step))

    def on_planes(self, options: CellOptions, image: Image) -> CellOptions:
        """Keep what is less certain on a slice, and in pieces: its neighbours decide."""
        return in_pieces(options)

    def scope(self, image: Image) -> Iterable[Plane]:
        """Take slice after slice, and then the next stack of several."""
        return [plane for stack in self._stacks(image) for plane in stack]

    def _stacks(self, image: Image) -> list[list[Plane]]:
        return groups(image, (axis_along(image, "Z"),))

    def join(
        self,
        found: Iterable[tuple[Plane, Choice]],
        image: Image,
        options: CellOptions,
        *,
        source: str = "",
        out: Any = None,
        progress: Progress = silent,
    ) -> Segmentation:
        """Join the cells of every stack over z, see `napari_sam.stacks.volumes.link_slices`.

        Returns
        -------
        Segmentation
            A row per object, see `napari_sam.stacks.object_table.describe_objects`; of several
            stacks with a column ``axis_0``, ... for the position along each other axis.
        """
        import numpy as np
        import pandas as pd

        from napari_sam.images import PlaneStack
        from napari_sam.segmentation import Segmentation
        from napari_sam.stacks.volumes import link_into

        assert isinstance(options, VolumeOptions)
        labels = np.zeros(image.shape, np.int32) if out is None else out
        axis, stacks = axis_along(image, "Z"), self._stacks(image)
        tables, used, come = [], 0, iter(found)
        for number, planes in enumerate(stacks):
            table = link_into(
                PlaneStack(labels, planes),
                slices_of(islice(come, len(planes))),
                image=PlaneStack(image.finest, planes),
                spacing=options.spacing or spacing_of(image),
                step=options.anisotropy,
                least=options.min_score,
                rims=False,
                source=source,
                used=used,
            )
            used = max(used, int(table["label"].max()) if len(table) else 0)
            for place, (other, at) in enumerate(position_of(planes[0], (axis,)).items()):
                table.insert(place, f"axis_{other}", at)
            tables.append(table)
            progress((number + 1) / len(stacks))
        return Segmentation(labels, pd.concat(tables, ignore_index=True))


def slices_of(found: Iterable[tuple[Plane, Choice]]) -> Iterator[SliceObjects]:
    """Take of every plane what joining needs: its labels and their scores."""
    from napari_sam.stacks.volumes import SliceObjects

    for _, chosen in found:
        table = chosen.table
        scores = zip(table["label"], table["score"], strict=True)
        yield SliceObjects(chosen.labels, {int(number): float(score) for number, score in scores})


def cleared(
    image: Image,
    axis: int,
    spacing: Spacing | None,
    step: float | None = None,
) -> Image:
    """Return an image of slices without their haze, see `napari_sam.stacks.haze`.

    Parameters
    ----------
    image : Image
    axis : int
        Of the slices.
    spacing : (z, row, column) or None
        Distances between slices, rows and columns.
    step : float, optional
        Distance between slices in widths of a pixel; that of the spacing by default.
    """
    from napari_sam.pixel_size import step_of
    from napari_sam.stacks.haze import dehazed, reach_of

    if step is None and spacing is not None:
        step = step_of(spacing)
    return dehazed(image, axis, reach_of(step))


def spacing_of(image: Image) -> Spacing | None:
    """Return the distances between slices, rows and columns, where the image knows all three."""
    return None if image.pixel_size is None else image.pixel_size.spacing


METHOD = Volume()
