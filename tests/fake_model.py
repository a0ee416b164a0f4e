"""A model without weights: the bright region under the prompt, and two nested companions."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam import images
from napari_sam.contrast import normalise
from napari_sam.models.accepted import accepted
from napari_sam.models.model import Embedding, InstanceMaps, Model
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt, Window
from napari_sam.segmentation import Candidates

SCORES = np.array([0.9, 0.7, 0.5], np.float32)


class FakeModel(Model):
    """Answers deterministically and writes down what it was asked.

    ``gate``, when given, holds `encode` back until it is set: a slow model without sleeping.
    """

    has_instances: bool = True  # tests take it away from a class or from one object

    def __init__(self, name: str = "fake", gate: threading.Event | None = None) -> None:
        self.name = name
        self.device = "cpu"
        self.fingerprint = f"{name}-1"
        self.gate = gate
        self.encoded: list[np.ndarray] = []
        self.prompts: list[Prompt] = []
        self.threads: set[str] = set()
        self.fail: Exception | None = None

    @property
    def instances(self) -> FakeModel | None:
        return self if self.has_instances else None

    def encode(
        self,
        plane: Any,
        *,
        limits: tuple[float, float] | None = None,
        progress: Progress = silent,
    ) -> Embedding:
        self.threads.add(threading.current_thread().name)
        if self.fail is not None:
            raise self.fail
        image = images.check_plane(plane)
        progress(0.1)
        while self.gate is not None and not self.gate.wait(0.01):
            progress(0.4)
        self.encoded.append(image)
        limits = self.limits_for(image, limits)
        grey = normalise(image, limits)
        grey = grey.mean(axis=2) if grey.ndim == 3 else grey
        progress(1.0)
        return Embedding(
            self.fingerprint,
            images.content_hash(image),
            limits,
            grey.shape,
            grey > 0.5,
            grey.nbytes,
        )

    def predict(self, embedding: Embedding, prompt: Prompt) -> Candidates:
        self.threads.add(threading.current_thread().name)
        if self.fail is not None:
            raise self.fail
        accepted(self, embedding, prompt)
        self.prompts.append(prompt)
        mask = self._object(embedding, prompt)
        wider = ndi.binary_dilation(mask, iterations=2)
        thinner = ndi.binary_erosion(mask, iterations=1)
        masks = np.stack([mask, wider, thinner])
        height, width = embedding.shape
        return Candidates(
            masks, SCORES, np.where(masks, 4.0, -4.0).astype(np.float32), (0, 0, height, width)
        )

    def window_for(self, embedding: Embedding, prompt: Prompt) -> Window:
        height, width = embedding.shape
        return (0, 0, height, width)

    def _object(self, embedding: Embedding, prompt: Prompt) -> np.ndarray:
        labelled, _ = ndi.label(embedding.features)
        if prompt.mask is None and prompt.box is not None:
            r0, c0, r1, c1 = (int(np.round(v)) for v in prompt.box)
            mask = np.zeros(embedding.shape, bool)
            window = (slice(max(r0, 0), r1 + 1), slice(max(c0, 0), c1 + 1))
            mask[window] = embedding.features[window]
        else:
            nothing = np.zeros(embedding.shape, bool)
            mask = nothing if prompt.mask is None else prompt.mask.copy()
            last = np.array(embedding.shape) - 1
            for row, column in np.round(prompt.foreground).astype(int).clip(0, last):
                if labelled[row, column]:
                    mask |= labelled == labelled[row, column]
                else:
                    mask[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3] = True
        for (row, column), label in zip(prompt.points, prompt.labels, strict=True):
            if label == 0:
                row, column = round(row), round(column)
                mask[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = False
        return mask

    def instance_maps(
        self,
        embedding: Embedding,
        *,
        diameter: float | None = None,
        region: tuple[float, float, float, float] | None = None,
        progress: Progress = silent,
    ) -> InstanceMaps:
        inside = embedding.features
        distance = ndi.distance_transform_edt(inside)
        labelled, count = ndi.label(inside)
        peak = np.ones(count + 1)
        if count:
            peak[1:] = ndi.maximum(distance, labelled, range(1, count + 1))
        centre = (distance / np.maximum(peak[labelled], 1)).astype(np.float32)
        progress(1.0)
        return InstanceMaps(
            inside.astype(np.float32),
            centre,
            (inside & (distance <= 1)).astype(np.float32),
            (1.0, 1.0),
            embedding.shape,
            diameter or float(2 * np.median(peak[1:]) if count else 10),
        )


def blobs(
    shape: tuple[int, ...] = (64, 80),
    centres: tuple[tuple[int, ...], ...] = ((20, 20), (40, 60)),
    radius: int = 6,
) -> np.ndarray:
    """Bright discs or balls on a dark ground, uint8."""
    image = np.full(shape, 10, np.uint8)
    grid = np.indices(shape)
    for centre in centres:
        offset = grid - np.reshape(centre, (-1,) + (1,) * len(shape))
        image[(offset**2).sum(axis=0) <= radius**2] = 200
    return image
