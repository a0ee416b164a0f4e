"""The arguments of the training room's commands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["parser"]


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``python -m napari_sam.training``."""
    whole = argparse.ArgumentParser(
        prog="python -m napari_sam.training",
        description="Train, measure and export the network of 'cells'.",
    )
    commands = whole.add_subparsers(dest="command", required=True)
    _add_train(commands)
    _add_evaluate(commands)
    _add_export(commands)
    return whole


def _add_train(commands: Any) -> None:
    train = commands.add_parser("train", help="train the cells network, or go on with --resume")
    train.add_argument(
        "--data", type=Path, help="folder of pairs; without it generated images only"
    )
    train.add_argument("--out", type=Path, default=Path("runs/cells"), help="where the run is kept")
    train.add_argument("--resume", action="store_true", help="go on from OUT/last.pt")
    train.add_argument("--start-from", type=Path, help="begin with the weights of a checkpoint")
    train.add_argument(
        "--architecture",
        choices=("first", "second", "light"),
        help="default: that of the weights to start from, else second, which is shipped; "
        "first: one view, one slice; light: half the arithmetic",
    )
    train.add_argument(
        "--teacher", type=Path, help="weights whose maps the network learns to reproduce"
    )
    train.add_argument(
        "--distil-minutes", type=float, default=30.0, help="time in which the teacher fades"
    )
    _add_machine(train)
    train.add_argument("--batch", type=int, default=6, help="windows per step")
    train.add_argument("--prompts", type=int, default=4, help="prompts for each window")
    train.add_argument(
        "--prompt-every", type=int, default=2, help="every how many steps prompts are trained too"
    )
    train.add_argument("--size", type=int, default=192, help="side of a window, a multiple of 32")
    train.add_argument("--learning-rate", type=float, default=2e-3)
    train.add_argument(
        "--instance-minutes",
        type=float,
        default=None,
        help="time for encoder and instance head alone; default a third",
    )
    train.add_argument(
        "--look-every", type=float, default=5.0, help="minutes between looks at validation"
    )
    train.add_argument(
        "--generated",
        type=int,
        default=8,
        help="generated images of each kind to start with; new ones come while it runs",
    )
    train.add_argument(
        "--leave-out",
        nargs="*",
        default=(),
        metavar="NAME",
        help="hold out images whose names begin so, beside the usual ones",
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--nice", type=int, default=10, help="lower the priority by so much")


def _add_machine(train: Any) -> None:
    """How long a run may take, and of what."""
    train.add_argument("--minutes", type=float, default=20.0, help="hard limit of this call")
    train.add_argument(
        "--processor-time",
        action="store_true",
        help="minutes of this process on a processor, where others want the machine too",
    )
    train.add_argument("--threads", type=int, default=0, help="0 leaves it to torch")
    train.add_argument(
        "--workers",
        type=int,
        default=0,
        help="processes that draw windows, for a GPU that learns faster than one can draw",
    )
    train.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    train.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))


def _add_evaluate(commands: Any) -> None:
    test = commands.add_parser("evaluate", help="measure a model and classical baselines")
    test.add_argument("--data", type=Path, help="folder of pairs; without it generated images only")
    test.add_argument("--model", default="cells", help="a name from the zoo or a checkpoint")
    test.add_argument("--all", action="store_true", help="all pairs, not only the validation split")
    test.add_argument("--objects", type=int, default=6, help="prompted objects per image")
    test.add_argument("--per-family", type=int, help="at most so many real images of each family")
    test.add_argument("--generated", type=int, default=3, help="generated images of each kind")
    test.add_argument("--no-baselines", action="store_true")
    test.add_argument("--device", default="auto")
    test.add_argument("--out", type=Path, help="folder for the table and the raw results")


def _add_export(commands: Any) -> None:
    export = commands.add_parser("export", help="write a checkpoint's weights as fp16 safetensors")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("out", type=Path)
    export.add_argument(
        "--mean-with",
        type=Path,
        metavar="WEIGHTS",
        help="export the mean with other weights that it grew out of, or that grew out of the same",
    )
    export.add_argument(
        "--share", type=float, default=0.5, help="how much the other weights count in the mean"
    )
