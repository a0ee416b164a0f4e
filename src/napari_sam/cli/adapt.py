"""``napari-sam adapt``: a model taught by a folder of corrected labels."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from napari_sam.cli.output_flag import output_path
from napari_sam.cli.pairs import add_pairs, pairs_of
from napari_sam.errors import DataError
from napari_sam.progress import Line

if TYPE_CHECKING:
    from napari_sam.images import Image


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "adapt",
        parents=[common],
        help="teach a model your own objects, in a minute",
        description="Teach a model the objects of corrected labels. A part of them is held back "
        "and the comparison is printed; a model that is not better is not written.",
    )
    add_pairs(parser)
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=output_path,
        metavar="FILE",
        help="a .safetensors file",
    )
    parser.add_argument(
        "--model", default="cells", metavar="NAME_OR_PATH", help="what to begin with"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        metavar="N",
        help="how long it takes, about, when the images are read; default 60, and ten at least",
    )
    parser.add_argument(
        "--exhaustive",
        action="store_true",
        help="every object is marked: all that is not is background",
    )
    parser.add_argument("--channel", type=int, metavar="N", help="counted from 0")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--add", metavar="NAME", help="add the model to the list under this name, for the panel"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the output if it is there already"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Teach a model, say how it compares, and write it if it is better."""
    import warnings

    from napari_sam.files import try_folder
    from napari_sam.models.zoo import add, check_free
    from napari_sam.training.adapt import adapt

    target = options.output
    if target.suffix != ".safetensors":
        target = target.with_name(f"{target.name}.safetensors")
    if target.exists() and not options.overwrite:
        raise DataError(f"{target} is there already: choose another name, or add --overwrite.")
    # Rather now than after the lesson.
    if options.add is not None:
        check_free(options.add, target)
    try_folder(target.parent, "choose another folder for the model with -o.")
    examples = _examples(options)
    line = Line(f"Teaching {options.model}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the lesson says it below
        taught = adapt(
            options.model,
            examples,
            options.seconds,
            exhaustive=options.exhaustive,
            name=target.stem,
            device=options.device,
            progress=line,
        )
    lesson = taught.history[-1]
    line.done(f"{lesson}")
    if not lesson.kept:
        print(f"Nothing was written: {options.model} stays as it is.", file=sys.stderr)
        return 1
    print(taught.save(target))
    if options.add is not None:
        add(target, options.add)
    return 0


def _examples(options: argparse.Namespace) -> list[tuple[Image, Any]]:
    """Read images and the labels that belong to them."""
    from napari_sam.files import read_labels
    from napari_sam.files.pick import pick

    return [
        (pair.image(options.channel), pick(read_labels(pair.labels), sure=True).finest)
        for pair in pairs_of(options.images, options.labels)
    ]
