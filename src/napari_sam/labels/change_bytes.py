"""Changes as bytes, so that they can be kept on disk and read by a later version.

One record is a zip of arrays: the runs, and one JSON text for everything else. Nothing in it is
code. Values that JSON has no word for, in columns of a person's own, are written as text; logits
of prompts in half precision.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.errors import DataError
from napari_sam.images import Plane
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.rows import RowChange
from napari_sam.labels.runs import Runs
from napari_sam.prompts import Placed, Prompt
from napari_sam.regions import Region

VERSION = 1

_RUNS = ("start", "length", "before", "after")


def to_bytes(change: Change) -> bytes:
    """Write a change.

    Returns
    -------
    bytes
        Of `VERSION`, compressed; a cell of a thousand pixels takes about a kilobyte.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name in _RUNS:
        values = getattr(change.pixels, name)
        # Differences of starts are small numbers, and compress well.
        arrays[name] = np.diff(values, prepend=0) if name == "start" else values
    text = {
        "version": VERSION,
        "told": change.told,
        "kind": change.kind,
        "when": change.when,
        "shape": change.pixels.shape,
        "rows": None if change.rows is None else _rows_out(change.rows),
        "origin": None if change.origin is None else _origin_out(change.origin, arrays),
    }
    arrays["text"] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    stream = io.BytesIO()
    save: Any = np.savez_compressed  # whose stubs take array names for options
    save(stream, **arrays)
    return stream.getvalue()


def from_bytes(record: bytes) -> Change:
    """Read a change.

    Raises
    ------
    DataError
        When the record is damaged, or of a version that is not known.
    """
    try:
        with np.load(io.BytesIO(record), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        text = json.loads(arrays["text"].tobytes())
        if text["version"] != VERSION:
            raise DataError(
                f"This record is of version {text['version']}, but {VERSION} is known. Update "
                "the plugin to read it."
            )
        runs = {name: arrays[name].astype(np.int64) for name in _RUNS}
        runs["start"] = np.cumsum(runs["start"])
        return Change(
            text["told"],
            Runs(tuple(text["shape"]), **runs),
            None if text["rows"] is None else _rows_in(text["rows"]),
            text["kind"],
            None if text["origin"] is None else _origin_in(text["origin"], arrays),
            text["when"],
        )
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"This record of a change is damaged ({error}).") from error


# -- rows ----------------------------------------------------------------------------------------


def _rows_out(rows: RowChange) -> dict[str, Any]:
    return {
        "ids": rows.ids,
        "before": table_out(rows.before),
        "after": table_out(rows.after),
        "before_at": rows.before_at.tolist(),
        "after_at": rows.after_at.tolist(),
        "added": [str(name) for name in rows.added],
        "types": [[at, str(name), str(dtype)] for at, name, dtype in rows.types],
    }


def _rows_in(text: dict[str, Any]) -> RowChange:
    types = []
    for at, name, dtype in text["types"]:
        try:
            types.append((int(at), name, pd.api.types.pandas_dtype(dtype)))
        except TypeError:  # a type of another library: the values stay as they are
            continue
    return RowChange(
        tuple(text["ids"]),
        table_in(text["before"]),
        table_in(text["after"]),
        np.array(text["before_at"], np.intp),
        np.array(text["after_at"], np.intp),
        tuple(text["added"]),
        tuple(types),
    )


def table_out(table: pd.DataFrame) -> list[list[Any]]:
    """Write a table as columns: name, type, values; no value where none is."""
    columns = []
    for k, name in enumerate(table.columns):
        column = table.iloc[:, k]
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
            values = [None if value != value else value for value in column.tolist()]
        else:
            values = [
                None if missing else _plain(value)
                for value, missing in zip(column.astype(object), column.isna(), strict=True)
            ]
        columns.append([str(name), str(column.dtype), values])
    return columns


def table_in(columns: list[list[Any]]) -> pd.DataFrame:
    """Read a table that `table_out` wrote."""
    table = pd.DataFrame({k: _column(*column[1:]) for k, column in enumerate(columns)})
    table.columns = pd.Index([name for name, _, _ in columns])
    return table


def _column(dtype: str, values: list[Any]) -> Any:
    """Make a column of a type again; the types of nearly all columns without pandas' detours."""
    if dtype == "float64":
        values = [np.nan if value is None else value for value in values]
    if dtype == "object" or (dtype in ("float64", "int64", "bool") and None not in values):
        try:
            return _array(values, dtype)
        except (TypeError, ValueError, OverflowError):
            pass
    column = pd.Series(values, dtype=object)
    try:
        return column.astype(dtype)
    except (TypeError, ValueError):
        return column


def _array(values: list[Any], dtype: str) -> npt.NDArray[Any]:
    array = np.empty(len(values), dtype)
    array[:] = values
    return array


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | float | str):
        return value
    return str(value)


# -- origins -------------------------------------------------------------------------------------


def _origin_out(origin: Origin, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    prompts = []
    for number, prompt in enumerate(origin.prompts):
        region = prompt.region
        if region is not None:
            arrays[f"mask_{number}"] = np.packbits(region.mask)
        if prompt.logits is not None:
            arrays[f"logits_{number}"] = np.asarray(prompt.logits, np.float16)
        prompts.append(
            {
                "points": prompt.points.tolist(),
                "labels": np.asarray(prompt.labels).tolist(),
                "boxes": prompt.boxes.tolist(),
                "window": prompt.window,
                "text": prompt.text,
                "strokes": [line.tolist() for line in prompt.strokes],
                "stroke_labels": np.asarray(prompt.stroke_labels).tolist(),
                "mask": prompt.mask_shape,
                "box": None if region is None else region.box,
            }
        )
    plane = origin.plane
    return {
        "model": origin.model,
        "choices": origin.choices,
        "by_hand": origin.by_hand,
        "method": origin.method,
        "options": dict(origin.options),
        "plane": None if plane is None else [plane.axes, plane.index, plane.shape],
        "prompts": prompts,
    }


def _origin_in(text: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Origin:
    prompts = []
    for number, told in enumerate(text["prompts"]):
        shape = told["mask"]
        mask = None
        if shape is not None:
            r0, c0, r1, c1 = told["box"]
            bits = np.unpackbits(arrays[f"mask_{number}"], count=(r1 - r0) * (c1 - c0))
            part = bits.reshape(r1 - r0, c1 - c0).astype(bool)
            mask = Placed(Region.of(part, r0, c0), tuple(shape))
        logits = arrays.get(f"logits_{number}")
        prompts.append(
            Prompt(
                points=told["points"],
                labels=told["labels"] or None,
                boxes=told["boxes"],
                mask=mask,
                logits=None if logits is None else logits.astype(np.float32),
                window=None if told["window"] is None else tuple(told["window"]),
                text=told["text"],
                strokes=told["strokes"],
                stroke_labels=told["stroke_labels"] or None,
            )
        )
    place = text["plane"]
    plane = None if place is None else Plane(*(tuple(part) for part in place))
    return Origin(
        *(plane, tuple(prompts), text["model"]),
        choices=tuple(text["choices"]),
        by_hand=text["by_hand"],
        method=text["method"],
        options=text["options"],
    )
