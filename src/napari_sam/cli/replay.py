"""``napari-sam replay``: what was done in the panel, done again on other images."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam.cli import channels
from napari_sam.cli.output_flag import output_path
from napari_sam.counts import counted
from napari_sam.errors import DataError

if TYPE_CHECKING:
    from napari_sam.batch.job import Job
    from napari_sam.labels.session import Session
    from napari_sam.models.model import Model
    from napari_sam.progress import Progress


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
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="images, folders or patterns; that of the session by default",
    )
    parser.add_argument("-o", "--output", required=True, type=output_path, metavar="FOLDER")
    parser.add_argument("--model", metavar="NAME_OR_PATH", help="who answers; as then by default")
    channels.add_flags(parser, "this channel only, counted from 0")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results that are there already"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do a session again on every image; report those that fail and go on."""
    from napari_sam.batch.outcome import Outcome, told
    from napari_sam.batch.run import try_results
    from napari_sam.cli.batch_lines import BatchLines
    from napari_sam.labels.session import read_session
    from napari_sam.loading import load_model

    channels.refuse_both(options)
    session = read_session(options.session)
    if options.channels:  # each of them has limits of its own
        session = replace(session, limits=None)
    jobs = _jobs(options, options.images or [_image_of(session)])
    then = {step.model for step in session.steps}
    who = options.model or (then.pop() if len(then) == 1 else None)
    model = None if who is None else load_model(who, device=options.device)
    try_results(options.output)
    lines = BatchLines(jobs)
    for number, job in enumerate(jobs):
        line = lines.watch(number)
        try:
            found, remark = _again(job, session, model, options.device, line)
        except Exception as error:  # of one image, which the others do not wait for
            if options.debug:
                raise
            lines.tell(Outcome(job, "failed", told(error)))
            continue
        lines.tell(Outcome(job, "done", f"{counted(found, 'object')}.{remark}"))
        print(f"{job.outputs.name}: {counted(found, 'object')} in {options.output}")
    if len(jobs) > 1:
        lines.end(options.output)
    return 1 if lines.failed else 0


def _again(
    job: Job, session: Session, model: Model | None, device: str, progress: Progress
) -> tuple[int, str]:
    """Do a session again on one image; return how many objects were made, and what to say."""
    from napari_sam.batch.writers import ImageResults
    from napari_sam.segment_replay import replay_and_tell

    image, picked = job.read()
    found, remark = replay_and_tell(session, picked, model, device=device, progress=progress)
    results = ImageResults(job.outputs.name, picked, image.pixel_size, found)
    job.outputs.write(results, job.refuse_existing)
    return len(found), f" {remark}" if remark else ""


def _image_of(session: Session) -> str:
    """Return the file on which a session was made."""
    if not session.image:
        raise DataError("The session does not say on which file it was made: name an image.")
    if not Path(session.image).exists():
        raise DataError(
            f"The session was made on {session.image}, which is not there any more: name an image."
        )
    return session.image


def _jobs(options: argparse.Namespace, images: list[str]) -> list[Job]:
    """Make a job of every image; refuse to overwrite an image, or results unless asked to."""
    from napari_sam.batch.job import Job
    from napari_sam.batch.outputs import Outputs
    from napari_sam.files.inputs import find_sources
    from napari_sam.methods.options import DEFAULTS

    sources = find_sources(images)
    inputs = frozenset(source.path.resolve() for source in sources)
    jobs = []
    for source in sources:
        outputs = Outputs(source.name, options.output)
        outputs.refuse_inputs(inputs)
        seen = {"channel": options.channel, "channels": options.channels}
        jobs.append(Job(source, outputs, DEFAULTS, overwrite=options.overwrite, **seen))
        jobs[-1].refuse_existing()
    return jobs
