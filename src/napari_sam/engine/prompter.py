"""Prompts answered on planes of any size: only what is around the object is read.

A model sees a few hundred pixels at a time. On a plane that is small enough it encodes all of it;
on a larger one a tile around the prompt, at the scale at which the object is neither a speck nor
larger than the field. How large it is shows in the answer: where it does not fit, the model is
asked once more at a scale that does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.contrast import limits_of
from napari_sam.engine.tile_prompts import candidates_of, prompt_in
from napari_sam.errors import ImageError, PromptError
from napari_sam.images import (
    Block,
    Image,
    Plane,
    Scale,
    Tile,
    check_plane,
    coarsest_within,
    is_large,
    sample_of,
    scales_of,
    tile_around,
)
from napari_sam.models.embedding import Embedding
from napari_sam.models.given import check_model
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt, Window
from napari_sam.segmentation import Candidates

__all__ = ["Look", "Prompter", "Read"]

_USUAL = 1 / 12  # of the field: what an object takes up where its size is known from others
_MARKED = 1 / 4  # of the field that a box, a mask or the clicks may take up
_LARGEST = 1 / 5  # of the field: larger objects are looked at from further away
_SMALLEST = 1 / 40  # of the field: smaller ones from nearer by
_MARGIN = 1 / 8  # of the field that a tile, to be used again, has around the marks
_TRIES = 3
_KEPT = 12  # tiles that are kept with what the model made of them
_REMEMBERED = 5  # answers that tell how large objects are
_SEEN = 6.0  # pixels of the screen: smaller objects are not what a click means

Encode = Callable[..., Embedding]


@dataclass(frozen=True)
class Look:
    """Where somebody looks, and from how far away.

    Parameters
    ----------
    centre : (float, float)
        ``(row, column)`` of the plane in the middle of the screen.
    step : float
        Pixels of the plane per pixel of the screen.
    """

    centre: tuple[float, float]
    step: float


@dataclass(frozen=True, eq=False)
class Read:
    """A tile, its pixels, and what a model made of them."""

    tile: Tile
    pixels: npt.NDArray[Any]
    embedding: Embedding


class Prompter:
    """Answers prompts on one plane of an image, however large it is.

    Parameters
    ----------
    image : Image or array
        NumPy, dask or zarr; a pyramid is read at the level that fits.
    model : Model
    plane : Plane, optional
        Of a stack, the one that is meant.
    encode : callable, optional
        Encodes pixels as `Model.encode` does, for who keeps embeddings.

    Raises
    ------
    ImageError
        When the plane does not lie in the image, or it has several and none was chosen.

    Examples
    --------
    >>> import napari_sam as ns
    >>> slide = np.zeros((5000, 6000), np.uint8)
    >>> slide[4000:4030, 2000:2030] = 200
    >>> prompter = ns.Prompter(slide, ns.load_model("cells"))
    >>> found = prompter.predict(ns.Prompt(points=[(4015, 2015)]))
    >>> found.shape, found.parts.shape[1] < 100
    ((5000, 6000), True)
    """

    def __init__(
        self,
        image: Any,
        model: Model,
        plane: Plane | None = None,
        *,
        encode: Encode | None = None,
    ) -> None:
        check_model(model)
        if plane is not None:
            checks.instance(plane, Plane, "plane", ImageError)
        described = Image.of(image)
        blocks = list(itertools.islice(described.blocks(plane), 2))
        if len(blocks) > 1:
            raise ImageError(
                f"An image of shape {described.shape} has several planes: say which one with "
                "plane=, for example next(image.planes())."
            )
        self.block: Block = blocks[0]
        self.model = model
        self.large = is_large(self.block)
        self._encode_pixels: Encode = encode or model.encode
        self._scales = scales_of(described, self.block.plane)
        self._read: list[Read] = []
        self._answered: dict[Window, Read] = {}
        self._sizes: list[float] = []
        self._limits: tuple[float, float] | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """The values of black and white: of the image, or told from samples of the plane."""
        if self._limits is None:
            image = self.block.image
            sample = np.zeros((1, 1)) if image.limits is not None else sample_of(self.block)
            given = limits_of(image, sample)
            self._limits = self.model.limits_for(check_plane(sample), given)
        return self._limits

    def prepare(self, look: Look | None = None, progress: Progress = silent) -> Read:
        """Read and encode where somebody looks, so that prompts there need no reading.

        Parameters
        ----------
        look : Look, optional
            The middle of the plane by default.
        progress : callable
            Called with 0..1; raise `Cancelled` from it to stop.
        """
        height, width = self.block.plane.shape
        centre = (height / 2, width / 2) if look is None else look.centre
        return self._reading((*centre, *centre), self._scale_for(0.0, look), progress)

    def ready(self, prompt: Prompt, look: Look | None = None) -> bool:
        """Whether a prompt can be answered without reading anything, or very little."""
        marked = _marked(prompt.on(self.block.plane.shape), self.block.plane.shape)
        return self._known(marked, self._scale_for(_extent(marked), look)) is not None

    def predict(
        self, prompt: Prompt, *, look: Look | None = None, progress: Progress = silent
    ) -> Candidates:
        """Answer a prompt about one object.

        Parameters
        ----------
        prompt : Prompt
            In pixels of the plane at full resolution.
        look : Look, optional
            Who looks at the plane from far away means large objects.
        progress : callable
            Called with 0..1; raise `Cancelled` from it to stop.

        Returns
        -------
        Candidates
            On the plane at full resolution; their ``parts`` are small.

        Raises
        ------
        PromptError, ImageError, ModelError, Cancelled
        """
        return self.answer(prompt, look, progress)[0]

    def answer(
        self, prompt: Prompt, look: Look | None = None, progress: Progress = silent
    ) -> tuple[Candidates, Read]:
        """Answer a prompt, see `predict`, and tell what was looked at."""
        prompt = checks.instance(prompt, Prompt, "prompt", PromptError).on(self.block.plane.shape)
        read, found = self._ask(prompt, look, progress)
        mask = found.regions[0].mask
        if mask.size:
            self._sizes.append(max(mask.shape) * read.tile.scale.longest)
            del self._sizes[:-_REMEMBERED]
        answer = candidates_of(read.tile, found)
        self._answered[answer.window] = read
        while len(self._answered) > _KEPT:
            del self._answered[next(iter(self._answered))]
        return answer, read

    # -- asking ----------------------------------------------------------------------------------

    def _ask(
        self, prompt: Prompt, look: Look | None, progress: Progress
    ) -> tuple[Read, Candidates]:
        """Ask at the scale that fits; what has been tried is not tried again."""
        marked = _marked(prompt, self.block.plane.shape)
        again = self._answered.get(prompt.window) if prompt.window is not None else None
        if again is not None and again.tile.holds(marked):
            return again, self.model.predict(again.embedding, prompt_in(again.tile, prompt))
        prompt = _without_logits(prompt)
        scale = self._scale_for(_extent(marked), look)
        tried: set[Scale] = set()
        while True:
            tried.add(scale)
            read = self._reading(marked, scale, progress)
            found = self.model.predict(read.embedding, prompt_in(read.tile, prompt))
            scale = self._better(read, found)
            if scale in tried or len(tried) == _TRIES:
                return read, found

    def _better(self, read: Read, found: Candidates) -> Scale:
        """Choose the scale that fits the object that was found."""
        scale, region = read.tile.scale, found.regions[0]
        if not region.area:
            return scale
        r0, c0, r1, c1 = region.box
        height, width = read.tile.shape
        ends = (r0 <= 0, c0 <= 0, r1 >= height, c1 >= width)
        beyond = any(end and cut for end, cut in zip(ends, read.tile.cut, strict=True))
        extent, field = max(r1 - r0, c1 - c0), self.model.field
        if not beyond and _SMALLEST * field <= extent <= _LARGEST * field:
            return scale
        factor = extent / (_USUAL * field)
        return coarsest_within(
            self._scales, scale.longest * (max(2.0, factor) if beyond else factor)
        )

    # -- tiles -----------------------------------------------------------------------------------

    def _scale_for(self, extent: float, look: Look | None) -> Scale:
        """Choose the scale to begin with, for marks that reach so many pixels of the plane."""
        field = self.model.field
        if not self.large:
            return self._scales[0]
        if extent > _SMALLEST * field:
            return coarsest_within(self._scales, extent / (_MARKED * field))
        usual = float(np.median(self._sizes)) if self._sizes else 0.0
        seen = 1.0 if look is None else look.step
        if usual >= _SEEN * seen:
            return coarsest_within(self._scales, usual / (_USUAL * field))
        return coarsest_within(self._scales, seen / 2)

    def _reading(self, marked: Window, scale: Scale, progress: Progress) -> Read:
        """Return a tile around some marks with what the model makes of it."""
        known = self._known(marked, scale)
        if known is not None:
            return known
        side = max(self.block.plane.shape)
        if self.large:
            side = max(self.model.field, round(1.5 * _extent(marked) / scale.longest))
        centre = (marked[0] + marked[2]) / 2, (marked[1] + marked[3]) / 2
        tile = tile_around(self.block, scale, centre, side)
        pixels = tile.read()
        embedding = self._encode_pixels(pixels, limits=self.limits, progress=progress)
        read = Read(tile, pixels, embedding)
        self._read = [read, *self._read[: _KEPT - 1]]
        return read

    def _known(self, marked: Window, scale: Scale) -> Read | None:
        """Return a tile of a scale that was read already and has room around the marks."""
        margin = _MARGIN * self.model.field * scale.longest
        for place, read in enumerate(self._read):
            if read.tile.scale == scale and read.tile.holds(marked, margin):
                self._read.insert(0, self._read.pop(place))
                return read
        return None


def _without_logits(prompt: Prompt) -> Prompt:
    """Start again from the marks: logits mean something only where they were made."""
    marks = len(prompt.all_points) or len(prompt.boxes) or prompt.region is not None
    return prompt.without_logits() if marks else prompt


def _marked(prompt: Prompt, shape: tuple[int, int]) -> Window:
    """Return the smallest rectangle that holds what is marked on the object."""
    corners = [prompt.foreground.reshape(-1, 2), prompt.boxes.reshape(-1, 2)]
    if prompt.region is not None:
        r0, c0, r1, c1 = prompt.region.box
        corners.append(np.array([[r0, c0], [r1 - 1, c1 - 1]], float))
    marks = np.concatenate(corners)
    if not len(marks):  # earlier logits or a text alone
        marks = np.reshape(prompt.window or (0, 0, *shape), (2, 2))
    low, high = marks.min(axis=0), marks.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _extent(marked: Window) -> float:
    return max(marked[2] - marked[0], marked[3] - marked[1])
