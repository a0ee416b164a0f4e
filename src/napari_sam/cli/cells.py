"""The options of ``--mode cells``: Python's names, defaults and checks."""

from __future__ import annotations

import argparse

from napari_sam.cli.everything import flag

# With the names and defaults of `napari_sam.methods.options.CellOptions`. Areas are options of
# both modes.
_NUMBERS: dict[str, tuple[type, str]] = {
    "sensitivity": (float, "0 to 1, default 0.5: higher finds fainter cells"),
    "splitting": (float, "0 to 1, default 0.5: higher cuts touching cells apart more readily"),
    "smoothing": (float, "default 1.5: higher ignores finer structure when telling cells apart"),
    "min_score": (float, "0 to 1, default 0.5: drop cells the model is less sure of"),
}
_AREAS = ("min_area", "max_area")
NAMES = ("diameter", "refine", *_NUMBERS)
"""Options of this mode alone."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them as a group of their own; what is not typed is None."""
    group = parser.add_argument_group("options of --mode cells", "as in segment_cells")
    group.add_argument(
        "--diameter",
        type=_positive,
        metavar="D",
        help="typical cell diameter in pixels (found out by itself when not given)",
    )
    for name, (kind, text) in _NUMBERS.items():
        group.add_argument(flag(name), type=kind, metavar="N", help=text)
    group.add_argument(
        "--refine",
        action="store_true",
        default=None,
        help="draw cells again that the model is less sure of",
    )


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:  # of which argparse would make "invalid _positive value"
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number larger than 0, not {text!r}")
    return value


def parameters(options: argparse.Namespace) -> dict[str, float | int]:
    """Return what was typed, by its names in `segment_cells`.

    Raises
    ------
    ParameterError
    """
    from napari_sam.methods.options import CellOptions

    typed = {name: getattr(options, name) for name in (*NAMES, *_AREAS)}
    typed = {name: value for name, value in typed.items() if value is not None}
    CellOptions(**{n: v for n, v in typed.items() if n not in ("diameter", "refine")})
    return typed
