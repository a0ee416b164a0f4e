"""The cells that a model may learn from: those a person kept or corrected, on whichever image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam import images
from napari_sam.errors import NapariSamError
from napari_sam.images import Image as Pixels
from napari_sam.labels import table as object_table
from napari_sam.labels.ids import among
from napari_sam.progress import Progress
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.layers.notes import KEPT_FOR, noted
from napari_sam.ui.layers.planes import finest
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from napari_sam.training.apart import Marked

#: Slices that are learnt from, and bytes of them, at most.
PLANES, BYTES = 64, 1 << 29
#: Bytes of images that are gone from the viewer whose cells are remembered.
REMEMBERED = 1 << 28
#: Share of a cell that lies below one of an upper layer, from which on it is left out.
COVERED = 0.1
#: Ids of another layer of the same image begin that many bits up.
_BITS = 40


@dataclass(frozen=True, eq=False)
class CellsToLearn:
    """Labels of an image, some or all of which are to be learnt from.

    Parameters
    ----------
    pixels : Pixels
        The image.
    labels : array
        Of its rows and columns, slices and times.
    ids : frozenset of int or None
        Which of them; None for all.
    image : str
        Which layer of the viewer shows, or showed, the image.
    gone : bool
        Whether the layers are no longer in the viewer.
    """

    pixels: Pixels
    labels: Any
    ids: frozenset[int] | None
    image: str = ""
    gone: bool = False

    @property
    def nbytes(self) -> int:
        """How much memory they hold."""
        return int(self.pixels.finest.nbytes) + int(self.labels.nbytes)


class CellChoice:
    """Knows the cells of the layers in the viewer, and of those that were there before.

    Parameters
    ----------
    bench : Workbench
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._gone: list[CellsToLearn] = []
        bench.viewer.layers.events.removing.connect(self._removing)

    def close(self) -> None:
        """Follow no more."""
        self._bench.viewer.layers.events.removing.disconnect(self._removing)
        self._gone.clear()

    def chosen(self, source: Labels | None) -> list[CellsToLearn]:
        """List what is to be learnt from: all of one layer, or all that a person kept."""
        if source is not None:
            return [cells for cells in [self._of(source, every=True)] if cells is not None]
        found = [self._of(layer) for layer in self._labels()]
        here = [cells for cells in found if cells is not None]
        gone = [one for one in self._gone if not any(one.labels is c.labels for c in here)]
        return [*gone, *here]

    def _labels(self) -> list[Labels]:
        from napari.layers import Labels

        bench = self._bench
        return [la for la in bench.viewer.layers if isinstance(la, Labels) and la not in bench.ours]

    def _of(self, layer: Labels, every: bool = False) -> CellsToLearn | None:
        """Return the cells of a layer; None where it has none, or no image."""
        ids = None if every else kept_in(layer)
        if ids is not None and not ids:
            return None
        for image in self._images(layer):
            try:
                shown = self._bench.look_at(image)
                check_fit(shown.image, layer, write=False)
            except (NapariSamError, IndexError, ValueError):
                continue
            return CellsToLearn(shown.view.image, finest(layer), ids, str(image.unique_id))
        return None

    def _images(self, layer: Labels) -> list[Image]:
        """List the images that labels may be of: first the one that cells were kept of."""
        from napari.layers import Image

        kept_for = noted(layer, KEPT_FOR, (), inherited=True)
        found = [la for la in self._bench.viewer.layers if isinstance(la, Image)]

        def rank(image: Image) -> tuple[bool, bool]:
            return str(image.unique_id) not in kept_for, image is not self._bench.state.image

        return sorted(found, key=rank)

    def _removing(self, event: Any) -> None:
        """Remember the cells of a layer, or of an image, that goes."""
        from napari.layers import Image, Labels

        layer = self._bench.viewer.layers[event.index]
        if layer in self._bench.ours:
            return
        if isinstance(layer, Labels):
            self._remember(self._of(layer))
        elif isinstance(layer, Image):
            for labels in self._labels():
                if next(iter(self._images(labels)), None) is layer:
                    self._remember(self._of(labels))

    def _remember(self, cells: CellsToLearn | None) -> None:
        if cells is None or any(cells.labels is known.labels for known in self._gone):
            return
        self._gone.append(replace(cells, gone=True))
        while sum(known.nbytes for known in self._gone) > REMEMBERED:
            self._gone.pop(0)


def kept_in(layer: Labels) -> frozenset[int]:
    """Return the cells of a layer that a person accepted, made or changed."""
    table = object_table.adopt(layer.features)
    accepted = table[table[object_table.REVIEWED] == object_table.ACCEPTED]
    return frozenset(int(one) for one in object_table.object_ids(accepted) if one > 0)


def read_cells(chosen: Iterable[CellsToLearn], progress: Progress) -> list[Marked]:
    """Read the slices that hold cells to learn from.

    Cells in several layers of an image are learnt from together; where they lie on each other,
    those of the upper layer count. Those of layers that are gone count where there are no others
    of the same pixels, for these are what became of them.

    Parameters
    ----------
    chosen : iterable of CellsToLearn
    progress : callable
        Called before every slice; raise `Cancelled` from it to stop.
    """
    from napari_sam.training.apart import Marked

    known: dict[str, Marked] = {}
    taken = 0
    for number, cells in enumerate(reversed(list(chosen))):
        for block in cells.pixels.blocks():
            progress(0.0)
            if len(known) >= PLANES or taken >= BYTES:
                return list(known.values())
            labels = np.array(block.plane.take(cells.labels))
            if cells.ids is not None:
                labels = np.where(among(labels, cells.ids), labels, 0)
            if not labels.any():
                continue
            pixels = np.asarray(block.read())
            taken += pixels.nbytes + labels.nbytes
            key = images.content_hash(pixels)
            if key not in known:
                known[key] = Marked(pixels, labels, block.limits, cells.pixels.rgb, number)
            elif not cells.gone:
                joined = _joined(known[key].labels, labels, number << _BITS)
                known[key] = known[key]._replace(labels=joined)
    return list(known.values())


def _joined(
    first: npt.NDArray[np.integer[Any]], other: npt.NDArray[np.integer[Any]], shift: int
) -> npt.NDArray[np.integer[Any]]:
    """Add the cells of another layer, their ids shifted, where the first has none."""
    ids, flat = np.unique(other, return_inverse=True)
    flat = flat.reshape(other.shape)
    area = np.bincount(flat.ravel())
    covered = np.bincount(flat[first > 0], minlength=len(ids))
    lookup = np.where((ids > 0) & (covered <= COVERED * area), ids.astype(np.int64) + shift, 0)
    return np.where(first > 0, first, lookup[flat])


def counted(chosen: Iterable[CellsToLearn]) -> tuple[int, int]:
    """Count cells, as far as it is known how many there are, and images."""
    chosen = list(chosen)
    count = sum(len(cells.ids) for cells in chosen if cells.ids is not None)
    return count, len({cells.image for cells in chosen})
