"""Where an object ends, told by all slices together."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_sam.regions import Region
from napari_sam.stacks.end_signs import AHEAD, Past, signs_in_time, signs_of
from napari_sam.stacks.ending import OVER_TIME, THROUGH_SLICES, EndingRule, HowFar, Judge, odds_of
from napari_sam.stacks.following import SeenOnSlice
from napari_sam.stacks.light import Light, light_of

SIDE = 10


def slice_of(
    inside: float,
    alone: float,
    side: int = SIDE,
    alike: float | None = None,
    covered: float | None = None,
) -> SeenOnSlice:
    """What a slice shows of a square object that was bright on the slice before.

    If nothing else is said, what a click finds again looks as it did, and was there all the time
    but for what is larger than usual.
    """
    region = Region(np.ones((side, side), bool))
    lights = Light(inside, 0.1), Light(0.9, 0.1)
    looks = alone if alike is None else alike
    share = min((SIDE / side) ** 2, 1.0) if covered is None else covered
    return SeenOnSlice(region, 0.9, alone, *lights, looks, share)


def slices_of(
    inside: float, alone: float, sides: list[int], start: int = SIDE
) -> list[SeenOnSlice]:
    """What slices show of a square that becomes larger and smaller about its corner."""
    return [
        slice_of(inside, alone, side, covered=min(before / side, 1.0) ** 2)
        for before, side in pairwise([start, *sides])
    ]


def judge(
    area: int,
    seen: list[SeenOnSlice],
    whole: bool,
    rule: EndingRule = THROUGH_SLICES,
    own: list[SeenOnSlice] | tuple[()] = (),
) -> HowFar:
    """Judge all slices at once."""
    return Judge(area, rule, own).judge(seen, len(seen), whole)


THERE = [slice_of(0.9, 0.8)] * 5
GONE = [slice_of(0.15, 0.2)] * 5


def test_it_ends_where_it_is_faint_and_a_click_finds_something_else() -> None:
    assert judge(SIDE**2, THERE + GONE, True) == HowFar(5, 5, True)
    assert judge(SIDE**2, THERE, True) == HowFar(5, 5, True)
    assert judge(SIDE**2, [], True) == HowFar(0, 0, True)


def test_a_faint_slice_in_between_is_no_end() -> None:
    assert judge(SIDE**2, [*THERE, GONE[0], *THERE], True).certain == 11


def test_the_outlining_network_is_heard_where_it_says_that_an_object_has_gone() -> None:
    odds = [
        odds_of(Past.of(SIDE**2), [replace(slice_of(0.5, 0.5), there=there)], THROUGH_SLICES)[0][1]
        for there in (-9.0, -0.5, 0.0, 9.0)
    ]
    assert odds[0] < odds[1] < odds[2] == odds[3]


def test_the_outlining_network_alone_does_not_end_what_all_else_shows() -> None:
    doubted = [replace(one, there=-9.0) for one in THERE]
    assert judge(SIDE**2, doubted, True) == HowFar(5, 5, True)


def test_half_as_bright_is_still_there_if_it_stays_so() -> None:
    dim = [slice_of(0.5, 0.7)] * 6
    assert judge(SIDE**2, THERE + dim, True).certain == 11
    assert judge(SIDE**2, THERE + dim + GONE, True).certain == 11


def test_what_swells_is_another_object() -> None:
    other = [slice_of(0.8, 0.6, 4 * SIDE)] * 4
    assert judge(SIDE**2, THERE + other, True).certain < 9


def test_what_was_shown_at_its_tip_may_widen() -> None:
    ball = slices_of(0.9, 0.8, [18, 23, 25, 26, 26, 25, 23, 18, 10])
    assert judge(SIDE**2, ball, True) == HowFar(9, 9, True)
    assert judge(SIDE**2, ball + [slice_of(0.8, 0.6, 4 * SIDE)] * 4, True).certain == 9
    assert (signs_of(Past.of(SIDE**2), ball)[:, 3] == 1).all()


def test_what_lies_elsewhere_is_another_object() -> None:
    """As bright, as large, alike, found by a click as well: but beside where the object was."""
    beside = slice_of(0.9, 0.8, covered=0.2)
    assert judge(SIDE**2, [*THERE, beside, *THERE], True).certain == 5


def test_a_waist_is_a_sign_of_an_end() -> None:
    """Where an object shrinks and something becomes larger again, one may lie on the other."""
    waist, rod = [9, 6, 3, 6, 9, 10], [10] * 6
    signs = [signs_of(Past.of(SIDE**2), slices_of(0.9, 0.8, sides))[:, 4] for sides in (waist, rod)]
    assert signs[0].argmax() == 2
    assert signs[0].max() == 1  # log of so much larger as says all there is to say
    assert signs[1].tolist() == [0] * 6
    assert signs_of(Past.of(SIDE**2), slices_of(0.9, 0.8, [9, 6, 3]))[:, 4].tolist() == [0] * 3


def test_what_looks_otherwise_is_another_object() -> None:
    """As bright, as large, and found by a click as well: a cell below, or one of a texture."""
    here, below = (slice_of(0.9, 0.8, SIDE, alike) for alike in (0.9, 0.2))
    assert judge(SIDE**2, [here] * 5 + [below] * 4, True).certain == 5
    assert judge(SIDE**2, [here] * 5 + [below] + [here] * 4, True).certain == 10
    assert judge(SIDE**2, [below] * 5, True).certain == 5  # what never looks alike tells nothing


def test_what_is_known_of_its_own_slices_tells_where_it_ends_beyond_a_corrected_tip() -> None:
    """Seen from its tip alone, a blur that hardly changes could still be the object."""
    tip = Light(0.3, 0.1)
    blur = [SeenOnSlice(slice_of(0, 0).region, 0.9, 0.35, Light(0.28, 0.1), tip, 0.35, 1.0)] * 6
    assert judge(SIDE**2, blur, True).certain == 6
    shown = SeenOnSlice(slice_of(0, 0).region, 1.0, 0.0, tip, tip, 0.0, 1.0)
    own = [slice_of(0.9, 0.85, 2 * SIDE)] * 4 + [slice_of(0.6, 0.7, 15), shown]
    assert judge(4 * SIDE**2, blur, True, own=own).certain == 0


def test_beyond_its_own_slices_it_does_not_widen_again() -> None:
    wider = slices_of(0.9, 0.6, [16, 20, 22])
    shrinking = slices_of(0.9, 0.8, [28, 24, 16, 12, 10], start=30)
    assert judge(SIDE**2, wider, True).certain == 3
    assert judge(900, wider, True, own=shrinking).certain == 0


def test_in_time_it_may_grow_and_fade_as_long_as_it_is_found() -> None:
    pulsing = [slice_of(0.9, 0.8, side) for side in (12, 9, 16, 9, 15, 9, 16)]
    fading = [slice_of(inside, 0.7, 15) for inside in np.linspace(0.9, 0.15, 12)]
    assert judge(SIDE**2, pulsing + fading, True, OVER_TIME) == HowFar(19, 19, True)
    assert judge(SIDE**2, pulsing + fading, True).certain < 7  # through slices, that is a swap


def test_in_time_it_ends_where_a_click_does_not_find_it_any_more() -> None:
    assert judge(SIDE**2, THERE + GONE, True, OVER_TIME).certain == 5
    other = [slice_of(0.9, 0.4, 3 * SIDE)] * 4
    assert judge(SIDE**2, THERE + other, True, OVER_TIME).certain == 5
    blurred = [*THERE, slice_of(0.9, 0.2, 2 * SIDE), *THERE]
    assert judge(SIDE**2, blurred, True, OVER_TIME).certain == 11
    assert signs_in_time(Past.of(SIDE**2), []).shape == (0, 2)


def test_in_time_it_may_return_from_the_border_though_a_click_hardly_finds_it() -> None:
    leaving = [slice_of(0.9, alone, side) for alone, side in ((0.8, 9), (0.5, 7), (0.4, 6))]
    back = [slice_of(0.9, 0.45, side) for side in (7, 7, 8)]
    assert judge(SIDE**2, leaving + back, True, OVER_TIME).certain == 6


def test_nothing_is_certain_before_the_next_slices_are_known() -> None:
    assert judge(SIDE**2, THERE[:AHEAD], False) == HowFar(0, AHEAD, False)
    assert judge(SIDE**2, THERE, False) == HowFar(5 - AHEAD, 5, False)
    assert judge(SIDE**2, THERE + GONE + GONE, False) == HowFar(5, 5, True)


def test_an_object_without_contrast_is_told_by_the_click_alone() -> None:
    flat = [replace(one, light=Light(0.4, 0.4), before=Light(0.4, 0.4)) for one in THERE]
    assert (signs_of(Past.of(SIDE**2), flat)[:, 0] == 0).all()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 30)), max_size=12))
def test_what_was_certain_stays_so_whatever_follows(shown: list[tuple[float, float, int]]) -> None:
    seen = [slice_of(*one) for one in shown]
    for rule in (THROUGH_SLICES, OVER_TIME):
        check_that_it_stays(seen, rule)


def check_that_it_stays(seen: list[SeenOnSlice], rule: EndingRule) -> None:
    told = [judge(SIDE**2, seen[:n], False, rule) for n in range(len(seen) + 1)]
    for now, later in pairwise(told):
        assert later.certain >= now.certain
        assert later.over >= now.over
        assert later == now or not now.over
        assert now.certain <= now.likely
    assert np.isfinite(rule.signs(Past.of(SIDE**2), seen)).all()


SLICE = st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 30), st.booleans())


@given(st.lists(SLICE, max_size=14), st.integers(0, 14))
def test_slices_that_come_one_by_one_are_judged_as_all_at_once(
    shown: list[tuple[float, float, int, bool]], again: int
) -> None:
    seen = [replace(slice_of(*one), lost=lost) for *one, lost in shown]
    for rule in (THROUGH_SLICES, OVER_TIME):
        along = Judge(SIDE**2, rule, THERE)
        for count in [*range(len(seen) + 1), min(again, len(seen)), len(seen)]:
            for whole in (False, True):
                at_once = judge(SIDE**2, seen[:count], whole, rule, THERE)
                assert along.judge(seen, count, whole) == at_once
        past = Past.of(SIDE**2)
        for number, one in enumerate(seen):
            rest = rule.signs(Past.of(SIDE**2), seen)[number:]
            np.testing.assert_allclose(rule.signs(past, seen[number:]), rest)
            past = past.after(one)


def inverted(light: Light) -> Light:
    return Light(1 - light.inside, 1 - light.around)


def test_a_dark_object_counts_as_a_bright_one() -> None:
    dark = [
        replace(one, light=inverted(one.light), before=inverted(one.before)) for one in THERE + GONE
    ]
    assert np.allclose(signs_of(Past.of(SIDE**2), dark), signs_of(Past.of(SIDE**2), THERE + GONE))
    assert light_of(np.ones((3, 3), bool), np.full((3, 3), 0.5)) == Light(0.5, 0.5)
