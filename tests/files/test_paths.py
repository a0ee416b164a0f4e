"""A path is a string as well as a `Path`, wherever a script gives one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.errors import DataError
from napari_sam.exports.formats import export
from napari_sam.files import (
    images_in,
    in_one_piece,
    labels_inside,
    made_here,
    read_image,
    read_labels,
    try_folder,
    write_labels,
    write_labels_inside,
    write_picture,
)

LABELS = np.zeros((12, 16), np.int32)
LABELS[2:6, 3:9] = 1
PICTURE = np.full((12, 16, 3), 90, np.uint8)


@pytest.mark.parametrize("kind", [str, Path])
def test_what_is_written_is_read_again(tmp_path: Path, kind: type) -> None:
    tiff, png = kind(tmp_path / "new" / "a.tif"), kind(tmp_path / "a.png")
    try_folder(kind(tmp_path / "new"), "choose another.")
    write_labels(tiff, LABELS)
    write_picture(png, PICTURE)
    np.testing.assert_array_equal(read_labels(tiff).finest, LABELS)
    np.testing.assert_array_equal(read_image(png).finest, PICTURE)
    assert len(images_in(tiff)) == 1
    assert made_here(tiff)
    assert made_here(png)
    with in_one_piece(png) as temporary:
        temporary.write_text("other")
    assert (tmp_path / "a.png").read_text() == "other"
    assert export(LABELS, kind(tmp_path / "a.csv"), "csv").is_file()


@pytest.mark.parametrize("kind", [str, Path])
def test_labels_inside_an_image(tmp_path: Path, kind: type) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=3)
    group.create_array("0", data=LABELS)
    axes = [{"name": name, "type": "space"} for name in "yx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0]}]
    level = {"path": "0", "coordinateTransformations": scale}
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [level]}]}
    group.attrs["ome"] = ome
    path = kind(tmp_path / "a.zarr")
    assert labels_inside(path) == []
    write_labels_inside(path, LABELS, "YX")
    assert labels_inside(path) == ["cells"]
    assert not made_here(path)  # the image is somebody's, whatever is laid into it


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_of_embeddings(tmp_path: Path, kind: type) -> None:
    EmbeddingStore(kind(tmp_path / "kept")).set_limit(12345)
    assert EmbeddingStore(kind(tmp_path / "kept")).max_bytes == 12345


@pytest.mark.parametrize("nothing", [None, 3, "a\0b"])
def test_what_is_no_path_is_refused(nothing: object) -> None:
    with pytest.raises(DataError, match="is not the path"):
        write_labels(nothing, LABELS)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="is not the path"):
        read_labels(nothing)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="is not the path"):
        write_labels_inside(nothing, LABELS, "YX")  # type: ignore[arg-type]
