"""Draw the rooms from the imports as they are: ``python docs/draw_rooms.py``.

Writes docs/images/rooms.svg, the package, and docs/images/rooms_ui.svg, its face. A room stands
above all that it imports. Arrows that follow from others are left out: who imports a room may as
well import what that one imports.
"""

from __future__ import annotations

import ast
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "src" / "napari_sam"
WIDTH, ROOM_HEIGHT, FLOOR, GAP = 900, 34, 74, 12
STYLE = """
  .room { fill: #ccfbf1; stroke: #0f766e; stroke-width: 1.5 }
  text { font-family: system-ui, sans-serif; text-anchor: middle; fill: #1f2937; font-size: 13px }
  .arrow { stroke: #6b7280; stroke-width: 1.2; marker-end: url(#head) }
"""


def room(path: Path, folder: Path) -> str:
    """Name the room of a file: the folder or the module right below a package."""
    return path.relative_to(folder).parts[0].removesuffix(".py")


def arrows(folder: Path, package: str) -> dict[str, set[str]]:
    """Read which room of a package imports which others."""
    found: dict[str, set[str]] = {}
    depth = package.count(".") + 1
    for path in sorted(folder.rglob("*.py")):
        if path.parent == folder and path.name.startswith("__"):
            continue
        here = found.setdefault(room(path, folder), set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
                for alias in node.names:
                    here.add(f"{node.module}.{alias.name}".split(".")[depth])
    return {name: {one for one in used if one in found} - {name} for name, used in found.items()}


def below(graph: dict[str, set[str]], name: str) -> set[str]:
    """Return all rooms that one imports, by others too."""
    found: set[str] = set()
    left = list(graph[name])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += graph[one]
    return found


def floors(graph: dict[str, set[str]]) -> list[list[str]]:
    """Put every room on the lowest floor above all that it imports; the top floor first."""
    under = {name: below(graph, name) - {name} for name in graph}
    height: dict[str, int] = {}
    for name in sorted(graph, key=lambda one: len(under[one])):
        height[name] = max((height[one] + 1 for one in under[name] if one in height), default=0)
    return [
        [name for name in sorted(graph) if height[name] == level]
        for level in sorted(set(height.values()), reverse=True)
    ]


def draw(graph: dict[str, set[str]], title: str) -> str:
    """Return the picture as SVG."""
    levels = floors(graph)
    place: dict[str, tuple[float, float, float]] = {}
    for number, names in enumerate(levels):
        wide = min((WIDTH - GAP) / len(names) - GAP, 150)
        left = (WIDTH - len(names) * (wide + GAP) + GAP) / 2
        for k, name in enumerate(names):
            place[name] = (left + k * (wide + GAP), 16 + number * FLOOR, wide)
    height = 16 + len(levels) * FLOOR
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{title}: arrows point at what a room imports</title>",
        f"<style>{STYLE}</style>",
        (
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" '
            'markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#6b7280"/></marker></defs>'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for name in sorted(graph):
        for other in sorted(graph[name]):
            if any(other in below(graph, between) for between in graph[name] - {other}):
                continue
            (x0, y0, w0), (x1, y1, w1) = place[name], place[other]
            parts.append(
                f'<line class="arrow" x1="{x0 + w0 / 2:.0f}" y1="{y0 + ROOM_HEIGHT}" '
                f'x2="{x1 + w1 / 2:.0f}" y2="{y1}"/>'
            )
    for name, (x, y, wide) in sorted(place.items()):
        parts += [
            (
                f'<rect class="room" x="{x:.0f}" y="{y}" width="{wide:.0f}" '
                f'height="{ROOM_HEIGHT}" rx="6"/>'
            ),
            f'<text x="{x + wide / 2:.0f}" y="{y + 22}">{name}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    images = DOCS / "images"
    images.mkdir(exist_ok=True)
    house = draw(arrows(PACKAGE, "napari_sam"), "The rooms of napari_sam")
    (images / "rooms.svg").write_text(house, encoding="utf-8")
    face = draw(arrows(PACKAGE / "ui", "napari_sam.ui"), "The rooms of its face")
    (images / "rooms_ui.svg").write_text(face, encoding="utf-8")
