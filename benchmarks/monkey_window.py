"""Random acts in napari's real window: nothing uncaught, no image touched, undo exact.

    xvfb-run -a python benchmarks/monkey_window.py [--seeds 10] [--acts 200] [--only SEED]

The acts of `benchmarks/monkey.py`, with real clicks and keys on the canvas, beside acts that only a
window has: buttons, sliders, boxes and lists of the panel, keys in the layer list, napari's own
tools, the dock hidden and moved, grid, theme and size changed. The model has a thread of its
own, as it has for a person. Prints a row per seed. What only napari's own code raised, with nothing
of this package on the way, is told apart and does not count.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]

import monkey

PATIENCE = 60.0  # seconds until the window must have come to rest
LONG = 1000  # milliseconds: timers that run longer are not waited for
OURS = f"{os.sep}napari_sam{os.sep}"


class Caught:
    """Everything that nobody caught, wherever it was raised."""

    def __init__(self) -> None:
        self.ours: list[str] = []
        self.naparis: list[str] = []

    def __enter__(self) -> Caught:
        from napari.utils.notifications import notification_manager

        self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self.take
        threading.excepthook = lambda what: self.take(
            what.exc_type, what.exc_value, what.exc_traceback
        )
        self._manager = notification_manager
        notification_manager.notification_ready.connect(self._told)
        return self

    def __exit__(self, *_: object) -> None:
        sys.excepthook, threading.excepthook = self._before
        self._manager.notification_ready.disconnect(self._told)

    def take(self, kind: Any, error: Any, trace: Any) -> None:
        """Take an exception."""
        text = "".join(traceback.format_exception(kind, error, trace))
        (self.ours if OURS in text or isinstance(error, monkey.Unlike) else self.naparis).append(
            text
        )

    def _told(self, event: Any) -> None:
        error = getattr(event, "exception", None)
        if error is not None:
            self.take(type(error), error, error.__traceback__)


def leave_alone(put: Callable[[Any, str, Any], None]) -> None:
    """Open no dialog that waits for a person, download nothing, and teach nothing.

    Parameters
    ----------
    put : callable
        Such as ``setattr``.
    """
    from qtpy.QtGui import QColor
    from qtpy.QtWidgets import QColorDialog, QFileDialog

    from napari_sam.engine.catalogue import Catalogue
    from napari_sam.errors import ModelError
    from napari_sam.ui.tools.teach import Teach

    def teach(*_: Any) -> None:
        raise ModelError("Nobody is taught by a monkey.")

    put(QColorDialog, "getColor", staticmethod(lambda *_, **__: QColor()))
    put(Teach, "teach", staticmethod(teach))
    for name in ("getOpenFileName", "getSaveFileName"):
        put(QFileDialog, name, staticmethod(lambda *_, **__: ("", "")))
    put(QFileDialog, "getExistingDirectory", staticmethod(lambda *_, **__: ""))
    put(Catalogue, "missing_megabytes", lambda self, name: None)
    put(Catalogue, "names", lambda self: ["cells", "large"])


class Bench:
    """A window with the panel docked, with what `monkey.Monkey` asks of a bench."""

    def __init__(self, viewer: Any = None) -> None:
        import napari

        from fake_model import FakeModel
        from napari_sam.ui.widgets.panel import Panel

        self.viewer = viewer or napari.Viewer()
        self.viewer.window.resize(1280, 800)
        self.model = FakeModel()
        self.panel = Panel(self.viewer, lambda name, device: self.model)
        self.session = self.panel.session
        self.dock = self.viewer.window.add_dock_widget(self.panel, name="SAM", area="right")
        self.find, self.cells = (self.session.tools[name] for name in ("find", "click"))
        self.review = self.session.tools["review"]

    @property
    def canvas(self) -> Any:
        return self.viewer.window._qt_viewer.canvas

    def settle(self) -> None:
        """Turn the event loop until nothing is under way."""
        from qtpy.QtWidgets import QApplication

        limit, quiet = time.monotonic() + PATIENCE, 0
        while quiet < 3:
            QApplication.processEvents()
            quiet = 0 if self._busy() else quiet + 1
            if quiet == 0:
                time.sleep(0.002)
            if time.monotonic() > limit:
                raise monkey.Unlike(f"it never came to rest: {self.session.state.status}")

    def _busy(self) -> bool:
        session = self.session
        if not session.is_open:
            return False
        timers = session.loop._timers.values()
        waiting = any(t.isActive() and t.remainingTime() < LONG for t in timers)
        jobs = (session.jobs, self.find.following.choosing, session.recovery._jobs)
        return waiting or any(one.busy for one in jobs)

    def press(self, key: str) -> None:
        """Press a key on the canvas, as napari spells it."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        *held, name = key.split("-")
        modifiers = Qt.KeyboardModifier.NoModifier
        for one in held:
            modifiers |= getattr(Qt.KeyboardModifier, f"{one}Modifier")
        code = getattr(Qt.Key, f"Key_{'Return' if name == 'Enter' else name}")
        QTest.keyClick(self.canvas.native, code, modifiers)

    def close(self) -> None:
        """Close the window, as a person does."""
        self.settle()
        self.viewer.close()
        self.session.close()


class WindowMonkey(monkey.Monkey):
    """Plays one seed in a window."""

    def click(self, event: monkey.Mouse) -> None:
        """Click a place of the world on the canvas."""
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        canvas = self.bench.canvas
        row, column = (event.position[axis] for axis in list(self.viewer.dims.displayed)[-2:])
        x, y = (canvas.view.transform * canvas.view.scene.transform).map([column, row, 0, 1])[:2]
        size = canvas.native.size()
        if not (0 <= x < size.width() and 0 <= y < size.height()):
            return  # it is not on the screen
        buttons, keys = Qt.MouseButton, Qt.KeyboardModifier
        button = buttons.LeftButton if event.button == 1 else buttons.RightButton
        held = keys.NoModifier
        for one in event.modifiers:
            held |= getattr(keys, f"{one}Modifier")
        place = QPoint(round(x), round(y))
        QTest.mouseMove(canvas.native, place)
        QTest.mouseClick(canvas.native, button, held, place)

    # Of the many acts that there are these say most.
    do_keep_more = do_keep_most = monkey.Monkey.do_keep_and_undo
    do_delete_more = monkey.Monkey.do_delete_and_undo

    # -- what only a window has -----------------------------------------------------------------

    def do_drag(self) -> None:
        from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
        from qtpy.QtGui import QMouseEvent
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QApplication

        native, rng = self.bench.canvas.native, self.rng
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        held = rng.choice([none, none, Qt.KeyboardModifier.ShiftModifier])
        width, height = native.width(), native.height()
        at = [QPoint(rng.randrange(width), rng.randrange(height)) for _ in range(2)]
        QTest.mousePress(native, left, held, at[0])
        for step in range(1, 6):
            place = QPointF(at[0] + (at[1] - at[0]) * (step / 5))
            move = QMouseEvent(
                QEvent.Type.MouseMove, place, native.mapToGlobal(place), left, left, held
            )
            QApplication.sendEvent(native, move)
        QTest.mouseRelease(native, left, held, at[1])

    def do_paint_by_hand(self) -> None:
        """Drag with a tool of napari's own."""
        layer = self.some("Labels")
        if layer is None or not layer.editable or min(layer.data.shape) < 2:
            return
        self.viewer.layers.selection.active = layer
        layer.mode = self.rng.choice(["paint", "erase", "fill", "pan_zoom"])
        self.do_drag()
        layer.mode = "pan_zoom"

    def do_zoom(self) -> None:
        self.viewer.scene.camera.zoom = self.rng.choice([0.5, 2, 6, 20])
        if self.rng.random() < 0.5:
            self.viewer.reset_view()

    def do_press_button(self) -> None:
        from qtpy.QtWidgets import QAbstractButton

        self._with_one_of(QAbstractButton, lambda button: button.click())

    do_press_another_button = do_press_button

    def do_slide(self) -> None:
        from qtpy.QtWidgets import QAbstractSlider

        def move(slider: Any) -> None:
            slider.setValue(self.rng.randint(slider.minimum(), slider.maximum()))

        self._with_one_of(QAbstractSlider, move)

    def do_choose_in_a_list(self) -> None:
        from qtpy.QtWidgets import QComboBox

        def choose(box: Any) -> None:
            if box.count():
                box.setCurrentIndex(self.rng.randrange(box.count()))
                box.activated.emit(box.currentIndex())

        self._with_one_of(QComboBox, choose)

    def do_type_a_number(self) -> None:
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QAbstractSpinBox, QLineEdit

        def type_it(field: Any) -> None:
            field.setFocus()
            field.selectAll()
            QTest.keyClicks(field, self.rng.choice(["0", "12", "-3", "1e9", "", "x", "0.5"]))
            field.clearFocus()

        kind = self.rng.choice([QAbstractSpinBox, QLineEdit])
        self._with_one_of(kind, type_it)

    def _with_one_of(self, kind: Any, act: Callable[[Any], None]) -> None:
        """Do something with one of the panel's controls that are in sight."""
        there = [one for one in self.bench.panel.findChildren(kind) if one.isVisible()]
        there = [one for one in there if one.isEnabled()]
        if there:
            chosen = self.rng.choice(there)
            text = getattr(chosen, "text", lambda: "")
            self.done.append(f"<{type(chosen).__name__} {str(text())[:20]}>")
            act(chosen)

    def do_key_in_the_layer_list(self) -> None:
        from qtpy.QtTest import QTest

        viewer = self.viewer.window._qt_viewer
        layer = self.some()
        if layer is None or layer.__class__.__name__ == "Image":
            return  # Delete in the list removes what is chosen there: that is napari's
        self.viewer.layers.selection = {layer}
        viewer.layers.setFocus()
        from qtpy.QtCore import Qt

        key = self.rng.choice([Qt.Key.Key_N, Qt.Key.Key_2, Qt.Key.Key_Return, Qt.Key.Key_Escape])
        QTest.keyClick(viewer.layers, key)

    def do_hide_the_dock(self) -> None:
        if self.rng.random() < 0.3:
            self.bench.dock.setVisible(not self.bench.dock.isVisible())
        if self.rng.random() < 0.7:
            self.bench.dock.setVisible(True)

    def do_float_the_dock(self) -> None:
        if self.rng.random() < 0.2:
            self.bench.dock.setFloating(not self.bench.dock.isFloating())

    def do_resize(self) -> None:
        size = self.rng.choice([(900, 600), (1280, 800), (1500, 950)])
        self.viewer.window.resize(*size)

    def do_grid(self) -> None:
        self.viewer.grid.enabled = self.rng.random() < 0.2

    def do_theme(self) -> None:
        if self.rng.random() < 0.1:
            self.viewer.theme = self.rng.choice(["dark", "light"])

    def do_pages_button(self) -> None:
        self.bench.panel.show_page(self.rng.choice(["click", "find", "review"]))


def play(bench: Any, seed: int, acts: int) -> tuple[str, int, int]:
    """Play a seed: nothing or what went wrong, how much was undone, what napari itself raised."""
    with Caught() as caught:
        player = None
        try:
            player = WindowMonkey(bench, seed)
            for _ in range(acts):
                player.play(1)
                if caught.ours:
                    break
        except Exception as error:
            caught.take(type(error), error, error.__traceback__)
    done = [] if player is None else player.done
    wrong = ""
    if caught.ours:
        wrong = f"after {len(done)} acts, last: {', '.join(done[-monkey.LAST :])}\n{caught.ours[0]}"
    for text in caught.naparis[:1]:
        print(f"seed {seed}, napari alone: {text.splitlines()[-1]}", file=sys.stderr)
    return wrong, 0 if player is None else player.undone, len(caught.naparis)


def main() -> int:
    """Print a row per seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--acts", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, help="one seed")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp())
    # napari's settings are those of whoever runs this; they must stay as they are
    os.environ["NAPARI_CONFIG"] = str(home / "settings.yaml")
    os.environ["NAPARI_SAM_HOME"] = str(home / "home")
    import conftest  # noqa: F401  # keeps Python alive under one release of PySide6

    leave_alone(setattr)
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    failed = 0
    for seed in seeds if arguments.only is None else [arguments.only]:
        start = time.monotonic()
        bench = Bench()
        wrong, undone, naparis = play(bench, seed, arguments.acts)
        with Caught() as closing:
            bench.close()
        wrong = wrong or "".join(closing.ours[:1])
        failed += bool(wrong)
        told = wrong or f"fine, {undone} changes undone exactly"
        also = f", {naparis} errors of napari alone" if naparis else ""
        print(f"seed {seed}: {told}{also} ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"{failed} of the seeds failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
