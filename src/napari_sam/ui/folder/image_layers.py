"""The layers of one image of a folder: its pixels, and the labels that are kept beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_sam.batch.beside import Opened, digest_of
from napari_sam.batch.beside_large import is_large
from napari_sam.errors import LabelsError
from napari_sam.files.sources import Source
from napari_sam.images import Image as Pixels
from napari_sam.labels import table as object_table
from napari_sam.pixel_size import PixelSize
from napari_sam.ui.labels_layer.layer_document import document_of
from napari_sam.ui.layers.label_grid import labels_layer, new_labels, transform_of
from napari_sam.ui.layers.ours import add_quietly
from napari_sam.ui.layers.planes import finest, spatial_shape
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Image, Labels

Copied: TypeAlias = "tuple[Any, pd.DataFrame]"

_QUICK = 1 << 24  # pixels that are compared in no time


class ImageLayers:
    """An image of a folder in the viewer, with the one layer of labels that it has there.

    Parameters
    ----------
    bench : Workbench
    opened : Opened
        What was read of it.
    """

    def __init__(self, bench: Workbench, opened: Opened) -> None:
        viewer = bench.viewer
        self._bench, self.opened = bench, opened
        #: Labels and table as they were when they were last compared with what lies beside.
        self.copied: Copied | None = None
        self._steps: Any = None
        self._before = set(viewer.layers)
        self.image = _image_layer(opened.image, self._name)
        bench.opened[self.image] = opened.job
        viewer.add_layer(self.image)
        bench.choose("image", self.image)
        if opened.labels is None:
            self.labels: Labels = new_labels(self.image, f"{self._name}_labels")
        else:
            self.labels = labels_layer(
                opened.labels, f"{self._name}_labels", **transform_of(self.image)
            )
            self.labels.features = opened.table
            self.opened = replace(opened, labels=None)  # the layer has them
        add_quietly(viewer, self.labels)
        for role in ("target", "merge"):
            bench.choose(role, self.labels)

    @property
    def source(self) -> Source:
        """Which image it is."""
        return self.opened.job.source

    @property
    def _name(self) -> str:
        return self.source.name

    def rename(self) -> None:
        """Take the names that layers of the same image had until now."""
        self.image.name, self.labels.name = self._name, f"{self._name}_labels"

    def remove(self) -> None:
        """Take both layers out of the viewer; whatever else is there stays."""
        for layer in (self.labels, self.image):
            self._bench.ours.remove(layer)

    def worth_writing(self) -> Labels | None:
        """Return the labels that are to be written beside the image; None where there are none.

        Labels that were found into a new layer take the place of those that are still empty.

        Raises
        ------
        LabelsError
            When several layers hold labels of this image, or they are being written.
        """
        layers = self._bench.viewer.layers
        others = [layer for layer in layers if self._came_since(layer)]
        own = self.labels if self.labels in layers else None
        is_empty = own is None or (self.opened.mark is None and not _any(own))
        if len(others) > 1 or (others and not is_empty):
            raise LabelsError(
                f"{others[0].name!r} holds labels of this image, too, and one layer can be kept "
                "beside it. Remove the layers that you do not need, then go on."
            )
        for layer in (own, *others):
            document = None if layer is None else document_of(layer)
            if document is not None and document.under_way:  # half of it is no good
                raise LabelsError(
                    f"{document.layer.name!r} is still being written. Wait for it, or press Cancel."
                )
        if others:
            if own is not None:
                layers.remove(own)
            self.labels = others[0]
            return self.labels
        return None if own is None or is_empty else own

    @property
    def changed(self) -> bool:
        """Whether there is anything to be written that was not `copied`."""
        try:
            layer = self.worth_writing()
        except LabelsError:
            return True
        if layer is None:
            return False
        if self.copied is None:
            return True
        labels, table = self.copied
        if not table.equals(object_table.adopt(layer.features)):
            return True
        if is_large(labels.shape):
            return bool(self._steps != _steps(layer))
        return not np.array_equal(finest(layer), labels)

    def copy(self, layer: Labels) -> Copied:
        """Copy labels and their table as they are now, for a worker; of large ones, the table."""
        self.copied, self._steps = snapshot(layer), _steps(layer)
        return self.copied

    @property
    def touched(self) -> bool:
        """Whether anything was kept or changed since it was opened; of large ones, it may be."""
        try:
            layer = self.worth_writing()
        except LabelsError:
            return True
        if layer is None:
            return False
        return finest(layer).size > _QUICK or digest_of(*snapshot(layer)) != self.opened.digest

    def _came_since(self, layer: Any) -> bool:
        """Whether a layer holds labels that were made of this image."""
        from napari.layers import Labels

        return (
            isinstance(layer, Labels)
            and layer is not self.labels
            and layer not in self._before
            and layer not in self._bench.ours
            and spatial_shape(layer) == spatial_shape(self.image)
            and _any(layer)
        )


def snapshot(layer: Labels) -> Copied:
    """Copy labels and their table as they are now; of large labels, the table alone."""
    document = document_of(layer)
    if document is not None:
        document.sync()  # what was painted last has its rows
    labels, table = finest(layer), object_table.adopt(layer.features).copy()
    return (labels if is_large(labels.shape) else np.array(labels, dtype=np.int32)), table


def _steps(layer: Labels) -> Any:
    """Tell which steps stand in the log of labels: those of large ones are changed by no other."""
    document = document_of(layer)
    return None if document is None else (id(document), document.last, len(document.log))


def _any(layer: Labels) -> bool:
    if is_large(spatial_shape(layer)):
        document = document_of(layer)
        known = len(layer.features) or (document is not None and document.log)
        return bool(known) or bool(layer.multiscale and np.any(layer.data[-1]))
    return bool(np.any(finest(layer)))


def _image_layer(pixels: Pixels, name: str) -> Image:
    from napari.layers import Image

    levels = list(pixels.levels)
    letters = pixels.axes.removesuffix("S")
    place: dict[str, Any] = {"axis_labels": tuple(letters.lower()), "rgb": pixels.rgb}
    if pixels.pixel_size is not None:
        place |= _scale(letters, pixels.pixel_size)
    if pixels.limits is not None:
        place["contrast_limits"] = pixels.limits
    if len(levels) > 1:
        return Image(levels, name=name, multiscale=True, **place)
    return Image(levels[0], name=name, **place)


def _scale(letters: str, size: PixelSize) -> dict[str, Any]:
    lengths = {"Y": size.row, "X": size.column, "Z": size.slice}
    return {
        "scale": [lengths.get(letter) or 1.0 for letter in letters],
        "units": [size.unit if lengths.get(letter) else "pixel" for letter in letters],
    }
