"""What napari's own tools paint, in napari's words and in ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.labels.runs import Runs

Flat = npt.NDArray[np.int64]


def painted(shape: Sequence[int], atoms: Sequence[Any]) -> Runs:
    """Read one step of napari's history.

    Parameters
    ----------
    shape : sequence of int
        Of the labels.
    atoms : sequence
        What a paint event brings: strokes that were painted one over the other, each with the
        pixels before it.
    """
    parts = [_atom(tuple(shape), atom) for atom in atoms]
    if not parts:
        return Runs.none(shape)
    flat, before, after = (np.concatenate(values) for values in zip(*parts, strict=True))
    # A pixel that was painted twice was before as the first stroke found it.
    unique, first = np.unique(flat, return_index=True)
    last = len(flat) - 1 - np.unique(flat[::-1], return_index=True)[1]
    return Runs.of_flat(shape, unique, before[first], after[last])


def _atom(shape: tuple[int, ...], atom: Any) -> tuple[Flat, Flat, Flat]:
    """Read which pixels a stroke has changed, from what and to what."""
    if hasattr(atom, "slice_key"):
        block = [part.indices(size)[:2] for part, size in zip(atom.slice_key, shape, strict=True)]
        extent = tuple(stop - start for start, stop in block)
        mask = np.ones(extent, bool) if atom.mask is None else np.asarray(atom.mask)
        places = np.nonzero(mask)
        indices = tuple(at + start for at, (start, _) in zip(places, block, strict=True))
        old = np.asarray(atom.old_values).ravel()
        new = atom.new_value
    else:
        indices, old, new = atom
        indices = np.broadcast_arrays(*(np.asarray(axis) for axis in indices))
        old = np.asarray(old).ravel()
    wrapped = tuple(
        np.asarray(axis).ravel() % size for axis, size in zip(indices, shape, strict=True)
    )
    flat = np.ravel_multi_index(wrapped, shape).astype(np.int64)
    return (
        flat,
        old.astype(np.int64),
        np.broadcast_to(np.asarray(new).ravel().astype(np.int64), flat.shape),
    )


def as_napari_keeps_it(runs: Runs, dtype: Any) -> list[Any]:
    """Write a change as one step of napari's history."""
    values = (runs.each(ids).astype(dtype) for ids in (runs.before, runs.after))
    return [(np.unravel_index(runs.flat(), runs.shape), *values)]
