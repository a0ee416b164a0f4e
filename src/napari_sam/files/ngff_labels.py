"""Labels kept inside an OME-Zarr image: a pyramid beside its pixels, with a row per object."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError, LabelsError
from napari_sam.files.kinds import as_path
from napari_sam.files.ngff import axes_of, described, is_ngff, open_group, scale_of
from napari_sam.files.ngff_pyramid import datasets_of, properties, write_group

if TYPE_CHECKING:
    import pandas as pd


def labels_inside(path: str | Path) -> list[str]:
    """List the names of the labels that an OME-Zarr image holds."""
    folder = as_path(path) / "labels"
    if not is_ngff(folder):
        return []
    names = described(open_group(folder)).get("labels", [])
    return [str(name) for name in names if is_ngff(folder / str(name))]


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
    folder = as_path(image)
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
        label: dict[str, Any] = {"source": {"image": "../../"}}
        if table is not None:
            label["properties"] = properties([table])
        write_group(part, labels, multiscale, label, version)
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
    datasets = datasets_of(labels.shape, [scale[axis] for axis in kept])
    return {"axes": [described_axes[axis] for axis in kept], "datasets": datasets}


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
