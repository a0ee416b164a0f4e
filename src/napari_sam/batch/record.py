"""The record of a run: models, options and images, from which it can be repeated."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_sam.batch import run_table
from napari_sam.batch.earlier_runs import KEY as OTHERWISE
from napari_sam.batch.earlier_runs import changed_settings, settings_of
from napari_sam.batch.job import Job, Models
from napari_sam.batch.model_files import files_of, models_from
from napari_sam.batch.options_json import options_from, spelled
from napari_sam.batch.outcome import Outcome
from napari_sam.batch.outputs import Outputs
from napari_sam.errors import DataError, NapariSamError
from napari_sam.files.places import from_here, where_it_is
from napari_sam.files.sources import Source

NAME = "run.json"
_DATED = "run_*.json"
_FORMAT = 1
_SOFTWARE = "napari-sam-bio"
_LIBRARIES = ("numpy", "scipy", "scikit-image", "torch")


@dataclass
class Record:
    """A run, of which all jobs have the same method, options and models.

    Parameters
    ----------
    jobs : list of Job
    started : str
        Date and time.
    outcomes : list of Outcome
        Of the first jobs, as far as the run has come.
    said : dict
        What the file said that this record was read from.
    before : dict
        With which settings earlier runs made what is there, by the names of images.
    """

    jobs: list[Job]
    started: str
    outcomes: list[Outcome] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    _written: bool = field(default=False, init=False, repr=False)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the model of the run, empty before it is known."""
        known = (outcome.by for outcome in self.outcomes if outcome.by)
        return next(known, str(self.said.get("model", {}).get("fingerprint", "")))

    def write(self, folder: Path) -> Path:
        """Write the record into a folder; another run's record there is kept by another name.

        So is the table of that run, if it tells of images that are none of this one. When a run
        that began meanwhile has given this record its date as a name, it goes on under that.

        Returns
        -------
        Path
        """
        from napari_sam.files import in_one_piece

        path = self.place(folder)
        if path.name == NAME:
            _keep_former(path, self.started, {job.source.name for job in self.jobs})
        with in_one_piece(path) as temporary:
            text = json.dumps(self._told(folder), indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")
        self._written = True
        return path

    def place(self, folder: Path) -> Path:
        """Return where the record lies in a folder, or will lie."""
        path = folder / NAME
        if not self._written or _said(path).get("started", self.started) == self.started:
            return path
        dated = (one for one in folder.glob(_DATED) if _said(one).get("started") == self.started)
        return next(dated, path)

    def _told(self, folder: Path) -> dict[str, Any]:
        job = self.jobs[0]
        models = asdict(job.models)
        told: dict[str, Any] = {
            "software": _SOFTWARE,
            "format": _FORMAT,
            "started": self.started,
            "seconds": round(sum(outcome.seconds for outcome in self.outcomes), 3),
            "versions": versions(),
            "platform": platform.platform(),
            "method": job.method.name,
            "options": spelled(job.options, folder),
            "model": {
                **models,
                "fingerprint": self.fingerprint,
                "files": files_of(job.models, folder),
            },
            "image": {
                "axes": job.axes,
                "channel": job.channel,
                "channels": None if job.channels is None else list(job.channels),
                "limits": None if job.limits is None else list(job.limits),
            },
            "save": list(job.outputs.kinds),
        }
        now = settings_of(told)
        images = [self._image(number, folder, now) for number in range(len(self.jobs))]
        return {**told, "images": images}

    def _image(self, number: int, folder: Path, now: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs[number]
        path = job.source.path.absolute()
        told: dict[str, Any] = {
            "name": job.source.name,
            "path": str(path),
            "from_here": from_here(path, folder),
            "series": job.source.series,
            "title": job.source.title,
            "outcome": "to do",
        }
        if number < len(self.outcomes):
            outcome = self.outcomes[number]
            told |= {"outcome": outcome.kind, "said": outcome.said}
            told |= {"seconds": round(outcome.seconds, 3)} if outcome.seconds else {}
            then = self.before.get(job.source.name)
            if outcome.kind == "skipped" and then and (other := changed_settings(then, now)):
                told[OTHERWISE] = other
        return told


def versions() -> dict[str, str]:
    """Return the versions that results depend on, by the names of packages."""
    from napari_sam import __version__

    found = {_SOFTWARE: __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # installed otherwise, as conda may
            found[name] = "unknown"
    return found


def read_record(path: Path, output: Path | None = None) -> Record:
    """Read a record, with the jobs that do the same again.

    Images, examples and checkpoints that are no longer where they were are looked for where they
    lay seen from the record, as when a folder was moved as a whole.

    Parameters
    ----------
    path : Path
    output : Path, optional
        The folder for the results; the folder of the record by default.

    Returns
    -------
    Record
        Whose `said` is all that the file tells.

    Raises
    ------
    DataError
        When there is no such file, or it is no record of a run.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["software"] != _SOFTWARE or said["format"] > _FORMAT:
            raise ValueError(f"it is of {said['software']}, format {said['format']}")
        jobs = _jobs(said, path.parent, output or path.parent)
        started = str(said["started"])
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, NapariSamError) as error:
        raise DataError(
            f"{path} is no record of a run that can be repeated here ({error}). Give a file "
            f"{NAME} that 'napari-sam segment' wrote."
        ) from error
    if not jobs:
        raise DataError(f"{path} tells of no image.")
    return Record(jobs, started, [], said)


def _jobs(said: dict[str, Any], folder: Path, output: Path) -> list[Job]:
    image, kinds = said["image"], tuple(said["save"])
    first = Job(
        Source(Path(), None, "", ""),
        Outputs("", output, kinds),
        options_from(said["method"], said["options"], folder),
        models_from(said["model"], folder),
        image["axes"],
        image["channel"],
        None if image["limits"] is None else (image["limits"][0], image["limits"][1]),
        channels=None if image["channels"] is None else tuple(image["channels"]),
    )
    found = []
    for one in said["images"]:
        path = where_it_is(Path(one["path"]), one["from_here"], folder)
        source = Source(path, one["series"], one["name"], one["title"])
        found.append(replace(first, source=source, outputs=Outputs(source.name, output, kinds)))
    return found


def said_of(path: Path, models: Models) -> dict[str, Any]:
    """Return what a record says, if it tells of a run by the same models; else nothing."""
    said, ours = _said(path), asdict(models)
    try:
        same = all(said["model"][key] == ours[key] for key in ("name", "finder", "precision"))
    except (KeyError, TypeError):
        return {}
    return said if same else {}


def is_record(path: Path) -> bool:
    """Tell whether a file is a record of a run."""
    return bool(_said(path))


def _said(path: Path) -> dict[str, Any]:
    """Return what a record says; nothing of a file that is none."""
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return said if said["software"] == _SOFTWARE and said["started"] else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _keep_former(path: Path, started: str, names: Collection[str]) -> None:
    """Keep the record of another run under its date, and its table: none is lost.

    The record is copied, and stays until that of this run takes its place: a run that is killed
    in between leaves a folder that still tells whose results are in it.
    """
    from napari_sam.files import in_one_piece

    if not path.exists():
        return
    then = str(_said(path).get("started", ""))
    if not then:
        raise DataError(f"{path} is no record of a run, and is not overwritten.")
    if then == started:
        return
    date = "".join(letter for letter in then if letter.isdigit())[:14]
    number = 1
    record, table = _dated(path, date, number)
    while table.exists() or (record.exists() and _said(record).get("started") != then):
        number += 1
        record, table = _dated(path, date, number)
    with in_one_piece(record) as temporary:
        shutil.copyfile(path, temporary)
    former = path.with_name(run_table.NAME)
    if run_table.tells_of_others(former, names):
        former.rename(table)


def table_beside(record: Path) -> Path:
    """Return where the table of a run is, whose record has this name."""
    end = record.stem.removeprefix(Path(NAME).stem)
    return record.with_name(f"{Path(run_table.NAME).stem}{end}{Path(run_table.NAME).suffix}")


def _dated(path: Path, date: str, number: int) -> tuple[Path, Path]:
    """Tell what record and table of a former run are called; several may be of one second."""
    end = date if number == 1 else f"{date}_{number}"
    record = path.with_name(f"run_{end}.json")
    return record, table_beside(record)
