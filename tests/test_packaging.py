"""The wheel that people install: metadata, manifest, and everything it must carry."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_sam

PACKAGE = Path(napari_sam.__file__).parent
ROOT = Path(__file__).parents[1]


def test_the_manifest_belongs_to_the_distribution() -> None:
    manifest = PluginManifest.from_file(PACKAGE / "napari.yaml")
    assert manifest.name == "napari-sam-bio"
    assert manifest.display_name == "SAM for Biology"
    assert str(manifest.visibility).endswith("public")
    (entry,) = [e for e in entry_points(group="napari.manifest") if e.name == manifest.name]
    assert entry.value == "napari_sam:napari.yaml"


def test_every_command_of_the_manifest_can_be_imported() -> None:
    manifest = PluginManifest.from_file(PACKAGE / "napari.yaml")
    manifest.validate_imports()


def test_what_the_hub_needs_is_in_the_metadata() -> None:
    metadata = distribution("napari-sam-bio").metadata
    assert "Framework :: napari" in metadata.get_all("Classifier", [])
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL", []))
    assert urls["Homepage"].startswith("https://github.com/")
    assert {"Source", "Tracker", "Documentation"} <= set(urls)


def test_what_the_package_imports_is_declared() -> None:
    """Nothing is there only because napari or torch happens to bring it along."""
    optional = {
        "napari",
        "matplotlib",
        "psutil",
        "onnx",
        "onnxruntime",
        "onnxscript",
        "zarr",
        "bioio",
        "geff",
        "networkx",
        "timm",
        "transformers",
        "numba",
        "dask",
        "distributed",
    }
    named_otherwise = {"PIL": "pillow", "skimage": "scikit-image"}
    imported: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                imported.add(node.module.split(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - optional - {"napari_sam"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=!~ \[]", line)[0].lower() for line in project["dependencies"]}
    names = {named_otherwise.get(name, name).lower().replace("_", "-") for name in foreign}
    unsaid = {"torchvision", "xxhash"}  # segment-anything needs the one, pooch uses the other
    assert names == declared - unsaid


def test_no_qt_binding_is_forced_on_anybody() -> None:
    required = distribution("napari-sam-bio").requires or []
    base = [r.lower() for r in required if "extra ==" not in r]
    assert not [r for r in base if r.startswith(("pyqt", "pyside", "napari"))]


def test_images_of_the_readme_are_absolute() -> None:
    """The hub and the package index show the README without the repository around it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in [part.split(")")[0] for part in text.split("](")[1:]]:
        if target.endswith((".png", ".svg", ".gif")):
            assert target.startswith("https://raw.githubusercontent.com/"), target
            assert (ROOT / "docs" / "images" / target.rsplit("/", 1)[1]).exists(), target


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names in a wheel built from this source."""
    out = tmp_path_factory.mktemp("wheel")
    build = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_the_wheel_carries_manifest_types_and_licence(wheel: list[str]) -> None:
    for name in ("napari_sam/napari.yaml", "napari_sam/py.typed"):
        assert name in wheel
    assert any(name.endswith("licenses/LICENSE") for name in wheel)


def test_the_wheel_carries_the_embedded_weights(wheel: list[str]) -> None:
    assert "napari_sam/models/cells/weights/cells.safetensors" in wheel


def test_the_wheel_carries_all_modules_and_nothing_else(wheel: list[str]) -> None:
    modules = {str(p.relative_to(PACKAGE.parent).as_posix()) for p in PACKAGE.rglob("*.py")}
    assert modules <= set(wheel)
    assert not [name for name in wheel if name.startswith(("tests/", "docs/", "benchmarks/"))]
    assert not [name for name in wheel if "__pycache__" in name]
