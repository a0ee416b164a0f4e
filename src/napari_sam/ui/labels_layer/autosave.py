"""What a person keeps is on disk within a second: one thread writes for all layers of a session."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_sam.engine.jobs import Jobs
from napari_sam.labels.compact import shorten, take_place
from napari_sam.labels.journal import Journal, JournalEntry
from napari_sam.labels.steps import Steps
from napari_sam.models.locks import Busy
from napari_sam.progress import Progress, silent
from napari_sam.ui.labels_layer import shelf
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.labels_layer.recorder import Recorder
from napari_sam.ui.layers.planes import spatial_shape
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image, Labels

_log = logging.getLogger(__name__)

_DELAY = 500  # milliseconds in which changes gather
_MOMENT = 0.01  # seconds in which it is looked whether an entry is on the disk
_PATIENCE = 50  # milliseconds until it is looked again whether the disk has kept up
_MOST_WAITING = 100_000_000  # bytes
_LAST = 2.0  # seconds that closing waits for the disk
_LONG = 8_000_000  # bytes of a journal that is read in a few seconds
_GROWN = 4  # times as long as when it was short: so making it short never takes much of the time


class _Wanted(NamedTuple):
    """An entry to be written; no way to make one where the journal ends."""

    recorder: Recorder
    make: Callable[[], JournalEntry | None] | None
    size: int
    written: threading.Event | None = None  # set when it is on the disk, or never will be


@dataclass(eq=False)
class _File:
    """The journal of a recorder: how to make it, and itself once it is made.

    ``short`` is how many bytes it had when it was made short last.
    """

    make: Callable[[], shelf.Held]
    held: shelf.Held | None = None
    journal: Journal | None = None
    short: int = 0

    @property
    def long(self) -> bool:
        """Whether it pays to make it short."""
        size = 0 if self.journal is None else self.journal.size
        return size > max(_LONG, _GROWN * self.short)


class Autosave:
    """Writes journals of the layers of one session.

    Parameters
    ----------
    bench : Workbench
    threaded : bool
        Whether they are written in a thread of their own.
    """

    def __init__(self, bench: Workbench, threaded: bool) -> None:
        self._bench = bench
        self._jobs = Jobs(bench.loop, ("write",), name="napari-sam autosave", threaded=threaded)
        self._shortening = Jobs(
            bench.loop, ("shorten",), name="napari-sam shortening", threaded=threaded
        )
        self._threaded = threaded
        self._recorders: dict[LayerDocument, Recorder] = {}
        self._files: dict[Recorder, _File] = {}
        self._waiting: deque[_Wanted] = deque()
        self._waiting_bytes = 0
        self._writing = threading.Lock()
        self._scheduled = self._failed = False
        #: Journals that this session has written; what is in them it need not be offered.
        self.own: set[Path] = set()
        bench.ours.saved.connect(self._saved)

    # -- layers ------------------------------------------------------------------------------

    def follow(self, document: LayerDocument, empty: bool) -> None:
        """Write down what happens to a document from now on, unless another panel does."""
        if document.recorder is None and self._bench.preferences.read().recovery_days > 0:
            document.recorder = self._recorders[document] = Recorder(document, self, empty)

    def go_on(self, document: LayerDocument, held: shelf.Held, told: bool) -> None:
        """Go on with a journal, which tells of the labels as they are, or does not."""
        recorder = self._recorders.get(document)
        if recorder is None:
            held.release()
            return
        self._files[recorder] = _File(lambda: held, held)
        self._noted(document.layer, held.path)
        recorder.go_on(told)

    def leave(self, document: LayerDocument) -> None:
        """Write what is left; the journal stays, unless all of it was saved."""
        recorder = self._recorders.pop(document, None)
        if recorder is not None:
            recorder.close()
            document.recorder = None
            self._want(_Wanted(recorder, None, 0))

    def close(self) -> None:
        """Write what is left; what takes long is written while the window is closed already."""
        self._bench.ours.saved.disconnect(self._saved)
        if not self._threaded:
            self._write_rest()
            return
        # Python ends only after this thread, which is no daemon.
        rest = threading.Thread(target=self._write_rest, name="napari-sam last words")
        rest.start()
        rest.join(_LAST)

    def _write_rest(self) -> None:
        self._shortening.close()
        self._jobs.close()
        try:
            self._write_all()
        except Exception:  # noqa: BLE001 -- at the end nobody is there to be told
            _log.warning("What was kept could not be written", exc_info=True)

    def _saved(self, layers: list[Labels]) -> None:
        for document, recorder in self._recorders.items():
            if document.layer in layers:
                recorder.saved()

    # -- what recorders ask for --------------------------------------------------------------

    def cannot(self, recorder: Recorder) -> None:
        name = recorder.document.layer.name
        told = (
            f"{name!r} is written where its pixels lie. Its table and undo are not kept for the "
            "case of a crash: save them before you close napari."
        )
        self._bench.loop.later(f"not kept {id(recorder)}", 0, lambda: self._bench.result(told))

    def image(self) -> Image | None:
        return self._bench.state.image

    def begin(self, recorder: Recorder, image: Image) -> None:
        if recorder in self._files:
            return
        look = identity_of(image)
        layer = recorder.document.layer
        before = shelf.note_of(layer)

        def make() -> shelf.Held:
            # The labels were written down by another panel, which is closed: all is told anew.
            try:
                if before is not None and before.exists():
                    return shelf.Held(before)
            except (Busy, OSError):
                pass
            held = shelf.new(look())
            self._bench.loop.post(lambda: self._noted(layer, held.path))
            return held

        self._files[recorder] = _File(make)
        if before is not None:
            self.own.add(before)

    def _noted(self, layer: Labels, path: Path) -> None:
        self.own.add(path)
        shelf.note(layer, path)

    def write(
        self, recorder: Recorder, make: Callable[[], JournalEntry | None], size: int = 0
    ) -> None:
        self._want(_Wanted(recorder, make, size))

    def write_now(self, recorder: Recorder, make: Callable[[], JournalEntry | None]) -> Steps[None]:
        if self._failed:
            return
        written = threading.Event()
        self._waiting.append(_Wanted(recorder, make, 0, written))
        self._start()
        while not written.wait(_MOMENT):
            yield 0.0

    def later(self, recorder: Recorder, call: Callable[[], None]) -> None:
        def ready() -> None:
            if self._failed:  # then nothing more is copied either
                return
            if self._waiting_bytes > _MOST_WAITING:
                self._bench.loop.later(name, _PATIENCE, ready)
            else:
                call()

        name = f"autosave {id(recorder)}"
        self._bench.loop.later(name, 0, ready)

    # -- writing -----------------------------------------------------------------------------

    def _want(self, wanted: _Wanted) -> None:
        if self._failed:
            return
        self._waiting_bytes += wanted.size
        self._waiting.append(wanted)
        if not self._scheduled:
            self._scheduled = True
            self._bench.loop.later("autosave", _DELAY, self._start)

    def _start(self) -> None:
        self._scheduled = False
        self._jobs.submit("write", self._write_all, lambda done: None, self._fail)
        if not self._threaded:
            self._jobs.run_next()

    def _write_all(self, progress: Progress = silent) -> None:
        """Write whatever waits, and see that it is on the disk."""
        waited_for: list[threading.Event] = []
        with self._writing:
            try:
                self._write_waiting(waited_for)
            except BaseException:  # nobody waits for what is not written any more
                waited_for += [wanted.written for wanted in list(self._waiting) if wanted.written]
                raise
            finally:
                for event in waited_for:
                    event.set()

    def _write_waiting(self, waited_for: list[threading.Event]) -> None:
        written: dict[Journal, _File] = {}
        while self._waiting:
            wanted = self._waiting.popleft()
            self._waiting_bytes -= wanted.size
            if wanted.written is not None:
                waited_for.append(wanted.written)
            file = self._files.get(wanted.recorder)
            if file is None:
                continue
            if wanted.make is None:
                if file.journal is not None:
                    written.pop(file.journal, None)
                self._end(wanted.recorder, file)
                continue
            journal = file.journal or self._open(file)
            entry = wanted.make()
            if entry is not None:
                journal.append(entry)
                written[journal] = file
        for journal, file in written.items():
            journal.sync()
            if file.long:
                self._shorten_soon(file, journal.path, journal.size)

    def _shorten_soon(self, file: _File, path: Path, stop: int) -> None:
        self._bench.loop.post(lambda: self._shorten(file, path, stop))

    def _shorten(self, file: _File, path: Path, stop: int) -> None:
        """Make a journal short, while it is written on behind the byte `stop`."""
        if self._shortening.busy or not file.long:
            return
        self._shortening.submit(
            "shorten",
            lambda progress: self._replace(file, shorten(path, stop, progress), stop),
            lambda done: None,
            lambda error: self._stays_long(file, stop, error),
        )
        if not self._threaded:
            self._shortening.run_next()

    def _stays_long(self, file: _File, stop: int, error: Exception) -> None:
        """Go on with the long one: not enough memory, or no room on the disk, stops nobody."""
        _log.warning("A journal cannot be made short: %s", error)
        file.short = stop  # and is not tried again soon

    def _replace(self, file: _File, made: tuple[Path, int] | None, stop: int) -> None:
        with self._writing:
            journal = file.journal
            if journal is None:  # nobody writes it any more
                return
            file.short = journal.size  # what cannot be made shorter is not tried again soon
            if made is None:
                return
            journal.sync()
            journal.close()
            try:
                take_place(made[0], journal.path, stop)
                file.short = made[1]
            finally:
                file.journal = Journal(journal.path)

    def _open(self, file: _File) -> Journal:
        file.held = file.held or file.make()
        self.own.add(file.held.path)
        file.journal = Journal(file.held.path)
        return file.journal

    def _end(self, recorder: Recorder, file: _File) -> None:
        del self._files[recorder]
        if file.journal is not None:
            file.journal.sync()
            file.journal.close()
            file.journal = None
        if file.held is not None and recorder.unsaved:
            file.held.release()
        elif file.held is not None:
            file.held.delete()

    def _fail(self, error: Exception) -> None:
        """Say once that nothing is written any more, and leave everything else usable."""
        if not self._failed:
            self._failed = True
            self._waiting.clear()
            self._waiting_bytes = 0
            self._bench.result(
                f"What you keep cannot be written to {shelf.folder()} ({error}), so a crash would "
                "lose it. Save your labels often.",
                problem=True,
            )


def identity_of(image: Image) -> Callable[[], str]:
    """Return what knows an image again, for a worker: it may have to read pixels."""
    data = image.data[-1] if image.multiscale else image.data
    rgb, shape = bool(image.rgb), spatial_shape(image)
    return lambda: f"{shelf.identity(data, rgb)}-{'x'.join(map(str, shape))}"
