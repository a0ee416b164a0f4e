"""What is known of an object by the slices on which it was shown."""

from __future__ import annotations

from discs_seen import LIGHT, disc, one_way
from napari_sam.stacks.following import SeenOnSlice, Step
from napari_sam.stacks.passes import own_slices


def test_what_an_object_is_like_is_known_from_its_largest_slice_to_the_outermost() -> None:
    chain = [one_way(9, -1, [25, 24, 22, 20, 18]), one_way(6, -1, [16, 14]), one_way(4, -1, [8])]
    given = []

    def drawn(step: Step, expected: SeenOnSlice | None) -> SeenOnSlice:
        given.append(expected)
        return SeenOnSlice(step.region, 1.0, 0.0, LIGHT, LIGHT, 0.0, 1.0)

    own = own_slices(chain, drawn)
    assert own.area == disc(25).area
    assert [seen.region.area for seen in own.seen] == [disc(r).area for r in (24, 22, 16, 14, 8)]
    assert given == [chain[0].seen[2], None]  # what the way there saw, where it came so far
    assert own_slices(chain[2:], drawn).seen == []
