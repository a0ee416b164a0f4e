"""Shared libraries that crash each other, kept apart, and one that does not survive a fork.

Mesa, the OpenGL of most Linux desktops and of all machines without a graphics card, loads the
compiler library LLVM. Triton, which torch brings along for graphics cards, holds an LLVM of its
own, and importing it into a process that draws through Mesa ends that process. torchvision imports
Triton, and so does torch when it first optimises, whether or not anything is compiled.

The threads of OpenMP, by which torch computes, are not in a process that was forked: it waits for
them for ever.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

_LOADED = Path("/proc/self/maps")


def keep_triton_out() -> None:
    """Let an import of Triton fail instead of crash, where it would crash.

    torch takes a missing Triton for what it is on Windows and macOS: nothing is compiled, all
    results are the same. Call this before torchvision may be imported for the first time.
    """
    if "triton" in sys.modules or not sys.platform.startswith("linux"):
        return
    try:
        crashes = "libLLVM" in _LOADED.read_text()
    except OSError:
        return
    if crashes:
        # None is what makes an import statement raise ModuleNotFoundError.
        sys.modules["triton"] = None  # type: ignore[assignment]


@functools.cache
def let_forks_compute() -> None:
    """Have processes that are forked from this one compute in one thread, which they have.

    ``multiprocessing`` forks on Linux before Python 3.14, and its pools go on where threads were.
    """
    if not hasattr(os, "register_at_fork"):
        return
    import torch

    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
