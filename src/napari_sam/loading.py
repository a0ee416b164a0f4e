"""`load_model`: a model by its name or file, and what joins it to the embeddings on disk."""

from __future__ import annotations

import os
import reprlib
from pathlib import Path

from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.errors import ParameterError
from napari_sam.installation import check_single_distribution
from napari_sam.libraries import keep_triton_out
from napari_sam.models.family import Precision
from napari_sam.models.load import load
from napari_sam.models.model import Model
from napari_sam.models.paths import given_path
from napari_sam.progress import Progress, silent


def load_model(
    name_or_path: str | os.PathLike[str] = "cells",
    device: str = "auto",
    *,
    download: bool = False,
    precision: Precision = "auto",
    cache: bool | str | os.PathLike[str] = False,
    progress: Progress = silent,
) -> Model:
    """Load a model by its name in the zoo or from a checkpoint file.

    Parameters
    ----------
    name_or_path : str or path
        A name such as ``"cells"`` or ``"sam_vit_b"``, or the path of a checkpoint. A
        ``.safetensors`` or PyTorch file of any SAM of the ViT family is recognised by its
        weights; one of the embedded kind too.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    download : bool
        Whether to download a model of the zoo that is not there yet. Off by default: hundreds
        of megabytes should not surprise anybody.
    precision : {"auto", "float32", "int8"}
        "auto" is "float32", except that the embedded model reads planes and windows with
        eight-bit products on a CPU that has AVX2: about twice as fast, and outlines
        differ by single pixels. "int8" is for models of the SAM family, on a CPU: faster and
        less exact; ``docs/accelerators.md`` has the figures of both.
    cache : bool or path
        True lets a SAM keep on disk what it has read of a plane and find it again, in other
        processes too, by the plane's content, the contrast limits and the weights. It shares
        folder and size limit with the panel (``napari-sam cache``); a path is another folder.
        The model ``cells``, which reads a plane much faster, keeps nothing.
    progress : callable
        Called with 0..1 while it downloads.

    Returns
    -------
    Model

    Raises
    ------
    ParameterError
        When an argument is of another kind, or has a value that makes no sense.
    UnknownModelError
        When it is neither a name nor a file.
    DataError
        When it is no name of the zoo, and the list of added models cannot be read.
    ModelError
        When the model is not downloaded yet, or its family has no such precision.
    CheckpointError
        When the file is damaged, unsafe or of another architecture.
    InstallationError
        When another package on this machine also provides ``napari_sam``.
    DownloadError, DeviceError

    Examples
    --------
    >>> load_model("cells", device="cpu").name
    'cells'
    """
    check_single_distribution()
    keep_triton_out()
    folder = _folder(cache)
    model = load(name_or_path, device, download=download, precision=precision, progress=progress)
    storable = model.storable
    if cache is not False and storable is not None:
        storable.store = EmbeddingStore(folder)
    return model


def _folder(cache: bool | str | os.PathLike[str]) -> Path | None:
    """Return the folder that was asked for; None for the usual one."""
    if isinstance(cache, bool):
        return None
    folder = given_path(cache, "cache must be True, False or the path of a folder")
    if folder is None or cache == "" or folder.is_file():
        raise ParameterError(f"cache is {reprlib.repr(cache)}, which can be no folder.")
    return folder


def as_model(model: Model | str | os.PathLike[str], device: str = "auto") -> Model:
    """Return a model as it is, or load it by its name or path; a device is checked either way.

    Raises
    ------
    DeviceError
        When the device is unknown or not in this computer.
    ModelError
        As of `load_model`.
    """
    from napari_sam.models.device import resolve

    where = resolve(device)
    return model if isinstance(model, Model) else load_model(model, device=where)
