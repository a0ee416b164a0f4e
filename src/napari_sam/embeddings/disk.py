"""Embeddings on disk: checked when read, written in one step, limited in size.

One ``.npz`` file per embedding: a single file is put in place in one step, and was written and read
several times faster than a zarr group of the same array, which is several files
(``docs/architecture.md``). Its name is a hash of the key; the key itself and a checksum of the
arrays are inside, and a file that does not agree with them is deleted and not served. Two
processes may use one folder: files appear whole under their name, and a file that another
process has just removed counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_sam.errors import ParameterError
from napari_sam.models.capabilities import Arrays, Key
from napari_sam.models.home import home, share
from napari_sam.models.model import Embedding, Model

FORMAT = 1
DEFAULT_BYTES = 2_000_000_000
_LIMIT = "limit.txt"
_ABANDONED = 3600.0  # seconds after which a temporary file belongs to a dead process
_DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, IndexError, zipfile.BadZipFile)


class StoredEmbedding(NamedTuple):
    """One file: the model's name, the plane's rows and columns, bytes, and when it was used."""

    model: str
    shape: tuple[int, int]
    nbytes: int
    used: float


class EmbeddingStore:
    """Embeddings in a folder.

    Parameters
    ----------
    folder : str or Path, optional
        ``embeddings`` in `napari_sam.models.home.home` by default.
    max_bytes : int, optional
        When the files hold more, those not used for longest are deleted. By default what
        `set_limit` chose for this folder, or 2 GB.
    """

    def __init__(self, folder: str | Path | None = None, max_bytes: int | None = None) -> None:
        self.folder = Path(folder) if folder is not None else home() / "embeddings"
        self._max_bytes = max_bytes

    @property
    def max_bytes(self) -> int:
        """Bytes that the files may hold."""
        if self._max_bytes is not None:
            return self._max_bytes
        try:
            return max(0, int((self.folder / _LIMIT).read_text(encoding="ascii")))
        except (OSError, ValueError):
            return DEFAULT_BYTES

    def set_limit(self, max_bytes: int) -> None:
        """Choose, for every process that uses this folder, how many bytes the files may hold.

        Raises
        ------
        ParameterError
        """
        if max_bytes < 0:
            raise ParameterError(f"The limit must be 0 or more bytes, got {max_bytes}.")
        from napari_sam.files import in_one_piece  # reading a limit needs none of what it imports

        with in_one_piece(self.folder / _LIMIT) as temporary:
            temporary.write_text(str(max_bytes), encoding="ascii")
        self.prune()

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size, _ in self._files())

    def __len__(self) -> int:
        return len(self._files())

    def entries(self) -> list[StoredEmbedding]:
        """List what is there, used last first; a file that cannot be read counts as damaged."""
        found = []
        for path, size, used in sorted(self._files(), key=lambda file: -file[2]):
            model, shape = "damaged", (0, 0)
            with contextlib.suppress(*_DAMAGED), open(path, "rb") as raw:
                header = json.loads(str(np.load(raw, allow_pickle=False)["header"]))
                model = str(header["key"][1]).split(":", 1)[0]
                shape = (int(header["shape"][0]), int(header["shape"][1]))
            found.append(StoredEmbedding(model, shape, size, used))
        return found

    def read(self, key: Key, model: Model) -> Embedding | None:
        """Return the embedding of a key, or None; a damaged file is deleted."""
        storable = model.storable
        if storable is None:
            return None
        path = self._path(key)
        try:
            # Opened here, because NumPy leaves a file open that turns out to be damaged.
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                arrays = {name: file[name] for name in file.files if name != "header"}
            if header["key"] != _words(key) or header["checksum"] != _checksum(arrays):
                raise ValueError("the content does not belong to this key")
            features, nbytes = storable.from_arrays(arrays)
            embedding = Embedding(
                model=key[0],
                plane_hash=key[1],
                limits=key[2],
                shape=(int(header["shape"][0]), int(header["shape"][1])),
                features=features,
                nbytes=nbytes,
            )
        except FileNotFoundError:
            return None
        except _DAMAGED:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used just now
        return embedding

    def find_or_make(self, key: Key, model: Model, make: Callable[[], Embedding]) -> Embedding:
        """Return the embedding of a key, or make it and keep it.

        It is kept under what it says itself: the encoder may have fallen back from half precision.
        """
        embedding = self.read(key, model)
        if embedding is None:
            embedding = make()
            self.write((embedding.model, embedding.plane_hash, embedding.limits), embedding, model)
        return embedding

    def write(self, key: Key, embedding: Embedding, model: Model) -> bool:
        """Write an embedding; a full or read-only disk loses nothing but this entry.

        Returns
        -------
        bool
            Whether it is on disk now.
        """
        storable = model.storable
        if storable is None:
            return False
        arrays = storable.to_arrays(embedding)
        header = json.dumps(
            {"key": _words(key), "shape": list(embedding.shape), "checksum": _checksum(arrays)}
        )
        temporary = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                np.savez(file, header=np.array(header), **arrays)  # type: ignore[arg-type]
            share(temporary)
            os.replace(temporary, self._path(key))
        except OSError:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            return False
        self.prune()
        return True

    def prune(self) -> None:
        """Delete the files not used for longest until the rest fits, and abandoned ones."""
        files = sorted(self._files(), key=lambda file: file[2])
        total = sum(size for _, size, _ in files)
        for path, size, _ in files:
            if total <= self.max_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
        for path in self.folder.glob("*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()

    def clear(self) -> None:
        """Delete all embeddings; what another process is writing is left to it."""
        for path, _, _ in self._files():
            with contextlib.suppress(OSError):
                path.unlink()

    def _files(self) -> list[tuple[Path, int, float]]:
        found = []
        for path in self.folder.glob("*.npz"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((path, status.st_size, status.st_mtime))
        return found

    def _path(self, key: Key) -> Path:
        name = hashlib.blake2b(json.dumps(_words(key)).encode(), digest_size=16).hexdigest()
        return self.folder / f"{name}.npz"


def _words(key: Key) -> list[Any]:
    model, plane, (low, high) = key
    return [FORMAT, model, plane, float(low).hex(), float(high).hex()]


def _checksum(arrays: Arrays) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
