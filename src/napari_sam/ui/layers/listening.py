"""Callbacks on events of the viewer and its layers, which are all given back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Listening:
    """A group of callbacks that is let go of together."""

    def __init__(self) -> None:
        self._held: list[tuple[Any, Callable[..., None]]] = []

    @property
    def active(self) -> bool:
        """Whether any callback is connected."""
        return bool(self._held)

    def to(self, emitter: Any, callback: Callable[..., None]) -> None:
        """Connect a callback to an emitter."""
        emitter.connect(callback)
        self._held.append((emitter, callback))

    def stop(self) -> None:
        """Disconnect all of them."""
        for emitter, callback in self._held:
            emitter.disconnect(callback)
        self._held.clear()
