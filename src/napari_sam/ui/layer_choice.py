"""Follows the viewer's layers and dimensions for a session, and lets go of all of them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sam.errors import LabelsError, ViewError
from napari_sam.ui.canvas.preview import Preview
from napari_sam.ui.layers.planes import labels_plane
from napari_sam.ui.proposing.marks import MarkLayers
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari_sam.ui.session import Session

_TRANSFORM = ("scale", "translate", "rotate", "shear", "affine", "units")
_MARKS = {
    "points": ("data", "features"),
    "shapes": ("data",),
    "mask": ("data", "paint", "labels_update", "selected_label"),
}


class LayerChoice:
    """Keeps the session's chosen layers true to what is in the viewer, by object."""

    def __init__(
        self, bench: Workbench, marks: MarkLayers, preview: Preview, session: Session
    ) -> None:
        self._bench = bench
        self._marks = marks
        self._preview = preview
        self._session = session
        self._connections: list[tuple[Any, Any]] = []
        self._image: list[tuple[Any, Any]] = []
        self._prompts: list[tuple[Any, Any]] = []
        self._watched: tuple[Any, ...] = ()

    def is_ours(self, layer: Any) -> bool:
        """Tell whether this plugin made the layer for itself."""
        return self._marks.ours(layer) or (layer is not None and layer is self._preview.layer)

    def connect(self) -> None:
        """Start following, with the active or the topmost image chosen."""
        viewer, session = self._bench.viewer, self._session
        self._listen(self._connections, viewer.layers.events.inserted, self._inserted)
        self._listen(self._connections, viewer.layers.events.removed, self._removed)
        active = viewer.layers.selection.events.active
        self._listen(self._connections, active, session.drawing_changed)
        for name in ("point", "ndisplay", "order"):
            self._listen(self._connections, getattr(viewer.dims.events, name), session.view_changed)
        self._choose_an_image()

    def disconnect(self) -> None:
        for group in (self._connections, self._image, self._prompts):
            _release(group)

    def watch_image(self, image: Any) -> None:
        """Follow another image."""
        _release(self._image)
        if image is None:
            return
        session = self._session
        if not image.multiscale:  # a pyramid sets its data at every zoom
            self._listen(self._image, image.events.set_data, session.pixels_changed)
        self._listen(self._image, image.events.data, session.pixels_changed)
        self._listen(self._image, image.events.contrast_limits, session.view_changed)
        for name in _TRANSFORM:
            self._listen(self._image, getattr(image.events, name), session.view_changed)

    def drop_misfits(self) -> None:
        """Let go of labels that do not fit the image that was chosen; they stay in the viewer."""
        state = self._bench.state
        if state.find.region == "stack" and state.image is not None and state.image.ndim == 2:
            self._session.finding.adjust(region="slice")
        try:
            plane = self._bench.plane()
        except ViewError:
            return
        assert state.image is not None
        for role in ("target", "mask", "merge"):
            layer = getattr(state, role)
            if layer is None:
                continue
            try:
                labels_plane(state.image, plane, layer, write=role != "mask")
            except LabelsError:
                setattr(state, role, None)

    def watch_prompts(self) -> None:
        """Follow the prompt layers in use."""
        state = self._bench.state
        roles: tuple[tuple[str, Any], ...] = (
            ("points", self._marks.points),
            ("shapes", state.shapes),
            ("mask", state.mask),
        )
        boxes = self._marks.own_shapes
        watched = (*(layer for _, layer in roles), boxes)
        if watched == self._watched:
            return
        self._watched = watched
        _release(self._prompts)
        for role, layer in roles:
            for name in _MARKS[role] if layer is not None else ():
                emitter = getattr(layer.events, name, None)
                if emitter is not None:
                    self._listen(self._prompts, emitter, self._session.marks_changed)
        if boxes is not None:
            self._listen(self._prompts, boxes.events.mode, self._session.drawing_changed)

    def _listen(self, group: list[tuple[Any, Any]], emitter: Any, callback: Any) -> None:
        emitter.connect(callback)
        group.append((emitter, callback))

    def _inserted(self, event: Any) -> None:
        if self._bench.state.image is None:
            self._choose_an_image()
        self._session.layers_changed.emit()

    def _removed(self, event: Any) -> None:
        """Let go of a layer that was deleted; nothing of the person's depends on it."""
        layer, state = event.value, self._bench.state
        self._marks.layer_removed(layer)
        if layer is self._preview.layer:
            self._preview.remove()
        for role in ("points", "shapes", "mask", "target", "merge"):
            if getattr(state, role) is layer:
                setattr(state, role, None)
        if state.find.region is layer:
            self._session.finding.adjust(region="slice")
        if state.image is layer:
            self._session.choose("image", None)
            self._choose_an_image()
        self.watch_prompts()
        self._session.layers_changed.emit()
        self._session.view_changed()

    def _choose_an_image(self) -> None:
        from napari.layers import Image

        layers = self._bench.viewer.layers
        images = [layer for layer in layers if isinstance(layer, Image)]
        active = layers.selection.active
        if images:
            self._session.choose("image", active if active in images else images[-1])
        else:
            self._session.view_changed()


def _release(group: list[tuple[Any, Any]]) -> None:
    for emitter, callback in group:
        emitter.disconnect(callback)
    group.clear()
