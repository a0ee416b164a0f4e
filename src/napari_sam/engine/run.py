"""The only loop over blocks: every caller iterates it, whatever it makes of the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from napari_sam.contrast import limits_of
from napari_sam.errors import ModelError
from napari_sam.images import Block, Image, Plane
from napari_sam.methods.found import Choice, Found
from napari_sam.methods.method import Encoded, Method
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent

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
    read = encode or _plainly(model, finder)
    image = method.prepare(image)
    blocks = list(image.blocks(method.scope(image) if scope is None else scope))
    for done, block in enumerate(blocks):
        stage = part(progress, done / len(blocks), (done + 1) / len(blocks))
        first = method.encoding_share(wanted)
        last = 1.0 - method.finishing_share(wanted)
        encoded = read(block, part(stage, 0.0, first))
        found = method.search(encoded, wanted, progress=part(stage, first, last))
        chosen = method.finish(found.choose(wanted), encoded, wanted, part(stage, last, 1.0))
        yield Result(block, found, chosen)


def _plainly(model: Model, finder: Model | None) -> Encode:
    def encode(block: Block, progress: Progress) -> Encoded:
        pixels = block.read()
        embedding = model.encode(pixels, limits=limits_of(block.image, pixels), progress=progress)
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


def needs_finder(method: Method[Any], options: Any, model: Model) -> bool:
    """Tell whether somebody else has to say where objects are."""
    suited = method.suited(options, model.suits)
    return "instances" in method.needs(suited) and model.instances is None
