"""The examples in the documentation of functions give what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import napari_sam

ROOT = Path(napari_sam.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(["napari_sam", *path.relative_to(ROOT).with_suffix("").parts])
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_give_what_they_say(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(module))
    assert result.failed == 0
    assert result.attempted > 0


def test_public_functions_say_what_they_return_and_raise() -> None:
    functions = [getattr(napari_sam, name) for name in napari_sam.__all__]
    functions = [one for one in functions if inspect.isfunction(one)]
    assert len(functions) > 5
    for one in functions:
        said = inspect.getdoc(one) or ""
        for heading in ("Parameters", "Returns", "Raises"):
            assert f"{heading}\n{'-' * len(heading)}\n" in said, f"{one.__name__}: {heading}"
