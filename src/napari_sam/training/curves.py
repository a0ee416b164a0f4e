"""Curves of a training run, from its log to a picture."""

from __future__ import annotations

import csv
from pathlib import Path

__all__ = ["draw_curves"]

_PANELS = (
    ("losses, training windows", ("instance_loss", "mask_loss", "iou_loss", "size_error")),
    ("IoU, training windows", ("click_own", "box_own", "iou_best", "iou_error")),
    ("validation windows, mean of families", ("val_ap50", "val_click", "val_box", "val_iou_error")),
)


def draw_curves(log: str | Path, picture: str | Path) -> bool:
    """Draw a ``log.csv`` of a training run.

    Parameters
    ----------
    log, picture : str or Path
        The table to read and the PNG to write.

    Returns
    -------
    bool
        False, and nothing written, where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    with open(log, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    for axes, (title, names) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        for name in names:
            known = [(float(r["windows"]), float(r[name])) for r in rows if r.get(name)]
            if known:
                axes.plot(*zip(*known, strict=True), label=name, lw=1)
        axes.set(title=title, xlabel="windows seen")
        axes.locator_params(axis="x", nbins=5)  # six figures long: more run into each other
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=7)
    figure.savefig(picture, dpi=90)
    return True
