"""Find all: the automatic cells of the displayed plane, into labels of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.segmentation import Segmentation, check_id, next_id
from napari_sam.ui.acceptance import Kept, write
from napari_sam.ui.desk import Desk
from napari_sam.ui.planes import labels_plane, new_labels
from napari_sam.ui.preview import add_quietly
from napari_sam.ui.worker import FindOptions, View

_TAKEN = 0.5  # an object is there already when this share of a found one is labelled


class Finding:
    """Runs the search in the worker and puts what it found where the person wants it.

    Parameters
    ----------
    remember : callable
        Called with what was merged into existing labels, so that undo can take it back.
    """

    def __init__(self, desk: Desk, remember: Callable[[Kept], None]) -> None:
        self._desk = desk
        self._remember = remember

    def start(self) -> None:
        """Find the cells of the displayed plane."""
        desk, state = self._desk, self._desk.state
        image, into = state.image, state.merge
        try:
            view = desk.view(desk.plane())
            if into is not None:
                assert image is not None
                labels_plane(image, view.plane, into)
        except NapariSamError as error:
            desk.fail(error)
            return
        options = FindOptions(
            diameter=state.diameter or None,
            min_area=state.min_area or None,
            min_score=state.min_score,
        )
        name, device = state.model, desk.device()
        state.progress, state.cancellable = 0.0, True
        desk.say("Finding all cells of this slice. You can go on working meanwhile.")
        desk.submit(
            "find",
            lambda progress: desk.worker.find(name, device, view, options, progress),
            lambda found: self._done(view, found),
            progress=self._progressed,
        )

    def _progressed(self, fraction: float) -> None:
        self._desk.state.progress = fraction

    def _done(self, view: View, found: Segmentation) -> None:
        desk, state = self._desk, self._desk.state
        state.progress = None
        try:
            if not desk.same_pixels(view):
                raise LabelsError("The image was changed or left while its cells were searched.")
            state.found_count = len(found)
            if len(found) == 0:
                desk.result(
                    "No cells were found on this slice. Try another diameter, a lower certainty, "
                    "or click the cells one by one."
                )
            elif state.merge is None:
                self._add(view, found)
            else:
                self._merge(view, found)
        except NapariSamError as error:
            desk.fail(error)

    def _add(self, view: View, found: Segmentation) -> None:
        image = self._desk.state.image
        assert image is not None
        labels = new_labels(image, f"{image.name} cells found")
        ids = found.labels.T if view.plane.transposed else found.labels
        labels.data[view.plane.slices] = ids
        table = found.table.copy()
        # napari matches the rows of a Labels layer's features by a column of this name.
        table.insert(0, "index", table["label"])
        labels.features = table
        labels.refresh()
        add_quietly(self._desk.viewer, labels)
        self._desk.result(f"Found {_cells(len(found))}, now in the new layer {labels.name!r}.")

    def _merge(self, view: View, found: Segmentation) -> None:
        state = self._desk.state
        image, into = state.image, state.merge
        assert image is not None
        assert into is not None
        plane = labels_plane(image, view.plane, into)
        painted, added = _fitting(found.labels, plane.take(into.data), next_id(into.data))
        if added == 0:
            self._desk.result(
                f"Found {_cells(len(found))}, but all of them are labelled in {into.name!r} "
                "already. Nothing was changed."
            )
            return
        check_id(int(painted.max()), into.data.dtype)
        write(into, plane, painted)
        ids = np.unique(painted)[1:]
        self._remember(Kept(into, into.data, plane, tuple(map(int, ids))))
        left = len(found) - added
        self._desk.result(
            f"Added {_cells(added)} to the empty places of {into.name!r}"
            + (f"; {left} were labelled already." if left else ".")
        )


def _fitting(
    found: npt.NDArray[np.integer], before: npt.NDArray[np.integer], first: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Number the found objects from `first`, leaving out what is labelled already."""
    count = int(found.max())
    area = np.bincount(found.ravel(), minlength=count + 1)
    taken = np.bincount(found[before > 0].ravel(), minlength=count + 1)
    fits = taken <= _TAKEN * area
    fits[0] = False
    lookup = np.zeros(count + 1, dtype=np.int64)
    lookup[fits] = first + np.arange(int(fits.sum()))
    painted = lookup[found]
    painted[before > 0] = 0
    return painted, int(fits.sum())


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
