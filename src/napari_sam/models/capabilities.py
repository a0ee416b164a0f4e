"""What a model may be able to do besides encoding a plane.

A model is asked for a capability as an attribute of the object: ``model.instances`` is who finds
all objects by a learned head, or None. So it can be true of one checkpoint and false of another of
the same family, and what answers may be the model itself or a part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from napari_sam.models.embedding import Embedding, InstanceMaps
from napari_sam.models.lesson import Lesson
from napari_sam.progress import Progress
from napari_sam.prompts import Prompt, Window
from napari_sam.regions import Region
from napari_sam.segmentation import Candidates

Mask = npt.NDArray[np.bool_]
Arrays = Mapping[str, npt.NDArray[Any]]
# Fingerprint of the model, content hash of the plane, and contrast limits.
Key = tuple[str, str, tuple[float, float]]
#: Values of options that suit a model where nobody chose others, by method and option.
Suits = Mapping[str, Mapping[str, int | float | str]]


class Promptable(Protocol):
    """Answers prompts about one object each."""

    def predict(self, embedding: Embedding, prompt: Prompt) -> Candidates:
        """Answer one prompt, best candidate first."""
        ...

    def predict_each(
        self, embedding: Embedding, prompts: Sequence[Prompt], *, progress: Progress = ...
    ) -> list[Candidates]:
        """Answer several prompts, one object each, in order."""
        ...


class Instances(Protocol):
    """Finds all objects of a plane at once, by a learned head."""

    def instance_maps(
        self,
        embedding: Embedding,
        *,
        diameter: float | None = ...,
        region: Window | None = ...,
        progress: Progress = ...,
    ) -> InstanceMaps:
        """Return the head's maps; see `napari_sam.models.model.Model.instance_maps`."""
        ...


@dataclass(frozen=True)
class Sieve:
    """Which answers of everything-mode are worth making.

    Parameters
    ----------
    min_score : float
        Predicted IoU that a mask must exceed; 0 lets all pass.
    min_stability : float
        Least stability; 0 lets all pass, empty masks too.
    offset : float
        The stability is the IoU of the masks at this much above and below the threshold.
    batch : int
        Points to ask about at a time, at most.

    Examples
    --------
    >>> sieve = Sieve(min_score=0.8, min_stability=0.9, offset=1.0)
    >>> sieve.passes(0.9, 0.95), sieve.passes(0.9, 0.85), sieve.passes(0.8, 1.0)
    (True, False, False)
    """

    min_score: float
    min_stability: float
    offset: float
    batch: int = 64

    def passes_score(self, score: float | np.float32) -> bool:
        """Whether a predicted IoU is high enough."""
        # Compared in 32 bits, like the reference.
        return self.min_score <= 0 or bool(score > np.float32(self.min_score))

    def passes_stability(self, stability: float | np.float32) -> bool:
        """Whether a stability is high enough; that of an empty mask, NaN, is not."""
        return self.min_stability <= 0 or bool(stability >= np.float32(self.min_stability))

    def passes(self, score: float | np.float32, stability: float | np.float32) -> bool:
        """Whether both are high enough."""
        return self.passes_score(score) and self.passes_stability(stability)


class PointAnswer(NamedTuple):
    """One candidate for one click of a grid.

    Attributes
    ----------
    point : int
        Which point was asked about.
    score : float32
        Predicted IoU.
    stability : float32
        IoU of the masks at a higher and a lower threshold; NaN where both are empty.
    mask : (h, w) bool array
        A rectangle of the plane that holds the whole mask.
    top, left : int
        Its first pixel.
    """

    point: int
    score: np.float32
    stability: np.float32
    mask: Mask
    top: int
    left: int


class Grid(Protocol):
    """Answers a click at each of many points, as everything-mode asks them."""

    def answer_points(
        self,
        embedding: Embedding,
        points: npt.NDArray[np.float64],
        sieve: Sieve,
        progress: Progress,
    ) -> Iterator[PointAnswer]:
        """Yield the candidates that pass, in the order of the points.

        Parameters
        ----------
        embedding : Embedding
        points : (N, 2) array
            ``(row, column)`` pixels of the plane.
        sieve : Sieve
        progress : callable
            Called with 0..1; raise `Cancelled` from it to stop.
        """
        ...


class ConceptAnswer(NamedTuple):
    """One object that a text or examples describe.

    Attributes
    ----------
    score : float
        How likely it is meant, 0 to 1.
    region : Region
    """

    score: float
    region: Region


class Concepts(Protocol):
    """Finds every object that a text or examples describe."""

    def find_concept(
        self,
        embedding: Embedding,
        text: str = ...,
        *,
        boxes: npt.ArrayLike | None = ...,
        labels: npt.ArrayLike | None = ...,
        min_score: float = ...,
        progress: Progress = ...,
    ) -> list[ConceptAnswer]:
        """Return a region and a score per object, best first.

        Parameters
        ----------
        embedding : Embedding
        text : str
            A noun or two; empty where examples say it all.
        boxes : (N, 4) array, optional
            ``(r0, c0, r1, c1)`` of examples.
        labels : (N,) array, optional
            1 like these, 0 unlike these; all 1 by default.
        min_score : float
            What an answer must exceed.
        progress : callable
        """
        ...


class Followed(NamedTuple):
    """Where an object is on another slice.

    Attributes
    ----------
    candidates : Candidates
        Masks of the object, if it is there.
    presence : float
        How likely it is there at all, 0 to 1.
    """

    candidates: Candidates
    presence: float


class Recollection(Protocol):
    """Objects on their way through frames, in one direction."""

    def tell(
        self, at: int, embedding: Embedding, prompts: Mapping[int, Prompt]
    ) -> Mapping[int, Followed]:
        """Show a frame and say where some objects are on it.

        Parameters
        ----------
        at : int
            Its place on the way, from 0. It may lie ahead of what is asked next.
        embedding : Embedding
        prompts : mapping of int to Prompt
            By the numbers of the objects.
        """
        ...

    def ask(self, at: int, embedding: Embedding, objects: Iterable[int]) -> Mapping[int, Followed]:
        """Show a frame and hear where some known objects are; frames in order, each once."""
        ...


class Memory(Protocol):
    """Carries objects from frame to frame."""

    def begin(self, count: int) -> Recollection:
        """Begin with nothing remembered, on a way of so many frames."""
        ...


class Follows(Protocol):
    """Finds an object by its mask on a neighbouring slice or frame."""

    def follow(
        self, embedding: Embedding, neighbour: Mask, prompt: Prompt | None = ...
    ) -> Followed:
        """Answer where the object is on this slice.

        Parameters
        ----------
        embedding : Embedding
        neighbour : (H, W) bool array
            The object on the slice before or after, perhaps moved to where it is expected.
        prompt : Prompt, optional
            What a person says about it on this slice.
        """
        ...


class Scene(Protocol):
    """A plane as a model saw it, in which objects are described without the model."""

    def describe(self, labels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return a row of numbers per object of labels (H, W) with ids 1..n."""
        ...


class Describes(Protocol):
    """Describes objects by vectors that are alike where the objects are."""

    def scene(self, embedding: Embedding, *, progress: Progress = ...) -> Scene:
        """Look at a plane, once for all of its objects."""
        ...


class Store(Protocol):
    """Keeps embeddings: `napari_sam.embeddings.disk.EmbeddingStore` is one."""

    def find_or_make(self, key: Key, model: Any, make: Callable[[], Embedding]) -> Embedding:
        """Return the embedding of a key, or make it and keep it."""
        ...


class Storable(Protocol):
    """Turns its embeddings into arrays and back; others are kept in memory only.

    With a ``store`` it looks there before it encodes, and writes there what it encoded.
    """

    store: Store | None

    def to_arrays(self, embedding: Embedding) -> Arrays:
        """Turn the features of an embedding into arrays."""
        ...

    def from_arrays(self, arrays: Arrays) -> tuple[Any, int]:
        """Turn arrays back into features; returns them and the bytes that they hold."""
        ...


class Tunable(Protocol):
    """Can be taught, and saved as a checkpoint of its own."""

    device: str

    @property
    def network(self) -> Any:
        """What is taught, which speaks the language of `CellsNetwork`; copy it before."""
        ...

    @property
    def first_eyes(self) -> Any:
        """What it saw with before it was taught anything, see `napari_sam.models.cells.eyes`."""
        ...

    def eyes_for(self, pyramid: Any) -> Any:
        """What it sees a plane with: not all is of a kind that it was taught on."""
        ...

    def taught(
        self, state: Mapping[str, Any] | None, name: str, lesson: Lesson | None, kind: Any = None
    ) -> Any:
        """Make a model of the weights of a copy of `network` that was trained.

        None keeps the weights as they are, to the last bit. Planes that are not of the kind that
        it was taught on, if one is named, are seen as before.
        """
        ...

    def save(self, path: str | Path) -> Path:
        """Write a checkpoint that `napari_sam.load_model` reads."""
        ...
