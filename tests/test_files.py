"""Image files: axes and pixel sizes read as they were written, and nothing written by halves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_sam.errors import DataError, LabelsError
from napari_sam.files import in_one_piece, made_here, read_image, write_labels, write_picture
from napari_sam.files.atomic import remove_rest, temporary_name
from napari_sam.pixel_size import PixelSize


def test_ome_tiff_axes_and_pixel_size(tmp_path: Path) -> None:
    pixels = np.arange(2 * 3 * 8 * 9, dtype=np.uint16).reshape(2, 3, 8, 9)
    path = tmp_path / "x.ome.tif"
    metadata = {
        "axes": "CZYX",
        "PhysicalSizeX": 100.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.2,
        "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": 1.5,
    }
    tifffile.imwrite(path, pixels, ome=True, metadata=metadata)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.axes == "CZYX"
    size = image.pixel_size
    assert size is not None
    assert size.unit == "nm"
    assert [size.row, size.column, size.slice] == pytest.approx([200, 100, 1500])


def test_imagej_tiff_axes_and_pixel_size(tmp_path: Path) -> None:
    pixels = np.zeros((5, 8, 9), dtype=np.uint8)
    path = tmp_path / "x.tif"
    tifffile.imwrite(
        path,
        pixels,
        imagej=True,
        resolution=(1 / 0.25, 1 / 0.5),
        metadata={"axes": "ZYX", "unit": "micron", "spacing": 2.0},
    )
    image = read_image(path)
    assert image.axes == "ZYX"
    assert image.pixel_size is not None
    assert image.pixel_size.row == pytest.approx(0.5)
    assert image.pixel_size.column == pytest.approx(0.25)
    assert image.pixel_size.slice == 2.0


def test_dots_per_inch_are_no_pixel_size(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((8, 9), np.uint8), resolution=(72, 72), resolutionunit="INCH")
    assert read_image(path).pixel_size is None


@pytest.mark.parametrize(
    ("suffix", "shape", "axes"),
    [(".png", (8, 9), "YX"), (".png", (8, 9, 3), "YXS"), (".png", (8, 9, 4), "YXS")],
)
def test_pictures(suffix: str, shape: tuple[int, ...], axes: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    iio.imwrite(tmp_path / f"x{suffix}", pixels)
    image = read_image(tmp_path / f"x{suffix}")
    assert image.axes == axes
    np.testing.assert_array_equal(image.pixels, pixels)


def test_sixteen_bit_png_keeps_its_values(tmp_path: Path) -> None:
    pixels = np.array([[0, 300], [40000, 65535]], dtype=np.uint16)
    iio.imwrite(tmp_path / "x.png", pixels)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png").pixels, pixels)


def test_grey_png_with_alpha_is_grey(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 9, 2), dtype=np.uint8)
    iio.imwrite(tmp_path / "x.png", pixels)
    image = read_image(tmp_path / "x.png")
    assert image.axes == "YX"
    np.testing.assert_array_equal(image.pixels, pixels[..., 0])


@pytest.mark.parametrize("name", ["x.tif", "x.png", "x.jpg", "x.ome.tiff"])
@pytest.mark.parametrize("content", [b"", b"no image at all", b"II*\x00\x08\x00\x00\x00\xff"])
def test_damaged_files_are_reported_as_such(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=name):
        read_image(path)
    assert not made_here(path)


def test_missing_and_unknown_files_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        read_image(tmp_path / "none.tif")
    (tmp_path / "x.docx").write_bytes(b"x")
    with pytest.raises(DataError, match=r"\.docx"):
        read_image(tmp_path / "x.docx")


def test_axes_may_be_said_but_must_fit(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((5, 8, 9), np.uint16))
    assert read_image(tmp_path / "x.tif", "zyx").axes == "ZYX"
    for wrong in ("YX", "ZZYX", "YYX"):
        with pytest.raises(DataError, match="one letter for each"):
            read_image(tmp_path / "x.tif", wrong)


@pytest.mark.parametrize(
    ("axes", "shape"), [("YX", (8, 9)), ("ZYX", (4, 8, 9)), ("TZYX", (2, 4, 8, 9))]
)
@pytest.mark.parametrize(("top", "dtype"), [(65535, np.uint16), (65536, np.int32)])
def test_labels_come_back_with_axes_type_and_pixel_size(
    axes: str, shape: tuple[int, ...], top: int, dtype: Any, tmp_path: Path
) -> None:
    labels = np.random.default_rng(0).integers(0, 50, shape)
    labels.flat[0] = top
    path = tmp_path / "x_labels.tif"
    write_labels(path, labels, axes, PixelSize(0.5, 0.25, "um", 2.0))
    image = read_image(path)
    assert image.pixels.dtype == dtype
    np.testing.assert_array_equal(image.pixels, labels)
    assert image.axes == axes
    assert made_here(path)
    if dtype is np.uint16:
        with tifffile.TiffFile(path) as tif:
            assert tif.is_imagej
            assert tif.pages[0].compression != 1
        assert image.pixel_size is not None
        assert image.pixel_size.row == pytest.approx(0.5)


@pytest.mark.parametrize("value", [-1, 2**31])
def test_labels_that_do_not_fit_are_refused(value: int, tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="between 0"):
        write_labels(tmp_path / "x.tif", np.full((2, 2), value, dtype=np.int64))
    assert not list(tmp_path.iterdir())


def test_own_pictures_are_known_and_others_are_not(tmp_path: Path) -> None:
    write_picture(tmp_path / "ours.png", np.zeros((4, 5, 3), np.uint8))
    iio.imwrite(tmp_path / "theirs.png", np.zeros((4, 5, 3), np.uint8))
    assert made_here(tmp_path / "ours.png")
    assert not made_here(tmp_path / "theirs.png")


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted(path: Path) -> None:
        with in_one_piece(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "out" / "x.txt")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_finished_write_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    with in_one_piece(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_rest_that_cannot_be_removed_now_can_be_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a_labels.tif"
    rest = path.with_name(temporary_name(path))
    rest.write_bytes(b"half")

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError("a folder that is shared")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        remove_rest(path)
    assert rest.exists()
    remove_rest(path)  # nobody has kept it open, and locked
    assert not rest.exists()
