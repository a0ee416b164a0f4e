"""From an answer to labels and back: accept, undo, and redo."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_sam.errors import NapariSamError
from napari_sam.images import Plane
from napari_sam.labels.accept import accept
from napari_sam.labels.accept_through import accept_family
from napari_sam.labels.change import Change, MovedStep, Origin
from napari_sam.labels.steps import Steps
from napari_sam.regions import Region
from napari_sam.ui.labels_layer.correcting import origin_of
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.labels_layer.through_editing import relate
from napari_sam.ui.labels_layer.undone import Undone
from napari_sam.ui.layers.axes import word_beside
from napari_sam.ui.layers.label_grid import check_fit, new_labels
from napari_sam.ui.proposing.marks import MarkLayers
from napari_sam.ui.proposing.spent import Spent
from napari_sam.ui.state import Answer
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image


@dataclass(frozen=True, eq=False)
class Kin:
    """The daughters of a cell.

    Parameters
    ----------
    daughters : mapping of int to (mapping of Plane to Region)
        By numbers, on the planes that each is on.
    parents : mapping of int to int
        From the number of every daughter to that of her mother; the cell itself is 1.
    """

    daughters: Mapping[int, Mapping[Plane, Region]]
    parents: Mapping[int, int]

    def of(self, numbers: Container[int]) -> list[tuple[int, int]]:
        """List daughters and mothers that are both there."""
        return [(c, m) for c, m in self.parents.items() if c in numbers and m in numbers]


class Accepting:
    """Writes answers into labels, and gives their marks back when that is undone.

    When it is done again, by whomever, the marks that came back go once more.

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
        self._spent: dict[Change, tuple[Image, tuple[Spent, ...]]] = {}
        # Marks that came back with their step taken back.
        self._back: WeakKeyDictionary[Change, tuple[Image, tuple[Spent, ...]]]
        self._back = WeakKeyDictionary()
        self._waiting: list[tuple[Image, Spent]] = []  # marks of images that are not chosen
        #: What was taken back, and can be done again.
        self.undone = Undone(bench, documents)
        marks.listen(added=self.undone.forget, dropped=self.undone.forget_marks)
        documents.happened.connect(self._happened)
        bench.state.events.image.connect(self._image_chosen)

    def accept(self, answer: Answer) -> tuple[int, ...]:
        """Write the chosen candidate of an answer into the plane it was computed on.

        Returns
        -------
        tuple of int
            The objects that were made or corrected; none when nothing could be written.
        """
        state = self._bench.state
        try:
            document = self._opened(answer.image)
            regions = zip(answer.found, answer.regions(state.choices), strict=True)
            trusted = sorted(regions, key=lambda one: -float(one[0].scores.max()))
            change = accept(
                document,
                answer.plane,
                [region for _, region in trusted],
                state.overlap,
                preserve=document.layer.preserve_labels,
                origin=origin_of(answer, state),
                measure=False,
            )
        except NapariSamError as error:
            self._bench.fail(error)
            return ()
        document.measure_soon(change)
        at = ", ".join(map(str, answer.plane.position))
        word = word_beside(answer.image, answer.plane)
        self._kept(
            document, change, answer.image, (answer.plane,), f" on {word} {at}" if at else ""
        )
        return change.new_ids

    def accept_through(
        self,
        image: Image,
        regions: Mapping[Plane, Region],
        marked: Sequence[Plane],
        number: int,
        origin: Origin,
        word: str = "slice",
        kin: Kin | None = None,
    ) -> Change | None:
        """Write an object into all its planes, in one step.

        Parameters
        ----------
        image : Image layer
        regions : mapping of Plane to Region
            Empty where an object that was there is to be taken off.
        marked : sequence of Plane
            Where marks say what it is.
        number : int
            The object that gets these outlines; 0 for a new one.
        origin : Origin
        word : str
            What a plane is called.
        kin : Kin, optional
            Its daughters, which become objects of their own in the same step.

        Returns
        -------
        Change or None
            None when nothing could be written; it was said why.
        """
        try:
            document = self._opened(image)
            daughters = {} if kin is None else kin.daughters
            change, ids = accept_family(
                document,
                [regions, *daughters.values()],
                self._bench.state.overlap,
                number=number,
                preserve=document.layer.preserve_labels,
                origin=origin,
                word=word,
            )
            if kin is not None and daughters:
                numbers = dict(zip((1, *daughters), ids, strict=True))
                relate(document, change, ids, {numbers[c]: numbers[m] for c, m in kin.of(numbers)})
            else:
                document.measure_soon(change)
        except NapariSamError as error:
            self._bench.fail(error)
            return None
        self._kept(document, change, image, marked)
        return change

    def _opened(self, image: Image) -> LayerDocument:
        """Return the document of the labels that cells of an image go into, new ones where none \
are chosen."""
        target = self._bench.state.target
        labels = target or new_labels(image, f"{image.name} cells")
        check_fit(image, labels)
        document = self._documents.of(labels, empty=target is None)
        document.sync()
        return document

    def _kept(
        self,
        document: LayerDocument,
        change: Change,
        image: Image,
        marked: Sequence[Plane],
        where: str = "",
    ) -> None:
        """Show what was written, take its marks out of play until it is undone, and tell of it."""
        bench, labels = self._bench, document.layer
        if labels not in bench.viewer.layers:
            bench.ours.add_beneath(labels)
        bench.choose("target", labels)
        self._spent[change] = (image, tuple(self._marks.spend(plane) for plane in marked))
        told = change.told.rstrip(".").replace("Added", "Kept")
        hidden = "" if labels.visible else " The layer is hidden."
        bench.result(f"{told}{where} in {labels.name!r}.{hidden} Click the next cell.")

    def last_in(self, labels: Any) -> bool:
        """Whether the step that would be taken back is in these labels."""
        newest = self._documents.newest()
        return newest is not None and newest.layer is labels

    def undo(self, done: Callable[[Change | None], None]) -> None:
        """Take the last step back; its marks return, so that it can be done differently.

        Parameters
        ----------
        done : callable
            Called with what was taken back, at once or, where that takes long, later; with None
            where nothing was.
        """
        try:
            self._documents.slowly.check_free()  # else a step before that one would be taken back
        except NapariSamError as error:
            self._bench.fail(error)
            done(None)
            return
        document = self._documents.newest()
        if document is None:
            self._bench.result("There is nothing to undo.")
            done(None)
            return

        def taken_back(change: Change | None) -> None:
            spent = None if change is None else self._spent.pop(change, None)
            if change is not None and spent is not None:
                self._back[change] = spent
                self._restore(*spent)
            done(change)

        told = "Taking the last step back.", "Took back", "There is nothing to undo."
        self._move(document, document.undoing(), told, taken_back)

    def redo(self, document: LayerDocument, done: Callable[[Change | None], None]) -> None:
        """Do the step again that was taken back last of some labels.

        Parameters
        ----------
        document : LayerDocument
        done : callable
            As of `undo`.
        """
        told = "Doing the last step again.", "Done again", "There is nothing to do again."
        self._move(document, document.redoing(), told, done)

    def _move(
        self,
        document: LayerDocument,
        steps: Steps[MovedStep | None],
        told: tuple[str, str, str],
        done: Callable[[Change | None], None],
    ) -> None:
        """Go back or forth, and say what is being done, what was, or that there is nothing."""
        name, (doing, did, nothing) = document.layer.name, told

        def moved(found: MovedStep | None) -> None:
            if found is None:
                self._bench.result(nothing)
                done(None)
                return
            self._bench.result(f"{did} in {name!r}: {found.told}")
            done(found.change)

        try:
            self._documents.slowly.run(steps, doing, moved)
        except NapariSamError as error:
            self._bench.fail(error)
            done(None)

    def _happened(self, document: LayerDocument, event: str, change: Change | None) -> None:
        """A step that is done again takes the marks out of play that came back without it."""
        came = self._back.pop(change, None) if event == "redo" and change is not None else None
        if came is None:
            return
        assert change is not None
        image, spent = self._spent[change] = came
        self._waiting = [one for one in self._waiting if one[1] not in spent]
        if image is self._bench.state.image:
            for one in spent:
                self._marks.withdraw(one)

    def _restore(self, image: Image, spent: tuple[Spent, ...]) -> None:
        """Bring marks back: now, or when the image that they are on is chosen again."""
        for one in spent:
            if image is self._bench.state.image:
                self._marks.restore(one)
            else:
                self._waiting.append((image, one))

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
        self._back.clear()
        self._waiting.clear()
