"""What is found between shown slices, and what is known of an object by them."""

from __future__ import annotations

import numpy as np

from napari_sam.regions import Region
from napari_sam.stacks.following import NOBODY, Seen, Step
from napari_sam.stacks.light import Light
from napari_sam.stacks.passes import Pass, meet, own_slices

LIGHT = Light(0.8, 0.1)


def disc(radius: int) -> Region:
    rows, columns = np.indices((61, 61)) - 30
    return Region.of(rows**2 + columns**2 <= radius**2)


def one_way(start: int, way: int, radii: list[int]) -> Pass:
    """A pass that saw discs, from the first radius on."""
    found = Pass(Step(start, disc(radii[0]), 1.0), way)
    found.seen = [Seen(disc(radius), 0.9, 0.8, LIGHT, LIGHT, 0.9, 1.0) for radius in radii[1:]]
    return found


def radii_of(steps: dict[int, Step]) -> list[float]:
    return [float(np.sqrt(step.region.area / np.pi)) for step in steps.values()]


def test_between_a_tip_and_a_middle_the_way_from_the_middle_counts() -> None:
    """From a tip nobody finds the whole object; from its middle, the tip is found."""
    right = [6, 16, 21, 24, 25]
    lost, found = [6, 7, 7, 7], [25, 24, 21, 16]
    ways = [
        radii_of(meet(one_way(3, 1, lost), one_way(7, -1, found))),
        radii_of(meet(one_way(3, 1, found), one_way(7, -1, lost)))[::-1],
    ]
    for radii in ways:
        np.testing.assert_allclose(radii, right[1:-1], atol=2.5)


def test_between_equal_slices_the_nearer_one_counts() -> None:
    radii = radii_of(meet(one_way(0, 1, [20, 20, 20, 20]), one_way(4, -1, [20, 10, 10, 10])))
    assert radii == sorted(radii, reverse=True)
    assert abs(radii[1] - 15) < 1


def test_a_side_that_was_lost_leaves_the_other() -> None:
    back = one_way(4, -1, [20, 18])
    steps = meet(one_way(0, 1, [6]), back)
    assert steps[3].region is back.seen[0].region
    assert steps[2].region is NOBODY


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
