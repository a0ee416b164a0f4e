"""Find all on a plane that is too large to be read: tile after tile, into labels on disk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from napari_sam.engine.run import check_capabilities, check_places, reading, run_block
from napari_sam.engine.sizes import agreed, limits_on
from napari_sam.engine.stitch import Canvas, PlaneOf, Written, write_part
from napari_sam.engine.tile_record import InMemory, Settled, TileRecord
from napari_sam.engine.tiles import TilePart, divide, holds_nothing, nearest_first
from napari_sam.errors import ImageError
from napari_sam.images import WHOLE, Block, Image, Plane, Tile, is_large, too_large
from napari_sam.labels.gather import check_out, placed
from napari_sam.labels.levels import sparse_zeros
from napari_sam.methods.method import Method
from napari_sam.methods.option import described
from napari_sam.methods.registry import method_of
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent
from napari_sam.segmentation import Segmentation, measure, with_units

__all__ = ["TiledRun", "in_tiles", "search_in_tiles", "segment_in_tiles"]

_SAMPLING = 0.02  # of the time of a plane that looking at samples takes, for the progress


def in_tiles(image: Image, method: Method[Any]) -> bool:
    """Whether the planes of an image are searched in tiles: each is too large to be read at once.

    Methods that join planes take them whole.

    Raises
    ------
    ImageError
        When such a method is to take planes that memory would not hold.
    """
    plane = next(image.planes())
    if method.along and too_large(plane.shape):
        raise ImageError(_too_large_to_join(image, plane, method))
    return not method.along and is_large(Block(image, plane))


def _too_large_to_join(image: Image, plane: Plane, method: Method[Any]) -> str:
    """Say why planes are not joined, and what can be done: smaller ones, or each by itself."""
    height, width = plane.shape
    step = 2
    while too_large((-(-height // step), -(-width // step))):
        step += 1
    smaller = f"every {_ordinal(step)} pixel of them ({-(-height // step)} x {-(-width // step)})"
    for number, level in enumerate(image.levels):
        rows, columns = (int(level.shape[axis]) for axis in plane.axes)
        if not too_large((rows, columns)):
            smaller = f"level {number} of their pyramid ({rows} x {columns})"
            break
    return (
        f"Planes of {height} x {width} pixels are too large to be joined (mode {method.name}), "
        f"which takes whole ones of up to {WHOLE >> 20} million pixels. Join "
        f"{smaller}, or parts that you cut out; or find the objects of each plane by itself (mode "
        f"{method.base}), which goes in tiles."
    )


def _ordinal(number: int) -> str:
    """Spell which one of several it is.

    Examples
    --------
    >>> [_ordinal(number) for number in (2, 3, 4)]
    ['2nd', '3rd', '4th']
    """
    return f"{number}{ {2: 'nd', 3: 'rd'}.get(number, 'th') }"


class TiledRun:
    """Finds the objects of one plane in tiles.

    Contrast, and the size of objects where nobody has chosen one, are told from samples of the
    whole plane, so that all tiles see the same. A tile on which nothing is to be seen is not
    shown to the model.

    Parameters
    ----------
    block : Block
        Image and plane.
    method : Method
    model : Model
    options : optional
        Of the method.
    finder : Model, optional
        Who sees where objects are, when the model cannot.
    progress : callable
        Told about looking at samples.

    Attributes
    ----------
    options : dataclass
        As they are searched by: with a diameter, if the method has one.
    limits : (low, high)
    parts : list of TilePart
        All tiles, or those of `keep`.

    Raises
    ------
    ModelError, ImageError, Cancelled
    """

    def __init__(
        self,
        block: Block,
        method: Method[Any],
        model: Model,
        options: Any = None,
        finder: Model | None = None,
        progress: Progress = silent,
    ) -> None:
        wanted = method.suited(method.defaults if options is None else options, model.suits)
        check_capabilities(method, wanted, model, finder)
        check_places(
            wanted,
            "this plane is so large that it is searched in tiles: cut out the part that is meant",
        )
        self.block, self.method, self.model, self.finder = block, method, model, finder
        self.limits = limits_on(block, model)
        self.options = agreed(block, wanted, model, finder, progress, self.limits)
        self.parts = divide(block, model.field, getattr(self.options, "diameter", None))

    def keep(self, wanted: Callable[[TilePart], bool]) -> None:
        """Leave out tiles that nobody wants."""
        self.parts = [one for one in self.parts if wanted(one)]

    def run(
        self,
        canvas: Canvas,
        *,
        used: int = 0,
        done: Collection[int] = (),
        first: tuple[float, float, float, float] | None = None,
        progress: Progress = silent,
    ) -> Iterator[Written]:
        """Search tile after tile and write what is found.

        Parameters
        ----------
        canvas : Canvas
            Of the plane's labels.
        used : int
            The highest id that is in use.
        done : collection of int
            Numbers of tiles that were searched before.
        first : (r0, c0, r1, c1), optional
            Where to begin, in pixels of the plane.
        progress : callable
            Called with 0..1; raise `Cancelled` from it to stop: what is written stays.

        Yields
        ------
        Written
        """
        parts = self.parts if first is None else nearest_first(self.parts, first)
        parts = [one for one in parts if one.number not in done]
        before = len(self.parts) - len(parts)
        for number, one in enumerate(parts, before):
            stage = part(progress, number / len(self.parts), (number + 1) / len(self.parts))
            stage(0.0)
            written = write_part(canvas, one, self._search(one.tile, stage), used)
            used += len(written.table)
            yield written
        progress(1.0)

    def _search(self, tile: Tile, progress: Progress) -> Segmentation:
        """Find the objects of a tile, in its own pixels."""
        pixels = tile.read()
        if holds_nothing(pixels, self.limits):
            labels = np.zeros(pixels.shape[:2], np.int32)
            columns = measure(labels[:1, :1], pixels[:1, :1], source=self.model.name)
            return Segmentation(labels, columns)
        options = self._at(tile.scale.longest)
        image = Image.of(pixels, rgb=pixels.ndim == 3, limits=self.limits)
        encode = reading(self.model, options, self.finder)
        result = run_block(next(image.blocks()), self.method, options, encode, progress)
        return result.chosen.segmentation()

    def _at(self, step: float) -> Any:
        """Return the options in pixels of a coarser scale; what was not chosen stays so."""
        changed: dict[str, Any] = {}
        for name, _, what in described(self.options):
            value = getattr(self.options, name)
            if value and what.unit == "px":
                changed[name] = value / step
            elif value and what.unit == "px²":
                changed[name] = max(1, round(value / step**2))
        return replace(self.options, **changed)


def segment_in_tiles(
    image: Image,
    options: Any,
    models: tuple[Model, Model | None],
    *,
    out: Any = None,
    progress: Progress = silent,
) -> Segmentation:
    """Find all objects of an image whose planes are too large to be read at once.

    Parameters
    ----------
    image : Image
    options : dataclass
        Of a method.
    models : (Model, Model or None)
        Who finds them, and who sees where they are if the first cannot.
    out : integer array of the image's shape, optional
        What to write the labels into, such as one of zarr, without objects; by default a new array,
        which takes memory where objects are.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Segmentation

    Raises
    ------
    ParameterError, ImageError, ModelError, LabelsError, Cancelled
    """
    import pandas as pd

    labels = sparse_zeros(image.shape, np.dtype(np.int32)) if out is None else out
    check_out(labels, image.shape, image.finest)
    record = InMemory()
    search_in_tiles(image, options, models, labels, record, progress=progress)
    table = pd.concat(record.tables, ignore_index=True)
    return Segmentation(labels, with_units(table, image.pixel_size))


def search_in_tiles(
    image: Image,
    options: Any,
    models: tuple[Model, Model | None],
    labels: Any,
    record: TileRecord,
    *,
    progress: Progress = silent,
) -> None:
    """Find all objects of an image in tiles, into labels and a record of what is done.

    Parameters
    ----------
    image : Image
    options : dataclass
        Of a method.
    models : (Model, Model or None)
    labels : integer array of the image's shape
        Without objects, or with those that the record knows.
    record : TileRecord
        Of nothing, or of an earlier run that was ended: what it has done is not done again.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Raises
    ------
    ParameterError, ImageError, ModelError, Cancelled
    """
    method, (model, finder) = method_of(options), models
    planes = list(image.planes())
    for number, plane in enumerate(planes):
        stage = part(progress, number / len(planes), (number + 1) / len(planes))
        seen, wanted = image, options
        if known := record.settled(number):
            seen = replace(image, limits=known.limits)
            if known.diameter is not None:
                wanted = replace(options, diameter=known.diameter)
        sampling = part(stage, 0.0, _SAMPLING)
        run = TiledRun(Block(seen, plane), method, model, wanted, finder, sampling)
        if known is None:
            diameter = getattr(run.options, "diameter", None)
            record.settle(number, Settled(run.limits, diameter))
        how: dict[str, Any] = {"used": record.used, "done": record.done(number)}
        searching = part(stage, _SAMPLING, 1.0)
        for written in run.run(PlaneOf(labels, plane), progress=searching, **how):
            record.add(number, written.part.number, placed(written.table, plane))
    progress(1.0)
