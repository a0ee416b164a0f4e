"""Embeddings kept in memory, by the content they were made of and never by a layer's name."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from napari_sam.images import content_hash
from napari_sam.models.model import Embedding, Model

_Key = tuple[str, str, tuple[float, float] | None]


class Embeddings:
    """The embeddings used last, as many as fit into a number of bytes; always at least one."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._held: OrderedDict[_Key, Embedding] = OrderedDict()

    def get(
        self, model: Model, pixels: Any, limits: tuple[float, float] | None
    ) -> Embedding | None:
        """Return the embedding that this model made of these very pixels, if it is held."""
        key = (model.fingerprint, content_hash(pixels), limits)
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key]

    def put(
        self, model: Model, pixels: Any, limits: tuple[float, float] | None, embedding: Embedding
    ) -> None:
        """Hold an embedding, dropping those that were not used for the longest time."""
        self._held[model.fingerprint, content_hash(pixels), limits] = embedding
        self._shrink()

    def resize(self, memory: int) -> None:
        self._memory = memory
        self._shrink()

    def clear(self) -> None:
        self._held.clear()

    def _shrink(self) -> None:
        while len(self._held) > 1 and sum(e.nbytes for e in self._held.values()) > self._memory:
            self._held.popitem(last=False)
