"""What is written of an image, a function per file: the table `FILES` says which there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_sam.batch import large_writers
from napari_sam.batch.large_writers import Large

if TYPE_CHECKING:
    from napari_sam.engine.run import Result
    from napari_sam.images import Image
    from napari_sam.pixel_size import PixelSize
    from napari_sam.segmentation import Segmentation
    from napari_sam.stacks.tracks import Tracks


#: Pixels of a plane whose overlay is as large; that of a larger one is made small.
DRAWN = 1 << 24


class ImageResults(NamedTuple):
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
    mark : str
        By which the image's file is known again, see `napari_sam.files.mark`; empty of another.
    """

    name: str
    picked: Image
    pixel_size: PixelSize | None
    segmentation: Segmentation | None
    found: list[Result] | None = None
    mark: str = ""


def _overlay(path: Path, results: ImageResults) -> None:
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
    height, width = plane.shape
    step = 1 if height * width <= DRAWN else -(-max(height, width) // large_writers.PICTURE)
    thin = (slice(None, None, step),) * 2
    drawn = draw_overlay(plane.take(picked.finest)[thin], plane.take(labels)[thin])
    write_picture(path, drawn, results.mark)


def _table(path: Path, results: ImageResults) -> None:
    from napari_sam.exports import tables
    from napari_sam.exports.objects import Labelled

    found = results.segmentation
    assert found is not None
    tables.write(path, Labelled(found.labels, found.table, results.pixel_size))


def _labels(path: Path, results: ImageResults) -> None:
    from napari_sam.files import write_labels

    assert results.segmentation is not None
    axes = results.picked.axes.removesuffix("S")
    write_labels(path, results.segmentation.labels, axes, results.pixel_size)


def _zarr(path: Path, results: ImageResults) -> None:
    from napari_sam.files.ngff_alone import write_labels_group

    assert results.segmentation is not None
    axes = results.picked.axes.removesuffix("S")
    tables = [results.segmentation.table]
    write_labels_group(path, results.segmentation.labels, axes, results.pixel_size, tables)


def _masks(path: Path, results: ImageResults) -> None:
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


def _rle(path: Path, results: ImageResults) -> None:
    from napari_sam.exports import coco_masks
    from napari_sam.segment import records

    assert results.found is not None
    found = records(results.found, rle=True)
    coco_masks.write(path, found, shape=results.picked.shape, name=results.name)


def _frames(path: Path, results: ImageResults) -> None:
    from napari_sam.files import in_one_piece
    from napari_sam.segmentation import with_units

    with in_one_piece(path) as temporary:
        with_units(_tracks(results).cells, results.pixel_size).to_csv(temporary, index=False)


def _ctc(path: Path, results: ImageResults) -> None:
    _tracks(results).save_ctc(path)


def _geff(path: Path, results: ImageResults) -> None:
    path.rmdir()  # the library makes the folder itself
    _tracks(results).save_geff(path)


def _tracks(results: ImageResults) -> Tracks:
    from napari_sam.stacks.tracks import Tracks

    assert isinstance(results.segmentation, Tracks)
    return results.segmentation


class OutputKind(NamedTuple):
    """A file that can be written.

    Attributes
    ----------
    kind : str
        What ``--save`` calls it.
    ending : str
        What follows the name of the image.
    write : callable
    joined : bool
        Whether it is made of the segmentation; else of the masks of every plane.
    folder : callable, optional
        Of a folder, whether a file of this name belongs into it.
    large : callable, optional
        Writes it of an image that was searched in tiles, if that is possible.
    """

    kind: str
    ending: str
    write: Callable[[Path, ImageResults], None]
    joined: bool = True
    folder: Callable[[str], bool] | None = None
    large: Callable[[Path, Large], None] | None = None


def _of_ctc(name: str) -> bool:
    from napari_sam.files.ctc import belongs

    return belongs(name)


def _of_geff(name: str) -> bool:
    return name in ("nodes", "edges", "zarr.json", ".zgroup", ".zattrs", ".zmetadata")


def _of_zarr(name: str) -> bool:
    return name.isdigit() or name == "zarr.json"


#: The labels get their name after the other two: whoever finds them finds those as well.
FILES = (
    OutputKind("labels", "_overlay.png", _overlay, large=large_writers.overlay),
    OutputKind("labels", "_objects.csv", _table, large=large_writers.table),
    OutputKind("labels", "_labels.tif", _labels, large=large_writers.labels),
    OutputKind("zarr", "_overlay.png", _overlay, large=large_writers.overlay),
    OutputKind("zarr", "_objects.csv", _table, large=large_writers.table),
    OutputKind("zarr", "_labels.zarr", _zarr, folder=_of_zarr, large=large_writers.group),
    OutputKind("masks", "_masks.npz", _masks, joined=False),
    OutputKind("rle", "_rle.json", _rle, joined=False),
    OutputKind("frames", "_frames.csv", _frames),
    OutputKind("ctc", "_ctc", _ctc, folder=_of_ctc),
    OutputKind("geff", "_tracks.geff", _geff, folder=_of_geff),
)
#: What can be saved.
KINDS = tuple(dict.fromkeys(one.kind for one in FILES))
