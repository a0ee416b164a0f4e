"""Sizes of SAMs with TinyViT: the published one, and a small one for tests."""

from __future__ import annotations

from napari_sam.models.mobile_sam.architecture import TinyVitSize

#: As published, but for the decoder's feed-forward part.
PUBLISHED = TinyVitSize(
    image_size=1024,
    patch=16,
    widths=(64, 128, 160, 320),
    depths=(2, 2, 6, 2),
    heads=(4, 5, 10),
    windows=(7, 14, 7),
    prompt_width=256,
    mask_channels=16,
    masks=3,
    decoder_depth=2,
    decoder_mlp=64,
    decoder_downsample=2,
    iou_depth=3,
    iou_hidden=256,
)
SMALL = TinyVitSize(
    **{
        **vars(PUBLISHED),
        "image_size": 128,
        "widths": (8, 16, 24, 32),
        "depths": (1, 1, 2, 1),
        "heads": (2, 3, 4),
        "windows": (3, 5, 3),
        "prompt_width": 32,
    }
)
