"""The table of the reviewed objects: a row jumps to its object, and follows the canvas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_sam.classes import CLASS, PROBABILITY
from napari_sam.labels import table as object_table
from napari_sam.ui.tools.review import Review
from napari_sam.ui.tools.review_state import ReviewedObjects

_COLUMNS = {
    object_table.INDEX: "cell",
    "score": "certainty",
    "area": "area (px²)",
    "mean_intensity": "intensity",
    "centroid_row": "row",
    "centroid_col": "column",
    object_table.REVIEWED: "review",
    CLASS: "class",
    PROBABILITY: "likely",
    "source": "found by",
}
_SORT = Qt.ItemDataRole.UserRole


class ObjectModel(QAbstractTableModel):
    """Rows of a table of objects, for Qt."""

    def __init__(self) -> None:
        super().__init__()
        self._table = pd.DataFrame()
        self._columns: list[str] = []

    def show_table(self, table: pd.DataFrame) -> None:
        self.beginResetModel()
        self._table = table
        self._columns = [column for column in _COLUMNS if column in table]
        self.endResetModel()

    def object_at(self, row: int) -> int:
        return int(self._table[object_table.INDEX].iloc[row])

    def row_of(self, object_id: int | None) -> int:
        """The row of an object, -1 when it has none."""
        if object_table.INDEX not in self._table:
            return -1
        found = np.flatnonzero(self._table[object_table.INDEX] == object_id)
        return int(found[0]) if len(found) else -1

    def rowCount(self, parent: Any = None) -> int:
        return len(self._table)

    def columnCount(self, parent: Any = None) -> int:
        return len(self._columns)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _COLUMNS[self._columns[section]]
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        if role not in (Qt.ItemDataRole.DisplayRole, _SORT):
            return None
        column = self._columns[index.column()]
        value = self._table[column].iloc[index.row()]
        if isinstance(value, str):
            return value
        number = float(value)
        if role == _SORT:
            return number
        if not np.isfinite(number):
            return ""
        if column == "score":
            return f"{100 * number:.0f} %"
        return f"{number:.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


class ObjectView(QTableView):
    """All objects of the displayed slice."""

    def __init__(self, review: Review) -> None:
        super().__init__()
        self._review = review
        self._model = ObjectModel()
        self._sorted = QSortFilterProxyModel()
        self._sorted.setSourceModel(self._model)
        self._sorted.setSortRole(_SORT)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.verticalHeader().setVisible(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setToolTip("Click a row to see its cell. Click a heading to sort.")
        self.selectionModel().currentRowChanged.connect(self._row_chosen)
        self._showing = False
        events = review.state.events
        events.objects.connect(self.show_objects)
        events.selected.connect(self.show_selected)
        self.show_objects(review.state.objects)

    def show_objects(self, objects: ReviewedObjects) -> None:
        self._showing = True
        self._model.show_table(objects.table)
        header = self.horizontalHeader()  # scrolls where the headings have no room
        hints = [header.sectionSizeHint(k) for k in range(header.count())]
        header.setMinimumSectionSize(max(hints, default=-1))
        self._showing = False
        self.show_selected(self._review.state.selected)

    def show_selected(self, object_id: int | None) -> None:
        """Let the row follow what was clicked in the canvas."""
        row = self._model.row_of(object_id)
        self._showing = True
        if row < 0:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        else:
            index = self._sorted.mapFromSource(self._model.index(row, 0))
            self.setCurrentIndex(index)
            self.scrollTo(index)
        self._showing = False

    def _row_chosen(self, now: QModelIndex, before: QModelIndex) -> None:
        if not self._showing and now.isValid():
            self._review.go_to(self._model.object_at(self._sorted.mapToSource(now).row()))

    def close_view(self) -> None:
        """Stop following."""
        events = self._review.state.events
        events.objects.disconnect(self.show_objects)
        events.selected.disconnect(self.show_selected)
