"""Images: lazy pixels with what is known of them, their planes, and the parts to work on."""

from napari_sam.images.image import Block, Image, array_of
from napari_sam.images.pixels import as_rgb, check_plane, content_hash, is_blank, opaque
from napari_sam.images.plane import (
    WHOLE,
    Plane,
    is_rgb,
    known_shape,
    planes,
    rather_channels,
    too_large,
)
from napari_sam.images.plane_stack import PlaneStack
from napari_sam.images.recent import Recent, behind, remembering
from napari_sam.images.samples import is_large, patches_of, sample_of
from napari_sam.images.scales import Scale, coarsest_within, scales_of
from napari_sam.images.tile import Tile, read_part, tile_around

__all__ = [
    "WHOLE",
    "Block",
    "Image",
    "Plane",
    "PlaneStack",
    "Recent",
    "Scale",
    "Tile",
    "array_of",
    "as_rgb",
    "behind",
    "check_plane",
    "coarsest_within",
    "content_hash",
    "is_blank",
    "is_large",
    "is_rgb",
    "known_shape",
    "opaque",
    "patches_of",
    "planes",
    "rather_channels",
    "read_part",
    "remembering",
    "sample_of",
    "scales_of",
    "tile_around",
    "too_large",
]
