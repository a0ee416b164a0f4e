"""The person's preferences, kept by napari for plugins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from psygnal import Signal

PLUGIN = "napari-sam-bio"
GROUP = "panel"


@dataclass(frozen=True)
class Preferences:
    """What the Preferences page of the plugin offers; the manifest lists the same defaults.

    Parameters
    ----------
    model : str
        Name of the model to start with.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    cache_megabytes : int
        Memory for planes that were read.
    use_contrast_limits : bool
        Whether grey images are seen with the layer's contrast limits.
    hover_preview : bool
        Whether the mask under the cursor is shown, where the model answers fast enough.
    cell_per_click : bool
        Whether each click keeps the cell that was clicked before it.
    keep_on_disk : bool
        Whether what slow models read is kept for the next start.
    recovery_days : int
        How long labels that were not saved are kept for the next start; 0 keeps none.
    """

    model: str = "cells"
    device: str = "auto"
    cache_megabytes: int = 1000
    use_contrast_limits: bool = False
    hover_preview: bool = True
    cell_per_click: bool = False
    keep_on_disk: bool = True
    recovery_days: int = 30


class PreferenceStore:
    """Reads napari's settings of this plugin and follows their changes.

    Without the manifest being installed (a plain `ViewerModel`, a notebook) the defaults hold.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._group = _settings_group()
        self._now = Preferences()
        if self._group is not None:
            self._follow()
            self._group.events.connect(self._follow)

    def read(self) -> Preferences:
        """Return what holds now."""
        return self._now

    def remember(self, **values: Any) -> None:
        """Store choices made in the panel, so that the next start begins with them."""
        self._now = replace(self._now, **values)
        if self._group is not None:
            for name, value in values.items():
                if getattr(self._group, name) != value:
                    setattr(self._group, name, value)

    def close(self) -> None:
        """Stop following."""
        if self._group is not None:
            self._group.events.disconnect(self._follow)
        self.changed.disconnect()

    def _follow(self, event: Any = None) -> None:
        names = Preferences.__dataclass_fields__
        self._now = Preferences(**{name: getattr(self._group, name) for name in names})
        self.changed.emit()


def _settings_group() -> Any:
    try:
        from napari.settings import get_plugin_settings

        return getattr(get_plugin_settings(PLUGIN), GROUP)
    except (ImportError, KeyError, AttributeError):
        return None
