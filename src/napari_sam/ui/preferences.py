"""The person's preferences, kept by napari for plugins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

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
        Whether the mask under the cursor is shown.
    keep_on_disk : bool
        Whether what slow models read is kept for the next start.
    """

    model: str = "cells"
    device: str = "auto"
    cache_megabytes: int = 1000
    use_contrast_limits: bool = False
    hover_preview: bool = False
    keep_on_disk: bool = True


class PreferenceStore:
    """Reads napari's settings of this plugin and follows their changes.

    Without the manifest being installed (a plain `ViewerModel`, a notebook) the defaults hold.
    """

    def __init__(self) -> None:
        self._group = _settings_group()
        self._defaults = Preferences()

    def read(self) -> Preferences:
        if self._group is None:
            return self._defaults
        names = self._defaults.__dataclass_fields__
        return Preferences(**{name: getattr(self._group, name) for name in names})

    def remember(self, **values: Any) -> None:
        """Store choices made in the panel, so that the next start begins with them."""
        self._defaults = replace(self._defaults, **values)
        if self._group is not None:
            for name, value in values.items():
                if getattr(self._group, name) != value:
                    setattr(self._group, name, value)

    def connect(self, changed: Callable[..., None]) -> None:
        if self._group is not None:
            self._group.events.connect(changed)

    def disconnect(self, changed: Callable[..., None]) -> None:
        if self._group is not None:
            self._group.events.disconnect(changed)


def _settings_group() -> Any:
    try:
        from napari.settings import get_plugin_settings

        return getattr(get_plugin_settings(PLUGIN), GROUP)
    except (ImportError, KeyError, AttributeError):
        return None
