"""What each part of the recipe is worth: short trainings of equal length, one change each.

    python benchmarks/ablations.py --data DATA [--minutes 5] [--out runs/ablations] [--only NAME]
    python benchmarks/ablations.py --data DATA --minutes 9 --generated 10 --unseen

Minutes are processor time of one thread, so that other work on the machine changes nothing. All
runs see the same seeds and are measured on the same validation windows, at the objects' size,
with the network alone (`napari_sam.training.monitor`). What is already in OUT is not run again.
``--unseen`` compares generators: it trains on generated images alone and measures on windows of
all real images.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from napari_sam.models.cells.network import CellsNetwork
from napari_sam.training.crops import AnnotatedPlane, AnnotatedWindow
from napari_sam.training.generated import generated_planes, generated_validation
from napari_sam.training.loop import Trainer
from napari_sam.training.monitor import monitor, monitor_windows
from napari_sam.training.pairs import Pair, find_pairs
from napari_sam.training.sampling import TARGET_DIAMETER, load_planes
from napari_sam.training.settings import RunSettings
from napari_sam.training.split import split_pairs
from napari_sam.training.synthetic import KINDS

COLUMNS = ("ap50", "click", "click_best", "box", "iou_error")


class Nothing(nn.Module):
    """Stands for the drawn prompts of a network that has tokens only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, maps: Tensor) -> Tensor:
        return maps.new_zeros(len(maps), self.channels, *maps.shape[-2:])


def without_maps() -> CellsNetwork:
    network = CellsNetwork()
    _, middle, wide = network.config["widths"][:3]
    network.prompt_encoder.drawn8 = Nothing(wide)
    network.prompt_encoder.drawn4 = Nothing(middle)
    return network


def half_as_wide() -> CellsNetwork:
    return CellsNetwork(widths=(16, 32, 64, 96, 128))


def as_they_are(planes: list[AnnotatedPlane]) -> list[AnnotatedPlane]:
    """Claim that objects have the size which training wants, so that windows keep their scale."""
    return [
        AnnotatedPlane(
            **{
                **vars(plane),
                "diameter": np.full_like(plane.diameter, TARGET_DIAMETER),
                "extent": np.full_like(plane.extent, TARGET_DIAMETER),
            }
        )
        for plane in planes
    ]


@dataclass(frozen=True)
class Variant:
    """One change of the recipe."""

    network: Callable[[], CellsNetwork] = CellsNetwork
    real: bool = True
    generated: bool = True
    looks: bool = True
    warm_up: float = 1 / 3  # share of the time with the instance head alone
    prepare: Callable[[list[AnnotatedPlane]], list[AnnotatedPlane]] = list


VARIANTS = {
    "the recipe": Variant(),
    "encoder half as wide": Variant(network=half_as_wide),
    "no drawn prompts, tokens only": Variant(network=without_maps),
    "generated images only": Variant(real=False),
    "real images only": Variant(generated=False),
    "prompts from the start": Variant(warm_up=0),
    "objects at their own size": Variant(prepare=as_they_are),
}
UNSEEN = {
    "all kinds": Variant(real=False, warm_up=0.4),
    "without `any_look`": Variant(real=False, warm_up=0.4, looks=False),
}


def held_out(pairs: list[Pair]) -> list[tuple[str, AnnotatedWindow]]:
    """Windows of the validation split and of generated images."""
    images = [
        (pair.family, pair.name, *next(iter(pair.planes())))
        for pair in pairs[:: max(1, len(pairs) // 40)]
    ]
    return monitor_windows([*images, *generated_validation(1)], per_family=8)


def some_of_all(pairs: list[Pair], per_family: int = 24) -> list[tuple[str, AnnotatedWindow]]:
    """Windows of all real images."""
    families: dict[str, list[Pair]] = {}
    for pair in pairs:
        families.setdefault(pair.family, []).append(pair)
    images = [
        (pair.family, pair.name, *next(iter(pair.planes())))
        for members in families.values()
        for pair in members[:: max(1, len(members) // per_family)][:per_family]
    ]
    return monitor_windows(images, per_family=per_family)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--generated", type=int, default=8, help="generated images of each kind")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    which.add_argument("--unseen", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pairs = find_pairs(options.data)
    training, held = split_pairs(pairs)
    variants = UNSEEN if options.unseen else {name: VARIANTS[name] for name in options.only}
    windows = some_of_all(pairs) if options.unseen else held_out(held)
    real = load_planes(training, print) if any(v.real for v in variants.values()) else []
    lines = [
        "| | windows seen | AP@.5 | 1 click | best of 3 | box | IoU error | fluorescence AP@.5 |",
        "|" + "---|" * 8,
    ]
    for name, variant in variants.items():
        folder = options.out / "".join(c for c in name.replace(" ", "_") if c.isalnum() or c == "_")
        result = folder / "result.json"
        if not result.exists():
            kinds = KINDS if variant.looks else [kind for kind in KINDS if kind != "any_look"]
            planes = real if variant.real else []
            if variant.generated:
                planes = planes + generated_planes(options.generated, say=print, kinds=kinds)
            settings = RunSettings(
                minutes=options.minutes,
                instance_minutes=variant.warm_up * options.minutes,
                threads=1,
                device="cpu",
            )
            trainer = Trainer(
                variant.prepare(planes),
                folder,
                settings,
                network=variant.network(),
                clock=time.process_time,
            )
            trainer.run()
            network = trainer.network.eval()
            network.load_state_dict(trainer.average.state)
            found = monitor(network, windows)
            result.write_text(json.dumps({"windows": trainer.windows_seen, "found": found}))
        kept = json.loads(result.read_text())
        mean, nuclei = kept["found"]["mean"], kept["found"].get("fluorescence nuclei", {})
        values = [mean[key] for key in COLUMNS] + [nuclei.get("ap50", float("nan"))]
        lines.append(
            f"| {name} | {kept['windows']} | "
            + " | ".join(f"{value:.2f}".replace("0.", ".") for value in values)
            + " |"
        )
        print(lines[-1], flush=True)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
