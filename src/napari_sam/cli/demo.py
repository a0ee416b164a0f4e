"""``napari-sam demo``: a sample with its cells found, in napari or, without a display, as files."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from napari_sam.cli.output_flag import output_path
from napari_sam.errors import InstallationError
from napari_sam.progress import Line

DEFAULT_SAMPLE = "nuclei_stack"


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo",
        parents=[common],
        help="see it work on a sample image",
        description="Open napari with a sample, the panel docked and the cells found. "
        "Without a display, write the labels, the table and an overlay as files instead.",
    )
    parser.add_argument(
        "--sample", default=DEFAULT_SAMPLE, metavar="NAME", help=f"default: {DEFAULT_SAMPLE}"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=output_path,
        default=Path("napari-sam-demo"),
        metavar="OUT",
        help="folder for the files written without a display; default: ./napari-sam-demo",
    )
    parser.add_argument("--no-window", action="store_true", help="write files in any case")
    parser.set_defaults(run=run)


def has_display() -> bool:
    """Tell whether a window can be shown."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run(options: argparse.Namespace) -> int:
    """Show the demo in the way that this machine can."""
    from napari_sam.samples import load_sample

    layers = load_sample(options.sample)
    if options.no_window or not has_display():
        if not options.no_window:
            print("There is no display for a window: writing files instead.", file=sys.stderr)
        return write_files(options, layers)
    return show_window(layers)


def write_files(options: argparse.Namespace, layers: list[Any]) -> int:
    """Find the cells that the window would show, and write what `segment` would.

    Of a stack that is the middle slice, at which napari opens it.
    """
    from napari_sam.batch.outputs import ImageResults, Outputs
    from napari_sam.batch.run import try_results
    from napari_sam.images import Image, planes
    from napari_sam.pixel_size import PixelSize
    from napari_sam.segment import segment_cells

    try_results(options.output)
    outputs = Outputs.of(Path(options.sample), options.output)
    # What is there of a former demo may have been corrected since.
    agreed = partial(outputs.refuse_existing, "move them elsewhere")
    agreed()
    data, keywords, _ = layers[-1]
    rgb = bool(keywords.get("rgb", False))
    stack = list(planes(data.shape, rgb))
    slice_number = (len(stack) - 1) // 2
    pixels = stack[slice_number].take(data)
    line = Line(f"Finding the cells of {options.sample}")
    result = segment_cells(pixels, model="cells", rgb=rgb, progress=line)
    scale = keywords.get("scale")
    size = None if scale is None else PixelSize(scale[-2], scale[-1], keywords["units"][-1])
    outputs.write(ImageResults(options.sample, Image.of(pixels, rgb=rgb), size, result), agreed)
    where = f", slice {slice_number}" if len(stack) > 1 else ""
    line.done(f"Found {len(result)} cells in the sample {options.sample}{where}:")
    for path in outputs.paths:
        print(path.resolve())
    return 0


def show_window(layers: list[Any]) -> int:
    """Open napari with the sample, dock the panel and press its button."""
    try:
        import napari
    except ImportError as error:
        raise InstallationError(
            "The demo's window needs napari and a Qt binding: "
            "pip install 'napari-sam-bio[all]'. Without them: napari-sam demo --no-window."
        ) from error
    from qtpy.QtCore import QTimer

    viewer = napari.Viewer()
    for layer in layers:
        viewer.add_layer(napari.layers.Layer.create(*layer))
    _, panel = viewer.window.add_plugin_dock_widget("napari-sam-bio", "Segment cells")
    panel.find_all()
    # The panel takes room from the canvas, but only once the window is laid out.
    QTimer.singleShot(0, viewer.reset_view)
    with _closed_by_interrupt(viewer):
        napari.run()
    return 0


@contextmanager
def _closed_by_interrupt(viewer: Any) -> Iterator[None]:
    """Let Ctrl+C in the terminal and SIGTERM close the window; raise them again when they did.

    What whoever started this told it to ignore, as for work in the background, stays ignored.
    """
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    interrupted = []
    # The last window that closes ends the event loop. Should others be open, this does. An end
    # that is asked for twice would come to the next event loop, which would not even begin.
    leave = QTimer()
    leave.setSingleShot(True)
    leave.timeout.connect(QApplication.exit)

    def close(number: int, _: object) -> None:
        interrupted.append(number)
        viewer.close()
        leave.start(500)

    heard = [
        one
        for one in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(one) is not signal.SIG_IGN
    ]
    before = {one: signal.signal(one, close) for one in heard}
    # Qt's event loop runs no Python by itself, and Python handles signals only while it runs.
    awake = QTimer()
    awake.timeout.connect(lambda: None)
    awake.start(200)
    try:
        yield
    finally:
        awake.stop()
        leave.stop()
        for one, handler in before.items():
            signal.signal(one, handler)
    if interrupted:
        signal.raise_signal(interrupted[0])
