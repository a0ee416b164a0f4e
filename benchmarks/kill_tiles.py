"""A large image segmented in tiles, for `kills.py`: which goes on where it was killed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

STEP, RADIUS = 30, 7
SHAPE = (150, 140)
COUNT = (SHAPE[0] // STEP) * (SHAPE[1] // STEP + 1)  # the last column is cut
FINAL = {"discs_labels.tif", "discs_labels.zarr", "discs_objects.csv", "discs_overlay.png"}


def discs() -> np.ndarray:
    """Return an image of bright discs in rows, many of which are cut by seams."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    away = (y % STEP - STEP // 2) ** 2 + (x % STEP - STEP // 2) ** 2
    return np.where(away <= RADIUS**2, 200, 10).astype(np.uint8)


def segment(folder: Path) -> None:
    """Segment the image in small tiles, with a model that is at hand at once."""
    import tifffile

    from fake_model import FakeModel
    from napari_sam import loading
    from napari_sam.cli import main
    from napari_sam.engine import tiles
    from napari_sam.images import samples

    loading.load_model = lambda *_, **__: FakeModel("cells")
    samples.IN_MEMORY, tiles._SIDE, tiles._MARGIN = 1000, 8, 2
    source = folder.parent / "large" / "discs.tif"
    if not source.exists():
        source.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(source, discs())
    how = ["--diameter", "14", "--limits", "0", "255", "--save", "labels,zarr", "--skip-existing"]
    sys.stdout = sys.stderr = open("/dev/null", "w")  # noqa: SIM115
    sys.exit(main(["segment", str(source), "-o", str(folder), *how]))


def check(folder: Path) -> bool:
    """All results, which say the same of the same objects, or rests that nobody sees."""
    import pandas as pd
    from PIL import Image

    from napari_sam.files import read_labels

    there = {path.name for path in folder.glob("[!.]*") if path.suffix != ".json"} - {"objects.csv"}
    assert there <= FINAL, f"a rest is left in sight: {there - FINAL}"
    for name in there:
        path = folder / name
        if path.suffix in (".tif", ".zarr"):
            labels = np.asarray(read_labels(path).pixels)
            assert np.array_equal(labels > 0, discs() > 100), path
            assert len(np.unique(labels)) == COUNT + 1, path
        elif path.suffix == ".csv":
            assert pd.read_csv(path)["label"].tolist() == list(range(1, COUNT + 1)), path
        else:
            Image.open(path).load()
    return there == FINAL
