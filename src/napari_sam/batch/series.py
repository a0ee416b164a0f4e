"""Images that are gone through one after the other, and how far each of them is."""

from __future__ import annotations

import csv
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from napari_sam.batch.job import Job
from napari_sam.batch.outputs import Outputs
from napari_sam.batch.run_table import table_of
from napari_sam.files.sources import Source
from napari_sam.labels.rows import OPEN, REVIEWED
from napari_sam.methods.options import DEFAULTS
from napari_sam.progress import Progress, silent

State = Literal["to do", "found", "reviewed"]
_TURN: dict[State, int] = {"found": 0, "to do": 1, "reviewed": 2}


class Standing(NamedTuple):
    """How far an image is.

    Attributes
    ----------
    state : {"to do", "found", "reviewed"}
        Reviewed are images of which every object was accepted or rejected.
    certainty : float
        Mean score of the objects that are still to be reviewed; infinite where none has one.
    """

    state: State
    certainty: float = math.inf


def labels_file(outputs: Outputs) -> Path:
    """Return where the labels of an image lie."""
    ending = "tif" if "labels" in outputs.kinds else "zarr"
    return outputs.folder / f"{outputs.name}_labels.{ending}"


def outputs_beside(name: str, folder: Path) -> Outputs:
    """Tell what belongs to an image: a TIFF of labels, or OME-Zarr where only that is there."""
    stored = Outputs(name, folder, ("zarr",))
    usual = Outputs(name, folder)
    is_stored = labels_file(stored).is_dir() and not labels_file(usual).exists()
    return stored if is_stored else usual


def standing_of(job: Job) -> Standing:
    """Tell how far an image is, by what lies beside it."""
    if not labels_file(job.outputs).exists():
        return Standing("to do")
    try:
        with table_of(job).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):  # said when it is opened
        return Standing("found")
    to_review = [row for row in rows if (row.get(REVIEWED) or OPEN) == OPEN]
    if rows and not to_review:
        return Standing("reviewed")
    scores = [score for row in to_review if not math.isnan(score := _number(row.get("score")))]
    return Standing("found", math.fsum(scores) / len(scores) if scores else math.inf)


def _number(text: str | None) -> float:
    try:
        return float(text or math.nan)
    except ValueError:
        return math.nan


@dataclass
class Series:
    """Images in the order in which they are gone through.

    Parameters
    ----------
    jobs : list of Job
        Their outputs lie beside them.
    standings : list of Standing
        Of each.
    title : str
        What to call all of them before a person.
    key : str
        What they are known by when they are opened again.
    typed : dict of Path to list of Path
        By the folder in which the results lie, the files and folders that were opened.
    """

    jobs: list[Job]
    standings: list[Standing]
    title: str = ""
    key: str = ""
    typed: dict[Path, list[Path]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._listed = {job.source: at for at, job in enumerate(self.jobs)}

    def __len__(self) -> int:
        return len(self.jobs)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many images are to do, found and reviewed."""
        count = Counter(standing.state for standing in self.standings)
        return count["to do"], count["found"], count["reviewed"]

    @property
    def inputs(self) -> frozenset[Path]:
        """The images, none of which may be overwritten."""
        return frozenset(job.source.path.resolve() for job in self.jobs)

    @property
    def folder(self) -> Path:
        """The folder in which all results lie, of files of several the one above them."""
        folders = [job.outputs.folder.absolute() for job in self.jobs]
        try:
            return Path(os.path.commonpath(folders))
        except ValueError:  # on several drives
            return folders[0]

    @property
    def names(self) -> list[str]:
        """What the images are called, in their order."""
        return [job.source.name for job in self.jobs]

    def place_of(self, source: Source) -> int | None:
        """Return where an image stands; None where it is none of these."""
        found = (at for at, job in enumerate(self.jobs) if job.source == source)
        return next(found, None)

    def listed(self) -> list[Job]:
        """Return the jobs in the order in which the images were listed."""
        return sorted(self.jobs, key=lambda job: self._listed[job.source])

    def look(self, at: int) -> Standing:
        """Look anew how far an image is."""
        self.standings[at] = standing_of(self.jobs[at])
        return self.standings[at]

    def see(self, channels: tuple[int, ...] | None) -> None:
        """Choose a channel of all images, or up to three that are seen together."""
        self.jobs = [job.seeing(channels) for job in self.jobs]

    def sort(self, *, least_certain_first: bool) -> None:
        """Order the images as they were listed, or from the least certain on.

        Images of which nothing is to be reviewed come after the others, reviewed ones last.
        """

        def turn(at: int) -> tuple[float, ...]:
            standing, place = self.standings[at], self._listed[self.jobs[at].source]
            if not least_certain_first:
                return (place,)
            return (_TURN[standing.state], standing.certainty, place)

        self._arrange(sorted(range(len(self)), key=turn))

    def follow(self, names: Sequence[str]) -> None:
        """Order the images as they were once; those that came since are the last."""
        places = {name: place for place, name in enumerate(names)}
        known = [places.get(job.source.name, len(names)) for job in self.jobs]
        self._arrange(sorted(range(len(self)), key=known.__getitem__))

    def _arrange(self, order: Sequence[int]) -> None:
        self.jobs = [self.jobs[at] for at in order]
        self.standings = [self.standings[at] for at in order]


def find_series(
    paths: Sequence[Path],
    channels: tuple[int, ...] | None = None,
    progress: Progress = silent,
) -> Series:
    """List the images of a folder, or of some files, and how far each is; none of them is read.

    Parameters
    ----------
    paths : sequence of Path
        A folder, or files; the labels of each lie beside it, also where folders differ.
    channels : tuple of int, optional
        Of all images: one, or up to three that are seen together.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Raises
    ------
    DataError
        When there are no images.
    """
    from napari_sam.files.inputs import find_sources

    typed: dict[Path, list[Path]] = {}
    for path in paths:
        typed.setdefault(path if _is_folder(path) else path.parent, []).append(path)
    sources = [
        (source, folder)
        for folder, some in typed.items()
        for source in find_sources(map(str, some))
    ]
    jobs = [
        Job(source, outputs_beside(source.name, folder), DEFAULTS).seeing(channels)
        for source, folder in dict(sources).items()
    ]
    standings = []
    for number, job in enumerate(jobs):
        progress(number / len(jobs))
        standings.append(standing_of(job))
    return Series(jobs, standings, _title(paths), key_of(paths), typed)


def _is_folder(path: Path) -> bool:
    from napari_sam.files.ngff import is_ngff

    return path.is_dir() and not is_ngff(path)


def key_of(paths: Sequence[Path]) -> str:
    """Tell by what a series is known: whichever order its files were chosen in.

    Examples
    --------
    >>> key_of([Path("b.tif"), Path("a.tif")]) == key_of([Path("a.tif"), Path("b.tif")])
    True
    """
    return "\n".join(sorted(str(path.resolve()) for path in paths))


def _title(paths: Sequence[Path]) -> str:
    """Call a series by its folder, or by how many files it has.

    Examples
    --------
    >>> _title([Path("in")]), _title([Path("in/a.tif"), Path("in/b.tif")])
    ('in', '2 files of in')
    """
    if len(paths) == 1:
        return str(paths[0])
    folders = dict.fromkeys(path.parent for path in paths)
    return f"{len(paths)} files of {', '.join(map(str, folders))}"
