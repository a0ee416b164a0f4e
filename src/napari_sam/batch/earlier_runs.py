"""What the records of earlier runs tell of results: which run made them, by which settings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.batch.run_table import table_of

if TYPE_CHECKING:
    from napari_sam.batch.job import Job

KEY = "otherwise"
"""Where a record keeps, for an image, the settings that were other ones."""

_MODEL = ("name", "finder", "precision", "fingerprint")
_Settings = dict[str, Any]


def settings_of(said: dict[str, Any]) -> _Settings:
    """List the settings in a record that decide about the results of its run.

    Examples
    --------
    >>> settings_of({"method": "cells", "options": {"diameter": 20.0}, "model": {"name": "cells"}})
    {'method': 'cells', 'diameter': 20.0, 'model name': 'cells'}
    """
    model = said.get("model", {})
    return {
        "method": said.get("method"),
        **{name: _seen(value) for name, value in said.get("options", {}).items()},
        **{f"model {name}": model[name] for name in _MODEL if name in model},
        **said.get("image", {}),
    }


def _seen(value: Any) -> Any:
    """Compare files by where they lie seen from the record: the folder of both may be moved."""
    return (value.get("from_here") or value) if isinstance(value, dict) else value


def made_with(records: Iterable[dict[str, Any]], jobs: Iterable[Job]) -> dict[str, _Settings]:
    """Return the settings by which earlier runs made the results of each image.

    Parameters
    ----------
    records : iterable of dict
        What the records of earlier runs say.
    jobs : iterable of Job
        Of this run.

    Returns
    -------
    dict
        By the names of images.
    """
    return {name: settings_of(said) for name, (said, _) in made_by(records, jobs).items()}


def made_by(
    records: Iterable[dict[str, Any]], jobs: Iterable[Job]
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Find the run that made the results of each image: its record, and what that says of it.

    Parameters
    ----------
    records, jobs
        See `made_with`.

    Returns
    -------
    dict
        By the names of images.
    """
    times = {}
    for job in jobs:
        with suppress(OSError):
            times[job.source.name] = table_of(job).stat().st_mtime
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for said in sorted(records, key=lambda one: str(one["started"])):
        began = datetime.fromisoformat(said["started"]).timestamp()
        for image in said["images"]:
            name, outcome = image["name"], image["outcome"]
            # A run that was killed did not come to tell of its last images.
            its_own = outcome == "to do" and times.get(name, 0.0) >= began
            if outcome == "done" or its_own:
                found[name] = said, image
    return found


def changed_settings(then: _Settings, now: _Settings) -> _Settings:
    """Return the former values of settings that differ now; None for those that did not exist.

    A model whose fingerprint one of the two does not know is not compared by it: nobody asked it,
    or the run ended before its record told who worked.

    Examples
    --------
    >>> changed_settings({"diameter": 20.0, "refine": True}, {"diameter": 30.0, "refine": True})
    {'diameter': 20.0}
    """
    now = json.loads(json.dumps(now))
    mark = "model fingerprint"
    known = bool(then.get(mark) and now.get(mark))
    return {
        name: then.get(name)
        for name in {**now, **then}
        if then.get(name) != now.get(name) and (known or name != mark)
    }


def records_in(folder: Path, name: str) -> list[dict[str, Any]]:
    """Read the records of all runs into a folder; what is none is passed over.

    Parameters
    ----------
    folder : Path
    name : str
        Of the record of the last run; those of earlier ones have a date in it.
    """
    stem, suffix = Path(name).stem, Path(name).suffix
    found = []
    for path in [*sorted(folder.glob(f"{stem}_*{suffix}")), folder / name]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(path.read_text(encoding="utf-8"))
            datetime.fromisoformat(said["started"])
            if all({"name", "outcome"} <= set(image) for image in said["images"]):
                found.append(said)
    return found


def tell_changed(images: list[dict[str, Any]], now: _Settings) -> str:
    """Say how many images were made with other settings, and which; empty where none was.

    Parameters
    ----------
    images : list of dict
        As the record tells of them.
    now : dict
        The settings of the record.
    """
    others = [image[KEY] for image in images if KEY in image]
    if not others:
        return ""
    then = others[0]
    if "method" in then:  # which has options of its own
        then = {"method": then["method"]}
    ways = [f"{name} {_word(was)} instead of {_word(now.get(name))}" for name, was in then.items()]
    more = "" if len(ways) < 4 else ", ..."
    count = "1 image was" if len(others) == 1 else f"{len(others)} images were"
    return f"{count} made before with other settings ({', '.join(ways[:3])}{more})"


def _word(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
