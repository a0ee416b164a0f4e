"""Large TIFFs are read where they are looked at, and give the same pixels."""

from __future__ import annotations

import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_sam.errors import DataError, ImageError
from napari_sam.files import read_image, tiff, tiff_lazy
from napari_sam.files.pick import pick
from napari_sam.files.tiff_lazy import TiffPages

STACK = np.random.default_rng(0).integers(0, 4000, (3, 2, 130, 150)).astype(np.uint16)
COLOUR = np.random.default_rng(0).integers(0, 255, (2, 90, 100, 3)).astype(np.uint8)
KEYS = [
    ...,
    0,
    -1,
    (1, 1),
    (slice(None), 1, slice(10, 50), slice(60, 149, 3)),
    (2, 0, -5),
    (..., 3),
    (slice(2, None, -1), 0, slice(50, 10, -2)),
    (0, 0, slice(5, 5)),
]


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every image for one that is read in parts."""
    monkeypatch.setattr(tiff, "_AT_ONCE", 0)


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"byteorder": ">"},
        {"compression": "zlib"},
        {"compression": "zlib", "rowsperstrip": 7},
        {"compression": "zlib", "tile": (32, 48)},
        {"compression": "lzw", "predictor": True},
        {"tile": (32, 48)},
        {"imagej": True, "metadata": {"axes": "TCYX"}},
        {"ome": True, "metadata": {"axes": "CZYX"}, "compression": "zlib"},
        {"ome": True, "metadata": {"axes": "TCYX"}},
    ],
    ids=str,
)
def test_parts_are_the_parts_of_the_whole(keywords: dict[str, Any], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", STACK, photometric="minisblack", **keywords)
    pixels = read_image(tmp_path / "x.tif").pixels
    assert pixels.shape == STACK.shape
    assert (pixels.ndim, len(pixels), pixels.dtype) == (4, 3, STACK.dtype)
    for key in KEYS:
        np.testing.assert_array_equal(np.asarray(pixels[key]), STACK[key])
    np.testing.assert_array_equal(np.asarray(pixels), STACK)


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
@pytest.mark.parametrize("keywords", [{"tile": (32, 48)}, {"rowsperstrip": 11}, {}], ids=str)
def test_colour_is_read_in_parts(
    planarconfig: str, keywords: dict[str, Any], tmp_path: Path
) -> None:
    stored = COLOUR if planarconfig == "contig" else COLOUR.transpose(0, 3, 1, 2)
    tifffile.imwrite(
        tmp_path / "x.tif",
        stored,
        photometric="rgb",
        planarconfig=planarconfig,
        compression="zlib",
        **keywords,
    )
    image = read_image(tmp_path / "x.tif")
    assert image.rgb
    np.testing.assert_array_equal(np.asarray(image.pixels), COLOUR)
    np.testing.assert_array_equal(image.pixels[1, 10:70, 60:], COLOUR[1, 10:70, 60:])


def test_a_channel_is_picked_without_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", STACK, ome=True, metadata={"axes": "ZCYX"}, compression="zlib"
    )
    read: list[int] = []
    really = TiffPages._page

    def page(self: TiffPages, number: int, ranges: list[range]) -> Any:
        read.append(number)
        return really(self, number, ranges)

    monkeypatch.setattr(TiffPages, "_page", page)
    picked = pick(read_image(tmp_path / "x.tif"), 1)
    assert picked.axes == "ZYX"
    assert not read
    blocks = list(picked.blocks())
    np.testing.assert_array_equal(blocks[2].read(), STACK[2, 1])
    assert read == [5]


def test_only_the_tiles_of_a_window_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", STACK[0, 0], tile=(32, 32), compression="zlib")
    unpacked: list[int] = []
    really = tiff_lazy._copy

    def copy(*arguments: Any) -> None:
        unpacked.append(1)
        really(*arguments)

    monkeypatch.setattr(tiff_lazy, "_copy", copy)
    pixels = read_image(tmp_path / "x.tif").pixels
    np.testing.assert_array_equal(pixels[40:60, 70:90], STACK[0, 0, 40:60, 70:90])
    assert len(unpacked) == 1


def test_a_plane_in_one_huge_piece_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", STACK[0, 0], compression="zlib", rowsperstrip=130)
    monkeypatch.setattr(tiff_lazy, "_LARGEST_PART", 1000)
    with pytest.raises(DataError, match="tiled TIFF"):
        read_image(tmp_path / "x.tif")


def test_damage_met_later_is_an_error_then(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, STACK, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        at = tif.pages[3].dataoffsets[0]
    damaged = bytearray(path.read_bytes())
    damaged[at : at + 50] = bytes(50)
    path.write_bytes(damaged)
    pixels = read_image(path).pixels
    np.testing.assert_array_equal(pixels[0, 0], STACK[0, 0])
    with pytest.raises(DataError, match="plane 3"):
        pixels[1, 1]


@pytest.mark.parametrize("key", [[0, 1], np.array([0]), None, "a", (0, 0, 0, 0, 0), 1.5])
def test_other_keys_are_refused(key: Any, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", STACK, compression="zlib")
    with pytest.raises(ImageError):
        read_image(tmp_path / "x.tif").pixels[key]
    with pytest.raises(IndexError):
        read_image(tmp_path / "x.tif").pixels[7]


def test_strips_are_unpacked_once_for_windows_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", STACK[0, 0], compression="zlib", rowsperstrip=8)
    unpacked: list[int] = []
    really = tiff_lazy._unpack

    def unpack(file: Any, keyframe: Any, index: int, *rest: Any) -> Any:
        unpacked.append(index)
        return really(file, keyframe, index, *rest)

    monkeypatch.setattr(tiff_lazy, "_unpack", unpack)
    pixels = read_image(tmp_path / "x.tif").pixels
    for left in range(0, STACK.shape[-1], 25):
        part = pixels[20:44, left : left + 25]
        np.testing.assert_array_equal(part, STACK[0, 0, 20:44, left : left + 25])
    assert unpacked == [2, 3, 4, 5]


def test_a_pyramid_in_sub_images_is_read_level_by_level(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "_AT_ONCE", 0)
    full = np.random.default_rng(0).integers(0, 255, (2, 96, 128), np.uint8)
    path = tmp_path / "slide.ome.tif"
    how = {"tile": (32, 32), "compression": "zlib"}
    with tifffile.TiffWriter(path) as writer:
        writer.write(full, subifds=2, metadata={"axes": "CYX"}, **how)
        for step in (2, 4):
            writer.write(full[:, ::step, ::step], subfiletype=1, **how)
    image = pick(read_image(path), 1)
    assert [level.shape for level in image.levels] == [(96, 128), (48, 64), (24, 32)]
    for step, level in zip((1, 2, 4), image.levels, strict=True):
        np.testing.assert_array_equal(level[5:20, 3:30], full[1, ::step, ::step][5:20, 3:30])
    monkeypatch.setattr(tiff, "_AT_ONCE", 1 << 30)
    assert len(read_image(path).levels) == 1  # a small one is in memory as a whole


def test_what_is_read_in_parts_says_what_to_send_to_another_process_instead(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", STACK, compression="zlib")
    image = read_image(tmp_path / "x.tif")
    for send in (pickle.dumps, deepcopy):
        with pytest.raises(DataError, match=r"x\.tif .* send its path"):
            send(image)
