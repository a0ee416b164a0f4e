"""The rooms of the package: who may import whom, and how large they are."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import napari_sam
from source_files import functions, imported
from source_files import module as name_of

ROOT = Path(napari_sam.__file__).parent

# A room may import the rooms named here, and itself.
VOCABULARY = {
    "array_kinds",
    "candidates",
    "checks",
    "classes",
    "contrast",
    "margins",
    "counts",
    "errors",
    "files",
    "id_columns",
    "images",
    "installation",
    "libraries",
    "spelling",
    "noise",
    "overlays",
    "pixel_size",
    "polygons",
    "progress",
    "prompt_values",
    "prompts",
    "regions",
    "run_lengths",
    "segmentation",
    "strokes",
}
HEADLESS = VOCABULARY | {
    "labels",
    "models",
    "embeddings",
    "loading",
    "stacks",
    "objects",
    "methods",
    "exports",
}
SEGMENTS = HEADLESS | {"engine", "segment", "segment_similar", "segment_stacks"}
EVERYTHING = SEGMENTS | {"segment_replay", "batch", "samples", "training"}
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(VOCABULARY, VOCABULARY),
    "exports": VOCABULARY,
    "labels": VOCABULARY,
    "models": VOCABULARY,
    "embeddings": VOCABULARY | {"models"},
    "loading": VOCABULARY | {"models", "embeddings"},
    "stacks": VOCABULARY | {"labels", "models", "embeddings", "loading"},
    "objects": VOCABULARY | {"labels", "models", "embeddings", "loading"},
    "methods": VOCABULARY | {"labels", "models", "embeddings", "loading", "stacks", "objects"},
    "engine": HEADLESS,
    "segment": HEADLESS | {"engine"},
    "segment_similar": HEADLESS | {"engine"},
    "segment_stacks": HEADLESS | {"engine"},
    "segment_replay": HEADLESS | {"engine"},
    "batch": SEGMENTS,
    "training": SEGMENTS,
    "samples": VOCABULARY | {"training"},
    "cli": EVERYTHING,
    "ui": EVERYTHING,
    "__main__": {"cli"},
}
GUI = {"napari", "qtpy", "PySide6", "PyQt6", "PyQt5", "superqt", "magicgui", "vispy"}
DASK = {"dask", "distributed"}
# The demo's window is the one place outside the panel that opens napari, when it runs.
MAY_OPEN_NAPARI = {"ui", "cli"}
MAY_USE_DASK = {"batch", "cli", "ui"}
MOST_LINES, MOST_CODE = 350, 60  # of a file, of a function


def room(path: Path) -> str:
    """Name the room of a file: the folder or the module right below the package."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    """List ``(module, when the file is imported)`` of every import statement in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    delayed = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) or _only_for_types(outer)
        for inner in ast.walk(outer)
    }
    package = ["napari_sam", *path.relative_to(ROOT).parts[:-1]]
    found = []
    for node in ast.walk(tree):
        at_once = id(node) not in delayed
        if isinstance(node, ast.Import):
            found += [(alias.name, at_once) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])])
            # ``from napari_sam import images`` imports a module, not a name of the package
            found += [(f"{base}.{alias.name}", at_once) for alias in node.names]
    # a public name stands for the module it lives in
    public = {f"napari_sam.{name}": home for name, home in napari_sam._HOMES.items()}
    return [(public.get(module, module), at_once) for module, at_once in found]


def _only_for_types(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def upward(path: Path) -> list[str]:
    """List the imports of a file that point at a room which its own may not know."""
    here = room(path)
    if here not in MAY_IMPORT:
        return [f"The room {here!r} has no place in the plan: add it above."]
    allowed = MAY_IMPORT[here] | {here, "__version__"}
    ours = [module for module, _ in imports(path) if module.startswith("napari_sam.")]
    bad = [module for module in ours if module.split(".")[1] not in allowed]
    return [f"{path.name} of {here} imports {module}" for module in bad]


def out_of_place(path: Path) -> list[str]:
    """List the imports of napari, Qt and dask where there should be none, or not yet."""
    here, found = room(path), []
    for module, at_once in imports(path):
        top = module.split(".")[0]
        if top in GUI and here not in MAY_OPEN_NAPARI:
            found.append(f"{path.name} imports {module}")
        elif top in GUI and here != "ui" and at_once:
            found.append(f"{path.name} imports {module} before it is needed")
        elif top in DASK and here not in MAY_USE_DASK:
            found.append(f"{path.name} imports {module}")
    return found


def test_arrows_between_rooms_point_one_way() -> None:
    assert [wrong for path in FILES for wrong in upward(path)] == []


def test_only_the_face_knows_napari_and_only_the_batch_knows_dask() -> None:
    assert [wrong for path in FILES for wrong in out_of_place(path)] == []


def test_rules_see_what_they_forbid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two tests above would notice."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "models").mkdir()
    bad = tmp_path / "models" / "bad.py"
    bad.write_text(
        "def late():\n    from ..ui import session\n    import napari.layers, dask.array\n"
        "    from napari_sam import __version__, errors\n"
    )
    assert imports(bad)[:2] == [("napari_sam.ui.session", False), ("napari.layers", False)]
    assert upward(bad) == ["bad.py of models imports napari_sam.ui.session"]
    assert out_of_place(bad) == ["bad.py imports napari.layers", "bad.py imports dask.array"]
    demo = tmp_path / "cli" / "demo.py"
    demo.parent.mkdir()
    demo.write_text("import napari\n\ndef late():\n    import napari\n")
    assert out_of_place(demo) == ["demo.py imports napari before it is needed"]
    (tmp_path / "attic.py").touch()
    assert "no place in the plan" in upward(tmp_path / "attic.py")[0]


def test_the_architecture_tells_of_every_room() -> None:
    told = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = set(MAY_IMPORT) - {"__main__"}
    assert not {name for name in rooms if f"`{name}`" not in told and f"`{name}/`" not in told}


def test_no_file_of_the_house_imports_itself_in_a_circle() -> None:
    # The package's own file only says where the public names live.
    known = {name_of(path): path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"}
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        graph[name] = set()
        for other in imported(path):
            target = other if other in known else other.rpartition(".")[0]
            if target in known and target != name:
                graph[name].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_the_rules_see_names_in_strings(tmp_path: Path) -> None:
    package = tmp_path / "napari_sam" / "ui" / "layers"
    package.mkdir(parents=True)
    bad = package / "bad.py"
    bad.write_text(
        '"""napari_sam.ui.widgets"""\nHOME = "napari_sam.ui.session:Session"\n'
        "def late():\n    from napari_sam.ui import tools\n"
    )
    assert sorted(imported(bad, tmp_path / "napari_sam")) == [
        "napari_sam.ui.session",
        "napari_sam.ui.tools",
    ]


def test_files_and_functions_are_short_enough_to_be_read() -> None:
    for path in [*FILES, ROOT / "__init__.py"]:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= MOST_LINES, f"split {path} where its purposes part"
        for name, lines in functions(text):
            assert lines <= MOST_CODE, f"{name} in {path} has {lines} lines of code"


def test_lines_of_code_are_counted_without_words() -> None:
    text = 'def one(a):\n    """Say."""\n\n    # why\n    b = """x\n\n    y"""\n    return a + b\n'
    assert list(functions(text)) == [("one", 5)]


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = modules_after("import napari_sam")
    assert "napari_sam" in loaded
    assert not loaded & {"torch", "torchvision", "napari", "qtpy", "numpy", "pandas", "skimage"}


def test_making_a_prompt_loads_no_torch() -> None:
    loaded = modules_after("import napari_sam\nnapari_sam.Prompt(points=[(1, 2)])")
    assert not loaded & {"torch", "torchvision", "napari", "qtpy"}


def test_listing_models_loads_no_torch() -> None:
    loaded = modules_after("from napari_sam.models import zoo\nzoo.available()")
    assert not loaded & {"torch", "torchvision", "napari", "qtpy"}


def test_every_public_name_is_there() -> None:
    for name in napari_sam.__all__:
        assert getattr(napari_sam, name) is not None
    assert set(napari_sam.__all__) <= set(dir(napari_sam))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        napari_sam.no_such_name  # noqa: B018


def test_parsing_a_command_line_loads_nothing_heavy() -> None:
    loaded = modules_after("from napari_sam.cli.app import build_parser\nbuild_parser()")
    assert not loaded & {"torch", "napari", "qtpy", "numpy", "pandas", "skimage", "scipy"}
