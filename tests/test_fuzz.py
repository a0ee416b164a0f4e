"""A share of `benchmarks/fuzz.py`: hostile values for the public functions."""

from __future__ import annotations

import fuzz

# Functions that take anything for what it is and refuse the rest.
SAFE = (
    "Prompt", "check_", "contrast_limits", "normalise", "draw_overlay", "measure", "next_id",
    "writable", "PixelSize", "progress", "delete", "merge", "split", "cut", "replace", "Edit",
    "restrict", "export", "fake predict", "segment_", "interpolate",
    "link_labels", "propagate", "track_cells",
)  # fmt: skip


def test_no_call_ends_in_silence_or_in_an_error_of_another_kind() -> None:
    wrong = [
        f"{outcome.kind}: {call.words(target)}: {outcome.words}"
        for target, call, outcome in fuzz.fuzz(800, real=False, only=SAFE)
        if outcome.kind != fuzz.FINE
    ]
    assert not wrong, "\n".join(wrong)


def test_what_goes_wrong_is_seen() -> None:
    target = fuzz.Target("f", lambda value: [1, 2][value], {"value": 0}, {"value": "share"})
    outcomes = {fuzz.make(target, fuzz.Call(0, (("value", at),))).kind for at in range(20)}
    assert {fuzz.UNTYPED, fuzz.SILENT} & outcomes == {fuzz.UNTYPED}
    target = fuzz.Target("g", lambda value: None, {"value": 0}, {"value": "share"})
    assert fuzz.make(target, fuzz.Call(0, (("value", 0),))).kind == fuzz.SILENT
