"""What a Labels layer notes about itself: told from what it inherited, as a copy of another one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Layer

KEPT_FOR = "napari_sam_kept_for"  # for which images cells are kept in it
JOURNAL = "napari_sam_journal"  # where it is written down
COLOURS = "napari_sam_colours"  # those of a panel that it is shown in, and those of the person
_NOTES = (KEPT_FOR, JOURNAL)


def note(layer: Layer, what: str, value: Any) -> None:
    """Note something in a layer, for this panel and others."""
    layer.metadata[what] = (value, str(layer.unique_id))


def noted(layer: Layer, what: str, default: Any = None, *, inherited: bool = False) -> Any:
    """Return what a layer notes.

    Parameters
    ----------
    inherited : bool
        Whether a note counts that was made in the layer that this one was copied of.
    """
    value, owner = layer.metadata.get(what, (default, ""))
    return value if inherited or owner == str(layer.unique_id) else default


def forget(layer: Layer, what: str) -> None:
    """Take a note away."""
    layer.metadata.pop(what, None)


def is_copy(layer: Layer, layers: Iterable[Layer], *about: str) -> bool:
    """Whether a layer is a copy of one of the others, such as a person makes to be safe.

    It is none any more once something was noted in itself, or the other is gone.

    Parameters
    ----------
    about : str
        Which notes tell; all of them by default.
    """
    owners = {layer.metadata[what][1] for what in about or _NOTES if what in layer.metadata}
    if str(layer.unique_id) in owners:
        return False
    return not owners.isdisjoint(str(other.unique_id) for other in layers)
