"""What is chosen for a search, said again as code or as a command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_sam.errors import NapariSamError, ViewError
from napari_sam.files.composed import Composed
from napari_sam.methods.recipe import as_command, as_python
from napari_sam.ui.layers.together import levels_of
from napari_sam.ui.workbench import Workbench


def recipe(bench: Workbench, command: bool) -> str:
    """Return the Python code, or the command line, that searches as the panel would.

    Of a folder that is walked through it is the command that searches all of it, of files that lie
    in several folders a line for each.

    Raises
    ------
    ParameterError
        When a command line cannot say it.
    """
    state = bench.state
    try:
        limits = bench.shown().view.limits
    except ViewError:
        limits = None
    same: dict[str, Any] = {"model": state.model, "limits": limits}
    shown = _input(bench, state.image)
    if not command:
        return as_python(state.find.search, **same, **shown)
    lines = [as_command(state.find.search, **same, **one) for one in bench.inputs() or [shown]]
    return "\n".join(lines)


def _input(bench: Workbench, image: Any) -> dict[str, Any]:
    """Say which image of which file is seen, and which of its channels."""
    file = bench.file_of(image)
    if image not in bench.opened:
        return {"image": file}
    job = bench.opened[image]
    return {
        "image": file,
        "series": job.source.series,
        "channel": job.channel,
        "channels": job.channels,
    }


def hand_out(bench: Workbench, command: bool, put: Callable[[str], None]) -> None:
    """Hand the code or the command line to whoever takes it, and tell what was copied."""
    try:
        text = recipe(bench, command)
    except NapariSamError as error:  # of what no command line can say
        bench.fail(error)
        return
    put(text)
    told = "Copied the Python code. Paste it into a script or a notebook."
    bench.result((f"Copied: {text}" if command else told) + _channels(bench, command))


def _channels(bench: Workbench, command: bool) -> str:
    """Say what is to be added by hand where channels of layers are seen together.

    A layer does not know which channel of its file it is.
    """
    image = bench.state.image
    if image is None or image in bench.opened or not isinstance(levels_of(image)[0], Composed):
        return ""
    numbers = ",".join(map(str, range(len(levels_of(image)[0].channels))))
    if command:
        return f" Add --channels with their numbers in the file, such as --channels {numbers}."
    return (
        " There, image is napari_sam.files.composed.compose(ns.read_image(FILE), "
        f"({numbers.replace(',', ', ')})), with the numbers of the channels in their file."
    )
