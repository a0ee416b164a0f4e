"""The README's Python block and command lines, run as they are written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from fake_model import blobs
from napari_sam import loading
from napari_sam.cli import main
from napari_sam.models import zoo
from tiny_sam import tiny_sam

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
COMMANDS = [
    line.partition("#")[0].strip()
    for _, block in BLOCKS
    for line in block.splitlines()
    if line.startswith("napari-sam ") and not line.startswith("napari-sam demo")
]


@pytest.fixture
def downloaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Models that would be downloaded are tiny ones instead; `cells` is the real one."""
    asked: list[str] = []
    load = loading.load_model

    def fake(name: Any = "cells", *arguments: Any, **options: Any) -> Any:
        asked.append(str(name))
        return load(name, *arguments, **options) if name == "cells" else tiny_sam()

    monkeypatch.setattr(loading, "load_model", fake)
    monkeypatch.setattr(zoo, "download", lambda name, **_: asked.append(name))
    return asked


def test_the_python_block_runs(
    downloaded: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = (text for language, text in BLOCKS if language == "python")
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert len(names["result"]) > 10  # coins
    assert names["found"].masks.shape[1:] == names["image"].shape
    assert "sam_vit_b" in downloaded


def test_the_command_lines_run(
    downloaded: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plate").mkdir()
    tifffile.imwrite("plate/a.tif", blobs())  # grey
    tifffile.imwrite("plate/b.tif", np.repeat(blobs()[..., None], 3, axis=2), photometric="rgb")
    tifffile.imwrite("many.tif", np.stack([blobs(), 255 - blobs()]), imagej=True,
                     metadata={"axes": "CYX"})  # fmt: skip
    balls = blobs((10, 60, 80), ((4, 20, 20), (5, 40, 60)))
    tifffile.imwrite("stack.tif", balls, imagej=True, metadata={"axes": "ZYX"})
    Image.fromarray(blobs()).save("leaf.png")
    assert len(COMMANDS) >= 6
    for line in COMMANDS:
        assert main(shlex.split(line)[1:]) == 0, line
    made = {path.name for path in Path("results").iterdir()}
    assert {
        "a_labels.tif",
        "b_labels.tif",
        "many_labels.tif",
        "leaf_labels.tif",
        "stack_labels.tif",
    } <= made
    assert Path("a.zip").is_file()


def test_nothing_asks_for_a_package_that_is_not_there_yet() -> None:
    commands = [
        line for _, block in BLOCKS for line in block.splitlines() if line.startswith("pip install")
    ]
    assert commands
    assert not [line for line in commands if "napari-sam-bio" in line]
