"""The only loop over blocks: every caller iterates it, whatever it makes of the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from napari_sam.contrast import limits_of
from napari_sam.engine.sizes import agreed, agreed_through
from napari_sam.errors import ModelError, ParameterError
from napari_sam.images import Block, Image, Plane
from napari_sam.methods.found import Choice, Found
from napari_sam.methods.method import Encoded, Method
from napari_sam.methods.option import described
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent

_SIZING = 0.15  # of the time that samples of a large plane take

Encode = Callable[[Block, Progress], Encoded]


@dataclass(frozen=True, eq=False)
class Result:
    """What was found on one block.

    Parameters
    ----------
    block : Block
    found : Found
        What can be chosen from.
    chosen : Choice
        The objects that the options chose.
    """

    block: Block
    found: Found[Any]
    chosen: Choice


def run(
    image: Image,
    scope: Plane | Iterable[Plane] | None,
    method: Method[Any],
    model: Model,
    options: Any = None,
    *,
    finder: Model | None = None,
    encode: Encode | None = None,
    progress: Progress = silent,
) -> Iterator[Result]:
    """Find objects on the blocks of an image, one after the other, as they are asked for.

    Parameters
    ----------
    image : Image
        Read block by block.
    scope : Plane, iterable of Plane or None
        Which blocks, see `napari_sam.images.Image.blocks`; those of the method by default.
    method : Method
    model : Model
    options : optional
        Of the method; its defaults when not given. Where nobody chose, what suits the model holds.
    finder : Model, optional
        Who sees where objects are, when the model cannot and the method has to know.
    encode : callable, optional
        Reads and encodes a block, for who keeps embeddings; `model` does when not given.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Yields
    ------
    Result

    Raises
    ------
    ParameterError, ImageError, ModelError, Cancelled
    """
    wanted = method.suited(method.defaults if options is None else options, model.suits)
    check_capabilities(method, wanted, model, finder)
    image = method.prepare(image)
    blocks = list(image.blocks(method.scope(image) if scope is None else scope))
    if len(blocks) > 1:
        check_places(wanted, f"{len(blocks)} planes are searched: search the one that is meant")
    if method.along and len(blocks) > 1:
        wanted = agreed_through(blocks, wanted, model, finder, part(progress, 0.0, _SIZING))
        clear = method.clear(image, wanted)
        blocks = [Block(clear, block.plane) for block in blocks]
        progress = part(progress, _SIZING, 1.0)
    for done, block in enumerate(blocks):
        stage = part(progress, done / len(blocks), (done + 1) / len(blocks))
        sized = agreed(block, wanted, model, finder, part(stage, 0.0, _SIZING))
        stage = stage if sized is wanted else part(stage, _SIZING, 1.0)
        yield run_block(block, method, sized, encode or reading(model, sized, finder), stage)


def run_block(
    block: Block, method: Method[Any], options: Any, encode: Encode, progress: Progress
) -> Result:
    """Find objects on one block, for which the model and the options are known to be fit.

    Parameters
    ----------
    block : Block
    method : Method
    options : dataclass
        Of the method.
    encode : callable
        Reads and encodes the block.
    progress : callable

    Raises
    ------
    ImageError, ModelError, Cancelled
    """
    options = method.on_planes(options, block.image)
    first = method.encoding_share(options)
    last = 1.0 - method.finishing_share(options)
    encoded = encode(block, part(progress, 0.0, first))
    found = method.search(encoded, options, progress=part(progress, first, last))
    chosen = method.finish(found.choose(options), encoded, options, part(progress, last, 1.0))
    return Result(block, found, chosen)


def reading(model: Model, options: Any, finder: Model | None) -> Encode:
    """Return what reads and encodes a block for a method with these options.

    A model that finds cells by itself need not look how large they are where that is known.
    """

    def encode(block: Block, progress: Progress) -> Encoded:
        pixels = block.read()
        limits = limits_of(block.image, pixels)
        if model.instances is not None and getattr(options, "diameter", None) is not None:
            embedding = model.encode_window(pixels, limits=limits)
        else:
            embedding = model.encode(pixels, limits=limits, progress=progress)
        return Encoded(block, pixels, embedding, model, finder)

    return encode


def check_capabilities(
    method: Method[Any], options: Any, model: Model, finder: Model | None = None
) -> None:
    """Refuse a model that cannot do what a method takes.

    Raises
    ------
    ModelError
    """
    method.check(options, model)
    for capability in method.needs(options):
        if getattr(model, capability, None) is not None:
            continue
        if capability == "instances":
            if finder is not None:
                continue
            raise ModelError(
                f"The model {model.name!r} does not find cells by itself: say with finder= which "
                "model does, such as 'cells'."
            )
        raise ModelError(
            f"The model {model.name!r} cannot be used to find {method.words.all}: it has no "
            f"{capability}. 'napari-sam models' lists others."
        )


def check_places(options: Any, but: str) -> None:
    """Refuse places on a plane where another plane, or a part of it, would take them for its own.

    Raises
    ------
    ParameterError
    """
    for name, _, what in described(options):
        if what.placed and getattr(options, name):
            raise ParameterError(
                f"{name} are places on one plane, but {but}, or say it in another way."
            )


def needs_finder(method: Method[Any], options: Any, model: Model) -> bool:
    """Tell whether somebody else has to say where objects are."""
    suited = method.suited(options, model.suits)
    return "instances" in method.needs(suited) and model.instances is None
