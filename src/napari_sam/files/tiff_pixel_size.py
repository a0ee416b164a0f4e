"""The pixel size that a TIFF file states: of OME, ImageJ, this package, or the baseline tags."""

from __future__ import annotations

from typing import Any

import tifffile

from napari_sam.pixel_size import METRES, PixelSize, sensible_length, stated_size, unit_named

_CENTIMETRE = 3  # of the tag ResolutionUnit


def pixel_size_of(tif: tifffile.TiffFile, series: Any) -> PixelSize | None:
    """Read the pixel size of one image; lengths that make no sense are left out."""
    if tif.is_ome:
        return _of_ome(tif, series)
    if tif.is_imagej:
        metadata = tif.imagej_metadata or {}
        return _of_tags(series.keyframe, metadata.get("unit"), metadata.get("spacing"))
    if tif.is_shaped:
        metadata = (tif.shaped_metadata or ({},))[0]
        if "unit" in metadata:
            return _of_tags(series.keyframe, metadata["unit"], metadata.get("spacing"))
    return _of_baseline(series.keyframe)


def _per_unit(page: Any, name: str) -> float | None:
    """Read one of the two resolution tags: pixels in a unit of length."""
    tag = page.tags.get(name)
    value = None if tag is None else tag.value
    if not isinstance(value, tuple) or len(value) != 2:
        return sensible_length(value)
    many, of = sensible_length(value[0]), sensible_length(value[1])
    return None if many is None or of is None else many / of


def _lengths(page: Any) -> tuple[float | None, float | None]:
    down, right = (_per_unit(page, name) for name in ("YResolution", "XResolution"))
    return (None if down is None else 1 / down), (None if right is None else 1 / right)


def _of_tags(page: Any, unit: object, spacing: object) -> PixelSize | None:
    """In ImageJ's way, the tags count pixels in the unit that the description names."""
    down, right = _lengths(page)
    return stated_size(down, right, spacing, unit_named(unit))


def _of_baseline(page: Any) -> PixelSize | None:
    """Pixels in a centimetre are a pixel size; dots per inch are the size of a print."""
    tag = page.tags.get("ResolutionUnit")
    if tag is None or tag.value != _CENTIMETRE:
        return None
    down, right = _lengths(page)
    size = stated_size(down, right, None, "cm")
    # Programs that know no pixel size write 72 or 300 dots per inch, in centimetres too.
    return None if size is None or size.column > 5e-3 else size.in_unit("um")


def _of_ome(tif: tifffile.TiffFile, series: Any) -> PixelSize | None:
    images = tifffile.xml2dict(tif.ome_metadata or "").get("OME", {}).get("Image", {})
    images = images if isinstance(images, list) else [images]
    numbers = [number for number, other in enumerate(tif.series) if other is series]
    number = numbers[0] if numbers else 0
    pixels = images[min(number, len(images) - 1)].get("Pixels", {})
    pixels = pixels[0] if isinstance(pixels, list) else pixels
    # Micrometres are the format's default; lengths given in other units follow x.
    units = {axis: unit_named(pixels.get(f"PhysicalSize{axis}Unit", "um")) for axis in "XYZ"}
    unit = units["X"] or units["Y"]

    def length(axis: str) -> float | None:
        own, stated = units[axis], sensible_length(pixels.get(f"PhysicalSize{axis}"))
        if own is None or unit is None or stated is None:
            return None
        return stated if own == unit else stated * METRES[own] / METRES[unit]

    return stated_size(length("Y"), length("X"), length("Z"), unit)
