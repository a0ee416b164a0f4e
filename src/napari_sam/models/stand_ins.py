"""Training checkpoints of micro-sam: their weights, without what lies beside them.

``torch_em`` pickles the trainer's loaders, losses and settings with the weights. None of it is
needed, and none of it is made: each such name gets a stand-in that takes whatever it is called
with and does nothing, in PyTorch's own reader of weights, which calls nothing else.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

#: Who writes such checkpoints: without one of them a file has no business to hold more.
_WRITERS = ("torch_em.", "micro_sam.")
#: What they are known to put beside the weights.
_BESIDE = (
    *_WRITERS,
    "__main__.",
    "_codecs.encode",
    "builtins.complex",
    "builtins.frozenset",
    "builtins.range",
    "builtins.set",
    "builtins.slice",
    "collections.defaultdict",
    "copyreg._reconstructor",
    "elf.",
    "functools.partial",
    "kornia.",
    "numpy.",
    "pathlib.",
    "skimage.",
    "torch.nn.",
    "torch.optim.",
    "torch.utils.data.",
    "torchvision.",
)


class _StandIn:
    """Takes anything and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _StandIn:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


def stand_ins(path: Path) -> list[Any]:
    """Name what stands in for all but the weights of a training checkpoint.

    Parameters
    ----------
    path : Path
        A zip archive of PyTorch's that its reader of weights refuses.

    Returns
    -------
    list
        For ``torch.serialization.safe_globals``; empty if it is no such checkpoint, or holds
        anything else.
    """
    unsafe = getattr(torch.serialization, "get_unsafe_globals_in_checkpoint", None)
    if unsafe is None or not zipfile.is_zipfile(path):
        return []  # PyTorch before 2.6 has nobody to stand in
    names = unsafe(path)
    written_by_them = any(name.startswith(_WRITERS) for name in names)
    if not written_by_them or not all(name.startswith(_BESIDE) for name in names):
        return []
    return [(_StandIn, name) for name in names]
