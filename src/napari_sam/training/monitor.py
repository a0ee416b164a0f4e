"""A quick look at validation while training: fixed windows, the network alone.

The windows are cut at the size that suits their objects, so these figures follow the
progress of the network; what a person gets, with the size estimated and the prompt's window
chosen, is measured by :mod:`napari_sam.training.evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from napari_sam.methods.instances import labels_from_maps
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.regions import deepest, extent, mask_iou
from napari_sam.training.crops import AnnotatedPlane, AnnotatedWindow, cut_window, prepare_plane
from napari_sam.training.metrics import average_precision
from napari_sam.training.pairs import scale_to_unit
from napari_sam.training.sampling import TARGET_DIAMETER

__all__ = ["monitor", "monitor_windows"]

_OBJECTS = 4  # of a window, that the network is asked about


def monitor_windows(
    images: Iterable[tuple[str, str, np.ndarray, np.ndarray]],
    size: int = 192,
    per_family: int = 8,
) -> list[tuple[str, AnnotatedWindow]]:
    """Cut fixed validation windows.

    Parameters
    ----------
    images : iterable of (family, name, image, labels)
    size : int
        Side of the windows in pixels.
    per_family : int
        Windows per family, spread over its images.

    Returns
    -------
    list of (family, AnnotatedWindow)
    """
    rng = np.random.default_rng(0)
    planes: dict[str, list[AnnotatedPlane]] = {}
    for family, _, image, labels in images:
        plane = prepare_plane(scale_to_unit(image, 0.5, 99.8), labels, family)
        if plane is not None:
            planes.setdefault(family, []).append(plane)
    windows = []
    for family, members in planes.items():
        for number in range(per_family):
            plane = members[number * len(members) // per_family]
            wanted = int(rng.integers(1, len(plane.diameter)))
            r0, c0, r1, c1 = plane.corners[wanted]
            zoom = TARGET_DIAMETER / float(np.median(plane.diameter[1:]))
            middle = ((r0 + r1) / 2, (c0 + c1) / 2)
            windows.append((family, cut_window(plane, middle, float(np.clip(zoom, 0.05, 8)), size)))
    return windows


@torch.inference_mode()
def monitor(
    network: CellsNetwork,
    windows: Sequence[tuple[str, AnnotatedWindow]],
    prompts: bool = True,
) -> dict[str, dict[str, float]]:
    """Measure a network on windows.

    Parameters
    ----------
    network : CellsNetwork
        In evaluation mode.
    windows : sequence of (family, AnnotatedWindow)
    prompts : bool
        Measure clicks and boxes, not only the instance head.

    Returns
    -------
    dict
        Per family, and for ``"mean"`` over families: ``ap50``, ``click``, ``click_best``,
        ``box``, ``iou_error``, ``size_error`` (octaves).
    """
    device = next(network.parameters()).device
    sums: dict[str, dict[str, list[float]]] = {}
    for family, window in windows:
        figures = sums.setdefault(family, {})
        image = np.ascontiguousarray(window.image.transpose(2, 0, 1))
        tensor = torch.from_numpy(image).expand(3, -1, -1)[None].to(device)
        features = network.encode(tensor.contiguous(memory_format=torch.channels_last))
        maps = network.instances(features)[0, :3].sigmoid().float().cpu().numpy()
        found, _ = labels_from_maps(*maps)
        figures.setdefault("ap50", []).append(average_precision(window.labels, found)[0])
        sizes = network.sizes(features)[0, 0].float().cpu().numpy()
        error = np.abs(sizes - window.sizes)
        if np.isfinite(error).any():
            figures.setdefault("size_error", []).append(float(np.nanmean(error)))
        if prompts:
            for key, value in _prompted(network, features, window, device).items():
                figures.setdefault(key, []).extend(value)
    result = {
        family: {key: float(np.mean(values)) for key, values in figures.items() if values}
        for family, figures in sums.items()
    }
    keys = sorted({key for row in result.values() for key in row})
    result["mean"] = {
        key: float(np.mean([row[key] for row in result.values() if key in row])) for key in keys
    }
    return result


def _prompted(
    network: Any, features: Any, window: AnnotatedWindow, device: Any
) -> dict[str, list[float]]:
    """IoU of a click and of a box for the largest objects of a window, all at once."""
    area = np.bincount(window.labels.ravel())
    area[0] = 0
    chosen = [i for i in np.argsort(-area)[:_OBJECTS] if area[i] >= 12]
    if not chosen:
        return {}
    truths = [window.labels == i for i in chosen]
    points = torch.tensor([deepest(t)[::-1] for t in truths]).float()[:, None] * 2 + 1
    boxes = []
    for truth in truths:
        rows, cols = extent(truth)
        boxes.append([2.0 * cols.start, 2.0 * rows.start, 2.0 * cols.stop, 2.0 * rows.stop])
    count = len(chosen)
    points = torch.cat([points, torch.zeros_like(points)]).to(device)
    labels = torch.tensor([[1]] * count + [[-1]] * count).to(device)
    box = torch.cat([torch.full((count, 4), torch.nan), torch.tensor(boxes)]).to(device)
    index = torch.zeros(2 * count, dtype=torch.long, device=device)
    logits, iou = network.decode(features, index, points, labels, box)
    masks, iou = (logits > 0).cpu().numpy(), iou.cpu().numpy()
    out: dict[str, list[float]] = {"click": [], "click_best": [], "box": [], "iou_error": []}
    for number, truth in enumerate(truths * 2):
        real = [mask_iou(truth, mask) for mask in masks[number]]
        own = int(iou[number].argmax())
        out["click" if number < count else "box"].append(real[own])
        if number < count:
            out["click_best"].append(max(real))
        out["iou_error"].append(abs(real[own] - float(iou[number, own])))
    return out
