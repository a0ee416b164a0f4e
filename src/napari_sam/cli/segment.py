"""``napari-sam segment``: images in; labels, tables and overlays out."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_sam.cli.progress import Line, duration
from napari_sam.errors import Cancelled, DataError, NapariSamError

if TYPE_CHECKING:
    from napari_sam.cli.inputs import Picked
    from napari_sam.models.model import Model
    from napari_sam.progress import Progress
    from napari_sam.segmentation import Segmentation

_EPILOG = """\
For every INPUT a folder OUT receives NAME_labels.tif (opens in napari and ImageJ),
NAME_objects.csv (a row per object) and NAME_overlay.png (outlines over the image).
Channels are counted from 0. Exit code 1 when an input failed; the others are done.
"""

# With the names and defaults of `napari_sam.automatic.options.CellOptions`.
_OPTIONS: dict[str, tuple[type, str]] = {
    "sensitivity": (float, "0 to 1, default 0.5: higher finds fainter cells"),
    "splitting": (float, "0 to 1, default 0.5: higher cuts touching cells apart more readily"),
    "smoothing": (float, "default 1.5: higher ignores finer structure when telling cells apart"),
    "min-area": (int, "drop smaller cells, in pixels (default: a twentieth of a typical one)"),
    "max-area": (int, "drop larger cells, in pixels"),
    "min-score": (float, "0 to 1, default 0.5: drop cells the model is less sure of"),
}


class Outputs(NamedTuple):
    """The files written for one input."""

    labels: Path
    table: Path
    overlay: Path

    @classmethod
    def of(cls, source: Path, folder: Path) -> Outputs:
        """Name the outputs of a source; ``.ome`` is no part of its name."""
        stem = source.stem.removesuffix(".ome")
        return cls(
            folder / f"{stem}_labels.tif",
            folder / f"{stem}_objects.csv",
            folder / f"{stem}_overlay.png",
        )


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
        "--axes", help="what the file's axes are, if it does not say; for example CYX or ZYX"
    )
    parser.add_argument(
        "--diameter",
        type=_positive,
        metavar="D",
        help="typical cell diameter in pixels (found out by itself when not given)",
    )
    for name, (kind, help_text) in _OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, metavar="N", help=help_text)
    parser.add_argument(
        "--refine",
        action="store_true",
        default=None,
        help="draw cells again that the model is less sure of",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--precision",
        choices=("float32", "int8"),
        default="float32",
        help="int8: SAM models read images faster on a CPU, and not exactly",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace outputs that are there already"
    )
    parser.set_defaults(run=run)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be larger than 0")
    return value


def _chosen(options: argparse.Namespace) -> dict[str, float | int]:
    """Return the options of mode cells that were typed, by their names in Python."""
    names = ["diameter", "refine", *(name.replace("-", "_") for name in _OPTIONS)]
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _check_options(options: argparse.Namespace) -> None:
    """Refuse senseless options before any file is read."""
    from napari_sam.automatic.options import CellOptions

    chosen = _chosen(options)
    if options.mode == "everything" and chosen:
        flag = next(iter(chosen)).replace("_", "-")
        raise DataError(f"--{flag} belongs to --mode cells; the mode everything has none.")
    for name in ("diameter", "refine"):
        chosen.pop(name, None)
    CellOptions(**chosen)  # type: ignore[arg-type]


def run(options: argparse.Namespace) -> int:
    """Segment every input; report those that fail and go on."""
    from napari_sam.cli.inputs import find_inputs

    _check_options(options)
    if options.output.exists() and not options.output.is_dir():
        raise DataError(f"{options.output} is a file: -o names the folder for the results.")
    sources = find_inputs(options.inputs)
    _refuse_collisions(sources, options.output)

    from napari_sam.models.zoo import load_model

    model = load_model(options.model, options.device, precision=options.precision)
    failed = 0
    started = time.monotonic()
    for number, source in enumerate(sources):
        head = f"[{number + 1}/{len(sources)}] {source.name}"
        line = Line(head, number / len(sources), 1 / len(sources), started)
        try:
            line.done(f"{head}: {segment_file(source, options, model, line)}")
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


def _refuse_collisions(sources: list[Path], folder: Path) -> None:
    taken: dict[Path, Path] = {}
    for source in sources:
        labels = Outputs.of(source, folder).labels
        if labels in taken:
            raise DataError(
                f"{taken[labels]} and {source} would both become {labels}: "
                "segment them into different folders."
            )
        taken[labels] = source


def segment_file(
    source: Path, options: argparse.Namespace, model: Model, progress: Progress
) -> str:
    """Segment one file and write its three outputs; return what to say about it."""
    from napari_sam.cli.inputs import pick
    from napari_sam.files import read_image

    outputs = Outputs.of(source, options.output)
    existing = [path.name for path in outputs if path.exists()]
    if existing and not options.overwrite:
        raise DataError(
            f"{' and '.join(existing)} already in {options.output}: "
            "choose another folder, or add --overwrite."
        )
    image = read_image(source, options.axes)
    picked = pick(image, options.channel)
    result = _segment(picked, options, model, progress)
    write_outputs(outputs, picked, result, image.pixel_size)
    return f"{len(result)} object{'' if len(result) == 1 else 's'}"


def _segment(
    picked: Picked, options: argparse.Namespace, model: Model, progress: Progress
) -> Segmentation:
    if options.mode == "cells":
        from napari_sam.automatic.cells import segment_cells

        return segment_cells(
            picked.pixels,
            model=model,
            rgb=picked.rgb,
            progress=progress,
            **_chosen(options),  # type: ignore[arg-type]
        )
    from napari_sam.automatic.everything import segment_everything

    return segment_everything(picked.pixels, model=model, rgb=picked.rgb, progress=progress)


def write_outputs(
    outputs: Outputs, picked: Picked, result: Segmentation, pixel_size: object
) -> None:
    """Write labels, table and overlay, each in one piece, the labels last.

    Whoever finds the labels finds the other two as well.
    """
    import numpy as np

    from napari_sam.exports import tables
    from napari_sam.files import write_labels, write_picture
    from napari_sam.images import planes
    from napari_sam.overlays import draw_overlay
    from napari_sam.pixel_size import PixelSize

    assert pixel_size is None or isinstance(pixel_size, PixelSize)
    # A stack is shown by the plane with the most labelled pixels.
    plane = max(
        planes(picked.pixels.shape, picked.rgb),
        key=lambda p: np.count_nonzero(p.take(result.labels)),
    )
    write_picture(
        outputs.overlay, draw_overlay(plane.take(picked.pixels), plane.take(result.labels))
    )
    tables.write(outputs.table, result.labels, table=result.table, pixel_size=pixel_size)
    write_labels(outputs.labels, result.labels, picked.axes, pixel_size)
