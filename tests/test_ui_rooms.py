"""The rooms of the face: which way their arrows point, and that every module is tested."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import napari_sam
from source_files import imported, module

ROOT = Path(napari_sam.__file__).parent
FACE = ROOT / "ui"
TESTS = Path(__file__).parent

# From the bottom to the top: a room may import those of lower floors, and itself.
FLOORS = (
    {"layers", "state", "preferences", "loops", "find_options"},
    {"workbench", "canvas"},
    {"disk_cache", "layer_choice", "model_choice", "proposing"},
    {"labels_layer"},
    {"tools"},
    {"folder"},
    {"session"},
    {"widgets"},
)
# On one floor beside each other, in this direction only.
BESIDE = {("state", "layers"), ("state", "find_options"), ("workbench", "canvas")}
MOST_ROOMS, MOST_ARROWS = 20, 60
FILES = sorted(path for path in FACE.rglob("*.py") if path != FACE / "__init__.py")


def room(name: str) -> str | None:
    """Name the room of a module of the face; None for any other."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["napari_sam", "ui"] and len(parts) > 2 else None


def arrows() -> set[tuple[str, str]]:
    """Pairs of rooms, the first of which imports the second."""
    found = set()
    for path in FILES:
        here = room(module(path))
        for name in imported(path):
            there = room(name)
            if here and there and there != here:
                found.add((here, there))
    return found


def floor(name: str) -> int:
    floors = [number for number, rooms in enumerate(FLOORS) if name in rooms]
    assert floors, f"The room {name!r} has no floor: add it above."
    return floors[0]


def test_arrows_inside_the_face_point_down() -> None:
    for here, there in sorted(arrows()):
        down = floor(here) > floor(there) or (here, there) in BESIDE
        assert down, f"{here} imports {there}, which is not below it"


def test_the_face_is_small_enough_to_be_kept_in_mind() -> None:
    rooms = {room(module(path)) for path in FILES}
    assert len(rooms) <= MOST_ROOMS
    assert len(arrows()) <= MOST_ARROWS


def test_every_field_of_the_state_is_written_in_one_file() -> None:
    writers: dict[str, set[str]] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else []
            flat = [t for target in targets for t in getattr(target, "elts", [target])]
            for target in flat:
                if isinstance(target, ast.Attribute) and _is_state(target.value):
                    writers.setdefault(target.attr, set()).add(module(path))
    review = "napari_sam.ui.tools.review"
    shared = {
        field: files
        for field, files in writers.items()
        if len({review if file.startswith(review) else file for file in files}) > 1
    }
    assert not shared
    assert {"status", "answer", "find"} <= set(writers)  # the test sees what it looks for


def _is_state(node: ast.expr) -> bool:
    named = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return named in ("state", "_state")


def test_every_module_of_the_face_is_imported_by_a_test() -> None:
    words = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py"))
    names = set(re.findall(r"napari_sam\.ui[\w.]*", words))
    for path in TESTS.rglob("*.py"):
        names |= set(imported_names(path))
    missing = [module(path) for path in FILES if path.name != "__init__.py"]
    missing = [name for name in missing if name not in names]
    assert not missing


def imported_names(path: Path) -> Iterator[str]:
    """Modules that a test imports, ``from package import module`` included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
