"""Random acts in the panel's session: nothing uncaught, no image touched, undo exact.

    python benchmarks/monkey.py [--seeds 30] [--acts 200] [--first 0] [--only SEED]

Headless: a napari `ViewerModel`, the session of the panel, and the model of the tests that finds
what is bright. Each seed plays its own acts: images and labels come and go, sliders move, keys,
clicks, searches, reviews, painting by napari's own tools. Prints a row per seed and, for a seed
that failed, what it did last and the traceback; the same seed does the same again.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
KEYS = ("Enter", "Control-Enter", "Escape", "Control-Z", "Control-Shift-Z", "N", "T", "1", "2", "3",
        "Delete", "Backspace", "M", "S", "A", "D", "P", "J", "K", "Space")  # fmt: skip
MODIFIERS: tuple[tuple[str, ...], ...] = ((), (), (), ("Control",), ("Shift",), ("Alt",))
MARKS = 12  # more than any seed sets at a time
LAST = 8  # acts that are told of a seed that failed


class Unlike(AssertionError):
    """Something that must hold does not."""


def images() -> dict[str, Callable[[], dict[str, Any]]]:
    """List the images that may come: what `add_image` takes."""
    from fake_model import blobs

    stack = blobs((6, 64, 80), ((3, 20, 50), (3, 44, 20)), radius=6)
    return {
        "plane": lambda: {"data": blobs()},
        "stack": lambda: {"data": stack.copy()},
        "scaled stack": lambda: {
            "data": stack.copy(),
            "scale": (3, 0.5, 0.5),
            "translate": (1, 2, 3),
        },
        "colour": lambda: {"data": np.repeat(blobs()[..., None], 3, axis=2), "rgb": True},
        "floats": lambda: {"data": np.where(blobs() > 100, 7.5, np.nan)},
        "pyramid": lambda: {"data": [blobs((128, 160)), blobs((64, 80))], "multiscale": True},
        "movie": lambda: {"data": np.stack([stack, stack])},
        "black": lambda: {"data": np.zeros((64, 80), np.uint8)},
    }


class Mouse:
    """A mouse event with all that napari's own tools look at."""

    def __init__(self, viewer: Any, position: tuple[float, ...], rng: random.Random) -> None:
        self.type = "mouse_press"
        self.button = rng.choice([1, 1, 1, 2])
        self.buttons = (self.button,)
        self.modifiers = rng.choice(MODIFIERS)
        self.position = position
        self.pos = np.array([5.0, 5.0])
        self.dims_displayed = list(viewer.dims.displayed)
        self.dims_point = list(viewer.dims.point)
        self.view_direction = self.up_direction = None
        self.is_dragging = self.handled = False


class Monkey:
    """Plays one seed on a bench.

    Parameters
    ----------
    bench : Bench
        Of ``tests/ui/conftest.py``: a viewer, a session and hands to work them.
    seed : int
    """

    def __init__(self, bench: Any, seed: int) -> None:
        self.bench = bench
        self.viewer = bench.viewer
        self.rng = random.Random(seed)
        self.done: list[str] = []
        self.undone = 0
        self.pristine: list[tuple[Any, list[np.ndarray]]] = []
        self._images = images()
        self.add_image()

    @property
    def session(self) -> Any:
        return self.bench.session

    def play(self, acts: int) -> None:
        """Do so many acts, and look after each."""
        names = [name for name in dir(self) if name.startswith("do_")]
        for _ in range(acts):
            name = self.rng.choice(names)
            self.done.append(name[3:])
            getattr(self, name)()
            if self.rng.random() < 0.7:
                self.bench.settle()
            self.check_images()
        self.bench.settle()
        self.check_images()

    def check_images(self) -> None:
        """Compare every image with a copy that was made when it came."""
        for layer, before in self.pristine:
            for level, copy in zip(levels(layer), before, strict=True):
                if not np.array_equal(level, copy, equal_nan=copy.dtype.kind == "f"):
                    raise Unlike(f"the image {layer.name} was changed")

    # what a person does, each by chance ----------------------------------------------------

    def add_image(self) -> None:
        name = self.rng.choice(sorted(self._images))
        layer = self.viewer.add_image(**self._images[name]())
        self.done.append(f"({name})")
        self.pristine.append((layer, [np.array(level) for level in levels(layer)]))

    def do_add_image(self) -> None:
        if len(self.theirs()) < 6:
            self.add_image()

    def do_add_labels(self) -> None:
        image = self.some("Image")
        if image is None or len(self.theirs()) > 7:
            return
        shape = image.data.shape[: image.ndim]
        dtype = self.rng.choice(["uint8", "uint16", "int32", "int64", ">u2"])
        data = np.zeros(shape, dtype)
        data[..., 10:20, 10:20] = self.rng.randrange(1, 99)
        data[..., 40:50, 30:40] = self.rng.randrange(1, 99)
        self.viewer.add_labels(data, scale=image.scale, translate=image.translate)

    def do_add_marks(self) -> None:
        if len(self.theirs()) > 7:
            return
        if self.rng.random() < 0.5:
            self.viewer.add_points(np.array([(20.0, 20.0), (40.0, 60.0)]))
        else:
            self.viewer.add_shapes([np.array([(10.0, 10.0), (30.0, 30.0)])], shape_type="rectangle")

    def do_remove_layer(self) -> None:
        layer = self.some()
        if layer is not None and self.rng.random() < 0.4:
            self.viewer.layers.remove(layer)

    def do_remove_all(self) -> None:
        if self.rng.random() < 0.05:
            self.viewer.layers.clear()
            self.add_image()

    def do_hide(self) -> None:
        layer = self.some(ours=True)
        if layer is not None:
            layer.visible = not layer.visible

    def do_activate(self) -> None:
        layer = self.some(ours=True)
        self.viewer.layers.selection.active = layer

    def do_move_layer(self) -> None:
        if len(self.viewer.layers) > 1:
            self.viewer.layers.move(self.rng.randrange(len(self.viewer.layers)), 0)

    def do_rename(self) -> None:
        layer = self.some()
        if layer is not None:
            layer.name = self.rng.choice(["a", "SAM points", "nuclei cells", "µ"])

    def do_rescale(self) -> None:
        layer = self.some()
        if layer is not None and self.rng.random() < 0.3:
            layer.scale = [self.rng.choice([0.5, 1, 3])] * layer.ndim

    def do_scroll(self) -> None:
        for axis, steps in enumerate(self.viewer.dims.nsteps):
            if self.rng.random() < 0.5:
                self.viewer.dims.set_current_step(axis, self.rng.randrange(max(int(steps), 1)))

    def do_change_dimensions(self) -> None:
        if self.rng.random() < 0.3:
            self.viewer.dims.ndisplay = 5 - self.viewer.dims.ndisplay

    def do_turn_axes(self) -> None:
        if self.rng.random() < 0.3:
            order = list(self.viewer.dims.order)
            self.rng.shuffle(order)
            self.viewer.dims.order = tuple(order)

    def do_click(self) -> None:
        low, high = self.viewer.dims.range[-1].start, self.viewer.dims.range[-1].stop
        place = [r.start + self.rng.random() * (r.stop - r.start) for r in self.viewer.dims.range]
        point = list(self.viewer.dims.point)
        for axis in self.viewer.dims.displayed:
            point[axis] = place[axis]
        if self.rng.random() < 0.1:  # beside the image
            point[-1] = high + (high - low)
        self.click(Mouse(self.viewer, tuple(point), self.rng))

    do_click_again = do_click_once_more = do_click

    def click(self, event: Mouse) -> None:
        """Press and release a button, as napari tells the viewer and the active layer."""
        from napari.utils import interactions

        self.viewer.cursor.position = event.position
        active = self.viewer.layers.selection.active
        owners = [self.viewer] if active is None else [self.viewer, active]
        for kind in ("press", "move", "release"):
            event.type = f"mouse_{kind}"
            for owner in owners:
                getattr(interactions, f"mouse_{kind}_callbacks")(owner, event)

    def do_press(self) -> None:
        key = self.rng.choice(KEYS)
        self.done.append(key)
        self.bench.press(key)

    do_press_another = do_press

    def do_page(self) -> None:
        page = self.rng.choice(["click", "find", "review"])
        self.done.append(page)
        self.session.set_tool(page)

    def do_find(self) -> None:
        self.bench.find.start()

    def do_cancel(self) -> None:
        self.session.cancel()

    def do_adjust(self) -> None:
        finding = self.bench.find
        self.rng.choice(
            [
                lambda: finding.adjust_options("cells", sensitivity=self.rng.random()),
                lambda: finding.adjust_options("cells", min_score=self.rng.random()),
                lambda: finding.adjust_options("cells", diameter=self.rng.uniform(3, 60)),
                finding.reset,
            ]
        )()

    def do_choose(self) -> None:
        kinds = {"image": "Image", "target": "Labels", "merge": "Labels", "mask": "Labels",
                 "points": "Points", "shapes": "Shapes"}  # fmt: skip
        role = self.rng.choice(sorted(kinds))
        self.session.layers.choose(role, self.some(kinds[role]))

    def do_overlap(self) -> None:
        self.bench.cells.set_overlap(self.rng.choice(["keep", "overwrite"]))

    def do_hover(self) -> None:
        self.session.proposal.set_hover(self.rng.random() < 0.5)

    def do_close_and_open(self) -> None:
        self.session.set_active(False)
        if self.rng.random() < 0.5:
            self.bench.settle()
        self.session.set_active(True)

    def do_paint(self) -> None:
        layer = self.some("Labels")
        if layer is None or not layer.editable or layer.data.ndim != 2:
            return
        if min(layer.data.shape) < 9 or not layer.visible:
            return  # napari itself cannot
        rows, columns = np.mgrid[5:9, 5:9]
        layer.data_setitem((rows.ravel(), columns.ravel()), 3)

    def do_undo_of_napari(self) -> None:
        layer = self.some("Labels")
        if layer is not None:
            self.rng.choice([layer.undo, layer.redo])()

    def do_review(self) -> None:
        review = self.bench.review
        act = self.rng.choice(["next", "previous", "accept", "reject", "undo", "redo", "escape"])
        self.done.append(act)
        if self.session.state.tool == "review":
            getattr(review, act)()

    def do_keep_and_undo(self) -> None:
        """An undo takes back what was kept, to the pixel."""
        self.session.set_tool("click")
        self.bench.settle()
        if self.session.state.answer is None:
            return
        before = self.pixels()
        self.bench.cells.accept()
        self.bench.settle()
        if same(before, self.pixels()):
            return  # it said why
        self.undo_until(before, self.bench.cells.undo)

    def do_delete_and_undo(self) -> None:
        """And what was deleted on the page of reviews."""
        self.session.set_tool("review")
        self.bench.settle()
        review = self.bench.review
        before = self.pixels()
        review.next()
        review.reject()
        self.bench.settle()
        if same(before, self.pixels()):
            return
        self.undo_until(before, review.undo)

    def undo_until(self, before: dict[int, np.ndarray], undo: Callable[[], None]) -> None:
        """Undo, which takes marks back first, until the labels are as before; but no further."""
        changed = self.pixels()
        for _ in range(MARKS):
            undo()
            self.bench.settle()
            if same(before, self.pixels()):
                self.undone += 1
                return
            if not same(changed, self.pixels()):
                raise Unlike("undo took back something else")
        raise Unlike(f"undo took nothing back: {self.session.state.status}")

    # what there is --------------------------------------------------------------------------

    def theirs(self) -> list[Any]:
        """List the layers of the person."""
        return [layer for layer in self.viewer.layers if not self.session.is_ours(layer)]

    def some(self, kind: str = "", ours: bool = False) -> Any:
        """Pick a layer, or None."""
        layers = list(self.viewer.layers) if ours else self.theirs()
        layers = [layer for layer in layers if not kind or type(layer).__name__ == kind]
        return self.rng.choice(layers) if layers else None

    def pixels(self) -> dict[int, np.ndarray]:
        """Copy all labels of the person."""
        return {
            id(layer): np.array(layer.data)
            for layer in self.theirs()
            if type(layer).__name__ == "Labels"
        }


def levels(layer: Any) -> list[np.ndarray]:
    """Return the arrays of an image, one without a pyramid."""
    return [np.asarray(level) for level in (layer.data if layer.multiscale else [layer.data])]


def same(before: dict[int, np.ndarray], after: dict[int, np.ndarray]) -> bool:
    """Compare all labels; a layer that came meanwhile counts as empty."""
    return all(
        np.array_equal(before[one], after[one])
        if one in before and one in after
        else not (after.get(one, before.get(one)) != 0).any()
        for one in {*before, *after}
    )


def play(bench: Any, seed: int, acts: int) -> tuple[str, int]:
    """Play a seed; return nothing or what went wrong, and how many changes were undone."""
    monkey = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            monkey = Monkey(bench, seed)
            monkey.play(acts)
    except Exception:
        done = [] if monkey is None else monkey.done
        last = f"after {len(done)} acts, last: {', '.join(done[-LAST:])}"
        return f"{last}\n{traceback.format_exc()}", 0
    return "", monkey.undone


def make_bench() -> Any:
    """Make the bench that the tests of the panel work at."""
    sys.path[:0] = [str(TESTS), str(TESTS / "ui")]
    spec = importlib.util.spec_from_file_location("ui_conftest", TESTS / "ui" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Bench


def main() -> int:
    """Print a row per seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--acts", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, help="one seed")
    arguments = parser.parse_args()
    # napari's settings are those of whoever runs this; they must stay as they are
    os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")
    sys.path.append(str(TESTS))
    import conftest  # noqa: F401  # keeps Python alive under one release of PySide6

    bench_of = make_bench()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    failed = 0
    for seed in seeds if arguments.only is None else [arguments.only]:
        bench = bench_of()
        wrong, undone = play(bench, seed, arguments.acts)
        failed += bool(wrong)
        print(f"seed {seed}: {wrong or f'fine, {undone} changes undone exactly'}", flush=True)
        try:
            bench.session.close()
        except Exception:
            failed += not wrong
            print(f"seed {seed}, closing: {traceback.format_exc()}", flush=True)
    print(f"{failed} of the seeds failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
