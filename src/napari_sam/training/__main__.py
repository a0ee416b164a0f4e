"""The training room's command line: ``python -m napari_sam.training train|evaluate|export``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import fields
from pathlib import Path

from napari_sam.errors import NapariSamError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m napari_sam.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train the cells network, or go on with --resume")
    train.add_argument(
        "--data", type=Path, help="folder of pairs; without it generated images only"
    )
    train.add_argument("--out", type=Path, default=Path("runs/cells"), help="where the run is kept")
    train.add_argument("--resume", action="store_true", help="go on from OUT/last.pt")
    train.add_argument("--start-from", type=Path, help="begin with the weights of a checkpoint")
    train.add_argument(
        "--light",
        action="store_true",
        help="the light network with two views and what goes through slices; --resume knows it",
    )
    train.add_argument(
        "--teacher", type=Path, help="weights whose maps the network learns to reproduce"
    )
    train.add_argument(
        "--distil-minutes", type=float, default=30.0, help="time in which the teacher fades"
    )
    train.add_argument("--minutes", type=float, default=20.0, help="hard limit of this call")
    train.add_argument(
        "--processor-time",
        action="store_true",
        help="minutes of this process on a processor, where others want the machine too",
    )
    train.add_argument("--threads", type=int, default=0, help="0 leaves it to torch")
    train.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    train.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
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
    train.add_argument("--generated", type=int, default=8, help="generated images of each kind")
    train.add_argument(
        "--leave-out",
        nargs="*",
        default=(),
        metavar="NAME",
        help="hold out images whose names begin so, beside the usual ones",
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--nice", type=int, default=10, help="lower the priority by so much")

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

    export = commands.add_parser("export", help="write a checkpoint's weights as fp16 safetensors")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("out", type=Path)
    export.add_argument(
        "--mean-with",
        type=Path,
        metavar="WEIGHTS",
        help="export the mean with the weights that this run started from",
    )
    return parser


def _train(arguments: argparse.Namespace) -> None:
    import torch

    from napari_sam.models.cells.network import LIGHT, CellsNetwork
    from napari_sam.training.checkpoints import code_version, load_checkpoint
    from napari_sam.training.generated import (
        generated_planes,
        generated_slices,
        generated_validation,
    )
    from napari_sam.training.loop import Settings, Trainer
    from napari_sam.training.monitor import monitor_windows
    from napari_sam.training.pairs import data_hash, find_pairs
    from napari_sam.training.sampling import load_planes
    from napari_sam.training.split import split_pairs

    if arguments.nice and hasattr(os, "nice"):
        os.nice(arguments.nice)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    pairs = find_pairs(arguments.data) if arguments.data else []
    training, held = split_pairs(pairs, arguments.leave_out)
    print(f"{len(training)} images to train on, {len(held)} held out")
    seed = 1000 + 100 * arguments.seed
    planes = load_planes(training, print)
    planes += generated_planes(arguments.generated, seed, say=print)
    planes += generated_slices(arguments.generated // 3, seed, say=print)
    images = [
        (pair.family, pair.name, *plane)
        for pair in held[:: max(1, len(held) // 30)]
        for plane in list(pair.planes())[:1]
    ]
    windows = monitor_windows([*images, *generated_validation(1)], arguments.size, per_family=4)
    known = {field.name for field in fields(Settings)}
    chosen = {k: v for k, v in vars(arguments).items() if k in known and v is not None}
    chosen.setdefault("instance_minutes", arguments.minutes / 3)
    facts = {
        "code": code_version(),
        "data_hash": data_hash(pairs) if pairs else "generated",
        "generated_per_kind": arguments.generated,
        "left_out": list(arguments.leave_out),
    }
    last = arguments.out / "last.pt"
    config = LIGHT if arguments.light else {}
    if arguments.resume and last.exists():
        config = load_checkpoint(last)["config"]
    trainer = Trainer(
        planes,
        arguments.out,
        Settings(**chosen),
        facts,
        windows,
        print,
        network=CellsNetwork.of(config),
        teacher=load_checkpoint(arguments.teacher) if arguments.teacher else None,
        clock=time.process_time if arguments.processor_time else time.monotonic,
    )
    if arguments.resume:
        trainer.resume(last)
    elif arguments.start_from:
        trainer.start_from(arguments.start_from)
    trainer.run()


def _evaluate(arguments: argparse.Namespace) -> None:
    from napari_sam import load_model
    from napari_sam.training.evaluation import evaluate_images, table, validation_images, write_rows

    model = load_model(arguments.model, device=arguments.device)
    images = validation_images(
        arguments.data,
        per_family=arguments.per_family,
        per_kind=arguments.generated,
        everything=arguments.all,
    )
    scores = evaluate_images(
        model,
        images,
        objects=arguments.objects,
        baselines=not arguments.no_baselines,
        say=lambda text: print(text, file=sys.stderr),
    )
    text = table(scores)
    print(text)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "table.md").write_text(text + "\n", encoding="utf-8")
        write_rows(scores.objects, arguments.out / "objects.csv")
        write_rows(scores.images, arguments.out / "images.csv")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "train":
            _train(chosen)
        elif chosen.command == "evaluate":
            _evaluate(chosen)
        else:
            from napari_sam.training.checkpoints import between, export_weights, load_checkpoint

            checkpoint, facts = load_checkpoint(chosen.checkpoint), {}
            if chosen.mean_with:
                other = load_checkpoint(chosen.mean_with)
                checkpoint = between(checkpoint, other)
                facts["mean_with_windows_seen"] = other["windows"]
            export_weights(checkpoint, chosen.out, **facts)
            print(chosen.out)
    except (NapariSamError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
