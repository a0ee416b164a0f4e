"""Whether a cell that is followed over time divides, told by what its surroundings hold.

On the next frames a model with an automatic head is asked where objects are. If there are several
where the one was, each is clicked, so that parts of one object do not count as two; and what is
found is linked with the cell and its neighbours on the frames before, by the rules of
`napari_sam.stacks.link`: a neighbour that comes near is explained by where it was. A division is
told only if both daughters are still there some frames later: one that is not told costs a click,
one that is told wrongly an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.models.model import Embedding, Model
from napari_sam.prompts import Prompt
from napari_sam.regions import Region, box_of, common, iou_of
from napari_sam.stacks.bridging import WIDE, LostSlices
from napari_sam.stacks.crops import Others, Slices, Window
from napari_sam.stacks.following import Step
from napari_sam.stacks.frames import Floats, describe
from napari_sam.stacks.lineage import LATELY, Lineage, Nodes, join
from napari_sam.stacks.link import link_two

LASTING_FRAMES = 2  # frames after their first one on which both daughters have to be seen
DAUGHTER_REACH = 0.75  # diameters around the cell's middle where daughters' middles lie
SURE_DIVISION = 2.0  # log-odds that are asked of a division: 7 to 1
SAME_CELL = 0.5  # IoU with the cell from which one of two objects is the cell
NEIGHBOUR_REACH = 1.5  # diameters within which neighbours lie that may explain what is seen
MOST_OBJECTS = 8  # objects that are looked at around a cell
LEAST_PEAK = 0.25  # least height of what may be the middle of an object
SAME_COVERED = 0.5  # share of an object that is covered by another one if they are the same

Ids = npt.NDArray[np.int32]


class Divisions:
    """Tells divisions of cells in a movie.

    Parameters
    ----------
    slices : Slices
        The frames.
    finder : Model
        With an automatic head.
    others : Others, optional
        Objects that are known, and nobody's daughters.
    """

    def __init__(self, slices: Slices, finder: Model, others: Others | None = None) -> None:
        self._slices, self._finder, self._others = slices, finder, others
        self._seen: dict[tuple[int, Region, float], list[Step]] = {}

    def at(self, frame: int, known: Mapping[int, Region]) -> tuple[Step, Step] | None:
        """Find the daughters of a cell that divides between the frame before and this one.

        Parameters
        ----------
        frame : int
        known : dict of int to Region
            The cell on the frames before, the last one at least.

        Returns
        -------
        (Step, Step) or None
            The daughters on the frame, and how certain their outlines are.
        """
        mother = known[frame - 1]
        if frame + LASTING_FRAMES >= self._slices.depth:
            return None
        earlier = [t for t in range(frame - 1 - LATELY, frame) if t in known]
        wide = max(diameter_of(known[t]) for t in earlier)
        if len(self._objects(frame, mother, DAUGHTER_REACH * wide, least=2)) < 2:
            return None
        lost = LostSlices(self._slices, Window.around(mother, self._slices.plane, WIDE))
        earlier = [t for t in earlier if not lost.holds(t, 1)] or earlier
        frames = (t for t in range(frame, self._slices.depth) if not lost.holds(t, 1))
        later = list(islice(frames, LASTING_FRAMES + 1))
        if later[0] > frame or len(later) <= LASTING_FRAMES:
            return None
        before = [[known[t], *self._beside(t, known[t])] for t in earlier]
        found: list[list[Region]] = []
        for t in later:  # what is not there at once needs no further look
            objects = self._objects(t, mother, NEIGHBOUR_REACH * wide)
            found.append([one.region for one in objects])
            linked = _linked(before, found, self._slices)
            if linked is None or linked[1] < SURE_DIVISION:
                return None
        assert linked is not None
        first = self._objects(frame, mother, NEIGHBOUR_REACH * wide)
        daughters = first[linked[0][0]], first[linked[0][1]]
        if max(iou_of(one.region, mother) for one in daughters) > SAME_CELL:
            return None
        return daughters

    # -- what is around a cell --------------------------------------------------------------------

    def _beside(self, frame: int, cell: Region) -> list[Region]:
        """List the objects around a cell that are not the cell."""
        found = self._objects(frame, cell, NEIGHBOUR_REACH * diameter_of(cell))
        return [one.region for one in found if not _same(one.region, cell)]

    def _objects(self, frame: int, cell: Region, reach: float, least: int = 1) -> list[Step]:
        """List the objects whose middles are near that of a cell, the surest first.

        Parameters
        ----------
        reach : float
            Within so many pixels.
        least : int
            None is listed where the model sees fewer middles.
        """
        asked = frame, cell, reach
        if asked not in self._seen:
            middles = self._middles(frame, cell, reach)[:MOST_OBJECTS]
            self._seen[asked] = self._clicked(frame, cell, middles) if len(middles) >= least else []
        return self._seen[asked]

    def _clicked(self, frame: int, cell: Region, middles: list[tuple[int, int]]) -> list[Step]:
        """Click objects around a cell; what is found shares no pixel."""
        window, embedding = self._look(frame, cell)
        top, left = window.top + 0.5, window.left + 0.5
        r0, c0, r1, c1 = cell.box
        around = Prompt(boxes=[(r0 - top, c0 - left, r1 - top, c1 - left)])
        view = self._finder.window_for(embedding, around)
        clicks = [Prompt([middle], window=view) for middle in middles]
        found = self._finder.predict_each(embedding, clicks)
        found.sort(key=lambda answer: -float(answer.scores[0]))
        known = None if self._others is None else self._others.read(frame, window)
        taken = np.zeros(window.shape, bool) if known is None else known != 0
        objects = []
        for answer in found:
            mask = answer.masks[0]
            free = mask & ~taken
            if np.count_nonzero(free) > (1 - SAME_COVERED) * np.count_nonzero(mask):
                objects.append(Step(frame, window.region(free), float(answer.scores[0])))
                taken |= mask
        return objects

    def _look(self, frame: int, cell: Region) -> tuple[Window, Embedding]:
        window = Window.around(cell, self._slices.plane)
        pixels = self._slices.read(frame, window)
        return window, self._finder.encode_window(pixels, limits=self._slices.limits)

    def _middles(self, frame: int, cell: Region, reach: float) -> list[tuple[int, int]]:
        """Return where objects may have their middles, within some pixels, nearest first."""
        window, embedding = self._look(frame, cell)
        maps = self._finder.instance_maps(embedding, diameter=diameter_of(cell))
        highest = maps.centre == ndi.maximum_filter(maps.centre, 3)
        peaks = np.argwhere(highest & (maps.centre > LEAST_PEAK) & (maps.foreground > 0.5))
        places = (peaks + 0.5) * maps.scale + np.array(maps.origin) - 0.5
        middle = middle_of(cell) - np.array([window.top, window.left])
        apart = np.linalg.norm(places - middle, axis=1)
        near = [i for i in np.argsort(apart, kind="stable") if apart[i] < reach]
        at = np.rint(places[near]).astype(int).clip(0, np.array(window.shape) - 1)
        return [(int(row), int(column)) for row, column in at]


def diameter_of(region: Region) -> float:
    """Return the diameter of a disc of the region's area, in pixels."""
    return 2 * float(np.sqrt(region.area / np.pi))


def middle_of(region: Region) -> Floats:
    """Return the centroid of a region."""
    place = np.argwhere(region.mask).mean(axis=0) + np.array([region.top, region.left])
    return np.asarray(place, np.float64)


def _same(one: Region, other: Region) -> bool:
    """Whether the smaller of two regions is covered by the larger one."""
    return common(one, other) > SAME_COVERED * min(one.area, other.area)


def _around(regions: list[Region], plane: tuple[int, int]) -> Window:
    """Return what holds some regions; at its border are only those at the plane's border."""
    r0, c0, r1, c1 = box_of(regions) or (0, 0, 0, 0)
    top, left = max(r0 - 1, 0), max(c0 - 1, 0)
    return Window(top, left, (min(r1 + 1, plane[0]) - top, min(c1 + 1, plane[1]) - left))


def _painted(regions: list[Region], window: Window) -> Ids:
    """Paint regions with their numbers from 1; of those that overlap the first is on top."""
    labels = np.zeros(window.shape, np.int32)
    for number in range(len(regions), 0, -1):
        labels[window.mask(regions[number - 1])] = number
    return labels


def _linked(
    before: list[list[Region]], after: list[list[Region]], slices: Slices
) -> tuple[tuple[int, int], float] | None:
    """Link a cell, the first of every frame before, with what is there afterwards.

    Returns
    -------
    ((int, int), float) or None
        Which two of the first frame afterwards are her daughters and last as long as is known,
        and the log-odds of that.
    """
    window = _around([one for some in (*before, *after) for one in some], slices.plane)
    labels = [_painted(some, window) for some in (*before, *after)]
    frames = [describe(one) for one in labels]
    pairs = zip(labels, labels[1:], frames, frames[1:], strict=False)
    lineage = Lineage.of(frames, [link_two(*two) for two in pairs])
    join(lineage, Nodes.of(frames), max_gap=0, divisions=True)
    mother, first = int(lineage.start[len(before) - 1]), int(lineage.start[len(before)])
    daughters = np.flatnonzero(lineage.mother == mother)
    later = daughters
    for _ in after[1:]:
        later = lineage.after[later]
        if (later < 0).any():
            return None
    if len(daughters) != 2:
        return None
    one, other = (int(number) - 1 for number in frames[len(before)].ids[daughters - first])
    return (one, other), float(lineage.certainty[daughters].min())
