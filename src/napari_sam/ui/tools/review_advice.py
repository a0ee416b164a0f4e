"""What the Review page says to do next."""

from __future__ import annotations

from napari_sam.ui.canvas.gestures import ReviewAction
from napari_sam.ui.tools.review_state import Pending, ReviewState

#: For the sheet of keys.
SHEET: tuple[tuple[str, str], ...] = (
    ("Click", "take a cell in hand"),
    ("Ctrl + click", "delete"),
    ("Alt + drag", "merge two cells"),
    ("Shift + drag", "split a cell along a line"),
    ("Enter", "accept the cell, or the outline that is proposed"),
    ("Delete  Backspace", "reject the cell"),
    ("N", "next outline, else the least certain cell"),
    ("P", "the cell before"),
    ("C", "correct the outline by clicks"),
    ("B", "brush: paint on the cell in hand; with the right button: erase"),
    ("E", "eraser: the other way round"),
    ("[  ]", "smaller, larger brush"),
    ("A", "add cells by clicks"),
    ("1  2  3  4  5  6  7  8", "the cell is of this class"),
    ("0", "the cell has no class"),
    ("L", "draw around a region: what is inside is counted"),
    ("Shift+Delete", "delete all cells inside the region"),
    ("Ctrl+Z", "undo"),
    ("Ctrl+Shift+Z", "redo"),
    ("Esc", "drop what is proposed, else the brush, else the selection"),
)

_OF_ACTIONS: dict[ReviewAction, str] = {
    "select": "Click a cell to take it in hand, or press N for the least certain one.",
    "delete": "Click a cell to delete it. Ctrl+click does so with any tool.",
    "merge": "Drag from one cell to another, or click both. Alt does so with any tool.",
    "split": "Draw a line across a cell, or click both halves. Shift does so with any tool.",
    "add": "Click a cell that is missing; right-click takes away. Enter keeps it.",
}

_OF_PENDING: dict[Pending, str] = {
    "join": "Click the cell that goes on as cell {held}, on any slice or frame. Esc stops.",
    "swap": "Click the cell that cell {held} was mistaken for, where that begins.",
    "mother": "Click the mother of cell {held}, on an earlier frame. Esc stops.",
    "split": "Click one part of cell {held}, and then the other one, on any slice or frame.",
}


def advice(state: ReviewState, why_not: str = "", empty: bool = False) -> tuple[str, bool]:
    """Return one sentence, and whether it tells of a problem.

    Parameters
    ----------
    state : ReviewState
    why_not : str
        Why the labels cannot be reviewed as they are shown; empty when they can.
    empty : bool
        Whether no cell is on the plane that is shown.
    """
    if state.labels is None:
        return "There are no labels on this image yet. Find all cells, or open labels.", False
    if state.correcting is not None:
        return (
            f"Correcting cell {state.correcting}: click what is missing, right-click what does "
            "not belong. Enter replaces it, Esc leaves it."
        ), False
    if why_not:
        return why_not, True
    if state.pending:
        return _OF_PENDING[state.pending].format(held=state.held), False
    if empty and state.action != "add":
        where = f"No cells on this {state.word}"
        return f"{where}: Find all finds them, or choose Add and click one.", False
    if state.action == "select" and state.selected is not None:
        return "Enter accepts this cell, Delete rejects it, C corrects its outline.", False
    return _OF_ACTIONS[state.action], False
