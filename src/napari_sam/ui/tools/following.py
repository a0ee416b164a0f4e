"""The result of the last search: it lands where it was searched, and then follows the sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.engine.jobs import Jobs
from napari_sam.engine.view import View
from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.images import is_blank
from napari_sam.labels.change import Origin
from napari_sam.methods.found import Choice, Found, within
from napari_sam.methods.recipe import as_step
from napari_sam.progress import Progress
from napari_sam.prompts import Prompt
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.labels_layer.result_layer import FoundIn, MergedResult, NewResult, ResultLayer
from napari_sam.ui.layers.axes import word_beside
from napari_sam.ui.layers.shown import same_pixels
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Image, Labels

_REST = 250  # milliseconds that all sliders rest before the table is measured


@dataclass(eq=False)
class Search:
    """One search: of what, into what, and what is left of it to choose from."""

    image: Image
    view: View
    model: str
    options: FindOptions
    into: Labels | None
    region: npt.NDArray[np.bool_] | None
    found: Found[Any] | None = None
    layer: ResultLayer | None = None
    count: int | None = None
    blank: bool = False
    page: str = ""  # where it was started: what it tells is told there


class Following:
    """Chooses from what a search found, in a thread of its own, and writes what was chosen.

    Parameters
    ----------
    parts : Parts
    counted : callable
        Called when the number of objects may be another.
    remark : callable
        What is to be told behind the number of objects.
    """

    def __init__(
        self, parts: Parts, counted: Callable[[], None], remark: Callable[[], str] = str
    ) -> None:
        self._parts, self._bench = parts, parts.bench
        self._counted, self._remark = counted, remark
        self.search: Search | None = None
        self._again = False
        self._unmeasured: Callable[[], pd.DataFrame] | None = None
        self.choosing = Jobs(
            self._bench.loop,
            ("choose", "measure"),
            name="napari-sam choice",
            threaded=parts.threaded,
        )

    def reusable(self, search: Search) -> ResultLayer | None:
        """Searching the same place again refines the last result, if nobody edited it."""
        last = self.search
        if last is None or last.layer is None:
            return None
        same = (
            last.image is search.image
            and last.view.plane == search.view.plane
            and last.into is search.into
            and last.options.method == search.options.method
        )
        return last.layer if same and self._ours_alone(last.layer) else None

    def _ours_alone(self, layer: ResultLayer) -> bool:
        return layer.labels in self._bench.viewer.layers and layer.untouched()

    def land(self, search: Search) -> None:
        """Take in what a search found: it is written where it was searched, wherever one looks."""
        there = search.image in self._bench.viewer.layers
        if not there or not same_pixels(search.image, search.view):
            self._fail_gone()
            return
        if search.layer is not None and not self._ours_alone(search.layer):
            search.layer = None  # edited meanwhile: theirs, and a new one for the result
        if self.search is not None and self.search.layer is not search.layer:
            self.forget()
        self.choosing.cancel_all()  # of the maps before
        self.search = search
        self.choose(landing=True)

    def _fail_gone(self) -> None:
        self._bench.fail(LabelsError("The image was changed or removed while it was searched."))

    # -- following the sliders ------------------------------------------------------------------

    def here(self) -> bool:
        """Whether the slice is shown that was searched last."""
        bench, search = self._bench, self.search
        return (
            search is not None
            and bench.state.image is search.image
            and bench.plane_or_none() == search.view.plane
        )

    def why_not(self) -> str:
        """Say why the result cannot follow now; empty when it can."""
        bench, search = self._bench, self.search
        if search is None or not self.here() or not same_pixels(search.image, search.view):
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

    def choose(self, landing: bool = False) -> None:
        """Choose by the newest options, one choice at a time: while it drags, every one shows."""
        search, now = self.search, self._bench.state.find
        assert search is not None
        if self.choosing.wants("choose"):
            self._again = True
            return
        self._again = False
        # What was searched for is what is written, whatever is looked for next.
        options = now if now.method == search.options.method else search.options
        found, region = search.found, search.region
        assert found is not None
        new = search.layer is None

        def choose(progress: Progress) -> Choice:
            chosen = within(found.choose(options.options), region)
            if new:
                _ = chosen.table  # a layer comes with its table, and measuring takes a while
            search.blank = chosen.count == 0 and _is_blank(search.view)
            return chosen

        self._unmeasured = None
        self.choosing.cancel("measure")
        self.choosing.submit(
            "choose",
            choose,
            lambda chosen: self._chosen(search, options, chosen, landing),
            self._bench.fail,
        )

    def _chosen(self, search: Search, options: FindOptions, chosen: Choice, landing: bool) -> None:
        bench = self._bench
        if search is not self.search:
            return
        if landing:
            if search.image not in bench.viewer.layers:
                self._fail_gone()
                return
        elif why_not := self.why_not():
            bench.say_on(search.page, why_not)
            return
        search.count = chosen.count
        self._counted()
        try:
            if search.layer is None:
                if chosen.count == 0:
                    why = options.by.words.why_nothing(search.blank)
                    bench.result_on(search.page, why)
                    return
                search.layer = self._new_layer(search)
            search.layer.origin = _origin(search, options)
            told = search.layer.update(chosen, options.rule, search.region)
            if landing and not self.here():
                told += _where(search)
            if options.by.needs_search(search.options.options, options.options):
                told += " Press the button to apply the last setting too: it needs the model."
            bench.result_on(search.page, told + self._remark())
        except NapariSamError as error:
            bench.fail(error)
        finally:
            if self._again:
                self.choose()
            elif search.layer is not None:
                self._measure(search.layer, chosen)

    def _new_layer(self, search: Search) -> ResultLayer:
        noun = search.options.noun
        documents = self._parts.documents
        found_in = FoundIn(search.image, search.view, search.model)
        if search.into is None:
            return NewResult(documents, self._bench.ours, found_in, noun)
        return MergedResult(documents, search.into, found_in, noun)

    # -- the table ------------------------------------------------------------------------------

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
        if self.search is not None and self.search.layer is not None:
            self.search.layer.describe(table)

    def finish(self) -> None:
        """Complete the table of the last result now: somebody is going to read it."""
        measure = self._unmeasured
        if measure is not None:
            self.choosing.cancel("measure")
            self._measured(measure())

    # -- ending -----------------------------------------------------------------------------------

    def forget(self) -> None:
        """Let go of the last result: the layer stays, the sliders leave it alone."""
        self.finish()
        search, self.search = self.search, None
        self._again = False
        self.choosing.cancel_all()
        if search is not None and search.layer is not None:
            search.layer.release()

    def close(self) -> None:
        """Let go, and end the thread."""
        self.forget()
        self.choosing.close()


def _is_blank(view: View) -> bool:
    """Whether a plane shows nothing; one that is read in parts is not looked at."""
    try:
        return is_blank(view.read())
    except NapariSamError:
        return False


def _where(search: Search) -> str:
    """Say where a result lies that is not on the screen."""
    at = ", ".join(map(str, search.view.plane.position))
    word = word_beside(search.image, search.view.plane)
    return (
        f" It is on {word} {at} of {search.image.name!r}." if at else f" In {search.image.name!r}."
    )


def _origin(search: Search, options: FindOptions) -> Origin:
    """Say how what is written now was found, for who does it again."""
    name, chosen = as_step(options.options)
    region = () if search.region is None else (Prompt(mask=search.region),)
    plane = search.view.plane
    return Origin(plane, region, search.model, method=name, options=chosen)
