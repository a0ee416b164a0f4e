"""Values that a function may be handed by mistake or on purpose, by the kind of its argument.

Each kind has values that must be refused with an error of the package's own, and odd ones that
may be worked with: the call then ends, in time, with a result or with such an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NAN, INF = float("nan"), float("inf")


class Broken:
    """What fails when it is read as an array."""

    shape = (8, 8)
    dtype = np.dtype(np.uint8)
    ndim = 2

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise KeyError("cannot be read")

    def __getitem__(self, item: Any) -> Any:
        raise KeyError("cannot be read")


@dataclass(frozen=True)
class Value:
    """One hostile value: a new one for every call, since a call may change what it is given."""

    make: Callable[[], Any]
    refused: bool
    words: str


def _values(refused: bool, *made: Any) -> list[Value]:
    return [
        Value(make, refused, _words(make))
        for make in (one if callable(one) else (lambda one=one: one) for one in made)
    ]


def _words(make: Callable[[], Any]) -> str:
    value = make()
    if isinstance(value, Broken):
        return "what cannot be read"
    if isinstance(value, np.ndarray) and value.size > 8:
        return f"{value.dtype} {value.shape}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def array(shape: tuple[int, ...], dtype: Any = np.float64, fill: Any = 1) -> Callable[[], Any]:
    """Make arrays of one value."""
    return lambda: np.full(shape, fill, dtype)


NEVER = _values(
    True,
    "text",
    b"bytes",
    {},
    {"a": 1},
    object(),
    1j,
    10**400,
    [[1, 2], [3]],
    [None, object()],
    Broken,
    (lambda: np.ma.masked_array([[1.0, 2.0]], [[True, False]])),
    (lambda: np.array([["a", "b"], ["c", "d"]])),
    (lambda: np.array([[None, 1], [2, "x"]], object)),
    (lambda: np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")),
    (lambda: np.array([3, 4], "timedelta64[D]")),
    array((2, 2), np.complex64),
    (lambda: np.zeros(3, [("a", int), ("b", float)])),
)
NO_NUMBER = [*NEVER, *_values(True, NAN, INF, -INF, [NAN], array((8, 8), fill=NAN))]

_REFUSED: dict[str, list[Any]] = {
    "places": [5, (1, 2, 3), [(1, NAN)], [(1, INF)], [(1e308, 1)], [(True, False)], [[[1, 2]]]],
    "boxes": [5, (1, 2), [(1, 1, 1, 1)], [(0, 0, NAN, 5)], [(0, 0, 1e308, 1e308)],
              [(0, 0, INF, 9)]],
    "labels01": [2, [2], [1, 0, 1, 1], [NAN], [-1], ["1"], [[1]]],
    "plane mask": [5, [1, 0], array((8, 8), bool, False), array((2, 8, 8), bool), array((0, 0))],
    "logits": [5, array((4,)), array((0, 4)), array((4, 4), fill=INF), array((4, 4), fill=1e300)],
    "window": [5, (1, 2, 3), (9, 9, 1, 1), (0, 0, 0, 0), (0, 0, NAN, 9), (0, 0, 1e308, 1e308)],
    "shape": [5, (5,), (0, 5), (-5, 5), (5, 5, 5), (5.5, 5), (10**9, 10**9), ("a", "b"), (NAN, 5)],
    "image": [5, None, [], array((5,)), array((0, 5)), array((5, 0, 3)), array((8, 8), complex)],
    "pixels": [5, None, [], array((0, 5)), array((8, 8), complex)],
    "stack": [5, None, array((8, 8)), array((8, 8), bool), array((8, 8), fill=NAN)],
    "labels": [5, None, array((8, 8)), array((8, 8), bool), array((5,), int),
               array((8, 8), fill=NAN)],
    "stack of images": [5, None, [], array((5,)), array((2, 0, 5)), array((3, 8, 8), complex)],
    "stack of labels": [5, None, array((3, 8, 8)), array((5,), int), array((3, 8, 8), int, -1),
                        array((3, 8, 8), fill=NAN), array((3, 8, 8), bool)],
    "prompts": [5, None, {}, [], {0: "here"}, {99: array((64, 80), bool)()}, {0: None},
                {"a": array((64, 80), bool)()}, {0: array((3, 3), bool)()}, {-9: None}],
    "spacing": [5, (1, 1), (0, 1, 1), (-1, 1, 1), (NAN, 1, 1), (1, 1, 1, 1), ("a", "b", "c")],
    "written labels": [5, None, array((8, 8), fill=0.5), array((5,), int), array((0, 5), int)],
    "mask": [5, None, array((8, 8)), array((3, 4), bool), array((64, 80), int),
             array((64, 80, 2), bool)],
    "region": [5, array((8, 8)), array((3, 4), bool), array((64, 80), int)],
    "ids": [5, None, ["1"], [1.5], [-1], [NAN], [INF], [True], [2**70], [[1]]],
    "id": [None, -1, 0, 1.5, 2**70, True, [1]],
    "line": [None, 5, [(1, 2)], [(1, 2, 3), (4, 5, 6)], [(4, 4), (4, -1e155)], [(4, 4), (NAN, 4)],
             [(0, 0)] * 20_000],
    "id or 0": [None, -1, 1.5, 2**70, True, [1]],
    "place": [None, 5, (1,), (1, 2, 3), (NAN, 1), (1e308, 1), [(1, 2), (3, 4)]],
    "share": [None, -0.1, 1.1, -1e308, True, [0.5]],
    "length": [0, -1, -1e308, True, [5], (5,)],
    "count": [-1, 1.5, True, [5], -(10**30)],
    "limits": [5, (1,), (1, 2, 3), (5, 5), (9, 1), (0, NAN), (-INF, 0), (-1e308, 1e308), (None, 1)],
    "word": [5, "", "KEEP", None, ["keep"], "unknown option"],
    "flag": [None, 2, [], array((8, 8), bool)],
    "flag or none": [2, [], array((8, 8), bool)],
    "words": [5, None, ["cells"]],
    "words or none": [5, ["cells"]],
    "model": [5, None, "", "a" * 300, "no such model", "no/such.pth", "cells\0", ["cells"], -1,
              Path("no such file.safetensors")],
    "device": [5, None, "", "tpu", "cuda:99", "cpu:99", "meta", ["cpu"]],
    "progress": [5, None, [1]],
    "pixel size": [5, (1, 1), "1 um"],
    "table": [5, [1], array((3, 3))],
    "examples": [5, None, [], "1", array((8, 8), int), array((64, 80), int, 0),
                 array((64, 80), fill=0.5), array((64, 80), int, -1)],
    "classes": [5, None, {}, [1], {1: 5}, {1: ""}, {"a": "x"}, {99: "x"}, {0: "x"}, {1: None}],
    "scores": [5, [0.5], {"a": 0.5}, {1: "good"}, {1: INF}],
    "options": [5, None, (0.5,)],
    "path": [5, None, [1]],
    "whole or none": [-1, 0.5, True, "5", [5]],
}  # fmt: skip

_ODD: dict[str, list[Any]] = {
    "places": [None, (), [], (1e9, 1e9), [(-5, -5)], array((50, 2)), array((1, 2), np.float16)],
    "boxes": [None, (), [(1e8, 1e8, 1e9, 1e9)], [(-1e9, -1e9, 1e9, 1e9)], [(0, 0, 1e-300, 1e-300)],
              [(5, 5, 5 + 1e-12, 9)]],
    "labels01": [None, True, [1.0], np.uint8(1)],
    "plane mask": [None, array((1, 1)), array((64, 80), np.int8), array((64, 80), fill=1e308)],
    "logits": [None, array((1, 1)), array((1, 99)), array((256, 256), fill=-3e38), array((32, 32))],
    "window": [None, (0, 0, 1e-9, 1e-9), (-1e9, -1e9, 1e9, 1e9), (5, 5, 6, 6)],
    "shape": [(1, 1), (1, 9), (64.0, 80.0), [64, 80]],
    "image": [array((1, 1)), array((1, 300)), array((3, 3, 3)), array((8, 8), fill=NAN),
              array((8, 8), fill=INF), array((8, 8), fill=1e308), array((8, 8), bool),
              array((8, 8), ">u2"), array((8, 8), np.longdouble), array((8, 8), np.float16),
              array((8, 8), np.int64, -(2**63)), array((8, 8), np.uint64, 2**64 - 1),
              (lambda: np.indices((64, 80))[0][::-1, ::-2]), [[1, 2], [3, 4]],
              (lambda: np.where(np.eye(9), NAN, np.eye(9)))],
    "pixels": [array((5,)), array((8, 8), fill=NAN), array((2, 3, 4, 5))],
    "stack": [array((3, 8, 8), int), array((5,), int), array((0,), np.uint8)],
    "labels": [array((1, 1), int), array((0, 0), int), array((8, 8), ">u2"), array((8, 8), np.int8),
               array((8, 8), np.uint64, 2**64 - 1), array((8, 8), int, 2**62), [[1, 2], [3, 4]],
               array((8, 8), int, -1)],
    "stack of images": [array((2, 8, 8), fill=NAN), array((1, 64, 80)), array((2, 8, 8), bool)],
    "stack of labels": [array((1, 8, 8), int), array((2, 8, 8), ">u2"), array((0, 8, 8), int)],
    "prompts": [{0: array((64, 80), bool)()}, {2: array((64, 80), int)()}],
    "spacing": [None, (1e-9, 1, 1), (1e9, 1, 1), [2, 1, 1]],
    "written labels": [array((8, 8), bool), array((8, 8)), array((3, 8, 8), int),
                       array((8, 8), ">u2"), array((8, 8), int, 2**40), array((1, 1), np.int8)],
    "mask": [array((64, 80), bool), array((64, 80), bool, False)],
    "region": [None, array((64, 80), bool)],
    "ids": [(), [0], [99], [2**62], {1, 2}, [1, 1]],
    "id": [2**31, 99, 1.0, np.uint8(3)],
    "line": [[(0, 0), (1e9, 1e9)], [(-1e9, 20), (1e9, 20)], [(20, -5), (20, 85)], [(5, 5), (5, 5)]],
    "id or 0": [0, 99, np.uint8(3)],
    "place": [(-5, -5), (1e9, 1e9), (20.4, 20.4), [20, 20]],
    "share": [0, 1, 0.5, np.float32(0.5)],
    "length": [None, 1e-300, 1e300, 1e-3, 1e6, np.float32(9)],
    "count": [0, 1, 4.0, 10**18],
    "limits": [None, (0, 1e-300), (0, 1e300), [0, 255], (-1, 1)],
    "word": [],
    "flag": [True, np.True_],
    "flag or none": [None, True, np.True_],
    "words": ["", "µ" * 1000],
    "words or none": [None, "µ" * 1000],
    "model": [],
    "device": ["auto", "cpu"],
    "progress": [],
    "pixel size": [None],
    "table": [None],
    "examples": [array((64, 80), bool, True), [array((64, 80), bool, True)()]],
    "classes": [{1: "one class"}, {1: " x "}, {2**40: "x", 1: "x"}],
    "scores": [None, {}, {1: NAN}, {99: 0.5}],
    "options": [],
    "path": [],
    "whole or none": [None, 0, 5, 10**12, 4.0],
}  # fmt: skip

# What some kinds have a use for, and others must refuse.
_FINE = {
    "words": {"'text'"},
    "words or none": {"'text'"},
    "path": {"'text'", "b'bytes'"},
    "scores": {"{}"},
    "ids": {"{}"},
    "places": {"{}"},
}
KINDS = tuple(_REFUSED)


def values(kind: str) -> list[Value]:
    """List the hostile values of a kind of argument."""
    base = NEVER if kind in ("image", "pixels", "scores") else NO_NUMBER
    fine = _FINE.get(kind, set())
    return [
        *(value for value in base if value.words not in fine),
        *_values(True, *_REFUSED[kind]),
        *_values(False, *_ODD[kind]),
    ]
