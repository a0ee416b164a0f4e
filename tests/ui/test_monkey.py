"""A share of `benchmarks/monkey.py`: random acts, and two viewers in one process."""

from __future__ import annotations

import warnings

import monkey


def test_random_acts_break_nothing_and_are_undone_exactly(make_bench):
    undone = 0
    for seed in (3, 7, 11):
        wrong, changes = monkey.play(make_bench(), seed, 150)
        assert not wrong
        undone += changes
    assert undone > 0  # else nothing was kept or deleted at all


def test_two_viewers_in_one_process_share_nothing(make_bench):
    benches = [make_bench(), make_bench()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        players = [monkey.Monkey(bench, seed) for seed, bench in enumerate(benches)]
        for _ in range(40):
            for player, other in zip(players, reversed(players), strict=True):
                before = other.pixels()
                player.play(2)
                assert monkey.same(before, other.pixels())
