"""What every model can do, and the embedding that it makes of a plane."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ModelError
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt, Window
from napari_sam.segmentation import Candidates

SURROUNDINGS = 3.0  # diameters around a region in which its objects may reach


@dataclass(frozen=True, eq=False)
class Embedding:
    """What a model made of one plane.

    Parameters
    ----------
    model : str
        Fingerprint of the model (name, version and hash of the weights) that made it.
    plane_hash : str
        `napari_sam.images.content_hash` of the pixels it was made of.
    limits : (low, high)
        The values that were scaled to 0 and 1.
    shape : (H, W)
        Size of the plane.
    features : object
        Private to the model's backend.
    nbytes : int
        Memory that the features hold.
    """

    model: str
    plane_hash: str
    limits: tuple[float, float]
    shape: tuple[int, int]
    features: Any
    nbytes: int


@dataclass(frozen=True, eq=False)
class InstanceMaps:
    """What a learned automatic head says about every pixel of a plane.

    Parameters
    ----------
    foreground, centre, boundary : (h, w) float32 in [0, 1]
        Probability of being in an object, closeness to an object's centre, and closeness to an
        object's boundary.
    scale : (float, float)
        Plane pixels per map pixel, down and along.
    shape : (H, W)
        Size of the plane.
    diameter : float
        Estimated median object diameter in plane pixels.
    origin : (float, float)
        Where the first map pixel begins, in plane pixels; negative in maps that were cropped.
    """

    foreground: npt.NDArray[np.float32]
    centre: npt.NDArray[np.float32]
    boundary: npt.NDArray[np.float32]
    scale: tuple[float, float]
    shape: tuple[int, int]
    diameter: float
    origin: tuple[float, float] = (0.0, 0.0)

    def crop(self, rows: slice, columns: slice) -> InstanceMaps:
        """Return the maps of a part of the plane, given in plane pixels."""
        parts, origin = [], []
        for which, scale, size, at in zip(
            (rows, columns), self.scale, self.foreground.shape, self.origin, strict=True
        ):
            first = max(int((which.start - at) / scale), 0)
            parts.append(slice(first, min(int((which.stop - at) / scale) + 2, size)))
            origin.append(at + first * scale - which.start)
        part = tuple(parts)
        return replace(
            self,
            foreground=self.foreground[part],
            centre=self.centre[part],
            boundary=self.boundary[part],
            shape=(rows.stop - rows.start, columns.stop - columns.start),
            origin=(origin[0], origin[1]),
        )


class Model(ABC):
    """Encodes a plane once, then answers many prompts about it.

    Attributes
    ----------
    name : str
        Its name in the zoo, or the file's stem.
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    fingerprint : str
        Changes whenever the weights do.
    """

    has_instances: ClassVar[bool] = False

    name: str
    device: str
    fingerprint: str

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

        Raises
        ------
        ImageError, DeviceError, Cancelled
        """

    @abstractmethod
    def predict(self, embedding: Embedding, prompt: Prompt) -> Candidates:
        """Answer one prompt about one object, best candidate first.

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
        """Answer several prompts, one object each, in order."""
        found = []
        for done, prompt in enumerate(prompts):
            progress(done / len(prompts))
            found.append(self.predict(embedding, prompt))
        return found

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

        Raises
        ------
        ModelError
            When the model has none (`has_instances` is False).
        """
        raise ModelError(
            f"The model {self.name!r} has no automatic head. "
            "Use segment_everything with it, or segment_cells with the model 'cells'."
        )

    def _check(self, embedding: Embedding, prompt: Prompt) -> None:
        """Refuse an embedding of another model, or a prompt that does not fit the plane."""
        if embedding.model != self.fingerprint:
            raise ModelError(
                f"This embedding was made by another model ({embedding.model}), not by "
                f"{self.fingerprint}: encode the plane again."
            )
        if prompt.text:
            raise ModelError(f"The model {self.name!r} does not understand text prompts.")
        prompt.check(embedding.shape)
