"""From annotated planes to an endless, balanced stream of training windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sam.training.augment import augment_image, nothing_but_grain
from napari_sam.training.crops import AnnotatedPlane, AnnotatedWindow, cut_window, prepare_plane
from napari_sam.training.pairs import Pair, scale_to_unit

__all__ = ["FAMILY_WEIGHTS", "Example", "Fresh", "WindowStream", "load_planes"]

#: How often each family is drawn; families that are not named here weigh 1.
FAMILY_WEIGHTS: dict[str, float] = {
    "fluorescence nuclei": 2.2,
    "stained tissue": 2.0,
    "phase / brightfield": 2.2,
    "EM": 1.6,
    "bacteria": 0.6,
    "large objects": 0.6,
    "endothelium": 0.7,
    "slices": 1.2,
    "synthetic": 5.5,
}
#: How often new planes of generated families are generated for a window of them, and how many
#: are kept.
FRESH_SHARES = {"synthetic": 0.15, "slices": 0.03}
KEPT = 800
#: Share of windows made around an object, as prompts are answered.
AROUND_OBJECTS = 0.35
TARGET_DIAMETER = 32.0
#: Factors around the target that objects mostly have, and those of the windows at wrong zooms.
SIZES = (0.4, 2.4)
WRONG_SIZES = (0.18, 5.0)
#: Share of windows at wrong zooms, and of windows that show nothing but grain.
WRONG_SHARE = 0.2
EMPTY_SHARE = 0.02


@dataclass
class Example:
    """A window ready for the network, and the objects a prompt may ask for.

    Attributes
    ----------
    image : ndarray of float32
        (3, S, S).
    labels : ndarray of int32
        (S/2, S/2), ids 1..n without gaps.
    centre, depth, inward, sizes : ndarray of float32
        See :class:`~napari_sam.training.crops.AnnotatedWindow`.
    wanted : int
        Id of the object the window was made for, 0 if it is none in particular.
    neighbour : ndarray of int32 or None
        (S/2, S/2), the objects in a neighbouring slice by the same ids; ids over n are of
        objects that the window does not show.
    """

    image: np.ndarray
    labels: np.ndarray
    centre: np.ndarray
    depth: np.ndarray
    inward: np.ndarray
    sizes: np.ndarray
    wanted: int
    neighbour: np.ndarray | None = None


Fresh = Callable[[str, np.random.Generator], Sequence[AnnotatedPlane]]


def load_planes(
    pairs: Sequence[Pair], say: Callable[[str], None] = lambda text: None
) -> list[AnnotatedPlane]:
    """Read pairs into memory as :class:`AnnotatedPlane`, leaving out planes without objects."""
    planes = []
    for pair in pairs:
        for image, labels, neighbour in pair.slices():
            plane = prepare_plane(scale_to_unit(image, 0.5, 99.9), labels, pair.family, neighbour)
            if plane is not None:
                planes.append(plane)
    say(f"{len(planes)} planes of {len(pairs)} images")
    return planes


class WindowStream:
    """Draws windows: first a family, then a plane, then an object of it, then a zoom.

    Parameters
    ----------
    planes : sequence of AnnotatedPlane
    seed : int
    fresh : callable, optional
        Called with a generated family's name and random numbers, gives new planes of it: so that
        a long run never sees all that there is.
    """

    def __init__(
        self,
        planes: Sequence[AnnotatedPlane],
        seed: int = 0,
        fresh: Fresh | None = None,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.fresh = fresh
        self.families: dict[str, list[AnnotatedPlane]] = {}
        for plane in planes:
            self.families.setdefault(plane.family, []).append(plane)
        self.names = sorted(self.families)
        share = np.array([FAMILY_WEIGHTS.get(name, 1.0) for name in self.names])
        self.share = share / share.sum()
        self.plane_share = {name: self._share(name) for name in self.names}

    def _share(self, name: str) -> np.ndarray:
        """How often the planes of a family are drawn: more objects more, but not in proportion."""
        root = np.sqrt([len(plane.diameter) - 1 for plane in self.families[name]])
        return root / root.sum()

    def _plane(self) -> AnnotatedPlane:
        """Draw a plane; one that is new takes the place of an old one once there are many."""
        rng = self.rng
        name = self.names[rng.choice(len(self.names), p=self.share)]
        members = self.families[name]
        if self.fresh is not None and rng.random() < FRESH_SHARES.get(name, 0):
            for plane in self.fresh(name, rng):
                if len(members) < KEPT:
                    members.append(plane)
                else:
                    members[int(rng.integers(len(members)))] = plane
            self.plane_share[name] = self._share(name)
        return members[rng.choice(len(members), p=self.plane_share[name])]

    def draw(self, size: int) -> Example:
        """Draw one example of ``size`` x ``size`` pixels (a multiple of 32)."""
        rng = self.rng
        while True:
            window, wanted = self._window(self._plane(), size)
            if (window.labels > 0).sum() >= 20 or rng.random() < 0.06:
                break
        if rng.random() < EMPTY_SHARE:
            window = _emptied(window, nothing_but_grain(size, rng))
        ids, compact = np.unique(window.labels, return_inverse=True)
        if ids[0] != 0:
            compact = compact + 1
            ids = np.concatenate([[0], ids])
        image = augment_image(window.image, rng, window.labels, _enlarged(window))
        index = int(np.flatnonzero(ids == wanted)[0]) if wanted in ids else 0
        return Example(
            np.ascontiguousarray(image.transpose(2, 0, 1)),
            compact.reshape(window.labels.shape).astype(np.int32),
            window.centre,
            window.depth,
            window.inward,
            window.sizes,
            index,
            _compact_neighbour(window.neighbour, ids),
        )

    def _window(self, plane: AnnotatedPlane, size: int) -> tuple[AnnotatedWindow, int]:
        rng = self.rng
        diameters = plane.diameter[1:]
        wanted = 0
        if rng.random() < AROUND_OBJECTS:
            # objects of rare sizes as often as those of common sizes
            octave = np.floor(np.log2(np.maximum(diameters, 1)))
            chosen = rng.choice(np.unique(octave))
            wanted = 1 + int(rng.choice(np.flatnonzero(octave == chosen)))
            measure = (plane.diameter, plane.extent)[int(rng.integers(2))]
            goal = float(measure[wanted])
            r0, c0, r1, c1 = plane.corners[wanted]
            middle = np.array([(r0 + r1) / 2, (c0 + c1) / 2])
        else:
            goal = float(np.median(diameters))
            height, width = plane.labels.shape
            middle = rng.uniform(0, 1, 2) * (height, width)
        limits = WRONG_SIZES if rng.random() < WRONG_SHARE else SIZES
        jitter = np.exp(rng.uniform(*np.log(limits)))
        zoom = float(np.clip(TARGET_DIAMETER * jitter / goal, 1 / 24, 8))
        if wanted:
            middle = middle + rng.uniform(-0.3, 0.3, 2) * size / zoom
        else:  # mostly inside the plane, sometimes over its edge
            reach = 0.5 * size / zoom * rng.uniform(0.5, 1.0)
            shape = np.array(plane.labels.shape, float)
            low = np.minimum(reach, shape / 2)
            middle = np.clip(middle, low, shape - low)
        angle = float(rng.integers(4)) * np.pi / 2
        if rng.random() < 0.5:
            angle = float(rng.uniform(0, 2 * np.pi))
        window = cut_window(plane, tuple(middle), zoom, size, angle, bool(rng.random() < 0.5))
        return window, wanted


def _enlarged(window: AnnotatedWindow) -> float:
    """How much larger than usual a window's objects are shown, 1 to 3."""
    known = window.sizes[~np.isnan(window.sizes)]
    return float(np.clip(2.0 ** np.median(known), 1, 3)) if known.size else 1.0


def _compact_neighbour(neighbour: np.ndarray | None, ids: np.ndarray) -> np.ndarray | None:
    """Give a neighbouring slice's objects the places of their ids, those without one new ones."""
    if neighbour is None:
        return None
    theirs, places = np.unique(neighbour, return_inverse=True)
    found = np.searchsorted(ids, theirs).clip(0, len(ids) - 1)
    new = ids[found] != theirs
    found[new] = len(ids) + np.arange(np.count_nonzero(new))
    return found[places].reshape(neighbour.shape).astype(np.int32)


def _emptied(window: AnnotatedWindow, image: np.ndarray) -> AnnotatedWindow:
    """Return a window of the same size that shows an image without objects."""
    return AnnotatedWindow(
        image,
        np.zeros_like(window.labels),
        np.zeros_like(window.centre),
        np.zeros_like(window.depth),
        np.full_like(window.inward, np.nan),
        np.full_like(window.sizes, np.nan),
    )
