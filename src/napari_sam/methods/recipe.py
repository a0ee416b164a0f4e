"""The call and the command line that find the same objects as the panel did."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from napari_sam.errors import ParameterError
from napari_sam.methods.options import DEFAULTS, CellOptions
from napari_sam.methods.settings import Settings

Limits = tuple[float, float]


def as_python(
    options: CellOptions = DEFAULTS,
    *,
    model: str = "cells",
    image: str | Path | None = None,
    diameter: float | None = None,
    refine: bool = False,
    limits: Limits | None = None,
) -> str:
    """Return Python code that finds the cells of an image.

    Parameters
    ----------
    options : CellOptions
    model : str
        A name from the zoo, or a checkpoint's path.
    image : str or Path, optional
        The image's file; without one the code expects an array ``image``.
    diameter : float, optional
        Typical object diameter in pixels, when it was set and not estimated.
    refine : bool
        Whether uncertain objects are drawn again.
    limits : (low, high), optional
        Contrast limits, when they were set.

    Returns
    -------
    str
        Lines that leave a `Segmentation` in ``result``. What has its default is not said.
    """
    return _call("segment_cells", model, image, _cells(options, diameter, refine), limits)


def everything_as_python(
    settings: Settings,
    *,
    model: str = "cells",
    image: str | Path | None = None,
    limits: Limits | None = None,
) -> str:
    """Return Python code that finds everything on an image; see `as_python`."""
    said = _everything(settings)
    if settings.point_grids is not None:
        said["point_grids"] = [np.asarray(grid).tolist() for grid in settings.point_grids]
    return _call("segment_everything", model, image, said, limits)


def _call(
    function: str,
    model: str,
    image: str | Path | None,
    said: Mapping[str, object],
    limits: Limits | None,
) -> str:
    lines = ["import napari_sam as ns"]
    if image is not None:
        lines += [
            "from napari_sam.files import read_image",
            "",
            f"image = read_image({str(image)!r}).pixels",
        ]
    words = [f"model={str(model)!r}", *(f"{name}={value!r}" for name, value in said.items())]
    if limits is not None:
        words.append(f"limits={tuple(float(value) for value in limits)}")
    call = f"result = ns.{function}(image, {', '.join(words)})"
    if len(call) > 88:
        arguments = (f"    {word}," for word in words)
        call = "\n".join([f"result = ns.{function}(", "    image,", *arguments, ")"])
    return "\n".join([*lines, call])


def as_command(
    options: CellOptions = DEFAULTS,
    *,
    model: str = "cells",
    image: str | Path | None = None,
    diameter: float | None = None,
    refine: bool = False,
    limits: Limits | None = None,
    channel: int | None = None,
    output: str | Path = "results",
) -> str:
    """Return the command line that finds the cells of an image and writes them as files.

    Parameters
    ----------
    options, model, image, diameter, refine, limits
        See `as_python`; without an image the command says ``IMAGE``.
    channel : int, optional
        Counted from 0, for a file with several.
    output : str or Path
        The folder for the results.

    Returns
    -------
    str
        One line, quoted for the shell of this operating system.
    """
    said = _cells(options, diameter, refine)
    return _command("cells", said, model, image, limits, channel, output)


def everything_as_command(
    settings: Settings,
    *,
    model: str = "cells",
    image: str | Path | None = None,
    limits: Limits | None = None,
    channel: int | None = None,
    output: str | Path = "results",
) -> str:
    """Return the command line that finds everything on an image; see `as_command`.

    Raises
    ------
    ParameterError
        When the settings have point grids, which a command line takes from a file.
    """
    if settings.point_grids is not None:
        raise ParameterError(
            "Points of your own do not fit into a command line: save them as .npy or .json and "
            "add --point-grids FILE."
        )
    return _command("everything", _everything(settings), model, image, limits, channel, output)


def _command(
    mode: str,
    said: Mapping[str, object],
    model: str,
    image: str | Path | None,
    limits: Limits | None,
    channel: int | None,
    output: str | Path,
) -> str:
    words = ["napari-sam", "segment", "IMAGE" if image is None else _as_path(image)]
    words += ["-o", _as_path(output)]
    model = str(model)
    if mode != "cells":
        words += ["--mode", mode]
    if model != "cells":
        words += ["--model", model]
    if channel is not None:
        words += ["--channel", str(channel)]
    if limits is not None:
        # Without an exponent: the parser would take -1e-5 for an option.
        words += ["--limits", *(np.format_float_positional(value, trim="0") for value in limits)]
    for name, value in said.items():
        flag = "--" + name.replace("_", "-")
        words += [flag] if value is True else [flag, str(value)]
    if os.name == "nt":
        return subprocess.list2cmdline(words)
    return shlex.join(words)


def _as_path(path: str | Path) -> str:
    """Spell a path so that it is not taken for an option."""
    text = str(path)
    return os.path.join(os.curdir, text) if text.startswith("-") else text


def _cells(options: CellOptions, diameter: float | None, refine: bool) -> dict[str, object]:
    """Return what differs from the defaults, as plain numbers."""
    said: dict[str, object] = {}
    if diameter is not None:
        said["diameter"] = float(diameter)
    for field in fields(options):
        value = getattr(options, field.name)
        if value != field.default:
            said[field.name] = int(value) if field.name.endswith("area") else float(value)
    if refine:
        said["refine"] = True
    return said


def _everything(settings: Settings) -> dict[str, object]:
    """Return what differs from the defaults, without point grids."""
    said: dict[str, object] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not field.init or field.name == "point_grids" or value == field.default:
            continue
        # Numbers as NumPy's are written by their own type's name.
        said[field.name] = value.item() if isinstance(value, np.generic) else value
    return said
