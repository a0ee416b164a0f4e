"""Every cell of a plane, found in one pass by a learned head, or asked about one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sam.methods.method import Encoded, Method, Words
from napari_sam.methods.options import CellOptions
from napari_sam.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_sam.methods.found import Choice, Found


class Cells(Method[CellOptions]):
    """What the model has learned to be a cell or a nucleus.

    A model with a learned automatic head finds cells in one pass. Any other one is asked about
    each cell that the finder finds, by its deepest point and its box.
    """

    name = "cells"
    words = Words(
        noun="cell",
        all="all cells",
        about="what the model has learned to be a cell or a nucleus",
        typed="finds cells by a trained sense for them, the model's own or that of the finder",
        nothing="No cells were found. Try another diameter, a higher sensitivity, a lower "
        "certainty, or click the cells one by one.",
        nothing_typed="Try another --diameter, a higher --sensitivity, or a lower --min-score.",
    )
    kind = CellOptions
    function = "segment_cells"

    def needs(self, options: CellOptions) -> tuple[str, ...]:
        """Somebody has to see where cells are."""
        return ("instances",)

    def finishing_share(self, options: CellOptions) -> float:
        """Drawing cells again takes a while."""
        return 0.12 if options.refine else 0.0

    def search(
        self,
        encoded: Encoded,
        options: CellOptions,
        region: npt.NDArray[np.bool_] | None = None,
        progress: Progress = silent,
    ) -> Found[CellOptions]:
        """Read the maps of a plane, or ask the model about each cell of the finder's.

        Of a plane that is much larger than the `region`, a model that sees cells by itself
        searches only what is around it.
        """
        from napari_sam.methods.finding_cells import find_cells, find_cells_around
        from napari_sam.methods.found import FoundPart, small_box
        from napari_sam.methods.found_masks import find_masks

        pixels, embedding, model = encoded.pixels, encoded.embedding, encoded.model
        how: dict[str, Any] = {
            "diameter": options.diameter,
            "pixel_size": encoded.block.pixel_size,
            "progress": progress,
        }
        if model.instances is None:
            return find_masks(pixels, embedding, model, encoded.finder, options, **how)
        box = small_box(region)
        if box is None:
            return find_cells(pixels, embedding, model, **how)
        rows, columns = box
        window = (rows.start, columns.start, rows.stop, columns.stop)
        found, held = find_cells_around(pixels, embedding, model, window, **how)
        shape = encoded.block.plane.shape
        return FoundPart(found, held, box, shape, encoded.block.pixel_size)

    def finish(
        self, chosen: Choice, encoded: Encoded, options: CellOptions, progress: Progress = silent
    ) -> Choice:
        """Draw uncertain cells again, if that is wanted and the model did not draw all of them."""
        if not options.refine or encoded.model.instances is None:
            return super().finish(chosen, encoded, options, progress)
        from napari_sam.methods.found import Choice
        from napari_sam.methods.refining import refine_cells

        refined = refine_cells(
            chosen.segmentation(),
            encoded.pixels,
            encoded.embedding,
            encoded.model,
            pixel_size=encoded.block.pixel_size,
            progress=progress,
        )
        return Choice.of(refined)


METHOD = Cells()
