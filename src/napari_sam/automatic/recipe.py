"""The call and the command line that find the same cells as the panel did."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from napari_sam.automatic.options import DEFAULTS, CellOptions
from napari_sam.automatic.settings import Settings


def as_python(
    options: CellOptions = DEFAULTS,
    *,
    model: str = "cells",
    image: str | Path | None = None,
    diameter: float | None = None,
    refine: bool = False,
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

    Returns
    -------
    str
        Lines that leave a `Segmentation` in ``result``. What has its default is not said.
    """
    return _call("segment_cells", model, image, _said(options, diameter, refine))


def everything_as_python(
    settings: Settings, *, model: str = "cells", image: str | Path | None = None
) -> str:
    """Return Python code that finds everything on an image; see `as_python`."""
    said = {
        field.name: getattr(settings, field.name)
        for field in fields(settings)
        if field.init and getattr(settings, field.name) != field.default
    }
    return _call("segment_everything", model, image, said)


def _call(function: str, model: str, image: str | Path | None, said: Mapping[str, object]) -> str:
    lines = ["import napari_sam as ns"]
    if image is not None:
        lines += [
            "from napari_sam.files import read_image",
            "",
            f"image = read_image({str(image)!r}).pixels",
        ]
    words = [f"model={str(model)!r}", *(f"{name}={value!r}" for name, value in said.items())]
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
    channel: int | None = None,
    output: str | Path = "results",
) -> str:
    """Return the command line that finds the cells of an image and writes them as files.

    Parameters
    ----------
    options, model, image, diameter, refine
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
    words = ["napari-sam", "segment", "IMAGE" if image is None else str(image)]
    words += ["-o", str(output)]
    if model != "cells":
        words += ["--model", str(model)]
    if channel is not None:
        words += ["--channel", str(channel)]
    for name, value in _said(options, diameter, refine).items():
        flag = "--" + name.replace("_", "-")
        words += [flag] if value is True else [flag, repr(value)]
    if os.name == "nt":
        return subprocess.list2cmdline(words)
    return shlex.join(words)


def _said(
    options: CellOptions, diameter: float | None, refine: bool
) -> dict[str, float | int | bool]:
    """Return what differs from the defaults, as plain numbers."""
    said: dict[str, float | int | bool] = {}
    if diameter is not None:
        said["diameter"] = float(diameter)
    for field in fields(options):
        value = getattr(options, field.name)
        if value != field.default:
            said[field.name] = int(value) if field.name.endswith("area") else float(value)
    if refine:
        said["refine"] = True
    return said
