"""Examples of what is looked for: cells of a Labels layer, and a person's yes and no."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam.engine.view import View
from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.images import Plane, content_hash
from napari_sam.labels.ids import among
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.find_options import FindOptions
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.layers.notes import KEPT_FOR, noted
from napari_sam.ui.layers.planes import cursor_on_plane, finest
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.layers.together import one_scene
from napari_sam.ui.tools.following import Following
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_sam.objects.describe import Looks
    from napari_sam.objects.examples import Examples


class _Taken(NamedTuple):
    """Examples, and of what they were taken."""

    layer: Labels
    plane: Plane
    looked_at: tuple[str, tuple[float, float] | None]  # hash of the pixels, contrast limits
    marked: npt.NDArray[Any]
    examples: Examples


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
        self._taken: _Taken | None = None
        self._elsewhere = ""  # the image that the examples lie on, where that is another one
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
        """Take the cells on the slice shown; where there are none, those of the slice before.

        They are looked at anew each time: the cells, and what is seen of them, may have changed.
        """
        from napari_sam.objects.examples import Examples

        layer, last = self.layer(options), self._taken
        view, marked = shown.view, None
        self._elsewhere = ""
        if layer is not None:
            view = self._of(layer, shown)
            marked = self._kept(layer, view.plane)
            if marked is None and last is not None and last.layer is layer:
                view = replace(view, plane=last.plane)
                marked = self._kept(layer, view.plane)
        if layer is None or marked is None:
            raise LabelsError(
                "Show what to look for: keep one cell or a few with Click, or choose labels "
                "that hold some under Like."
            )
        plane = np.array(view.read())  # a copy: the person may change the image
        looked_at = content_hash(plane), view.limits
        same = last is not None and last.layer is layer and last.looked_at == looked_at
        if last is not None and same and np.array_equal(last.marked, marked):
            return last.examples
        pixels = type(view.image).of(plane, rgb=view.image.rgb, limits=view.limits)
        examples = Examples.of(pixels, marked)
        self._taken = _Taken(layer, view.plane, looked_at, marked, examples)
        return examples

    def _of(self, layer: Labels, shown: Shown) -> View:
        """What is seen where the cells of a layer lie: of the image that they were kept of.

        Of channels of one image, it is the one that is searched.

        Raises
        ------
        ViewError, LabelsError
            When no slice of that image is shown, or the labels do not lie on it.
        """
        image = shown.image
        names = noted(layer, KEPT_FOR, (), inherited=True)
        images = [one for one in self._bench.viewer.layers if str(one.unique_id) in names]
        if images and not any(one is image or one_scene(one, image) for one in images):
            image = images[-1]
            shown = self._bench.look_at(image)
            self._elsewhere = image.name
        check_fit(image, layer, write=False)
        return shown.view

    def layer(self, options: FindOptions) -> Labels | None:
        """Return the labels whose cells are the examples."""
        return self._bench.state.target if options.like is None else options.like

    def _kept(self, layer: Labels, plane: Plane) -> npt.NDArray[Any] | None:
        """Return the cells of a layer on a slice, less those the last search added."""
        marked = np.array(plane.take(finest(layer)))
        search = self._following.search
        if search is not None and search.layer is not None and search.layer.labels is layer:
            marked = np.where(among(marked, search.layer.added), 0, marked)
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
            where = f" The examples are those on {self._elsewhere!r}." if self._elsewhere else ""
            return f"{where} Click one that is meant, right-click one that is not."
        yes = sum(answer for answer, _ in self._answers.values())
        return f" {yes} more like these, {len(self._answers) - yes} unlike them."
