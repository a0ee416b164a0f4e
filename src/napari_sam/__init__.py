"""Segment Anything for microscopy, in napari and from Python.

    import napari_sam as ns

    image = ns.read_image("cells.tif")      # or any array, rows and columns last
    result = ns.segment_cells(image)        # result.labels, result.table
    result.save("cells_labels.tif")

======================================  ==========================================================
`segment_cells`, `segment_everything`   all objects of a plane, or of the planes of a stack
`segment_volume`, `track_cells`         cells as 3-D objects, and through the frames of a movie
`load_model`, `Prompt`, `Prompter`      one object by clicks, boxes, strokes or a mask
`propagate`, `propagate_objects`        objects shown on one slice, found on the others
`find_similar`, `classify_objects`      objects that are like a few, and classes of your own
`adapt`                                 a model that has learnt from labels of yours
`interpolate`, `link_labels`            slices between drawn ones, and tracks of labels
`replay`                                what was done in the panel, done again
`read_image`, `read_labels`             files with their axes and pixel size
======================================  ==========================================================

The names below are loaded when first used: importing the package itself loads neither torch,
Qt nor napari.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Candidates": "napari_sam.candidates",
    "Embedding": "napari_sam.models.model",
    "Model": "napari_sam.models.model",
    "Image": "napari_sam.images",
    "PixelSize": "napari_sam.pixel_size",
    "Plane": "napari_sam.images",
    "ProgressLine": "napari_sam.progress",
    "Prompt": "napari_sam.prompts",
    "Prompter": "napari_sam.engine.prompter",
    "Segmentation": "napari_sam.segmentation",
    "Tracks": "napari_sam.stacks.tracks",
    "adapt": "napari_sam.training.adapt",
    "classify_objects": "napari_sam.objects.classify",
    "errors": "napari_sam.errors",
    "find_similar": "napari_sam.segment_similar",
    "interpolate": "napari_sam.stacks.interpolate",
    "link_labels": "napari_sam.stacks.link",
    "propagate": "napari_sam.stacks.propagate",
    "propagate_objects": "napari_sam.stacks.propagate",
    "segment_volume": "napari_sam.segment_stacks",
    "track_cells": "napari_sam.segment_stacks",
    "load_model": "napari_sam.loading",
    "read_image": "napari_sam.files",
    "read_labels": "napari_sam.files",
    "replay": "napari_sam.segment_replay",
    "segment_cells": "napari_sam.segment",
    "segment_everything": "napari_sam.segment",
    "segment_objects": "napari_sam.segment",
    "write_labels": "napari_sam.files",
}

if TYPE_CHECKING:
    from napari_sam import errors
    from napari_sam.candidates import Candidates
    from napari_sam.engine.prompter import Prompter
    from napari_sam.files import read_image, read_labels, write_labels
    from napari_sam.images import Image, Plane
    from napari_sam.loading import load_model
    from napari_sam.models.model import Embedding, Model
    from napari_sam.objects.classify import classify_objects
    from napari_sam.pixel_size import PixelSize
    from napari_sam.progress import ProgressLine
    from napari_sam.prompts import Prompt
    from napari_sam.segment import segment_cells, segment_everything, segment_objects
    from napari_sam.segment_replay import replay
    from napari_sam.segment_similar import find_similar
    from napari_sam.segment_stacks import segment_volume, track_cells
    from napari_sam.segmentation import Segmentation
    from napari_sam.stacks.interpolate import interpolate
    from napari_sam.stacks.link import link_labels
    from napari_sam.stacks.propagate import propagate, propagate_objects
    from napari_sam.stacks.tracks import Tracks
    from napari_sam.training.adapt import adapt

__all__ = [
    "Candidates",
    "Embedding",
    "Image",
    "Model",
    "PixelSize",
    "Plane",
    "ProgressLine",
    "Prompt",
    "Prompter",
    "Segmentation",
    "Tracks",
    "__version__",
    "adapt",
    "classify_objects",
    "errors",
    "find_similar",
    "interpolate",
    "link_labels",
    "load_model",
    "propagate",
    "propagate_objects",
    "read_image",
    "read_labels",
    "replay",
    "segment_cells",
    "segment_everything",
    "segment_objects",
    "segment_volume",
    "track_cells",
    "write_labels",
]


#: Names that are looked for here, and lie deeper: `docs/api.rst` has all of them.
_DEEPER = {
    "CellOptions": "napari_sam.methods.options",
    "Settings": "napari_sam.methods.settings",
    "available": "napari_sam.models.zoo",
    "contrast_limits": "napari_sam.contrast",
    "download": "napari_sam.models.zoo",
    "draw_overlay": "napari_sam.overlays",
    "export": "napari_sam.exports.formats",
    "images_in": "napari_sam.files",
    "info": "napari_sam.models.zoo",
    "measure": "napari_sam.segmentation",
    "normalise": "napari_sam.contrast",
    "run_jobs": "napari_sam.batch.run",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        if name in _DEEPER:
            guess = f" It is {_DEEPER[name]}.{name}."
        else:
            from napari_sam.spelling import did_you_mean

            guess = did_you_mean(name, __all__)
        raise AttributeError(f"module 'napari_sam' has no attribute {name!r}.{guess}")
    module = importlib.import_module(home)
    value = module if name == "errors" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
