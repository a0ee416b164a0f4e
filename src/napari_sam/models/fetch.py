"""Downloads: resumed, checked, cancellable, and never half-done under their final name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pooch

from napari_sam.errors import DownloadError
from napari_sam.models.locks import Busy, held
from napari_sam.models.receive import Refused, receive
from napari_sam.progress import Progress, silent

PATIENCE = 60.0  # seconds to wait for another process that does not get on


def is_complete(path: Path, size: int | None, known_hash: str | None) -> bool:
    """Tell whether a file is there with the expected size and hash."""
    if not path.is_file() or (size and path.stat().st_size != size):
        return False
    return has_hash(path, known_hash)


def has_hash(path: Path, known_hash: str | None) -> bool:
    """Tell whether a file has a hash: a SHA-256, or another one after its name and a colon."""
    if not known_hash:
        return True
    kind, _, digest = known_hash.rpartition(":")
    return bool(pooch.file_hash(str(path), alg=kind or "sha256") == digest)


def fetch(
    url: str | Sequence[str],
    target: Path,
    *,
    size: int | None = None,
    known_hash: str | None = None,
    progress: Progress = silent,
) -> Path:
    """Download one file, unless it is already there and whole.

    The bytes go to ``<target>.part``. An interrupted download is resumed where the server allows
    it, and begun again where it does not. Only a file of the right size and hash gets the final
    name, in one step. While another process downloads the same file, this one waits for it.

    Parameters
    ----------
    url : str or sequence of str
        Where it is; of several addresses the first that has it counts.
    target : Path
        Where the file shall be.
    size : int, optional
        Expected bytes.
    known_hash : str, optional
        Expected hash, hexadecimal: a SHA-256, or another one after its name and a colon.
    progress : callable
        Called with 0..1 after every chunk; raise `Cancelled` from it to stop. What has arrived
        stays in the ``.part`` file and the next call goes on from there.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    DownloadError
        With what to do by hand on a computer without a network.
    Cancelled
        From the progress callback.
    """
    part = target.with_name(target.name + ".part")
    urls = [url] if isinstance(url, str) else list(url)
    try:
        if not is_complete(target, size, known_hash):
            target.parent.mkdir(parents=True, exist_ok=True)
            lock = target.with_name(target.name + ".lock")
            with held(lock, PATIENCE, _watching(part, size, progress)):
                if not is_complete(target, size, known_hash):  # another process may have got it
                    _fetch_any(urls, part, target, size, known_hash, progress)
    except Refused as error:
        raise DownloadError(f"{target.name}: {error} {_by_hand(urls, target)}") from error
    except Busy as error:
        raise DownloadError(
            f"Another process is downloading {target.name} right now. Wait for it to finish."
        ) from error
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"Could not write {target}: {error}. Free some disk space, or set "
            "NAPARI_SAM_HOME to another folder."
        ) from error
    progress(1.0)
    return target


def _fetch_any(
    urls: Sequence[str],
    part: Path,
    target: Path,
    size: int | None,
    known_hash: str | None,
    progress: Progress,
) -> None:
    """Fetch from the first address that has the right file; what the last one says is raised."""
    for later, url in enumerate(urls, start=1):
        try:
            _fetch(url, part, target, size, known_hash, progress)
            return
        except (Refused, DownloadError):
            if later == len(urls):
                raise


def _fetch(
    url: str,
    part: Path,
    target: Path,
    size: int | None,
    known_hash: str | None,
    progress: Progress,
) -> None:
    with open(part, "a+b") as file:
        # Without a hash nothing could tell whether an old part belongs to this file.
        receive(url, file, size, bool(known_hash), progress)
        file.flush()
        os.fsync(file.fileno())
        found = file.seek(0, os.SEEK_END)
    problem = ""
    if size and found != size:
        problem = f"it has {found:,} bytes instead of {size:,}"
    elif not has_hash(part, known_hash):
        problem = "its checksum is not the expected one"
    if problem:
        part.unlink(missing_ok=True)
        raise DownloadError(
            f"The downloaded {target.name} was refused: {problem}. A proxy may have sent a page "
            f"of its own, or the connection damaged it. Try again. {_by_hand([url], target)}"
        )
    os.replace(part, target)


def _watching(part: Path, size: int | None, progress: Progress) -> Callable[[], int]:
    """Return what says how far another process is with the same file."""

    def watch() -> int:
        try:
            there = part.stat().st_size
        except FileNotFoundError:
            there = 0
        progress(min(there / size, 1.0) if size else 0.0)
        return there

    return watch


def _by_hand(urls: Sequence[str], target: Path) -> str:
    return (
        f"Without a network: download {' or '.join(urls)} on another computer and save it as "
        f"{target} on this one, or as {target.name} in a folder that NAPARI_SAM_MODELS names."
    )
