"""What a training run may be told."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RunSettings"]


@dataclass
class RunSettings:
    """What a run may be told; the defaults suit two laptop cores.

    Attributes
    ----------
    minutes : float
        Hard limit of this call.  The learning rate falls to its end by then.
    instance_minutes : float
        Time, resumed runs added up, in which only encoder and instance head learn.
    distil_minutes : float
        Time, resumed runs added up, in which what the teacher says fades to nothing.
    batch, size, prompts : int
        Windows per step, their side in pixels (a multiple of 32), prompts per window.
    prompt_every : int
        Every how many steps prompts are trained too; the others are much cheaper.
    learning_rate : float
    save_every : float
        Minutes between checkpoints: what a kill loses at most.
    look_every : float
        Minutes between measurements on the validation windows.
    device : str
        "auto", "cpu" or "cuda".
    threads : int
    workers : int
        Processes that draw batches, each with generated images of its own; batches are used
        again, turned, where that is too slow. 0 draws them in the process that trains, which
        suits a CPU.
    precision : str
        "auto" (whichever is faster here), "float32" or "bfloat16".
    seed : int
    """

    minutes: float = 20.0
    instance_minutes: float = 7.0
    distil_minutes: float = 30.0
    batch: int = 6
    size: int = 192
    prompts: int = 4
    prompt_every: int = 2
    learning_rate: float = 2.5e-3
    save_every: float = 2.0
    look_every: float = 5.0
    device: str = "auto"
    threads: int = 0
    workers: int = 0
    precision: str = "auto"
    seed: int = 0
