"""What a person keeps is on disk within a second: one thread writes for all layers of a session."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_sam.engine.jobs import Jobs
from napari_sam.labels.compact import shorten
from napari_sam.labels.journal import Journal, JournalEntry
from napari_sam.labels.steps import Steps
from napari_sam.models.locks import Busy
from napari_sam.progress import Progress, silent
from napari_sam.ui.labels_layer import shelf
from napari_sam.ui.labels_layer.journal_file import JournalFile
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.labels_layer.recorder import Recorder
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image, Labels

_log = logging.getLogger(__name__)

_DELAY = 500  # milliseconds in which changes gather
_MOMENT = 0.01  # seconds in which it is looked whether an entry is on the disk
_PATIENCE = 50  # milliseconds until it is looked again whether the disk has kept up
_MOST_WAITING = 100_000_000  # bytes
_AGAIN = 10_000  # milliseconds until writing is tried again after it failed
_LAST = 2.0  # seconds that closing waits for the disk


class _Wanted(NamedTuple):
    """An entry to be written; no way to make one where the journal ends."""

    recorder: Recorder
    make: Callable[[], JournalEntry | None] | None
    size: int
    written: threading.Event | None = None  # set when it is on the disk, or never will be


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
        self._files: dict[Recorder, JournalFile] = {}
        self._waiting: deque[_Wanted] = deque()
        self._waiting_bytes = 0
        self._writing = threading.Lock()
        self._scheduled = False
        self._broken = False  # writing failed, and the window has not heard of it yet
        self._failed = False  # the person was told so, and nothing was written since
        self._resting = self._missed = False  # it is not tried yet; something happened meanwhile
        self._untold: set[Recorder] = set()  # whose labels are to be told anew
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
        self._files[recorder] = JournalFile(lambda: held, held)
        self._noted(document.layer, held.path)
        recorder.go_on(told)

    def leave(self, document: LayerDocument) -> None:
        """Write what is left; the journal stays, unless all of it was saved."""
        recorder = self._recorders.pop(document, None)
        if recorder is not None:
            recorder.close()
            self._untold.discard(recorder)
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
        self._write_all()

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

    def begin(self, recorder: Recorder, image: Image) -> bool:
        if self._resting:
            self._untold.add(recorder)
            self._missed = True
            return False
        self._untold.discard(recorder)
        if self._untold:  # what can be written of one layer can be of the others
            self._bench.loop.later("autosave anew", 0, self._tell_anew)
        if recorder not in self._files:
            self._files[recorder] = self._file(recorder, image)
        return True

    def _file(self, recorder: Recorder, image: Image) -> JournalFile:
        look = shelf.identity_of(image)
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
            self.own.add(held.path)
            self._bench.loop.post(lambda: self._noted(layer, held.path))
            return held

        if before is not None:
            self.own.add(before)
        return JournalFile(make)

    def _noted(self, layer: Labels, path: Path) -> None:
        self.own.add(path)
        shelf.note(layer, path)

    def write(
        self, recorder: Recorder, make: Callable[[], JournalEntry | None], size: int = 0
    ) -> None:
        self._want(_Wanted(recorder, make, size))

    def write_now(self, recorder: Recorder, make: Callable[[], JournalEntry | None]) -> Steps[None]:
        written = threading.Event()
        self._waiting.append(_Wanted(recorder, make, 0, written))
        self._start()
        while not written.wait(_MOMENT):
            yield 0.0

    def later(self, recorder: Recorder, call: Callable[[], None]) -> None:
        def ready() -> None:
            if self._waiting_bytes > _MOST_WAITING:
                self._bench.loop.later(name, _PATIENCE, ready)
            else:
                call()

        name = f"autosave {id(recorder)}"
        self._bench.loop.later(name, 0, ready)

    # -- writing -----------------------------------------------------------------------------

    def _want(self, wanted: _Wanted) -> None:
        self._waiting_bytes += wanted.size
        self._waiting.append(wanted)
        if not self._scheduled:
            self._scheduled = True
            self._bench.loop.later("autosave", _DELAY, self._start)

    def _start(self) -> None:
        self._scheduled = False
        self._jobs.submit("write", self._write_all, lambda done: None, lambda error: None)
        if not self._threaded:
            self._jobs.run_next()

    def _write_all(self, progress: Progress = silent) -> None:
        """Write whatever waits, and see that it is on the disk.

        That it failed is told here: of a job whose place another takes, nobody hears.
        """
        waited_for: list[threading.Event] = []
        with self._writing:
            try:
                if not self._broken:
                    self._write_waiting(waited_for)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the person goes on working
                unforeseen = not isinstance(error, OSError)
                _log.warning("Nothing can be written down: %s", error, exc_info=unforeseen)
                self._broken = True
                for file in list(self._files.values()):
                    file.give_up()
                failure = error
                self._bench.loop.post(lambda: self._fail(failure))
            finally:
                if self._broken:  # nobody waits for what is not written
                    waited_for += [one.written for one in list(self._waiting) if one.written]
                for event in waited_for:
                    event.set()

    def _write_waiting(self, waited_for: list[threading.Event]) -> None:
        written: dict[Journal, JournalFile] = {}
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
                del self._files[wanted.recorder]
                file.end(wanted.recorder.unsaved)
                continue
            entry = wanted.make()
            if entry is not None:
                written[file.append(entry)] = file
        for journal, file in written.items():
            journal.sync()
            if file.long:
                self._bench.loop.post(partial(self._shorten, file, journal, journal.size))
        if written and self._failed and self._all_told():
            self._bench.loop.post(self._works_again)

    def _all_told(self) -> bool:
        return all(file.begun is None for file in list(self._files.values()))

    def _shorten(self, file: JournalFile, journal: Journal, stop: int) -> None:
        """Make a journal short, while it is written on behind the byte `stop`."""
        if self._shortening.busy or file.journal is not journal or not file.long:
            return
        self._shortening.submit(
            "shorten",
            lambda progress: self._replace(
                file, journal, shorten(journal.path, stop, progress), stop
            ),
            lambda done: None,
            lambda error: self._stays_long(file, stop, error),
        )
        if not self._threaded:
            self._shortening.run_next()

    def _replace(
        self, file: JournalFile, journal: Journal, made: tuple[Path, int] | None, stop: int
    ) -> None:
        with self._writing:
            if file.journal is journal:  # else nobody writes it any more, or it was given up
                file.replace(journal, made, stop)

    def _stays_long(self, file: JournalFile, stop: int, error: Exception) -> None:
        """Go on with the long one: not enough memory, or no room on the disk, stops nobody."""
        _log.warning("A journal cannot be made short: %s", error)
        file.short = stop  # and is not tried again soon

    # -- when it fails -----------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        """Say once that nothing is written, leave everything else usable, and try again later."""
        with self._writing:
            ends = [wanted for wanted in self._waiting if wanted.make is None]
            self._waiting.clear()
            self._waiting_bytes = 0
            self._broken = False
        self._untold |= {one for one in self._recorders.values() if one.lost()}
        self._resting, self._missed = True, False
        self._bench.loop.later("autosave again", _AGAIN, self._rested)
        for wanted in ends:
            self._want(wanted)
        if not self._failed:
            self._failed = True
            self._bench.result(
                f"What you keep cannot be written to {shelf.folder()} ({error}), so a crash would "
                "lose it. Save your labels often; it is tried again as you go on.",
                problem=True,
            )

    def _rested(self) -> None:
        self._resting = False
        if self._missed:
            self._tell_anew()

    def _tell_anew(self) -> None:
        for recorder in list(self._untold):
            recorder.again()

    def _works_again(self) -> None:
        if self._failed and not self._resting and not self._untold:
            self._failed = False
            self._bench.result("What you keep is written down again: a crash would not lose it.")
