"""From an answer to labels and back: accept, and undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sam.errors import NapariSamError
from napari_sam.labels.accept import accept
from napari_sam.labels.change import Change, Origin
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.layers.label_grid import labels_plane, new_labels
from napari_sam.ui.layers.ours import add_quietly
from napari_sam.ui.proposing.marks import MarkLayers, Spent
from napari_sam.ui.state import Answer
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image


class Accepting:
    """Writes answers into labels, and gives their marks back when that is undone.

    Parameters
    ----------
    bench : Workbench
    marks : MarkLayers
    documents : Documents
    """

    def __init__(self, bench: Workbench, marks: MarkLayers, documents: Documents) -> None:
        self._bench = bench
        self._marks = marks
        self._documents = documents
        self._spent: dict[Change, tuple[Image, Spent]] = {}
        self._waiting: list[tuple[Image, Spent]] = []  # marks of images that are not chosen
        bench.state.events.image.connect(self._image_chosen)

    def accept(self, answer: Answer) -> tuple[int, ...]:
        """Write the chosen candidate of an answer into the plane it was computed on.

        Returns
        -------
        tuple of int
            The objects that were made or corrected; none when nothing could be written.
        """
        bench, state = self._bench, self._bench.state
        new = state.target is None
        try:
            labels = state.target or new_labels(answer.image, f"{answer.image.name} cells")
            plane = labels_plane(answer.image, answer.plane, labels)
            order = sorted(
                range(len(answer.found)), key=lambda i: -float(answer.found[i].scores.max())
            )
            regions = answer.regions(state.choice)
            document = self._documents.of(labels, empty=new)
            document.sync()
            change = accept(
                document,
                plane,
                [regions[i] for i in order],
                state.overlap,
                preserve=labels.preserve_labels,
                origin=Origin(answer.plane, answer.prompts, state.model),
                measure=False,
            )
        except NapariSamError as error:
            bench.fail(error)
            return ()
        document.measure_soon(change)
        if labels not in bench.viewer.layers:
            add_quietly(bench.viewer, labels)
        bench.choose("target", labels)
        self._spent[change] = (answer.image, self._marks.spend(answer.plane))
        bench.result(_told(change, answer, labels.name))
        return change.new_ids

    def last_in(self, labels: Any) -> bool:
        """Whether the step that would be taken back is in these labels."""
        newest = self._documents.newest()
        return newest is not None and newest.layer is labels

    def undo(self) -> None:
        """Take the last step back; its marks return, so that it can be done differently."""
        document = self._documents.newest()
        try:
            moved = None if document is None else document.undo()
        except NapariSamError as error:
            self._bench.fail(error)
            return
        if document is None or moved is None:
            self._bench.result("There is nothing to undo.")
            return
        spent = self._spent.pop(moved.change, None)
        if spent is not None:
            self._restore(*spent)
        told = moved.change.told
        self._bench.result(
            f"Took back in {document.layer.name!r}: {told[:1].lower()}{told[1:]}{left(moved)}"
        )

    def _restore(self, image: Image, spent: Spent) -> None:
        """Bring marks back: now, or when the image that they are on is chosen again."""
        if image is self._bench.state.image:
            self._marks.restore(spent)
        else:
            self._waiting.append((image, spent))

    def _image_chosen(self, image: Image | None) -> None:
        """Marks of the image before go first, then those that waited for this one come back."""
        if any(one[0] is image for one in self._waiting):
            self._bench.loop.later("marks that waited", 0, self._return_marks)

    def _return_marks(self) -> None:
        image = self._bench.state.image
        for one in [one for one in self._waiting if one[0] is image]:
            self._waiting.remove(one)
            self._marks.restore(one[1])

    def forget(self) -> None:
        """Let go of all marks."""
        self._spent.clear()
        self._waiting.clear()


def left(moved: Any) -> str:
    """Say what of a step could not be moved, because somebody has changed it since."""
    count = moved.left_alone
    return f" {count} pixels that were changed since stay as they are." if count else ""


def _told(change: Change, answer: Answer, name: str) -> str:
    at = [str(i) for i in answer.plane.index if i is not None]
    where = f" on slice {', '.join(at)}" if at else ""
    told = change.told.rstrip(".").replace("Added", "Kept")
    return f"{told}{where} in {name!r}. Click the next cell."
