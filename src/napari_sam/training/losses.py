"""What the network is asked to get right."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.training.roles import CLUMP, PART

__all__ = [
    "BOUNDARY_REACH",
    "CAUTION",
    "caution_loss",
    "instance_loss",
    "instance_targets",
    "inward_loss",
    "prompt_loss",
    "size_loss",
]

#: Depth in window pixels at which the boundary map has fallen to exp(-1/2).
BOUNDARY_REACH = 2.0
#: How much dearer the error is that a part or a clump should avoid.  By this loss alone the part
#: would be what belongs to the object with a probability over 0.8, the clump over 0.2.
CAUTION = 4.0


def instance_targets(labels: Tensor, centre: Tensor, depth: Tensor) -> Tensor:
    """Stack the three target maps of the instance head.

    Parameters
    ----------
    labels : Tensor of int
        (B, h, w).
    centre, depth : Tensor of float
        (B, h, w), see :class:`~napari_sam.training.crops.AnnotatedWindow`.

    Returns
    -------
    Tensor
        (B, 3, h, w): foreground, centre, boundary, each 0 to 1.
    """
    inside = (labels > 0).float()
    boundary = torch.exp(-0.5 * ((depth - 1).clamp_min(0) / BOUNDARY_REACH) ** 2) * inside
    return torch.stack([inside, centre, boundary], 1)


def instance_loss(logits: Tensor, targets: Tensor, known: Tensor | None = None) -> Tensor:
    """Cross-entropy of the three maps, half a dice loss of the foreground, twice L1 of centre.

    Parameters
    ----------
    logits, targets : Tensor
        (B, 3, h, w).
    known : Tensor of float, optional
        (B, 1, h, w), 1 where the targets are to be believed and 0 where nothing is known;
        all of them by default.

    Returns
    -------
    Tensor
        Scalar.
    """
    logits = logits.float()
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    # objects fill little of some windows: give their pixels more say
    weight = 1 + targets[:, :1]
    if known is not None:
        weight = weight * known
    share = weight.mean().clamp_min(1e-6)
    entropy = (entropy * weight).mean((0, 2, 3)) / share
    probability = logits.sigmoid()
    inside = probability[:, :1] if known is None else probability[:, :1] * known
    p, t = inside.flatten(1), targets[:, 0].flatten(1)
    dice = 1 - (2 * (p * t).sum(1) + 20) / (p.sum(1) + t.sum(1) + 20)
    distance = (probability[:, 1:] - targets[:, 1:]).abs() * weight
    distance = distance.mean((0, 2, 3)) / share
    return entropy[0] + 0.5 * entropy[1:].sum() + 0.5 * dice.mean() + 2 * distance[0] + distance[1]


def inward_loss(predicted: Tensor, inward: Tensor) -> Tensor:
    """Mean absolute error of the ways from the nearest border; every window counts equally.

    Parameters
    ----------
    predicted : Tensor
        (B, 2, h, w).
    inward : Tensor
        (B, 2, h, w), NaN where there is none.
    """
    known = ~torch.isnan(inward)
    error = (predicted.float() - torch.nan_to_num(inward)).abs() * known
    return (error.sum((1, 2, 3)) / known.sum((1, 2, 3)).clamp_min(1)).mean()


def _entropy(logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of masks (..., h, w) per true plus predicted area, (...)."""
    entropy = F.binary_cross_entropy_with_logits(logits, targets, weight, reduction="none")
    area, guess = targets.sum((-2, -1)), logits.detach().sigmoid().sum((-2, -1))
    return entropy.sum((-2, -1)) / (area + guess + 60)


def _mask_error(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy plus dice of masks (N, K, h, w), (N, K)."""
    p, area = logits.sigmoid(), targets.sum((2, 3))
    dice = 1 - (2 * (p * targets).sum((2, 3)) + 5) / (p.sum((2, 3)) + area + 5)
    return _entropy(logits, targets) + dice


def caution_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Weighted cross-entropy of the part and the clump of objects that have neither.

    Parameters
    ----------
    logits : Tensor
        (N, 3, h, w).
    truth : Tensor of bool
        (N, h, w); empty where nothing is to be learnt.

    Returns
    -------
    Tensor
        Scalar, a mean over all prompts.  A pixel too many counts :data:`CAUTION` times in the
        part, a pixel too few as often in the clump: where the image leaves open what belongs to
        the object, the one shows the least and the other the most that it may be.
    """
    asked = truth.flatten(1).any(1)
    if not asked.any():
        return logits.sum() * 0
    target = truth[asked].float()
    total = logits.new_zeros(())
    for candidate, costly in ((PART, 0.0), (CLUMP, 1.0)):
        weight = torch.where(target == costly, CAUTION, 1.0)
        total = total + _entropy(logits[asked, candidate], target, weight).sum()
    return total / len(logits)


def prompt_loss(
    logits: Tensor, iou: Tensor, truth: Tensor, meanings: Tensor | None = None
) -> dict[str, Tensor]:
    """Losses of one round of prompts.

    Parameters
    ----------
    logits : Tensor
        (N, K, h, w).
    iou : Tensor
        (N, K), predicted.
    truth : Tensor
        (N, h, w); an empty truth (a click on nothing) only teaches the predicted IoU.
    meanings : Tensor of bool, optional
        (N, K, h, w), see :func:`~napari_sam.training.roles.other_meanings`.

    Returns
    -------
    dict of str to Tensor
        ``mask_loss``: of the errors of the masks, that of the best candidate counts fully, the
        first candidate's half, the mean a little; a candidate that has another meaning to show
        is no rival for the best, and its error counts half.  ``iou_loss``: error of the
        predicted IoU with the object.  Besides, detached and per prompt (N,): ``best`` and
        ``own``, the IoU of the best and of the chosen candidate (NaN for an empty truth), and
        ``error``, the mean absolute error of the predicted IoU.
    """
    target = truth[:, None]
    targets = target.expand_as(logits)
    other = torch.zeros_like(iou, dtype=torch.bool)
    if meanings is not None:
        other = meanings.flatten(2).any(2)
        targets = torch.where(other[..., None, None], meanings.float(), targets)
    each = _mask_error(logits, targets)
    asked = (truth.sum((1, 2)) > 0).float()
    count = asked.sum().clamp_min(1)
    best = each.masked_fill(other, torch.inf).min(1).values
    mask = best + 0.5 * each[:, 0] + 0.1 * each.mean(1) + 0.5 * (each * other).sum(1)
    mask = (mask * asked).sum() / count
    with torch.no_grad():
        m = (logits > 0).float()
        both = (m * target).sum((2, 3))
        real = both / (m.sum((2, 3)) + target.sum((2, 3)) - both).clamp_min(1)
    error = (iou - real).abs()
    # cross-entropy, because the gradient of a squared error dies where the sigmoid is flat
    surprise = F.binary_cross_entropy(iou.clamp(1e-4, 1 - 1e-4), real)
    own = real.gather(1, iou.argmax(1, keepdim=True))[:, 0]
    return {
        "mask_loss": mask,
        "iou_loss": surprise + 0.5 * error.mean(),
        "best": torch.where(asked > 0, real.max(1).values, torch.nan),
        "own": torch.where(asked > 0, own, torch.nan),
        "error": error.detach().mean(1),
    }


def size_loss(predicted: Tensor, sizes: Tensor) -> Tensor:
    """Mean absolute error of log2 diameters where there are objects; every window counts equally.

    Parameters
    ----------
    predicted : Tensor
        (B, 1, h, w).
    sizes : Tensor
        (B, h, w), NaN in the background.
    """
    known = ~torch.isnan(sizes)
    error = (predicted[:, 0].float() - torch.nan_to_num(sizes)).abs() * known
    return (error.sum((1, 2)) / known.sum((1, 2)).clamp_min(1)).mean()
