"""The call and the command line that find the same objects as the panel did."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.errors import ParameterError
from napari_sam.methods.option import described, differing
from napari_sam.methods.options import DEFAULTS
from napari_sam.methods.registry import ROWS, method_of

Limits = tuple[float, float]
Input = str | Path


def as_python(
    options: Any = DEFAULTS,
    *,
    model: str = "cells",
    image: str | Path | None = None,
    limits: Limits | None = None,
    series: int | None = None,
    channel: int | None = None,
    channels: Sequence[int] | None = None,
) -> str:
    """Return Python code that finds the same objects on an image.

    Parameters
    ----------
    options : CellOptions, Settings or those of another method
        They say by which method.
    model : str
        A name from the zoo, or a checkpoint's path.
    image : str or Path, optional
        The image's file; without one the code expects an array ``image``.
    limits : (low, high), optional
        Contrast limits, when they were set.
    series : int, optional
        Which image of a file that holds several, counted from 0.
    channel : int, optional
        Counted from 0, for a file with several.
    channels : sequence of int, optional
        Two or three that are seen together.

    Returns
    -------
    str
        Lines that leave a `Segmentation` in ``result``. What has its default is not said; what no
        code can spell is an array of its name, such as labels of ``examples``.

    Examples
    --------
    >>> from napari_sam.methods.options import CellOptions
    >>> print(as_python(CellOptions(diameter=30)))
    import napari_sam as ns
    result = ns.segment_cells(image, model='cells', diameter=30.0)
    """
    method = method_of(options)
    lines = ["import napari_sam as ns"]
    if image is not None:
        lines += _reading(image, series, [channel] if channel is not None else channels)
    words = [] if method.function else [f"method={method.name!r}"]
    words += [f"model={str(model)!r}"]
    known = {one.name: one.option for one in described(options)}
    for name, value in _said(options).items():
        variable = known[name].variable
        words += [f"{name}={variable or repr(value)}"]
        lines += [f"# {variable}: {known[name].typed}"] if variable else []
    if limits is not None:
        words.append(f"limits={tuple(float(value) for value in limits)}")
    function = method.function or "segment_objects"
    call = f"result = ns.{function}(image, {', '.join(words)})"
    if len(call) > 88:
        arguments = (f"    {word}," for word in words)
        call = "\n".join([f"result = ns.{function}(", "    image,", *arguments, ")"])
    return "\n".join([*lines, call])


def _reading(image: Input, series: int | None, channels: Sequence[int] | None) -> list[str]:
    """Spell how the pixels that are seen are read; an `Image` knows its axes and its levels.

    Examples
    --------
    >>> print("\\n".join(_reading("dish.tif", None, (0, 2))))
    from napari_sam.files.composed import compose
    <BLANKLINE>
    image = compose(ns.read_image('dish.tif'), (0, 2))
    """
    which = "" if series is None else f", series={series}"
    call = f"ns.read_image({str(image)!r}{which})"
    lines = []
    if channels is not None and len(channels) == 1:
        lines.append("from napari_sam.files.pick import pick")
        call = f"pick({call}, channel={channels[0]})"
    elif channels is not None:
        lines.append("from napari_sam.files.composed import compose")
        call = f"compose({call}, {tuple(channels)})"
    return [*lines, "", f"image = {call}"]


def as_command(
    options: Any = DEFAULTS,
    *,
    model: str = "cells",
    image: Input | Sequence[Input] | None = None,
    limits: Limits | None = None,
    channel: int | None = None,
    output: str | Path = "results",
    channels: Sequence[int] | None = None,
    save: str | None = None,
    skip_existing: bool = False,
    series: int | None = None,
) -> str:
    """Return the command line that finds the same objects and writes them as files.

    Parameters
    ----------
    options, model, limits
        See `as_python`.
    image : path or sequence of paths, optional
        Files and folders; without one the command says ``IMAGE``.
    channel : int, optional
        Counted from 0, for a file with several.
    output : str or Path
        The folder for the results.
    channels : sequence of int, optional
        Two or three that are seen together.
    save : str, optional
        What ``--save`` is to say.
    skip_existing : bool
        Whether images that have results are left out.
    series : int, optional
        Which image of files that hold several, counted from 0.

    Returns
    -------
    str
        One line, quoted for the shell of this operating system.

    Raises
    ------
    ParameterError
        When an option does not fit into a command line, which takes it from a file.
    """
    method = method_of(options)
    images = [image] if isinstance(image, str | Path) else image
    words = ["napari-sam", "segment", *(["IMAGE"] if images is None else map(_as_path, images))]
    words += ["-o", _as_path(output)]
    if skip_existing:
        words.append("--skip-existing")
    if save is not None:
        words += ["--save", save]
    if method.name != next(iter(ROWS)):
        words += ["--mode", method.name]
    if str(model) != "cells":
        words += ["--model", str(model)]
    if series is not None:
        words += ["--series", str(series)]
    if channel is not None:
        words += ["--channel", str(channel)]
    if channels is not None:
        words += ["--channels", ",".join(map(str, channels))]
    if limits is not None:
        # Without an exponent: the parser would take -1e-5 for an option.
        words += ["--limits", *(np.format_float_positional(value, trim="0") for value in limits)]
    words += _flags(options)
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _flags(options: Any) -> list[str]:
    """Spell what has to be said of the options as flags."""
    words: list[str] = []
    from_files = {name for name, _, what in described(options) if what.read is not None}
    for name, value in _said(options).items():
        flag = "--" + name.replace("_", "-")
        if name in from_files:
            raise ParameterError(
                f"{name} of your own do not fit into a command line: save them as a file and add "
                f"{flag} FILE."
            )
        if isinstance(value, str) and value.startswith("-"):
            words += [f"{flag}={value}"]  # or it were taken for a flag
        elif isinstance(value, bool):
            words += [flag if value else f"--no-{flag[2:]}"]
        else:
            words += [flag, str(value)]
    return words


def as_step(options: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of a method and what was chosen of its options, as JSON can say it.

    Parameters
    ----------
    options : CellOptions, Settings or those of another method

    Returns
    -------
    str, dict
        Nothing where an option is an array of the person's, such as labels of ``examples``.

    Examples
    --------
    >>> from napari_sam.methods.options import CellOptions
    >>> as_step(CellOptions(diameter=30))
    ('cells', {'diameter': 30.0})
    """
    if any(what.variable and name in differing(options) for name, _, what in described(options)):
        return "", {}
    return method_of(options).name, _said(options)


def _said(options: Any) -> dict[str, Any]:
    """Return what has to be said of the options, as plain values."""
    said = differing(options)
    for name, _, what in described(options):
        if what.read is not None and name in said and not what.variable:
            said[name] = [np.asarray(part).tolist() for part in said[name]]
    return said


def _as_path(path: str | Path) -> str:
    """Spell a path so that it is not taken for an option."""
    text = str(path)
    return os.path.join(os.curdir, text) if text.startswith("-") else text
