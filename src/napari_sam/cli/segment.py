"""``napari-sam segment``: images in; labels, tables and overlays out."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.cli.method_flags import add_flags, options_typed
from napari_sam.cli.outputs import KINDS, Outputs, Results
from napari_sam.cli.progress import Line, duration
from napari_sam.errors import Cancelled, DataError, NapariSamError
from napari_sam.methods.registry import method, methods, names

if TYPE_CHECKING:
    from napari_sam.files.sources import Source
    from napari_sam.models.model import Model
    from napari_sam.progress import Progress

_EPILOG = """\
For every INPUT a folder OUT receives NAME_labels.tif (opens in napari and ImageJ),
NAME_objects.csv (a row per object) and NAME_overlay.png (outlines over the image).
Channels are counted from 0. Names may be spelled as in Python, --min_area for --min-area.
Exit code 1 when an input failed; the others are done.
"""


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
        choices=names(),
        default=names()[0],
        help="; ".join(f"{known.name!r} {known.words.typed}" for known in methods()),
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
    parser.add_argument(
        "--finder",
        metavar="MODEL",
        help="who sees where cells are, when the model itself cannot; default: cells",
    )
    add_flags(parser)
    parser.set_defaults(run=run)


def _kinds_typed(text: str) -> tuple[str, ...]:
    kinds = tuple(word.strip() for word in text.split(","))
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(KINDS)}")
    return kinds


def _limits(options: argparse.Namespace) -> tuple[float, float] | None:
    return None if options.limits is None else (options.limits[0], options.limits[1])


def _check_options(typed: argparse.Namespace) -> Any:
    """Refuse senseless options before any file is read; return those of the method."""
    limits = _limits(typed)
    if limits is not None and not limits[0] < limits[1]:
        raise DataError(f"--limits {limits[0]:g} {limits[1]:g}: the first must be smaller.")
    chosen = method(typed.mode)
    extra = [kind for kind in typed.save if kind != "labels" and kind not in chosen.saves]
    if extra:
        able = " or ".join(known.name for known in methods() if extra[0] in known.saves)
        raise DataError(
            f"{chosen.words.noun.capitalize()}s do not overlap: {' and '.join(extra)} are saved by "
            f"--mode {able}."
        )
    options = options_typed(typed)
    if typed.finder and "instances" not in chosen.needs(options):
        raise DataError(
            f"--finder says where objects are, which --mode {typed.mode} does not ask: add "
            "--ask-at objects."
        )
    return options


def run(options: argparse.Namespace) -> int:
    """Segment every input; report those that fail and go on."""
    from napari_sam.cli.inputs import find_sources
    from napari_sam.engine.run import needs_finder

    wanted = _check_options(options)
    if options.output.exists() and not options.output.is_dir():
        raise DataError(f"{options.output} is a file: -o names the folder for the results.")
    sources = find_sources(options.inputs, options.series)

    from napari_sam.loading import load_model
    from napari_sam.models.family import Precision

    model = load_model(
        options.model, options.device, precision=options.precision, cache=options.cache
    )
    finder = None
    if options.finder or needs_finder(method(options.mode), wanted, model):
        # int8 is for SAM models alone; the same numbers everywhere are meant for the finder too.
        precision: Precision = "float32" if options.precision == "float32" else "auto"
        finder = load_model(options.finder or "cells", options.device, precision=precision)
    failed = 0
    started = time.monotonic()
    for number, source in enumerate(sources):
        head = f"[{number + 1}/{len(sources)}] {source.title}"
        line = Line(head, number / len(sources), 1 / len(sources), started)
        try:
            line.done(f"{head}: {segment_file(source, options, wanted, model, finder, line)}")
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
    wanted: Any,
    model: Model,
    finder: Model | None,
    progress: Progress,
) -> str:
    """Segment one image and write its outputs; return what to say about it.

    `wanted` are the method's options; `finder` says where cells are to a model that cannot tell.
    """
    from napari_sam.cli.inputs import pick
    from napari_sam.engine.run import run as run_blocks
    from napari_sam.files import read_image
    from napari_sam.labels.gather import gather
    from napari_sam.segment import masks_of

    outputs = Outputs(source.name, options.output, options.save)
    if not options.overwrite:
        outputs.refuse_existing()
    image = read_image(source.path, options.axes, series=source.series)
    picked = pick(image, options.channel, sure=options.axes is not None)
    chosen = method(options.mode)
    described = replace(picked, limits=_limits(options), pixel_size=None)
    found = run_blocks(described, None, chosen, model, wanted, finder=finder, progress=progress)
    kept = list(found) if set(options.save) != {"labels"} else None
    segmentation, count = None, 0
    if "labels" in options.save:
        blocks = iter(kept) if kept is not None else found
        planes = ((one.block.plane, one.chosen.segmentation()) for one in blocks)
        segmentation = gather(planes, described.shape)
        said = f"{len(segmentation)} object{'' if len(segmentation) == 1 else 's'}"
        count = len(segmentation)
    else:
        count = sum(masks_of(one) for one in kept or ())
        said = f"{count} mask{'' if count == 1 else 's'}"
    results = Results(outputs.name, picked, image.pixel_size, segmentation, kept)
    outputs.write(results)
    return said if count else f"{said}. {chosen.words.nothing_typed}"
