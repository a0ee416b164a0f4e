"""What else a single click may mean: a part of the object, or the clump it lies in.

One click is ambiguous, which is why SAM answers with three masks (Kirillov et al., *Segment
Anything*, ICCV 2023, section 3). Annotated cells say nothing of levels, but their shapes do: an
object with a narrow neck is two to somebody, and objects that touch are one to somebody else.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage as ndi
from torch import Tensor

from napari_sam.training.prompting import PromptBatch
from napari_sam.training.sampling import Example

__all__ = ["CLUMP", "PART", "clump_around", "lobe_around", "other_meanings"]

#: Which of the candidates stands for what; the first is the object.
PART, CLUMP = 1, 2
#: Clumps of more than so many times the object's area are a tissue, which nobody means by a click.
LARGEST = 8.0
#: Shares of the largest depth at which an object may fall into lobes.
NECKS = (0.4, 0.5, 0.6, 0.7)
#: Least depth in pixels of an object whose lobes are told from the raggedness of its outline.
DEEP = 4.0

Mask = npt.NDArray[np.bool_]


def clump_around(labels: npt.NDArray[np.integer], which: int) -> Mask | None:
    """Return the object and all that it touches, directly or through others.

    Parameters
    ----------
    labels : ndarray of int
        (h, w), 0 is background.
    which : int
        The object.

    Returns
    -------
    ndarray of bool or None
        (h, w); None if the object stands alone, or in a tissue.
    """
    mask = labels == which
    clumps, _ = ndi.label(labels > 0, np.ones((3, 3)))
    clump = np.isin(clumps, np.unique(clumps[mask]))  # objects may lie in pieces
    area = np.count_nonzero(mask)
    if not 1.15 * area < np.count_nonzero(clump) <= LARGEST * area:
        return None
    return clump


def lobe_around(mask: Mask, place: tuple[int, int]) -> Mask | None:
    """Return the lobe of an object on one side of its necks.

    Parameters
    ----------
    mask : ndarray of bool
        (h, w), the object.
    place : tuple of int
        Row and column of a pixel of the lobe.

    Returns
    -------
    ndarray of bool or None
        (h, w); None if the object has no neck.
    """
    around = ndi.find_objects(mask.astype(np.uint8))[0]
    crop = np.pad(mask[around], 1)
    depth = ndi.distance_transform_edt(crop)
    if depth.max() < DEEP:
        return None
    for share in NECKS:
        cores, count = ndi.label(depth > share * depth.max())
        if count == 1:
            continue
        sizes = np.bincount(cores.ravel())
        sizes[0] = 0
        large = sizes >= 0.15 * sizes.max()
        if np.count_nonzero(large) < 2:
            continue
        cores = np.where(large[cores], cores, 0)
        nearest = ndi.distance_transform_edt(
            cores == 0, return_distances=False, return_indices=True
        )
        owner = np.where(crop, cores[tuple(nearest)], 0)[1:-1, 1:-1]
        lobe = np.zeros_like(mask)
        lobe[around] = owner == owner[place[0] - around[0].start, place[1] - around[1].start]
        return lobe
    return None


def other_meanings(examples: list[Example], batch: PromptBatch) -> tuple[Tensor, Tensor]:
    """Return what the candidates besides the object's should show after a single click.

    Parameters
    ----------
    examples : list of Example
        The windows of the batch.
    batch : PromptBatch
        First prompts.

    Returns
    -------
    meanings : Tensor of bool
        (N, 3, h, w), by :data:`PART` and :data:`CLUMP`; empty where there is no such thing.
    plain : Tensor of bool
        (N, h, w), the object where it has neither.

    Both are empty for every prompt that is more than one click on an object.
    """
    truths = batch.truth.cpu().numpy() > 0.5
    meanings = np.zeros((len(truths), 3, *truths.shape[1:]), bool)
    plain = np.zeros(truths.shape, bool)
    one = torch.isnan(batch.boxes[:, 0]) & (batch.labels >= 0).sum(1).eq(1) & batch.alone
    single = one.cpu().numpy() & truths.any((1, 2))
    # a click on the far edge of the last pixel may be rounded out of the window
    places = (batch.points[:, 0] / 2).long().cpu().numpy().clip(0, truths.shape[1] - 1)
    for n in np.flatnonzero(single):
        column, row = places[n]
        if not truths[n, row, column]:
            continue
        labels = examples[int(batch.image_index[n])].labels
        found = {
            CLUMP: clump_around(labels, labels[row, column]),
            PART: lobe_around(truths[n], (row, column)),
        }
        for candidate, mask in found.items():
            if mask is not None:
                meanings[n, candidate] = mask
        if all(mask is None for mask in found.values()):
            plain[n] = truths[n]
    device = batch.truth.device
    return torch.from_numpy(meanings).to(device), torch.from_numpy(plain).to(device)
