"""The top of the panel: which image, which model, and whether it is ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QWidget,
)

from napari_sam.files.kinds import IMAGE_SUFFIXES
from napari_sam.ui.layers.together import is_channel
from napari_sam.ui.session import PanelSession
from napari_sam.ui.widgets.chip import ChipLabel
from napari_sam.ui.widgets.combos import Combo, LayerCombo
from napari_sam.ui.widgets.controls import Button, enable
from napari_sam.ui.widgets.fonts import FollowsFont
from napari_sam.ui.widgets.layouts import tight

_OTHER = "other file…"
_CHANNELS = "channels together…"
#: Files of micro-sam's cache have no ending.
_CHECKPOINTS = "Checkpoints (*.pth *.pt *.ckpt *.bin *.safetensors);;All files (*)"
_ARROW = 34  # pixels
_FOLDER = (
    "Open a folder of images, or several files, to go through them one after the other. They may "
    "be dropped here as well."
)


class SourceBox(FollowsFont, QWidget):
    """Chooses the image and the model."""

    def __init__(self, session: PanelSession) -> None:
        super().__init__()
        self._session = session
        grid = tight(QGridLayout(self))
        self.image = LayerCombo("The image whose cells you want.")
        self.image.chosen.connect(self._image_picked)
        self.model = Combo()
        self.model.activated.connect(self._model_picked)
        self.chip = ChipLabel()
        self.download = Button(
            "Download",
            "Fetch the model from its makers, once. You can go on working meanwhile.",
            session.models.download,
        )
        self.folder = QToolButton()
        self.folder.setText("Folder…")
        self.folder.setToolTip(_FOLDER)
        self.folder.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.folder.clicked.connect(lambda: self._folder_wanted())
        self.folder.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        menu = QMenu(self)
        self.files = menu.addAction("Several files…")
        self.files.triggered.connect(lambda: self._files_wanted())
        self.folder.setMenu(menu)
        grid.addWidget(self.folder, 0, 2)
        for row, (text, widget) in enumerate((("Image", self.image), ("Model", self.model))):
            self._name = QLabel(text)
            grid.addWidget(self._name, row, 0)
            grid.addWidget(widget, row, 1, 1, 1 if widget is self.image else 2)
        line = QHBoxLayout()
        line.addWidget(self.chip)
        line.addStretch(1)
        line.addWidget(self.download)
        grid.addLayout(line, 2, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        self.follow_font()
        self.show_model()
        self.show_chip()

    def fit(self) -> None:
        """Write on the button as beside it: napari's style has no font for such buttons."""
        self.folder.setFont(self._name.font())
        # The style takes the room of the arrow from the words.
        words = self.folder.fontMetrics().horizontalAdvance(self.folder.text())
        self.folder.setMinimumWidth(words + _ARROW)

    def show_images(self, images: list[Any]) -> None:
        several = sum(map(is_channel, images)) > 1
        self.image.acts = [(_CHANNELS, _CHANNELS)] if several else []
        self.image.show_layers(images, self._session.state.image)
        enable(
            self.image,
            "The image whose cells you want.",
            "" if images else "there is no image in the viewer yet.",
        )

    def show_model(self) -> None:
        """List the models, the chosen one on top of the box."""
        models = self._session.models
        blocker = QSignalBlocker(self.model)
        self.model.clear()
        suggested = models.suggested()
        for name in models.names():
            self.model.addItem(models.title(name), name)
            place, tip = self.model.count() - 1, models.describe(name)
            if name in suggested:
                tip = f"Suggested for this image: {suggested[name]}. {tip}"
                if name != self._session.state.model:
                    self.model.setItemText(
                        place, f"{self.model.itemText(place)} (suits this image)"
                    )
            self.model.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
        self.model.addItem(_OTHER, None)
        self.model.setCurrentIndex(self.model.findData(self._session.state.model))
        self.model.setToolTip(models.describe(self._session.state.model))
        blocker.unblock()

    def show_chip(self) -> None:
        chip = self._session.state.chip
        self.chip.show_chip(chip)
        self.download.setVisible(chip.kind == "missing")

    def _image_picked(self, layer: Any) -> None:
        if layer == _CHANNELS:
            self._session.layers.see_together()
        else:
            self._session.layers.choose("image", layer)

    def _folder_wanted(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a folder of images")
        if folder:
            self._session.walk.open(Path(folder))

    def _files_wanted(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in IMAGE_SUFFIXES)
        files, _ = QFileDialog.getOpenFileNames(self, "Open images", "", f"Images ({kinds})")
        if files:
            self._session.walk.open(*map(Path, files))

    def _model_picked(self, index: int) -> None:
        self.model.clearFocus()
        name = self.model.itemData(index)
        if name is None:
            name, _ = QFileDialog.getOpenFileName(self, "Open a SAM checkpoint", "", _CHECKPOINTS)
        if name:
            self._session.models.choose(name)
        self.show_model()
