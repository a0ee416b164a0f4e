"""One table for a whole run, put together of those of its images, a row at a time."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_sam.batch.job import Job
from napari_sam.errors import DataError

NAME = "objects.csv"
IMAGE = "image"


def write_run_table(path: Path, jobs: Iterable[Job]) -> int:
    """Write the rows of all images below each other; the first column names the image.

    Memory does not depend on how many there are. A column that only some images have, such as
    an area in µm², is empty for the others.

    Parameters
    ----------
    path : Path
        Of the table.
    jobs : iterable of Job
        Those that have a table.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    DataError
        When a table of an image cannot be read.
    """
    from napari_sam.files import in_one_piece

    tables = [(job.source.name, table) for job in jobs if (table := table_of(job)).exists()]
    columns: dict[str, None] = {IMAGE: None}
    for _, table in tables:
        columns |= dict.fromkeys(_columns(table))
    count = 0
    with in_one_piece(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), "", "ignore", lineterminator="\n")
        writer.writeheader()
        for name, table in tables:
            for row in _rows(table):
                writer.writerow({IMAGE: name, **row})
                count += 1
    return count


def table_of(job: Job) -> Path:
    """Return where the table of an image lies."""
    return job.outputs.folder / f"{job.outputs.name}_{NAME}"


def tells_of_others(path: Path, names: Collection[str]) -> bool:
    """Tell whether a table of a run, if that is there, has rows of other images than these."""
    try:
        return any(row[IMAGE] not in names for row in _rows(path))
    except (DataError, KeyError):  # there is none, or it is of somebody else
        return False


def _columns(table: Path) -> list[str]:
    with _opened(table) as reader:
        return list(reader.fieldnames or ())


def _rows(table: Path) -> Iterator[dict[str, str]]:
    with _opened(table) as reader:
        yield from reader


@contextmanager
def _opened(table: Path) -> Iterator[csv.DictReader[str]]:
    try:
        with table.open(encoding="utf-8", newline="") as file:
            yield csv.DictReader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The table {table} cannot be read ({error}).") from error
