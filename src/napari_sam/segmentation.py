"""Segmentations: integer labels with a table, and how one mask joins them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.candidates import Candidates
from napari_sam.counts import counted
from napari_sam.errors import LabelsError, ParameterError
from napari_sam.images import opaque
from napari_sam.pixel_size import PixelSize, checked_size

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Candidates",
    "Overlap",
    "Segmentation",
    "check_id",
    "measure",
    "moved",
    "next_id",
    "with_units",
    "writable",
]

Overlap = Literal["keep", "overwrite"]
"""What happens where a new object meets an old one: the old stays, or the new wins."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labelled objects and what is known about each.

    Parameters
    ----------
    labels : integer array
        (H, W), or the shape of the stack; 0 is background.
    table : pandas.DataFrame
        A row per object, see `measure`.

    Raises
    ------
    LabelsError
        When the labels are no whole numbers or there is no table.
    """

    labels: npt.NDArray[np.integer[Any]]
    table: pd.DataFrame

    def __post_init__(self) -> None:
        checks.labels(self.labels, ndim=None)
        if not hasattr(self.table, "columns"):
            raise LabelsError(
                f"The table must be a pandas.DataFrame, got {type(self.table).__name__}: "
                "napari_sam.segmentation.measure makes one."
            )

    _NOUN: ClassVar[str] = "object"
    _AXES: ClassVar[str] = "Z"
    """What an axis before rows and columns is."""

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        columns = ", ".join(map(str, self.table.columns))
        return (
            f"{type(self).__name__}: {counted(len(self), self._NOUN)}; "
            f"labels {tuple(self.labels.shape)} {self.labels.dtype}; table: {columns}"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the table, which pandas shortens."""
        what = f"{counted(len(self), self._NOUN)}, labels {self.labels.shape} {self.labels.dtype}"
        return f"<p>{what}</p>{self.table.to_html(max_rows=10)}"

    def save(
        self,
        path: str | Path,
        *,
        axes: str | None = None,
        pixel_size: PixelSize | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write labels and table, as ``napari-sam segment`` does.

        Parameters
        ----------
        path : str or Path
            Of the labels, such as ``"results/a_labels.tif"``. The table goes beside them, into
            ``results/a_objects.csv``, where panel, command line and `load` look for it.
        axes : str, optional
            A letter per axis of the labels; ``YX``, ``ZYX`` or ``TZYX`` by default, of tracks
            ``TYX`` or ``TZYX``.
        pixel_size : PixelSize, optional
        overwrite : bool
            Whether files that are there are replaced.

        Returns
        -------
        Path
            Of the labels.

        Raises
        ------
        DataError
            When it is no path of a TIFF, or a file is there already.
        LabelsError
            When `axes` does not fit, or ids are negative or do not fit 32 bits.
        OSError
            When it cannot be written there.

        Examples
        --------
        >>> import tempfile
        >>> labels = np.array([[0, 3, 3], [0, 0, 7]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Segmentation(labels, measure(labels)).save(f"{folder}/a_labels.tif")
        ...     Segmentation.load(path)
        Segmentation: 2 objects; labels (2, 3) uint16; table: label, score, area, centroid_row, \
centroid_col, r0, c0, r1, c1, source
        """
        from napari_sam.files.results import write_results

        if axes is None:
            axes = {3: f"{self._AXES}YX", 4: "TZYX"}.get(self.labels.ndim, "YX")
        return write_results(path, self.labels, self.table, axes, pixel_size, overwrite)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read labels and the table beside them, as `save` and ``napari-sam segment`` wrote them.

        Parameters
        ----------
        path : str or Path
            Of the labels.

        Raises
        ------
        DataError, LabelsError
            When the labels cannot be read, or no table of the same objects lies beside them;
            `measure` makes one of a plane.
        """
        from napari_sam.files.results import read_results

        return cls._of(*read_results(path))

    @classmethod
    def _of(cls, labels: npt.NDArray[np.integer[Any]], table: pd.DataFrame) -> Self:
        """Put together what was read."""
        return cls(labels, table)


def measure(
    labels: npt.NDArray[np.integer[Any]],
    image: npt.NDArray[Any] | None = None,
    scores: dict[int, float] | None = None,
    source: str = "",
    pixel_size: PixelSize | None = None,
) -> pd.DataFrame:
    """Describe every object of a labelled image.

    Parameters
    ----------
    labels : (H, W) integer array
    image : (H, W) or (H, W, C) array, optional
        Adds ``mean_intensity``, over the channels too; the fourth of four is transparency, which
        is left out.
    scores : dict of label to float, optional
        Confidence of each object; NaN where it has none.
    source : str
        Where the objects come from, such as ``"cells"`` or ``"manual"``.
    pixel_size : PixelSize, optional
        Adds the columns of `with_units`.

    Returns
    -------
    pandas.DataFrame
        Columns ``label, score, area, centroid_row, centroid_col, r0, c0, r1, c1,
        [mean_intensity,] source``; areas in pixels, bounding boxes half open.

    Raises
    ------
    LabelsError
        When the labels are no plane of ids of 0 or more, or the image is another one.
    """
    # Here, because they take longer to import than everything else in the vocabulary.
    import pandas as pd
    from scipy import ndimage as ndi

    labels = checks.labels(labels)
    checks.ids_fit(labels)
    image = None if image is None else _image_of(labels, image)
    known = _known(scores)
    source = checks.text(source, "source")
    if labels.size and int(labels.min()) < 0:
        raise LabelsError(f"The labels have negative ids, down to {labels.min()}: ids are above 0.")
    where = np.flatnonzero(labels > 0)
    numbers = labels.ravel()[where]
    if numbers.size and int(numbers.max()) > labels.size:  # few objects with high numbers
        ids, numbers = np.unique(numbers, return_inverse=True)
        numbers += 1
    else:
        ids = np.flatnonzero(np.bincount(numbers))
        lookup = np.zeros(int(ids[-1]) + 1 if len(ids) else 1, dtype=np.int32)
        lookup[ids] = np.arange(1, len(ids) + 1)
        numbers = lookup[numbers]
    plain = np.zeros(labels.shape, dtype=np.int32)
    plain.ravel()[where] = numbers
    boxes = np.array(
        [(r.start, c.start, r.stop, c.stop) for r, c in ndi.find_objects(plain)], dtype=np.int64
    ).reshape(-1, 4)
    area = np.bincount(numbers, minlength=len(ids) + 1)[1:]

    def mean(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.asarray(np.bincount(numbers, values, len(ids) + 1)[1:] / area)

    rows, columns = np.divmod(where, max(labels.shape[1], 1))
    found = pd.DataFrame(
        {
            "label": ids.astype(np.int64),
            "score": np.array([known.get(int(i), np.nan) for i in ids], dtype=np.float64),
            "area": area.astype(np.int64),
            "centroid_row": mean(rows),
            "centroid_col": mean(columns),
            **{name: boxes[:, i] for i, name in enumerate(("r0", "c0", "r1", "c1"))},
        }
    )
    if image is not None:
        grey = image.mean(axis=-1, dtype=np.float64) if image.ndim == labels.ndim + 1 else image
        found["mean_intensity"] = mean(grey.ravel()[where].astype(np.float64))
    found["source"] = source
    return with_units(found, pixel_size)


def _image_of(labels: npt.NDArray[Any], image: Any) -> npt.NDArray[Any]:
    found = checks.array(image, "The image", LabelsError)
    if found.shape[:2] != labels.shape or found.ndim > 3 or found.size == 0 < labels.size:
        raise LabelsError(f"The image has shape {found.shape}, but the labels {labels.shape}.")
    return opaque(found)


def _known(scores: Any) -> dict[int, float]:
    """Return the confidence of each object; NaN is allowed, which says that it has none."""
    if scores is None:
        return {}
    if not hasattr(scores, "items"):
        raise ParameterError("scores must be a dictionary of id to confidence.")
    return {
        checks.whole(one, "An id among scores"): np.nan
        if isinstance(score, float | np.floating) and np.isnan(score)
        else checks.number(score, f"The score of {one}")
        for one, score in scores.items()
    }


def moved(table: pd.DataFrame, row: int, column: int) -> pd.DataFrame:
    """Return a table measured on a part of a plane with the places on the whole plane."""
    return table.assign(
        **{name: table[name] + row for name in ("centroid_row", "r0", "r1")},
        **{name: table[name] + column for name in ("centroid_col", "c0", "c1")},
    )


def with_units(table: pd.DataFrame, pixel_size: PixelSize | None) -> pd.DataFrame:
    """Return the table with areas, centroids, volumes and extents in physical units as well."""
    if pixel_size is None:
        return table
    unit = checked_size(pixel_size).unit
    wider = table.copy()
    if "area" in wider:
        wider[f"area_{unit}2"] = wider["area"] * pixel_size.area
    if "centroid_row" in wider:
        wider[f"centroid_row_{unit}"] = wider["centroid_row"] * pixel_size.row
        wider[f"centroid_col_{unit}"] = wider["centroid_col"] * pixel_size.column
    if "voxels" in wider and pixel_size.slice is not None:
        wider[f"volume_{unit}3"] = wider["voxels"] * pixel_size.area * pixel_size.slice
    if "z0" in wider and pixel_size.slice is not None:
        sides = {"depth": ("z", pixel_size.slice), "height": ("r", pixel_size.row)}
        sides["width"] = ("c", pixel_size.column)
        for name, (axis, length) in sides.items():
            wider[f"{name}_{unit}"] = (wider[f"{axis}1"] - wider[f"{axis}0"]) * length
    return wider


def next_id(labels: Any) -> int:
    """Return the smallest id above every id in use.

    Raises
    ------
    LabelsError
        When the labels are no whole numbers.
    """
    kind = getattr(getattr(labels, "dtype", None), "kind", "")
    if kind not in ("i", "u") or not hasattr(labels, "max"):
        raise LabelsError("labels must be an array of whole numbers.")
    return max(int(labels.max()), 0) + 1 if labels.size else 1


def check_id(object_id: int, dtype: npt.DTypeLike, name: str = "These labels") -> None:
    """Refuse an id that the labels' type cannot hold, by `LabelsError`: it would wrap round."""
    try:
        kind, limit = np.dtype(dtype), int(np.iinfo(np.dtype(dtype)).max)
    except (TypeError, ValueError) as why:
        raise LabelsError(f"Labels are of a type of whole numbers, got {dtype!r}.") from why
    if checks.whole(object_id, "An object's id", 0, 2**64, LabelsError) > limit:
        wider = "int32" if limit < object_id < 2**31 else "int64"
        raise LabelsError(
            f"{name} are {kind} and end at number {limit}: object {object_id} is not written. "
            f"Right-click the layer and choose Convert data type, {wider} (in Python: "
            f"labels.astype('{wider}')), or choose a new layer."
        )


def writable(
    plane_labels: npt.NDArray[np.integer[Any]], mask: npt.NDArray[np.bool_], overlap: Overlap
) -> npt.NDArray[np.bool_]:
    """Tell which pixels of a mask may be written.

    Parameters
    ----------
    plane_labels : (H, W) integer array
        Labels as they are.
    mask : (H, W) bool
        The new object.
    overlap : {"keep", "overwrite"}
        ``"keep"`` leaves every labelled pixel as it is.

    Returns
    -------
    (H, W) bool

    Raises
    ------
    LabelsError
    """
    plane_labels = checks.labels(plane_labels)
    mask = checks.mask(mask, plane_labels.shape, "The mask")
    checks.one_of(overlap, get_args(Overlap), "overlap", LabelsError)
    return mask & (plane_labels == 0) if overlap == "keep" else mask.copy()
