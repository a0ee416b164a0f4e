"""Procedural microscopy: images with exact instance labels, from a seed.

The generator is three steps. A *painter* (one function per kind of image, one file per family
of appearance) arranges objects on a plane and renders a noise-free signal. The *optics* make a
photograph of it: uneven light, blur, noise, bit depth. The result is a :class:`Sample`.

Each id is one 8-connected component: the visible part of one object. Ids are 1..n.
``python -m napari_sam.training.synthetic --help`` draws a contact sheet.
"""

from napari_sam.training.synthetic.generator import (
    KINDS,
    VOLUME_KINDS,
    generate,
    generate_timelapse,
    generate_volume,
)
from napari_sam.training.synthetic.painting import Sample

__all__ = [
    "KINDS",
    "VOLUME_KINDS",
    "Sample",
    "generate",
    "generate_timelapse",
    "generate_volume",
]
