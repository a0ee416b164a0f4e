"""Find all: one search where the options say, whose result then follows the sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from napari_sam.errors import NapariSamError, ViewError
from napari_sam.methods.found import Found, FoundPart
from napari_sam.methods.method import Method
from napari_sam.methods.registry import method
from napari_sam.ui.canvas.clicks import Clicks
from napari_sam.ui.canvas.keys import Action
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.state import Advice
from napari_sam.ui.tools.example_boxes import ExampleBoxes
from napari_sam.ui.tools.examples import ExampleChoice
from napari_sam.ui.tools.find_advice import first_step
from napari_sam.ui.tools.find_region import region_mask
from napari_sam.ui.tools.find_steps import FindSteps
from napari_sam.ui.tools.following import Following, Search
from napari_sam.ui.tools.joined_results import JoinedResults
from napari_sam.ui.tools.joining import offered
from napari_sam.ui.tools.search_recipe import hand_out
from napari_sam.ui.tools.slice_results import SliceResults
from napari_sam.ui.tools.stack_search import Results, StackSearch
from napari_sam.ui.tools.tiled_search import TiledSearch
from napari_sam.ui.tools.tool import Parts, Tool

_SETTLE = 500  # milliseconds that the diameter rests before the maps are made anew


class Find(Tool):
    """All objects of a slice, a part of it, or every slice of a stack."""

    name: ClassVar[str] = "find"
    title: ClassVar[str] = "Find all"
    tip: ClassVar[str] = "Let the model find every cell of the slice."
    advice: ClassVar[Advice] = Advice("Reading the image. You can press the button already.")

    sheet: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Click", "like these: a found cell is meant"),
        ("Right click", "like these: it is not meant"),
        ("L", "draw around the region to search"),
        ("Ctrl+Z", "take a box or the last step back; with Shift, do it again"),
    )

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.following = Following(parts, self.show_count, lambda: self.examples.told)
        self._stack = StackSearch(self.bench, self._ended, self._count)
        self._tiles = TiledSearch(parts, self._ended, self._count)
        self._running: Search | None = None
        self.examples = ExampleChoice(parts, self.following)
        self.boxes = ExampleBoxes(self.bench, self._boxes_in)
        self._answers = Clicks(
            self.bench.viewer, self._clicked, lambda: None, lambda: False, lambda button: None
        )
        self._steps = FindSteps(parts, self.boxes)
        self._suit()
        parts.region.changed.connect(self._region_drawn)

    def keys(self) -> dict[str, Action]:
        return {"L": self.parts.region.toggle, **self._steps.keys()}

    def _region_drawn(self) -> None:
        """A region that was drawn on this page is the one to search."""
        region = self.parts.region
        if self.shown and not region.drawing and region.here():
            self.adjust(region=region.layer)

    # -- life -------------------------------------------------------------------------------------

    def activate(self) -> None:
        self._advise()
        self._listen()
        if self.bench.state.image is None or self.parts.usable():
            self.bench.first(self.bench.state.advice.ready)

    def _advise(self) -> None:
        by = self.bench.state.find.by
        self.bench.advise(first_step(self.advice, by, self.parts.models.lacks(by)))

    def deactivate(self) -> None:
        self._listen()
        self.boxes.stop()
        self.parts.region.stop()
        self.following.finish()

    def view_changed(self) -> None:
        self.show_count()

    def image_changed(self) -> None:
        """What was told of the image before is not true of this one."""
        image = self.bench.state.image
        find = self.bench.state.find
        if image is not None and image.ndim == 2 and find.region == "stack":
            self.adjust(region="slice", together="")
        elif find.together not in {"", *(known.name for known in self.joinable())}:
            self.adjust(together="")
        self.bench.state.estimated = None
        self._count(None)
        self.boxes.image_changed()
        self.show_count()

    def layers_changed(self) -> None:
        find, layers = self.bench.state.find, self.bench.viewer.layers
        if not isinstance(find.region, str) and find.region not in layers:
            self.adjust(region="slice")
        if find.like is not None and find.like not in layers:
            self.adjust(like=None)
        self.boxes.layers_changed()

    def model_changed(self) -> None:
        stopped = self.cancel()
        if not stopped and self.bench.jobs.wants("find"):
            stopped = "Stopped. Nothing was changed."
        self.following.forget()
        self._suit()
        if self.shown:
            self._advise()
        if stopped:
            self.bench.result_on(self.name, f"Another model was chosen. {stopped}")

    def _suit(self) -> None:
        """What nobody chose is what suits the model."""
        self.bench.state.find = replace(self.bench.state.find, suits=self.bench.state.suits)

    def cancel(self) -> str:
        self._running = None
        return self._stack.end() or self._tiles.end()

    def run_next(self) -> bool:
        return self.following.choosing.run_next() or self.parts.lines.jobs.run_next()

    def close(self) -> None:
        self.cancel()
        self.boxes.close()
        self.following.close()

    # -- searching ----------------------------------------------------------------------------

    def start(self) -> None:
        """Find all objects where the options say."""
        bench, options = self.bench, self.bench.state.find
        if not self.parts.usable():
            return
        self.cancel()
        try:
            shown, into = bench.shown(), bench.state.merge
            options = bench.state.find = self.boxes.complete(options, shown)
            if self._tiles.needed(shown):
                self.following.forget()
                self._tiles.start(shown, options)
                return
            options = bench.state.find = self.examples.complete(options, shown)
            if options.region == "stack":
                self.following.forget()
                shown = shown if options.joins is None else shown.remembering()
                self._stack.start(shown, options, self._results(shown, options))
                return
            region = region_mask(bench.viewer, shown.image, shown.plane, options.region)
            if into is not None:
                check_fit(shown.image, into)
                self.parts.documents.of(into).claim()
        except NapariSamError as error:
            bench.fail(error)
            return
        search = Search(shown.image, shown.view, bench.state.model, options, into, region)
        search.page = bench.state.tool
        search.layer = self.following.reusable(search)
        told = f"Finding all {options.noun}s of this {shown.word}. You can go on working meanwhile."
        bench.say(f"{shown.remark}{told}")
        self._run(search)

    def _results(self, shown: Shown, options: FindOptions) -> Results:
        """Decide what becomes of all slices."""
        joins = options.joins
        if joins is None:
            return SliceResults(self.parts, shown, options.noun)
        into = self.bench.state.merge
        rule = "empty" if into is None else options.rule
        return JoinedResults(self.parts, shown, joins, options.search, into, rule)

    def _run(self, search: Search) -> None:
        bench = self.bench
        name, device, view = search.model, bench.device(), search.view
        options = search.options.options
        region = search.region
        self._running = search
        bench.progress(0.0)
        bench.submit(
            "find",
            lambda progress: bench.worker.find(name, device, view, options, progress, region),
            lambda found: self._searched(search, found),
            progress=bench.progress,
        )

    def _searched(self, search: Search, found: Found[Any]) -> None:
        state = self.bench.state
        self._running = None
        self.bench.progress(None)
        self._ended()
        search.found = found
        given = getattr(search.options.options, "diameter", None)
        state.estimated = found.diameter if given is None else None
        self.following.land(search)
        if search.options.searched_again_for(state.find):
            self.bench.loop.later("diameter", _SETTLE, self._search_again)

    def _search_again(self) -> None:
        """Search anew by what the person has chosen, such as another diameter."""
        search, options = self.following.search, self.bench.state.find
        if search is None or self.following.why_not():
            return
        if not search.options.searched_again_for(options) or self.bench.jobs.wants("find"):
            return
        self._run(replace(search, options=options, found=None))

    def _ended(self) -> None:
        """A search has come to its end: the plane shown may be encoded again."""
        self.parts.documents.written()
        self.parts.proposal.predicting.soon()

    def _listen(self) -> None:
        """Clicks are napari's, but for those that answer to what was found by examples."""
        if self.shown and self.bench.state.find.by.by_examples:
            self._answers.turn_on()
        else:
            self._answers.turn_off()

    def _clicked(self, button: int) -> None:
        """Take a click on what was found by examples for an answer."""
        answered = self.examples.clicked(button)
        if answered is not None:
            self._adopt(answered)
            self.parts.acted()

    # -- options --------------------------------------------------------------------------------

    def adjust(self, **changes: Any) -> None:
        """Change some of the options; what can act at once does."""
        self._adopt(replace(self.bench.state.find, **changes))

    def look_in(self, where: Any) -> None:
        """Choose where to search, or by its name a method that joins all slices."""
        if where == "draw":
            self.parts.region.toggle()
            return
        joins = where in {known.name for known in self.joinable()}
        self.adjust(region="stack" if joins else where, together=where if joins else "")

    def joinable(self) -> list[Method[Any]]:
        """List the methods that can join what is found on the slices of the image."""
        state = self.bench.state
        return offered(state.image, self.bench.plane_or_none(), state.find.method)

    def adjust_options(self, method: str = "", /, **changes: Any) -> None:
        """Change options of a method, by default of the one that is chosen."""
        find = self.bench.state.find
        try:
            changed = find.changed(method or find.method, **changes)
        except NapariSamError as error:
            self.bench.fail(error)
        else:
            self._adopt(changed)

    def reset(self) -> None:
        """Take all settings of the chosen method back to where they began."""
        now = self.bench.state.find
        self._adopt(replace(now, chosen={**now.chosen, now.method: now.by.defaults}))

    def _adopt(self, after: FindOptions) -> None:
        bench, before, search = self.bench, self.bench.state.find, self.following.search
        if after.together and after.method != method(after.together).base:
            after = replace(after, together="")
        bench.state.find = after
        if after.method != before.method and self.shown:
            self.activate()
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
        if search.options.searched_again_for(after):
            bench.loop.later("diameter", _SETTLE, self._search_again)
        self.following.choose()

    def _outdated(self, after: FindOptions) -> bool:
        """Whether the maps being made for a new diameter are for one that is no longer wanted."""
        running, search = self._running, self.following.search
        if running is None or search is None or running.layer is not search.layer:
            return False
        return running.options.searched_again_for(after)

    def _moved(self, search: Search, after: FindOptions) -> bool:
        """Choose within another region, if it was searched."""
        try:
            region = region_mask(self.bench.viewer, search.image, search.view.plane, after.region)
        except ViewError as error:
            self.bench.fail(error)
            return False
        if isinstance(search.found, FoundPart) and not search.found.covers(region):
            self.bench.say("Only a part was searched. Press the button to search here.")
            return False
        search.region = region
        return True

    def _boxes_in(self, layer: Any) -> None:
        """Take the boxes of a layer for examples, which acts when a search is started."""
        self.bench.state.find = replace(self.bench.state.find, boxes=layer)

    def put_into(self, layer: Any) -> None:
        """Choose the labels that found objects go into; None for new ones."""
        self.bench.choose("merge", layer)

    # -- what is told -----------------------------------------------------------------------------

    def show_count(self) -> None:
        """Show how many were found, while what is shown is what was searched."""
        options, search = self.bench.state.find, self.following.search
        if search is None:
            # The count of a stack, or of tiles, stays, whichever slice is shown.
            if options.region != "stack" and not self._tiles.running:
                self._count(None)
            return
        same = options.method == search.options.method and options.region != "stack"
        self._count(search.count if same and self.following.here() else None)

    def _count(self, count: int | None) -> None:
        self.bench.state.found_count = count

    def copy_recipe(self, command: bool, put: Callable[[str], None]) -> None:
        """Hand out the Python code, or the command line, that does the same everywhere."""
        hand_out(self.bench, command, put)
