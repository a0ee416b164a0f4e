"""What is kept on disk of images that a model has read: whether, how much, and away with it."""

from __future__ import annotations

from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.ui.preferences import Preferences
from napari_sam.ui.workbench import Workbench


class DiskCache:
    """The layer of the cache that outlives napari, as the panel shows it."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.store = EmbeddingStore()
        self.follow(bench.preferences.read())

    @property
    def on(self) -> bool:
        return self._bench.worker.store is not None

    def follow(self, wanted: Preferences) -> None:
        """Do as the preferences say."""
        self._bench.worker.store = self.store if wanted.keep_on_disk else None

    def set_on(self, on: bool) -> None:
        """Keep what is read from now on, or not; what is there stays until it is cleared."""
        self._bench.preferences.remember(keep_on_disk=on)
        self.follow(self._bench.preferences.read())

    def clear(self) -> None:
        """Delete it all; images are read anew when they are needed."""
        self.store.clear()
        self._bench.result(
            "Nothing is kept on disk any more. Your images and labels are untouched."
        )
