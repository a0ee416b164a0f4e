"""Series of images: how far each is, and in which order they are gone through."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from fake_model import blobs
from napari_sam.batch.outputs import Outputs
from napari_sam.batch.series import find_series, standing_of
from napari_sam.errors import DataError
from napari_sam.files import write_labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "images"
    path.mkdir()
    for name in "abcd":
        tifffile.imwrite(path / f"{name}.tif", blobs())
    return path


def found(folder: Path, name: str, scores: list[float], reviewed: str = "open") -> None:
    """Let labels and a table lie beside an image."""
    write_labels(folder / f"{name}_labels.tif", np.ones((3, 4), np.int32))
    table = {"label": range(1, len(scores) + 1), "score": scores, "reviewed": reviewed}
    pd.DataFrame(table).to_csv(folder / f"{name}_objects.csv", index=False)


def test_the_least_certain_image_comes_first(folder):
    found(folder, "a", [0.9, 0.8])
    found(folder, "c", [0.5, 0.9, math.nan])
    found(folder, "d", [0.1], reviewed="accepted")
    series = find_series([folder])
    assert [standing.state for standing in series.standings] == [
        *("found", "to do", "found", "reviewed")
    ]
    assert series.counts == (1, 2, 1)
    series.sort(least_certain_first=True)
    assert series.names == ["c", "a", "b", "d"]
    assert series.standings[0].certainty == pytest.approx(0.7)
    found(folder, "b", [])
    assert series.look(2).certainty == math.inf
    series.sort(least_certain_first=False)
    assert series.names == list("abcd")
    series.follow(["d", "x", "b"])
    assert series.names == ["d", "b", "a", "c"]


def test_what_was_reviewed_does_not_count_for_certainty(folder):
    found(folder, "a", [0.2, 0.8])
    table = pd.read_csv(folder / "a_objects.csv")
    table["reviewed"] = ["rejected", "open"]
    table.to_csv(folder / "a_objects.csv", index=False)
    assert standing_of(find_series([folder]).jobs[0]) == ("found", 0.8)
    (folder / "a_objects.csv").write_bytes(b"\xff\xfe\x00")
    assert standing_of(find_series([folder]).jobs[0]) == ("found", math.inf)


def test_some_files_are_a_series_and_their_labels_lie_beside_them(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    tifffile.imwrite(other / "a.tif", blobs())
    chosen = [folder / "c.tif", other / "a.tif", folder / "a.tif"]
    series = find_series(chosen)
    assert [job.outputs for job in series.jobs] == [
        Outputs("c", folder),
        Outputs("a", folder),
        Outputs("a", other),
    ]
    assert series.folder == tmp_path
    assert series.key == find_series(chosen[::-1]).key
    with pytest.raises(DataError, match="Nothing found"):
        find_series([folder / "x.tif"])
