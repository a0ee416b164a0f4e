"""How a model was loaded, by which another process has the same one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_sam.errors import ModelError

__all__ = ["Loaded"]


@dataclass(frozen=True)
class Loaded:
    """The call that has loaded a model.

    Parameters
    ----------
    load : callable
        `napari_sam.models.load.load`.
    name_or_path : str
        A name of the zoo, or an absolute path.
    device, precision : str
        See `napari_sam.load_model`.
    """

    load: Callable[..., Any]
    name_or_path: str
    device: str
    precision: str

    def reduced(self, model: Any) -> tuple[Any, ...]:
        """Return what a pickle holds of the model that was loaded so."""
        store = None if model.storable is None else model.storable.store
        return _again, (self, model.fingerprint, store)


def _again(loaded: Loaded, fingerprint: str, store: Any) -> Any:
    """Return the model that a pickle means.

    Raises
    ------
    ModelError
        When it cannot be loaded here, or is another one.
    CheckpointError, DeviceError
    """
    model = _held(loaded)
    if model.fingerprint != fingerprint:
        raise ModelError(
            f"The model {model.name!r} is not the one that was sent: its file has changed, or this "
            f"processor reads images in other products (there {fingerprint}, here "
            f"{model.fingerprint}). Load it where it is used, or everywhere with "
            "precision='float32'."
        )
    if model.storable is not None:
        model.storable.store = store
    return model


@functools.lru_cache(maxsize=1)  # a pool of processes sends it anew with every few images
def _held(loaded: Loaded) -> Any:
    return loaded.load(loaded.name_or_path, loaded.device, precision=loaded.precision)
