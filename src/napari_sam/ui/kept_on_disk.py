"""What is kept on disk of images that a model has read: whether, how much, and away with it."""

from __future__ import annotations

from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.ui.desk import Desk
from napari_sam.ui.preferences import Preferences


class KeptOnDisk:
    """The layer of the cache that outlives napari, as the panel shows it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.store = EmbeddingStore()
        self.follow(desk.preferences.read())

    @property
    def on(self) -> bool:
        return self._desk.worker.store is not None

    def follow(self, wanted: Preferences) -> None:
        """Do as the preferences say."""
        self._desk.worker.store = self.store if wanted.keep_on_disk else None

    def set_on(self, on: bool) -> None:
        """Keep what is read from now on, or not; what is there stays until it is cleared."""
        self._desk.preferences.remember(keep_on_disk=on)
        self.follow(self._desk.preferences.read())

    def clear(self) -> None:
        """Delete it all; images are read anew when they are needed."""
        self.store.clear()
        self._desk.result("Nothing is kept on disk any more. Your images and labels are untouched.")
