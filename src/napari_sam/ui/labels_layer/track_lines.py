"""The tracks of labels drawn as lines, which follow whatever happens to the labels."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, ref

import numpy as np
import numpy.typing as npt

from napari_sam.engine.jobs import Jobs
from napari_sam.errors import LabelsError
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change
from napari_sam.labels.document import Event
from napari_sam.labels.slices import slice_at
from napari_sam.progress import Progress
from napari_sam.stacks.frames import describe
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.layers.label_grid import transform_of
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Labels, Tracks

_REST = 100  # milliseconds in which changes gather

Places = npt.NDArray[np.float64]

#: Whose tracks the lines are that were drawn: a panel that is opened again goes on with them.
_LABELS_OF: WeakKeyDictionary[Tracks, ref[Labels]] = WeakKeyDictionary()


class _Frame(NamedTuple):
    """The objects of a frame: their ids, and where they are."""

    ids: npt.NDArray[np.int64]
    places: Places


@dataclass(eq=False)
class _Drawn:
    """Labels, the axis of their frames, and the lines.

    ``happened`` counts what happened to the labels, ``told`` how much of it the lines tell.
    """

    document: LayerDocument
    axis: int
    lines: Tracks | None = None
    frames: dict[int, _Frame] = field(default_factory=dict)
    listener: Any = None
    happened: int = 1
    told: int = 0

    @property
    def waits(self) -> bool:
        """Whether it is to be drawn anew."""
        return self.told != self.happened and self.document.fits


class TrackLines:
    """Keeps a Tracks layer beside each Labels layer whose tracks are shown.

    The labels are the truth, and the column ``parent`` of their table: lines are drawn anew after
    every change, and go with the labels. A Tracks layer takes its first axis for time, so it has
    the axes from the frames' on: lines of movies in a stack, (Z, T, Y, X), show on all slices.

    Parameters
    ----------
    bench : Workbench
    documents : Documents
    threaded : bool
        Whether frames are looked at in a thread of its own.
    """

    def __init__(self, bench: Workbench, documents: Documents, threaded: bool) -> None:
        self._bench, self._documents = bench, documents
        self._drawn: list[_Drawn] = []
        self.jobs = Jobs(bench.loop, ("lines",), name="napari-sam tracks", threaded=threaded)

    def shown(self, labels: Labels | None) -> bool:
        """Whether lines belong to these labels."""
        return self._of(labels) is not None

    def show(self, labels: Labels) -> None:
        """Draw the tracks of labels, and keep them in step from now on.

        Raises
        ------
        LabelsError
            When napari cannot draw them.
        """
        document = self._documents.of(labels)
        axis = document.sheet.axis("track")
        if not 3 <= labels.ndim - axis <= 4:
            raise LabelsError(
                "Tracks are drawn of movies (..., T, Y, X) and of stacks over time (..., T, Z, Y, "
                f"X), but the frames of {labels.name!r} lie along axis {axis} of {labels.ndim}."
            )
        if self.shown(labels):
            return
        there = (lines for lines, of in _LABELS_OF.items() if of() is labels)
        layers = self._bench.viewer.layers
        drawn = _Drawn(document, axis, next((lines for lines in there if lines in layers), None))
        drawn.listener = partial(self._happened, drawn)
        drawn.document.listen(drawn.listener)
        self._drawn.append(drawn)
        self._draw(drawn)

    def hide(self, labels: Labels | None) -> None:
        """Take the lines of labels away."""
        drawn = self._of(labels)
        if drawn is not None:
            self._leave(drawn)

    def layers_changed(self) -> None:
        """Lines go with their labels; those that a person takes away are drawn no more.

        Those that a panel before this one has left follow their labels again.
        """
        layers = self._bench.viewer.layers
        for lines, of in list(_LABELS_OF.items()):
            labels = of()
            if lines in layers and labels in layers and not self.shown(labels):
                with suppress(LabelsError):  # labels whose data were exchanged since
                    self.show(labels)
        for drawn in list(self._drawn):
            gone = drawn.lines is not None and drawn.lines not in layers
            if gone or drawn.document.layer not in layers:
                self._leave(drawn)

    def close(self) -> None:
        """Draw no more; what is drawn stays, and follows again when a panel is opened."""
        self.jobs.close()
        for drawn in self._drawn:
            drawn.document.unlisten(drawn.listener)
        self._drawn.clear()

    def _of(self, labels: Labels | None) -> _Drawn | None:
        return next((one for one in self._drawn if one.document.layer is labels), None)

    def _leave(self, drawn: _Drawn) -> None:
        self._drawn.remove(drawn)
        drawn.document.unlisten(drawn.listener)
        if drawn.lines is not None and drawn.lines in self._bench.viewer.layers:
            self._bench.viewer.layers.remove(drawn.lines)

    # -- following --------------------------------------------------------------------------------

    def _happened(self, drawn: _Drawn, event: Event, change: Change | None) -> None:
        drawn.happened += 1
        if change is None:
            drawn.frames.clear()
        else:
            for frame in _frames_of(change, drawn.axis):
                drawn.frames.pop(frame, None)
        self._bench.loop.later(f"lines {id(drawn)}", _REST, lambda: self._draw(drawn))

    def _draw(self, drawn: _Drawn) -> None:
        """Look at the frames that have changed, and draw."""
        if drawn not in self._drawn or not drawn.waits:
            return
        pixels, known, axis = drawn.document.sheet.pixels, dict(drawn.frames), drawn.axis

        def look(progress: Progress) -> dict[int, _Frame]:
            count = int(pixels.shape[axis])
            for frame in range(count):
                if frame not in known:
                    progress(frame / count)
                    objects = describe(slice_at(pixels, axis, frame))
                    known[frame] = _Frame(objects.ids, objects.places[:, axis:])
            return known

        happened = drawn.happened
        self.jobs.submit(
            "lines", look, lambda found: self._put(drawn, found, happened), self._bench.fail
        )

    def _put(self, drawn: _Drawn, found: dict[int, _Frame], happened: int) -> None:
        if drawn in self._drawn:
            drawn.told = happened
            if not drawn.waits:  # else the next drawing is on its way
                drawn.frames = found
            self._write(drawn, _lines(found))
        # Of several layers that change at once only the last one's frames were looked at.
        waiting = next((one for one in self._drawn if one.waits), None)
        if waiting is not None:
            self._draw(waiting)

    def _write(self, drawn: _Drawn, data: Places) -> None:
        """Give the layer its lines; of labels without any there is no layer."""
        viewer, labels, lines = self._bench.viewer, drawn.document.layer, drawn.lines
        if not len(data):
            drawn.lines = None
            if lines is not None and lines in viewer.layers:
                viewer.layers.remove(lines)
            return
        graph = _graph(drawn.document, set(data[:, 0].astype(np.int64).tolist()))
        if lines is None:
            from napari.layers import Tracks

            name = f"{labels.name} lines"
            drawn.lines = Tracks(data, graph=graph, name=name, **transform_of(labels, drawn.axis))
            _LABELS_OF[drawn.lines] = ref(labels)
            self._bench.ours.add_beneath(drawn.lines)
            return
        lines.data = data
        lines.graph = graph


def _frames_of(change: Change, axis: int) -> Iterable[int]:
    """List the frames that a change writes into."""
    pixels = change.pixels
    at = np.unravel_index(pixels.start, pixels.shape)[axis]
    return np.unique(at).tolist() if len(pixels) else ()


def _lines(frames: dict[int, _Frame]) -> Places:
    """Return what a Tracks layer shows: id, frame and place, by id and frame."""
    parts = [
        np.column_stack([found.ids, np.full(len(found.ids), frame), found.places])
        for frame, found in sorted(frames.items())
        if len(found.ids)
    ]
    if not parts:
        return np.empty((0, 4))
    data = np.concatenate(parts)
    return data[np.lexsort((data[:, 1], data[:, 0]))]


def _graph(document: LayerDocument, there: set[int]) -> dict[int, list[int]]:
    """Read from the table whose daughter each track is."""
    parents = object_table.parents(document.table)
    return {child: [parent] for child, parent in parents.items() if {child, parent} <= there}
