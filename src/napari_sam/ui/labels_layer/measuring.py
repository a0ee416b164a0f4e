"""Objects that have no row in the table yet are measured, beside the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_sam.engine.jobs import Jobs
from napari_sam.images import Plane
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.labels_layer.plane_labels import Ids
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Labels

_SLOW = 150  # milliseconds after which it is said what takes so long


class Measuring:
    """Completes the table of the labels under review.

    Parameters
    ----------
    bench : Workbench
    completed : callable
        Called when rows have come.
    threaded : bool
        Whether it is done in a thread of its own.
    """

    def __init__(
        self,
        bench: Workbench,
        completed: Callable[[], None],
        threaded: bool,
    ) -> None:
        self._bench = bench
        self._completed = completed
        self.jobs = Jobs(bench.loop, ("measure",), name="napari-sam measuring", threaded=threaded)
        self._wanted: tuple[Labels, Plane, bytes | None] | None = None
        self._telling = False

    @property
    def running(self) -> bool:
        """Whether rows are still to come."""
        return self._wanted is not None

    def start(self, editing: Editing, missing: Ids | None) -> None:
        """Measure objects of the displayed plane, unless that is what is being done.

        None for all of a plane too large for it to be known which they are.
        """
        if missing is not None and len(missing) == 0:
            self.end()
            return
        wanted = (editing.layer, editing.plane, None if missing is None else missing.tobytes())
        if wanted == self._wanted:
            return
        self._wanted = wanted
        describe = editing.describing(missing)

        def adopt(described: pd.DataFrame) -> None:
            self._tell_no_more()  # even where nothing was found
            if not editing.adopt(described):
                self._wanted = None  # it is looked at anew
            self._completed()

        self.jobs.submit("measure", lambda progress: describe(), adopt, self._bench.fail)
        self._bench.loop.later("measuring", _SLOW, lambda: self._tell(missing))

    def _tell(self, missing: Ids | None) -> None:
        """Say what takes so long."""
        state = self._bench.state
        if self.jobs.busy and state.progress is None:
            self._bench.progress(0.0)
            self._telling = True
            many = "" if missing is None else f"{len(missing)} "
            self._bench.say(f"Measuring {many}cells that have no entry in the table yet.")

    def end(self) -> None:
        """Nothing is to be measured, or no longer."""
        self.cancel()
        self._wanted = None

    def cancel(self) -> None:
        """Stop; the same objects are not measured again until others, or none, were wanted."""
        self.jobs.cancel_all()
        self._tell_no_more()

    def _tell_no_more(self) -> None:
        if self._telling:
            self._telling = False
            self._bench.progress(None)

    def close(self) -> None:
        """Stop for good."""
        self.jobs.close()
