"""``--repeat``: the run that a record tells of, once more."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam.errors import DataError

if TYPE_CHECKING:
    from napari_sam.batch.record import Record

#: What may be typed beside it: where, how fast, and what becomes of files that are there.
_BESIDE = {
    *("command", "debug", "run", "refuse", "default_of", "inputs", "output", "repeat"),
    *("device", "overwrite", "skip_existing", "workers", "dask"),
}


def add_repeat(parser: argparse.ArgumentParser) -> None:
    """Add the flag."""
    parser.add_argument(
        "--repeat",
        type=Path,
        metavar="RECORD",
        help="do again what run.json of an earlier run tells: the same images and options",
    )


def repeated(typed: argparse.Namespace) -> Record | None:
    """Read the record that was typed; None where inputs were.

    Raises
    ------
    DataError
        When an option is typed that the record tells already, or it cannot be read.
    """
    if typed.repeat is None:
        if not typed.inputs or typed.output is None:
            typed.refuse("give at least one INPUT and a folder with -o, or --repeat RECORD")
        return None
    if typed.inputs:
        typed.refuse("give INPUT or --repeat, not both")
    for name, value in vars(typed).items():
        if name not in _BESIDE and value != typed.default_of(name):
            raise DataError(
                f"--{name.replace('_', '-')} is told by the record: leave it out, or give the "
                "images and all options instead of --repeat."
            )
    from napari_sam.batch.record import read_record

    record = read_record(typed.repeat, typed.output)
    models = record.jobs[0].models
    if typed.device != "auto":
        models = replace(models, device=typed.device)
    record.jobs = [replace(job, models=models, overwrite=typed.overwrite) for job in record.jobs]
    return record


def tell_differences(record: Record, by: str) -> None:
    """Say on standard error what is not as it was when the record was written.

    Parameters
    ----------
    record : Record
    by : str
        Fingerprint of the model that worked now; empty where none did.
    """
    from napari_sam.batch.earlier_runs import settings_of, tell_changed
    from napari_sam.batch.record import versions

    then, now = dict(record.said["versions"]), versions()
    differing = [
        f"{name} {now.get(name, 'none')} instead of {then[name]}"
        for name in then
        if then[name] != now.get(name)
    ]
    if by and record.fingerprint not in ("", by):
        differing.append(f"the model {by} instead of {record.fingerprint}")
    left = tell_changed(record.said["images"], settings_of(record.said))
    differing += [left] if left else []
    if differing:
        print(
            f"napari-sam: not as in the record, so results may differ: {', '.join(differing)}.",
            file=sys.stderr,
        )


def tell_left(folder: Path) -> None:
    """Say on standard error what a run left as it was though it was made with other settings.

    Parameters
    ----------
    folder : Path
        With the record of the run.
    """
    from napari_sam.batch.earlier_runs import settings_of, tell_changed
    from napari_sam.batch.record import NAME

    said = json.loads((folder / NAME).read_text(encoding="utf-8"))
    left = tell_changed(said["images"], settings_of(said))
    if left:
        print(
            f"napari-sam: {left}, and left as they are: {NAME} says which. For results that are "
            "alike, choose another folder with -o.",
            file=sys.stderr,
        )
