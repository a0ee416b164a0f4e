"""A file of each family: Python, command line, a batch of two processes and workers of dask."""

from __future__ import annotations

import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_sam as ns
from family_files import FAMILIES, IMAGE, damaged
from napari_sam.batch.job import Job, Models
from napari_sam.batch.outputs import Outputs
from napari_sam.batch.run import run_jobs
from napari_sam.cli import main
from napari_sam.errors import CheckpointError
from napari_sam.files.sources import Source
from napari_sam.methods.option import differing
from napari_sam.methods.registry import method_of
from tiny_sam2 import library


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, tuple[Path, Any, np.ndarray]]:
    """Each family's file, a search, and the labels that it finds in Python."""
    library()
    found = {}
    for name, (write, options) in FAMILIES.items():
        path = write(tmp_path_factory.mktemp(name))
        words = {one.name: getattr(options, one.name) for one in fields(options)}
        model = ns.load_model(path, device="cpu")
        result = ns.segment_objects(IMAGE, method_of(options).name, model, **words)
        found[name] = path, options, result.labels
    return found


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, IMAGE)
    return path


def test_every_family_finds_something(written):
    assert [name for name, (_, _, labels) in written.items() if labels.any()] == list(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_file_goes_through_the_command_line(name, written, image, tmp_path):
    path, options, labels = written[name]
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in differing(options).items()]
    command = ["segment", str(image), "-o", str(tmp_path), "--model", str(path), "--device", "cpu"]
    assert main([*command, "--mode", method_of(options).name, *flags]) == 0
    (file,) = tmp_path.glob("image_*.tif")
    np.testing.assert_array_equal(tifffile.imread(file), labels)


def jobs(written: Any, image: Path, out: Path) -> list[Job]:
    """A job for each family."""
    return [
        Job(
            Source(image, None, name, image.name),
            Outputs(name, out),
            options,
            Models(str(path), device="cpu"),
        )
        for name, (path, options, _) in written.items()
    ]


@pytest.mark.filterwarnings("ignore")  # of dask and its event loop
@pytest.mark.parametrize("where", ["two processes", "dask"])
def test_files_of_all_families_go_through_a_batch(where, written, image, tmp_path):
    work = jobs(written, image, tmp_path / "out")
    if where == "dask":
        distributed = pytest.importorskip("distributed")
        from napari_sam.batch.cluster import run_with_client

        cluster = {"n_workers": 2, "threads_per_worker": 1, "processes": False}
        with (
            distributed.LocalCluster(**cluster, dashboard_address=None) as made,
            distributed.Client(made) as client,
        ):
            outcomes = list(run_with_client(work, client))
    else:
        outcomes = list(run_jobs(work, workers=2))
    assert [(one.kind, one.said) for one in outcomes if one.kind != "done"] == []
    for name, (_, _, labels) in written.items():
        (file,) = (tmp_path / "out").glob(f"{name}_*.tif")
        np.testing.assert_array_equal(tifffile.imread(file), labels)


@pytest.mark.parametrize("name", [*FAMILIES, "cells"])
def test_a_box_across_the_border_means_what_of_it_is_on_the_image(name, written):
    """Whoever drags around a cell at the border lets go beyond it."""
    model = ns.load_model("cells" if name == "cells" else written[name][0], device="cpu")
    embedding = model.encode(IMAGE)
    height, width = IMAGE.shape[:2]
    across, ends = (-3 * height, 4, 20, 9 * width), (-0.5, 4, 20, width - 0.5)
    told, wanted = (model.predict(embedding, ns.Prompt(boxes=[box])) for box in (across, ends))
    np.testing.assert_array_equal(told.scores, wanted.scores)
    np.testing.assert_array_equal(told.masks, wanted.masks)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_damaged_file_is_named(name, written, tmp_path):
    path = written[name][0]
    copy = Path(shutil.copytree(path.parent, tmp_path / "copy")) / path.name
    damaged(copy)
    with pytest.raises(CheckpointError, match=path.name):
        ns.load_model(copy, device="cpu")
