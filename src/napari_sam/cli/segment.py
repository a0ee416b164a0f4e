"""``napari-sam segment``: images in; labels, tables and overlays out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.batch.outputs import KINDS, Outputs
from napari_sam.cli import channels
from napari_sam.cli.method_flags import add_flags, options_typed
from napari_sam.cli.output_flag import output_path
from napari_sam.cli.repeating import add_repeat, repeated, tell_differences, tell_left
from napari_sam.errors import DataError, NapariSamError
from napari_sam.methods.registry import method, methods, names

if TYPE_CHECKING:
    from napari_sam.batch.job import Job

_EPILOG = """\
For every INPUT a folder OUT receives NAME_labels.tif (opens in napari and ImageJ),
NAME_objects.csv (a row per object) and NAME_overlay.png (outlines over the image).
Of several images, OUT also receives objects.csv (all rows) and run.json (what was run).
Channels are counted from 0. Names may be spelled as in Python, --min_area for --min-area.
Exit code 1 when an input failed; the others are done. Inputs are never overwritten.
"""


_ALWAYS = ("labels", "zarr")  # what is saved whatever the mode


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
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="an image, a folder of images, a plate of OME-Zarr, or a pattern",
    )
    parser.add_argument("-o", "--output", type=output_path, metavar="OUT", help="a folder")
    add_repeat(parser)
    parser.add_argument(
        "--model", default="cells", help="a name from 'napari-sam models', or a checkpoint's path"
    )
    parser.add_argument(
        "--mode",
        choices=names(),
        default=names()[0],
        help="; ".join(f"{known.name!r} {known.words.typed}" for known in methods()),
    )
    _add_image_flags(parser)
    _add_model_flags(parser)
    _add_run_flags(parser)
    add_flags(parser)
    parser.set_defaults(run=run, refuse=parser.error, default_of=parser.get_default)


def _add_image_flags(parser: argparse.ArgumentParser) -> None:
    channels.add_flags(parser, "segment this channel only")
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
        help="labels (default), or zarr, the same with the labels as OME-Zarr; in mode "
        "everything also masks (overlapping, .npz) and rle "
        "(the same as COCO .json); in mode track also frames (a row per cell and frame), ctc (a "
        "folder of the Cell Tracking Challenge) and geff; several with commas",
    )


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--finder",
        metavar="MODEL",
        help="who sees where cells are, when the model itself cannot; default: cells",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "int8"),
        default="auto",
        help="float32: no rounding to eight bits, which 'cells' does on a CPU; int8: SAM models "
        "read images faster on a CPU, and not exactly",
    )
    parser.add_argument(
        "--cache",
        action="store_true",
        help="SAM models keep on disk what they read of an image, so that the next run on it "
        "needs no reading; see 'napari-sam cache'",
    )


def _add_run_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--overwrite", action="store_true", help="replace outputs that are there already"
    )
    parser.add_argument(
        "--skip-existing",
        action="store_true",
        help="leave out images whose outputs are there: so an interrupted run is completed",
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="processes that work at a time, each with a model of its own; default 1",
    )
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="let the workers of this scheduler of dask.distributed do it, on storage that they "
        "share; 'local' starts --workers of them here",
    )


def _kinds_typed(text: str) -> tuple[str, ...]:
    kinds = tuple(word.strip() for word in text.split(","))
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(KINDS)}")
    return kinds


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more, not {text!r}")
    return int(text)


def _limits(options: argparse.Namespace) -> tuple[float, float] | None:
    return None if options.limits is None else (options.limits[0], options.limits[1])


def _check_options(typed: argparse.Namespace) -> Any:
    """Refuse senseless options before any file is read; return those of the method."""
    limits = _limits(typed)
    if limits is not None and not limits[0] < limits[1]:
        raise DataError(f"--limits {limits[0]:g} {limits[1]:g}: the first must be smaller.")
    channels.refuse_both(typed, limits)
    chosen = method(typed.mode)
    extra = [kind for kind in typed.save if kind not in _ALWAYS and kind not in chosen.saves]
    if extra:
        able = " or ".join(known.name for known in methods() if extra[0] in known.saves)
        raise DataError(
            f"--mode {chosen.name} has no {' and no '.join(extra)}: that is saved by --mode {able}."
        )
    if "zarr" in typed.save:
        from napari_sam.files.ngff import require_zarr

        require_zarr()
    options = options_typed(typed)
    if typed.finder and "instances" not in chosen.needs(options):
        raise DataError(
            f"--finder says where objects are, which --mode {typed.mode} does not ask: add "
            "--ask-at objects."
        )
    return options


def run(typed: argparse.Namespace) -> int:
    """Segment every input; report those that fail and go on."""
    from napari_sam.batch.diary import recorded
    from napari_sam.batch.run import run_jobs, try_results
    from napari_sam.cli.batch_lines import BatchLines

    record = repeated(typed)
    jobs = jobs_typed(typed) if record is None else list(record.jobs)
    folder = jobs[0].outputs.folder
    lines = BatchLines(jobs, beside=typed.workers > 1 or typed.dask is not None)
    how = {name: getattr(typed, name) for name in ("skip_existing", "workers", "dask", "debug")}
    outcomes = run_jobs(jobs, watch=lines.watch, tell=lines.note, **how)
    try_results(folder)  # nothing is written before it is known who works
    if len(jobs) > 1:
        outcomes = recorded(jobs, outcomes, folder, overwrite=typed.overwrite)
    by = ""
    try:
        for outcome in outcomes:
            lines.tell(outcome)
            by = by or outcome.by
    except KeyboardInterrupt:
        print("\nThe same command with --skip-existing goes on where it was.", file=sys.stderr)
        raise
    except NapariSamError:  # the record or the table of a run whose images are done
        if lines.complete:
            lines.end(folder)
        raise
    if len(jobs) > 1:
        tell_left(folder)
    lines.end(folder)
    if record is not None:
        tell_differences(record, by)
    return 1 if lines.failed else 0


def jobs_typed(typed: argparse.Namespace) -> list[Job]:
    """Make a job of every image that was meant.

    Parameters
    ----------
    typed : argparse.Namespace

    Raises
    ------
    DataError, ParameterError
        When an option makes no sense, or no image is found.
    """
    from napari_sam.batch.job import Job, Models
    from napari_sam.files.inputs import find_sources

    options = _check_options(typed)
    models = Models(typed.model, typed.finder, typed.device, typed.precision, typed.cache)
    return [
        Job(
            source,
            Outputs(source.name, typed.output, typed.save),
            options,
            models,
            typed.axes,
            typed.channel,
            _limits(typed),
            typed.overwrite,
            typed.channels,
        )
        for source in find_sources(typed.inputs, typed.series, _labels_shown(options))
    ]


def _labels_shown(options: Any) -> list[Path]:
    """List the files of labels that show examples: they lie beside images, and are none."""
    shown = (getattr(options, name, None) for name in ("examples", "unlike"))
    return [one.file for one in shown if one is not None and one.file is not None]
