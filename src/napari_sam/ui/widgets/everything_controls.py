"""The parameters of the method Everything, under their own names in the tooltips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from napari_sam.methods.settings import Settings
from napari_sam.ui.state import State
from napari_sam.ui.tools.find import Find
from napari_sam.ui.widgets.cell_controls import column
from napari_sam.ui.widgets.controls import NumberField, ValueSlider

_DEFAULTS = {field.name: field.default for field in fields(Settings)}
#: Name, text, what it does, lowest, highest.
_NUMBERS: tuple[tuple[str, str, str, float, float], ...] = (
    ("min_area", "Smallest", "Leave out objects of fewer pixels.", 0, 1e9),
    ("max_area", "Largest", "Leave out objects of more pixels; 0 keeps all.", 0, 1e9),
    ("min_mask_region_area", "Fill holes", "Fill holes, remove islands of fewer pixels.", 0, 1e9),
    (
        "box_nms_thresh",
        "Repeats",
        "Of two objects whose boxes overlap more, the better one stays.",
        0,
        1,
    ),
    (
        "crop_n_layers",
        "Crops",
        "Search enlarged parts of the image too, for small objects: 1 adds 4 parts, 2 another 16.",
        0,
        3,
    ),
    (
        "crop_n_points_downscale_factor",
        "Thinner grid",
        "Divide the points per side by this in each layer of crops.",
        1,
        16,
    ),
    (
        "crop_overlap_ratio",
        "Crop overlap",
        "How far crops overlap, as a share of the image's shorter side.",
        0,
        0.99,
    ),
    (
        "crop_nms_thresh",
        "Crop repeats",
        "Of two objects from different crops whose boxes overlap more, one stays.",
        0,
        1,
    ),
    (
        "stability_score_offset",
        "Stability shift",
        "How far a mask's threshold is moved to see whether the mask is stable.",
        0,
        10,
    ),
    ("points_per_batch", "Batch size", "Points that a GPU answers at a time.", 1, 4096),
)


class EverythingControls:
    """Makes both groups of controls, and shows the options in them."""

    def __init__(self, state: State, find: Find) -> None:
        self._state = state
        self._adjust = find.adjust_everything
        self.certainty = ValueSlider(
            "Certainty",
            "Leave out masks of which the model is less sure than this (pred_iou_thresh).",
            (0, 1, 100),
            lambda v: f"≥ {100 * v:.0f} %" if v else "any",
        )
        self.certainty.moved.connect(lambda v: self._adjust(pred_iou_thresh=v))
        self.stability = ValueSlider(
            "Stability",
            "Leave out masks with a vague outline (stability_score_thresh).",
            (0, 1, 100),
            lambda v: f"≥ {100 * v:.0f} %" if v else "any",
        )
        self.stability.moved.connect(lambda v: self._adjust(stability_score_thresh=v))
        self.points = ValueSlider(
            "Points",
            "At how many points along each side the model is asked (points_per_side). More find "
            "smaller objects and take longer. Acts when the button is pressed.",
            (0, 64, 64),
            lambda v: f"{max(v, 1):.0f} × {max(v, 1):.0f}",
        )
        self.points.moved.connect(lambda v: self._adjust(points_per_side=max(int(v), 1)))
        self.basic = column(self.certainty, self.stability, self.points)
        self.advanced = QWidget()
        grid = QGridLayout(self.advanced)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        self.numbers: dict[str, NumberField] = {}
        for place, (name, text, tip, low, high) in enumerate(_NUMBERS):
            field = self.numbers[name] = self._number(name, f"{tip} ({name})", low, high)
            title = QLabel(text)
            title.setToolTip(field.toolTip())
            grid.addWidget(title, place // 2, 2 * (place % 2))
            grid.addWidget(field, place // 2, 2 * (place % 2) + 1)
        self.background = self._switch(
            "No background",
            "Leave out masks that touch three sides of the image and cover over 40 % of it "
            "(drop_background).",
            lambda on: {"drop_background": on},
        )
        self.seeds = self._switch(
            "Ask at objects",
            "Ask where cells are seen, and at few points between them: faster, but not at the same "
            "points as Segment Anything (ask_at='objects').",
            lambda on: {"ask_at": "objects" if on else "grid"},
        )
        rows = (len(_NUMBERS) + 1) // 2
        grid.addWidget(self.background, rows, 0, 1, 2)
        grid.addWidget(self.seeds, rows, 2, 1, 2)
        for at in (1, 3):
            grid.setColumnStretch(at, 1)
        self.show_options()

    def _number(self, name: str, tip: str, low: float, high: float) -> NumberField:
        none_at_0 = _DEFAULTS[name] is None
        field = NumberField(tip, low, high, not isinstance(_DEFAULTS[name], float))

        def entered(value: Any) -> None:
            self._adjust(**{name: None if none_at_0 and not value else value})
            self.show_options()  # what it was, when the value was refused

        field.entered.connect(entered)
        return field

    def _switch(self, text: str, tip: str, change: Callable[[bool], dict[str, Any]]) -> QCheckBox:
        box = QCheckBox(text)
        box.setToolTip(tip)
        box.toggled.connect(lambda on: self._adjust(**change(on)))
        return box

    def show_options(self) -> None:
        """Show what is chosen, without choosing it again."""
        settings = self._state.find.everything
        self.points.show_value(settings.points_per_side or 1)
        self.certainty.show_value(settings.pred_iou_thresh)
        self.stability.show_value(settings.stability_score_thresh)
        for name, field in self.numbers.items():
            field.show_value(getattr(settings, name) or 0)
        for switch, on in (
            (self.background, settings.drop_background),
            (self.seeds, settings.ask_at == "objects"),
        ):
            blocker = QSignalBlocker(switch)
            switch.setChecked(on)
            blocker.unblock()
