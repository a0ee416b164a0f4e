"""Following the cell in hand anew, from the slice that is shown: one step of undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_sam.engine.carrying import Carried, Carrying, Told
from napari_sam.engine.view import View
from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.labels.accept_through import accept_through
from napari_sam.labels.change import Origin
from napari_sam.regions import NOTHING
from napari_sam.ui.labels_layer.moment import Moment
from napari_sam.ui.labels_layer.through_editing import ThroughEditing
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.layers.shown import same_pixels
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    from napari.layers import Image


@dataclass(eq=False)
class _Run:
    """A cell that is followed: in which image and labels, and what shall be found anew."""

    image: Image
    view: View
    labels: Moment
    carrying: Carrying
    told: Told
    anew: range
    word: str
    model: str
    page: str  # where it was begun: what comes of it is told there

    @property
    def stands(self) -> bool:
        """Whether image and labels are what they were."""
        return self.labels.stands and same_pixels(self.image, self.view)


class FollowAgain:
    """Finds a cell anew on the slices behind or before the one that is shown.

    The outline on the slice that is shown is taken as it is; all others beyond it are replaced.

    Parameters
    ----------
    parts : Parts
    """

    def __init__(self, parts: Parts) -> None:
        self._parts, self._bench = parts, parts.bench
        self._run: _Run | None = None

    def begin(self, edit: ThroughEditing, number: int, onwards: bool) -> None:
        """Follow a cell from the slice that is shown.

        Parameters
        ----------
        edit : ThroughEditing
        number : int
            The cell.
        onwards : bool
            Whether to the last slice, and not to the first.

        Raises
        ------
        LabelsError, ViewError
            When there is nothing to follow it to, or the labels do not lie on the image.
        """
        self.stop()
        bench, document = self._bench, edit.document
        if not self._parts.usable():
            return
        shown, at = bench.shown(), edit.at
        check_fit(shown.image, document.layer)
        document.claim()
        low, high = edit.room(number)
        anew = range(at + 1, high + 1) if onwards else range(low, at)
        if not len(anew):
            raise LabelsError(
                f"There is no {edit.word} {'behind' if onwards else 'before'} this one for cell "
                f"{number} to be followed to."
            )
        document.sync()
        view, pixels = shown.view, document.sheet.pixels
        time, taken = edit.kind == "track", frozenset({at})
        carrying = Carrying(view, edit.axis, pixels, number, taken=taken, over_time=time)
        told = Told({}, min(at, anew[0]), max(at, anew[-1]))
        self._run = _Run(
            *(shown.image, view, Moment.now(document), carrying, told, anew, edit.word),
            model=bench.state.model,
            page=bench.state.tool,
        )
        bench.say(f"Following cell {number} from {edit.word} {at}. You can go on looking.")
        self._go_on(self._run, Carried())

    def _go_on(self, run: _Run, known: Carried) -> None:
        bench = self._bench
        name, device, worker = run.model, bench.device(), bench.worker
        bench.progress(known.fraction)
        bench.jobs.submit(
            "follow",
            lambda progress: worker.carry(name, device, run.view, run.carrying, run.told, progress),
            lambda carried: self._arrived(run, carried),
            self._failed,
        )

    def _arrived(self, run: _Run, carried: Carried) -> None:
        if run is not self._run:
            return
        there = {run.image, run.labels.document.layer} <= set(self._bench.viewer.layers)
        if not there or not run.stands:
            self.stop()
            text = "The image or the labels were changed meanwhile. Nothing was followed."
            self._bench.result(text, problem=True)
        elif carried.over:
            self.stop()
            self._write(run, carried)
        else:
            self._go_on(run, carried)

    def _write(self, run: _Run, carried: Carried) -> None:
        steps, planes, number = carried.steps, run.carrying.planes, run.carrying.own
        regions = {
            planes[at]: steps[at].region if at in steps else NOTHING
            for at in run.anew
            if at in steps or at in run.carrying.drawn
        }
        how: dict[str, Any] = {"number": number, "word": run.word}
        how["origin"] = Origin(run.view.plane, (), run.model)
        try:
            # They may have been moved since it was begun, which changes no pixel.
            check_fit(run.image, run.labels.document.layer)
            change = accept_through(run.labels.document, regions, "keep", **how)
        except NapariSamError as error:
            self._bench.fail(error)
            return
        run.labels.document.measure_soon(change)
        self._bench.result_on(run.page, change.told)

    def _failed(self, error: Exception) -> None:
        self._run = None
        self._bench.fail(error)

    def model_changed(self) -> None:
        """Another model would go on from what this one has found: follow no more, and say so."""
        run = self._run
        if run is not None:
            self._bench.result_on(run.page, self.stop())

    def stop(self) -> str:
        """Follow no more; nothing of it is kept."""
        run, self._run = self._run, None
        if run is None:
            return ""
        self._bench.jobs.cancel("follow")
        self._bench.progress(None)
        return f"Cell {run.carrying.own} is no longer followed. Nothing was changed."
