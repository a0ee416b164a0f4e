"""Where journals of labels lie: a folder per image, a lock per journal, and what is thrown away."""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.files.composed import Composed
from napari_sam.labels.compact import BESIDE
from napari_sam.models.home import home
from napari_sam.models.locks import Busy, held
from napari_sam.ui.layers import notes
from napari_sam.ui.layers.planes import spatial_shape

if TYPE_CHECKING:
    from napari.layers import Image

_SUFFIX = ".journal"
_PLANES, _ROWS = 16, 128  # as much of an image is looked at to know it again
_WHOLE = 1 << 24  # pixels of a plane that is read for that
_SQUARES, _SQUARE = 16, 64  # of a larger one, and the pixels of their sides
_DAY = 86400.0
#: Journals of together more bytes than this are thrown away, the oldest first.
MOST_BYTES = 2_000_000_000


class Held:
    """A journal that nobody else writes, offers or throws away.

    Parameters
    ----------
    path : Path

    Raises
    ------
    Busy
        When another session has it.
    OSError
        When the lock cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = contextlib.ExitStack()
        self._lock.enter_context(held(path.with_name(path.name + ".lock"), 0.0))

    def release(self) -> None:
        """Let others have it."""
        self._lock.close()

    def delete(self) -> None:
        """Throw it away."""
        with contextlib.suppress(OSError):  # it may be gone
            self.path.unlink()
        rest_of(self.path).unlink(missing_ok=True)
        self.release()
        with contextlib.suppress(OSError):  # of other journals
            self.path.parent.rmdir()


def rest_of(path: Path) -> Path:
    """Return where `napari_sam.labels.compact` writes, which a kill may leave behind."""
    return path.with_name(path.name + BESIDE)


def folder() -> Path:
    """Return the folder of all journals."""
    return home() / "recovery"


def new(key: str) -> Held:
    """Begin a journal of an image's labels; its file is yet to be written.

    Parameters
    ----------
    key : str
        The image, see `identity`.
    """
    place = folder() / key
    place.mkdir(parents=True, exist_ok=True)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}{_SUFFIX}"
    return Held(place / name)


def of_image(key: str) -> Iterator[Held]:
    """Go through the journals of an image that nobody has, the newest first; all are held."""
    for path in sorted((folder() / key).glob(f"*{_SUFFIX}"), key=_age):
        with contextlib.suppress(Busy, OSError):
            yield Held(path)


def tidy(days: float) -> None:
    """Throw away journals that are old, and the oldest where there are too many."""
    total = 0
    for path in sorted(folder().glob(f"*/*{_SUFFIX}"), key=_age):
        with contextlib.suppress(Busy, OSError):
            total += path.stat().st_size
            if _age(path) > days * _DAY or total > MOST_BYTES:
                Held(path).delete()
    for rest in folder().glob(f"*/*{_SUFFIX}{BESIDE}"):
        with contextlib.suppress(Busy, OSError):
            held_one = Held(rest.with_name(rest.name.removesuffix(BESIDE)))
            rest.unlink(missing_ok=True)
            held_one.release()


def _age(path: Path) -> float:
    """Seconds since a journal was written last."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:  # it has just gone
        return 0.0


def identity_of(image: Image) -> Callable[[], str]:
    """Return what knows an image layer again, for a worker: it may have to read pixels."""
    data = image.data[-1] if image.multiscale else image.data
    rgb, shape = bool(image.rgb), spatial_shape(image)
    return lambda: f"{identity(data, rgb)}-{'x'.join(map(str, shape))}"


def identity(data: Any, rgb: bool = False) -> str:
    """Know an image again by its shape and by samples of its pixels, wherever it lies.

    An array in memory is sampled throughout; of one that is read on demand only the plane in the
    middle is looked at.

    Parameters
    ----------
    data : array
        NumPy, dask, zarr or alike, at least two axes.
    rgb : bool
        Whether the last axis holds colours.
    """
    if isinstance(data, Composed):  # the same cells in whatever light, and order, of its channels
        channels = sorted(identity(channel) for channel in data.channels)
        return hashlib.blake2b(" ".join(channels).encode(), digest_size=16).hexdigest()
    digest = hashlib.blake2b(
        f"{tuple(data.shape)} {np.dtype(data.dtype).str}".encode(), digest_size=16
    )
    leading = data.shape[: -3 if rgb else -2]
    count = int(np.prod(leading))
    some = np.unique(np.linspace(0, count - 1, min(count, _PLANES)).round().astype(int))
    planes = some if isinstance(data, np.ndarray) else [count // 2]
    for number in planes if count else ():
        at = tuple(int(i) for i in np.unravel_index(number, leading))
        for part in _parts_of(data, at):
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _parts_of(data: Any, at: tuple[int, ...]) -> Iterator[npt.NDArray[Any]]:
    """Read rows spread over a plane; of a large one that is not in memory, small squares."""
    height, width = data.shape[len(at) : len(at) + 2]
    if isinstance(data, np.ndarray) or height * width <= _WHOLE:
        plane = np.asarray(data[at])
        yield plane[:: max(1, height // _ROWS)]
        return
    for k in range(_SQUARES):
        row = k * (height - _SQUARE) // max(_SQUARES - 1, 1)
        column = (k * 7 % _SQUARES) * (width - _SQUARE) // max(_SQUARES - 1, 1)
        rows, columns = (slice(max(v, 0), max(v, 0) + _SQUARE) for v in (row, column))
        yield np.asarray(data[(*at, rows, columns)])


def note_of(layer: Any) -> Path | None:
    """Return the journal that a layer is written down in, as far as the layer knows."""
    path = notes.noted(layer, notes.JOURNAL)
    return Path(path) if path else None


def note(layer: Any, path: Path) -> None:
    """Let a layer know its journal, so that another panel does not offer what is there."""
    notes.note(layer, notes.JOURNAL, str(path))
