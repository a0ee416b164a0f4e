"""A TIFF that is cut, or lacks a part, is an error and never a smaller image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_sam.errors import DataError
from napari_sam.files import read_image
from ome_files import several_files

STACK = np.random.default_rng(0).integers(0, 4000, (6, 64, 80)).astype(np.uint16)

KINDS: dict[str, dict[str, Any]] = {
    "imagej": {"imagej": True},
    "ome": {"ome": True},
    "plain": {"metadata": None},
    "shaped": {},
    "bigtiff": {"bigtiff": True, "metadata": None},
    "tiled": {"tile": (32, 32)},
}


def written(path: Path, kind: str, compression: str | None = None) -> bytes:
    """Bytes of a six-slice stack in a kind of TIFF."""
    keywords = {"photometric": "minisblack", "compression": compression, **KINDS[kind]}
    tifffile.imwrite(path, STACK, **keywords)
    return path.read_bytes()


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_cut_anywhere_is_an_error_or_the_stack(
    kind: str, compression: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "x.tif"
    whole = written(path, kind, compression)
    np.testing.assert_array_equal(read_image(path).pixels, STACK)
    refused = 0
    for share in np.linspace(0.01, 0.99, 25):
        path.write_bytes(whole[: int(len(whole) * share)])
        try:
            found = read_image(path)
        except DataError:
            refused += 1
        else:  # what was lost may be the end of a description alone
            np.testing.assert_array_equal(found.pixels, STACK)
    assert refused >= 22


def test_a_stack_described_on_its_one_page_must_be_there(tmp_path: Path) -> None:
    """As ImageJ writes stacks of over 4 GB."""
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, STACK[0], description="ImageJ=1.53\nimages=6\nslices=6\n", metadata=None)
    with pytest.raises(DataError, match="6 planes"):
        read_image(path)
    with path.open("ab") as file:  # the others follow, outside the file's directory
        file.write(STACK[1:].tobytes())
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[0].dataoffsets[0]
    moved = path.read_bytes()
    path.write_bytes(moved[: offset + STACK[0].nbytes] + STACK[1:].tobytes())
    np.testing.assert_array_equal(read_image(path).pixels, STACK)


def test_a_directory_that_leads_into_nothing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    written(path, "plain")
    with tifffile.TiffFile(path) as tif:
        at = tif.pages.next_page_offset
    assert at is not None
    damaged = bytearray(path.read_bytes())
    damaged[at : at + 4] = (10**9).to_bytes(4, "little")
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="points to one that is not there"):
        read_image(path)


def test_a_later_image_of_a_cut_file_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "x.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for rows in (40, 50, 60):
            writer.write(STACK[0, :rows], metadata={"axes": "YX"})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError):
        read_image(path, series=0)


def test_an_image_in_several_files_is_read_from_any_of_them(tmp_path: Path) -> None:
    for path in several_files(tmp_path, STACK):
        np.testing.assert_array_equal(read_image(path).pixels, STACK[:2])


def test_a_missing_file_of_several_is_an_error_and_no_black_plane(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks 1 of its 2 planes"):
        read_image(several_files(tmp_path, STACK, shown=1)[0])


def test_a_cut_file_of_several_is_an_error(tmp_path: Path) -> None:
    first, second = several_files(tmp_path, STACK)
    second.write_bytes(second.read_bytes()[:-2000])
    for path in (first, second):
        with pytest.raises(DataError):
            read_image(path)


@pytest.mark.parametrize(
    "compression", ["lzw", "zlib", "packbits", "jpeg", "jpeg2000", "zstd", "lzma", "png", "jpegxl"]
)
def test_usual_compressions_are_read(compression: str, tmp_path: Path) -> None:
    pixels = (STACK[0] // 16).astype(np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", pixels, compression=compression)
    found = read_image(tmp_path / "x.tif")
    assert found.shape == pixels.shape
    assert abs(float(np.mean(found.pixels)) - pixels.mean()) < 2
    if compression not in ("jpeg", "jpegxl", "jpeg2000"):
        np.testing.assert_array_equal(found.pixels, pixels)


def test_what_the_library_logs_stays_off_the_screen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = written(tmp_path / "x.tif", "ome")
    (tmp_path / "x.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError):
        read_image(tmp_path / "x.tif")
    assert capfd.readouterr().err == ""
