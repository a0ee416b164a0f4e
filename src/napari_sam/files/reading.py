"""Reading an image, whatever file it is in."""

from __future__ import annotations

from pathlib import Path

from napari_sam.errors import DataError
from napari_sam.files.kinds import kind_of
from napari_sam.files.microscopes import read_scene, scenes_of
from napari_sam.files.ngff import axes_of, finest_shape, images_of_group, read_group
from napari_sam.files.pictures import read_picture
from napari_sam.files.raw import FileImage, RawImage
from napari_sam.files.tiff import images_of, opened, read_tiff
from napari_sam.images import Image


def read_image(path: str | Path, axes: str | None = None, *, series: int | None = None) -> Image:
    """Read a TIFF (plain, ImageJ or OME), PNG, JPEG, BMP, CZI, LIF or ND2 file, or OME-Zarr.

    Parameters
    ----------
    path : str or Path
    axes : str, optional
        What the axes are, for a file that does not say or says it wrongly.
    series : int, optional
        Which image of a file that holds several, counted from 0; see `images_in`.

    Returns
    -------
    Image
        A large TIFF is read when and where its pixels are looked at.

    Raises
    ------
    DataError
        When the file is not there, not an image, damaged, cut, or has other axes than given; when
        it holds several images and none was chosen.
    InstallationError
        When what reads such files is not installed.
    """
    found = _read(Path(path) if isinstance(path, str) else path, series, indices=False)
    name = Path(path).name
    if axes is not None:
        found = found.with_axes(axes, name)
    return found.as_image(name)


def read_raw(path: str | Path, series: int | None = None) -> RawImage:
    """Read the numbers of a file as they stand there, palettes not looked up."""
    return _read(Path(path) if isinstance(path, str) else path, series, indices=True)


def _read(path: Path, series: int | None, *, indices: bool) -> RawImage:
    kind = kind_of(path)
    if kind == "TIFF":
        found = read_tiff(path, series, indices=indices)
    elif kind == "OME-Zarr":
        found = read_group(path, series)
    elif kind == "microscope":
        found = read_scene(path, series)
    elif series not in (None, 0):
        raise DataError(f"{path.name} has no image {series}: pictures hold one.")
    else:
        found = read_picture(path, indices=indices)
    if found.finest.dtype.kind not in ("uifb" if indices else "uif"):
        raise DataError(
            f"{path.name} holds values of type {found.finest.dtype}, which are no grey values. "
            "Save it as whole or real numbers; of complex ones, their magnitude."
        )
    return found


def images_in(path: str | Path) -> list[FileImage]:
    """List the images that a file holds, without thumbnails and overviews of slides.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of FileImage
        One for most files; each ``series`` is what `read_image` takes.

    Raises
    ------
    DataError
    """
    path = Path(path) if isinstance(path, str) else path
    kind = kind_of(path)
    if kind == "OME-Zarr":
        return [
            FileImage(at, image.inner, axes_of(image.multiscale), finest_shape(path, image))
            for at, image in enumerate(images_of_group(path))
        ]
    if kind == "microscope":
        return scenes_of(path)
    if kind != "TIFF":
        pixels = read_picture(path).pixels
        return [FileImage(0, "", "YX" if pixels.ndim == 2 else "YXS", pixels.shape)]
    with opened(path) as tif:
        return images_of(tif)
