"""Find all: one search of the displayed plane, whose result then follows the sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.engine.jobs import Jobs
from napari_sam.engine.worker import View
from napari_sam.errors import LabelsError, NapariSamError, ViewError
from napari_sam.methods.find_options import FindOptions, needs_model
from napari_sam.methods.recipe import (
    as_command,
    as_python,
    everything_as_command,
    everything_as_python,
)
from napari_sam.methods.searching import Choice, Found, within
from napari_sam.progress import Progress
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.result_layer import FoundIn, MergedResult, NewResult, ResultLayer
from napari_sam.ui.layers.planes import labels_plane
from napari_sam.ui.tools.find_region import region_mask
from napari_sam.ui.tools.stack_search import StackSearch
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Image, Labels

_SETTLE = 500  # milliseconds that the diameter rests before the maps are made anew
_REST = 250  # milliseconds that all sliders rest before the table is measured
_NOUNS = {"cells": "cell", "everything": "object"}


@dataclass(eq=False)
class _Search:
    """One search: of what, into what, and what is left of it to choose from."""

    image: Image
    view: View
    options: FindOptions
    into: Labels | None
    region: npt.NDArray[np.bool_] | None
    found: Found | None = None
    layer: ResultLayer | None = None
    count: int | None = None


class Finding:
    """Runs searches in the worker, and lets the result follow the sliders without the model.

    Parameters
    ----------
    documents : Documents
        Through which labels are written.
    usable : callable
        Whether the chosen model is here; says what to do when it is not.
    ended : callable
        Called when a search has come to its end, and the displayed plane may be read again.
    threaded : bool
        Whether results are chosen in a thread of their own.
    """

    def __init__(
        self,
        bench: Workbench,
        documents: Documents,
        usable: Callable[[], bool],
        ended: Callable[[], None],
        threaded: bool,
    ) -> None:
        self._bench = bench
        self._documents = documents
        self._usable = usable
        self._ended = ended
        self._search: _Search | None = None
        self._again = False
        self._unmeasured: Callable[[], pd.DataFrame] | None = None
        self.choosing = Jobs(
            bench.loop, ("choose", "measure"), name="napari-sam choice", threaded=threaded
        )
        self._stack = StackSearch(bench, ended)

    # -- searching ----------------------------------------------------------------------------

    def start(self) -> None:
        """Find all objects where the options say."""
        bench, state = self._bench, self._bench.state
        if not self._usable():
            return
        self._stack.end()
        options, image = state.find, state.image
        try:
            view = bench.view(bench.plane())
            assert image is not None
            if options.region == "stack":
                self.forget()
                self._stack.start(image, view, options)
                return
            region = region_mask(bench.viewer, image, view.plane, options.region)
            if state.merge is not None:
                labels_plane(image, view.plane, state.merge)
        except NapariSamError as error:
            bench.fail(error)
            return
        search = _Search(image, view, options, state.merge, region)
        search.layer = self._reusable(search)
        noun = _NOUNS[options.method]
        bench.say(f"Finding all {noun}s of this slice. You can go on working meanwhile.")
        self._run(search)

    def _reusable(self, search: _Search) -> ResultLayer | None:
        """Searching the same place again refines the last result, if nobody edited it."""
        last = self._search
        if last is None or last.layer is None:
            return None
        same = (
            last.image is search.image
            and last.view.plane == search.view.plane
            and last.into is search.into
            and last.options.method == search.options.method
        )
        usable = same and last.layer.labels in self._bench.viewer.layers
        return last.layer if usable and last.layer.untouched() else None

    def _run(self, search: _Search) -> None:
        bench, state = self._bench, self._bench.state
        name, device, view, options = state.model, bench.device(), search.view, search.options
        region = search.region
        state.progress = 0.0
        bench.submit(
            "find",
            lambda progress: bench.worker.find(name, device, view, options, progress, region),
            lambda found: self._searched(search, found),
            progress=self._progressed,
        )

    def _progressed(self, fraction: float) -> None:
        self._bench.state.progress = fraction

    def _searched(self, search: _Search, found: Found) -> None:
        bench, state = self._bench, self._bench.state
        state.progress = None
        self._ended()
        if state.image is not search.image or not bench.same_pixels(search.view):
            bench.fail(LabelsError("The image was changed or left while it was searched."))
            return
        if self._search is not None and self._search.layer is not search.layer:
            self.forget()
        self.choosing.cancel_all()  # of the maps before
        search.found = found
        self._search = search
        state.estimated = found.diameter if search.options.diameter is None else None
        self._choose()

    # -- following the sliders ------------------------------------------------------------------

    def adjust(self, **changes: Any) -> None:
        """Change some of the options; what can act at once does."""
        before = self._bench.state.find
        self._adopt(replace(before, **changes))

    def adjust_cells(self, **changes: Any) -> None:
        """Change how cells are chosen from the maps."""
        self._change("cells", changes)

    def adjust_everything(self, **changes: Any) -> None:
        """Change parameters of everything-mode."""
        self._change("everything", changes)

    def _change(self, part: str, changes: dict[str, Any]) -> None:
        try:
            changed = replace(getattr(self._bench.state.find, part), **changes)
        except NapariSamError as error:
            self._bench.fail(error)
        else:
            self.adjust(**{part: changed})

    def reset(self) -> None:
        """Take all settings of the chosen method back to where they began."""
        now, fresh = self._bench.state.find, FindOptions()
        if now.method == "cells":
            self._adopt(replace(now, cells=fresh.cells, diameter=fresh.diameter))
        else:
            self._adopt(replace(now, everything=fresh.everything))

    def _adopt(self, after: FindOptions) -> None:
        before, self._bench.state.find = self._bench.state.find, after
        if (after.method, after.region) != (before.method, before.region):
            self.show_count()
        search = self._search
        if search is None or search.found is None or after.method != search.options.method:
            return
        if after.region == "stack" or self._bench.jobs.wants("find"):
            return  # the next search, or the one that runs, will heed it
        why_not = self._why_not(search)
        if why_not:
            self._bench.say(why_not)
            return
        if after.region is not before.region:
            try:
                region = region_mask(
                    self._bench.viewer, search.image, search.view.plane, after.region
                )
            except ViewError as error:
                self._bench.fail(error)
                return
            if not search.found.covers(region):
                self._bench.say("Only a part was searched. Press the button to search here.")
                return
            search.region = region
        if after.diameter != search.options.diameter:
            self._bench.loop.later("diameter", _SETTLE, self._read_again)
        self._choose()

    def show_count(self) -> None:
        """Show how many were found, while what is shown is what was searched."""
        state, search = self._bench.state, self._search
        options = state.find
        if search is None:
            if options.region != "stack":  # else of all slices, whichever is displayed
                state.found_count = None
            return
        same = options.method == search.options.method and options.region != "stack"
        state.found_count = search.count if same and self._here() else None

    def _here(self) -> bool:
        """Whether the slice is displayed that was searched last."""
        bench, search = self._bench, self._search
        try:
            return (
                search is not None
                and bench.state.image is search.image
                and bench.plane() == search.view.plane
            )
        except ViewError:
            return False

    def _why_not(self, search: _Search) -> str:
        """Say why the result cannot follow now; empty when it can."""
        bench = self._bench
        if not self._here() or not bench.same_pixels(search.view):
            return "This setting is for the next search. Press the button to find all here."
        layer = search.layer
        if layer is None:
            return ""
        if layer.labels not in bench.viewer.layers:
            return "The result was removed. Press the button to find all again."
        if not layer.untouched():
            return (
                f"You have edited {layer.labels.name!r} since, so it stays as it is. Press the "
                "button for a new result."
            )
        return ""

    def _read_again(self) -> None:
        """Make the maps anew at the diameter that the person has chosen."""
        search, options = self._search, self._bench.state.find
        if search is None or self._why_not(search) or options.method != "cells":
            return
        if options.diameter == search.options.diameter or self._bench.jobs.wants("find"):
            return
        self._run(replace(search, options=options, found=None))

    def _choose(self) -> None:
        """Choose by the newest options, one choice at a time: while it drags, every one shows."""
        search = self._search
        assert search is not None
        if self.choosing.wants("choose"):
            self._again = True
            return
        self._again = False
        found, options, region = search.found, self._bench.state.find, search.region
        assert found is not None
        new = search.layer is None

        def choose(progress: Progress) -> Choice:
            chosen = within(found.choose(options), region)
            return chosen.measured() if new else chosen

        self._unmeasured = None
        self.choosing.cancel("measure")
        self.choosing.submit(
            "choose",
            choose,
            lambda chosen: self._chosen(search, options, chosen),
            self._bench.fail,
        )

    def _chosen(self, search: _Search, options: FindOptions, chosen: Choice) -> None:
        bench, state = self._bench, self._bench.state
        if search is not self._search:
            return
        why_not = self._why_not(search)
        if why_not:
            bench.say(why_not)
            return
        state.found_count = search.count = chosen.count
        noun = _NOUNS[options.method]
        try:
            if search.layer is None:
                if chosen.count == 0:
                    bench.result(_NOTHING[options.method])
                    return
                search.layer = self._new_layer(search, noun)
            told = search.layer.update(chosen, options.rule, search.region)
            if needs_model(search.options, options):
                told += " Press the button to apply the last setting too: it needs the model."
            bench.result(told)
        except NapariSamError as error:
            bench.fail(error)
        finally:
            if self._again:
                self._choose()
            elif search.layer is not None:
                self._measure(search.layer, chosen)

    def _measure(self, layer: ResultLayer, chosen: Choice) -> None:
        """Let the table follow the labels, once the sliders rest: meanwhile it would only delay."""
        measure = self._unmeasured = layer.measuring(chosen)
        if measure is not None:
            self._bench.loop.later("measure", _REST, self._rested)

    def _rested(self) -> None:
        measure = self._unmeasured
        if measure is not None:
            self.choosing.submit(
                "measure", lambda progress: measure(), self._measured, self._bench.fail
            )

    def _measured(self, table: pd.DataFrame) -> None:
        self._unmeasured = None
        if self._search is not None and self._search.layer is not None:
            self._search.layer.describe(table)

    def finish(self) -> None:
        """Complete the table of the last result now: somebody is going to read it."""
        measure = self._unmeasured
        if measure is not None:
            self.choosing.cancel("measure")
            self._measured(measure())

    def _new_layer(self, search: _Search, noun: str) -> ResultLayer:
        found_in = FoundIn(search.image, search.view, self._bench.state.model)
        if search.into is None:
            return NewResult(self._documents, self._bench.viewer, found_in, noun)
        return MergedResult(self._documents, search.into, found_in, noun)

    def copy_recipe(self, command: bool, put: Callable[[str], None]) -> None:
        """Hand out the Python code, or the command line, that does the same everywhere."""
        state = self._bench.state
        options = state.find
        source = state.image.source.path if state.image is not None else None
        same: dict[str, Any] = {
            "model": state.model,
            "image": source,
            "limits": self._bench.limits(),
        }
        if options.method == "everything":
            text = (everything_as_command if command else everything_as_python)(
                options.everything, **same
            )
        else:
            text = (as_command if command else as_python)(
                options.cells, diameter=options.diameter, **same
            )
        put(text)
        self._bench.result(
            f"Copied: {text}"
            if command
            else "Copied the Python code. Paste it into a script or a notebook."
        )

    # -- ending -------------------------------------------------------------------------------

    def cancelled(self) -> str:
        """Tell what is left of a search that was stopped."""
        return self._stack.end() or "Stopped. Nothing was changed."

    def forget(self) -> None:
        """Let go of the last result: the layer stays, the sliders leave it alone."""
        self._stack.end()
        self.finish()
        search, self._search = self._search, None
        self._again = False
        self.choosing.cancel_all()
        if search is not None and search.layer is not None:
            search.layer.release()

    def close(self) -> None:
        self.forget()
        self.choosing.close()


_NOTHING = {
    "cells": "No cells were found. Try another diameter, a higher sensitivity, a lower certainty, "
    "or click the cells one by one.",
    "everything": "Nothing was found. Lower the certainty or the stability, or ask at more points.",
}
