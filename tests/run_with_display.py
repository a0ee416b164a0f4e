"""Run Python with the given arguments under a display, starting a virtual one if there is none.

    python tests/run_with_display.py -m pytest

On Linux it first looks for the system libraries that Qt loads, and names what is missing with
the command that installs it: Qt itself would abort without a word that helps.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

SCREEN = "-screen 0 1600x1000x24"
LIBRARIES = (
    "libGL.so.1",
    "libEGL.so.1",
    "libX11-xcb.so.1",
    "libdbus-1.so.3",
    "libfontconfig.so.1",
    "libxcb-cursor.so.0",
    "libxcb-icccm.so.4",
    "libxcb-image.so.0",
    "libxcb-keysyms.so.1",
    "libxcb-randr.so.0",
    "libxcb-render-util.so.0",
    "libxcb-shape.so.0",
    "libxcb-xkb.so.1",
    "libxkbcommon-x11.so.0",
)


def missing_libraries() -> list[str]:
    """List the shared libraries of Qt's xcb platform that the system lacks."""
    missing = []
    for name in LIBRARIES:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing


def main(arguments: list[str]) -> int:
    """Run, and return the exit code of the run."""
    command = [sys.executable, *arguments]
    if sys.platform.startswith("linux"):
        lacking = missing_libraries()
        has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
        if not has_display:
            lacking += [tool for tool in ("xvfb-run", "xauth") if shutil.which(tool) is None]
        if lacking:
            script = Path(__file__).with_name("system_libraries.sh")
            print(
                "The tests open real windows, and this machine lacks what that needs:\n"
                f"    {', '.join(lacking)}\n"
                "On Debian or Ubuntu, install it with:\n"
                f"    sudo bash {script}\n"
                "Elsewhere, install the packages that hold these files.",
                file=sys.stderr,
            )
            return 1
        if not has_display:
            command = ["xvfb-run", "--auto-servernum", "--server-args", SCREEN, *command]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
