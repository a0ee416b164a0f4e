"""Checkpoints of a run that were given by their paths: what its record tells of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_sam.batch.job import Models
from napari_sam.errors import ParameterError
from napari_sam.files.places import from_here, where_it_is
from napari_sam.models.paths import checkpoint_at, given_path

_ROLES = ("name", "finder")


def files_of(models: Models, folder: Path) -> dict[str, dict[str, str | None]]:
    """Say where checkpoints lie, also seen from a folder; nothing of models of the zoo."""
    found: dict[str, dict[str, str | None]] = {}
    for role in _ROLES:
        file = _file(getattr(models, role))
        if file is not None:
            found[role] = {"file": str(file), "from_here": from_here(file, folder)}
    return found


def models_from(said: dict[str, Any], folder: Path) -> Models:
    """Return the models that a record in a folder tells of, with checkpoints where they are now."""
    names = {key: value for key, value in said.items() if key not in ("fingerprint", "files")}
    for role, place in said.get("files", {}).items():
        then = Path(place["file"])
        if role in _ROLES and _file(names[role]) != then:
            names[role] = str(where_it_is(then, place["from_here"], folder))
    return Models(**names)


def _file(name: Any) -> Path | None:
    """Return the file that a model was given by; None where it was a name of the zoo."""
    text = str(name or "")
    if not Path(text).suffix and Path(text).name == text:
        return None
    try:
        return checkpoint_at(given_path(text))
    except ParameterError:
        return None
