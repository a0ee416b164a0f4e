"""Reading checkpoint files: no code that may be in them is run, and nothing damaged is believed.

What a file holds is told by its content, never by its ending. A PyTorch file is a zip archive
of one pickle and the numbers; its checksums are compared here, because PyTorch does not, and it is
only mapped into memory when nothing in it is compressed, because PyTorch would take compressed
bytes for numbers.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from napari_sam.errors import CheckpointError
from napari_sam.models.headers import Header, look_at, read_safetensors_header
from napari_sam.models.reasons import reason_of
from napari_sam.models.stand_ins import stand_ins
from napari_sam.models.weights import State, check_tensors, named_tensors

__all__ = ["State", "check_sha256", "checked_sha256", "file_sha256", "read_file", "read_header"]

_MOST_UNPACKED = 20  # times as large as its archive: weights hardly compress
_SLACK = 1 << 20
_CHUNK = 1 << 22
_GREEDY = (b"bytearray",)  # what a pickle may call, but no checkpoint needs: it takes memory


def read_header(path: Path) -> Header:
    """Tell what a checkpoint file holds, before any weight is used.

    Raises
    ------
    CheckpointError
        When the file is missing, damaged, no checkpoint, or wants to run code.
    """
    path = Path(path)
    if look_at(path) == "safetensors":
        return read_safetensors_header(path)
    tensors = named_tensors(_read_torch(path))
    return Header(path.name, {name: tuple(value.shape) for name, value in tensors.items()})


def read_file(path: Path) -> Mapping[str, Any]:
    """Read a ``.safetensors`` or a PyTorch file, running no code that may be in it.

    Returns
    -------
    mapping
        As it was saved; of a safetensors file, tensors by name.

    Raises
    ------
    CheckpointError
        When the file is missing, damaged, holds numbers that are none, or is a pickle that wants
        more than tensors.
    """
    path = Path(path)
    if look_at(path) == "safetensors":
        content = _read_safetensors(path)
        unpacked = path.stat().st_size
    else:
        content = _read_torch(path)
        unpacked = _check_archive(path) if zipfile.is_zipfile(path) else path.stat().st_size
    check_tensors(named_tensors(content), path.name, unpacked + _SLACK)
    return content


def file_sha256(path: Path) -> str:
    """Hash a file (hexadecimal)."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_sha256(path: Path, expected: str, name: str) -> str:
    """Hash a file, and refuse it as `check_sha256` does."""
    found = file_sha256(path)
    check_sha256(path, found, expected, name)
    return found


def check_sha256(path: Path, found: str, expected: str, name: str) -> None:
    """Refuse a file whose hash is not the one that the zoo knows; it may know none.

    Raises
    ------
    CheckpointError
    """
    if expected and found != expected:
        raise CheckpointError(
            f"{path} is not the file that the zoo knows as {name!r} (its SHA-256 differs): it is "
            f"damaged or another version. Delete it and download it again: "
            f"napari-sam models download {name}"
        )


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    read_safetensors_header(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise damaged(path, error) from error


def _read_torch(path: Path) -> Mapping[str, Any]:
    """Read a PyTorch file, new (a zip archive) or old (a bare pickle)."""
    mapped = False
    try:
        if zipfile.is_zipfile(path):
            mapped = _check_directory(path)
        else:
            with open(path, "rb") as file:
                _refuse_greed(path, file.read(_CHUNK))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a damaged file makes PyTorch wonder about
            value = _load_weights(path, mapped)
    except CheckpointError:
        raise
    except Exception as error:  # bytes that are no pickle make an unpickler fail in any way
        asks = isinstance(error, pickle.UnpicklingError) and "nsupported" in str(error)
        if (asks and _is_pickle(path)) or "TorchScript" in str(error):
            raise _runs_code(path) from error
        raise damaged(path, error) from error
    if not isinstance(value, Mapping):
        raise CheckpointError(f"{path.name} holds a {type(value).__name__}, not a dict of tensors.")
    return value


def _load_weights(path: Path, mapped: bool) -> Any:
    try:
        return _load(path, mapped)
    except pickle.UnpicklingError:
        known = stand_ins(path)
        if not known:
            raise
    with torch.serialization.safe_globals(known):
        return _load(path, mapped)


def _load(path: Path, mapped: bool) -> Any:
    # PyTorch believes in this ending, and only maps what is given by its path.
    if mapped and path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    with open(path, "rb") as file:
        return torch.load(file, map_location="cpu", weights_only=True)


def _check_directory(path: Path) -> bool:
    """Look through an archive without unpacking it; returns whether it may be mapped."""
    with zipfile.ZipFile(path) as archive:
        files = archive.infolist()
        unpacked = sum(file.file_size for file in files)
        if unpacked > _MOST_UNPACKED * path.stat().st_size + _SLACK:
            raise CheckpointError(
                f"{path.name} would unpack to {unpacked / 1e9:,.1f} GB, many times its size: "
                "weights do not compress like that, so it is refused."
            )
        if len({file.filename for file in files}) < len(files):
            raise zipfile.BadZipFile("a name is there twice")
        for file in files:
            if file.filename.endswith("data.pkl"):
                with archive.open(_checkable(file)) as part:
                    _refuse_greed(path, part.read())
        return all(file.compress_type == zipfile.ZIP_STORED for file in files)


def _check_archive(path: Path) -> int:
    """Compare the checksums of an archive; returns the bytes that it unpacks to."""
    try:
        with zipfile.ZipFile(path) as archive:
            for file in archive.infolist():
                with archive.open(_checkable(file)) as part:
                    while part.read(_CHUNK):
                        pass
            return sum(file.file_size for file in archive.infolist())
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise damaged(path, error) from error  # other methods of packing and passwords among them


def _checkable(file: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return a file of an archive so that its checksum is only compared if it has one."""
    if file.CRC == 0 and file.compress_type == zipfile.ZIP_STORED:
        file = copy.copy(file)
        file.CRC = None  # type: ignore[assignment]  # PyTorch can be told to leave them out
    return file


def _refuse_greed(path: Path, pickled: bytes) -> None:
    """Refuse a pickle that asks for memory beyond its weights."""
    if any(word in pickled for word in _GREEDY):
        raise _runs_code(path)


def _is_pickle(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02")


def _runs_code(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} holds more than tensors and could run code when opened, so it is "
        "refused. Ask its author for a safetensors file or a plain state dict; a "
        "training checkpoint of micro-sam is exported with "
        "micro_sam.util.export_custom_sam_model."
    )


def damaged(path: Path, error: BaseException) -> CheckpointError:
    """Make the error for a file that cannot be read."""
    reason = reason_of(error)
    if "weights_only" in str(error) or isinstance(error, KeyError):  # a byte that is no command
        reason = "it is no PyTorch file"  # rather than torch's advice to run whatever is in it
    return CheckpointError(
        f"{path.name} cannot be read as a checkpoint; it is damaged, cut short or something "
        f"else ({reason}). Download it again."
    )
