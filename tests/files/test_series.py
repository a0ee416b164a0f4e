"""Files that hold several images, and images that lie in several files: none is passed over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam.errors import DataError
from napari_sam.files import images_in, read_image
from napari_sam.files.sources import sources_of
from ome_files import several_files

STACK = np.zeros((2, 64, 80), np.uint16)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three images of different sizes and pixel sizes in one file."""
    path = tmp_path / "three.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for number in range(3):
            size = {"PhysicalSizeX": number + 1.0, "PhysicalSizeY": number + 1.0}
            image = np.full((40 + number, 50), number, np.uint8)
            writer.write(image, metadata={"axes": "YX", "Name": f"well {number}", **size})
    return path


def test_the_images_of_a_file_are_listed_by_name(three: Path) -> None:
    found = images_in(three)
    assert [(image.series, image.name, image.shape) for image in found] == [
        (0, "well 0", (40, 50)),
        (1, "well 1", (41, 50)),
        (2, "well 2", (42, 50)),
    ]


def test_each_image_can_be_chosen_with_its_own_pixel_size(three: Path) -> None:
    for number in range(3):
        image = read_image(three, series=number)
        assert image.shape == (40 + number, 50)
        assert (image.pixels == number).all()
        assert image.pixel_size is not None
        assert image.pixel_size.row == number + 1


def test_several_images_and_no_choice_is_an_error_that_names_them(three: Path) -> None:
    with pytest.raises(DataError, match=r"holds 3 images.*well 1.*--series"):
        read_image(three)


@pytest.mark.parametrize("number", [-1, 3, 10**9, "1", 1.0, True])
def test_an_image_that_is_not_there_is_refused(number: object, three: Path) -> None:
    with pytest.raises(DataError, match=r"0\.\.2|whole number"):
        read_image(three, series=number)  # type: ignore[arg-type]


def test_a_picture_has_one_image(tmp_path: Path) -> None:
    import imageio.v3 as iio

    iio.imwrite(tmp_path / "x.png", np.zeros((8, 9), np.uint8))
    assert read_image(tmp_path / "x.png", series=0).shape == (8, 9)
    with pytest.raises(DataError, match="no image 1"):
        read_image(tmp_path / "x.png", series=1)
    assert [image.series for image in images_in(tmp_path / "x.png")] == [0]


def test_a_thumbnail_in_front_is_not_taken_for_the_image(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8), photometric="rgb", subfiletype=1)
        writer.write(np.ones((64, 80), np.uint8), photometric="minisblack")
    assert read_image(path).shape == (64, 80)
    assert [source.name for source in sources_of([path])] == ["slide"]


def test_an_unmarked_small_image_in_front_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8), photometric="rgb", metadata=None)
        writer.write(np.ones((64, 80), np.uint8), photometric="minisblack", metadata=None)
    with pytest.raises(DataError, match="holds 2 images"):
        read_image(path)


def test_the_levels_of_a_pyramid_are_one_image(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.ome.tif"
    image = np.random.default_rng(0).integers(0, 255, (128, 128)).astype(np.uint8)
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(image, subifds=1, tile=(64, 64), metadata={"axes": "YX"})
        writer.write(image[::2, ::2], subfiletype=1, tile=(64, 64))
    np.testing.assert_array_equal(read_image(path).pixels, image)
    assert len(sources_of([path])) == 1


def test_every_image_of_a_file_becomes_a_source_of_its_own(three: Path) -> None:
    found = sources_of([three])
    assert [(source.series, source.name) for source in found] == [
        (0, "three_series0"),
        (1, "three_series1"),
        (2, "three_series2"),
    ]
    assert "well 1" in found[1].title
    assert sources_of([three], series=2) == found[2:]
    assert [(s.series, s.name) for s in sources_of([three], series=3)] == [(3, "three")]


def test_an_image_in_several_files_is_one_source(tmp_path: Path) -> None:
    first, second = several_files(tmp_path, STACK)
    assert [source.path for source in sources_of([first, second])] == [first]
    assert [source.path for source in sources_of([second])] == [second]


def test_a_file_whose_description_lies_in_another_says_so(tmp_path: Path) -> None:
    first, second = several_files(tmp_path, STACK)
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<BinaryOnly MetadataFile="{first.name}" UUID="urn:uuid:{"0" * 8}"/></OME>'
    )
    tifffile.imwrite(second, np.zeros((64, 80), np.uint16), description=xml, metadata=None)
    with pytest.raises(DataError, match=first.name):
        read_image(second)
    assert [source.path for source in sources_of([first, second])] == [first]


def test_a_file_that_cannot_be_read_is_listed_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(b"II*\0 and nothing more")
    assert [source.path for source in sources_of([path])] == [path]


def test_images_within_a_file_are_called_like_no_other_file(three: Path) -> None:
    other = three.with_name("three_Series1.tif")
    tifffile.imwrite(other, np.full((40, 50), 9, np.uint8))
    for given in ([three, other], [other, three]):
        found = {source.name: source.path for source in sources_of(given)}
        assert found == {
            "three_ome_tif_series0": three,
            "three_ome_tif_series1": three,
            "three_ome_tif_series2": three,
            "three_Series1_tif": other,
        }
    chosen = [source.name for source in sources_of([three, other], 0)]
    assert chosen == ["three_ome_tif_series0", "three_Series1_tif"]


def test_files_of_one_name_are_told_apart_before_a_person(three: Path) -> None:
    for name in ("one", "two"):
        (three.parent / name).mkdir()
        tifffile.imwrite(three.parent / name / "a.tif", STACK)
    given = [three, *(three.parent / name / "a.tif" for name in ("one", "two"))]
    titles = [source.title for source in sources_of(given)]
    assert titles[0].startswith("three.ome.tif, image 0")
    assert titles[3:] == ["one/a.tif", "two/a.tif"]
