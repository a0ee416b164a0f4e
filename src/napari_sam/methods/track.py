"""Cells over time: found frame by frame, followed through their divisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from napari_sam.methods.along import axis_along, doubted, groups, in_pieces
from napari_sam.methods.cells import Cells
from napari_sam.methods.method import Words
from napari_sam.methods.option import option
from napari_sam.methods.options import CellOptions
from napari_sam.methods.volume import cleared, slices_of, spacing_of
from napari_sam.progress import Progress, part, silent

if TYPE_CHECKING:
    from napari_sam.images import Image, Plane
    from napari_sam.methods.found import Choice
    from napari_sam.stacks.tracks import Tracks


@dataclass(frozen=True)
class TrackOptions(CellOptions):
    """How objects are cut out of every frame, and how they are followed.

    Parameters
    ----------
    max_gap : int
        Frames for which a cell may be missing and still keep its number.
    divisions : bool
        Whether cells that appear may be daughters.
    """

    max_gap: int = option(
        2,
        int,
        label="Gap",
        help="For how many frames a cell may be missing and still keep its number.",
        typed="default 2: for how many frames a cell may be missing and keep its number",
        high=100,
    )
    divisions: bool = option(
        True,
        bool,
        label="Cells divide",
        help="Whether cells that appear beside another may be its daughters.",
        typed="whether cells that appear may be daughters (default: they may)",
    )


class Track(Cells):
    """Cells of a movie, one number through all frames, with their divisions."""

    name = "track"
    words = Words(
        noun="track",
        all="all cells",
        about="cells on all frames, followed over time",
        typed="finds cells on every frame and follows them through their divisions",
        nothing="No cells were found. Try another diameter, a higher sensitivity or a lower "
        "certainty on one frame first.",
        nothing_typed="Try another --diameter, a higher --sensitivity, or a lower --min-score.",
    )
    kind: type[CellOptions] = TrackOptions
    function = "track_cells"
    saves = ("frames", "ctc", "geff")
    along = "T"
    base = "cells"
    together = "over time"

    def prepare(self, image: Image) -> Image:
        """Keep frames without cells as dark as the others make them."""
        from napari_sam.contrast import even

        return even(image)

    def clear(self, image: Image, options: CellOptions) -> Image:
        """Take away the haze of slices, in movies of stacks."""
        from napari_sam.contrast import even

        axes = self._axes(image)
        return even(cleared(image, axes[1], spacing_of(image))) if len(axes) > 1 else image

    def on_planes(self, options: CellOptions, image: Image) -> CellOptions:
        """Keep what is less certain on a plane, and in pieces on a slice: its neighbours decide."""
        return in_pieces(options) if len(self._axes(image)) > 1 else doubted(options)

    def scope(self, image: Image) -> Iterable[Plane]:
        """Take frame after frame, all slices of each, and then the next movie of several."""
        return [plane for movie in groups(image, self._axes(image)) for plane in movie]

    def _axes(self, image: Image) -> tuple[int, ...]:
        """Return the axis of the frames, and in movies of stacks that of the slices."""
        time = axis_along(image, "T")
        if "Z" in image.axes and image.axes.index("Z") != time:
            return time, image.axes.index("Z")
        return (time,)

    def join(
        self,
        found: Iterable[tuple[Plane, Choice]],
        image: Image,
        options: CellOptions,
        *,
        source: str = "",
        out: Any = None,
        progress: Progress = silent,
    ) -> Tracks:
        """Follow the cells of every movie, see `napari_sam.stacks.link.link_labels`.

        In movies of stacks, the cells of every time are joined over z before.
        """
        import numpy as np

        assert isinstance(options, TrackOptions)
        labels = np.zeros(image.shape, np.int32) if out is None else out
        axes, come = self._axes(image), iter(found)
        movies = groups(image, axes)
        parts: list[Tracks] = []
        for number, planes in enumerate(movies):
            stage = part(progress, number / len(movies), (number + 1) / len(movies))
            used = max((int(one.table["label"].max()) for one in parts if len(one)), default=0)
            depth = image.shape[axes[1]] if len(axes) > 1 else 0
            parts.append(
                _follow(
                    islice(come, len(planes)), planes, depth, image, options, labels, used, stage
                )
            )
        return _joined(parts, labels)


def _follow(
    found: Iterable[tuple[Plane, Choice]],
    planes: list[Plane],
    depth: int,
    image: Image,
    options: TrackOptions,
    labels: Any,
    used: int,
    progress: Progress,
) -> Tracks:
    """Follow the cells of one movie, of stacks of some depth or of planes."""
    from napari_sam.images import PlaneStack
    from napari_sam.segmentation import check_id
    from napari_sam.stacks.link import link_labels
    from napari_sam.stacks.mending import mend_pieces
    from napari_sam.stacks.volumes import link_into

    pictures = None
    if depth:
        times = [planes[at : at + depth] for at in range(0, len(planes), depth)]
        come = iter(found)
        for time in times:
            link_into(
                PlaneStack(labels, time),
                slices_of(islice(come, depth)),
                image=PlaneStack(image.finest, time),
                spacing=spacing_of(image),
                rims=False,
            )
        movie = PlaneStack(labels, times)
    else:
        for plane, chosen in found:
            check_id(len(chosen), labels.dtype)
            PlaneStack(labels, [plane])[0] = chosen.labels
        movie, pictures = PlaneStack(labels, planes), PlaneStack(image.finest, planes)
    mend_pieces(movie)
    return link_labels(
        movie,
        pictures,
        max_gap=options.max_gap,
        divisions=options.divisions,
        out=movie,
        used=used,
        progress=progress,
    )


def _joined(parts: list[Tracks], labels: Any) -> Tracks:
    """Put the tracks of several movies into one table."""
    import pandas as pd

    from napari_sam.stacks.tracks import Tracks

    return Tracks(
        labels,
        pd.concat([one.table for one in parts], ignore_index=True),
        {child: mother for one in parts for child, mother in one.parents.items()},
        pd.concat([one.cells for one in parts], ignore_index=True),
    )


METHOD = Track()
