"""Downloads: resumed, checked, cancellable, and never half-done under their final name."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pooch

from napari_sam.errors import DownloadError
from napari_sam.progress import Progress, silent

CHUNK = 1 << 20
ATTEMPTS = 3
TIMEOUT = 30.0


def home() -> Path:
    """Folder for downloaded files: ``NAPARI_SAM_HOME``, or the user's cache folder."""
    chosen = os.environ.get("NAPARI_SAM_HOME")
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("napari-sam-bio"))


class Eta:
    """Estimate the remaining seconds from the fractions that progress reports.

    Uses the speed since the first report, so that a resumed download, which begins at 60 %,
    is not taken for a fast one.
    """

    def __init__(self) -> None:
        self._start: tuple[float, float] | None = None

    def update(self, fraction: float, now: float | None = None) -> float | None:
        """Take a report and return the seconds left, or None while it is too early to tell."""
        now = time.monotonic() if now is None else now
        if self._start is None:
            self._start = (now, fraction)
            return None
        began, first = self._start
        if now <= began or fraction <= first:
            return None
        return (1.0 - fraction) * (now - began) / (fraction - first)


class _Part:
    """The ``.part`` file as pooch's downloader writes it: counts bytes, reports, may stop."""

    def __init__(self, file: IO[bytes], expected: int | None, progress: Progress) -> None:
        self._file = file
        self._expected = expected
        self._progress = progress
        self.response: Any = None
        self.received = file.seek(0, os.SEEK_END)

    def restart(self) -> None:
        """Forget what is there: the server sends the whole file."""
        self._file.seek(0)
        self._file.truncate()
        self.received = 0

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self.received += written
        if self._expected:
            if self.received > self._expected:
                raise _TooLongError
            self._progress(self.received / self._expected)
        else:
            self._progress(0.0)  # a chance to cancel; the server did not say how long it is
        return written

    def flush(self) -> None:
        """Leave buffering to the file: pooch flushes after every chunk."""

    def on_response(self, response: Any, *args: Any, **kwargs: Any) -> None:
        """See whether the server resumes (206) or sends everything (200)."""
        self.response = response
        if response.status_code == 200:
            self.restart()
        elif response.status_code == 206:
            start = response.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
            if start.isdecimal() and int(start) != self.received:
                raise OSError("the server resumed at another place than asked for")
        if self._expected is None and response.status_code in (200, 206):
            length = response.headers.get("Content-Length", "")
            self._expected = self.received + int(length) if length.isdecimal() else None


class _TooLongError(OSError):
    """The server sends more than the file should hold."""


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Open the ``.part`` file for this process alone; the system unlocks it if we die."""
    with open(path, "a+b") as file:
        try:
            if os.name == "nt":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DownloadError(
                f"Another process is downloading {path.with_suffix('').name} right now. "
                "Wait for it to finish."
            ) from error
        yield file


def is_complete(path: Path, size: int | None, sha256: str | None) -> bool:
    """Tell whether a file is there with the expected size and hash."""
    if not path.is_file() or (size and path.stat().st_size != size):
        return False
    return not sha256 or pooch.file_hash(str(path), alg="sha256") == sha256


def fetch(
    url: str,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    progress: Progress = silent,
) -> Path:
    """Download one file, unless it is already there and whole.

    The bytes go to ``<target>.part``. An interrupted download is resumed where the server allows
    it, and begun again where it does not. Only a file of the right size and hash gets the final
    name, in one step.

    Parameters
    ----------
    url : str
    target : Path
        Where the file shall be.
    size : int, optional
        Expected bytes.
    sha256 : str, optional
        Expected hash, hexadecimal.
    progress : callable
        Called with 0..1 after every chunk; raise `Cancelled` from it to stop. What has arrived
        stays in the ``.part`` file and the next call goes on from there.

    Raises
    ------
    DownloadError
        With what to do by hand on a computer without a network.
    Cancelled
        From the progress callback.
    """
    if is_complete(target, size, sha256):
        progress(1.0)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with _locked(part) as file:
        _receive(url, file, target, size, sha256, progress)
        file.flush()
        os.fsync(file.fileno())
        found = file.seek(0, os.SEEK_END)
        file.seek(0)
    problem = ""
    if size and found != size:
        problem = f"it has {found:,} bytes instead of {size:,}"
    elif sha256 and pooch.file_hash(str(part), alg="sha256") != sha256:
        problem = "its SHA-256 is not the expected one"
    if problem:
        part.unlink(missing_ok=True)
        raise DownloadError(
            f"The downloaded {target.name} was refused: {problem}. A proxy may have sent a page "
            f"of its own, or the connection damaged it. Try again. {_by_hand(url, target)}"
        )
    os.replace(part, target)
    progress(1.0)
    return target


def _receive(
    url: str,
    file: IO[bytes],
    target: Path,
    size: int | None,
    sha256: str | None,
    progress: Progress,
) -> None:
    import requests  # slow to import, and pooch imports it only when downloading, too

    sink = _Part(file, size, progress)
    if size and sink.received > size:
        sink.restart()
    if sink.received and not sha256:
        sink.restart()  # nothing could tell whether the old part belongs to this file
    last: Exception | None = None
    for _ in range(ATTEMPTS):
        before = sink.received
        if size and before == size:
            return
        headers = {"Accept-Encoding": "identity"}
        if before:
            headers["Range"] = f"bytes={before}-"
        downloader = pooch.HTTPDownloader(
            chunk_size=CHUNK,
            headers=headers,
            timeout=TIMEOUT,
            hooks={"response": sink.on_response},
        )
        try:
            downloader(url, sink, None)
        except _TooLongError:
            return  # the size check of the caller says so
        except requests.exceptions.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status == 416 and before:
                sink.restart()  # the part is no beginning of what the server has now
                continue
            raise DownloadError(
                f"The server answered {status}: {target.name} is not there any more, or not for "
                f"you. {_by_hand(url, target)}"
            ) from error
        except (requests.exceptions.RequestException, OSError) as error:
            if not isinstance(error, requests.exceptions.RequestException) and error.errno:
                raise DownloadError(
                    f"Could not write {target}: {error}. Free some disk space, or set "
                    "NAPARI_SAM_HOME to another folder."
                ) from error
            last = error
            if sink.received == before and before == 0:
                break  # not one byte: no network, no server
            continue
        finally:
            if sink.response is not None:
                sink.response.close()  # a cancelled download must not go on in the background
        return
    raise DownloadError(
        f"The download of {target.name} failed ({type(last).__name__}). Is this computer online? "
        f"The next try goes on where this one stopped. {_by_hand(url, target)}"
    ) from last


def _by_hand(url: str, target: Path) -> str:
    return (
        f"Without a network: download {url} on another computer and save it as {target} on "
        "this one."
    )
