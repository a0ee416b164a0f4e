"""Where a person was in a folder, and with which options: kept in the person's own folder."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_sam.errors import NapariSamError
from napari_sam.models.home import home

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Remembered:
    """What is known of a folder when it is opened again.

    Parameters
    ----------
    image : str
        Name of the image that was shown last.
    seen : list of int or None
        Which channel, or which that are seen together; None where none was chosen.
    model : str
    method : str
        How objects were looked for.
    options : dict
        For each method the options that were chosen, as `batch.spelled` spells them.
    order : list of str
        Names of the images, where they were gone through from the least certain one on: reviewing
        them makes them more certain, and must not mix those that were seen with the others.
    """

    image: str = ""
    seen: list[int] | None = None
    model: str = ""
    method: str = ""
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


def remember(key: str, what: Remembered) -> None:
    """Keep it for the next time; that it cannot be written stops nobody."""
    from napari_sam.files import in_one_piece

    try:
        with in_one_piece(_place(key)) as temporary:
            temporary.write_text(json.dumps(asdict(what)), encoding="utf-8")
    except (OSError, NapariSamError, TypeError) as error:
        _log.warning("The place in %s is not remembered: %s", key, error)


def recall(key: str) -> Remembered:
    """Return what was kept; nothing where nothing was, or it cannot be read."""
    try:
        return _understood(json.loads(_place(key).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValueError, TypeError, NapariSamError) as error:
        _log.warning("The place in %s is not known any more: %s", key, error)
        return Remembered()


def _understood(said: dict[str, Any]) -> Remembered:
    if "channel" in said:  # as it was written when one could be seen alone
        channel = said.pop("channel")
        said["seen"] = None if channel is None else [channel]
    return Remembered(**said)


def _place(key: str) -> Path:
    digest = hashlib.blake2b(key.encode(), digest_size=12).hexdigest()
    return home() / "folders" / f"{digest}.json"
