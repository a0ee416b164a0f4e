"""Bytes from a server into a file: resumed where it can be, tried again where that may help."""

from __future__ import annotations

import os
import time
from typing import IO, Any

import pooch

from napari_sam.progress import Progress

CHUNK = 1 << 20
ATTEMPTS = 5  # without a byte between them
TIMEOUT = 30.0
BACKOFF = 1.0  # seconds before the second attempt, twice as many before each that follows
_STEP = 0.1  # seconds after which somebody who cancels is heard
_LATER = (408, 425, 429, 500, 502, 503, 504)  # a server that may answer another time


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
        if self._expected and self.received > self._expected:
            raise _TooLongError
        self.report()
        return written

    def report(self) -> None:
        """Say how far it is, which is a chance to cancel also where the length is not known."""
        self._progress(min(self.received / self._expected, 1.0) if self._expected else 0.0)

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


def receive(url: str, file: IO[bytes], size: int | None, resume: bool, progress: Progress) -> None:
    """Receive a file, from where it stands.

    Parameters
    ----------
    url : str
    file : binary file
        Open for appending.
    size : int, optional
        Expected bytes.
    resume : bool
        Whether what is there can be trusted to belong to this file.
    progress : callable
        Raise `Cancelled` from it to stop; what has arrived stays.

    Raises
    ------
    Refused
        When the server does not give it, or could not be reached in several attempts.
    OSError
        When the file cannot be written.
    Cancelled
    """
    import requests  # slow to import, and pooch imports it only when downloading, too

    sink = _Part(file, size, progress)
    if (size and sink.received > size) or not resume:
        sink.restart()
    failed = 0
    while not (size and sink.received == size):
        before = sink.received
        try:
            _attempt(url, sink)
            return
        except _TooLongError:
            return  # whoever checks the size says so
        except requests.exceptions.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status == 416 and before:
                sink.restart()  # the part is no beginning of what the server has now
                continue
            if status not in _LATER:
                raise Refused(
                    f"The server answered {status}: it is not there any more, or not for you."
                ) from error
            last: Exception = error
        except (requests.exceptions.RequestException, OSError) as error:
            if not isinstance(error, requests.exceptions.RequestException) and error.errno:
                raise
            last = error
        failed = failed + 1 if sink.received == before else 0
        if failed >= ATTEMPTS or _is_offline(last):
            raise Refused(
                f"The download failed ({type(last).__name__}). Is this computer online? "
                "The next try goes on where this one stopped."
            ) from last
        _pause(BACKOFF * 2 ** max(failed - 1, 0), sink)


class Refused(Exception):
    """The server does not give the file."""


def _attempt(url: str, sink: _Part) -> None:
    headers = {"Accept-Encoding": "identity"}
    if sink.received:
        headers["Range"] = f"bytes={sink.received}-"
    downloader = pooch.HTTPDownloader(
        chunk_size=CHUNK, headers=headers, timeout=TIMEOUT, hooks={"response": sink.on_response}
    )
    try:
        downloader(url, sink, None)
    finally:
        if sink.response is not None:
            sink.response.close()  # a cancelled download must not go on in the background


def _is_offline(error: Exception) -> bool:
    """Whether no server could be reached at all, which waiting does not change."""
    reason: Any = error
    for _ in range(4):  # requests wraps what urllib3 wraps
        if type(reason).__name__ in ("NewConnectionError", "NameResolutionError"):
            return True
        reason = getattr(reason, "reason", None) or next(iter(getattr(reason, "args", ())), None)
    return False


def _pause(seconds: float, sink: _Part) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sink.report()
        time.sleep(min(_STEP, seconds))
