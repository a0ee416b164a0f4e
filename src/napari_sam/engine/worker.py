"""The one owner of the model: every method runs in the worker thread.

Takes immutable requests and returns immutable results; it knows no viewer and touches no layer.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy.typing as npt

from napari_sam.contrast import limits_of
from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.embeddings.memory import EmbeddingCache
from napari_sam.engine.carrying import Carried, Carrying, Told
from napari_sam.engine.pictures import Picture, picture_of
from napari_sam.engine.prompter import Look, Prompter
from napari_sam.engine.run import Result, check_capabilities, run
from napari_sam.engine.view import View
from napari_sam.images import Block, is_large
from napari_sam.methods.found import Found
from napari_sam.methods.method import Encoded, Method
from napari_sam.methods.registry import method_of
from napari_sam.models.model import Embedding, Model
from napari_sam.objects.classify import SeenObjects, look_at
from napari_sam.objects.describe import READING, Sight
from napari_sam.progress import Progress, part
from napari_sam.prompts import Prompt
from napari_sam.segmentation import Candidates

Loader = Callable[..., Model]
FINDER = "cells"  # the model that comes with the plugin and finds cells by itself

_HITCH = 0.25  # seconds that a click may have to wait for reading ahead to stop


@dataclass(frozen=True, eq=False)
class Predicted:
    """Candidates of every prompt, and what is seen around them."""

    found: tuple[Candidates, ...]
    picture: Picture


class Worker:
    """Holds the model and what it made of the planes seen last.

    Parameters
    ----------
    load : callable
        ``load(name, device=...) -> Model``.
    memory : int
        Bytes that embeddings may take.
    """

    def __init__(self, load: Loader, memory: int) -> None:
        self._load = load
        self._chosen: tuple[str, str] | None = None
        self._model: Model | None = None
        self._finder: Model | None = None
        self._embeddings = EmbeddingCache(memory)
        self._last: tuple[View, Embedding, npt.NDArray[Any]] | None = None
        self._longest_step = 0.0
        self._prompter: tuple[View, Prompter] | None = None

    @property
    def store(self) -> EmbeddingStore | None:
        """Where embeddings are kept on disk, if they are."""
        return self._embeddings.store

    @store.setter
    def store(self, store: EmbeddingStore | None) -> None:
        self._embeddings.store = store

    def has(self, name: str, device: str) -> bool:
        """Whether this model is loaded; may be asked from any thread."""
        return self._chosen == (name, device)

    def resize(self, memory: int) -> None:
        """Change how many bytes the embeddings may take."""
        self._embeddings.resize(memory)

    def forget(self) -> None:
        """Give the memory back."""
        self._model = self._finder = self._chosen = self._last = self._prompter = None
        self._embeddings.clear()

    def model(self, name: str, device: str) -> Model:
        """Return the model, loading it when another one was asked for before."""
        if self._model is None or self._chosen != (name, device):
            self._last = self._model = self._prompter = None  # two models may not fit
            self._model = self._load(name, device=device)
            self._chosen = (name, device)
            # Else Python looks through all that was imported in the middle of the first click.
            gc.collect()
        return self._model

    def finder(self, model: Model, device: str) -> Model:
        """Return who says where cells are: the model itself if it can, else the embedded one."""
        return model if model.has_instances else self._embedded(device)

    def _embedded(self, device: str) -> Model:
        """Return the model that comes with the plugin."""
        if self._finder is None:
            self._finder = self._load(FINDER, device=device)
        return self._finder

    def read(
        self, model: Model, view: View, progress: Progress
    ) -> tuple[Embedding, npt.NDArray[Any]]:
        """Return the embedding of a view and its pixels, encoding them when they are new."""
        if self._last is not None and view.same(self._last[0]):
            embedding, pixels = self._last[1:]
            if embedding.model == model.fingerprint:
                return embedding, pixels
        steps = _TimedProgress(progress)
        pixels = view.read()
        embedding = self._embeddings.encode(
            model, pixels, limits=limits_of(view.image, pixels), progress=steps
        )
        self._last = (view, embedding, pixels)
        self._longest_step = steps.longest
        return embedding, pixels

    def prefetch(self, name: str, device: str, view: View, progress: Progress) -> None:
        """Read a view that may be wanted next, if that disturbs nobody.

        Not while another model is loaded, not when memory would not hold this view beside its
        neighbours, and not when the last view came in steps so long that a click, which stops
        this at the next step, would have to wait noticeably.
        """
        if self._model is None or self._last is None or not self.has(name, device):
            return
        if is_large(view):
            return
        embedding = self._last[1]
        if embedding.model != self._model.fingerprint:
            return
        if 3 * embedding.nbytes > self._embeddings.max_bytes or self._longest_step > _HITCH:
            return
        pixels = view.read()
        progress(0.1)
        self._embeddings.encode(self._model, pixels, limits=view.limits, progress=progress)

    def prompter(self, model: Model, view: View) -> Prompter:
        """Return who answers prompts on a view that is too large to be read whole."""
        if self._prompter is not None:
            known, prompter = self._prompter
            if view.same(known) and prompter.model is model:
                return prompter
        encode = partial(self._embeddings.encode, model)
        self._prompter = view, Prompter(view.image, model, view.plane, encode=encode)
        return self._prompter[1]

    def encode(
        self, name: str, device: str, view: View, progress: Progress, look: Look | None = None
    ) -> None:
        """Make a view ready for prompts; of a large one, the part that somebody looks at."""
        model = self.model(name, device)
        if is_large(view):
            self.prompter(model, view).prepare(look, progress)
        else:
            self.read(model, view, progress)

    def hover(
        self, name: str, device: str, view: View, prompt: Prompt, look: Look, progress: Progress
    ) -> Predicted | None:
        """Answer a prompt if that needs no reading."""
        model = self.model(name, device)
        if is_large(view) and not self.prompter(model, view).ready(prompt, look):
            return None
        return self.predict(name, device, view, (prompt,), progress, look)

    def predict(
        self,
        name: str,
        device: str,
        view: View,
        prompts: tuple[Prompt, ...],
        progress: Progress,
        look: Look | None = None,
    ) -> Predicted:
        """Answer the prompts, one object each."""
        model = self.model(name, device)
        if is_large(view):
            return self._predict_around(model, view, prompts, look, progress)
        reading = 10 / (10 + len(prompts))  # about so much of the time
        embedding, pixels = self.read(model, view, part(progress, 0.0, reading))
        if len(prompts) == 1:
            found: list[Candidates] = [model.predict(embedding, prompts[0])]
        else:
            found = model.predict_each(embedding, prompts, progress=part(progress, reading, 1.0))
        regions = [region for candidates in found for region in candidates.regions]
        return Predicted(tuple(found), picture_of(pixels, regions, embedding.limits))

    def _predict_around(
        self,
        model: Model,
        view: View,
        prompts: tuple[Prompt, ...],
        look: Look | None,
        progress: Progress,
    ) -> Predicted:
        """Answer prompts on a large plane, reading what is around them."""
        prompter = self.prompter(model, view)
        answers = []
        for number, prompt in enumerate(prompts):
            stage = part(progress, number / len(prompts), (number + 1) / len(prompts))
            answers.append(prompter.answer(prompt, look, stage))
        # Objects of different places do not fit into one picture: the first is shown.
        found, read = answers[0]
        picture = picture_of(read.pixels, found.regions, read.embedding.limits, read.tile)
        return Predicted(tuple(candidates for candidates, _ in answers), picture)

    def carry(
        self,
        name: str,
        device: str,
        view: View,
        carrying: Carrying,
        told: Told,
        progress: Progress,
    ) -> Carried:
        """Look at one more slice for an object that is carried from a view to others."""
        model = self.model(name, device)

        def limits() -> tuple[float, float]:
            if is_large(view):
                return self.prompter(model, view).limits
            return self.read(model, view, progress)[0].limits

        def finder() -> Model:
            return self.finder(model, device)

        return carrying.go_on(model, told, limits, progress, self._embeddings.encode, finder)

    def describe(
        self, name: str, device: str, view: View, labels: npt.NDArray[Any], progress: Progress
    ) -> tuple[str, SeenObjects]:
        """Describe the objects of a view: by the model, or by the embedded one if it cannot.

        Returns
        -------
        (fingerprint, SeenObjects)
            Of the model that described them.
        """
        model = self.model(name, device)
        model = model if model.describes is not None else self._embedded(device)
        embedding, pixels = self.read(model, view, part(progress, 0.0, READING))
        sight = Sight.of(pixels, embedding, model, part(progress, READING, 1.0))
        return model.fingerprint, look_at(labels, sight)

    def find(
        self,
        name: str,
        device: str,
        view: View,
        options: Any,
        progress: Progress,
        region: npt.NDArray[Any] | None = None,
    ) -> Found[Any]:
        """Find all objects of a view, to choose from; a region may be enough.

        `options` are those of a method, which they stand for.
        """
        method, options = self._suited(options, self.model(name, device))
        encoded = self._encoded(name, device, view, options, part(progress, 0.0, 0.6))
        check_capabilities(method, options, encoded.model, encoded.finder)
        later = part(progress, 0.6, 1.0)
        return method.search(encoded, method.collecting(options), region, later)

    def find_each(
        self, name: str, device: str, view: View, options: Any, progress: Progress
    ) -> Iterator[Result]:
        """Find all objects of every plane that is parallel to a view, as they are asked for.

        The planes come in the order in which the method joins them, if it does.
        """

        def encode(block: Block, stage: Progress) -> Encoded:
            seen = replace(view, image=block.image, plane=block.plane)
            return self._encoded(name, device, seen, options, stage)

        model = self.model(name, device)
        method, options = self._suited(options, model)
        how: dict[str, Any] = {"encode": encode, "progress": progress}
        how["finder"] = self._finder_for(options, model, device)
        try:
            yield from run(view.image, None, method, model, options, **how)
        finally:
            self._last = None  # its image may hold planes that were kept for joining

    @staticmethod
    def _suited(options: Any, model: Model) -> tuple[Method[Any], Any]:
        """Return the method, and its options with what suits the model where nobody chose."""
        method = method_of(options)
        return method, method.suited(options, model.suits)

    def _finder_for(self, options: Any, model: Model, device: str) -> Model | None:
        """Return who says where objects are, if the options ask somebody."""
        needed = "instances" in method_of(options).needs(options)
        return self.finder(model, device) if needed else None

    def _encoded(
        self, name: str, device: str, view: View, options: Any, progress: Progress
    ) -> Encoded:
        model = self.model(name, device)
        method_of(options).check(options, model)
        embedding, pixels = self.read(model, view, progress)
        return Encoded(view, pixels, embedding, model, self._finder_for(options, model, device))


class _TimedProgress:
    """Passes progress on; measures the longest time between two reports, when nothing stops it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._at = time.monotonic()
        self.longest = 0.0

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self._at)
        self._progress(fraction)
        self._at = time.monotonic()
