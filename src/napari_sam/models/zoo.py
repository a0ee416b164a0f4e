"""The zoo: one table of the models that can be had by name, and how each is loaded."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from napari_sam.errors import (
    CheckpointError,
    DataError,
    ModelError,
    ParameterError,
    UnknownModelError,
)
from napari_sam.models import fetch
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent


@dataclass(frozen=True)
class Entry:
    """One model of the zoo.

    Parameters
    ----------
    name : str
        What `load_model` takes.
    family : str
        Which loader reads it: ``"cells"`` or ``"sam"``.
    file : str
        File name; a full path for a model that the user added.
    bytes : int
        Size of the file; 0 for the embedded model, which is part of the package.
    sha256 : str
        Hash of the file; empty where the zoo does not prescribe one.
    url : str
        Where it is downloaded from; empty for embedded and added models.
    licence : str
        Licence of the weights.
    good_for : str
        When to choose it.
    """

    name: str
    family: str
    file: str
    bytes: int
    sha256: str
    url: str
    licence: str
    good_for: str

    @property
    def path(self) -> Path | None:
        """Where its file lies or shall lie; None for the embedded model."""
        if self.family == "cells" and not self.url and not Path(self.file).is_absolute():
            return None
        file = Path(self.file)
        return file if file.is_absolute() else fetch.home() / "models" / file

    @property
    def ready(self) -> bool:
        """Whether it can be loaded without a download (the hash is checked when it is)."""
        path = self.path
        if path is None:
            return True
        return path.is_file() and (not self.url or path.stat().st_size == self.bytes)


_SERVER = "https://dl.fbaipublicfiles.com/segment_anything/"

ZOO: tuple[Entry, ...] = (
    Entry(
        name="cells",
        family="cells",
        file="cells.safetensors",
        bytes=0,
        sha256="",
        url="",
        licence="BSD-3-Clause",
        good_for="Cells and nuclei, at once and without a GPU; finds all cells by itself.",
    ),
    Entry(
        name="sam_vit_b",
        family="sam",
        file="sam_vit_b_01ec64.pth",
        bytes=375042383,
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        url=_SERVER + "sam_vit_b_01ec64.pth",
        licence="Apache-2.0",
        good_for="Anything with clear outlines; the smallest SAM, some seconds per plane on a CPU.",
    ),
    Entry(
        name="sam_vit_l",
        family="sam",
        file="sam_vit_l_0b3195.pth",
        bytes=1249524607,
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        url=_SERVER + "sam_vit_l_0b3195.pth",
        licence="Apache-2.0",
        good_for="Better masks than ViT-B at about three times its time; a GPU helps.",
    ),
    Entry(
        name="sam_vit_h",
        family="sam",
        file="sam_vit_h_4b8939.pth",
        bytes=2564550879,
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        url=_SERVER + "sam_vit_h_4b8939.pth",
        licence="Apache-2.0",
        good_for="The best masks of the original SAM; needs a GPU to be pleasant.",
    ),
)

Precision = Literal["auto", "float32", "int8"]

# The loader of each family, by name: the runner of SAM lives in a room above this one and is
# only imported when such a model is asked for.
_LOADERS = {
    "cells": "napari_sam.models.cells.model:load_cells",
    "sam": "napari_sam.models.sam.load:load_sam",
}


def available() -> tuple[Entry, ...]:
    """All models: those of the zoo, then those that the user added."""
    return (*ZOO, *_added())


def info(name: str) -> Entry:
    """Look a model up by name.

    Raises
    ------
    UnknownModelError
        With all names, and the nearest ones first.
    """
    entries = {entry.name: entry for entry in available()}
    if name in entries:
        return entries[name]
    near = difflib.get_close_matches(name, entries, n=2, cutoff=0.5)
    guess = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise UnknownModelError(
        f"There is no model {name!r} and no file of that name.{guess} "
        f"Models: {', '.join(entries)}. A checkpoint of your own is given by its path."
    )


def download(name: str, *, progress: Progress = silent) -> Path | None:
    """Download a model's file, unless it is there; None for the embedded model.

    Raises
    ------
    UnknownModelError, DownloadError, Cancelled
    """
    entry = info(name)
    path = entry.path
    if path is None or not entry.url:
        return path
    return fetch.fetch(entry.url, path, size=entry.bytes, sha256=entry.sha256, progress=progress)


def load(
    name_or_path: str | os.PathLike[str],
    device: str = "auto",
    *,
    download: bool = False,
    precision: Precision = "auto",
    progress: Progress = silent,
) -> Model:
    """Load a model by its name or from a file; see `napari_sam.load_model`."""
    if precision not in ("auto", "float32", "int8"):
        raise ParameterError(f"precision must be 'auto', 'float32' or 'int8', got {precision!r}.")
    model = _find_and_load(name_or_path, device, download, precision, progress)
    if precision == "int8":
        model = importlib.import_module("napari_sam.models.sam.int8").with_int8(model)
    return model


def _find_and_load(
    name_or_path: str | os.PathLike[str],
    device: str,
    download: bool,
    precision: str,
    progress: Progress,
) -> Model:
    from napari_sam.models.device import multiplies_bfloat16, resolve

    device = resolve(device)
    half = precision == "auto" and multiplies_bfloat16(device)
    names = {entry.name for entry in available()}
    text = os.fspath(name_or_path)
    if text not in names:
        path = Path(text).expanduser()
        if path.is_file():
            return _load(_family(path), path.stem, path.resolve(), device, "", half)
        if path.suffix or os.sep in text:
            raise UnknownModelError(
                f"There is no checkpoint file at {path}. "
                f"Models that can be had by name: {', '.join(sorted(names))}."
            )
    entry = info(text)
    where = entry.path
    if where is not None and not entry.ready:
        if not entry.url:
            raise ModelError(
                f"The file of the model {entry.name!r} is no longer at {where}. "
                "Add it again from where it is now: napari-sam models add PATH."
            )
        if not download:
            size = entry.bytes / 1e6
            raise ModelError(
                f"The model {entry.name!r} is not downloaded yet ({size:,.0f} MB). Download it "
                f"with the Download button of the panel, with 'napari-sam models download "
                f"{entry.name}', or with load_model({entry.name!r}, download=True)."
            )
        fetch.fetch(entry.url, where, size=entry.bytes, sha256=entry.sha256, progress=progress)
    return _load(entry.family, entry.name, where, device, entry.sha256, half)


def _load(family: str, name: str, path: Path | None, device: str, sha256: str, half: bool) -> Model:
    module, _, function = _LOADERS[family].partition(":")
    load = getattr(importlib.import_module(module), function)
    if family == "cells":
        model: Model = load(path, device, half=half)
        return model
    return load(path, device, name=name, sha256=sha256)  # type: ignore[no-any-return]


def _family(path: Path) -> str:
    """Tell the family of a checkpoint file from the names of its weights."""
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                keys = set(file.keys())
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path.name} cannot be read as safetensors ({error}). Copy or download it again."
            ) from error
        if any(key.startswith("instance_head.") for key in keys):
            return "cells"
    return "sam"


def _registry() -> Path:
    return fetch.home() / "models.json"


def _added() -> tuple[Entry, ...]:
    path = _registry()
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Entry(**row) for row in rows if row["name"] not in {e.name for e in ZOO})
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"The list of added models {path} is damaged ({error}). Delete the file and add the "
            "models again; the checkpoints themselves are not touched."
        ) from error


def _write(entries: tuple[Entry, ...]) -> None:
    path = _registry()
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(entry) for entry in entries]
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix="models-", suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
    os.replace(temporary, path)


def add(path: str | os.PathLike[str], name: str | None = None) -> Entry:
    """Register a checkpoint of the user's under a name; the file stays where it is.

    Parameters
    ----------
    path : path
        A checkpoint that `load_model` can read; it is opened to make sure.
    name : str, optional
        The file's stem by default.

    Raises
    ------
    ModelError
        When the name is taken by the zoo or by another file.
    CheckpointError
        When the file is no such checkpoint.
    """
    file = Path(path).expanduser().resolve()
    name = name or file.stem
    if not file.is_file():
        raise CheckpointError(f"There is no checkpoint file at {file}.")
    if name in {entry.name for entry in ZOO}:
        raise ModelError(
            f"{name!r} is a model of the zoo. Choose another name: napari-sam models add "
            f"{file.name} --name my_{name}"
        )
    others = {entry.name: entry for entry in _added()}
    if name in others and others[name].file != str(file):
        raise ModelError(f"{name!r} is already the name of {others[name].file}. Choose another.")
    family = _family(file)
    if family == "sam":
        from napari_sam.models import checkpoints

        state, _ = checkpoints.unwrap(checkpoints.read_file(file), file.name)
        kind = checkpoints.find_architecture(state, file.name).name
    else:
        kind = family
    entry = Entry(
        name=name,
        family=family,
        file=str(file),
        bytes=file.stat().st_size,
        sha256="",
        url="",
        licence="as its author says",
        good_for=f"Your own checkpoint ({kind}).",
    )
    _write((*(e for n, e in others.items() if n != name), entry))
    return entry


def remove(name: str) -> None:
    """Forget a checkpoint that was added; its file is left alone.

    Raises
    ------
    UnknownModelError, ModelError
    """
    info(name)
    if name in {entry.name for entry in ZOO}:
        raise ModelError(f"{name!r} belongs to the zoo and cannot be removed from it.")
    _write(tuple(entry for entry in _added() if entry.name != name))
