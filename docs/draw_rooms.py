"""Draw the picture of the rooms: ``python docs/draw_rooms.py`` writes docs/images/rooms.svg."""

from __future__ import annotations

from pathlib import Path

WIDTH, HEIGHT = 760, 560
FLOORS: list[tuple[int, list[tuple[str, str, int, int]]]] = [
    # top, then (room, what it does, left, width)
    (20, [("ui", "the napari face", 20, 350), ("cli", "the command line", 390, 350)]),
    (
        110,
        [
            ("engine", "the loop, the worker, jobs", 20, 165),
            ("segment · batch", "calls, many images", 205, 165),
            ("training", "data, losses, loop", 390, 165),
            ("samples", "images to try it on", 575, 165),
        ],
    ),
    (
        200,
        [
            ("methods", "cells, everything: a file and a row each", 20, 350),
            ("exports", "COCO, GeoJSON, …", 390, 350),
        ],
    ),
    (
        290,
        [
            ("stacks", "slices, tracks", 20, 165),
            ("objects", "classes", 205, 165),
            ("embeddings", "in memory, on disk", 390, 165),
            ("labels", "one document", 575, 165),
        ],
    ),
    (380, [("models", "families of checkpoints: a file and a row each", 20, 720)]),
    (
        470,
        [
            (
                "vocabulary",
                "images · prompts · segmentation · files · contrast · errors · progress",
                20,
                720,
            )
        ],
    ),
]
ROOM_HEIGHT = 62
STYLE = """
  .room { fill: #ffffff; stroke: #0f766e; stroke-width: 1.5 }
  .face { fill: #ccfbf1 }
  .words { fill: #fff7ed; stroke: #c2410c }
  text { font-family: system-ui, sans-serif; text-anchor: middle; fill: #1f2937 }
  .name { font-weight: 600; font-size: 16px }
  .what { font-size: 12px }
  .arrow { fill: none; stroke: #6b7280; stroke-width: 1.5; marker-end: url(#head) }
"""


def draw() -> str:
    """Return the picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>The rooms of napari_sam: arrows point at what a room may import</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#6b7280"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for top, rooms in FLOORS:
        for name, what, left, width in rooms:
            kind = {"ui": " face", "cli": " face", "vocabulary": " words"}.get(name, "")
            middle = left + width / 2
            parts += [
                f'<rect class="room{kind}" x="{left}" y="{top}" width="{width}" '
                f'height="{ROOM_HEIGHT}" rx="6"/>',
                f'<text class="name" x="{middle}" y="{top + 27}">{name}</text>',
                f'<text class="what" x="{middle}" y="{top + 47}">{what}</text>',
            ]
    floors = [(82, 110), (172, 200), (262, 290), (352, 380), (442, 470)]
    down = [(x, y0, y1) for y0, y1 in floors for x in (102, 287, 472, 657)]
    parts += [f'<path class="arrow" d="M{x} {y0}V{y1 - 1}"/>' for x, y0, y1 in down]
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    target = Path(__file__).with_name("images") / "rooms.svg"
    target.parent.mkdir(exist_ok=True)
    target.write_text(draw(), encoding="utf-8")
