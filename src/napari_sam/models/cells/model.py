"""The embedded model ``cells``: from planes and prompts to its small network and back.

The network answers every prompt in a window that is re-sampled so that the object is about 32
pixels across, whatever its size in the image. That makes one small network serve objects from a
few pixels to the whole field, and makes the time of a click independent of the image's size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage as ndi
from torch import Tensor

from napari_sam import images
from napari_sam.contrast import contrast_limits, normalise
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.size import (
    OBJECT,
    STRIDE,
    Objects,
    clip_zoom,
    estimate_diameter,
    find_objects,
    read_maps,
)
from napari_sam.models.cells.windows import Pyramid, paste, resample, square, to_window
from napari_sam.models.model import Embedding, InstanceMaps, Model
from napari_sam.progress import Progress, part, silent
from napari_sam.prompts import Prompt, Window
from napari_sam.segmentation import Candidates

WINDOW = 192  # pixels of a window's side
BOX = 48.0  # window pixels across the box of an object
REACH = 0.8  # share of a window that a box or the person's clicks may take up
OVERVIEW = 1536 * 1536  # window pixels that encoding reads of a huge plane
WHOLE = 1.5  # times as many it reads if that is the whole plane: the automatic mode will ask
SAME = 0.85  # IoU above which two candidates say the same
#: What the predicted IoU of the part and of the clump is lowered by: the highest of three
#: predictions flatters, and the first candidate is the one that was taught the object.
FLATTERY = 0.04


@dataclass(frozen=True, eq=False)
class CellsFeatures:
    """What `CellsModel` keeps of a plane.

    Parameters
    ----------
    pyramid : Pyramid
        Windows are cut from it when a prompt asks.
    maps : InstanceMaps
        At the plane's estimated object size, or coarser on a plane of many small objects.
    objects : Objects
        What the maps show, for the zoom of a click.
    diameter : float
        Estimated median object diameter in plane pixels.
    """

    pyramid: Pyramid
    maps: InstanceMaps
    objects: Objects
    diameter: float


class CellsModel(Model):
    """SAM's roles in a network of a few million parameters, with a learned automatic head.

    Parameters
    ----------
    network : CellsNetwork
        In evaluation mode, on its device.
    name, device, fingerprint : str
        See `Model`.
    reader : CellsNetwork, optional
        The same network in the precision in which whole planes are read for the automatic mode;
        by default ``network`` itself. Prompts are always answered by ``network``.
    """

    def __init__(
        self,
        network: CellsNetwork,
        name: str,
        device: str,
        fingerprint: str,
        reader: CellsNetwork | None = None,
    ) -> None:
        self.network = network
        self.reader = network if reader is None else reader
        self.name = name
        self.device = device
        self.fingerprint = fingerprint

    @property
    def instances(self) -> CellsModel:
        """Itself: it has a learned automatic head."""
        return self

    @torch.inference_mode()
    def encode(
        self,
        plane: Any,
        *,
        limits: tuple[float, float] | None = None,
        progress: Progress = silent,
    ) -> Embedding:
        image = images.check_plane(plane)
        limits = contrast_limits(image) if limits is None else limits
        pyramid = Pyramid.of(normalise(image, limits), self.device)
        progress(0.05)
        diameter = estimate_diameter(self.reader, pyramid, part(progress, 0.05, 0.6))
        # Enough to size a click; the automatic mode reads a huge plane in full when asked.
        seen = OBJECT * math.sqrt(image.shape[0] * image.shape[1] / OVERVIEW)
        if seen <= diameter * math.sqrt(WHOLE):
            seen = diameter
        maps = read_maps(self.reader, pyramid, seen, part(progress, 0.6, 1.0))
        stacked = np.stack([maps.foreground, maps.centre, maps.boundary])
        objects = find_objects(stacked, maps.scale[0])
        progress(1.0)
        nbytes = pyramid.nbytes + stacked.nbytes + objects.regions.nbytes
        return Embedding(
            model=self.fingerprint,
            plane_hash=images.content_hash(image),
            limits=limits,
            shape=pyramid.shape,
            features=CellsFeatures(pyramid, maps, objects, diameter),
            nbytes=nbytes,
        )

    @torch.inference_mode()
    def instance_maps(
        self,
        embedding: Embedding,
        *,
        diameter: float | None = None,
        region: Window | None = None,
        progress: Progress = silent,
    ) -> InstanceMaps:
        features: CellsFeatures = embedding.features
        diameter = features.diameter if diameter is None else diameter
        if math.isclose(diameter, features.maps.diameter):
            return features.maps
        return read_maps(self.reader, features.pyramid, diameter, progress, region)

    @torch.inference_mode()
    def predict(self, embedding: Embedding, prompt: Prompt) -> Candidates:
        self._check(embedding, prompt)
        features: CellsFeatures = embedding.features
        window = self._window(features, prompt)
        logits, scores = self._decode(features.pyramid, prompt, window)
        return self._distinct(logits, scores, window, prompt, embedding.shape)

    def _window(self, features: CellsFeatures, prompt: Prompt) -> Window:
        """Choose where to look for the object and how large it should appear."""
        if prompt.logits is not None and prompt.window is not None:
            held = _hull(prompt)
            if held is None or _contains(prompt.window, held):
                return prompt.window
        extent = _hull(prompt)
        if extent is None:  # logits alone: they cover the plane
            height, width = features.pyramid.shape
            extent = (0.0, 0.0, float(height), float(width))
        centre = (extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2
        sides = extent[2] - extent[0], extent[3] - extent[1]
        # Whatever the zoom, all that the person marked on the object stays in the window.
        most = REACH * WINDOW / max(*sides, 1.0)
        if prompt.box is not None or prompt.mask is not None or prompt.logits is not None:
            zoom = BOX / math.sqrt(max(sides[0], 1.0) * max(sides[1], 1.0))
        else:
            zoom = OBJECT / _size_at(features, prompt.foreground)
        return square(centre, clip_zoom(min(zoom, most)), WINDOW)

    def _decode(self, pyramid: Pyramid, prompt: Prompt, window: Window) -> tuple[Tensor, Tensor]:
        """Return three masks' logits (3, h, w) of a window and their predicted IoU (3,)."""
        image = pyramid.sample(window, (WINDOW, WINDOW))
        features = self.network.encode(image)
        points = to_window(prompt.points, window, WINDOW)
        labels = torch.from_numpy(np.array(prompt.labels))
        near = ((points >= 0) & (points <= WINDOW)).all(dim=1)
        points, labels = points[near][None], labels[near][None]
        if points.shape[1] == 0:  # the network wants one at least; -1 is padding
            points, labels = torch.zeros(1, 1, 2), torch.full((1, 1), -1)
        box = torch.full((1, 4), float("nan"))
        if prompt.box is not None:
            corners = to_window(np.reshape(prompt.box, (2, 2)), window, WINDOW)
            box = corners.reshape(1, 4)
        arguments = (
            torch.zeros(1, dtype=torch.long, device=self.device),
            points.to(self.device),
            labels.to(self.device),
            box.to(self.device),
        )
        before = self._earlier(prompt, window)
        logits, scores = self._answer(features, *arguments, before)
        if before is None and points.shape[1] > 1:
            # Several clicks correct each other: the network learnt them on top of an answer.
            best = logits[:, int(scores.argmax())][:, None]
            logits, scores = self._answer(features, *arguments, best)
        return logits[0], scores[0]

    def _answer(self, *arguments: Any) -> tuple[Tensor, Tensor]:
        """Decode with sober predictions."""
        logits, scores = self.network.decode(*arguments)
        scores[:, 1:] = (scores[:, 1:] - FLATTERY).clamp_min(0)
        return logits, scores

    def _earlier(self, prompt: Prompt, window: Window) -> Tensor | None:
        """Bring the prompt's logits or mask into the window, (1, 1, h, w)."""
        size = (WINDOW // STRIDE, WINDOW // STRIDE)
        if prompt.logits is not None:
            logits = torch.from_numpy(np.array(prompt.logits)).to(self.device)
            if prompt.window == window and logits.shape == size:
                return logits[None, None]
            source = prompt.window or window
            return resample(logits, source, window, size, outside=-8.0)[None, None]
        if prompt.mask is not None:
            height, width = prompt.mask.shape
            edges = (-0.5, -0.5, height - 0.5, width - 0.5)
            mask = torch.from_numpy(prompt.mask.astype(np.float32)).to(self.device)
            return (resample(mask, edges, window, size, outside=0.0)[None, None] - 0.5) * 12
        return None

    def _distinct(
        self,
        logits: Tensor,
        scores: Tensor,
        window: Window,
        prompt: Prompt,
        shape: tuple[int, int],
    ) -> Candidates:
        """Put the best predicted first and leave out masks that repeat a better one."""
        order = scores.argsort(descending=True)
        logits, scores = logits[order], scores[order]
        masks = [_marked_parts(mask, prompt) for mask in paste(logits, window, shape)]
        kept: list[int] = []
        for index, mask in enumerate(masks):
            if all(_iou(mask, masks[other]) <= SAME for other in kept):
                kept.append(index)
        return Candidates(
            masks=np.stack([masks[index] for index in kept]),
            scores=scores[kept].float().cpu().numpy(),
            logits=logits[kept].float().cpu().numpy(),
            window=window,
        )


def _hull(prompt: Prompt) -> Window | None:
    """Return the smallest region that holds all marks on the object."""
    corners = [prompt.foreground.reshape(-1, 2)]
    if prompt.box is not None:
        corners.append(np.reshape(prompt.box, (2, 2)))
    elif prompt.mask is not None:
        rows, columns = np.flatnonzero(prompt.mask.any(1)), np.flatnonzero(prompt.mask.any(0))
        corners.append(
            np.array([[rows[0] - 0.5, columns[0] - 0.5], [rows[-1] + 0.5, columns[-1] + 0.5]])
        )
    marks = np.concatenate(corners)
    if len(marks) == 0:
        return None
    low, high = marks.min(axis=0), marks.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _contains(outer: Window, inner: Window) -> bool:
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )


def _size_at(features: CellsFeatures, points: npt.NDArray[np.float64]) -> float:
    """Return the diameter to expect of the object under the clicks."""
    regions = features.objects.regions
    pixels = ((points + 0.5) / features.maps.scale).astype(int)
    under = regions[tuple(pixels.clip(0, np.array(regions.shape) - 1).T)]
    under = under[under > 0]
    return float(features.objects.diameters[under].max()) if len(under) else features.diameter


def _marked_parts(mask: npt.NDArray[np.bool_], prompt: Prompt) -> npt.NDArray[np.bool_]:
    """Keep the connected parts that the person marked; all of them if the marks miss the mask."""
    pixels = np.rint(prompt.foreground).astype(int).clip(0, np.array(mask.shape) - 1)
    if len(pixels) == 0 or not mask[tuple(pixels.T)].any():
        return mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    crop = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    parts, count = ndi.label(mask[crop])
    if count == 1:
        return mask
    inside = pixels[mask[tuple(pixels.T)]] - (rows[0], columns[0])
    kept = np.zeros_like(mask)
    kept[crop] = np.isin(parts, np.unique(parts[tuple(inside.T)]))
    return kept


def _iou(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Intersection over union; two empty masks are the same."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
