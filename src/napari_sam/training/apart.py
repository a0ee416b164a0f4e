"""A model taught in a process of its own, so that nothing else waits for it and nothing is lost.

The examples go there as files in a folder that is removed afterwards, progress comes back as
lines, and the model as a file that appears when it is whole. Whoever asks may go on, stop it, or
be killed: the model that is taught is not touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

import napari_sam
from napari_sam import errors
from napari_sam.errors import DataError, LabelsError, ModelError, NapariSamError
from napari_sam.files import try_folder
from napari_sam.images import Image
from napari_sam.models.lesson import Lesson
from napari_sam.progress import Progress, silent
from napari_sam.training.shown_samples import ShownSample, read_samples, write_samples

__all__ = ["Lent", "Marked", "TaughtApart", "teach_apart"]

_NO_FOLDER = (
    "make room there, or set NAPARI_SAM_HOME to a folder that you may write to. The model is as "
    "it was."
)
PATIENCE = 0.2  # seconds between two questions whether it is still wanted
_ENDED = (
    "The teaching ended before it was done: there may not be enough memory for it. Close other "
    "programs, or show fewer cells. The model is as it was."
)


class Marked(NamedTuple):
    """A plane with objects to learn from.

    Attributes
    ----------
    pixels : (H, W) or (H, W, C) array
    labels : (H, W) integer array
    limits : (low, high) or None
        Contrast limits, where they were set.
    rgb : bool
    image : int
        Which of the images it is a plane of: an id means the same object on all of its planes.
    """

    pixels: npt.NDArray[Any]
    labels: npt.NDArray[np.integer[Any]]
    limits: tuple[float, float] | None
    rgb: bool
    image: int


@dataclass(frozen=True)
class Lent:
    """What is taught, and how.

    Parameters
    ----------
    model : str
        Its name, or its path.
    target : str
        The file to be written.
    device : str
    seconds : float
    exhaustive : bool
        As of `napari_sam.training.adapt.adapt`.
    recipe : mapping
        What is otherwise than in `napari_sam.training.tuning.Recipe`.
    """

    model: str
    target: str
    device: str = "auto"
    seconds: float = 60.0
    exhaustive: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict)


class TaughtApart(NamedTuple):
    """What came of it.

    Attributes
    ----------
    path : Path
        The taught model, whatever the comparison says.
    lesson : Lesson
    samples : list of ShownSample
        Some of the objects that it was not shown.
    """

    path: Path
    lesson: Lesson
    samples: list[ShownSample]


def teach_apart(lent: Lent, examples: Sequence[Marked], progress: Progress = silent) -> TaughtApart:
    """Teach a model in a process of its own.

    Parameters
    ----------
    lent : Lent
    examples : sequence of Marked
    progress : callable
        Called with 0..1, several times a second; raise `Cancelled` from it to stop.

    Returns
    -------
    TaughtApart

    Raises
    ------
    NapariSamError
        Whatever `adapt` raises; `DataError` when the disk is full; `ModelError` when the process
        was ended by something else.
    Cancelled
    """
    if not examples:
        raise LabelsError("There are no corrected cells to learn from: keep or correct some first.")
    progress(0.0)
    try_folder(Path(lent.target).parent, _NO_FOLDER)
    with tempfile.TemporaryDirectory(prefix="napari-sam-teach-") as name:
        folder = Path(name)
        with _room_for("The cells"):
            _lend(folder, lent, examples)
        with _begun(folder) as process:
            try:
                _follow(process, progress)
            finally:
                process.kill()  # of one that has ended nobody hears
        told = folder / "lesson.json"
        if process.returncode or not told.exists():
            raise ModelError(_ENDED)
        lesson = Lesson(**json.loads(told.read_text(encoding="utf-8")))
        return TaughtApart(Path(lent.target), lesson, read_samples(folder / "samples.npz"))


@contextmanager
def _room_for(what: str) -> Iterator[None]:
    """Say so where something cannot be written."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{what} cannot be written to {tempfile.gettempdir()} ({error.strerror}): make room "
            "there. The model is as it was."
        ) from error


def _lend(folder: Path, lent: Lent, examples: Sequence[Marked]) -> None:
    arrays: dict[str, Any] = {}
    for number, one in enumerate(examples):
        arrays[f"pixels_{number}"], arrays[f"labels_{number}"] = one.pixels, one.labels
    save: Any = np.savez  # whose stubs take array names for options
    save(folder / "examples.npz", **arrays)
    about = [{"limits": one.limits, "rgb": one.rgb, "image": one.image} for one in examples]
    text = json.dumps({"lent": asdict(lent), "about": about})
    (folder / "lent.json").write_text(text, encoding="utf-8")


def _begun(folder: Path) -> subprocess.Popen[str]:
    # The same package as here, wherever it lies; and no module of the folder one happens to be in.
    package = str(Path(napari_sam.__file__).parent.parent)
    known = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "napari_sam.training.apart", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(known)},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _follow(process: subprocess.Popen[str], progress: Progress) -> None:
    """Hear what a process tells until it ends."""
    lines: Queue[str | None] = Queue()
    assert process.stdout is not None
    hearing = threading.Thread(target=_hear, args=(process.stdout, lines), daemon=True)
    hearing.start()
    done = 0.0
    while True:
        try:
            line = lines.get(timeout=PATIENCE)
        except Empty:
            progress(done)
            continue
        if line is None:
            process.wait()
            return
        try:
            word, value = json.loads(line)
        except (ValueError, TypeError):  # something else that a library prints
            continue
        if word == "done":
            done = float(value)
            progress(done)
        elif isinstance(word, str) and word in vars(errors):
            raise getattr(errors, word)(value)


def _hear(stream: IO[str], lines: Queue[str | None]) -> None:
    try:
        for line in stream:
            lines.put(line)
    except ValueError:  # it was closed meanwhile
        pass
    lines.put(None)


# -- in the other process --------------------------------------------------------------------------


def _tell(word: str, value: float | str) -> None:
    print(json.dumps([word, value]), flush=True)


def _work(folder: Path) -> None:
    """Teach what was lent; when nobody hears any more, printing fails and this process ends."""
    import torch

    from napari_sam.loading import as_model
    from napari_sam.training.teaching import teach
    from napari_sam.training.tuning import Recipe

    if hasattr(os, "nice"):
        os.nice(5)
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))  # one is for whoever goes on working
    read = json.loads((folder / "lent.json").read_text(encoding="utf-8"))
    lent, about = Lent(**read["lent"]), read["about"]
    taught, samples = teach(
        as_model(lent.model, lent.device),
        _examples(folder, about),
        lent.seconds,
        exhaustive=lent.exhaustive,
        recipe=Recipe(**lent.recipe),
        anyway=True,
        progress=lambda fraction: _tell("done", fraction),
    )
    text = json.dumps(asdict(taught.history[-1]))
    with _room_for("What came of the lesson"):
        write_samples(folder / "samples.npz", samples)
        (folder / "lesson.json").write_text(text, encoding="utf-8")
    taught.save(lent.target)


def _examples(folder: Path, about: Sequence[Mapping[str, Any]]) -> list[tuple[Image, Any]]:
    """Read what was lent, the planes of an image together."""
    examples = []
    with np.load(folder / "examples.npz", allow_pickle=False) as file:
        for image in dict.fromkeys(one["image"] for one in about):
            of = [number for number, one in enumerate(about) if one["image"] == image]
            pixels, labels = (
                np.stack([file[f"{name}_{number}"] for number in of])
                for name in ("pixels", "labels")
            )
            first = about[of[0]]
            limits = first["limits"] and tuple(first["limits"])
            examples.append((Image.of(pixels, rgb=first["rgb"], limits=limits), labels))
    return examples


def main(folder: str) -> int:
    """Do what lies in a folder, and tell on the standard output how it goes."""
    try:
        _work(Path(folder))
    except BrokenPipeError:
        return 1
    except NapariSamError as error:
        _tell(type(error).__name__, str(error))
        return 1
    except MemoryError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
