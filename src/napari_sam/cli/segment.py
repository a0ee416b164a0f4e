"""``napari-sam segment``: images in; labels, tables and overlays out."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam.cli import cells, everything
from napari_sam.cli.outputs import KINDS, Outputs, Results
from napari_sam.cli.progress import Line, duration
from napari_sam.errors import Cancelled, DataError, NapariSamError

if TYPE_CHECKING:
    from napari_sam.files.sources import Source
    from napari_sam.images import Image
    from napari_sam.methods.everything import FoundPlane
    from napari_sam.models.model import Model
    from napari_sam.progress import Progress
    from napari_sam.segmentation import Segmentation

_EPILOG = """\
For every INPUT a folder OUT receives NAME_labels.tif (opens in napari and ImageJ),
NAME_objects.csv (a row per object) and NAME_overlay.png (outlines over the image).
Channels are counted from 0. Names may be spelled as in Python, --min_area for --min-area.
Exit code 1 when an input failed; the others are done.
"""

_AREAS = {
    "min_area": "drop smaller objects, in pixels; default: a twentieth of a typical cell, or 0",
    "max_area": "drop larger objects, in pixels",
}

_NOTHING = {
    "cells": "Try another --diameter, a higher --sensitivity, or a lower --min-score.",
    "everything": "Try a lower --pred-iou-thresh or --stability-score-thresh, or more points.",
}


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "segment",
        parents=[common],
        help="find the cells of images",
        description="Find all cells of images and write them as files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="an image, a folder of images, or a pattern"
    )
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="a folder")
    parser.add_argument(
        "--model", default="cells", help="a name from 'napari-sam models', or a checkpoint's path"
    )
    parser.add_argument(
        "--mode",
        choices=("cells", "everything"),
        default="cells",
        help="'cells' finds cells by a trained sense for them, the model's own or that of the "
        "model 'cells'; 'everything' asks the model about a grid of points",
    )
    parser.add_argument("--channel", type=int, metavar="N", help="segment this channel only")
    parser.add_argument(
        "--series",
        type=int,
        metavar="N",
        help="of files that hold several images, this one alone, counted from 0 (default: all)",
    )
    parser.add_argument(
        "--axes", help="what the file's axes are, if it does not say; for example CYX or ZYX"
    )
    for name, text in _AREAS.items():
        parser.add_argument(everything.flag(name), type=int, metavar="N", help=text)
    parser.add_argument(
        "--limits",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="values seen as black and white (default: percentiles of each slice)",
    )
    parser.add_argument(
        "--save",
        type=_kinds_typed,
        default=("labels",),
        metavar="WHAT",
        help="labels (default); in mode everything also masks (overlapping, .npz) and rle "
        "(the same as COCO .json); several with commas",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "int8"),
        default="auto",
        help="float32: the same numbers on every machine; int8: SAM models read images faster on "
        "a CPU, and not exactly",
    )
    parser.add_argument(
        "--cache",
        action="store_true",
        help="SAM models keep on disk what they read of an image, so that the next run on it "
        "needs no reading; see 'napari-sam cache'",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace outputs that are there already"
    )
    cells.add_options(parser)
    everything.add_options(parser)
    parser.set_defaults(run=run)


def _kinds_typed(text: str) -> tuple[str, ...]:
    kinds = tuple(word.strip() for word in text.split(","))
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(KINDS)}")
    return kinds


def _limits(options: argparse.Namespace) -> tuple[float, float] | None:
    return None if options.limits is None else (options.limits[0], options.limits[1])


def _check_options(options: argparse.Namespace) -> None:
    """Refuse senseless options before any file is read."""
    other, names = ("everything", everything.NAMES)
    if options.mode == "everything":
        other, names = ("cells", cells.NAMES)
    for name in names:
        if getattr(options, name) is not None:
            raise DataError(f"{everything.flag(name)} belongs to --mode {other}.")
    limits = _limits(options)
    if limits is not None and not limits[0] < limits[1]:
        raise DataError(f"--limits {limits[0]:g} {limits[1]:g}: the first must be smaller.")
    if options.mode == "cells":
        if options.save != ("labels",):
            raise DataError("Cells do not overlap: masks and rle are saved by --mode everything.")
        cells.parameters(options)
        return
    if options.finder and options.seeds != "objects":
        raise DataError("--finder says where objects are: add --seeds objects.")
    everything.settings(options)


def run(options: argparse.Namespace) -> int:
    """Segment every input; report those that fail and go on."""
    from napari_sam.cli.inputs import find_sources

    _check_options(options)
    if options.output.exists() and not options.output.is_dir():
        raise DataError(f"{options.output} is a file: -o names the folder for the results.")
    sources = find_sources(options.inputs, options.series)

    from napari_sam.loading import load_model
    from napari_sam.models.family import Precision

    model = load_model(
        options.model, options.device, precision=options.precision, cache=options.cache
    )
    finder = None
    asked_for = options.mode == "cells" or options.seeds == "objects"
    if options.finder or (asked_for and not model.has_instances):
        # int8 is for SAM models alone; the same numbers everywhere are meant for the finder too.
        precision: Precision = "float32" if options.precision == "float32" else "auto"
        finder = load_model(options.finder or "cells", options.device, precision=precision)
    failed = 0
    started = time.monotonic()
    for number, source in enumerate(sources):
        head = f"[{number + 1}/{len(sources)}] {source.title}"
        line = Line(head, number / len(sources), 1 / len(sources), started)
        try:
            line.done(f"{head}: {segment_file(source, options, model, finder, line)}")
        except Cancelled:
            raise
        except (NapariSamError, OSError) as error:
            if options.debug:
                raise
            failed += 1
            line.done(f"{head}: failed. {error}")
    done = len(sources) - failed
    print(
        f"{done} of {len(sources)} images done in {duration(time.monotonic() - started)}, "
        f"results in {options.output}",
        file=sys.stderr,
    )
    return 1 if failed else 0


def segment_file(
    source: Source,
    options: argparse.Namespace,
    model: Model,
    finder: Model | None,
    progress: Progress,
) -> str:
    """Segment one image and write its outputs; return what to say about it.

    `finder` says where cells are to a model that cannot tell.
    """
    from napari_sam.cli.inputs import pick
    from napari_sam.files import read_image

    outputs = Outputs(source.name, options.output, options.save)
    if not options.overwrite:
        outputs.refuse_existing()
    image = read_image(source.path, options.axes, series=source.series)
    picked = pick(image, options.channel, sure=options.axes is not None)
    if options.mode == "cells":
        found = _cells(picked, options, model, finder, progress)
        results = Results(outputs.name, picked, image.pixel_size, found)
        count, noun = len(found), "object"
    else:
        planes = _everything(picked, options, model, finder, progress)
        labels = None
        count, noun = sum(len(plane.chosen) for plane in planes), "mask"
        if "labels" in options.save:
            from napari_sam.methods.everything import as_labels

            labels = as_labels(planes, picked.shape, model.name)
            count, noun = len(labels), "object"
        results = Results(outputs.name, picked, image.pixel_size, labels, planes)
    outputs.write(results)
    if count == 0:
        return f"0 {noun}s. {_NOTHING[options.mode]}"
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _cells(
    picked: Image,
    options: argparse.Namespace,
    model: Model,
    finder: Model | None,
    progress: Progress,
) -> Segmentation:
    from napari_sam.methods.cells import segment_cells

    return segment_cells(
        picked.pixels,
        model=model,
        seeds=finder or "cells",
        limits=_limits(options),
        rgb=picked.rgb,
        progress=progress,
        **cells.parameters(options),  # type: ignore[arg-type]
    )


def _everything(
    picked: Image,
    options: argparse.Namespace,
    model: Model,
    finder: Model | None,
    progress: Progress,
) -> list[FoundPlane]:
    from napari_sam.methods.everything import find_everything

    found = find_everything(
        picked.pixels,
        model,
        everything.settings(options),
        finder=finder or "cells",
        limits=_limits(options),
        rgb=picked.rgb,
        progress=progress,
    )
    return list(found)
