"""A small file of random weights of each family, and a search that suits it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hq_reference import lively
from napari_sam.methods.concept_options import ConceptOptions
from napari_sam.methods.options import CellOptions
from napari_sam.methods.settings import Settings
from sam_prompts import picture

IMAGE = picture((60, 80), 2)
#: Whatever random weights answer is kept, and few points are asked.
EVERYTHING = Settings(
    points_per_side=3, ask_at="grid", pred_iou_thresh=0.0, stability_score_thresh=0.0
)


def _sam(folder: Path) -> Path:
    from tiny_sam import tiny_network

    path = folder / "sam.pth"
    torch.save(tiny_network(4).state_dict(), path)
    return path


def _micro_sam(folder: Path) -> Path:
    from micro_sam_files import write

    return write(folder / "vit_b_lm.pt", "beside")


def _mobile_sam(folder: Path) -> Path:
    from napari_sam.models.mobile_sam.tiny_vit import TinyVit
    from napari_sam.models.sam.network import around
    from tiny_vit import SMALL

    torch.manual_seed(0)
    path = folder / "mobile_sam.pt"
    torch.save(lively(around(TinyVit(SMALL), SMALL)).state_dict(), path)
    return path


def _hq_sam(folder: Path) -> Path:
    from napari_sam.models.hq_sam.network import add_detail
    from napari_sam.models.sam.network import build
    from tiny_sam import TINY

    path = folder / "sam_hq.pth"
    torch.save(lively(add_detail(build(TINY), TINY.width)).state_dict(), path)
    return path


def _sam2(folder: Path) -> Path:
    from tiny_sam2 import tiny_network

    tiny_network().save_pretrained(folder / "sam2")
    return folder / "sam2" / "model.safetensors"


def _edgetam(folder: Path) -> Path:
    from tiny_edgetam import save

    return save(folder / "edgetam")


def _sam3(folder: Path) -> Path:
    from tiny_sam3 import save, tiny_network

    (folder / "sam3").mkdir()
    return save(tiny_network(), folder / "sam3")


#: What writes a file, and the options of a search, by the family's name.
FAMILIES: dict[str, tuple[Callable[[Path], Path], Any]] = {
    "sam": (_sam, EVERYTHING),
    "micro_sam": (_micro_sam, CellOptions(sensitivity=0.5, min_area=1)),
    "mobile_sam": (_mobile_sam, EVERYTHING),
    "hq_sam": (_hq_sam, EVERYTHING),
    "sam2": (_sam2, EVERYTHING),
    "edgetam": (_edgetam, EVERYTHING),
    "sam3": (_sam3, ConceptOptions(text="cell", min_score=0.0)),
}


def damaged(path: Path) -> None:
    """Change a byte in the middle of a file, and leave out its end."""
    content = np.fromfile(path, np.uint8)
    content[len(content) // 2] ^= 255
    content[:-100].tofile(path)
