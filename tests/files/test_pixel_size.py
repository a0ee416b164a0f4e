"""Pixel sizes as programs write them: spellings, nonsense left out, the rest kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from napari_sam.errors import ImageError
from napari_sam.files import read_image
from napari_sam.pixel_size import METRES, PixelSize, sensible_length, unit_named

NONSENSE = ["0", "-1", "inf", "-inf", "nan", "0.0", "1e-320", "", "abc", "1,5"]


@pytest.mark.parametrize(
    "text",
    [
        *["um", "µm", "μm", "\\u00B5m", "\\u00b5m", "\\u03BCm", "micron", "Micron", "microns"],
        *["MICRONS", "UM", "micrometer", "Micrometre", "micrometers", "Âµm", "Î¼m", " um ", "um."],
    ],
)
def test_a_micrometre_has_many_spellings(text: str) -> None:
    assert unit_named(text) == "um"


@pytest.mark.parametrize(
    ("text", "unit"),
    [("nm", "nm"), ("NM", "nm"), ("mm", "mm"), ("MM", "mm"), ("Å", "angstrom"), ("pm", "pm")],
)
def test_other_lengths_are_known(text: str, unit: str) -> None:
    assert unit_named(text) == unit


@pytest.mark.parametrize("text", ["pixel", "inch", "px", "", "Mm", "reference frame", None, 3, "s"])
def test_what_is_no_length_is_none(text: object) -> None:
    assert unit_named(text) is None


@given(st.text() | st.floats() | st.none() | st.binary())
def test_any_unit_and_any_length_is_answered(value: Any) -> None:
    assert unit_named(value) in {*METRES, None}
    length = sensible_length(value)
    assert length is None or (length > 0 and np.isfinite([length, 1 / length]).all())


def ome(path: Path, **sizes: str) -> None:
    """Write an OME-TIFF whose description states sizes as they are given."""
    tifffile.imwrite(path, np.zeros((8, 9), np.uint8), ome=True, metadata={"axes": "YX"})
    with tifffile.TiffFile(path) as tif:
        xml = tif.ome_metadata
    assert xml is not None
    stated = "".join(f' {name}="{value}"' for name, value in sizes.items())
    changed = xml.replace("<Pixels ", f"<Pixels{stated} ", 1)
    tifffile.imwrite(path, np.zeros((8, 9), np.uint8), description=changed.encode(), metadata=None)


@pytest.mark.parametrize("value", NONSENSE)
def test_a_senseless_distance_of_slices_is_left_out_of_ome(value: str, tmp_path: Path) -> None:
    ome(tmp_path / "x.tif", PhysicalSizeX="0.5", PhysicalSizeY="0.25", PhysicalSizeZ=value)
    assert read_image(tmp_path / "x.tif").pixel_size == PixelSize(0.25, 0.5, "um")


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize("axis", ["X", "Y"])
def test_half_a_pixel_size_is_none(axis: str, value: str, tmp_path: Path) -> None:
    sizes = {"PhysicalSizeX": "0.5", "PhysicalSizeY": "0.5", f"PhysicalSize{axis}": value}
    ome(tmp_path / "x.tif", **sizes)
    assert read_image(tmp_path / "x.tif").pixel_size is None


@pytest.mark.parametrize("unit", ["µm", "um", "MICRON", "&#181;m"])
def test_units_of_ome(unit: str, tmp_path: Path) -> None:
    units = {f"PhysicalSize{axis}Unit": unit for axis in "XY"}
    ome(tmp_path / "x.tif", PhysicalSizeX="0.5", PhysicalSizeY="0.25", **units)
    assert read_image(tmp_path / "x.tif").pixel_size == PixelSize(0.25, 0.5, "um")


def imagej(path: Path, extra: str, resolution: tuple[float, float] = (4, 2)) -> None:
    """Write an ImageJ TIFF with more lines in its description."""
    tifffile.imwrite(
        path,
        np.zeros((8, 9), np.uint8),
        resolution=resolution,
        description=f"ImageJ=1.54f\n{extra}".encode(),
        metadata=None,
    )


@pytest.mark.parametrize("spacing", NONSENSE)
def test_a_senseless_spacing_is_left_out_of_imagej(spacing: str, tmp_path: Path) -> None:
    imagej(tmp_path / "x.tif", f"unit=\\u00B5m\nspacing={spacing}\n")
    assert read_image(tmp_path / "x.tif").pixel_size == PixelSize(0.5, 0.25, "um")


@pytest.mark.parametrize("fraction", [(0, 0), (1, 0), (0, 1)])
def test_a_resolution_of_zero_by_zero_is_none(fraction: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    imagej(path, "unit=um\n")
    with tifffile.TiffFile(path) as tif:
        at = tif.pages[0].tags["XResolution"].valueoffset  # type: ignore[union-attr]
    damaged = bytearray(path.read_bytes())
    damaged[at : at + 8] = b"".join(number.to_bytes(4, "little") for number in fraction)
    path.write_bytes(damaged)
    image = read_image(path)
    assert image.shape == (8, 9)
    assert image.pixel_size is None


def test_pixels_in_a_centimetre_are_a_pixel_size_and_dots_of_a_print_are_none(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((8, 9), np.uint8), resolution=(2e4, 4e4), resolutionunit=3)
    size = read_image(path).pixel_size
    assert size is not None
    assert [size.row, size.column, size.unit] == [pytest.approx(0.25), pytest.approx(0.5), "um"]
    tifffile.imwrite(path, np.zeros((8, 9), np.uint8), resolution=(118, 118), resolutionunit=3)
    assert read_image(path).pixel_size is None


def test_sizes_change_units_and_unknown_ones_are_refused() -> None:
    assert PixelSize(500, 250, "nm", 2000).in_unit("um") == PixelSize(0.5, 0.25, "um", 2.0)
    with pytest.raises(ImageError, match="parsec"):
        PixelSize(1, 1, "parsec").in_unit("um")


@pytest.mark.parametrize("bad", ["1", None, "x", [1, 2], 1j])
def test_a_pixel_size_of_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(ImageError):
        PixelSize(bad, 1.0)
    if bad is not None:
        with pytest.raises(ImageError):
            PixelSize(1.0, 1.0, "um", bad)
    if not isinstance(bad, str):
        with pytest.raises(ImageError):
            PixelSize(1.0, 1.0, bad)
