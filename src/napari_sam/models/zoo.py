"""The zoo: one table of the models that can be had by name, and those that a person added."""

from __future__ import annotations

import difflib
import os
import reprlib
from pathlib import Path

from napari_sam import checks
from napari_sam.errors import CheckpointError, ModelError, ParameterError, UnknownModelError
from napari_sam.models import fetch
from napari_sam.models.added import added, change
from napari_sam.models.cells.family import CELLS
from napari_sam.models.entry import Entry
from napari_sam.models.families import family_of
from napari_sam.models.family import Request
from napari_sam.models.mobile_sam.family import MOBILE_SAM
from napari_sam.models.paths import checkpoint_at, checkpoint_name, given_path
from napari_sam.models.sam.family import SAM
from napari_sam.models.sam2.family import SAM2
from napari_sam.progress import Progress, silent

__all__ = ["ZOO", "Entry", "add", "available", "checked_name", "download", "info", "remove"]

_LONGEST = 100  # letters of a name

# Sizes and hashes are those that independent programs pin for the same files.
_SERVER = "https://dl.fbaipublicfiles.com/segment_anything/"
_SERVER_2 = "https://dl.fbaipublicfiles.com/segment_anything_2/092824/"
_MOBILE = (
    "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/"
    "f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights/"
)

ZOO: tuple[Entry, ...] = (
    Entry(
        name="cells",
        family=CELLS,
        file="",
        bytes=0,
        sha256="",
        url="",
        licence="BSD-3-Clause",
        good_for="Cells and nuclei, at once and without a GPU; finds all cells by itself.",
    ),
    Entry(
        name="sam_vit_b",
        family=SAM,
        file="sam_vit_b_01ec64.pth",
        bytes=375042383,
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        url=_SERVER + "sam_vit_b_01ec64.pth",
        licence="Apache-2.0",
        good_for="Anything with clear outlines; the smallest SAM, some seconds per plane on a CPU.",
    ),
    Entry(
        name="sam_vit_l",
        family=SAM,
        file="sam_vit_l_0b3195.pth",
        bytes=1249524607,
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        url=_SERVER + "sam_vit_l_0b3195.pth",
        licence="Apache-2.0",
        good_for="Better masks than ViT-B at about three times its time; a GPU helps.",
    ),
    Entry(
        name="sam_vit_h",
        family=SAM,
        file="sam_vit_h_4b8939.pth",
        bytes=2564550879,
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        url=_SERVER + "sam_vit_h_4b8939.pth",
        licence="Apache-2.0",
        good_for="The best masks of the original SAM; needs a GPU to be pleasant.",
    ),
    Entry(
        name="mobile_sam",
        family=MOBILE_SAM,
        file="mobile_sam.pt",
        bytes=40728226,
        sha256="6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        url=_MOBILE + "mobile_sam.pt",
        licence="Apache-2.0",
        good_for="Anything with clear outlines on a laptop: a small and quick SAM.",
    ),
    Entry(
        name="sam2.1_tiny",
        family=SAM2,
        file="sam2.1_hiera_tiny.pt",
        bytes=156008466,
        sha256="7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
        url=_SERVER_2 + "sam2.1_hiera_tiny.pt",
        licence="Apache-2.0",
        good_for="Objects through slices and time, some seconds per plane on a CPU.",
    ),
    Entry(
        name="sam2.1_small",
        family=SAM2,
        file="sam2.1_hiera_small.pt",
        bytes=184416285,
        sha256="6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
        url=_SERVER_2 + "sam2.1_hiera_small.pt",
        licence="Apache-2.0",
        good_for="Objects through slices and time, a little slower than sam2.1_tiny.",
    ),
    Entry(
        name="sam2.1_base_plus",
        family=SAM2,
        file="sam2.1_hiera_base_plus.pt",
        bytes=323606802,
        sha256="a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
        url=_SERVER_2 + "sam2.1_hiera_base_plus.pt",
        licence="Apache-2.0",
        good_for="Objects through slices and time; a GPU helps.",
    ),
    Entry(
        name="sam2.1_large",
        family=SAM2,
        file="sam2.1_hiera_large.pt",
        bytes=898083611,
        sha256="2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
        url=_SERVER_2 + "sam2.1_hiera_large.pt",
        licence="Apache-2.0",
        good_for="Objects through slices and time; needs a GPU to be pleasant.",
    ),
)


def available() -> tuple[Entry, ...]:
    """List all models: those of the zoo, then those that the user added.

    Returns
    -------
    tuple of Entry

    Raises
    ------
    DataError
        When the list of added models is damaged or may not be read.

    Examples
    --------
    >>> [entry.name for entry in available()][:2]
    ['cells', 'sam_vit_b']
    """
    taken = {entry.name for entry in ZOO}
    return (*ZOO, *(entry for entry in added() if entry.name not in taken))


def info(name: str) -> Entry:
    """Look a model up by name.

    Returns
    -------
    Entry

    Raises
    ------
    ParameterError
        When the name is no text.
    UnknownModelError
        With all names, and the nearest ones first.
    DataError
        When it is none of the zoo, and the list of added models cannot be read.
    """
    checks.text(name, "The name of a model")
    # The zoo first: its models work whatever became of the list of added ones.
    for entry in ZOO:
        if entry.name == name:
            return entry
    entries = {entry.name: entry for entry in available()}
    if name in entries:
        return entries[name]
    near = difflib.get_close_matches(name[:_LONGEST], entries, n=2, cutoff=0.5)
    guess = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise UnknownModelError(
        f"There is no model {reprlib.repr(name)} and no file of that name.{guess} "
        f"Models: {', '.join(entries)}. A checkpoint of your own is given by its path."
    )


def download(name: str, *, progress: Progress = silent) -> Path | None:
    """Download a model's file, unless it is there; None for the embedded model.

    Parameters
    ----------
    name : str
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Path or None

    Raises
    ------
    ParameterError, UnknownModelError, DownloadError, Cancelled
    """
    checks.reports(progress)
    entry = info(name)
    path = entry.path
    if path is None or not entry.url:
        return path
    return fetch.fetch(entry.url, path, size=entry.bytes, sha256=entry.sha256, progress=progress)


def add(path: str | os.PathLike[str], name: str | None = None) -> Entry:
    """Register a checkpoint of the user's under a name; the file stays where it is.

    Parameters
    ----------
    path : path
        A checkpoint that `load_model` can read; it is loaded to make sure.
    name : str, optional
        The file's stem by default, or the name of its folder; see `checkpoint_name`.

    Returns
    -------
    Entry

    Raises
    ------
    ParameterError
        When the path or the name is none.
    ModelError
        When the name is taken by the zoo or by another file.
    CheckpointError
        When the file is no such checkpoint.
    DataError
        When the list of added models cannot be read or written.
    """
    file = checkpoint_at(given_path(path))
    if file is None:
        raise CheckpointError(f"There is no checkpoint file at {reprlib.repr(str(path))}.")
    name = checked_name(checkpoint_name(file) if name is None else name)
    _check_free(name, file, added())
    family = family_of(file)
    # What it refuses is not added.
    model = family.load(Request(file, "cpu", name, precision="float32"))
    itself = ", finds cells by itself" if model.has_instances else ""
    taught = f", taught {len(model.history)} times" if model.history else ""
    entry = Entry(
        name=name,
        family=family,
        file=str(file),
        bytes=file.stat().st_size,
        sha256="",
        url="",
        licence=model.licence or "as its author says",
        good_for=f"Your own checkpoint: {family.title}{itself}{taught}.",
    )

    def edit(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        _check_free(name, file, entries)
        return (*(other for other in entries if other.name != name), entry)

    change(edit)
    return entry


def remove(name: str) -> None:
    """Forget a checkpoint that was added; its file is left alone.

    Raises
    ------
    ParameterError, UnknownModelError, ModelError, DataError
    """
    info(name)
    if name in {entry.name for entry in ZOO}:
        raise ModelError(f"{name!r} belongs to the zoo and cannot be removed from it.")
    change(lambda entries: tuple(entry for entry in entries if entry.name != name))


def checked_name(name: str) -> str:
    """Return a name that a model can have.

    Raises
    ------
    ParameterError
    """
    checks.text(name, "The name of a model")
    sound = name.strip() == name and name.isprintable() and not set(name) & set("/\\")
    if not name or len(name) > _LONGEST or not sound or name.startswith(("-", ".", "~")):
        raise ParameterError(
            f"{reprlib.repr(name)} cannot be the name of a model: take up to {_LONGEST} letters "
            "and digits without '/', and no '-', '.' or '~' in front. "
            "On the command line: napari-sam models add PATH --name NAME."
        )
    return name


def _check_free(name: str, file: Path, entries: tuple[Entry, ...]) -> None:
    if name in {entry.name for entry in ZOO}:
        raise ModelError(
            f"{name!r} is a model of the zoo. Choose another name: napari-sam models add "
            f"{file.name} --name my_{name}"
        )
    for entry in entries:
        if entry.name == name and entry.file != str(file):
            raise ModelError(f"{name!r} is already the name of {entry.file}. Choose another.")
