"""What every model can do, and how it is asked what else it can."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from napari_sam import checks
from napari_sam.contrast import contrast_limits
from napari_sam.errors import ModelError, PromptError
from napari_sam.models.capabilities import (
    Concepts,
    Describes,
    Follows,
    Grid,
    Instances,
    Memory,
    Storable,
    Suits,
    Tunable,
)
from napari_sam.models.embedding import SURROUNDINGS, Embedding, InstanceMaps
from napari_sam.models.grid import PointByPoint
from napari_sam.models.lesson import Lesson
from napari_sam.models.loaded import Loaded
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt, Window
from napari_sam.segmentation import Candidates

__all__ = ["SURROUNDINGS", "Embedding", "InstanceMaps", "Model"]


class Model(ABC):
    """Encodes a plane once, then answers many prompts about it.

    What else a model can do is asked of the object: `instances`, `concepts`, `memory`,
    `follows`, `describes`, `storable` and `tunable` are who does it, the model or a part of it, or
    None; see `napari_sam.models.capabilities`.

    Attributes
    ----------
    name : str
        Its name in the zoo, or the file's stem.
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    fingerprint : str
        Changes whenever the weights do, and whatever else its embeddings follow from.
    field : int
        Pixels of a side that it sees best at once: of a larger plane it is shown parts.
    licence : str
        Of the weights; empty where it is not known.
    zooms : bool
        Whether its automatic head sees other objects when it is told another size of them.
    history : tuple of Lesson
        What it was taught by persons, the last one last; see `napari_sam.adapt`.
    loaded : Loaded or None
        How it was loaded, which is all that a pickle holds of it; without, as after it was
        taught, its weights go along.
    """

    name: str
    device: str
    fingerprint: str
    field: int = 1024
    licence: str = ""
    history: tuple[Lesson, ...] = ()
    zooms: bool = False
    loaded: Loaded | None = None

    def __reduce_ex__(self, protocol: Any) -> Any:
        known = self.loaded
        return super().__reduce_ex__(protocol) if known is None else known.reduced(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.name!r} on {self.device}"

    def own_limits(self, plane: npt.NDArray[Any]) -> tuple[float, float]:
        """Choose the values that become black and white where nobody sets them."""
        return contrast_limits(plane)

    def limits_for(self, plane: npt.NDArray[Any], limits: Any = None) -> tuple[float, float]:
        """Return contrast limits that somebody set, checked, or the model's own for a plane.

        Returns
        -------
        (low, high) : float

        Raises
        ------
        ImageError
        """
        return self.own_limits(plane) if limits is None else checks.limits(limits)

    @property
    def suits(self) -> Suits:
        """Options of methods that suit it where nobody chose others; those of its family."""
        return {}

    @property
    def instances(self) -> Instances | None:
        """Who finds all objects of a plane at once."""
        return None

    @property
    def has_instances(self) -> bool:
        """Whether it finds all objects of a plane at once."""
        return self.instances is not None

    @property
    def grid(self) -> Grid:
        """Who answers the many clicks of everything-mode: one after the other by default."""
        return PointByPoint(self)

    @property
    def concepts(self) -> Concepts | None:
        """Who finds what a text or examples describe."""
        return None

    @property
    def memory(self) -> Memory | None:
        """Who carries objects from frame to frame."""
        return None

    @property
    def follows(self) -> Follows | None:
        """Who finds an object by its mask on a neighbouring slice."""
        return None

    @property
    def describes(self) -> Describes | None:
        """Who describes regions by vectors."""
        return None

    @property
    def storable(self) -> Storable | None:
        """Who turns embeddings into arrays for a file."""
        return None

    @property
    def tunable(self) -> Tunable | None:
        """Who can be taught and saved."""
        return None

    def save(self, path: str | Path) -> Path:
        """Write a checkpoint that `napari_sam.load_model` reads.

        Parameters
        ----------
        path : str or Path
            A ``.safetensors`` file; a kill leaves what was there before, or all of the new one.

        Returns
        -------
        Path

        Raises
        ------
        ModelError
            When the model cannot be taught, so that there is nothing new to save.
        ParameterError, DataError
            When the path is none, or cannot be written to.
        """
        if self.tunable is None:
            raise ModelError(
                f"The model {self.name!r} is of a kind that cannot be taught: its checkpoint is "
                "the file that it was loaded from."
            )
        return self.tunable.save(path)

    @abstractmethod
    def encode(
        self,
        plane: Any,
        *,
        limits: tuple[float, float] | None = None,
        progress: Progress = silent,
    ) -> Embedding:
        """Encode one plane.

        Parameters
        ----------
        plane : (H, W), (H, W, 3) or (H, W, 4) array of any real type
        limits : (low, high), optional
            Contrast limits; robust percentiles of the plane by default.
        progress : callable
            Called with 0..1; raise `Cancelled` from it to stop.

        Returns
        -------
        Embedding
            For `predict`, of this model alone.

        Raises
        ------
        ImageError, DeviceError, Cancelled
        """

    def encode_window(self, pixels: Any, *, limits: tuple[float, float] | None = None) -> Embedding:
        """Encode a window of a plane around one object, for prompts that say how large it is.

        Any prompt may follow, but a box or a mask is what it is made for: a model that reads a
        whole plane to learn the sizes of its objects need not.

        Parameters
        ----------
        pixels : (h, w), (h, w, 3) or (h, w, 4) array of any real type
        limits : (low, high), optional
            Contrast limits of the plane; robust percentiles of the window by default.

        Returns
        -------
        Embedding

        Raises
        ------
        ImageError, DeviceError
        """
        return self.encode(pixels, limits=limits)

    def object_size(
        self, pixels: Any, *, limits: tuple[float, float], progress: Progress = silent
    ) -> tuple[float, int]:
        """Measure the objects of a sample of a plane.

        Parameters
        ----------
        pixels : (h, w), (h, w, 3) or (h, w, 4) array of any real type
        limits : (low, high)
            Contrast limits of the plane.
        progress : callable

        Returns
        -------
        diameter : float
            Median, in pixels.
        count : int
            How many objects tell it; 0 when none is there, and it is a guess.

        Raises
        ------
        ModelError
            When the model has no automatic head.
        """
        maps = self.instance_maps(self.encode(pixels, limits=limits, progress=progress))
        covered = float((maps.foreground > 0.5).sum()) * maps.scale[0] * maps.scale[1]
        return maps.diameter, round(covered / (0.785 * maps.diameter**2))

    @abstractmethod
    def predict(self, embedding: Embedding, prompt: Prompt) -> Candidates:
        """Answer one prompt about one object, best candidate first.

        Returns
        -------
        Candidates

        Raises
        ------
        PromptError
            When the prompt does not fit the plane.
        ModelError
            When the embedding was made by another model.
        """

    def predict_each(
        self, embedding: Embedding, prompts: Sequence[Prompt], *, progress: Progress = silent
    ) -> list[Candidates]:
        """Answer several prompts, one object each.

        Parameters
        ----------
        embedding : Embedding
        prompts : sequence of Prompt
        progress : callable
            Called with 0..1; raise `Cancelled` from it to stop.

        Returns
        -------
        list of Candidates
            In the order of the prompts.

        Raises
        ------
        PromptError, ModelError, Cancelled
            As `predict`.
        """
        found = []
        prompts = checks.instances(prompts, Prompt, "prompts", PromptError)
        for done, prompt in enumerate(prompts):
            progress(done / len(prompts))
            found.append(self.predict(embedding, prompt))
        return found

    def window_for(self, embedding: Embedding, prompt: Prompt) -> Window:
        """Tell in which region of the plane a prompt is answered.

        Others that name it as their ``window`` are answered there, too, and maybe faster when
        they are asked together. Told by an answer here: a model that knows it without one says so.

        Returns
        -------
        (r0, c0, r1, c1)
            In plane pixels.

        Raises
        ------
        PromptError, ModelError
            As `predict`.
        """
        return self.predict(embedding, prompt).window

    def instance_maps(
        self,
        embedding: Embedding,
        *,
        diameter: float | None = None,
        region: Window | None = None,
        progress: Progress = silent,
    ) -> InstanceMaps:
        """Return the maps of the learned automatic head.

        Parameters
        ----------
        diameter : float, optional
            Typical object diameter in plane pixels; estimated by default.
        region : (r0, c0, r1, c1), optional
            In plane pixels. Maps are wanted there and some `SURROUNDINGS` diameters around it;
            elsewhere they may be 0.

        Returns
        -------
        InstanceMaps

        Raises
        ------
        ModelError
            When the model has none (`instances` is None).
        """
        head = self.instances
        if head is None:
            raise ModelError(
                f"The model {self.name!r} has no automatic head. "
                "Use segment_everything with it, or segment_cells with the model 'cells'."
            )
        return head.instance_maps(embedding, diameter=diameter, region=region, progress=progress)
