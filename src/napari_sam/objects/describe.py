"""What the objects of a plane look like: shape, brightness, texture; the encoder's features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.contrast import normalise
from napari_sam.errors import ModelError
from napari_sam.models.capabilities import Describes, Scene
from napari_sam.models.model import Embedding, Model
from napari_sam.objects.shape import NAMES as SHAPES
from napari_sam.objects.shape import shape_and_brightness
from napari_sam.objects.texture import NAMES as TEXTURES
from napari_sam.objects.texture import texture
from napari_sam.progress import Progress, silent

__all__ = ["READING", "SPREADS", "Looks", "Sight", "describing"]

#: By how much objects of one kind differ in each of `napari_sam.objects.shape.NAMES`, and then of
#: `napari_sam.objects.texture.NAMES`: root mean square over the populations of
#: `benchmarks/populations.py`.
SPREADS = np.array(
    [
        *(0.58, 0.33, 0.19, 0.12, 0.036, 0.062, 0.083, 0.16, 0.069),
        *(0.11, 0.13, 0.17, 0.17, 0.19, 0.17, 0.25, 0.043),
    ],
    np.float32,
)


READING = 0.6  # of the time that it takes to encode a plane and to look at it


@dataclass(frozen=True, eq=False)
class Looks:
    """What n objects look like.

    Parameters
    ----------
    measures : (n, M) float32
        `shape_and_brightness` and `texture`, in units of :data:`SPREADS`.
    features : (n, D) float32
        Of the model's encoder.
    """

    measures: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.measures)

    def of(self, chosen: npt.ArrayLike) -> Looks:
        """Return those of some of the objects, by numbers from 0 on or by flags."""
        which = np.asarray(chosen)
        which = which if which.dtype == bool else which.astype(np.intp)
        return Looks(self.measures[which], self.features[which])

    @classmethod
    def joined(cls, parts: Sequence[Looks]) -> Looks:
        """Put objects one behind the other; there has to be one part at least."""
        return cls(
            np.concatenate([part.measures for part in parts]),
            np.concatenate([part.features for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class Sight:
    """A plane as a model sees it, in which any objects are described without the model.

    Parameters
    ----------
    scene : Scene
        See `napari_sam.models.capabilities.Describes`.
    grey : (H, W) float32
        The plane between its contrast limits.
    """

    scene: Scene
    grey: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls,
        pixels: npt.NDArray[Any],
        embedding: Embedding,
        model: Model,
        progress: Progress = silent,
    ) -> Sight:
        """Look at a plane that is encoded.

        Raises
        ------
        ModelError
            When the model describes nothing.
        Cancelled
        """
        grey = normalise(pixels, embedding.limits)
        grey = grey.mean(axis=-1) if grey.ndim == 3 else grey
        return cls(describing(model).scene(embedding, progress=progress), grey)

    def looks(self, labels: npt.NDArray[np.integer[Any]]) -> Looks:
        """Describe the objects of labels (H, W) with ids 1..n."""
        measures = (shape_and_brightness(labels, self.grey), texture(labels, self.grey))
        return Looks(
            (np.concatenate(measures, axis=1) / SPREADS).astype(np.float32),
            self.scene.describe(labels),
        )


def describing(model: Model) -> Describes:
    """Return who describes objects for a model.

    Raises
    ------
    ModelError
    """
    if model.describes is None:
        raise ModelError(
            f"The model {model.name!r} cannot say what an object looks like. Use 'cells', or a "
            "model that was made of it."
        )
    return model.describes


assert len(SHAPES) + len(TEXTURES) == len(SPREADS)
