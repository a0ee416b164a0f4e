"""Through slices: the cell that is marked is followed both ways, corrected, and kept as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_sam.counts import counted
from napari_sam.images import Plane
from napari_sam.labels.change import Change
from napari_sam.regions import Region
from napari_sam.ui.layers.axes import Further
from napari_sam.ui.layers.shown import same_pixels
from napari_sam.ui.proposing.spent import Spent
from napari_sam.ui.state import Answer
from napari_sam.ui.tools.fill_between import fill_drawn, fill_marked
from napari_sam.ui.tools.through_carrying import follow_among_labels, redrawn, run_among_labels
from napari_sam.ui.tools.through_following import ThroughFollowing
from napari_sam.ui.tools.through_keeping import Keeping
from napari_sam.ui.tools.through_run import Run
from napari_sam.ui.tools.through_state import ThroughState
from napari_sam.ui.tools.through_view import ThroughView
from napari_sam.ui.tools.tool import Parts


class Through:
    """Follows the marked cell while it is switched on.

    Parameters
    ----------
    parts : Parts
    """

    def __init__(self, parts: Parts) -> None:
        self._parts, self._bench = parts, parts.bench
        self._marks, self._predicting = parts.proposal.marks, parts.proposal.predicting
        self.state = ThroughState()
        self.view = ThroughView(self._bench, self.state, parts.proposal)
        self._predicting.instead = lambda: self.view.outline(self._run if self._visible else None)
        self.following = ThroughFollowing(self._bench, self._show, self._ended, self._lost)
        self._run: Run | None = None
        self._keeping = Keeping(parts)
        self._keep_then = self._visible = False
        self._remark = ""
        self._beside: list[Plane] = []  # slices with marks that only say what the cell is not
        events = self._bench.state.events
        for event in (events.answer, events.choice, events.marked):
            event.connect(self._heard)
        for event in (events.target, events.overlap):
            event.connect(self._begin_anew)

    # -- the switch -------------------------------------------------------------------------------

    def set_on(self, on: bool) -> None:
        """Follow marked cells from now on, or not."""
        self.state.on = on
        self._drop()
        self._take()

    def choose(self, along: Further) -> None:
        """Choose the axis along which cells are followed; what was followed is dropped."""
        self.view.choose(along)
        self._drop()
        self._take()

    def set_divisions(self, on: bool) -> None:
        """Follow cells that divide over time into their daughters, or not."""
        self.state.divisions = on
        self._begin_anew()

    def look(self) -> None:
        """See along which axes the chosen image can be followed, and which slice is shown."""
        self.view.look(self._run)
        self._show()

    # -- what the person does ---------------------------------------------------------------------

    def _here(self) -> tuple[Run, int] | None:
        """The cell, and which of its slices is shown."""
        at = None if self._run is None else self._run.place(self._bench.plane_or_none())
        return None if self._run is None or at is None else (self._run, at)

    @property
    def covers(self) -> bool:
        """Whether the slice that is shown shows a cell that is being followed."""
        here = self._here()
        return here is not None and bool(here[0].everyone(here[1]))

    def here(self) -> Region | None:
        """The cell that is followed, on the slice that is shown."""
        here = self._here()
        return None if here is None else here[0].region(here[1])

    def draw(self, region: Region) -> tuple[Callable[[], bool], Callable[[], None]]:
        """Give the followed cell another outline here; returns what `Brush` takes back by."""
        run, at = self._here() or (None, 0)
        assert run is not None
        undraw, said = run.draw(at, region), run.said
        self.following.go_on(run)

        def take_back() -> None:
            undraw()
            self.view.go_to(at, run)
            self.following.go_on(run)

        return lambda: self._run is run and run.said <= said, take_back

    def go_to(self, at: int) -> None:
        """Show a slice of the strip."""
        run = self._run
        self.view.go_to(at, run if run is not None and run.along == self.state.along else None)

    def next_doubtful(self) -> None:
        """Show the least certain slice that was not offered yet."""
        run = self._run
        at = None if run is None else run.next_doubtful()
        if at is not None:
            self.view.go_to(at, run)
            self.view.tell_of_slice(run)
        elif self.state.on:
            self._bench.result("There is nothing doubtful: mark a cell first.")

    def not_here(self) -> None:
        """Say that the cell is not on the slice that is shown, or take that back."""
        here = self._here()
        if here is not None:
            before, remark = here[0].told, here[0].not_here(here[1])
            if here[0].told is before:
                self._bench.result(remark)
                return
            self._remark = remark
            self._parts.accepting.undone.forget()
            self.following.go_on(here[0])
        elif self.state.on:
            self._bench.result("No cell is being followed here: mark a cell first.")

    def fill_between(self) -> None:
        """Fill the slices between marked ones by shape; else those between drawn ones."""
        if self._run is None:
            fill_drawn(self._parts, self.state.along)
        else:
            fill_marked(self._parts, self._run, self.following)

    def keep(self) -> bool:
        """Keep the cell on all its slices; False when none is being followed."""
        run = self._run
        if run is None:
            return False
        if redrawn(self._parts, run):
            self._follow_again(run, run.carrying.own)
        if self.following.under_way:
            self._keep_then = True
            self._bench.result("The cell is kept as soon as all of it is known.")
        elif same_pixels(self._bench.state.image, run.view):
            self._write(run)
        else:
            self._lost()
        return True

    def _write(self, run: Run) -> None:
        self._run = None  # labels may become the target now, which begins nothing anew
        if self._keeping.write(run):
            self._drop()
            self._parts.proposal.kept()
        else:
            self._run = run

    def taken_back(self, change: Change | None) -> None:
        """Take a cell up again whose keeping was undone: it can be corrected and kept anew."""
        run = self._keeping.taken_back(change)
        if run is not None and self.state.on:
            self._drop()
            self._run, self._beside = run, run.beside
            self._show()

    def done_again(self) -> None:
        """A step was done again: a cell whose marks went with that is followed no longer."""
        run = self._run
        if run is not None and all(map(self._marks.none_on, run.planes(run.marked))):
            self._drop()

    def undo(self) -> Spent | None:
        """Take the last mark of another slice back, where it is seen; None when there is none."""
        run = self._run
        if run is None or not run.prompts:
            return None
        self.view.go_to(run.last_marked, run)
        self._heard()
        return self._parts.proposal.undo_mark()

    def clear(self) -> None:
        """Drop the cell that is being followed, and all its marks."""
        run = self._run
        planes = [] if run is None else [*run.planes(run.marked), *run.beside]
        if run is not None:
            self._drop()
        for plane in planes:
            self._marks.spend(plane)
        self._predicting.put_away(planes)

    # -- following --------------------------------------------------------------------------------

    def _heard(self, *event: Any) -> None:
        """Something was answered, chosen or marked: look once it is over."""
        if self.state.on:
            self._bench.loop.later("through", 0, self._take)

    def _take(self) -> None:
        """Take in what is said about the slice that is shown."""
        if not self.state.on or not self._visible:
            return
        answer, plane = self._bench.state.answer, self._bench.plane_or_none()
        bare = plane is not None and self._marks.none_on(plane)
        if answer is not None and not (bare and answer.plane == plane):
            self._hear(answer)
        elif plane is not None and not bare and plane not in self._beside:
            self._beside.append(plane)
        here = self._here()
        if here is None or not bare or here[1] not in here[0].marked:
            return
        here[0].forget(here[1])
        if here[0].marked:
            self.following.go_on(here[0])
        else:
            self._drop()

    def _hear(self, answer: Answer) -> None:
        """Take in what the model says about a marked cell."""
        bench, along = self._bench, self.state.along
        if len(answer.found) != 1 or along is None:
            if self._run is None:
                bench.result("Several cells are marked: only one at a time can be followed.")
            return
        found = answer.found[0]
        choice = min(bench.state.choice, len(found) - 1)
        region, score = found.regions[choice], float(found.scores[choice])
        if not region.area:
            return
        if self._run is not None and not same_pixels(answer.image, self._run.view):
            self._drop()
        if self._run is None:
            how = answer, region, along, self.state.divisions, self._beside
            self._run = run_among_labels(self._parts, *how)
        run = self._run
        at = run.place(answer.plane)
        if at is None:
            bench.result(
                f"Another cell is being followed. {bench.state.accept_key} keeps it, Esc drops it.",
                problem=True,
            )
        elif run.show(at, region, score, answer.prompts):
            self.following.go_on(run)
        elif not self.following.under_way and answer.plane == self._bench.plane_or_none():
            self.view.tell(run)  # it is no cell of one slice

    def _begin_anew(self, *event: Any) -> None:
        """Cells meet other labels now, or meet them differently: follow with what was said."""
        if self._run is not None:
            self._follow_again(self._run)

    def _follow_again(self, run: Run, own: int = 0) -> None:
        follow_among_labels(self._parts, run, self.state.divisions, own)
        self.following.go_on(run)

    def model_changed(self) -> None:
        """Another model was chosen, or is here: the cell is followed anew by it."""
        self.following.stop()
        if self._run is not None:
            self._bench.loop.later("through anew", 0, self._follow_anew)

    def _follow_anew(self) -> None:
        if self._run is not None and self._parts.usable():
            self._begin_anew()

    def _ended(self, run: Run) -> None:
        keep, remark, self._keep_then, self._remark = self._keep_then, self._remark, False, ""
        if keep:
            self.keep()
        else:
            self.view.tell(run, remark)

    def _lost(self) -> None:
        self._drop()
        self._bench.result(
            "The image was changed or removed: the cell is no longer followed.", problem=True
        )

    def _drop(self) -> None:
        """Follow nothing any more."""
        self.following.stop()
        self._run, self._keep_then, self._beside = None, False, []
        self._marks.rough = None
        self.look()

    def _show(self) -> None:
        self.view.show(self._run, self._visible)
        if self.following.under_way:
            self.view.tell_of_progress()

    def set_visible(self, visible: bool) -> None:
        """The page is shown or hidden."""
        self._visible = visible
        if not visible:
            self._marks.rough = None
        self.look()
        self._heard()

    def view_changed(self) -> None:
        """Another slice is shown."""
        self.look()
        self._heard()
        if self._visible and not self.following.under_way:
            self.view.tell_of_slice(self._run)

    def image_changed(self) -> None:
        """Another image was chosen."""
        self._keeping.forget()
        self._drop()

    def layers_changed(self) -> None:
        """A layer came or went."""
        if self._run is not None and self._run.image not in self._bench.viewer.layers:
            self._lost()

    def labels_changed(self) -> None:
        """Labels were changed: a cell that was taken back may have been brought back.

        One that is drawn otherwise now is followed anew from there.
        """
        run = self._run
        if run is not None and self._keeping.brought_back(run):
            self._drop()
            self._parts.proposal.kept()
        elif run is not None and redrawn(self._parts, run):
            self._follow_again(run, run.carrying.own)

    def stop(self) -> str:
        """Stop following, and tell what is left."""
        run, self._keep_then = self._run, False
        if not self.following.stop() or run is None:
            return ""
        known = counted(len(run.strip().scores), run.along.word)
        key = self._bench.state.accept_key
        return f"Stopped. {key} keeps the cell on the {known} known; a mark goes on."

    def close(self) -> None:
        """Take away whatever is ours."""
        self._keeping.forget()
        self._drop()
        self.view.close()
