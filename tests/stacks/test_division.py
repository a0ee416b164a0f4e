"""A cell that divides while it is followed, and its daughters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_sam as ns
from dividing import BORN, FRAMES, SHAPE, Disc, daughters, disc, dividing, mother, movie
from elephant import Elephant
from fake_model import FakeModel
from napari_sam.errors import ParameterError
from napari_sam.regions import Region
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.descendants import Descendants
from napari_sam.training.synthetic import generate_timelapse


def followed(image: np.ndarray, start: int = 0, **how: Any) -> ns.Propagation:
    return ns.propagate(image, {start: image[start] > 100}, FakeModel(), divisions=True, **how)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def family(image: np.ndarray) -> Descendants:
    """A cell that was shown on frame 0, and what became of it."""

    def make(model: Any, limits: Any) -> Carry:
        return Carry(image, model, limits=limits, over_time=True)

    found = Descendants(make, FakeModel(), FakeModel)
    found.show(0, disc(*mother(0)))
    return followed_on(found)


def followed_on(found: Descendants) -> Descendants:
    for _ in range(40 * FRAMES):
        if found.done:
            return found
        found.advance()
    raise AssertionError("it never ends")


def test_a_cell_ends_where_it_divides_and_its_daughters_go_on_under_their_own_numbers() -> None:
    image = dividing()
    found = followed(image)
    assert found.divides == 5
    assert found.slices.tolist() == list(range(5))
    assert found.parents == {2: 1, 3: 1}
    for t in range(5, FRAMES):
        both = [one.mask[t] for one in found.daughters.values()]
        for true in daughters(t, 5):
            assert max(overlap(mask, disc(*true)) for mask in both) > 0.8
    tracks = found.tracks()
    assert tracks.graph() == {2: [1], 3: [1]}
    rows = tracks.table.set_index("label")
    assert rows["parent"].tolist() == [0, 1, 1]
    assert rows.loc[[1, 2], ["first", "last"]].to_numpy().tolist() == [[0, 4], [5, FRAMES - 1]]
    for number, one in {1: found, **found.daughters}.items():
        assert overlap(tracks.labels == number, one.mask) > 0.9


def test_unless_that_is_wanted_nothing_is_said_of_divisions() -> None:
    image = dividing()
    plain = ns.propagate(image, {0: image[0] > 100}, FakeModel(), over_time=True)
    assert (plain.divides, plain.daughters, plain.parents) == (None, {}, {})
    assert plain.slices[-1] >= 5  # it went on as one of them, or as both
    with pytest.raises(ParameterError, match="divisions"):
        ns.propagate(image, {0: image[0] > 100}, FakeModel(), divisions=1)  # type: ignore[arg-type]


def test_from_a_click_on_a_later_frame_in_both_directions() -> None:
    image = dividing(born=8)
    click = {4: ns.Prompt(points=[(50, 54)])}
    found = ns.propagate(image, click, FakeModel(), divisions=True)
    assert found.slices.tolist() == list(range(8))
    assert sorted(found.daughters) == [2, 3]


def test_daughters_divide_in_their_turn() -> None:
    frames: list[list[Disc]] = []
    for t in range(FRAMES):
        if t < 3:
            frames.append([(50, 60, 14)])
        elif t < 8:
            frames.append([(38, 60, 9), (62, 60, 9)])
        else:
            frames.append([(38, 52, 6), (38, 68, 6), (62, 60, 9)])
    found = followed(movie(frames))
    assert found.divides == 3
    upper = next(n for n in (2, 3) if found.daughters[n].mask[3, 38, 60])
    assert found.daughters[upper].divides == 8
    assert found.parents == {2: 1, 3: 1, 4: upper, 5: upper}
    assert found.daughters[4].slices.tolist() == list(range(8, FRAMES))


def test_a_neighbour_that_comes_near_is_nobodys_daughter() -> None:
    frames = [[(50, 50, 8), (50, 94 - 5 * min(t, 5), 8)] for t in range(FRAMES)]
    image = movie(frames)
    one = disc(50, 50, 8)
    found = ns.propagate(image, {0: one}, FakeModel(), divisions=True)
    assert (found.divides, found.daughters) == (None, {})
    assert found.slices.tolist() == list(range(FRAMES))


@pytest.mark.parametrize("torn", [1, 2])
def test_a_cell_that_looks_torn_for_a_moment_has_not_divided(torn: int) -> None:
    frames = [daughters(t, t) if 5 <= t < 5 + torn else [mother(t)] for t in range(FRAMES)]
    assert followed(movie(frames)).divides is None


@pytest.mark.parametrize("lost", [BORN - 2, BORN - 1, BORN, BORN + 1, BORN + 2])
def test_a_division_is_told_beside_a_frame_that_was_lost(lost: int) -> None:
    image = dividing()
    image[lost] = 0
    found = followed(image)
    assert found.divides == (BORN + 1 if lost == BORN else BORN)
    assert sorted(found.daughters) == [2, 3]
    for one in found.daughters.values():
        assert one.slices.tolist() == list(range(found.divides, FRAMES))


def test_a_cell_of_a_single_row_is_asked_about_too() -> None:
    image = dividing()
    image[0] = np.where(np.indices(SHAPE)[0] == 50, image[0], 10)
    assert followed(image).slices[0] == 0


def test_what_only_the_last_frames_show_is_not_told() -> None:
    assert followed(dividing(born=FRAMES - 2)).divides is None
    assert followed(dividing(born=FRAMES - 3)).divides == FRAMES - 3


def test_objects_that_are_known_are_nobodys_daughters() -> None:
    image = dividing()
    others = np.zeros(image.shape, int)
    others[5:] = [9 * disc(*daughters(t, 5)[0]) for t in range(5, FRAMES)]
    assert followed(image, others=others).divides is None


def test_nobody_is_followed_beyond_the_frames_that_were_allowed() -> None:
    found = followed(dividing(), last=9)
    assert found.divides == 5
    assert {int(one.slices[-1]) for one in found.daughters.values()} == {9}
    assert followed(dividing(), last=4).divides is None


def test_a_model_with_a_memory_hears_of_divisions_too() -> None:
    image = dividing()
    start = {0: image[0] > 100}
    found = ns.propagate(image, start, Elephant(), finder=FakeModel(), divisions=True)
    assert found.divides == 5
    assert found.slices.tolist() == list(range(5))
    assert found.parents == {2: 1, 3: 1}
    assert all(one.slices[-1] == FRAMES - 1 for one in found.daughters.values())


def test_where_a_person_says_that_it_is_it_has_not_divided() -> None:
    known = family(dividing())
    assert known.first.divided == 5
    known.show(0, disc(*mother(0)))
    assert len(known.members) == 1  # what is said is heard at once
    known.show(9, disc(*daughters(9, 5)[0]))
    followed_on(known)
    assert known.first.divided is None
    assert set(range(FRAMES)) <= set(known.steps)
    known.forget(9)
    assert followed_on(known).first.divided == 5


def test_a_daughter_is_corrected_and_the_rest_of_the_family_stays() -> None:
    known = family(dividing())
    drawn = disc(*daughters(8, 5)[0]) & (np.indices(SHAPE)[1] < 58)
    number = next(n for n in (2, 3) if known.members[n].carry.steps[8].region.top < 50)
    other = known.members[5 - number].carry.steps
    known.show(8, drawn)
    followed_on(known)
    assert known.first.divided == 5
    assert known.members[number].carry.steps[8].region.area == np.count_nonzero(drawn)
    assert known.members[5 - number].carry.steps == other
    assert known.shown == [0, 8]
    known.show(2, disc(*mother(2)))  # her mother is: what was said of the daughter still holds
    followed_on(known)
    assert known.first.divided == 5
    corrected = [one.carry.steps[8].region.area for one in known.members.values() if one.parent]
    assert np.count_nonzero(drawn) in corrected
    known.forget(8)
    followed_on(known)
    areas = [one.carry.steps[8].region.area for one in known.members.values() if one.parent]
    assert np.count_nonzero(drawn) not in areas


def test_a_mark_that_holds_both_daughters_says_that_it_has_not_divided() -> None:
    known = family(dividing())
    both = np.any([disc(*one) for one in daughters(7)], axis=0)
    known.show(7, both)
    followed_on(known)
    assert known.first.divided is None
    assert known.steps[7].region.area == both.sum()


def test_a_daughter_who_was_lost_is_shown_again_where_she_is() -> None:
    known = family(dividing())
    number = next(n for n in (2, 3) if known.members[n].carry.steps[6].region.top < 50)
    known.members[number].carry.limit(BORN, 8)  # as if nothing of her had been found behind
    known.show(12, disc(*daughters(12)[0]))
    assert known.first.divided == BORN
    assert known.members[number].corrected == {12}


def test_what_is_expected_of_daughters_is_heard_when_they_are_known() -> None:
    image, drawn = dividing(), disc(*daughters(8)[0]) & (np.indices(SHAPE)[1] < 58)
    known = family(image)
    known.show(0, disc(*mother(0)))
    known.expect(8, Region.of(drawn), 1.0)
    followed_on(known)
    assert known.first.divided == BORN
    assert drawn.sum() in [known.members[n].carry.steps[8].region.area for n in (2, 3)]
    single = family(movie([[mother(t)] for t in range(FRAMES)]))
    single.expect(8, Region.of(disc(*mother(8))), 1.0)
    assert followed_on(single).first.carry.shown == [0, 8]  # there are none
    assert single.corrected == frozenset()


def test_a_daughter_that_is_corrected_where_she_begins_can_be_taken_back() -> None:
    known = family(dividing())
    born = {n: known.members[n].carry.steps[5].region for n in (2, 3)}
    small = Region.of(disc(*daughters(5, 5)[1]) & (np.indices(SHAPE)[1] < 56))
    known.show(5, small)
    assert small.area in [known.members[n].carry.steps[5].region.area for n in (2, 3)]
    known.forget(5)
    for n, region in born.items():
        assert known.members[n].carry.steps[5].region.area == region.area > small.area
    assert known.shown == [0]


def test_an_end_set_by_hand_before_it_divides_can_be_taken_back() -> None:
    known = family(dividing())
    known.limit(0, 3)
    assert list(known.steps) == [0, 1, 2, 3]
    assert not any(one.carry.steps for one in known.members.values() if one.parent)
    known.limit(0, FRAMES - 1)
    known.absent = {2}
    followed_on(known)
    assert list(known.steps) == [0, 1, 3, 4]
    assert all(len(known.members[n].carry.steps) == FRAMES - 5 for n in (2, 3))


def test_divisions_of_a_generated_movie_with_the_shipped_model() -> None:
    sample = generate_timelapse(103, (20, 128, 128))
    image, true = sample.image[:8], sample.labels[:8]
    found = ns.propagate(image, {0: true[0] == 11}, "cells", divisions=True)
    assert found.divides == np.flatnonzero((true == 11).any(axis=(1, 2)))[-1] + 1
    for number in [child for child, parent in sample.info["parents"].items() if parent == 11]:
        daughter = true[found.divides] == number
        both = [one.mask[found.divides] for one in found.daughters.values()]
        assert max(overlap(mask, daughter) for mask in both) > 0.7
