"""Find all: one search where the options say, whose result then follows the sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from napari_sam.errors import NapariSamError, ViewError
from napari_sam.methods.find_options import FindOptions
from napari_sam.methods.recipe import (
    as_command,
    as_python,
    everything_as_command,
    everything_as_python,
)
from napari_sam.methods.searching import Found
from napari_sam.ui.layers.label_grid import labels_plane
from napari_sam.ui.state import Advice
from napari_sam.ui.tools.find_region import region_mask
from napari_sam.ui.tools.following import NOUNS, Following, Search
from napari_sam.ui.tools.stack_search import StackSearch
from napari_sam.ui.tools.tool import Parts, Tool

_SETTLE = 500  # milliseconds that the diameter rests before the maps are made anew


class Find(Tool):
    """All objects of a slice, a part of it, or every slice of a stack."""

    name: ClassVar[str] = "find"
    title: ClassVar[str] = "Find all"
    tip: ClassVar[str] = "Let the model find every cell of the slice."
    advice: ClassVar[Advice] = Advice(
        "Reading the image. You can press the button already.",
        "Press the button to start the search.",
    )

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.following = Following(parts, self.show_count)
        self._stack = StackSearch(self.bench, self._ended, self._count)
        self._running: Search | None = None

    # -- life -------------------------------------------------------------------------------------

    def activate(self) -> None:
        self.bench.result(self.advice.ready)

    def deactivate(self) -> None:
        self.following.finish()

    def view_changed(self) -> None:
        self.show_count()

    def image_changed(self) -> None:
        """What was told of the image before is not true of this one."""
        image = self.bench.state.image
        if image is not None and image.ndim == 2 and self.bench.state.find.region == "stack":
            self.adjust(region="slice")
        self._estimate(None)
        self.show_count()

    def layers_changed(self) -> None:
        region = self.bench.state.find.region
        if not isinstance(region, str) and region not in self.bench.viewer.layers:
            self.adjust(region="slice")

    def model_changed(self) -> None:
        self._stack.end()
        self.following.forget()

    def cancel(self) -> str:
        self._running = None
        return self._stack.end()

    def run_next(self) -> bool:
        return self.following.choosing.run_next()

    def close(self) -> None:
        self._stack.end()
        self.following.close()

    # -- searching ----------------------------------------------------------------------------

    def start(self) -> None:
        """Find all objects where the options say."""
        bench, options = self.bench, self.bench.state.find
        if not self.parts.usable():
            return
        self._stack.end()
        try:
            shown, into = bench.shown(), bench.state.merge
            if options.region == "stack":
                self.following.forget()
                self._running = None
                self._stack.start(shown, options)
                return
            region = region_mask(bench.viewer, shown.image, shown.plane, options.region)
            if into is not None:
                labels_plane(shown.image, shown.plane, into)
        except NapariSamError as error:
            bench.fail(error)
            return
        search = Search(shown.image, shown.view, bench.state.model, options, into, region)
        search.layer = self.following.reusable(search)
        noun = NOUNS[options.method]
        bench.say(
            f"{shown.remark}Finding all {noun}s of this slice. You can go on working meanwhile."
        )
        self._run(search)

    def _run(self, search: Search) -> None:
        bench = self.bench
        name, device, view, options = search.model, bench.device(), search.view, search.options
        region = search.region
        self._running = search
        bench.progress(0.0)
        bench.submit(
            "find",
            lambda progress: bench.worker.find(name, device, view, options, progress, region),
            lambda found: self._searched(search, found),
            progress=bench.progress,
        )

    def _searched(self, search: Search, found: Found) -> None:
        state = self.bench.state
        self._running = None
        self.bench.progress(None)
        self._ended()
        search.found = found
        self._estimate(found.diameter if search.options.diameter is None else None)
        self.following.land(search)
        if state.find.diameter != search.options.diameter:
            self.bench.loop.later("diameter", _SETTLE, self._search_again)

    def _search_again(self) -> None:
        """Make the maps anew at the diameter that the person has chosen."""
        search, options = self.following.search, self.bench.state.find
        if search is None or self.following.why_not() or options.method != "cells":
            return
        if options.diameter == search.options.diameter or self.bench.jobs.wants("find"):
            return
        self._run(replace(search, options=options, found=None))

    def _ended(self) -> None:
        """A search has come to its end: the plane shown may be encoded again."""
        self.parts.proposal.predicting.soon()

    # -- options --------------------------------------------------------------------------------

    def adjust(self, **changes: Any) -> None:
        """Change some of the options; what can act at once does."""
        self._adopt(replace(self.bench.state.find, **changes))

    def adjust_cells(self, **changes: Any) -> None:
        """Change how cells are chosen from the maps."""
        self._change("cells", changes)

    def adjust_everything(self, **changes: Any) -> None:
        """Change parameters of everything-mode."""
        self._change("everything", changes)

    def _change(self, part: str, changes: dict[str, Any]) -> None:
        try:
            changed = replace(getattr(self.bench.state.find, part), **changes)
        except NapariSamError as error:
            self.bench.fail(error)
        else:
            self.adjust(**{part: changed})

    def reset(self) -> None:
        """Take all settings of the chosen method back to where they began."""
        now, fresh = self.bench.state.find, FindOptions()
        if now.method == "cells":
            self._adopt(replace(now, cells=fresh.cells, diameter=fresh.diameter))
        else:
            self._adopt(replace(now, everything=fresh.everything))

    def _adopt(self, after: FindOptions) -> None:
        bench, before, search = self.bench, self.bench.state.find, self.following.search
        bench.state.find = after
        if (after.method, after.region) != (before.method, before.region):
            self.show_count()
        if search is None or after.method != search.options.method or after.region == "stack":
            return
        if bench.jobs.wants("find"):
            if not self._outdated(after):
                return  # the one that runs will heed it
            bench.jobs.cancel("find")
            bench.progress(None)
            self._running = None
        why_not = self.following.why_not()
        if why_not:
            bench.say(why_not)
            return
        if after.region is not before.region and not self._moved(search, after):
            return
        if after.diameter != search.options.diameter:
            bench.loop.later("diameter", _SETTLE, self._search_again)
        self.following.choose()

    def _outdated(self, after: FindOptions) -> bool:
        """Whether the maps being made for a new diameter are for one that is no longer wanted."""
        running, search = self._running, self.following.search
        again = running is not None and search is not None and running.layer is search.layer
        return again and running is not None and running.options.diameter != after.diameter

    def _moved(self, search: Search, after: FindOptions) -> bool:
        """Choose within another region, if it was searched."""
        try:
            region = region_mask(self.bench.viewer, search.image, search.view.plane, after.region)
        except ViewError as error:
            self.bench.fail(error)
            return False
        assert search.found is not None
        if not search.found.covers(region):
            self.bench.say("Only a part was searched. Press the button to search here.")
            return False
        search.region = region
        return True

    def put_into(self, layer: Any) -> None:
        """Choose the labels that found objects go into; None for new ones."""
        self.bench.choose("merge", layer)

    # -- what is told -----------------------------------------------------------------------------

    def show_count(self) -> None:
        """Show how many were found, while what is shown is what was searched."""
        options, search = self.bench.state.find, self.following.search
        if search is None:
            if options.region != "stack":  # else of all slices, whichever is shown
                self._count(None)
            return
        same = options.method == search.options.method and options.region != "stack"
        self._count(search.count if same and self.following.here() else None)

    def _count(self, count: int | None) -> None:
        self.bench.state.found_count = count

    def _estimate(self, diameter: float | None) -> None:
        self.bench.state.estimated = diameter

    def copy_recipe(self, command: bool, put: Callable[[str], None]) -> None:
        """Hand out the Python code, or the command line, that does the same everywhere."""
        state, image = self.bench.state, self.bench.state.image
        options = state.find
        try:
            limits = self.bench.shown().view.limits
        except ViewError:
            limits = None
        same: dict[str, Any] = {
            "model": state.model,
            "image": image.source.path if image is not None else None,
            "limits": limits,
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
        self.bench.result(
            f"Copied: {text}"
            if command
            else "Copied the Python code. Paste it into a script or a notebook."
        )
