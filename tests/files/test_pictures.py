"""Pictures of every mode, large ones, and files that are not what their names say."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from napari_sam.errors import DataError
from napari_sam.files import pictures, read_image

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 255, (64, 80)).astype(np.uint8)
COLOUR = RANDOM.integers(0, 255, (64, 80, 3)).astype(np.uint8)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "1", "P", "I;16", "CMYK", "YCbCr"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_every_mode_becomes_grey_or_red_green_and_blue(
    mode: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"x{suffix}"
    try:
        if mode == "I;16":
            Pillow.fromarray(GREY.astype(np.uint16) * 200).save(path)
        else:
            Pillow.fromarray(COLOUR).convert(mode).save(path)
    except (OSError, KeyError):
        pytest.skip(f"{suffix} knows no {mode}")
    image = read_image(path)
    assert image.shape == (64, 80)
    assert image.rgb == (mode in ("RGB", "RGBA", "P", "CMYK", "YCbCr"))
    if mode == "1" and suffix != ".jpg":
        assert set(np.unique(image.pixels)) == {0, 255}
    if mode == "P" and suffix != ".jpg":
        meant = np.asarray(Pillow.fromarray(COLOUR).convert("P").convert("RGB"))
        np.testing.assert_array_equal(image.pixels, meant)


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_sixteen_bit_colour_keeps_its_bits(samples: int, tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 65535, (64, 80, samples)).astype(np.uint16)
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(pixels))
    image = read_image(tmp_path / "x.png")
    meant = pixels[..., 0] if samples == 2 else pixels
    np.testing.assert_array_equal(image.pixels, meant)


def test_inks_of_a_tiff_are_turned_to_light(tmp_path: Path) -> None:
    inks = np.zeros((64, 80, 4), np.uint8)
    inks[..., 0] = 255  # cyan: no red
    inks[:10, :, 3] = 255  # black
    tifffile.imwrite(tmp_path / "x.tif", inks, photometric="separated")
    image = read_image(tmp_path / "x.tif")
    assert image.axes == "YXS"
    assert image.pixels[20, 20].tolist() == [0, 255, 255]
    assert image.pixels[5, 5].tolist() == [0, 0, 0]


def test_a_palette_is_looked_up_unless_it_only_colours_brightness(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    green = np.zeros((3, 256), np.uint16)
    green[1] = np.arange(256) * 257
    tifffile.imwrite(path, GREY, photometric="palette", colormap=green)
    np.testing.assert_array_equal(read_image(path).pixels, GREY)
    mixed = RANDOM.integers(0, 65535, (3, 256)).astype(np.uint16)
    tifffile.imwrite(path, GREY, photometric="palette", colormap=mixed)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, (mixed.T >> 8)[GREY])
    assert image.axes == "YXS"


def test_grey_with_transparency_in_a_tiff_is_grey(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif",
        np.dstack([GREY, np.full_like(GREY, 255)]),
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"],
    )
    image = read_image(tmp_path / "x.tif")
    np.testing.assert_array_equal(image.pixels, GREY)


def test_planes_of_colour_samples_come_last(tmp_path: Path) -> None:
    planes = COLOUR.transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / "x.tif", planes, photometric="rgb", planarconfig="separate")
    image = read_image(tmp_path / "x.tif")
    assert (image.axes, image.rgb) == ("YXS", True)
    np.testing.assert_array_equal(image.pixels, COLOUR)


def test_grey_samples_side_by_side_are_channels(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", np.dstack([COLOUR] * 2), photometric="minisblack", planarconfig="contig"
    )
    image = read_image(tmp_path / "x.tif")
    assert (image.axes, image.rgb) == ("YXC", False)


def test_a_file_is_read_for_what_it_is_and_not_for_its_name(tmp_path: Path) -> None:
    Pillow.fromarray(GREY).save(tmp_path / "x.png")
    tifffile.imwrite(tmp_path / "y.tif", GREY)
    for source, wrong in (("x.png", "x.jpg"), ("x.png", "x.tif"), ("y.tif", "y.bmp")):
        (tmp_path / wrong).write_bytes((tmp_path / source).read_bytes())
        np.testing.assert_array_equal(read_image(tmp_path / wrong).pixels, GREY)


def test_a_picture_of_182_million_pixels_is_read(tmp_path: Path) -> None:
    """More than PIL opens unasked, since so large a picture might be an attack."""
    path = tmp_path / "x.png"
    Pillow.fromarray(np.zeros((13500, 13500), bool)).save(path, compress_level=1)
    assert read_image(path).shape == (13500, 13500)


def test_more_pixels_than_can_be_read_are_a_clear_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pillow.fromarray(GREY).save(tmp_path / "x.png")
    monkeypatch.setattr(pictures, "_LARGEST", 5000)
    with pytest.raises(DataError, match=r"64 x 80 pixels.*tiled TIFF"):
        read_image(tmp_path / "x.png")


def test_an_animation_is_refused(tmp_path: Path) -> None:
    first, second = Pillow.fromarray(GREY), Pillow.fromarray(255 - GREY)
    first.save(tmp_path / "x.png", save_all=True, append_images=[second])
    with pytest.raises(DataError, match="animation of 2"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_a_cut_picture_is_an_error(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    Pillow.fromarray(COLOUR).save(path)
    whole = path.read_bytes()
    for share in (0.0, 0.01, 0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DataError, match=path.name):
            read_image(path)


@pytest.mark.parametrize("bad", [None, 3, "", "a\0b", "x" * 5000, b"x.tif", ["x.tif"]])
def test_what_is_no_path_is_a_typed_error(bad: object) -> None:
    with pytest.raises(DataError):
        read_image(bad)  # type: ignore[arg-type]


def test_a_folder_with_the_name_of_an_image_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "x.tif").mkdir()
    with pytest.raises(DataError, match="folder"):
        read_image(tmp_path / "x.tif")


def test_complex_values_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((8, 9), np.complex64))
    with pytest.raises(DataError, match="complex"):
        read_image(tmp_path / "x.tif")
