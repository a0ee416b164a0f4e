"""Keys of a page: bound while it is shown, and given back afterwards."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterator
from typing import Any

Action = Callable[[], Any]
_OF_LABELS = ("Control-Z", "Control-Shift-Z")  # which layers of labels have themselves


class Keys:
    """Binds keys to a viewer and to the layer that is active, which would swallow them otherwise.

    A layer in one of its own editing modes keeps its keys, unless it is ours: painting labels
    with the digits as shortcuts must go on to work.

    Parameters
    ----------
    viewer : napari viewer or ViewerModel
    actions : dict of key to callable without arguments
        A generator function is for a key that is held: what follows its ``yield`` runs when the
        key goes up.
    ours : container
        The layers made by this plugin.
    bare : callable
        Called with whether Enter by itself accepts now, or only with Control.
    pressed : callable
        Called after a key did something.
    """

    def __init__(
        self,
        viewer: Any,
        actions: dict[str, Action],
        ours: Container[Any],
        bare: Callable[[bool], None],
        pressed: Callable[[], None],
    ) -> None:
        self._viewer = viewer
        self._actions = actions
        self._ours = ours
        self._bare = bare
        self._pressed = pressed
        self._bound: list[tuple[Any, str, Any]] = []  # with what each ``replaced``
        self._layer: Any = None
        self._on = False

    def turn_on(self) -> None:
        if self._on:
            return
        self._on = True
        self._viewer.layers.selection.events.active.connect(self._follow)
        self._bind_viewer()
        self._follow()

    def turn_off(self) -> None:
        if not self._on:
            return
        self._on = False
        self._viewer.layers.selection.events.active.disconnect(self._follow)
        self._leave()
        self._unbind()

    def _bind_viewer(self) -> None:
        self._bind(self._viewer, list(self._actions))

    def _follow(self, event: Any = None) -> None:
        """Bind on the layer that became active, and nowhere else."""
        self._leave()
        self._unbind(keep=self._viewer)
        layer = self._viewer.layers.selection.active
        if layer is None:
            self._bare(True)
            return
        self._layer = layer
        layer.events.mode.connect(self._mode_changed)
        self._bind_layer()

    def _bind_layer(self) -> None:
        names = self._for_layer(self._layer)
        self._bind(self._layer, names)
        self._bare("Enter" in names or "Enter" not in self._actions)

    def _mode_changed(self, event: Any = None) -> None:
        self._unbind(keep=self._viewer)
        if self._layer is not None:
            self._bind_layer()

    def _leave(self) -> None:
        layer, self._layer = self._layer, None
        if layer is not None:
            layer.events.mode.disconnect(self._mode_changed)

    def _for_layer(self, layer: Any) -> list[str]:
        mode = str(layer.mode)
        drawing = mode in {"add_polygon", "add_polygon_lasso", "add_path", "add_polyline"} or (
            mode == "polygon"
        )
        if drawing:  # Enter and Escape finish or drop the outline being drawn
            return [key for key in self._actions if key not in ("Enter", "Escape")]
        if mode in ("pan_zoom", "add_rectangle", "add_ellipse") or layer in self._ours:
            return list(self._actions)
        return [key for key in self._actions if "Control" in key and key not in _OF_LABELS]

    def _bind(self, target: Any, names: list[str]) -> None:
        for name in names:
            call = self._caller(self._actions[name])
            call.replaced = target.bind_key(name, None)  # unbinds, and says what was there
            target.bind_key(name, call)
            self._bound.append((target, name, call))

    def _caller(self, action: Action) -> Any:
        """Make what napari calls: with the owner of the key, a generator for a key that is held."""
        if inspect.isgeneratorfunction(action):

            def hold(owner: Any) -> Iterator[None]:
                self._pressed()
                yield from action()

            return hold

        def call(owner: Any) -> None:
            action()
            self._pressed()

        return call

    def _unbind(self, keep: Any = None) -> None:
        left = []
        for target, name, call in reversed(self._bound):
            if target is keep:
                left.append((target, name, call))
                continue
            found = target.bind_key(name, None)
            if found is not call and found is not None:
                target.bind_key(name, found)  # somebody else's by now: leave it
                _leave_out(call, found)
            elif call.replaced is not None:
                target.bind_key(name, call.replaced)
        self._bound = left[::-1]


def _leave_out(call: Any, top: Any) -> None:
    """Let another panel, which bound a key later, give it back to whoever had it before us."""
    while top is not None:
        above, top = top, getattr(top, "replaced", None)
        if top is call:
            above.replaced = call.replaced
            return
