"""What tox does beside its configuration: it says what is large, and spares it where it can.

tox loads this file by itself. PyTorch as PyPI has it for Linux carries libraries for NVIDIA cards,
more than twice the size of all the rest. On a machine without such a card torch and torchvision
come from PyTorch's own index instead, both from there, where that can be reached; else, and on
any other system, from where pip is told to look.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tox.execute.api import StdinSource
from tox.plugin import impl

if TYPE_CHECKING:
    from tox.tox_env.api import ToxEnv

SMALL = "https://download.pytorch.org/whl/cpu"
PATIENCE = 5.0  # seconds
SIZES = {
    True: "PyTorch for processors: about 0.3 GB to download, the environment an estimated 2.5 GB",
    False: "PyTorch with what its system needs; on Linux with libraries for NVIDIA cards: about "
    "3 GB to download, the environment 7.5 GB on disk",
}


def is_small_enough() -> bool:
    """Tell whether PyTorch without libraries for NVIDIA cards does here, and can be had."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False  # there the usual one carries none
    if Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        return False
    if any(os.environ.get(name) for name in ("PIP_INDEX_URL", "PIP_NO_INDEX", "UV_INDEX_URL")):
        return False  # somebody has said where packages come from
    try:
        with urllib.request.urlopen(f"{SMALL}/torch/", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@impl
def tox_on_install(tox_env: ToxEnv, arguments: Any, section: str, of_type: str) -> None:
    """Install torch before the package asks for it, and say how long that takes."""
    if of_type != "package_deps" or not _is_without_torch(tox_env):
        return
    small = is_small_enough()
    logging.warning("%s: %s; some minutes without a word", tox_env.conf.name, SIZES[small])
    if small:
        pip = [tox_env.conf["env_python"], "-I", "-m", "pip", "install", "torch", "torchvision"]
        outcome = tox_env.execute(
            [*pip, "--index-url", SMALL], stdin=StdinSource.OFF, run_id="install_torch"
        )
        if outcome.exit_code:  # then it comes with the rest
            logging.warning("%s: %s does not work: %s", tox_env.conf.name, SMALL, SIZES[False])


def _is_without_torch(tox_env: ToxEnv) -> bool:
    folder = tox_env.conf["env_site_packages_dir"]
    return not (Path(folder) / "torch").exists()
