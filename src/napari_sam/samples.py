"""Sample images for napari's *File > Open Sample* and for the demo.

Each function returns a list of layer tuples ``(data, keywords, kind)``. Those of `OFFLINE` need
no network: scikit-image ships them, or they are generated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_sam.errors import DataError

LayerTuple = tuple[Any, dict[str, Any], str]


def stained_tissue() -> list[LayerTuple]:
    """Colon tissue, nuclei in blue and an antibody in brown: (512, 512, 3)."""
    from skimage import data

    return [(data.immunohistochemistry(), {"name": "stained tissue", "rgb": True}, "image")]


def coins() -> list[LayerTuple]:
    """Greek coins on an uneven background: (303, 384)."""
    from skimage import data

    return [(data.coins(), {"name": "coins"}, "image")]


def cell() -> list[LayerTuple]:
    """A single cell floating in a salt solution: (660, 550)."""
    from skimage import data

    return [(data.cell(), {"name": "cell"}, "image")]


def retina() -> list[LayerTuple]:
    """The back of an eye: (1411, 1411, 3)."""
    from skimage import data

    return [(data.retina(), {"name": "retina", "rgb": True}, "image")]


def nuclei_stack() -> list[LayerTuple]:
    """Generated nuclei in a z-stack, slices four times as far apart as pixels: (32, 256, 256)."""
    from napari_sam.training.synthetic import generate_volume

    sample = generate_volume("nuclei_stack", seed=0, shape=(32, 256, 256))
    keywords = {
        "name": "nuclei stack",
        "scale": (2.0, 0.5, 0.5),
        "units": ("um", "um", "um"),
        "axis_labels": ("z", "y", "x"),
    }
    return [(sample.image, keywords, "image")]


def nuclei_timelapse() -> list[LayerTuple]:
    """Generated nuclei that move and divide, a frame every five minutes: (24, 256, 256)."""
    from napari_sam.training.synthetic import generate_timelapse

    sample = generate_timelapse(seed=0, shape=(24, 256, 256))
    keywords = {
        "name": "nuclei time series",
        "scale": (5.0, 0.5, 0.5),
        "units": ("minute", "um", "um"),
        "axis_labels": ("t", "y", "x"),
    }
    return [(sample.image, keywords, "image")]


def cells3d() -> list[LayerTuple]:
    """Membranes and nuclei of cells in 3-D, downloaded once: two of (60, 256, 256)."""
    from skimage import data

    image = _downloaded(data.cells3d, "cells3d", "33 MB")
    keywords = {
        "scale": (0.29, 0.26, 0.26),
        "units": ("um", "um", "um"),
        "axis_labels": ("z", "y", "x"),
        "blending": "additive",
    }
    return [
        (image[:, 0], {**keywords, "name": "membranes", "colormap": "magenta"}, "image"),
        (image[:, 1], {**keywords, "name": "nuclei", "colormap": "green"}, "image"),
    ]


def human_mitosis() -> list[LayerTuple]:
    """Human nuclei, some of them dividing, downloaded once: (512, 512)."""
    from skimage import data

    image = _downloaded(data.human_mitosis, "human_mitosis", "0.1 MB")
    return [(image, {"name": "human mitosis"}, "image")]


def _downloaded(load: Callable[[], Any], name: str, size: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(load())
    # scikit-image passes on whatever the downloader raises: requests' errors, OSError, ValueError
    # for a wrong hash.
    except Exception as error:
        what = type(error).__name__  # the text is a page of what every layer of the network said
        raise DataError(
            f"The sample {name!r} ({size}) is downloaded when first used, and that failed "
            f"({what}). Check the network and try again, or take one that needs none: "
            f"{', '.join(OFFLINE)}."
        ) from error


OFFLINE = ("stained_tissue", "coins", "cell", "retina", "nuclei_stack", "nuclei_timelapse")
SAMPLES: dict[str, Callable[[], list[LayerTuple]]] = {
    function.__name__: function
    for function in (
        stained_tissue,
        coins,
        cell,
        retina,
        nuclei_stack,
        nuclei_timelapse,
        cells3d,
        human_mitosis,
    )
}


def load_sample(name: str) -> list[LayerTuple]:
    """Load a sample by its name.

    Raises
    ------
    DataError
        When there is none of that name, or its download failed.
    """
    if name not in SAMPLES:
        raise DataError(f"There is no sample {name!r}. Known: {', '.join(SAMPLES)}.")
    return SAMPLES[name]()
