"""A share of `benchmarks/corrupted_files.py`: damaged files of every kind, in every way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import corrupted_files
from damaged import DAMAGES, good_files


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(12))
def test_a_damaged_file_is_read_whole_or_refused(number: int) -> None:
    damage = [*DAMAGES, "renamed", "folder"][number]
    tally = corrupted_files.run(5, seed=5 * number, only=damage)
    wrong = [words for words in tally.wrong if "over 5 s" not in words]
    assert not wrong, "\n".join(wrong)
    assert sum(counts["files"] for counts in tally.counts.values()) == 5


def test_undamaged_files_are_read_with_all_their_planes(tmp_path: Path) -> None:
    from napari_sam.files import images_in, read_image

    for good in good_files(tmp_path):
        path = tmp_path / good.name
        path.write_bytes(good.content)
        several = images_in(path)
        shapes = [read_image(path, series=image.series).shape for image in several]
        assert sum(int(np.prod(shape[:-2])) for shape in shapes) == good.planes, good.name


def test_what_goes_wrong_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness would notice a reader that takes one plane for a stack, and one that fails."""
    good = good_files(tmp_path)[0]
    assert good.planes == 6
    tifffile.imwrite(tmp_path / "one.tif", np.zeros((48, 48), np.uint16))
    cut = corrupted_files.Variant(tmp_path / "one.tif", "cut", good)
    tally = corrupted_files.Tally()
    corrupted_files.try_reading(cut, tally)
    assert tally.counts["cut"]["cut taken as whole"] == 2

    def fail(_: object) -> None:
        raise KeyError("no such tag")

    monkeypatch.setattr(corrupted_files, "read_image", fail)
    corrupted_files.try_reading(cut, tally)
    assert tally.counts["cut"]["untyped errors"] == 1
    assert any("no such tag" in words for words in tally.wrong)
