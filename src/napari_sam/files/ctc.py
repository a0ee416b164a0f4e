"""Folders of the Cell Tracking Challenge: an image of ids per frame, and a table of tracks.

The format knows no gaps: a track with one is written as two, the second with the first as its
parent, which reading puts together again.
"""

from __future__ import annotations

import re
import reprlib
import warnings
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import DataError, LabelsError, ParameterError
from napari_sam.files.kinds import as_path
from napari_sam.files.signature import SOFTWARE

#: Names of the images and of the table, in results and in reference data.
RESULT, TRUTH = ("mask", "res_track.txt"), ("man_track", "man_track.txt")

_MOST = int(np.iinfo(np.uint16).max)  # a number
_TOLD = 5  # changed numbers

_OURS = re.compile(r"(mask|man_track)\d+\.tif|(res|man)_track\.txt")


def belongs(name: str) -> bool:
    """Tell whether a file of this name is part of such a folder.

    Examples
    --------
    >>> belongs("mask012.tif"), belongs("notes.txt")
    (True, False)
    """
    return _OURS.fullmatch(name) is not None


def write_ctc(
    folder: str | Path, labels: Any, parents: Mapping[int, int], *, truth: bool = False
) -> Path:
    """Write tracks as a folder of the Cell Tracking Challenge.

    Tracks keep their ids as numbers. Two things the format does not know: a track with gaps, which
    goes on under a number that is free, with what was before as its parent; and numbers of more
    than 16 bits, in whose place free ones are written.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing. Nothing that is there is overwritten.
    labels : (T, ...) integer array
        One id per track; read frame by frame, twice.
    parents : mapping of int to int
        From the id of a daughter to that of her mother.
    truth : bool
        Named like reference data (``man_track...``) and not like results (``mask...``).

    Returns
    -------
    Path
        The folder.

    Warns
    -----
    UserWarning
        When ids are beyond 16 bits: which number is written for which.

    Raises
    ------
    DataError
        When the folder holds tracks already, the table or images.
    LabelsError
        When these are no labels of frames, or more tracks than 16 bits can number.
    ParameterError
        When `parents` is no mapping.
    """
    import tifffile

    prefix, name = TRUTH if truth else RESULT
    target = as_path(folder)
    if target.exists() and not target.is_dir():
        raise DataError(f"{target} is a file: give the name of a folder.")
    if (target / name).exists():
        raise DataError(f"{target} holds tracks already ({name}): choose another folder.")
    if target.is_dir() and (left := _images(target, prefix)):
        raise DataError(  # with them in between, it would be read as another movie
            f"{target} holds images of tracks already ({left[0][1].name}): choose another folder."
        )
    labels = checks.labels(labels, ndim=None)
    if not 3 <= labels.ndim <= 4:
        raise LabelsError(
            f"Tracks lie on frames, (T, H, W) or (T, Z, H, W), but the labels have shape "
            f"{labels.shape}."
        )
    if not isinstance(parents, Mapping):
        got = reprlib.repr(parents)
        raise ParameterError(f"parents must map daughters to mothers, {{}} without any; got {got}.")
    count = int(labels.shape[0])
    pieces = _pieces(_seen(labels), parents)
    if len(pieces) > _MOST:
        raise LabelsError(
            f"The Cell Tracking Challenge numbers tracks with 16 bits, but there are {len(pieces)}."
        )
    _tell_changed(pieces)
    target.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(count - 1)))
    for t in range(count):
        frame = np.asarray(labels[t])
        ids, place = np.unique(frame, return_inverse=True)
        numbers = np.zeros(len(ids), np.uint16)
        for number, piece in pieces.items():
            if piece.first <= t <= piece.last:
                numbers[np.searchsorted(ids, piece.track)] = number
        file = target / f"{prefix}{t:0{digits}d}.tif"
        painted = numbers[place].reshape(frame.shape)
        tifffile.imwrite(
            file, painted, compression="zlib", photometric="minisblack", software=SOFTWARE
        )
    rows = [f"{n} {of.first} {of.last} {of.parent}" for n, of in sorted(pieces.items())]
    (target / name).write_text("".join(f"{row}\n" for row in rows), encoding="ascii")
    return target


def _seen(labels: Any) -> dict[int, list[int]]:
    """List the frames in which every track is seen."""
    seen: dict[int, list[int]] = {}
    for t in range(int(labels.shape[0])):
        for track in np.unique(np.asarray(labels[t])).tolist():
            if track > 0:
                seen.setdefault(track, []).append(t)
    return seen


class _Piece(NamedTuple):
    """What is written under one number: a track, its frames, and the number of its parent."""

    track: int
    first: int
    last: int
    parent: int


def _pieces(seen: dict[int, list[int]], parents: Mapping[int, int]) -> dict[int, _Piece]:
    """Cut tracks at gaps, and number the pieces."""
    runs = [
        (track, run)
        for track, frames in seen.items()
        for run in np.split(np.array(frames), np.flatnonzero(np.diff(frames) > 1) + 1)
    ]
    runs.sort(key=lambda item: (item[1][0], item[0]))
    highest = max((track for track in seen if track <= _MOST), default=0)
    free = (n for n in (*range(highest + 1, _MOST + 1), *range(1, highest)) if n not in seen)
    numbers: dict[int, list[int]] = {}
    found: dict[int, _Piece] = {}
    for track, run in runs:
        first = int(run[0])
        mothers = numbers.get(parents.get(track, 0), [])  # who are there before their daughters
        earlier = numbers.get(track) or [n for n in mothers if found[n].first < first]
        # With more pieces than numbers nothing is written.
        number = track if track <= _MOST and track not in numbers else next(free, -len(found))
        found[number] = _Piece(track, first, int(run[-1]), earlier[-1] if earlier else 0)
        numbers.setdefault(track, []).append(number)
    return found


def _tell_changed(pieces: Mapping[int, _Piece]) -> None:
    """Warn of tracks none of whose pieces has their number."""
    changed: dict[int, int] = {}
    for number, piece in pieces.items():
        if piece.track > _MOST:
            changed.setdefault(piece.track, number)
    if changed:
        few = [f"{track} as {number}" for track, number in list(changed.items())[:_TOLD]]
        more = f" and {len(changed) - _TOLD} more" if len(changed) > _TOLD else ""
        warnings.warn(
            f"The Cell Tracking Challenge has no numbers above {_MOST}: written were "
            f"{', '.join(few)}{more}.",
            stacklevel=3,
        )


def read_ctc(folder: str | Path) -> tuple[npt.NDArray[np.int32], dict[int, int]]:
    """Read a folder of the Cell Tracking Challenge, results or reference data.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    labels : (T, ...) int32, or int64 where ids are that large
        With the ids of the folder; its first image is frame 0, whatever its number. A track that
        goes on after a gap as the only child of another gets its id.
    parents : dict of int to int

    Raises
    ------
    DataError
        When images or table are missing or cannot be read, an image between others is missing, or
        one is a colour picture.
    """
    source = as_path(folder)
    kinds = [kind for kind in (RESULT, TRUTH) if (source / kind[1]).is_file()]
    if not kinds:
        raise DataError(
            f"{source} is no folder of the Cell Tracking Challenge: it holds neither "
            f"{RESULT[1]} nor {TRUTH[1]}."
        )
    prefix, name = kinds[0]
    files = _images(source, prefix)
    if not files:
        raise DataError(f"{source} holds {name}, but no images {prefix}000.tif, ...")
    there = {number for number, _ in files}
    missing = sorted(set(range(files[0][0], files[-1][0])) - there)
    if missing:
        raise DataError(
            f"{source} lacks the image of frame {missing[0]}, of {len(missing)} in all, between "
            f"others: what follows would lie on wrong frames."
        )
    if len(there) < len(files):
        raise DataError(f"{source} holds several images of one frame: {_twice(files)}.")
    rows = _table(source / name)
    labels = _pixels(source, [path for _, path in files])
    same = _same(rows)
    parents = {
        same.get(i, i): same.get(row[2], row[2])
        for i, row in rows.items()
        if row[2] and same.get(i, i) == i
    }
    _renumber(labels, same)
    return labels, parents


def _renumber(labels: npt.NDArray[np.signedinteger[Any]], kept: Mapping[int, int]) -> None:
    """Give ids others, frame by frame; they may be far apart, so there is no table of all."""
    old = np.array(sorted(kept), labels.dtype)
    new = np.array([kept[one] for one in old.tolist()], labels.dtype)
    for frame in labels if len(old) else ():
        place = np.searchsorted(old, frame).clip(max=len(old) - 1)
        meant = old[place] == frame
        frame[meant] = new[place[meant]]


def _images(folder: Path, prefix: str) -> list[tuple[int, Path]]:
    """List the images of a folder with the number of their frame, in order."""
    return sorted(
        (int(match[1]), path)
        for path in folder.iterdir()
        if (match := re.fullmatch(rf"{prefix}(\d+)\.tif", path.name))
    )


def _twice(files: list[tuple[int, Path]]) -> str:
    """Name the first two files of one frame."""
    pair = next((a, b) for a, b in pairwise(files) if a[0] == b[0])
    return " and ".join(path.name for _, path in pair)


def _pixels(source: Path, files: list[Path]) -> npt.NDArray[np.signedinteger[Any]]:
    """Read the images of all frames together."""
    try:
        found = np.stack([_ids(path) for path in files])
    except (OSError, ValueError) as error:
        raise DataError(f"The images of {source} cannot be read together: {error}.") from error
    if found.dtype.kind not in "iu" or found.min(initial=0) < 0:
        raise DataError(
            f"The images of {source} hold no ids, which are whole numbers from 0: got type "
            f"{found.dtype}."
        )
    if not 3 <= found.ndim <= 4:
        raise DataError(
            f"The images of {source} have to be (H, W) or (Z, H, W), got shape {found.shape[1:]}."
        )
    top = int(found.max(initial=0))
    if top > np.iinfo(np.int64).max:
        raise DataError(f"The images of {source} hold the id {top}, more than 63 bits.")
    return found.astype(np.int32 if top <= np.iinfo(np.int32).max else np.int64)


def _ids(path: Path) -> npt.NDArray[Any]:
    """Read the image of a frame; the channels of a colour picture are no slices."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        first = file.series[0]
        if first.axes.endswith("S"):  # separate colours: so tifffile writes three or four slices
            raise DataError(
                f"{path} is a colour picture, {first.shape}, and holds no ids: save it with one "
                "whole number per pixel, as (H, W) or (Z, H, W)."
            )
        return np.asarray(file.asarray())


def _table(path: Path) -> dict[int, tuple[int, int, int]]:
    """Read ``number first last parent`` lines."""
    rows = {}
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        try:
            number, first, last, parent = (int(word) for word in line.split())
        except ValueError as error:
            if not line.strip():
                continue
            raise DataError(
                f"{path}: expected four whole numbers (track, first, last, parent), got {line!r}."
            ) from error
        if number in rows:
            raise DataError(f"{path}: track {number} has two lines, the second is {line!r}.")
        rows[number] = (first, last, parent)
    return rows


def _same(rows: dict[int, tuple[int, int, int]]) -> dict[int, int]:
    """Return the id that every track which goes on after a gap belongs to."""
    children: dict[int, list[int]] = {}
    for number, (_, _, parent) in rows.items():
        if parent in rows:
            children.setdefault(parent, []).append(number)
    same: dict[int, int] = {}
    for number in sorted(rows, key=lambda n: rows[n][0]):
        first, _, parent = rows[number]
        if parent in rows and children[parent] == [number] and first > rows[parent][1] + 1:
            same[number] = same.get(parent, parent)
    return same
