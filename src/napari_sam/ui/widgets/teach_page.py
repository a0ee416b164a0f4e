"""The Teach page: what to learn from, one button, and what came of it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_sam.counts import counted
from napari_sam.models.lesson import BETTER, NOT_BETTER, Lesson
from napari_sam.ui.session import PanelSession
from napari_sam.ui.tools.teach import Teach
from napari_sam.ui.widgets.before_after import BeforeAfter
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import Button, enable
from napari_sam.ui.widgets.layouts import named, tight
from napari_sam.ui.widgets.page import Layers, Page

_FROM = (
    "Cells that you kept, corrected or accepted, in all labels of this session; or all cells of "
    "labels that you choose."
)
_EVERY = (
    "Tick this when no cell of these slices is left out: the rest is background then. Otherwise "
    "only what is marked, and a ring around it, is learnt from."
)
_TEACH = (
    "The model learns from these cells for about a minute, beside your work. Nothing is changed "
    "before you decide."
)
_USE = "Keep the model under this name, and use it from now on. It is among the models above."
_REFUSE = "Forget what was learnt."
_SAVE = "Write this model as a file, for another computer or a colleague."
_WORDS = {
    BETTER: "It is better now on cells that it was not shown.",
    NOT_BETTER: "It is no better on cells that it was not shown. Correct more cells.",
}
_MORE_WRONG = "It finds more where no cell is: look at an image before you rely on it."
_TOO_FEW = "These are too few cells to tell whether it is better. Correct more cells."


class TeachPage(Page):
    """Shows `Teach.state` and sends intents."""

    def __init__(self, session: PanelSession, tool: Teach) -> None:
        super().__init__(session, tool)
        self._tool, self._state = tool, tool.state
        column = tight(QVBoxLayout(self), 6, above=4)
        column.addLayout(self._sources())
        self.teach = Button("Teach the model these cells", _TEACH, tool.start)
        self.teach.setMinimumHeight(40)
        column.addWidget(self.teach)
        column.addWidget(self._progress())
        column.addWidget(self._result())
        column.addStretch(1)
        column.addWidget(self._history())
        events = self._state.events
        for name in ("cells", "images", "why_not", "source", "running", "lessons"):
            getattr(events, name).connect(self.show_state)
        events.result.connect(self.show_result)
        events.result.connect(self.show_state)
        session.state.events.model.connect(self.show_state)
        self.show_state()
        self.show_result()

    # -- building -----------------------------------------------------------------------------

    def _sources(self) -> QGridLayout:
        self.source = LayerCombo(_FROM, "cells I kept or corrected", spell="all cells of {}")
        self.source.chosen.connect(self._tool.choose)
        self.count = QLabel()
        self.every = QCheckBox("All cells of these slices are marked")
        self.every.setToolTip(_EVERY)
        self.every.toggled.connect(self._tool.set_exhaustive)
        grid = named([("Learn from", self.source)])
        grid.addWidget(self.count, 1, 1)
        grid.addWidget(self.every, 2, 0, 1, 2)
        return grid

    def _progress(self) -> QWidget:
        self.running = QWidget()
        row = tight(QHBoxLayout(self.running), None)
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setToolTip("How much of the lesson is over.")
        self.stop = Button("Stop", "Stop the lesson. The model is as it was.", self._tool.stop)
        row.addWidget(self.bar, 1)
        row.addWidget(self.stop)
        return self.running

    def _result(self) -> QWidget:
        self.result = QWidget()
        column = tight(QVBoxLayout(self.result), 6, above=4)
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.comparison = BeforeAfter()
        self.name = QLineEdit()
        self.name.setToolTip("What the model shall be called.")
        self.use = Button("Use it", _USE, self._use)
        self.refuse = Button("", _REFUSE, self._tool.refuse)
        row = tight(QHBoxLayout())
        row.addWidget(self.use, 1)
        row.addWidget(self.refuse, 1)
        column.addWidget(self.verdict)
        column.addWidget(self.comparison)
        column.addLayout(named([("Name", self.name)]))
        column.addLayout(row)
        return self.result

    def _history(self) -> QWidget:
        self.history = QWidget()
        column = tight(QVBoxLayout(self.history))
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.back = Button("", "Use the model again that this one was made of.", self._tool.back)
        self.save = Button("Save a copy…", _SAVE, self._save_wanted)
        row = tight(QHBoxLayout())
        row.addWidget(self.back, 1)
        row.addWidget(self.save, 1)
        column.addWidget(self.about)
        column.addLayout(row)
        return self.history

    # -- showing ------------------------------------------------------------------------------

    def show_layers(self, layers: Layers) -> None:
        self.source.show_layers(layers.labels, self._state.source)

    def show_state(self) -> None:
        """Show what there is to learn from, and how far it is."""
        state, model = self._state, _short(self.session.state.model)
        running = state.running is not None
        enable(self.teach, _TEACH, "it is learning." if running else state.why_not)
        self.count.setText(_counted(state.cells, state.images, state.source is not None))
        self.running.setVisible(running)
        if running:
            self.bar.setValue(round(100 * (state.running or 0.0)))
        # Whether what was learnt just now is used comes first, and there is no room for both.
        self.history.setVisible(bool(state.lessons) and state.result is None)
        if state.lessons:
            self.about.setText(_about(model, state.lessons))
            before = self._tool.before
            self.back.setText(f"Back to '{_short(before)}'" if before else "Back")
            gone = "" if before else f"{state.lessons[-1].base!r} is not among the models any more."
            enable(self.back, self.back.tip, gone)

    def show_result(self) -> None:
        """Show what came of the last lesson, while it is not decided about."""
        state = self._state
        result = state.result
        self.result.setVisible(result is not None)
        if result is None:
            return
        verdict = result.lesson.verdict
        lesson = result.lesson
        told = [_WORDS.get(verdict, _TOO_FEW)]
        if lesson.after.get("wrong", 0) > lesson.before.get("wrong", 0):
            told.append(_MORE_WRONG)
        self.verdict.setText(" ".join(told))
        self.comparison.show_lesson(result.lesson, result.samples)
        self.use.setText("Use it" if verdict == BETTER else "Use it anyway")
        self.refuse.setText(f"Keep '{_short(state.base)}'")
        self.name.setText(state.proposed)

    def _use(self) -> None:
        self._tool.use(self.name.text())

    def _save_wanted(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save a copy of the model", f"{self.session.state.model}.safetensors"
        )
        if path:
            self._tool.save_copy(Path(path))


def _short(model: str) -> str:
    """Name a model, or a checkpoint that is given by its path."""
    return Path(model).name


def _counted(cells: int, images: int, chosen: bool) -> str:
    if chosen and images:
        return "as many as there are"
    if not cells:
        return "no cells yet"
    return f"{counted(cells, 'cell')} of {counted(images, 'image')}"


def _about(model: str, lessons: tuple[Lesson, ...]) -> str:
    """Say of what a model was made."""
    last = lessons[-1]
    made = (
        f"{model!r} was made of {_short(last.base)!r} with {last.objects} cells, {last.date[:10]}."
    )
    return made if len(lessons) == 1 else f"{made} {len(lessons)} lessons in all."
