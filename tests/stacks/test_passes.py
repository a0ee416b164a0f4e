"""What is known of an object by the slices on which it was shown."""

from __future__ import annotations

import numpy as np

from napari_sam.regions import Region
from napari_sam.stacks.following import Seen, Step
from napari_sam.stacks.light import Light
from napari_sam.stacks.passes import Pass, own_slices

LIGHT = Light(0.8, 0.1)


def disc(radius: int) -> Region:
    rows, columns = np.indices((61, 61)) - 30
    return Region.of(rows**2 + columns**2 <= radius**2)


def one_way(start: int, way: int, radii: list[int]) -> Pass:
    """A pass that saw discs, from the first radius on."""
    found = Pass(Step(start, disc(radii[0]), 1.0), way)
    found.seen = [Seen(disc(radius), 0.9, 0.8, LIGHT, LIGHT, 0.9, 1.0) for radius in radii[1:]]
    return found


def test_what_an_object_is_like_is_known_from_its_largest_slice_to_the_outermost() -> None:
    chain = [one_way(9, -1, [25, 24, 22, 20, 18]), one_way(6, -1, [16, 14]), one_way(4, -1, [8])]
    given = []

    def drawn(step: Step, expected: Seen | None) -> Seen:
        given.append(expected)
        return Seen(step.region, 1.0, 0.0, LIGHT, LIGHT, 0.0, 1.0)

    own = own_slices(chain, drawn)
    assert own.area == disc(25).area
    assert [seen.region.area for seen in own.seen] == [disc(r).area for r in (24, 22, 16, 14, 8)]
    assert given == [chain[0].seen[2], None]  # what the way there saw, where it came so far
    assert own_slices(chain[2:], drawn).seen == []
