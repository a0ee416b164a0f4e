"""The Find all page: one button, three sliders, one count; the rest is folded away."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_sam.counts import counted
from napari_sam.methods.method import Method
from napari_sam.methods.registry import methods
from napari_sam.ui.layers.own_layers import OBJECT_COLOUR
from napari_sam.ui.session import PanelSession
from napari_sam.ui.tools.find import Find
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import Button, enable
from napari_sam.ui.widgets.example_boxes_row import ExampleBoxesRow
from napari_sam.ui.widgets.folding import Folding
from napari_sam.ui.widgets.layouts import named, tight
from napari_sam.ui.widgets.option_controls import OptionControls
from napari_sam.ui.widgets.page import Layers, Page

_TIP = "Find every {} there. You can go on working meanwhile."
_WHERE = {"slice": "on this {}", "visible": "in what is visible", "stack": "on all {}s"}
_ALONG = {"Z": "all slices", "T": "all frames"}
_PYTHON = "Copy the Python code that does the same, with these settings, to the whole image."
_COMMAND = "Copy the command line that does the same, with these settings, to the whole image."
_LIKE = (
    "Labels whose cells seen here are the examples. Among what was found, click a cell that is "
    "meant, and right-click one that is not: that sharpens the search at once."
)
_RULE = (
    "What happens where found objects meet labels: fill only the empty places, add only whole "
    "objects that touch no label, or replace the labels. One undo takes all of it back."
)


class FindPage(Page):
    """All objects of a slice, a region or a stack."""

    def __init__(self, session: PanelSession, tool: Find) -> None:
        super().__init__(session, tool)
        self._tool, self._state = tool, session.state
        column = tight(QVBoxLayout(self), above=2)
        self.find = Button("", "", tool.start)
        self.find.setMinimumHeight(40)
        #: Controls of every method, by its name.
        self.options = {
            known.name: OptionControls(known, session.state, tool) for known in _of_planes()
        }
        self.count = QLabel()
        self.count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.count.setToolTip("How many objects there are with these settings.")
        self.reset = Button("Reset", "Take all settings back to where they began.", tool.reset)
        counted = QHBoxLayout()
        counted.addWidget(self.count, 1)
        counted.addWidget(self.reset)
        self.wanting = QLabel()
        self.wanting.setWordWrap(True)
        self.wanting.setOpenExternalLinks(True)
        for part in (self.find, self.wanting, *(one.basic for one in self.options.values())):
            column.addWidget(part)
        column.addLayout(counted)
        column.addLayout(self._places())
        column.addWidget(self._advanced())
        column.addStretch(1)
        events = session.state.events
        events.chip.connect(self.show_ready)
        events.found_count.connect(self.show_count)
        events.find.connect(self.show_options)
        events.model.connect(self._show_wanting)
        events.model.connect(self.show_ready)
        events.estimated.connect(self.show_options)
        session.region.changed.connect(lambda: self.show_layers(Layers.of(session)))
        self.show_count()
        self.show_options()

    def _places(self) -> QGridLayout:
        tool = self._tool
        self.method = LayerCombo(
            " ".join(f"{_choice(one).capitalize()}: {one.words.about}." for one in _of_planes())
        )
        self.method.fixed = [(known.name, _choice(known)) for known in _of_planes()]
        self.method.chosen.connect(lambda method: tool.adjust(method=method))
        self.like = LayerCombo(_LIKE, "the labels that cells are kept in")
        self.like.chosen.connect(lambda layer: tool.adjust(like=layer))
        self.boxes = ExampleBoxesRow(tool.boxes)
        self.region = LayerCombo(
            "Where to search: what is shown, the part of it that is visible, what your shapes or a "
            "region that you draw enclose, or all slices or frames: each by itself, or joined to "
            "3-D objects or to tracks. "
            "An object belongs to a place when most of it lies inside.",
            spell="inside {}",
        )
        self.region.chosen.connect(tool.look_in)
        self.merge = LayerCombo(
            "Found objects go into new labels, or into labels that you have.", "new labels"
        )
        self.merge.chosen.connect(tool.put_into)
        self.rule = LayerCombo(_RULE)
        self.rule.fixed = [
            ("empty", "fill empty places only"),
            ("whole", "add whole new ones only"),
            ("replace", "replace what is there"),
        ]
        self.rule.chosen.connect(lambda rule: tool.adjust(rule=rule))
        self._rule_name, self._like_name = QLabel("At labels"), QLabel("Like")
        self._boxes_name = QLabel("Boxes")
        return named(
            [
                ("Look for", self.method),
                (self._like_name, self.like),
                (self._boxes_name, self.boxes),
                ("Search", self.region),
                ("Put into", self.merge),
                (self._rule_name, self.rule),
            ]
        )

    def _advanced(self) -> Folding:
        inner = QWidget()
        column = tight(QVBoxLayout(inner))
        for one in self.options.values():
            column.addWidget(one.advanced)
        self.python = Button("Copy as Python", _PYTHON, lambda: self._copy(command=False))
        self.command = Button("Copy as command", _COMMAND, lambda: self._copy(command=True))
        copies = tight(QHBoxLayout())
        copies.addWidget(self.python)
        copies.addWidget(self.command)
        column.addLayout(copies)
        self.advanced = Folding("Advanced", "Settings that are seldom needed.", inner)
        return self.advanced

    def _copy(self, command: bool) -> None:
        self._tool.copy_recipe(command, QApplication.clipboard().setText)

    def show_count(self) -> None:
        """Say how many objects there are now."""
        count = self._state.found_count
        options = self._state.find
        joins, words, more = options.joins, options.by.words, ""
        if joins is not None and self._state.progress is None:
            words = joins.words
        elif options.region == "stack":  # what goes through several slices is counted on each
            more = " outline"
        self.count.setText("" if count is None else counted(count, words.noun + more))

    def show_options(self) -> None:
        """Show what is chosen, and only the controls that act on it."""
        options = self._state.find
        self.method.show_layers([], options.method)
        shown = self.options[options.method]
        # In this order: room for two at a time would make the window higher, and leave it so.
        for controls in sorted(self.options.values(), key=lambda one: one is shown):
            controls.show_options()
            controls.basic.setVisible(controls is shown)
            controls.advanced.setVisible(controls is shown)
        for widget in (self._like_name, self.like):
            widget.setVisible(options.by.by_examples)
        for widget in (self._boxes_name, self.boxes):
            widget.setVisible(options.by.by_boxes)
        self._show_wanting()
        joins = options.joins
        where = _WHERE.get(str(options.region), "inside the shapes").format(self._tool.bench.word)
        where = where if joins is None else joins.together
        self.find.setText(f"Find {options.by.words.all} {where}")
        self.show_ready()
        self._show_rule()

    def _show_wanting(self) -> None:
        """Say which model is needed, and how one comes by it, while another one is chosen."""
        told = self._wanted()
        self.wanting.setText(told.replace("<a ", f"<a style='color: {OBJECT_COLOUR}' "))
        self.wanting.setVisible(bool(told))

    def _wanted(self) -> str:
        """Which model the chosen method takes, if the chosen one is none."""
        by = self._state.find.by
        told = by.words.wanting
        return told if told and self.session.models.lacks(by) else ""

    def show_layers(self, layers: Layers) -> None:
        """List the layers that can be chosen."""
        state, word = self._state, self._tool.bench.word
        self.region.fixed = [("slice", f"this {word}"), ("visible", "what is visible")]
        self.region.acts = [("draw", "what I draw around (L)")]
        if state.image is not None and state.image.ndim > 2:
            self.region.fixed.append(("stack", f"all {word}s"))
            self.region.fixed += [
                (known.name, f"{_ALONG[known.along]} {known.together}")
                for known in self._tool.joinable()
            ]
        shapes = [*layers.own_region, *layers.shapes]
        self.region.show_layers(shapes, state.find.together or state.find.region)
        self.like.show_layers(layers.labels, state.find.like)
        self.boxes.show_layers(layers.shapes)
        self.merge.show_layers(layers.labels, state.merge)
        self.show_options()

    def _show_rule(self) -> None:
        state, word = self._state, self._tool.bench.word
        stack = state.find.region == "stack" and not state.find.together
        enable(
            self.merge,
            self.merge.tip,
            f"what is found on each {word} by itself goes into new labels." if stack else "",
        )
        self.rule.show_layers([], state.find.rule)
        for widget in (self._rule_name, self.rule):
            widget.setVisible(state.merge is not None and not stack)

    def show_ready(self) -> None:
        """Say why the button cannot be pressed, if so."""
        state = self._state
        chip = state.chip
        why = {"empty": f"{chip.text}.", "missing": "the model is not downloaded."}
        unable = f"{state.model} cannot do this." if self._wanted() else ""
        enable(self.find, _TIP.format(state.find.noun), why.get(chip.kind, unable))


def _of_planes() -> list[Method[Any]]:
    """List the methods that look at a plane by itself."""
    return [known for known in methods() if not known.base]


def _choice(method: Method[Any]) -> str:
    """What a method is called where one is chosen."""
    return method.words.choice or method.name
