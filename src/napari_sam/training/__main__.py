"""The training room's command line: ``python -m napari_sam.training train|evaluate|export``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import fields
from typing import TYPE_CHECKING

from napari_sam.errors import NapariSamError
from napari_sam.training.arguments import parser

if TYPE_CHECKING:
    from napari_sam.training.crops import AnnotatedPlane, AnnotatedWindow
    from napari_sam.training.pairs import Pair


def _train(arguments: argparse.Namespace) -> None:
    import torch

    from napari_sam.models.cells.network import ARCHITECTURES, CellsNetwork
    from napari_sam.training.checkpoints import code_version, load_checkpoint
    from napari_sam.training.generated import fresh
    from napari_sam.training.loop import Trainer
    from napari_sam.training.pairs import data_hash, find_pairs
    from napari_sam.training.settings import RunSettings
    from napari_sam.training.split import split_pairs

    if arguments.nice and hasattr(os, "nice"):
        os.nice(arguments.nice)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    pairs = find_pairs(arguments.data) if arguments.data else []
    training, held = split_pairs(pairs, arguments.leave_out)
    print(f"{len(training)} images to train on, {len(held)} held out")
    known = {field.name for field in fields(RunSettings)}
    chosen = {k: v for k, v in vars(arguments).items() if k in known and v is not None}
    chosen.setdefault("instance_minutes", arguments.minutes / 3)
    facts = {
        "code": code_version(),
        "data_hash": data_hash(pairs) if pairs else "generated",
        "generated_per_kind": arguments.generated,
        "left_out": list(arguments.leave_out),
    }
    last = arguments.out / "last.pt"
    config = ARCHITECTURES[arguments.architecture or "second"]
    before = last if arguments.resume else arguments.start_from
    if before and before.exists() and (arguments.resume or not arguments.architecture):
        config = load_checkpoint(before)["config"]
    trainer = Trainer(
        _planes(arguments, training),
        arguments.out,
        RunSettings(**chosen),
        facts,
        _windows(arguments, held),
        print,
        network=CellsNetwork.of(config),
        teacher=load_checkpoint(arguments.teacher) if arguments.teacher else None,
        fresh=fresh if arguments.generated else None,
        clock=time.process_time if arguments.processor_time else time.monotonic,
    )
    if arguments.resume:
        trainer.resume(last)
    elif arguments.start_from:
        trainer.start_from(arguments.start_from)
    trainer.run()


def _planes(arguments: argparse.Namespace, training: list[Pair]) -> list[AnnotatedPlane]:
    """Read and generate all that is trained on."""
    from napari_sam.training.generated import generated_planes, generated_slices
    from napari_sam.training.sampling import load_planes

    seed = 1000 + 100 * arguments.seed
    planes = load_planes(training, print)
    planes += generated_planes(arguments.generated, seed, say=print)
    return planes + generated_slices(max(2, arguments.generated // 3), seed, say=print)


def _windows(arguments: argparse.Namespace, held: list[Pair]) -> list[tuple[str, AnnotatedWindow]]:
    """Cut the windows that the run is looked at by."""
    from napari_sam.training.generated import generated_validation
    from napari_sam.training.monitor import monitor_windows

    images = [
        (pair.family, pair.name, *plane)
        for pair in held[:: max(1, len(held) // 30)]
        for plane in list(pair.planes())[:1]
    ]
    return monitor_windows([*images, *generated_validation(1)], arguments.size, per_family=4)


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
    chosen = parser().parse_args(arguments)
    try:
        if chosen.command == "train":
            _train(chosen)
        elif chosen.command == "evaluate":
            _evaluate(chosen)
        else:
            from napari_sam.training.checkpoints import between, export_weights, load_checkpoint
            from napari_sam.training.reach import measured_ranges

            checkpoint = load_checkpoint(chosen.checkpoint)
            facts: dict[str, object] = {}
            if chosen.mean_with:
                other = load_checkpoint(chosen.mean_with)
                checkpoint = between(checkpoint, other, chosen.share)
                facts["mean_with_windows_seen"] = other["windows"]
                facts["mean_with_share"] = chosen.share
            facts["ranges"] = measured_ranges(checkpoint)
            export_weights(checkpoint, chosen.out, **facts)
            print(chosen.out)
    except (NapariSamError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
