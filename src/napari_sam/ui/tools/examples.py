"""Examples of what is looked for: cells of a Labels layer, and a person's yes and no."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.label_grid import labels_plane
from napari_sam.ui.layers.planes import cursor_on_plane
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.tools.following import Following
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_sam.objects.describe import Looks
    from napari_sam.objects.examples import Examples


class ExampleChoice:
    """Makes examples of kept cells, and sharpens them by answers to what was found.

    Parameters
    ----------
    parts : Parts
    following : Following
        Whose result is answered to.
    """

    def __init__(self, parts: Parts, following: Following) -> None:
        self._bench, self._following = parts.bench, following
        self._shown: tuple[Any, npt.NDArray[Any], Examples] | None = None
        self._search: object = None
        self._answers: dict[int, tuple[bool, Looks]] = {}

    # -- what is shown ----------------------------------------------------------------------------

    def complete(self, options: FindOptions, shown: Shown) -> FindOptions:
        """Return options with the examples that there are, where their method takes some.

        Raises
        ------
        LabelsError
            When nothing was shown.
        """
        if not options.by.by_examples:
            return options
        examples = self._examples(options, shown)
        return options.changed(options.method, examples=examples, unlike=None)

    def _examples(self, options: FindOptions, shown: Shown) -> Examples:
        """Take the cells on the slice shown; where there are none, those taken last."""
        from napari_sam.objects.examples import Examples

        layer = self.layer(options)
        marked = None if layer is None else self._kept(layer, shown)
        last = self._shown
        if layer is None or marked is None:
            if last is not None and last[0] is layer:
                return last[2]
            raise LabelsError(
                "Show what to look for: keep one cell or a few with Click, or choose labels "
                "that hold some under Like."
            )
        if last is not None and last[0] is layer and np.array_equal(last[1], marked):
            return last[2]
        view = shown.view
        image = replace(view.image, limits=view.limits)
        plane = np.asarray(view.read())
        examples = Examples.of(type(image).of(plane, rgb=image.rgb, limits=image.limits), marked)
        self._shown = layer, marked, examples
        return examples

    def layer(self, options: FindOptions) -> Labels | None:
        """Return the labels whose cells are the examples."""
        return self._bench.state.target if options.like is None else options.like

    def _kept(self, layer: Labels, shown: Shown) -> npt.NDArray[Any] | None:
        """Return the cells of a layer on the slice shown, less those the last search added."""
        at = labels_plane(shown.image, shown.plane, layer)
        marked = np.array(at.take(layer.data[0] if layer.multiscale else layer.data))
        search = self._following.search
        if search is not None and search.layer is not None and search.layer.labels is layer:
            marked = np.where(np.isin(marked, search.layer.added), 0, marked)
        return marked if marked.any() else None

    # -- answers ----------------------------------------------------------------------------------

    def clicked(self, button: int) -> FindOptions | None:
        """Take a left click for yes and a right one for no; return the options, or None.

        A second click on a cell takes the place of the first one.
        """
        bench, search = self._bench, self._following.search
        if search is None or search.found is None or not search.options.by.by_examples:
            return None
        if not self._following.here():
            return None
        options = bench.state.find.of(search.options.method)
        try:
            place = cursor_on_plane(bench.viewer, search.image, search.view.plane)
        except NapariSamError:
            return None
        if place is None:
            return None
        found: Any = search.found
        under = found.under(options, *(int(np.rint(value)) for value in place))
        if under is None:
            bench.result("Nothing was found there. Click a cell to say yes or, right, no.")
            return None
        if self._search is not search:
            self._search, self._answers = search, {}
        self._answers[under[0]] = button != RIGHT, under[1]
        asked = search.options.options
        return bench.state.find.changed(search.options.method, **self._sharpened(asked, found))

    def _sharpened(self, asked: Any, found: Any) -> dict[str, Examples]:
        from napari_sam.objects.describe import Looks
        from napari_sam.objects.examples import Examples

        sharpened = {}
        yes = [looks for answer, looks in self._answers.values() if answer]
        no = [looks for answer, looks in self._answers.values() if not answer]
        if yes:
            sharpened["examples"] = asked.examples.with_more(Looks.joined(yes), found.model)
        else:
            sharpened["examples"] = asked.examples
        if no:
            sharpened["unlike"] = Examples.answers(Looks.joined(no), found.model)
        else:
            sharpened["unlike"] = asked.unlike
        return sharpened

    @property
    def told(self) -> str:
        """Say how many answers there are, and how one answers where there is none."""
        search = self._following.search
        if search is None or not search.options.by.by_examples:
            return ""
        if not self._answers or self._search is not search:
            return " Click one that is meant, right-click one that is not."
        yes = sum(answer for answer, _ in self._answers.values())
        return f" {yes} more like these, {len(self._answers) - yes} unlike them."
