"""What a model needs on this machine: time and memory, measured once, when somebody asks."""

from __future__ import annotations

import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from napari_sam.errors import DataError, ModelError
from napari_sam.models.home import home
from napari_sam.models.zoo import info

_SIDE = 1024  # pixels of the plane that is read


@dataclass(frozen=True)
class Needs:
    """What a model took on a machine.

    Parameters
    ----------
    device : str
    read : float
        Seconds to read a plane of 1024 x 1024 pixels, once it is loaded.
    click : float
        Seconds to answer a click.
    memory : int
        Most bytes that a process with the model took, on the processor's side; 0 where the system
        does not tell.
    """

    device: str
    read: float
    click: float
    memory: int

    @property
    def told(self) -> str:
        """In words.

        Examples
        --------
        >>> Needs("cpu", 3.42, 0.058, 1_240_000_000).told
        '3.4 s a plane, 0.058 s a click, 1.2 GB (cpu)'
        >>> Needs("cpu", 123.4, 0.5, 0).told
        '123 s a plane, 0.5 s a click (cpu)'
        """
        memory = f", {self.memory / 1e9:.1f} GB" if self.memory else ""
        read, click = _seconds(self.read), _seconds(self.click)
        return f"{read} a plane, {click} a click{memory} ({self.device})"


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 10 else f"{value:.2g} s"


def known(name: str) -> Needs | None:
    """Return what was measured of a model on this machine, or None."""
    row: Any = _rows().get(_key(name))
    try:
        return Needs(
            str(row["device"]), float(row["read"]), float(row["click"]), int(row["memory"])
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def measure(name: str, device: str = "auto") -> Needs:
    """Measure what a model needs, in a process of its own, and remember it.

    Parameters
    ----------
    name : str
        One that is here.
    device : str

    Raises
    ------
    ModelError
        When it is not here, or memory does not suffice.
    DataError
        When what was measured cannot be written.
    UnknownModelError, CheckpointError, DeviceError
    """
    # Here, because the panel reads what was measured.
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    if not info(name).ready:
        raise ModelError(
            f"The model {name!r} is not downloaded yet: napari-sam models download {name}"
        )
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            found = pool.submit(_measured, name, device).result()
    except BrokenProcessPool as error:
        raise ModelError(
            f"The process with the model {name!r} was ended by the system: there is not enough "
            "memory for it. Choose a smaller model."
        ) from error
    _remember(name, found)
    return found


def _measured(name: str, device: str) -> Needs:
    """Load a model and use it, in a process that does nothing else."""
    import numpy as np

    from napari_sam.models.load import load
    from napari_sam.prompts import Prompt

    model = load(name, device)
    plane = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE), dtype=np.uint8)
    prompt = Prompt(points=[(_SIDE / 2, _SIDE / 2)])
    model.predict(model.encode(plane[:64, :64]), Prompt(points=[(32, 32)]))  # what is made once
    began = time.perf_counter()
    embedding = model.encode(plane)
    read = time.perf_counter()
    model.predict(embedding, prompt)
    return Needs(model.device, read - began, time.perf_counter() - read, _peak())


def _peak() -> int:
    """Return the most bytes that this process has taken; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _remember(name: str, found: Needs) -> None:
    from napari_sam.files import in_one_piece

    rows = {**_rows(), _key(name): asdict(found)}
    try:
        with in_one_piece(_path()) as temporary:
            temporary.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{name!r} took {found.told}, but that cannot be written to {_path()} "
            f"({error.strerror}). Set NAPARI_SAM_HOME to a folder that you may write to."
        ) from error


def _path() -> Path:
    return home() / "needs.json"


def _key(name: str) -> str:
    return f"{name} on {platform.node()}"  # several machines may share the folder


def _rows() -> dict[str, Any]:
    """Read what is remembered; nothing where that cannot be read, as it can be measured anew."""
    try:
        rows = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return rows if isinstance(rows, dict) else {}
