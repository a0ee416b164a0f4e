"""Shared libraries that crash each other, kept apart.

Mesa, the OpenGL of most Linux desktops and of all machines without a graphics card, loads the
compiler library LLVM. Triton, which torch brings along for graphics cards, holds an LLVM of its
own, and importing it into a process that draws through Mesa ends that process. torchvision imports
Triton, and so does torch when it first optimises, whether or not anything is compiled.
"""

from __future__ import annotations

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
