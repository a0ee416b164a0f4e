"""The Click page: mark a cell, look at its outlines, keep one."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout

from napari_sam.counts import counted
from napari_sam.prompts import BACKGROUND, FOREGROUND
from napari_sam.ui.layers.own_layers import BACKGROUND_COLOUR, OBJECT_COLOUR
from napari_sam.ui.session import PanelSession
from napari_sam.ui.tools.click import Click
from napari_sam.ui.widgets.candidates import CandidateStrip
from napari_sam.ui.widgets.click_more import ClickMore
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import Button, Segmented, enable
from napari_sam.ui.widgets.layouts import named, tight
from napari_sam.ui.widgets.page import Layers, Page
from napari_sam.ui.widgets.pen_row import PenRow
from napari_sam.ui.widgets.through_switch import ThroughSwitch

_ACCEPT = "Keep the chosen outline as a new cell in the labels."
_NEXT = "Show the next of the three outlines."
_UNDO = (
    "Take back the last mark; when there is none, the cell kept last. Key Ctrl+Shift+Z does again "
    "what was taken back."
)
_CLEAR = "Drop all marks and start over."
_BY_CLICK = (
    "A cell per click: each click keeps the cell before it and marks the next one. With Shift a "
    "click does the other thing: it adds to the cell, or, while this is off, goes on to the next."
)


class ClickPage(Page):
    """Prompts, candidates, and what happens to them."""

    def __init__(self, session: PanelSession, tool: Click) -> None:
        super().__init__(session, tool)
        self._state, self._through_state = session.state, tool.through.state
        self._proposal = tool.proposal
        column = tight(QVBoxLayout(self), 6, above=4)
        column.addLayout(self._marks(tool))
        self.candidates = CandidateStrip()
        self.candidates.picked.connect(tool.proposal.choose)
        column.addWidget(self.candidates)
        self.through = ThroughSwitch(tool.through)
        column.addWidget(self.through)
        self._buttons(tool, column)
        column.addLayout(self._target(tool))
        self.more = ClickMore(session, tool)
        column.addWidget(self.more)
        column.addStretch(1)
        self._connect()
        self.show_by_click()
        self.show_count()
        self.show_answer()

    def _marks(self, tool: Click) -> QVBoxLayout:
        self.polarity = Segmented(
            [
                (FOREGROUND, "+ this cell", "A left click marks the cell. Key T switches."),
                (
                    BACKGROUND,
                    "− not this",
                    (
                        "A left click marks what does not belong to the cell, as a right click "
                        "always does. Key T switches."
                    ),
                ),
            ]
        )
        for value, colour in ((FOREGROUND, OBJECT_COLOUR), (BACKGROUND, BACKGROUND_COLOUR)):
            self.polarity.button(value).setStyleSheet(
                f"QPushButton:checked {{ background-color: {colour}; color: black; }}"
            )
        self.polarity.chosen.connect(tool.proposal.set_polarity)
        self.pens = PenRow(tool)
        marks = tight(QVBoxLayout())
        marks.addWidget(self.polarity)
        marks.addWidget(self.pens)
        return marks

    def _buttons(self, tool: Click, column: QVBoxLayout) -> None:
        self.accept = Button("Accept", _ACCEPT, tool.accept, "Enter")
        self.accept.setMinimumHeight(32)
        self.by_click = Button("Keep by click", _BY_CLICK, self._toggle_by_click)
        self.by_click.setCheckable(True)
        accepting = tight(QHBoxLayout())
        accepting.addWidget(self.accept, 1)
        accepting.addWidget(self.by_click)
        column.addLayout(accepting)
        self.next = Button("Next", _NEXT, tool.proposal.next, "N")
        self.undo = Button("Undo", _UNDO, tool.undo, "Ctrl+Z")
        self.clear = Button("Clear", _CLEAR, tool.clear, "Esc")
        buttons = tight(QHBoxLayout())
        for button in (self.next, self.undo, self.clear):
            buttons.addWidget(button)
        column.addLayout(buttons)

    def _toggle_by_click(self) -> None:
        self._proposal.set_cell_per_click(self.by_click.isChecked())

    def _target(self, tool: Click) -> QGridLayout:
        layers = self.session.layers
        self.target = LayerCombo("The Labels layer that kept cells go into.", "new labels")
        self.target.chosen.connect(lambda layer: layers.choose("target", layer))
        self.overlap = Segmented(
            [
                ("keep", "keep", "Where there is a label already, leave it as it is."),
                ("overwrite", "overwrite", "Where there is a label already, replace it."),
            ]
        )
        self.overlap.chosen.connect(tool.set_overlap)
        self.count = QLabel()
        self.count.setToolTip("How many cells the labels hold.")
        return named(
            [("Keep cells in", self.target), ("On overlap", self.overlap), ("Kept", self.count)]
        )

    def _connect(self) -> None:
        events = self._state.events
        events.answer.connect(self.show_answer)
        events.image.connect(self.show_answer)
        self._through_state.events.strip.connect(self.show_ways_back)
        events.choice.connect(self.show_choice)
        events.marked.connect(self.show_ways_back)
        events.kept.connect(self.show_ways_back)
        events.kept_count.connect(self.show_count)
        events.in_hand.connect(self.show_count)
        events.cell_per_click.connect(self.show_by_click)
        events.polarity.connect(self.polarity.show_value)
        events.accept_key.connect(self.accept.print_key)

    @property
    def _followed(self) -> bool:
        """Whether a cell is known on some slices."""
        strip = self._through_state.strip
        return strip is not None and bool(strip.scores)

    def show_answer(self) -> None:
        """Show the candidates, and which buttons can be pressed."""
        state = self._state
        self.candidates.show_answer(state.answer, state.choice)
        nothing = "" if state.answer is not None else "mark a cell first."
        alone = state.answer is not None and state.answer.choices == 1
        enable(self.next, _NEXT, "there is only one outline." if alone else nothing)
        self.show_ways_back()

    def show_count(self) -> None:
        """Show how many cells the labels hold, and which of them is in hand."""
        kept, held = self._state.kept_count, self._state.in_hand
        count = counted(kept, "cell")
        self.count.setText(f"{count}, cell {held} in hand" if held else count)
        self.show_ways_back()

    def show_by_click(self) -> None:
        """Show whether each click keeps the cell before it."""
        self.by_click.setChecked(self._state.cell_per_click)

    def show_ways_back(self) -> None:
        """Show whether there is anything to accept, to undo, or to clear."""
        state = self._state
        marked = state.answer is not None or self._followed
        enable(self.accept, _ACCEPT, "" if marked else "mark a cell first.")
        undoable = state.marked or state.kept or self._followed
        enable(self.undo, _UNDO, "" if undoable else "nothing is marked or kept yet.")
        cleared = not (state.marked or state.answer is not None or self._followed or state.in_hand)
        enable(self.clear, _CLEAR, "nothing is marked." if cleared else "")

    def show_choice(self) -> None:
        """Show which candidate is chosen."""
        state = self._state
        self.candidates.show_choice(state.choice if state.answer is not None else None)

    def show_layers(self, layers: Layers) -> None:
        self.target.show_layers(layers.labels, self._state.target)
        self.more.show_layers(layers)
