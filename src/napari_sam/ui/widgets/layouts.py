"""Rows, columns and grids of controls, close together and without a margin around them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from qtpy.QtWidgets import QGridLayout, QLabel, QLayout, QWidget

AnyLayout = TypeVar("AnyLayout", bound=QLayout)


def tight(layout: AnyLayout, spacing: int | None = 4, above: int = 0) -> AnyLayout:
    """Take the margin of a layout away, and put its parts close together; None for Qt's spacing."""
    layout.setContentsMargins(0, above, 0, 0)
    if spacing is not None:
        layout.setSpacing(spacing)
    return layout


def named(rows: Iterable[tuple[str | QLabel, QWidget]]) -> QGridLayout:
    """Put controls below each other, each behind its name."""
    grid = tight(QGridLayout())
    for row, (name, widget) in enumerate(rows):
        grid.addWidget(QLabel(name) if isinstance(name, str) else name, row, 0)
        grid.addWidget(widget, row, 1)
    grid.setColumnStretch(1, 1)
    return grid
