"""The layers that this plugin makes for itself: added without selecting them, never saved."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

from psygnal import Signal

from napari_sam.ui.layers.label_grid import put_on_grid


class OurLayers:
    """Knows the layers of one viewer that are ours: previews, marks, rings.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
    """

    #: A person has saved these layers.
    saved = Signal(list)

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self._known: WeakSet[Any] = WeakSet()
        self._on: WeakKeyDictionary[Any, ref[Any]] = WeakKeyDictionary()

    def __contains__(self, layer: object) -> bool:
        return layer is not None and layer in self._known

    def there(self, layer: Any) -> bool:
        """Whether a layer is in the viewer."""
        return layer is not None and layer in self.viewer.layers

    def add(self, layer: Any, quietly: bool = True, on: Any = None) -> None:
        """Put a layer of ours into the viewer, without taking the selection unless told to.

        Parameters
        ----------
        on : Image layer, optional
            On whose grid it lies, wherever that is moved.
        """
        self._known.add(layer)
        if on is not None:
            self._on[layer] = ref(on)
        if quietly:
            add_quietly(self.viewer, layer)
        else:
            self.viewer.add_layer(layer)

    def follow(self, image: Any) -> None:
        """Lay what is on the grid of an image where the image lies now."""
        for layer, under in list(self._on.items()):
            if layer.ndim == image.ndim and under() is image:
                put_on_grid(layer, image)

    def add_beneath(self, layer: Any) -> None:
        """Put a layer for the person into the viewer, quietly, beneath ours that lie on top.

        Marks and outlines of cells that are not kept yet would be hidden by new labels.
        """
        layers = self.viewer.layers
        add_quietly(self.viewer, layer)
        first = last = len(layers) - 1
        while first > 0 and layers[first - 1] in self:
            first -= 1
        if first < last:
            layers.move(last, first)

    def remove(self, layer: Any) -> None:
        """Take a layer away if it is there."""
        if self.there(layer):
            self.viewer.layers.remove(layer)

    # -- saving ---------------------------------------------------------------------------------

    def keep_from_saving(self) -> None:
        """Leave our layers out when all layers of the viewer are saved.

        napari has no layer that it would not save, so its list is told to save the others. Panels
        that share a viewer share that, too.
        """
        layers = self.viewer.layers
        found = vars(layers).get("save")
        if not isinstance(found, _Saving):
            found = layers.save = _Saving(layers)
        found.panels.append(self)

    def allow_saving(self) -> None:
        """Give napari's own way of saving back, once no panel is left."""
        layers = self.viewer.layers
        found = vars(layers).get("save")
        if isinstance(found, _Saving) and self in found.panels:
            found.panels.remove(self)
            if not found.panels:
                del layers.save


class _Saving:
    """Saves the layers of a viewer, but for those of the panels that it has."""

    def __init__(self, layers: Any) -> None:
        self._layers = layers
        self.panels: list[OurLayers] = []

    def __call__(self, path: str, *, selected: bool = False, **how: Any) -> list[str]:
        layers = self._layers
        theirs = [la for la in layers if not any(la in ours for ours in self.panels)]
        chosen = [la for la in theirs if not selected or la in layers.selection]
        if len(theirs) < len(layers):
            from napari.plugins.io import save_layers

            paths = list(save_layers(path, chosen, **how)) if chosen else []
        else:
            paths = list(type(layers).save(layers, path, selected=selected, **how))
        if paths:
            for ours in list(self.panels):
                ours.saved.emit(chosen)
        return paths


def add_quietly(viewer: Any, layer: Any) -> None:
    """Add a layer without taking the selection, and with it the person's tool, away."""
    selection = viewer.layers.selection
    active, chosen = selection.active, set(selection)
    if not chosen:
        viewer.add_layer(layer)
        return
    # Nobody hears of the change to and fro: napari would exchange the layer's controls twice.
    with selection.events.blocker_all():
        viewer.add_layer(layer)
        viewer.layers.selection = chosen
        viewer.layers.selection.active = active
