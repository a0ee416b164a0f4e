"""A method: a way to find many objects. Its options, words and flags are read off it.

A method is a file in this folder and a row in `napari_sam.methods.registry`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from napari_sam.methods.option import described
from napari_sam.methods.preset import suited
from napari_sam.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_sam.images import Block, Image, Plane
    from napari_sam.methods.found import Choice, Found
    from napari_sam.models.capabilities import Suits
    from napari_sam.models.model import Embedding, Model
    from napari_sam.segmentation import Segmentation

Options = TypeVar("Options")


@dataclass(frozen=True)
class Words:
    """How a method is spoken of.

    Parameters
    ----------
    noun : str
        One object, such as "cell".
    all : str
        What is found, such as "all cells".
    about : str
        What it looks for.
    typed : str
        What it does, for the command line.
    nothing : str
        What to try when nothing was found, in the words of the panel.
    nothing_typed : str
        The same, in the flags of the command line.
    choice : str
        What is chosen in the panel to be looked for; the method's name when empty.
    wanting : str
        Which model it takes and how one comes by it, where few can; links may be in it.
    first : str
        What a person does before a search, in the words of the panel.
    """

    noun: str
    all: str
    about: str
    typed: str
    nothing: str
    nothing_typed: str
    choice: str = ""
    wanting: str = ""
    first: str = "Press the button to start the search."

    @property
    def wanting_told(self) -> str:
        """What `wanting` says where a link cannot be pressed: with its address."""
        return re.sub(r"<a href='([^']*)'>(.*?)</a>", r"\2 (\1)", self.wanting)

    def why_nothing(self, blank: bool, typed: bool = False) -> str:
        """Say what to try when nothing was found.

        Parameters
        ----------
        blank : bool
            Whether there is nothing to be seen in the image.
        typed : bool
            Whether it is for the command line.
        """
        if blank:
            where = "channel" if typed else "slice and channel"
            return f"The image is blank: all its pixels have one value. Is it the right {where}?"
        return self.nothing_typed if typed else self.nothing


@dataclass(frozen=True, eq=False)
class Encoded:
    """A block that was read and encoded, and who answers about it.

    Parameters
    ----------
    block : Block
    pixels : (H, W) or (H, W, C) array
    embedding : Embedding
        What `model` made of the pixels.
    model : Model
    finder : Model, optional
        Who sees where objects are, when the model cannot and the method has to know.
    """

    block: Block
    pixels: npt.NDArray[Any]
    embedding: Embedding
    model: Model
    finder: Model | None = None


class Method(ABC, Generic[Options]):
    """A way to find many objects.

    Attributes
    ----------
    name : str
        Its name for programs, in ``--mode NAME`` too.
    words : Words
    kind : type
        A frozen data class of options, whose fields are made by `napari_sam.methods.option.option`.
    function : str
        The public function that runs it alone; empty when `segment_objects` does.
    saves : tuple of str
        What the command line can save of it, beyond labels.
    along : {"", "Z", "T"}
        The axis whose planes are joined, slices or frames; empty where each plane is by itself.
    base : str
        Of one that joins, the method that finds the objects of the planes; its options are among
        those of this one.
    together : str
        What it makes of all planes, such as "as 3-D objects".
    by_examples : bool
        Whether its options are ``examples`` and ``unlike``,
        `napari_sam.objects.examples.Examples`, among others.
    by_boxes : bool
        Whether its options are a ``text``, and ``boxes`` and ``unlike_boxes`` around examples on
        the plane, among others.
    """

    name: ClassVar[str]
    words: ClassVar[Words]
    kind: type[Options]
    function: ClassVar[str] = ""
    saves: ClassVar[tuple[str, ...]] = ()
    along: ClassVar[str] = ""
    base: ClassVar[str] = ""
    together: ClassVar[str] = ""
    by_examples: ClassVar[bool] = False
    by_boxes: ClassVar[bool] = False

    @cached_property
    def defaults(self) -> Options:
        """The options where nothing was chosen."""
        return self.kind()

    def suited(self, options: Options, suits: Suits) -> Options:
        """Put what suits a model in the place of what nobody has chosen.

        Parameters
        ----------
        options : Options
        suits : mapping
            `napari_sam.models.model.Model.suits`.
        """
        return suited(options, suits.get(self.name, {}))

    def needs(self, options: Options) -> tuple[str, ...]:
        """Name the capabilities of a model that it takes; see `napari_sam.models.capabilities`.

        Of a model without ``"instances"``, another one may say where objects are.
        """
        return ()

    def check(self, options: Options, model: Model) -> None:
        """Refuse options or a model that cannot be searched with, before anything is read.

        Raises
        ------
        ParameterError, ModelError
        """
        return None

    def encoding_share(self, options: Options) -> float:
        """Estimate which share of the time it takes to encode a plane, for the progress."""
        return 0.6

    def finishing_share(self, options: Options) -> float:
        """Estimate which share of the time `finish` takes."""
        return 0.0

    @abstractmethod
    def search(
        self,
        encoded: Encoded,
        options: Options,
        region: npt.NDArray[np.bool_] | None = None,
        progress: Progress = silent,
    ) -> Found[Options]:
        """Find objects on one block.

        Parameters
        ----------
        encoded : Encoded
        options : Options
        region : (H, W) bool, optional
            Where objects are wanted; the rest need not be searched.
        progress : callable
            Called with 0..1; raise `Cancelled` from it to stop.

        Raises
        ------
        ImageError, ModelError, Cancelled
        """

    def finish(
        self, chosen: Choice, encoded: Encoded, options: Options, progress: Progress = silent
    ) -> Choice:
        """Work on what was chosen where options ask for the model once more."""
        progress(1.0)
        return chosen

    # -- all planes together ----------------------------------------------------------------------

    def prepare(self, image: Image) -> Image:
        """Return the image as it is searched; some of its planes may be read for it."""
        return image

    def clear(self, image: Image, options: Options) -> Image:
        """Return the image as the planes that will be joined are searched, once sizes are known.

        Parameters
        ----------
        image : Image
            As `prepare` returned it.
        options : Options
        """
        return image

    def on_planes(self, options: Options, image: Image) -> Options:
        """Return the options by which the objects of each plane are chosen, before `join`."""
        return options

    def scope(self, image: Image) -> Iterable[Plane] | None:
        """Return the planes in the order in which `join` takes them; None for that of the image.

        Raises
        ------
        ImageError
            When the image has no planes to be joined.
        """
        return None

    def join(
        self,
        found: Iterable[tuple[Plane, Choice]],
        image: Image,
        options: Options,
        *,
        source: str = "",
        out: Any = None,
        progress: Progress = silent,
    ) -> Segmentation:
        """Make one segmentation of what was found on all planes.

        Parameters
        ----------
        found : iterable of (Plane, Choice)
            In the order of `scope`; taken as they come.
        image : Image
        options : Options
        source : str
            Of the objects, for the table.
        out : integer array of the image's shape, optional
            What to write the labels into; a new int32 array by default.
        progress : callable
            Told about what follows the last plane.
        """
        from napari_sam.labels.gather import gather

        planes = ((plane, chosen.segmentation()) for plane, chosen in found)
        return gather(planes, image.shape, out)

    # -- following the options --------------------------------------------------------------------

    def collecting(self, options: Options) -> Options:
        """Lower what can be lowered, so that sliders have something to choose from afterwards."""
        lowered = {
            name: min(getattr(options, name), what.floor)
            for name, _, what in described(options)
            if what.floor is not None
        }
        changed: Options = replace(options, **lowered) if lowered else options  # type: ignore[type-var]
        return changed

    def within_reach(self, kept: Options, wanted: Options) -> Options:
        """Return what of the wanted options can be chosen from a search that kept others."""
        held = {}
        for name, _, what in described(wanted):
            if what.floor is not None:
                held[name] = max(getattr(wanted, name), getattr(kept, name))
            elif what.acts == "search":
                held[name] = getattr(kept, name)
        reachable: Options = replace(wanted, **held) if held else wanted  # type: ignore[type-var]
        return reachable

    def needs_search(self, searched: Options, wanted: Options) -> bool:
        """Whether the wanted options ask for more than a search with others has kept."""
        kept = self.collecting(searched)
        for name, _, what in described(wanted):
            before, now = getattr(kept, name), getattr(wanted, name)
            if what.floor is not None:
                missing = now < before
            elif what.acts == "search":
                missing = before is not now if what.read else before != now
            else:
                missing = False
            if missing:
                return True
        return False

    def searches_again(self, searched: Options, wanted: Options) -> bool:
        """Whether the wanted options are worth a new search by themselves."""
        return any(
            getattr(searched, name) != getattr(wanted, name)
            for name, _, what in described(wanted)
            if what.acts == "again"
        )
