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
    channel : int or None
    model : str
    method : str
        How objects were looked for.
    options : dict
        For each method the options that were chosen, as `batch.spelled` spells them.
    """

    image: str = ""
    channel: int | None = None
    model: str = ""
    method: str = ""
    options: dict[str, dict[str, Any]] = field(default_factory=dict)


def remember(folder: Path, what: Remembered) -> None:
    """Keep it for the next time; that it cannot be written stops nobody."""
    from napari_sam.files import in_one_piece

    try:
        with in_one_piece(_place(folder)) as temporary:
            temporary.write_text(json.dumps(asdict(what)), encoding="utf-8")
    except (OSError, NapariSamError, TypeError) as error:
        _log.warning("The place in %s is not remembered: %s", folder, error)


def recall(folder: Path) -> Remembered:
    """Return what was kept; nothing where nothing was, or it cannot be read."""
    try:
        return Remembered(**json.loads(_place(folder).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValueError, TypeError, NapariSamError) as error:
        _log.warning("The place in %s is not known any more: %s", folder, error)
        return Remembered()


def _place(folder: Path) -> Path:
    digest = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=12).hexdigest()
    return home() / "folders" / f"{digest}.json"
