"""What the documentation shows: Python that runs, commands that are known, names that exist."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel

import napari_sam as ns
from concept_model import ConceptModel
from fake_model import blobs
from napari_sam import loading
from napari_sam.cli.app import build_parser
from tiny_sam import tiny_sam

ROOT = Path(__file__).parents[1]
PAGES = {
    path.name: path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
#: README.md has a test of its own, which looks at what comes of it.
ELSEWHERE = {"README.md"}
WITH_PYTHON = sorted(
    name for name, text in PAGES.items() if "```python" in text and name not in ELSEWHERE
)
PLACES = ((26, 80), (40, 40), (40, 120), (85, 85), (120, 88), (120, 140), (120, 20), (85, 140))


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the pages use without saying where it comes from: data, and files that they read.

    Not the package: a page imports it where it is first used.
    """
    load = loading.load_model

    def instead(name: Any = "cells", *_: Any, **__: Any) -> Any:
        if name in ("cells", "my.safetensors"):
            return load(name, "cpu")
        return tiny_sam() if name in ("sam_vit_b", "my_finetuned.pth") else ConceptModel()

    # The package's own name first: it is taken from there when it is first used, and put back.
    monkeypatch.setattr(ns, "load_model", instead)
    monkeypatch.setattr(loading, "load_model", instead)
    monkeypatch.chdir(tmp_path)
    image = blobs((160, 180), PLACES, 9)
    labels = np.zeros(image.shape, np.int32)
    for number, (row, column) in enumerate(PLACES, start=1):
        labels[row - 8 : row + 9, column - 8 : column + 9] = number
    labels *= image > 100
    stack = np.repeat(image[None], 21, axis=0)  # slice 20 is shown
    channels = np.stack([stack[:4]] * 3, axis=1)
    tifffile.imwrite("stack.tif", channels, imagej=True, metadata={"axes": "ZCYX"})
    tifffile.imwrite("nuclei.tif", image)
    mask = labels == 5
    return {
        "viewer": ViewerModel(),
        **dict.fromkeys(["image", "plane", "other_image", "next_image"], image),
        "stack": stack,
        **dict.fromkeys(["frames", "movie"], stack[:4]),
        **dict.fromkeys(["labels", "other_labels"], labels),
        **dict.fromkeys(["mask", "painted", "corrected", "other"], mask),
        "examples": np.where(labels < 3, labels, 0),
        "model": instead("cells"),
    }


#: Nobody waits a minute for a lesson, or has a slide of 40,000 pixels a side.
INSTEAD = {"seconds=60": "seconds=1", "40000, 40000": "160, 180", "20_120, 31_877": "120, 88"}
SMALLER = "|".join(INSTEAD)
#: What these pages call by the same names, and is a stack.
STACKED = {"how-to.md": ("image",), "stacks.md": ("labels",)}


@pytest.mark.filterwarnings("ignore:.*old weights")
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_python_runs(page: str, shown: dict[str, Any]) -> None:
    if "import zarr" in PAGES[page]:
        pytest.importorskip("zarr").save_array("slide.zarr/0", shown["image"])
    for name in STACKED.get(page, ()):
        flat = shown[name]
        shown[name] = np.stack([flat, flat, 0 * flat, flat])
    for language, block in BLOCK.findall(PAGES[page]):
        if language == "python":
            small = re.sub(SMALLER, lambda found: INSTEAD[found[0]], block)
            exec(compile(small, page, "exec"), shown)


#: Of a line that says how a command is called in general.
SYNOPSIS = re.compile(r"[\[|]|\.\.\.|[A-Z]{4}")


def typed_commands() -> Iterator[tuple[str, str]]:
    """List the commands in blocks of the pages, with what is continued on the next line."""
    blocks = [(page, *found) for page, text in PAGES.items() for found in BLOCK.findall(text)]
    for page, language, block in blocks:
        for line in block.replace("\\\n", " ").splitlines() if language in ("", "bash") else ():
            words = line.partition(" #")[0].strip()
            if words.startswith("napari-sam ") and not SYNOPSIS.search(words):
                yield page, words


def test_commands_are_known() -> None:
    commands = list(typed_commands())
    assert len(commands) > 40
    for page, words in commands:
        try:
            build_parser().parse_args(shlex.split(words)[1:])
        except SystemExit:
            pytest.fail(f"{page}: {words}")


def test_benchmarks_are_there_and_have_the_options() -> None:
    calls = [
        (page, name, re.findall(r"--[a-z][\w-]*", options))
        for page, text in PAGES.items()
        for name, options in re.findall(
            r"python\s+benchmarks/(\w+)\.py([^`]*?)(?=`|\n\w+ |\n\n)", text
        )
    ]
    assert len(calls) > 40
    for page, name, options in calls:
        script = ROOT / "benchmarks" / f"{name}.py"
        assert script.is_file(), f"{page}: {script}"
        code = script.read_text(encoding="utf-8")
        for option in options:
            assert f'"{option}"' in code, f"{page}: {name}.py {option}"


def test_what_is_named_is_there() -> None:
    named = [
        (page, name)
        for page, text in PAGES.items()
        for name in re.findall(
            r"`((?:napari_sam|tests|benchmarks)[./][\w./]+|\w+/[\w/]+\.py)`", text
        )
    ]
    assert len(named) > 40
    for page, name in named:
        if "/" in name:
            there = (ROOT / name).exists() or (ROOT / "src" / "napari_sam" / name).exists()
            assert there, f"{page}: {name}"
        else:
            find(name, page)


def test_the_reference_lists_what_is_there() -> None:
    listed = re.findall(
        r"^\.\. auto\w+:: (\S+)\n(?: +:members: *(.*)\n)?",
        (ROOT / "docs" / "api.rst").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(listed) > 40
    for name, members in listed:
        thing = find(name, "api.rst")
        for member in filter(None, members.replace(" ", "").split(",")):
            assert hasattr(thing, member), f"api.rst: {name}.{member}"
    there = [find(name, "api.rst") for name, _ in listed]
    for name in set(ns.__all__) - {"__version__"}:
        assert any(getattr(ns, name) is thing for thing in there), f"api.rst lacks {name}"


def test_what_lies_deeper_is_told() -> None:
    assert "available" in ns._DEEPER
    for name, home in ns._DEEPER.items():
        assert name not in ns.__all__
        assert hasattr(importlib.import_module(home), name)
        with pytest.raises(AttributeError, match=f"It is {home}.{name}"):
            getattr(ns, name)


def find(name: str, page: str) -> Any:
    """Import what a dotted name says, a module or something in it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        home, _, what = name.rpartition(".")
        there = importlib.import_module(home)
        assert hasattr(there, what), f"{page}: {name}"
        return getattr(there, what)
