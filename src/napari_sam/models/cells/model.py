"""The embedded model ``cells``: from planes and prompts to its small network and back.

The network answers every prompt in a window that is re-sampled so that the object is about 32
pixels across, whatever its size in the image. That makes one small network serve objects from a
few pixels to the whole field, and makes the time of a click independent of the image's size.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_sam import checks, images
from napari_sam.contrast import contrast_limits
from napari_sam.models.accepted import accepted, accepted_each, check_own
from napari_sam.models.capabilities import Followed, Suits
from napari_sam.models.cells.answers import distinct, sober
from napari_sam.models.cells.asking import Asked, answer, mask_in
from napari_sam.models.cells.encoder import Features
from napari_sam.models.cells.eyes import Eyes
from napari_sam.models.cells.framing import WINDOW, window_of
from napari_sam.models.cells.kind import Kind
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.overview import CellsFeatures, survey
from napari_sam.models.cells.past import Past
from napari_sam.models.cells.readers import Reader, precision_of
from napari_sam.models.cells.reading import read_maps
from napari_sam.models.cells.scene import CellsScene, read_scene
from napari_sam.models.cells.seen import as_seen, without_hue
from napari_sam.models.cells.size import count_at, estimate_diameter
from napari_sam.models.cells.suits import SUITS
from napari_sam.models.cells.tuning import fingerprint_of, save_network, taught_network
from napari_sam.models.cells.windows import Pyramid
from napari_sam.models.lesson import Lesson
from napari_sam.models.model import Embedding, InstanceMaps, Model
from napari_sam.progress import Progress, part, silent
from napari_sam.prompts import Prompt, Window
from napari_sam.segmentation import Candidates

TOGETHER = 8  # prompts that are answered at a time, at most


class CellsModel(Model):
    """SAM's roles in a network of a few million parameters, with a learned automatic head.

    Parameters
    ----------
    network : CellsNetwork
        In evaluation mode, on its device.
    name, device, fingerprint : str
        See `Model`.
    reader : Reader, optional
        The same network in the products in which planes are read; by default ``network`` itself.
        Prompts are always answered by ``network``, from what `Eyes.look` sees.

    Attributes
    ----------
    past : Past or None
        What a taught model sees with where a plane is of a kind that it was not taught on.
    """

    field = 512
    zooms = True

    def __init__(
        self,
        network: CellsNetwork,
        name: str,
        device: str,
        fingerprint: str,
        reader: Reader | None = None,
    ) -> None:
        self.network = network
        self.reader = network if reader is None else reader
        self.name = name
        self.device = device
        self.fingerprint = fingerprint
        self.past: Past | None = None
        self._seen: tuple[weakref.ref[Pyramid], Window, Features] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_seen": None}  # a window is soon looked at anew

    @property
    def suits(self) -> Suits:
        return SUITS

    @property
    def instances(self) -> CellsModel:
        """Itself: it has a learned automatic head."""
        return self

    def own_limits(self, plane: npt.NDArray[Any]) -> tuple[float, float]:
        return contrast_limits(without_hue(plane))

    @property
    def describes(self) -> CellsModel:
        """Itself: its encoder says what objects look like."""
        return self

    def scene(self, embedding: Embedding, *, progress: Progress = silent) -> CellsScene:
        check_own(self, embedding)
        features: CellsFeatures = embedding.features
        return read_scene(features.eyes.reader, features.pyramid, features.diameter, progress)

    @property
    def usual_diameter(self) -> float | None:
        """Diameter in pixels of the objects that it was taught last, if it was taught any."""
        kept = [lesson.diameter for lesson in self.history if lesson.kept]
        return kept[-1] if kept else None

    @property
    def tunable(self) -> CellsModel:
        """Itself: it makes taught models of its kind, and is not changed."""
        return self

    @property
    def eyes(self) -> Eyes:
        """What it was taught to see with."""
        return Eyes(self.network, self.reader, self.usual_diameter)

    @property
    def first_eyes(self) -> Eyes:
        """What it saw with before it was taught on a kind of images that is known."""
        return self.eyes if self.past is None else self.past.eyes

    def eyes_for(self, pyramid: Pyramid) -> Eyes:
        """What it sees a plane with."""
        return self.eyes if self.past is None else self.past.or_taught(self.eyes, pyramid)

    def taught(
        self,
        state: Mapping[str, Tensor] | None,
        name: str,
        lesson: Lesson | None,
        kind: Kind | None = None,
    ) -> CellsModel:
        """Make a model of the weights of a copy of the network that was trained; None: of its own.

        Not even rounded as in a file, these see exactly as before. Planes that are not of the
        kind that was taught, if one is named, are seen as before, too.
        """
        network, reader = self.network, self.reader
        if state is not None:
            network, reader = taught_network(network, state, precision_of(reader))
        model = CellsModel(network, name, self.device, "", reader)
        model.licence = self.licence
        model.history = self.history if lesson is None else (*self.history, lesson)
        model.past = self.past if kind is None else Past.before(self.past, self.eyes, kind)
        # The same weights look at another size after another lesson.
        model.fingerprint = fingerprint_of(model.eyes, model.past)
        return model

    def save(self, path: str | Path) -> Path:
        return save_network(self.network, path, self.licence, self.history, self.past)

    @torch.inference_mode()
    def encode(
        self,
        plane: Any,
        *,
        limits: tuple[float, float] | None = None,
        progress: Progress = silent,
    ) -> Embedding:
        checks.reports(progress)
        image = images.check_plane(plane)
        limits = self.limits_for(image, limits)
        pyramid = Pyramid.of(as_seen(image, limits), self.device)
        progress(0.05)
        eyes = self.eyes_for(pyramid)
        overview = survey(eyes, pyramid, part(progress, 0.05, 1.0))
        progress(1.0)
        maps = overview.maps.foreground
        nbytes = pyramid.nbytes + 3 * maps.nbytes + overview.objects.regions.nbytes
        features = CellsFeatures(pyramid, eyes, overview)
        return self._embedding(image, limits, features, nbytes)

    @torch.inference_mode()
    def encode_window(self, pixels: Any, *, limits: tuple[float, float] | None = None) -> Embedding:
        image = images.check_plane(pixels)
        limits = self.limits_for(image, limits)
        pyramid = Pyramid.of(as_seen(image, limits), self.device)
        eyes = self.eyes_for(pyramid)
        features = CellsFeatures(pyramid, eyes, partial(survey, eyes, pyramid))
        return self._embedding(image, limits, features, pyramid.nbytes)

    def _embedding(
        self,
        image: npt.NDArray[Any],
        limits: tuple[float, float],
        features: CellsFeatures,
        nbytes: int,
    ) -> Embedding:
        return Embedding(
            model=self.fingerprint,
            plane_hash=images.content_hash(image),
            limits=limits,
            shape=features.pyramid.shape,
            features=features,
            nbytes=nbytes,
        )

    @torch.inference_mode()
    def instance_maps(
        self,
        embedding: Embedding,
        *,
        diameter: float | None = None,
        region: Window | None = None,
        progress: Progress = silent,
    ) -> InstanceMaps:
        features: CellsFeatures = embedding.features
        diameter = features.diameter if diameter is None else diameter
        if features.surveyed and math.isclose(diameter, features.maps.diameter):
            return features.maps
        return read_maps(features.eyes.reader, features.pyramid, diameter, progress, region)

    @torch.inference_mode()
    def object_size(
        self, pixels: Any, *, limits: tuple[float, float], progress: Progress = silent
    ) -> tuple[float, int]:
        pyramid = Pyramid.of(as_seen(images.check_plane(pixels), limits), self.device)
        eyes = self.eyes_for(pyramid)
        diameter = estimate_diameter(eyes.reader, pyramid, progress, eyes.usual)
        return diameter, count_at(eyes.reader, pyramid, diameter)

    @torch.inference_mode()
    def predict(self, embedding: Embedding, prompt: Prompt) -> Candidates:
        return self._answered(embedding, [accepted(self, embedding, prompt)], silent)[0]

    @torch.inference_mode()
    def predict_each(
        self, embedding: Embedding, prompts: Sequence[Prompt], *, progress: Progress = silent
    ) -> list[Candidates]:
        return self._answered(embedding, accepted_each(self, embedding, prompts), progress)

    def _answered(
        self, embedding: Embedding, prompts: list[Prompt], progress: Progress
    ) -> list[Candidates]:
        features: CellsFeatures = embedding.features
        asked = [Asked.of(one, self._window(features, one), self.device) for one in prompts]
        found: list[Candidates] = []
        for (window, *_), alike in groupby(asked, lambda one: one.kind):
            while together := list(islice(alike, TOGETHER)):
                progress(len(found) / len(asked))
                seen = self._look(features, window)
                logits, scores = answer(features.eyes.network, seen, together)
                for masks, ious in zip(logits, scores, strict=True):
                    prompt = prompts[len(found)]
                    found.append(distinct(masks, ious, window, prompt, embedding.shape))
        return found

    def window_for(self, embedding: Embedding, prompt: Prompt) -> Window:
        return self._window(embedding.features, accepted(self, embedding, prompt))

    @property
    def follows(self) -> CellsModel | None:
        """Itself, if its network was taught what masks of neighbouring slices mean."""
        return self if getattr(self.network, "presence", None) is not None else None

    @torch.inference_mode()
    def follow(
        self, embedding: Embedding, neighbour: npt.NDArray[np.bool_], prompt: Prompt | None = None
    ) -> Followed:
        beside = Prompt(mask=neighbour)
        accepted(self, embedding, beside)
        prompt = None if prompt is None else accepted(self, embedding, prompt)
        features: CellsFeatures = embedding.features
        moved_to = None if prompt is None or prompt.box is None else prompt
        window = self._window(features, moved_to or beside)
        asked = Asked.of(prompt, window, self.device)
        logits, scores, there = features.eyes.network.follow(
            self._look(features, window),
            torch.zeros(1, dtype=torch.long, device=self.device),
            asked.points,
            asked.labels,
            asked.box,
            asked.before,
            mask_in(neighbour, window, self.device),
        )
        found = distinct(logits[0], sober(scores)[0], window, prompt or beside, embedding.shape)
        return Followed(found, float(there.sigmoid()[0]))

    def _window(self, features: CellsFeatures, prompt: Prompt) -> Window:
        return window_of(prompt, features.pyramid.shape, features.size_at)

    def _look(self, seen: CellsFeatures, window: Window) -> Features:
        """Encode a window, unless it is the one that was looked at last.

        A person who corrects an object stays in its window.
        """
        if self._seen is not None:
            known, where, features = self._seen
            if known() is seen.pyramid and where == window:
                return features
        features = seen.eyes.look(seen.pyramid.sample(window, (WINDOW, WINDOW)))
        self._seen = weakref.ref(seen.pyramid), window, features
        return features
