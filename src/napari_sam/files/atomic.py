"""Files that appear whole or not at all, and whose rests the next run uses up."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_sam.errors import DataError

_LONGEST = 180  # bytes of a name; file systems end at 255
_FAR = 1 << 40  # Windows locks bytes, even those behind the end, and nobody writes this one


@contextmanager
def in_one_piece(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when all went well, else remove it.

    The temporary name follows from the name of `path`, so that what a killed run left behind is
    written over, and gone, when the file is made again. A second process that writes the same
    file at the same time is seen by its lock, and gets a name of its own.

    Parameters
    ----------
    path : str or Path
        Folders on the way are made.

    Yields
    ------
    Path
        A file, empty, with the suffix of `path`. Write into it; do not replace it by another.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = _claim(path)
    try:
        yield temporary
        if sys.platform == "win32":  # which does not move what is open
            os.close(handle)
            handle = None
        os.replace(temporary, path)
    finally:
        if handle is not None:
            os.close(handle)
        temporary.unlink(missing_ok=True)


def try_folder(folder: str | Path, advice: str) -> None:
    """Make a folder, and try it, before long work is done for what will be written there.

    Parameters
    ----------
    folder : str or Path
    advice : str
        What to do when it takes no file; the error ends with it.

    Raises
    ------
    DataError
        When nothing can be written there.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(
            f"Nothing can be written to {folder} ({error.strerror or error}): {advice}"
        ) from error


@contextmanager
def folder_in_one_piece(path: Path, ours: Callable[[str], bool]) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it gets that name when all went well.

    Parameters
    ----------
    path : Path
        Folders on the way are made. A folder that is there is replaced.
    ours : callable
        Whether a file of this name may be in it: a folder with others is left alone.

    Yields
    ------
    Path
        An empty folder.

    Raises
    ------
    DataError
        When the folder that is there holds something else, or a file has this name.
    """
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} is a file: give the name of a folder to write.")
    strange = [one.name for one in path.iterdir() if not ours(one.name)] if path.is_dir() else []
    if strange:
        raise DataError(
            f"{path} also holds {strange[0]}, which would be lost: choose another folder."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name(path))
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        _put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(folder: Path, path: Path) -> None:
    """Give a folder the name of another one, which stays if that fails."""
    if not path.is_dir():
        os.replace(folder, path)
        return
    former = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=path.parent))
    try:
        os.replace(path, former / path.name)
        os.replace(folder, path)
    except BaseException:
        if not path.exists():
            (former / path.name).rename(path)
        former.rmdir()
        raise
    shutil.rmtree(former, ignore_errors=True)


def left_behind(path: Path) -> bool:
    """Whether a killed run left something behind of a file."""
    return path.with_name(temporary_name(path)).exists()


def remove_rest(path: Path) -> None:
    """Remove what a killed run left behind of a file; what another process writes now stays.

    Parameters
    ----------
    path : Path
        The file that was to be written.
    """
    temporary = path.with_name(temporary_name(path))
    if temporary.is_dir():
        shutil.rmtree(temporary, ignore_errors=True)
        return
    # Who was given a temporary path may have written that in one piece as well.
    for rest in (temporary.with_name(temporary_name(temporary)), temporary):
        _remove_unused(rest)


def _remove_unused(temporary: Path) -> None:
    with suppress(OSError):
        handle = os.open(temporary, os.O_RDWR)
        try:
            ours = _lock(handle) and _still_there(handle, temporary)
            if ours and sys.platform != "win32":  # while nobody else can have it
                temporary.unlink(missing_ok=True)
        finally:
            os.close(handle)
        if ours and sys.platform == "win32":  # which removes nothing that is open
            temporary.unlink(missing_ok=True)


def _claim(path: Path) -> tuple[int | None, Path]:
    """Open and lock an empty temporary file for `path`."""
    temporary = path.with_name(temporary_name(path))
    with suppress(PermissionError):  # another person's rest in a shared folder
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT, 0o666)
        if _lock(handle) and _still_there(handle, temporary):
            os.ftruncate(handle, 0)
            return handle, temporary
        os.close(handle)
    handle, name = tempfile.mkstemp(
        prefix=f"{temporary.stem[:_LONGEST]}-", suffix=path.suffix, dir=path.parent
    )
    umask = os.umask(0)  # mkstemp makes files that only their owner can read
    os.umask(umask)
    os.chmod(name, 0o666 & ~umask)
    return handle, Path(name)


def temporary_name(path: Path) -> str:
    """Name what is not complete yet: hidden, and the same in every run."""
    stem = path.stem
    if len(stem.encode()) > _LONGEST:
        stem = hashlib.blake2b(stem.encode(), digest_size=16).hexdigest()
    return f".{stem}.part{path.suffix}"


def _still_there(handle: int, path: Path) -> bool:
    """Tell whether the name still leads to what was opened; another writer may have moved it."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(handle, 0, os.SEEK_SET)
        return True
else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a network drive without locks: only its own runs are kept apart
            return True
        return True
