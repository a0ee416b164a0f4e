"""Names of classes in their order, kept for the next start: a digit means the same then."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from napari_sam.errors import NapariSamError
from napari_sam.models.home import home

_log = logging.getLogger(__name__)


def keep(names: Sequence[str]) -> None:
    """Keep the names of now; that they cannot be written stops nobody."""
    from napari_sam.files import in_one_piece

    try:
        with in_one_piece(_place()) as temporary:
            temporary.write_text(json.dumps(list(names)), encoding="utf-8")
    except (OSError, NapariSamError) as error:
        _log.warning("The order of classes is not kept: %s", error)


def kept() -> tuple[str, ...]:
    """Return the names that were kept last; none where there are none, or they cannot be read."""
    try:
        said = json.loads(_place().read_text(encoding="utf-8"))
        return tuple(dict.fromkeys(str(name) for name in said))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, NapariSamError) as error:
        _log.warning("The order of classes is not known any more: %s", error)
        return ()


def _place() -> Path:
    return home() / "classes.json"
