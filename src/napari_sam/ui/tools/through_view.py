"""What is seen of a cell that is followed: its outline on every slice, the strip, and words."""

from __future__ import annotations

from napari_sam.images import Plane
from napari_sam.ui.canvas.camera import go_to_slice
from napari_sam.ui.layers.axes import Further, further_axes
from napari_sam.ui.proposing.proposal import Proposing
from napari_sam.ui.state import Answer
from napari_sam.ui.tools.through_run import Run
from napari_sam.ui.tools.through_state import Strip, ThroughState
from napari_sam.ui.workbench import Workbench


class ThroughView:
    """Keeps what is shown true to a cell, and to the slice that is displayed.

    Parameters
    ----------
    bench : Workbench
    state : ThroughState
    proposal : Proposing
        Whose outline also shows the cell on slices without an answer, and whose marks correct
        what is known of a slice.
    """

    def __init__(self, bench: Workbench, state: ThroughState, proposal: Proposing) -> None:
        self._bench, self._state = bench, state
        self._show_plane = proposal.show_plane
        self._preview, self._marks = proposal.preview, proposal.marks
        self._outlined = False
        self._chosen: Further | None = None  # by the person

    def choose(self, along: Further) -> None:
        """Follow along another axis."""
        self._state.along = self._chosen = along

    def look(self, run: Run | None) -> None:
        """See along which axes the chosen image can be followed: as a cell is, or as was chosen."""
        state, image, plane = self._state, self._bench.state.image, self._bench.plane_or_none()
        if image is None or image.ndim < 3:
            state.axes = ()
        elif plane is not None:
            state.axes = further_axes(image, plane)
        wanted = (None if run is None else run.along, self._chosen, *state.axes)
        state.along = next((along for along in wanted if along in state.axes), None)

    def show(self, run: Run | None, visible: bool) -> None:
        """Show what is known of the slice that is displayed, and of all of them."""
        state, plane = self._state, self._bench.plane_or_none()
        along = state.along
        state.at = None if along is None or plane is None else plane.index[along.axis]
        if not state.on or along is None:
            state.strip = None
        elif run is not None and run.along == along:
            state.strip = run.strip()
        else:
            state.strip = Strip(along.length, ends=(0, along.length - 1))
        if visible and run is not None:
            self._refine(run, run.place(plane))
        if not self.outline(run if visible else None) and self._outlined:
            self._outlined = False
            if self._answered(plane) is None:
                self._preview.hide()

    def go_to(self, at: int, run: Run | None) -> None:
        """Show a slice of a cell; without one, of the image along the axis that is chosen."""
        image, along = self._bench.state.image, self._state.along
        if run is not None:
            self._show_plane(run.carrying.planes[at])
        elif image is not None and along is not None:
            go_to_slice(self._bench.viewer, image, {along.axis: at})

    def outline(self, run: Run | None) -> bool:
        """Show the cell on a slice that is displayed and has no answer; tell whether it is."""
        plane = self._bench.plane_or_none()
        hidden = run is None or self._answered(plane)
        regions = [] if hidden or run is None else run.everyone(run.place(plane))
        if run is None or plane is None or not regions:
            return False
        self._preview.show(run.image, plane, regions, filled=self._bench.state.filled)
        self._outlined = True
        return True

    def _answered(self, plane: Plane | None) -> Answer | None:
        answer = self._bench.state.answer
        return answer if answer is not None and answer.plane == plane else None

    def _refine(self, run: Run, at: int | None) -> None:
        """Let marks on the slice that is displayed correct what is known of it."""
        region = run.region(at)
        if at is not None and at not in run.told.shown and region is not None:
            run.rough[at] = region
        known = None if at is None else run.rough.get(at)
        self._marks.rough = (
            None if at is None or known is None else (run.carrying.planes[at], known)
        )

    # -- words ------------------------------------------------------------------------------------

    def tell(self, run: Run, remark: str = "") -> None:
        """Say where the cell is, and what to do next."""
        strip, key, what = run.strip(), self._bench.state.accept_key, run.along.word
        places = sorted(strip.scores)
        if not places:
            self._bench.result(f"The cell is on no {what}. Mark it on one, or clear it (Esc).")
            return
        doubt = strip.doubtful()
        alone = len(places) == 1
        there = f"{len(places)} {what}s, {places[0]} to {places[-1]}"
        there = f"{what} {places[0]} alone" if alone else there
        sure = f" D shows the least certain: {doubt[0]}." if doubt else ""
        at = ", ".join(map(str, sorted(strip.divisions)))
        divides = f" It divides, at {what} {at}." if at else ""
        keeps = f"{key} keeps it" + ("." if alone else " on all of them.")
        told = f"{remark} The cell is on {there}.{divides}{sure} {keeps}"
        self._bench.result(told.strip())

    def tell_of_progress(self) -> None:
        """Say how far the cell has been followed, unless a result is still to be read."""
        along, strip = self._state.along, self._state.strip
        if along is None or strip is None:
            return
        what, scores = along.word, strip.scores
        told = f"looking at the next {what}"
        if len(scores) > 1:
            told = f"{len(scores)} {what}s so far, {min(scores)} to {max(scores)}"
        self._bench.guide(f"Following the cell: {told}. Cancel keeps what is done.")

    def tell_of_slice(self, run: Run | None) -> None:
        """Say how certain the slice is that is displayed."""
        at = None if run is None else run.place(self._bench.plane_or_none())
        if run is None or at is None:
            return
        what, key = run.along.word, self._bench.state.accept_key
        score = run.strip().scores.get(at)
        if score is None:
            self._bench.result(f"The cell is not on this {what}. Click it if it is.")
        elif at not in run.told.shown:
            self._bench.result(
                f"{what.capitalize()} {at}: {100 * score:.0f} % sure. Click to correct it; Q "
                f"says that the cell is not here, D shows what is doubtful, {key} keeps all."
            )

    def close(self) -> None:
        """Listen to nobody any more."""
        self._state.events.disconnect()
