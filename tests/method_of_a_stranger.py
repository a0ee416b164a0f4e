"""A method as another package would add it: this file, and a row in the registry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from napari_sam.methods.found import Choice
from napari_sam.methods.method import Method, Words
from napari_sam.methods.option import option, validate
from napari_sam.progress import silent
from napari_sam.segmentation import Segmentation, measure


@dataclass(frozen=True)
class SpotOptions:
    """How bright a spot is, and how large."""

    brightness: float = option(
        0.5,
        float,
        label="Brightness",
        help="Leave out what is darker than this share of the brightest pixel.",
        typed="0 to 1, default 0.5: leave out what is darker",
        high=1.0,
        unit="%",
        steps=100,
        folded=False,
    )
    min_area: int = option(
        0, int, label="Smallest", help="In pixels.", typed="drop smaller spots", unit="px²"
    )
    inverted: bool = option(
        False, bool, label="Dark spots", help="Look for dark spots.", typed="look for dark spots"
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True, eq=False)
class FoundSpots:
    """A plane of which any brightness can be chosen."""

    pixels: np.ndarray
    diameter: None = None

    def choose(self, options: SpotOptions) -> Choice:
        values = self.pixels.max() - self.pixels if options.inverted else self.pixels
        labels, count = ndi.label(values > options.brightness * values.max())
        area = np.bincount(labels.ravel(), minlength=count + 1)
        lookup = np.zeros(count + 1, np.int32)
        large = np.flatnonzero((area >= options.min_area) & (np.arange(count + 1) > 0))
        lookup[large] = np.arange(1, len(large) + 1)
        painted = lookup[labels]
        return Choice.of(Segmentation(painted, measure(painted, self.pixels, source="spots")))


class Spots(Method[SpotOptions]):
    """Whatever is bright."""

    name = "spots"
    words = Words(
        noun="spot",
        all="all spots",
        about="whatever is bright",
        typed="finds whatever is bright",
        nothing="No spot was found. Lower the brightness.",
        nothing_typed="Try a lower --brightness.",
    )
    kind = SpotOptions

    def search(self, encoded, options, region=None, progress=silent):
        progress(1.0)
        return FoundSpots(encoded.pixels)


METHOD = Spots()
