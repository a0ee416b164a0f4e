"""Masks that a promptable model drew where cells are, kept so that options act at once."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from napari_sam import images
from napari_sam.errors import ModelError
from napari_sam.methods.finding_cells import find_cells
from napari_sam.methods.found import Choice
from napari_sam.methods.found_cells import FoundCells
from napari_sam.methods.options import DEFAULTS, CellOptions
from napari_sam.methods.prompted import Redrawn, ask, paint_answers, prompts_of
from napari_sam.models.given import check_encoded, check_model
from napari_sam.models.model import Embedding, Model
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, part, silent
from napari_sam.segmentation import measure


class FoundMasks:
    """A model's masks of the cells of one plane; another model's maps say where the cells are.

    Sensitivity, splitting and smoothing decide which cells there are: of the masks whose points
    lie in one cell of the maps, the best one stands for it. Areas and scores are the masks' own.

    Parameters
    ----------
    cells : FoundCells
        Where the cells are.
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
        The plane, for the intensities.
    embedding : Embedding
        What `model` made of it.
    model : Model
        Any promptable model.
    options : CellOptions
        The model is asked about the objects that these find.
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Attributes
    ----------
    diameter : float
        Object diameter in pixels that the maps were read at.
    decodes : int
        How many prompts the model answered.
    """

    def __init__(
        self,
        cells: FoundCells,
        pixels: npt.NDArray[Any],
        embedding: Embedding,
        model: Model,
        *,
        options: CellOptions = DEFAULTS,
        pixel_size: PixelSize | None = None,
        progress: Progress = silent,
    ) -> None:
        self.diameter = cells.diameter
        self._cells = cells
        self._pixels = images.check_plane(pixels)
        self._source = model.name
        self._pixel_size = pixel_size
        labels, scores = cells.labels(_without_sizes(options))
        prompts = prompts_of(labels, range(1, len(scores) + 1))
        self._answers = ask(model, embedding, prompts, progress)
        self.decodes = len(prompts)

    def choose(self, options: CellOptions = DEFAULTS) -> Choice:
        """Choose the masks of the cells; as `FoundCells.choose`, scores being predicted IoUs."""
        labels, _ = self._cells.labels(_without_sizes(options))
        best: dict[int, Redrawn] = {}
        for answer in self._answers:
            under = int(labels[answer.point])
            if under and (under not in best or best[under].score < answer.score):
                best[under] = answer
        fitting = [answer for answer in best.values() if self._fits(answer, options)]
        painted, kept = paint_answers(fitting, labels.shape)
        known = {i: fitting[place].score for i, place in enumerate(kept, start=1)}
        return Choice(
            painted,
            len(kept),
            lambda: measure(painted, self._pixels, known, self._source, self._pixel_size),
        )

    def _fits(self, answer: Redrawn, options: CellOptions) -> bool:
        area = answer.region.area
        return (
            answer.score >= options.min_score
            and area >= max(1, options.least_area(options.diameter or self.diameter))
            and (options.max_area is None or area <= options.max_area)
        )


def _without_sizes(options: CellOptions) -> CellOptions:
    """Return the options by which cells are looked for: areas and scores are for the masks."""
    return CellOptions(options.sensitivity, options.splitting, options.smoothing)


def find_masks(
    pixels: npt.NDArray[Any],
    embedding: Embedding,
    model: Model,
    finder: Model | None,
    options: CellOptions = DEFAULTS,
    *,
    diameter: float | None = None,
    pixel_size: PixelSize | None = None,
    progress: Progress = silent,
) -> FoundMasks:
    """Find where cells are with one model, and ask another one about them.

    Parameters
    ----------
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
        The plane.
    embedding : Embedding
        What `model` made of it.
    model : Model
        Any promptable model.
    finder : Model
        With a learned automatic head.
    options : CellOptions
        The model is asked about the objects that these find. A higher sensitivity here leaves
        room to raise it later; lower ones always act.
    diameter : float, optional
        Typical object diameter in pixels; estimated by default.
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Raises
    ------
    ImageError, ModelError, ParameterError, Cancelled
    """
    check_encoded(model, embedding)
    if finder is not None:
        check_model(finder, "finder")
    if finder is None or not finder.has_instances:
        raise ModelError(
            f"The model {model.name!r} does not find cells by itself: say with finder= which "
            "model does, such as 'cells'."
        )
    # Limits that a model chose for itself are not for another.
    chosen = embedding.limits == model.own_limits(images.check_plane(pixels))
    limits = None if chosen else embedding.limits
    where = finder.encode(pixels, limits=limits, progress=part(progress, 0.0, 0.2))
    maps = part(progress, 0.2, 0.3)
    cells = find_cells(pixels, where, finder, diameter=diameter, progress=maps)
    return FoundMasks(
        cells,
        pixels,
        embedding,
        model,
        options=options,
        pixel_size=pixel_size,
        progress=part(progress, 0.3, 1.0),
    )
