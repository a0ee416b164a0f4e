"""Which layers play which role, kept true to what is in the viewer, by object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sam.errors import LabelsError, NapariSamError, ViewError
from napari_sam.ui.layers.channels import FollowedChannels
from napari_sam.ui.layers.label_grid import PLACE, check_fit
from napari_sam.ui.layers.listening import Listening
from napari_sam.ui.layers.notes import KEPT_FOR, is_copy, note, noted
from napari_sam.ui.layers.planes import spatial_shape
from napari_sam.ui.layers.together import channels_among, together
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image, Labels

_LOOKS = ("contrast_limits", "axis_labels", "projection_mode")
_ROLES = ("points", "shapes", "mask", "target", "merge")


class LayerChoice:
    """Chooses layers, follows the viewer, and tells of both.

    Until the person chooses an image, the one that was added or made active last counts: it is
    the one that is looked at.
    """

    layers_changed = Signal()
    layer_removed = Signal(object)
    image_changed = Signal()
    view_changed = Signal()
    pixels_changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._viewer = Listening()
        self._image = Listening()
        self._by_person = False
        self._shape: tuple[int, ...] = ()  # of the image
        self._misfit = ""  # what was said of labels that were chosen and do not fit
        self._channels = FollowedChannels(
            *(bench.viewer, bench.loop.later, lambda: bench.searching),
            *(self._redrawn, self._told_of_channels),
        )

    def open(self) -> None:
        """Start following, with the active or the topmost image chosen."""
        viewer, to = self._bench.viewer, self._viewer.to
        to(viewer.layers.events.inserted, self._inserted)
        to(viewer.layers.events.removed, self._removed)
        to(viewer.layers.selection.events.active, self._activated)
        for name in ("point", "ndisplay", "order", "margin_left", "margin_right"):
            to(getattr(viewer.dims.events, name), self._looked)
        to(viewer.canvas.grid.events.enabled, self._looked)
        events = self._bench.state.events
        events.image.connect(self._image_chosen)
        events.target.connect(self._target_chosen)
        events.progress.connect(self._progressed)
        self._channels.open()
        self._choose_an_image()

    def close(self) -> None:
        """Stop following."""
        self._viewer.stop()
        self._image.stop()
        self._channels.close()
        for signal in (self.layers_changed, self.layer_removed, self.image_changed):
            signal.disconnect()
        self.view_changed.disconnect()
        self.pixels_changed.disconnect()

    def choose(self, role: str, layer: Any) -> None:
        """Let a layer play a role, because the person wants it: image, points, shapes, mask, \
target or merge."""
        if role == "image":
            self._by_person = layer is not None
        if getattr(self._bench.state, role) is not layer:
            self._bench.choose(role, layer)
        if role in ("target", "merge"):
            self._tell_misfit(layer)

    def _tell_misfit(self, labels: Labels | None) -> None:
        """Say at once that labels cannot hold cells of the image, and take it back once others do.

        Whoever writes looks once more: the layer may be moved, locked or replaced until then.
        """
        bench, image = self._bench, self._bench.state.image
        before, self._misfit = self._misfit, ""
        if labels is not None and image is not None:
            if bench.plane_or_none() is None:
                return
            try:
                check_fit(image, labels)
            except LabelsError as error:
                self._misfit = str(error)
                bench.result(self._misfit, problem=True)
                return
        if before and bench.state.status == before:
            where = "new labels" if labels is None else repr(labels.name)
            bench.result(f"Cells go into {where}.")

    def see_together(self) -> None:
        """Work on the channels that are selected in the layer list as the colours of one image."""
        layers = self._bench.viewer.layers
        theirs = [layer for layer in layers if layer not in self._bench.ours]
        try:
            channels = channels_among(theirs, layers.selection)
            made = together(channels)
        except NapariSamError as error:
            self._bench.fail(error)
            self.layers_changed.emit()  # the list shows again what is worked on
            return
        layers.append(made)
        self._channels.follow(made, channels)
        self.choose("image", made)
        self._bench.result(
            f"Now working on {made.name!r}: red, green and blue, each with the contrast of its "
            "layer."
        )

    # -- channels that are seen together ----------------------------------------------------------

    def _progressed(self, fraction: float | None) -> None:
        if fraction is None:
            self._channels.free()

    def _redrawn(self, image: Image) -> None:
        if image is self._bench.state.image:
            self._repainted()

    def _told_of_channels(self, image: Image, what: str, problem: bool) -> None:
        if image is self._bench.state.image:
            self._bench.result(what, problem)

    # -- the image --------------------------------------------------------------------------------

    def _image_chosen(self, image: Image | None) -> None:
        """Another image plays the part: follow it, and let go of what was of the one before."""
        self._image.stop()
        self._bench.changed()
        self._shape = () if image is None else spatial_shape(image)
        if image is not None:
            to, events = self._image.to, image.events
            if not image.multiscale:  # a pyramid sets its data at every zoom
                to(events.set_data, self._repainted)
            to(events.data, self._repainted)
            to(events.visible, self._hidden)
            for name in (*PLACE, *_LOOKS):
                to(getattr(events, name), self._moved)
        self.image_changed.emit()
        self._drop_misfits()
        if image is not None:
            self._bench.choose("target", self._kept_before(image))

    def _choose_an_image(self) -> None:
        from napari.layers import Image

        layers = self._bench.viewer.layers
        images = [layer for layer in layers if isinstance(layer, Image)]
        seen = [image for image in images if image.visible] or images
        active = layers.selection.active
        if seen:
            self._bench.choose("image", active if active in seen else seen[-1])
        else:
            self.view_changed.emit()

    def _follow(self, image: Any) -> None:
        """Go over to an image that was added or made active, and say so."""
        before = self._bench.state.image
        if image is before:
            return
        self._bench.choose("image", image)
        if before is not None:
            self._bench.result(f"Now working on {image.name!r}. Choose another image above.")

    def _drop_misfits(self) -> None:
        """Let go of labels that do not fit the image that was chosen; they stay in the viewer."""
        state = self._bench.state
        try:
            shown = self._bench.shown()
        except ViewError:
            return
        for role in ("mask", "merge"):
            layer = getattr(state, role)
            if layer is None:
                continue
            try:
                check_fit(shown.image, layer, write=role == "merge")
            except LabelsError:
                self._bench.choose(role, None)

    # -- labels that cells of an image are kept in ------------------------------------------------

    def _target_chosen(self, labels: Labels | None) -> None:
        """Note in a layer for which images it is, so that another panel will know as well."""
        image = self._bench.state.image
        if labels is None or image is None:
            return
        name = str(image.unique_id)
        for layer in (*self._bench.viewer.layers, labels):
            before = self._kept_for(layer)
            images = [other for other in before if other != name] + [name] * (layer is labels)
            if images or before:
                note(layer, KEPT_FOR, images)

    def _kept_for(self, layer: Any) -> Sequence[str]:
        """The images for which cells are kept in a layer; a copy of one is a backup, for none."""
        backup = is_copy(layer, self._bench.viewer.layers, KEPT_FOR)
        images: Sequence[str] = noted(layer, KEPT_FOR, (), inherited=not backup)
        return images

    def _kept_before(self, image: Image) -> Labels | None:
        """The labels into which cells of an image went before, this panel or another."""
        if self._bench.plane_or_none() is None:
            return None
        name = str(image.unique_id)
        for layer in reversed(self._bench.viewer.layers):
            if name in self._kept_for(layer):
                try:
                    check_fit(image, layer)
                except LabelsError:
                    continue
                return layer
        return None

    # -- what happens in the viewer ---------------------------------------------------------------

    def _inserted(self, event: Any) -> None:
        from napari.layers import Image

        if isinstance(event.value, Image):
            if self._bench.state.image is None:
                self._choose_an_image()
            elif not self._by_person:
                self._follow(event.value)
        self.layers_changed.emit()

    def _activated(self, event: Any = None) -> None:
        from napari.layers import Image

        active = self._bench.viewer.layers.selection.active
        if isinstance(active, Image) and not self._by_person and active.visible:
            self._follow(active)

    def _hidden(self, event: Any = None) -> None:
        """The image was hidden or shown: another one may be what is seen now."""
        from napari.layers import Image

        image = self._bench.state.image
        if image is not None and not image.visible and not self._by_person:
            layers = self._bench.viewer.layers
            seen = [la for la in layers if isinstance(la, Image) and la.visible]
            if seen:
                self._follow(seen[-1])

    def _removed(self, event: Any) -> None:
        """Let go of a layer that was deleted; nothing of the person's depends on it."""
        layer, state = event.value, self._bench.state
        self.layer_removed.emit(layer)
        self._channels.layers_changed()
        for role in _ROLES:
            if getattr(state, role) is layer:
                self._bench.choose(role, None)
        if state.image is layer:
            self._by_person = False
            self._bench.choose("image", None)
            self._choose_an_image()
        self.layers_changed.emit()
        self.view_changed.emit()

    def _looked(self, event: Any = None) -> None:
        self._channels.free()
        self.view_changed.emit()

    def _moved(self, event: Any = None) -> None:
        """The image lies elsewhere, or is shown otherwise; marks on its pixels go with it."""
        self._bench.changed()
        if self._bench.state.image is not None:
            self._bench.ours.follow(self._bench.state.image)
        self.view_changed.emit()

    def _repainted(self, event: Any = None) -> None:
        """The image may hold other values now; with another shape it is another image."""
        image = self._bench.state.image
        self._bench.changed(pixels=True)
        if image is not None and spatial_shape(image) != self._shape:
            self._image_chosen(image)
        self.pixels_changed.emit()
