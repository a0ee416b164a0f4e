"""Images: lazy pixels with what is known of them, their planes, and the blocks to work on."""

from napari_sam.images.image import Block, Image
from napari_sam.images.pixels import as_rgb, check_plane, content_hash
from napari_sam.images.plane import Plane, is_rgb, planes

__all__ = [
    "Block",
    "Image",
    "Plane",
    "as_rgb",
    "check_plane",
    "content_hash",
    "is_rgb",
    "planes",
]
