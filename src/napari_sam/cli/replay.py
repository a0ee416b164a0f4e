"""``napari-sam replay``: what was done in the panel, done again on other images."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam.cli.progress import Line

if TYPE_CHECKING:
    from napari_sam.batch.job import Job


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "replay",
        parents=[common],
        help="do a session of the panel again, on other images or by another model",
        description="Answer the prompts of a session again, and search again what was searched. "
        "The panel writes a session beside the labels, under Click > More.",
    )
    parser.add_argument("session", type=Path, metavar="SESSION", help="a .session.json file")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="images, folders or patterns")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--model", metavar="NAME_OR_PATH", help="who answers; as then by default")
    parser.add_argument("--channel", type=int, metavar="N", help="counted from 0")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results that are there already"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do a session again on every image, and write labels and a table of each."""
    from napari_sam.batch.writers import Results
    from napari_sam.labels.session import read_session
    from napari_sam.loading import load_model
    from napari_sam.segment_replay import replay

    session = read_session(options.session)
    jobs = _jobs(options)
    then = {step.model for step in session.steps}
    who = options.model or (then.pop() if len(then) == 1 else None)
    model = None if who is None else load_model(who, device=options.device)
    options.output.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        title, outputs = job.source.title, job.outputs
        line = Line(title)
        image, picked = job.read()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            found = replay(session, picked, model, device=options.device, progress=line)
        outputs.write(Results(outputs.name, picked, image.pixel_size, found))
        remark = "".join(f" {one.message}" for one in told if one.category is UserWarning)
        line.done(f"{title}: {len(found)} objects.{remark}")
        print(f"{outputs.name}: {len(found)} objects in {options.output}")
    return 0


def _jobs(options: argparse.Namespace) -> list[Job]:
    """List the images, once it is known that nothing of somebody's would be overwritten."""
    from napari_sam.batch.job import Job
    from napari_sam.batch.outputs import Outputs
    from napari_sam.files.inputs import find_sources
    from napari_sam.methods.options import DEFAULTS

    sources = find_sources(options.images)
    inputs = frozenset(source.path.resolve() for source in sources)
    jobs = []
    for source in sources:
        outputs = Outputs(source.name, options.output)
        outputs.refuse_inputs(inputs)
        if not options.overwrite:
            outputs.refuse_existing()
        jobs.append(Job(source, outputs, DEFAULTS, channel=options.channel))
    return jobs
