"""The switch on the Click page that lets cells be followed through slices, and its strip."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_sam.ui.tools.through import Through
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import Button, enable
from napari_sam.ui.widgets.layouts import tight
from napari_sam.ui.widgets.slice_strip import SliceStrip

_ON = (
    "Mark a cell on one {0}, and it is followed both ways. Correct it on any {0} by marks there; "
    "Accept keeps it on all {0}s as one cell."
)
_DIVISIONS = (
    "Where the cell divides it ends, and its daughters are followed as new cells; Accept keeps "
    "all of them, and whose daughters they are. Off: one number goes on."
)
_AXIS = "Along which axis of the image cells are followed."
_DOUBT = "Show the {0} on which the cell is least certain, then the next one. Key D."
_END = (
    "The cell is not on this {0}: it ends before it, or is left out here. Press again to take "
    "that back. Key Q."
)
_FILL = (
    "Fill the {0}s between by shape. Of a cell that is followed, between the {0}s that you "
    "marked; else, of the label selected in the layer controls, between those where you drew it."
)


class ThroughSwitch(QWidget):
    """Shown for images that have more than one plane.

    Parameters
    ----------
    through : Through
    """

    def __init__(self, through: Through) -> None:
        super().__init__()
        self._through, self._state = through, through.state
        self.switch = QCheckBox("Through slices")
        self.switch.toggled.connect(through.set_on)
        self.axis = LayerCombo(_AXIS)
        self.axis.chosen.connect(through.choose)
        head = tight(QHBoxLayout())
        head.addWidget(self.switch)
        head.addWidget(self.axis, 1)
        self.divisions = QCheckBox("Divisions")
        self.divisions.setToolTip(_DIVISIONS)
        self.divisions.toggled.connect(through.set_divisions)
        head.addWidget(self.divisions)
        self.strip = SliceStrip()
        self.strip.picked.connect(through.go_to)
        self.doubt = Button("Doubtful", "", through.next_doubtful, "D")
        self.end = Button("Not here", "", through.not_here, "Q")
        self.fill = Button("Fill between", "", through.fill_between)
        row = tight(QHBoxLayout())
        for button in (self.doubt, self.end, self.fill):
            row.addWidget(button)
        column = tight(QVBoxLayout(self))
        column.addLayout(head)
        column.addWidget(self.strip)
        column.addLayout(row)
        events = self._state.events
        for name in ("on", "axes", "along", "strip", "divisions"):
            getattr(events, name).connect(self.show_state)
        events.at.connect(self.strip.show_at)
        self.show_state()

    def show_state(self) -> None:
        """Show the switch, and what belongs to it while it is on."""
        state = self._state
        self.setVisible(bool(state.axes))
        time = state.along is not None and state.along.time
        word = "slice" if state.along is None else state.along.word
        self.switch.setText("Through time" if time else "Through slices")
        self.switch.setToolTip(_ON.format(word))
        if self.switch.isChecked() != state.on:
            self.switch.setChecked(state.on)
        self.divisions.setVisible(state.on and time)
        if self.divisions.isChecked() != state.divisions:
            self.divisions.setChecked(state.divisions)
        self.axis.fixed = [(axis, f"{axis.name} ({axis.length})") for axis in state.axes]
        self.axis.show_layers([], next((a for a in state.axes if a == state.along), None))
        self.axis.setVisible(len(state.axes) > 1)
        for widget in (self.strip, self.doubt, self.end, self.fill):
            widget.setVisible(state.on)
        self.strip.show_strip(state.strip)
        self.strip.show_at(state.at)
        known = state.strip is not None and bool(state.strip.scores)
        nothing = "" if known else "no cell is being followed yet: mark one."
        enable(self.doubt, _DOUBT.format(word), nothing)
        enable(self.end, _END.format(word), nothing)
        enable(self.fill, _FILL.format(word), "")
