"""Labels kept inside an OME-Zarr image: a pyramid beside its pixels, with a row per object."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError, LabelsError
from napari_sam.files.ngff import axes_of, described, is_ngff, open_group, scale_of

if TYPE_CHECKING:
    import pandas as pd

_SMALL = 256  # pixels; the pyramid ends when both sides are smaller
_CHUNK = 1024


def labels_inside(path: Path) -> list[str]:
    """List the names of the labels that an OME-Zarr image holds."""
    if not is_ngff(path / "labels"):
        return []
    names = described(open_group(path / "labels")).get("labels", [])
    return [str(name) for name in names if is_ngff(path / "labels" / str(name))]


def write_labels_inside(
    image: str | Path,
    labels: npt.NDArray[np.integer[Any]],
    axes: str,
    name: str = "cells",
    *,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> Path:
    """Write labels into an OME-Zarr image, where napari and others find them again.

    They have the version of the image they join, its scale and units, and appear whole or not at
    all. Smaller levels of the pyramid take every second pixel: no new ids arise.

    Parameters
    ----------
    image : path
        Folder of the image: a group with ``multiscales``.
    labels : integer array
    axes : str
        A letter per axis of the labels, all of them axes of the image.
    name : str
        What to call them.
    table : pandas.DataFrame, optional
        A row per object with a column ``label``: kept as properties.
    overwrite : bool
        Replace labels of that name.

    Returns
    -------
    Path
        Folder of the labels.

    Raises
    ------
    DataError
        When `image` is no OME-Zarr image, or has labels of that name already.
    LabelsError
        When the labels do not fit the image.
    InstallationError
        When zarr is not installed.

    References
    ----------
    https://ngff.openmicroscopy.org/0.5/#labels-md
    """
    folder = Path(image)
    if not is_ngff(folder):
        raise DataError(f"{folder} is no OME-Zarr image.")
    if not name or Path(name).name != name or name.startswith("."):
        raise DataError(f"Labels are called by a plain name, got {name!r}.")
    root = open_group(folder)
    says = described(root)
    if "multiscales" not in says:
        raise DataError(f"{folder.name} is no image but holds several: name one of them.")
    target = folder / "labels" / name
    part, old = (target.with_name(f".{name}.{word}") for word in ("part", "old"))
    if old.exists() and not target.exists():  # a run was killed while it replaced them
        old.rename(target)
    if target.exists() and not overwrite:
        raise DataError(f"{folder.name} holds labels {name!r} already: choose another name.")
    multiscale = _multiscale(says["multiscales"][0], labels, axes, root)
    version = root.metadata.zarr_format
    _register(folder, None, version)
    shutil.rmtree(part, ignore_errors=True)
    try:
        _write_group(part, labels, multiscale, table, version)
        if target.exists():
            target.rename(old)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    _register(folder, name, version)
    return target


def _multiscale(
    image: dict[str, Any], labels: npt.NDArray[Any], axes: str, root: Any
) -> dict[str, Any]:
    """Describe the pyramid: the image's axes and scale, less those the labels do not have."""
    if not np.issubdtype(labels.dtype, np.integer) or int(labels.min(initial=0)) < 0:
        raise LabelsError("Labels are whole numbers from 0 on.")
    letters = axes_of(image)
    shape = dict(zip(letters, root[image["datasets"][0]["path"]].shape, strict=True))
    fits = len(axes) == labels.ndim and all(
        shape.get(letter) == length for letter, length in zip(axes, labels.shape, strict=True)
    )
    if not fits or not axes.endswith("YX"):
        raise LabelsError(
            f"Labels of shape {labels.shape} with axes {axes!r} do not fit the image {shape}."
        )
    kept = [letters.index(letter) for letter in axes]
    scale = scale_of(image, letters)
    described_axes = image.get("axes") or [{"name": letter.lower()} for letter in letters]
    datasets = []
    for level in range(_levels(labels.shape)):
        steps = [1.0] * (len(kept) - 2) + [2.0**level] * 2
        factors = [scale[axis] * step for axis, step in zip(kept, steps, strict=True)]
        datasets.append(
            {
                "path": str(level),
                "coordinateTransformations": [{"type": "scale", "scale": factors}],
            }
        )
    return {"axes": [described_axes[axis] for axis in kept], "datasets": datasets}


def _levels(shape: tuple[int, ...]) -> int:
    longest, count = max(shape[-2:]), 1
    while longest >= 2 * _SMALL:
        longest, count = longest // 2, count + 1
    return count


def _write_group(
    path: Path,
    labels: npt.NDArray[Any],
    multiscale: dict[str, Any],
    table: pd.DataFrame | None,
    version: int,
) -> None:
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=version)  # type: ignore[arg-type]
    spread = {"dimension_names": [axis["name"] for axis in multiscale["axes"]]}
    for level in range(len(multiscale["datasets"])):
        step = 2**level
        pixels = np.ascontiguousarray(labels[..., ::step, ::step])
        chunks = (*[1] * (pixels.ndim - 2), *(min(_CHUNK, side) for side in pixels.shape[-2:]))
        named = spread if version == 3 else {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
        array = group.create_array(
            str(level), shape=pixels.shape, dtype=pixels.dtype, chunks=chunks, **named
        )
        array[...] = pixels
    label: dict[str, Any] = {"source": {"image": "../../"}}
    if table is not None:
        label["properties"] = _properties(table)
    if version == 3:
        says = {"version": "0.5", "multiscales": [multiscale], "image-label": label}
        group.attrs["ome"] = says  # type: ignore[assignment]
    else:
        group.attrs["multiscales"] = [{"version": "0.4", **multiscale}]
        group.attrs["image-label"] = {"version": "0.4", **label}


def _properties(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for row in table.to_dict("records"):
        known = {str(key): _plain(value) for key, value in row.items() if key != "label"}
        known = {key: value for key, value in known.items() if value is not None}
        rows.append({"label-value": int(row["label"]), **known})
    return rows


def _plain(value: Any) -> Any:
    """Return what JSON can hold; None for what is not known."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)


def _register(folder: Path, name: str | None, version: int) -> None:
    """Name the labels in the list that says which there are; make the list where there is none."""
    import zarr

    group = zarr.open_group(folder / "labels", mode="a", zarr_format=version)  # type: ignore[arg-type]
    names = [str(other) for other in described(group).get("labels", [])]
    if name is not None and name not in names:
        names.append(name)
    if version == 3:
        group.attrs["ome"] = {"version": "0.5", "labels": names}
    else:
        group.attrs["labels"] = names
