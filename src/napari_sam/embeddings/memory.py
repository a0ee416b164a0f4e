"""Embeddings kept for the next visit, by what they were made of and never by a layer's name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from napari_sam import checks
from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.errors import ParameterError
from napari_sam.images import check_plane, content_hash
from napari_sam.models.capabilities import Key
from napari_sam.models.model import Embedding, Model
from napari_sam.progress import Progress, silent


def key_of(model: Model, plane: Any, limits: tuple[float, float] | None = None) -> Key:
    """Tell under which key the embedding of a plane is kept.

    Parameters
    ----------
    model : Model
    plane : (H, W), (H, W, 3) or (H, W, 4) array
    limits : (low, high), optional
        Those that `Model.encode` would take by default.
    """
    array = check_plane(plane)
    return model.fingerprint, content_hash(array), model.limits_for(array, limits)


class EmbeddingCache:
    """The embeddings used last, as many as fit into a number of bytes.

    Safe to use from several threads. With a store on disk, what falls out of memory is still
    found there, after a restart too.

    Parameters
    ----------
    max_bytes : int
        An embedding larger than this is not kept in memory.
    store : EmbeddingStore, optional
        The layer on disk.
    """

    def __init__(self, max_bytes: int, store: EmbeddingStore | None = None) -> None:
        self._held: OrderedDict[Key, Embedding] = OrderedDict()
        self._bytes = 0
        self._lock = threading.RLock()
        self.store = store
        self.resize(max_bytes)

    @property
    def nbytes(self) -> int:
        """Bytes held in memory."""
        return self._bytes

    @property
    def max_bytes(self) -> int:
        """Bytes that may be held in memory."""
        return self._max

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Key) -> Embedding | None:
        """Return the embedding of this key from memory, or None."""
        with self._lock:
            embedding = self._held.get(key)
            if embedding is not None:
                self._held.move_to_end(key)
            return embedding

    def put(self, key: Key, embedding: Embedding) -> None:
        """Hold an embedding in memory, dropping those that were not used for longest.

        Raises
        ------
        ParameterError
            When the embedding was made by another model or of another plane than the key says.
        """
        if (embedding.model, embedding.plane_hash) != key[:2]:
            raise ParameterError(
                f"This embedding was made by {embedding.model} of the plane "
                f"{embedding.plane_hash}; it cannot be kept as {key[:2]}."
            )
        with self._lock:
            old = self._held.pop(key, None)
            self._bytes -= old.nbytes if old else 0
            if embedding.nbytes <= self._max:
                self._held[key] = embedding
                self._bytes += embedding.nbytes
            self._shrink()

    def resize(self, max_bytes: int) -> None:
        """Change how many bytes may be held."""
        most = checks.whole(max_bytes, "max_bytes")
        with self._lock:
            self._max = most
            self._shrink()

    def clear(self) -> None:
        """Forget everything in memory; `store.clear` does so on disk."""
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def encode(
        self,
        model: Model,
        plane: Any,
        *,
        limits: tuple[float, float] | None = None,
        progress: Progress = silent,
    ) -> Embedding:
        """Return the embedding of a plane, from memory, from disk, or from the model.

        Takes what `Model.encode` takes and raises what it raises.
        """
        key = key_of(model, plane, limits)
        embedding = self.get(key)
        if embedding is None:

            def make() -> Embedding:
                return model.encode(plane, limits=key[2], progress=progress)

            embedding = make() if self.store is None else self.store.find_or_make(key, model, make)
            self.put(key_of_embedding(embedding), embedding)
        progress(1.0)
        return embedding

    def _shrink(self) -> None:
        while self._bytes > self._max:
            _, dropped = self._held.popitem(last=False)
            self._bytes -= dropped.nbytes


def key_of_embedding(embedding: Embedding) -> Key:
    """Tell under which key an embedding is kept."""
    return embedding.model, embedding.plane_hash, embedding.limits
