"""OME-Zarr (NGFF 0.4 and 0.5): images, plates and series; plain arrays; read as looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from napari_sam.errors import DataError, InstallationError
from napari_sam.files.raw import RawImage
from napari_sam.pixel_size import METRES, PixelSize, sensible_length, stated_size, unit_named

MARKS = ("zarr.json", ".zgroup", ".zattrs", ".zarray")


class NgffImage(NamedTuple):
    """An image of a group: its path within, and what its description says.

    One that a plate tells of and that is not there, or cannot be looked into, has no group.
    """

    inner: str
    multiscale: dict[str, Any]
    group: Any


def is_ngff(path: Path) -> bool:
    """Tell whether a folder is a zarr group, or an array."""
    return path.is_dir() and any((path / mark).is_file() for mark in MARKS)


def require_zarr() -> None:
    """Raise `InstallationError` when zarr is not installed."""
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise InstallationError(
            "OME-Zarr needs the package zarr: pip install 'napari-sam-bio[zarr]'."
        ) from error


def open_group(path: Path) -> Any:
    """Open a group on disk, to be read.

    Raises
    ------
    InstallationError
        When zarr is not installed.
    DataError
        When it cannot be opened.
    """
    require_zarr()
    import zarr

    with _told_of(path):
        return zarr.open_group(path, mode="r")


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of damaged metadata each part fails in its own way
        raise DataError(f"{path.name} cannot be read as OME-Zarr ({error}).") from error


def _is_array(path: Path) -> bool:
    """Tell whether a folder is an array of zarr without a group around it."""
    if (path / ".zarray").is_file():
        return True
    try:
        says = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        return bool(says["node_type"] == "array")
    except (OSError, ValueError, KeyError, TypeError):  # said when it is opened as a group
        return False


def _open_array(path: Path) -> Any:
    require_zarr()
    import zarr

    with _told_of(path):
        return zarr.open_array(path, mode="r")


def _array_as_image(array: Any) -> NgffImage:
    """Describe a plain array as the only level of an image; zarr 3 may name the axes."""
    names = [
        str(name or "")[:1].upper() for name in getattr(array.metadata, "dimension_names", ()) or ()
    ]
    if (
        len(names) != array.ndim
        or len(set(names)) < len(names)
        or not {"Y", "X"} <= {*names} <= {*"TCZYX"}
    ):
        names = [*"Q" * (array.ndim - 2), *"YX"][-array.ndim :]
    return NgffImage("", {"axes": names, "datasets": [{"path": ""}]}, {"": array})


def described(group: Any) -> dict[str, Any]:
    """Return what a group says of itself: since 0.5 under a key of its own."""
    attributes = dict(group.attrs)
    within = attributes.get("ome")
    return within if isinstance(within, dict) else attributes


def images_of_group(path: Path) -> list[NgffImage]:
    """List the images of a group: itself, the fields of a plate or well, or numbered series.

    Wells and fields that are not there are listed as well: whoever reads them says so.

    Raises
    ------
    DataError
        When there are none.
    """
    if _is_array(path):
        return [_array_as_image(_open_array(path))]
    root = open_group(path)
    try:
        found = list(_images(root, ""))
    except Exception as error:
        raise DataError(f"{path.name} is damaged: its description is wrong ({error}).") from error
    if not found:
        raise DataError(f"{path.name} is a zarr group without images of OME-Zarr.")
    return found


def missing_of_group(path: Path) -> list[str]:
    """Tell the ways to wells and fields that a plate tells of and that are not there."""
    return [image.inner for image in images_of_group(path) if image.group is None]


def ways_of_group(path: Path) -> tuple[str, ...]:
    """Tell the ways within a group to its images; none where it is one, or holds one alone.

    Fields of plates and wells have ways of their own even so.

    Raises
    ------
    DataError
    """
    images = images_of_group(path)
    if len(images) < 2 and (_is_array(path) or _parts(described(open_group(path))) is None):
        return ()
    return tuple(image.inner for image in images)


def _parts(says: dict[str, Any]) -> list[str] | None:
    """Return where the wells of a plate are, or the fields of a well; None of what is neither."""
    if "plate" in says:
        return [well["path"] for well in says["plate"]["wells"]]
    return [field["path"] for field in says["well"]["images"]] if "well" in says else None


def _images(group: Any, inner: str) -> Iterator[NgffImage]:
    says = described(group)
    if "multiscales" in says:
        yield NgffImage(inner, says["multiscales"][0], group)
        return
    within = _parts(says)
    if within is None:  # series 0, 1, ... as bioformats2raw lays them out
        within = sorted((name for name in group.group_keys() if name.isdigit()), key=int)
    for part in within:
        way = f"{inner}/{part}" if inner else part
        found = [NgffImage(way, {}, None)]
        with suppress(Exception):  # one that is missing or damaged ends none of the others
            found = list(_images(group[part], way))
        yield from found


def refuse_missing(path: Path, image: NgffImage) -> None:
    """Raise `DataError` when a plate tells of an image that is not there."""
    if image.group is None:
        raise DataError(
            f"{path.name} tells of {image.inner}, which is not there or damaged: copy it again, or "
            "choose other images by their paths."
        )


def axes_of(multiscale: dict[str, Any]) -> str:
    """Return a letter per axis; before 0.4 axes were words, and in 0.3 always five."""
    axes = multiscale.get("axes", ["t", "c", "z", "y", "x"])
    names = [axis["name"] if isinstance(axis, dict) else axis for axis in axes]
    return "".join(name[:1].upper() for name in names)


def finest_shape(path: Path, image: NgffImage) -> tuple[int, ...]:
    """Return the shape of an image at full resolution.

    Raises
    ------
    DataError
    """
    refuse_missing(path, image)
    try:
        shape: tuple[int, ...] = image.group[image.multiscale["datasets"][0]["path"]].shape
    except Exception as error:
        raise DataError(f"The image {image.inner!r} is damaged ({error}).") from error
    return shape


def read_group(path: Path, series: int | None = None) -> RawImage:
    """Read an image of a group: the levels of its pyramid, the finest first, unread.

    Raises
    ------
    DataError
        When there are several and none was chosen, or none of that number, or it is damaged.
    """
    images = images_of_group(path)
    if series is None and len(images) > 1:
        names = "; ".join(f"{at} {image.inner!r}" for at, image in enumerate(images[:20]))
        raise DataError(
            f"{path.name} holds {len(images)} images: {names}. Choose one by its number: "
            "--series N, or series=N in Python."
        )
    if series is not None and not 0 <= series < len(images):
        raise DataError(f"{path.name} has no image {series}: its images are 0..{len(images) - 1}.")
    image = images[series or 0]
    refuse_missing(path, image)
    try:
        axes = axes_of(image.multiscale)
        levels = [image.group[level["path"]] for level in image.multiscale["datasets"]]
        size = _pixel_size(image.multiscale, axes)
    except Exception as error:
        raise DataError(f"{path.name} is damaged: its description is wrong ({error}).") from error
    if not levels or any(level.ndim != len(axes) for level in levels):
        raise DataError(f"{path.name} is damaged: its arrays have other axes than {axes!r}.")
    return RawImage(levels if len(levels) > 1 else levels[0], axes, size)


def scale_of(multiscale: dict[str, Any], axes: str) -> list[float]:
    """Return the size of a pixel at full resolution along each axis, in the unit of the axis."""
    scale = [1.0] * len(axes)
    own = multiscale["datasets"][0].get("coordinateTransformations", [])
    for transform in [*own, *multiscale.get("coordinateTransformations", [])]:
        if transform.get("type") == "scale":
            scale = [a * float(b) for a, b in zip(scale, transform["scale"], strict=True)]
    return scale


def _pixel_size(multiscale: dict[str, Any], axes: str) -> PixelSize | None:
    scale = scale_of(multiscale, axes)
    said = [axis if isinstance(axis, dict) else {} for axis in multiscale.get("axes", [])]
    units = {a: unit_named(d.get("unit")) for a, d in zip(axes, said, strict=False)}
    unit = units.get("X")

    def length(letter: str) -> float | None:
        own = units.get(letter)
        if own is None or unit is None or letter not in axes:
            return None
        stated = sensible_length(scale[axes.index(letter)])
        return None if stated is None else stated * (METRES[own] / METRES[unit])

    return stated_size(length("Y"), length("X"), length("Z"), unit)
