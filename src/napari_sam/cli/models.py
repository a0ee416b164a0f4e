"""``napari-sam models``: what there is, what is downloaded, adding one's own, and ONNX."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam.cli.output_flag import output_path
from napari_sam.progress import Line

if TYPE_CHECKING:
    from napari_sam.models.zoo import Entry


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "models",
        parents=[common],
        help="list, describe, download, add and export models",
        description="List, describe, download, add and export models; lists them when nothing "
        "is said.",
    )
    parser.set_defaults(run=list_models)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("list", parents=[common], help="list all models").set_defaults(
        run=list_models
    )
    show = actions.add_parser("info", parents=[common], help="describe one model")
    show.add_argument("name", metavar="NAME")
    show.set_defaults(run=show_model)
    fetch = actions.add_parser("download", parents=[common], help="download one model")
    fetch.add_argument("name", metavar="NAME")
    fetch.set_defaults(run=download_model)
    measure = actions.add_parser(
        "measure", parents=[common], help="measure the time and memory a model takes here, once"
    )
    measure.add_argument("name", metavar="NAME")
    measure.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    measure.set_defaults(run=measure_model)
    proposed = actions.add_parser(
        "suggest", parents=[common], help="name models that suit an image; downloads nothing"
    )
    proposed.add_argument("image", metavar="IMAGE", type=Path)
    proposed.add_argument("--words", action="store_true", help="objects are found by a word")
    proposed.add_argument(
        "--electrons", action="store_true", help="it is electron microscopy, which nothing tells"
    )
    proposed.set_defaults(run=suggest_models)
    _add_own(actions, common)
    onnx = actions.add_parser(
        "export", parents=[common], help="write encoder and decoder of a SAM as ONNX files"
    )
    onnx.add_argument("model", metavar="NAME_OR_PATH", help="a model's name, or a checkpoint")
    onnx.add_argument(
        "-o",
        "--output",
        required=True,
        type=output_path,
        metavar="FOLDER",
        help="where to write them",
    )
    onnx.add_argument(
        "--overwrite", action="store_true", help="replace files that are there already"
    )
    onnx.set_defaults(run=export_model)


def _add_own(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add what there is to do with checkpoints of one's own."""
    add = actions.add_parser("add", parents=[common], help="use a checkpoint of your own by name")
    add.add_argument("path", metavar="PATH", type=Path)
    add.add_argument(
        "--name", help="the file's name without its ending by default; another where that is taken"
    )
    add.set_defaults(run=add_model)
    forget = actions.add_parser(
        "remove",
        parents=[common],
        help="take a model of your own off the list; its file stays",
    )
    forget.add_argument("name", metavar="NAME")
    forget.set_defaults(run=remove_model)


def _state(entry: Entry) -> str:
    if entry.ready:
        return "ready"
    return "not downloaded" if entry.url else "file missing"


def _size(entry: Entry) -> str:
    return f"{entry.size / 1e6:,.0f} MB" if entry.size else "built in"


def list_models(options: argparse.Namespace) -> int:
    """Print a table of all models."""
    from napari_sam.models.needs import known
    from napari_sam.models.zoo import available

    rows = [("NAME", "STATE", "SIZE", "LICENCE", "GOOD FOR")]
    for entry in available():
        needs = known(entry.name)
        good_for = f"{entry.good_for} Here: {needs.told}." if needs else entry.good_for
        rows.append((entry.name, _state(entry), _size(entry), entry.licence or "unknown", good_for))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[4]]).rstrip())
    return 0


def show_model(options: argparse.Namespace) -> int:
    """Print what is known about one model."""
    from napari_sam.models.needs import known
    from napari_sam.models.zoo import info

    entry = info(options.name)
    needs = known(entry.name)
    facts = {
        "name": entry.name,
        "state": _state(entry),
        "size": _size(entry),
        "licence": entry.licence or "unknown",
        "good for": entry.good_for,
        "needs": needs.told if needs else f"not measured: napari-sam models measure {entry.name}",
        "file": str(entry.path) if entry.path else "inside the package",
    }
    rows = [*facts.items()]
    for one in entry.weights if entry.url else ():
        rows += [*(("from", url) for url in one.urls), ("hash", one.known_hash)]
    for name, value in rows:
        if value:
            print(f"{name:9}{value}")
    return 0


def download_model(options: argparse.Namespace) -> int:
    """Download one model, with progress."""
    from napari_sam.models.zoo import download, info

    entry = info(options.name)
    if entry.url and not entry.ready:
        print(f"Licence of the weights: {entry.licence}.", file=sys.stderr)
    line = Line(f"Downloading {options.name}")
    path = download(options.name, progress=line)
    if path is None:
        line.done(f"{options.name} is part of the package: nothing to download.")
    else:
        line.done(f"{options.name} is ready.")
        print(path, file=sys.stdout)
    return 0


def measure_model(options: argparse.Namespace) -> int:
    """Measure what a model needs on this machine, and remember it."""
    from napari_sam.models.needs import measure

    needs = measure(options.name, options.device)
    print(f"{options.name}: {needs.told}")
    return 0


def suggest_models(options: argparse.Namespace) -> int:
    """Print which models suit an image, and why."""
    from napari_sam.errors import ImageError
    from napari_sam.files.pick import pick
    from napari_sam.files.reading import read_image
    from napari_sam.models.suggest import suggest
    from napari_sam.models.zoo import available

    read = read_image(options.image)
    try:
        image = pick(read)
    except ImageError:  # of several channels any will do
        image = pick(read, channel=0)
    planes = list(image.planes())
    colours = next(image.blocks()).read() if image.rgb else None
    if colours is not None and colours.dtype.name != "uint8":
        colours = None
    here = {entry.name: _state(entry) for entry in available()}
    asked = {"words": options.words, "electrons": options.electrons}
    for name, why in suggest(through=len(planes) > 1, colours=colours, **asked):
        print(f"{name} ({here.get(name, 'not in the zoo')}): {why}")
    return 0


def add_model(options: argparse.Namespace) -> int:
    """Register a checkpoint under a name."""
    from napari_sam.models.zoo import add

    entry = add(options.path, options.name)
    print(f"Added {entry.name!r}: use it with --model {entry.name}, or in the panel.")
    return 0


def remove_model(options: argparse.Namespace) -> int:
    """Forget a checkpoint that was added."""
    from napari_sam.models.zoo import info, remove

    path = info(options.name).path
    remove(options.name)
    print(f"{options.name!r} is no longer on the list. Its file was left alone: {path}")
    return 0


def export_model(options: argparse.Namespace) -> int:
    """Write a model as ONNX files and say how far their answers are from torch's."""
    from napari_sam.loading import load_model
    from napari_sam.models.sam.onnx_export import export_onnx

    model = load_model(options.model, "cpu")
    line = Line(f"Exporting {model.name}")
    done = export_onnx(model, options.output, overwrite=options.overwrite, progress=line)
    line.done(
        f"Exported {model.name}. Largest deviation from torch, in standard deviations of the "
        f"output: encoder {done.encoder_deviation:.1g}, decoder {done.decoder_deviation:.1g}."
    )
    print(done.encoder, done.decoder, sep="\n")
    return 0
