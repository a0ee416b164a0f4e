"""What each part of the recipe is worth: short trainings of equal length, one change each.

    python benchmarks/ablations.py --data DATA [--minutes 5] [--out runs/ablations] [--only NAME]

Minutes are processor time of one thread, so that other work on the machine changes nothing. All
runs see the same seeds and are measured on the same validation windows, at the objects' size,
with the network alone (`napari_sam.training.monitor`). What is already in OUT is not run again.
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

from napari_sam.models.cells_network import CellsNetwork
from napari_sam.training.crops import Plane
from napari_sam.training.generated import generated_planes, generated_validation
from napari_sam.training.loop import Settings, Trainer
from napari_sam.training.monitor import monitor, monitor_windows
from napari_sam.training.pairs import find_pairs
from napari_sam.training.sampling import TARGET_DIAMETER, load_planes
from napari_sam.training.split import split_pairs

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


def as_they_are(planes: list[Plane]) -> list[Plane]:
    """Claim that objects have the size which training wants, so that windows keep their scale."""
    return [
        Plane(
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
    warm_up: float = 1 / 3  # share of the time with the instance head alone
    prepare: Callable[[list[Plane]], list[Plane]] = list


VARIANTS = {
    "the recipe": Variant(),
    "encoder half as wide": Variant(network=half_as_wide),
    "no drawn prompts, tokens only": Variant(network=without_maps),
    "generated images only": Variant(real=False),
    "real images only": Variant(generated=False),
    "prompts from the start": Variant(warm_up=0),
    "objects at their own size": Variant(prepare=as_they_are),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    training, held = split_pairs(find_pairs(options.data))
    images = [
        (pair.family, pair.name, *next(iter(pair.planes())))
        for pair in held[:: max(1, len(held) // 40)]
    ]
    windows = monitor_windows([*images, *generated_validation(1)], per_family=8)
    real, synthetic = load_planes(training, print), generated_planes(8, say=print)
    lines = [
        "| | windows seen | AP@.5 | 1 click | best of 3 | box | IoU error | fluorescence AP@.5 |",
        "|" + "---|" * 8,
    ]
    for name in options.only:
        variant = VARIANTS[name]
        folder = options.out / name.replace(" ", "_").replace(",", "")
        result = folder / "result.json"
        if not result.exists():
            planes = (real if variant.real else []) + (synthetic if variant.generated else [])
            settings = Settings(
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
