"""Labels written as the pyramid of an OME-Zarr group, of which memory holds some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["datasets_of", "properties", "write_group"]

_SMALL = 256  # pixels; the pyramid ends when both sides are smaller
_CHUNK = 1024


def datasets_of(shape: tuple[int, ...], scale: Sequence[float]) -> list[dict[str, Any]]:
    """Describe the levels of a pyramid: each takes every second pixel of the one before.

    Parameters
    ----------
    shape : tuple of int
    scale : sequence of float
        Size of a pixel along each axis, at full resolution.
    """
    longest, count = max(shape[-2:]), 1
    while longest >= 2 * _SMALL:
        longest, count = longest // 2, count + 1
    found = []
    for level in range(count):
        steps = [1.0] * (len(shape) - 2) + [2.0**level] * 2
        factors = [size * step for size, step in zip(scale, steps, strict=True)]
        transforms = [{"type": "scale", "scale": factors}]
        found.append({"path": str(level), "coordinateTransformations": transforms})
    return found


def write_group(
    path: Path,
    labels: Any,
    multiscale: dict[str, Any],
    label: dict[str, Any],
    version: int,
    more: dict[str, Any] | None = None,
) -> None:
    """Write labels and their description.

    Parameters
    ----------
    path : Path
    labels : integer array
        Of NumPy, or one that reads what is taken out of it.
    multiscale : dict
        With ``axes`` and the ``datasets`` of `datasets_of`.
    label : dict
        What ``image-label`` says.
    version : {2, 3}
        Of zarr.
    more : dict, optional
        Other attributes of the group.
    """
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=version)  # type: ignore[arg-type]
    spread = {"dimension_names": [axis["name"] for axis in multiscale["axes"]]}
    named: dict[str, Any] = (
        spread if version == 3 else {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
    )
    finer, step = labels, 1
    for dataset in multiscale["datasets"]:
        shape = (*finer.shape[:-2], *(-(-side // step) for side in finer.shape[-2:]))
        chunks = (*[1] * (len(shape) - 2), *(min(_CHUNK, side) for side in shape[-2:]))
        array = group.create_array(
            dataset["path"], shape=shape, dtype=labels.dtype, chunks=chunks, **named
        )
        for where in _bands(shape):
            *leading, rows, columns = where
            fine = (slice(part.start * step, part.stop * step, step) for part in (rows, columns))
            band = np.asarray(finer[(*leading, *fine)])
            if band.any():
                array[where] = band
        finer, step = array, 2
    if version == 3:
        says = {"version": "0.5", "multiscales": [multiscale], "image-label": label}
        group.attrs["ome"] = says  # type: ignore[assignment]
    else:
        group.attrs["multiscales"] = [{"version": "0.4", **multiscale}]
        group.attrs["image-label"] = {"version": "0.4", **label}
    group.attrs.update(more or {})


def _bands(shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """Iterate over what selects a row of chunks of each plane, some columns at a time."""
    height, width = shape[-2:]
    for leading in np.ndindex(*shape[:-2]):
        for top in range(0, height, _CHUNK):
            for left in range(0, width, 4 * _CHUNK):
                yield (
                    *leading,
                    slice(top, min(top + _CHUNK, height)),
                    slice(left, min(left + 4 * _CHUNK, width)),
                )


def properties(tables: Iterable[pd.DataFrame]) -> list[dict[str, Any]]:
    """Describe every object of tables with a column ``label``, as ``image-label`` does."""
    rows = []
    for table in tables:
        for row in table.to_dict("records"):
            known = {str(key): _plain(value) for key, value in row.items() if key != "label"}
            known = {key: value for key, value in known.items() if value is not None}
            rows.append({"label-value": int(row["label"]), **known})
    return rows


def _plain(value: Any) -> Any:
    """Return what JSON can hold; None for what is not known."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)
