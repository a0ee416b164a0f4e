"""What is chosen for a search, said again as code or as a command line."""

from __future__ import annotations

from typing import Any

from napari_sam.errors import ViewError
from napari_sam.methods.recipe import as_command, as_python
from napari_sam.ui.workbench import Workbench


def recipe(bench: Workbench, command: bool) -> str:
    """Return the Python code, or the command line, that searches as the panel would.

    Raises
    ------
    ParameterError
        When a command line cannot say it.
    """
    state, image = bench.state, bench.state.image
    try:
        limits = bench.shown().view.limits
    except ViewError:
        limits = None
    same: dict[str, Any] = {
        "model": state.model,
        "image": image.source.path if image is not None else None,
        "limits": limits,
    }
    return (as_command if command else as_python)(state.find.search, **same)
