"""The files that `segment` and the demo write: all that belong to an image, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_sam.errors import DataError

if TYPE_CHECKING:
    from napari_sam.engine.run import Result
    from napari_sam.images import Image
    from napari_sam.pixel_size import PixelSize
    from napari_sam.segmentation import Segmentation


class Results(NamedTuple):
    """What is known of one image when its files are written.

    Attributes
    ----------
    name : str
    picked : Image
        The image.
    pixel_size : PixelSize or None
    segmentation : Segmentation or None
        For the files of the kind "labels".
    found : list of Result
        For those of the kinds "masks" and "rle".
    """

    name: str
    picked: Image
    pixel_size: PixelSize | None
    segmentation: Segmentation | None
    found: list[Result] | None = None


@dataclass(frozen=True)
class Outputs:
    """The files written for one input.

    Parameters
    ----------
    name : str
        What they begin with.
    folder : Path
    kinds : tuple of str
        Which of `KINDS` are wanted.
    """

    name: str
    folder: Path
    kinds: tuple[str, ...] = ("labels",)

    @classmethod
    def of(cls, source: Path, folder: Path, kinds: tuple[str, ...] = ("labels",)) -> Outputs:
        """Name the outputs of a source; ``.ome`` is no part of its name."""
        from napari_sam.files.names import stem_of

        return cls(stem_of(source), folder, kinds)

    def _writers(self) -> dict[Path, Callable[[Path, Results], None]]:
        return {
            self.folder / f"{self.name}{ending}": write
            for kind, ending, write in _FILES
            if kind in self.kinds
        }

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return list(self._writers())

    @property
    def complete(self) -> bool:
        """Whether all files are there."""
        return all(path.exists() for path in self.paths)

    @property
    def interrupted(self) -> bool:
        """Whether a run of this program was killed while it gave the files their names."""
        from napari_sam.files import made_here

        first = self.paths[0]
        return not self.complete and first.exists() and made_here(first)

    def remove_rests(self) -> None:
        """Remove the hidden files that a killed run has left behind of these."""
        from napari_sam.files.atomic import remove_rest

        for path in self.paths:
            remove_rest(path)

    def refuse_existing(self) -> None:
        """Raise `DataError` when any of the files is there."""
        existing = [path.name for path in self.paths if path.exists()]
        if existing:
            raise DataError(
                f"already in {self.folder}: {', '.join(existing)}. Choose another folder, or add "
                "--skip-existing or --overwrite."
            )

    def refuse_inputs(self, inputs: frozenset[Path]) -> None:
        """Raise `DataError` when a file that is to be written is one of the images.

        Parameters
        ----------
        inputs : frozenset of Path
            Resolved.
        """
        for path in self.paths:
            if path.exists() and path.resolve() in inputs:
                raise DataError(
                    f"{path} is itself one of the images and would be overwritten: choose another "
                    "folder with -o."
                )

    def write(self, results: Results) -> None:
        """Write all files; none of them appears before the last one is complete."""
        writers = self._writers()
        with _all_or_none(list(writers)) as places:
            for place, write in zip(places, writers.values(), strict=True):
                write(place, results)


@contextmanager
def _all_or_none(paths: list[Path]) -> Iterator[list[Path]]:
    """Yield a temporary path for each; they get their names, in order, when all went well."""
    from napari_sam.files import in_one_piece

    with ExitStack() as stack:
        # What was entered last is left first.
        places = [stack.enter_context(in_one_piece(path)) for path in reversed(paths)]
        yield places[::-1]


def _overlay(path: Path, results: Results) -> None:
    import numpy as np

    from napari_sam.files import write_picture
    from napari_sam.images import planes
    from napari_sam.overlays import draw_overlay

    picked, segmentation = results.picked, results.segmentation
    assert segmentation is not None
    labels = segmentation.labels
    # A stack is shown by the plane with the most labelled pixels.
    plane = max(
        planes(picked.finest.shape, picked.rgb), key=lambda p: np.count_nonzero(p.take(labels))
    )
    write_picture(path, draw_overlay(plane.take(picked.finest), plane.take(labels)))


def _table(path: Path, results: Results) -> None:
    from napari_sam.exports import tables

    assert results.segmentation is not None
    table = results.segmentation.table
    tables.write(path, results.segmentation.labels, table=table, pixel_size=results.pixel_size)


def _labels(path: Path, results: Results) -> None:
    from napari_sam.files import write_labels

    assert results.segmentation is not None
    axes = results.picked.axes.removesuffix("S")
    write_labels(path, results.segmentation.labels, axes, results.pixel_size)


def _masks(path: Path, results: Results) -> None:
    from napari_sam.exports import mask_arrays
    from napari_sam.segment import masks_of, records

    assert results.found is not None
    shape = results.picked.shape
    mask_arrays.write(
        path,
        records(results.found, rle=False),
        count=sum(masks_of(result) for result in results.found),
        shape=(shape[-2], shape[-1]),
        leading=len(shape) - 2,
    )


def _rle(path: Path, results: Results) -> None:
    from napari_sam.exports import coco_masks
    from napari_sam.segment import records

    assert results.found is not None
    found = records(results.found, rle=True)
    coco_masks.write(path, found, shape=results.picked.shape, name=results.name)


# The labels get their name after the other two: whoever finds them finds those as well.
_FILES = (
    ("labels", "_overlay.png", _overlay),
    ("labels", "_objects.csv", _table),
    ("labels", "_labels.tif", _labels),
    ("masks", "_masks.npz", _masks),
    ("rle", "_rle.json", _rle),
)
KINDS = ("labels", "masks", "rle")
"""What can be saved."""
