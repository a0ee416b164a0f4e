"""From a name or a file to a model."""

from __future__ import annotations

import os
import reprlib
from pathlib import Path

from napari_sam import checks
from napari_sam.errors import CheckpointError, ModelError, UnknownModelError
from napari_sam.libraries import let_forks_compute
from napari_sam.models import zoo
from napari_sam.models.entry import Entry
from napari_sam.models.families import family_of
from napari_sam.models.family import PRECISIONS, Family, Precision, Request
from napari_sam.models.loaded import Loaded
from napari_sam.models.model import Model
from napari_sam.models.obtain import check, is_other, obtain
from napari_sam.models.paths import checkpoint_at, checkpoint_name, given_path
from napari_sam.progress import Progress, silent


def load(
    name_or_path: str | os.PathLike[str],
    device: str = "auto",
    *,
    download: bool = False,
    precision: Precision = "auto",
    progress: Progress = silent,
) -> Model:
    """Load a model by its name or from a file; see `napari_sam.load_model`.

    Returns
    -------
    Model

    Raises
    ------
    ParameterError, UnknownModelError, ModelError, CheckpointError, DownloadError, DeviceError
    """
    from napari_sam.models.device import resolve

    checks.one_of(precision, PRECISIONS, "precision")
    checks.flag(download, "download")
    checks.reports(progress)
    path = given_path(name_or_path)
    device = resolve(device)
    let_forks_compute()
    text = os.fspath(name_or_path)
    known = {entry.name for entry in zoo.ZOO}
    known |= set() if text in known else {entry.name for entry in zoo.available()}
    if text in known:
        model = _load_entry(zoo.info(text), device, download, precision, progress)
        model.loaded = Loaded(load, text, device, precision)
        return model
    file = checkpoint_at(path)
    if file is not None:
        family, name = family_of(file), checkpoint_name(file)
        _check_precision(family, name, precision)
        model = family.load(Request(file, device, name, precision=precision))
        model.loaded = Loaded(load, str(file.absolute()), device, precision)
        return model
    if Path(text).suffix or os.sep in text or "/" in text:
        raise UnknownModelError(
            f"There is no checkpoint file at {reprlib.repr(text)}. "
            f"Models that can be had by name: {', '.join(sorted(known))}."
        )
    zoo.info(text)  # which says what there is
    raise UnknownModelError(f"There is no model {text!r}.")


def _load_entry(
    entry: Entry, device: str, download: bool, precision: Precision, progress: Progress
) -> Model:
    _check_precision(entry.family, entry.name, precision)
    where = entry.path
    if where is not None and not entry.ready:
        if not entry.url:
            raise zoo.gone(entry)
        itself = entry.weights[0]
        if not download and where.is_file() and not itself.is_in(where.parent):
            raise ModelError(
                f"{where} is not the file of the model {entry.name!r}, which has "
                f"{entry.size:,} bytes. {_what_is_at(where)} Put the right file there, or "
                f"download it: napari-sam models download {entry.name}"
            )
        if not download:
            size = entry.size / 1e6
            raise ModelError(
                f"The model {entry.name!r} is not downloaded yet ({size:,.0f} MB). Download it "
                f"with the Download button of the panel, with 'napari-sam models download "
                f"{entry.name}', or with load_model({entry.name!r}, download=True). Licence of "
                f"the weights: {entry.licence}."
            )
        where = obtain(entry, progress)
    sha256 = entry.known_hash
    if where is not None:
        check(entry, where)
        sha256 = "" if is_other(sha256) else sha256
    model = entry.family.load(Request(where, device, entry.name, sha256, precision))
    model.licence = model.licence or entry.licence
    return model


def _check_precision(family: Family, name: str, precision: Precision) -> None:
    if precision not in family.precisions:
        raise ModelError(
            f"The model {name!r} ({family.title}) cannot be loaded with precision={precision!r}, "
            f"only with {', '.join(map(repr, family.precisions))}."
        )


def _what_is_at(path: Path) -> str:
    """Say in a sentence what a checkpoint file is that was taken for another."""
    from napari_sam.models.checkpoints import file_sha256

    size = path.stat().st_size
    alike = [entry for entry in zoo.ZOO if entry.bytes == size and entry.known_hash]
    found = file_sha256(path) if alike else ""
    for entry in alike:
        if entry.known_hash == found:
            return f"It is the file of {entry.name!r}."
    try:
        return f"It is a checkpoint of {family_of(path).title}."
    except CheckpointError as error:
        return str(error)
