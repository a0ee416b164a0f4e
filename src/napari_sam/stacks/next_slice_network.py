"""The network that outlines an object on the next slice: a small U-Net.

From the smallest of its sizes it tells, too, whether the object is there at all.

References
----------
Ronneberger, Fischer, Brox: U-Net: convolutional networks for biomedical image segmentation.
MICCAI (2015).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["NextSliceNetwork"]

MAPS = 8  # that it is given of a square, see `NextSliceNetwork.forward`
FACTS = 6  # numbers beside them
WIDTHS = (16, 32, 64, 96)  # channels, at full size and halved one, two and three times
DEEPEST = 64  # numbers from which it tells whether the object is there
LEAST_SPREAD = 0.01  # of brightness in a square
LEAST_COVER = 0.1  # pixels of the smallest size that an object covers


class NextSliceNetwork(nn.Module):
    """Four sizes of a square, two convolutions each on the way down and on the way up."""

    def __init__(self) -> None:
        super().__init__()
        given = MAPS + 2 + FACTS
        self.down = nn.ModuleList(
            _block(before, after)
            for before, after in zip((given, *WIDTHS[:-1]), WIDTHS, strict=True)
        )
        self.up = nn.ModuleList(
            _block(below + beside, beside)
            for below, beside in zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True)
        )
        self.out = nn.Conv2d(WIDTHS[0], 1, 1)
        self.there = nn.Sequential(
            nn.Linear(2 * WIDTHS[-1], DEEPEST), nn.ReLU(inplace=True), nn.Linear(DEEPEST, 1)
        )

    def forward(self, maps: Tensor, facts: Tensor) -> tuple[Tensor, Tensor]:
        """Say where objects are on their next slices, and whether they are there.

        Parameters
        ----------
        maps : Tensor
            (N, 8, h, w), sides multiples of 8: how bright the slice is, without its haze and with
            it; the slice before, moved with the picture and as it is; how much of each pixel the
            moved object covers; its mask on the slice before; how deep inside the moved object a
            pixel lies, -1 to 1; and how bright it is beside the rim of the object where it was
            shown, in units of how much brighter that was inside than around.
        facts : Tensor
            (N, 6), see `napari_sam.stacks.next_slice`.

        Returns
        -------
        logits : Tensor
            (N, h, w), of each pixel.
        there : Tensor
            (N,), log-odds that the object is on the slice.
        """
        pictures, cover = maps[:, :4], maps[:, 4:5]
        shown = pictures[:, :2]
        middle = shown.mean((1, 2, 3), keepdim=True)
        spread = shown.std((1, 2, 3), keepdim=True) + LEAST_SPREAD
        inside = (maps[:, 2:3] * cover).sum((2, 3), keepdim=True)
        inside = inside / (cover.sum((2, 3), keepdim=True) + 1)
        x = torch.cat(
            [
                (pictures - middle) / spread,
                maps[:, 4:7],
                (maps[:, 1:3] - inside) / spread,
                maps[:, 7:],
                facts[:, :, None, None].expand(-1, -1, *maps.shape[2:]),
            ],
            1,
        )
        sizes = []
        for depth, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if depth else x)
            sizes.append(x)
        share = F.avg_pool2d(cover, 2 ** (len(WIDTHS) - 1))
        expected = (x * share).sum((2, 3)) / (share.sum((2, 3)) + LEAST_COVER)
        there: Tensor = self.there(torch.cat([x.mean((2, 3)), expected], 1))
        for block, beside in zip(self.up, sizes[-2::-1], strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), beside], 1))
        logits: Tensor = self.out(x)
        return logits[:, 0], there[:, 0]

    def fold_norms(self) -> None:
        """Fold every BatchNorm into the convolution before it; only in evaluation mode."""
        for block in (*self.down, *self.up):
            for at in (0, 3):
                block[at] = fuse_conv_bn_eval(block[at], block[at + 1])
                block[at + 1] = nn.Identity()


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
        nn.Conv2d(after, after, 3, padding=1),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )
