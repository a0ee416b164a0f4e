"""How many calls of our own one click takes, and accepting a mask: ``python benchmarks/calls.py``.

Counts calls of functions of this package, on a viewer without a window and with a model that
answers at once, from the press of the mouse or the key until nothing is left to be done. The
first cell makes layers and opens documents and does not count; of the next ones the median does.
``--where`` lists the files, ``--functions`` every function.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests" / "ui"))

import napari_sam  # noqa: E402

PACKAGE = str(Path(napari_sam.__file__).parent)
#: What Python makes a function of and a reader does not; what turns the work without threads,
#: by hand; and the event loop of the tests.
INLINE = {"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"}
BY_HAND = {"run_next", "_take"}
LOOP = str(Path("ui") / "loops.py")
#: Most calls, most files.
CLICK, ACCEPT = (150, 15), (90, 12)


def count(act: Callable[[], None]) -> Counter[CodeType]:
    """Count the calls of our own functions while something is done."""
    calls: Counter[CodeType] = Counter()
    entered: set[int] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        # A generator that goes on is no new call.
        if event != "call" or not code.co_filename.startswith(PACKAGE) or id(frame) in entered:
            return
        if code.co_name not in INLINE | BY_HAND and not code.co_filename.endswith(LOOP):
            if code.co_flags & 0x20:
                entered.add(id(frame))
                held.append(frame)
            calls[code] += 1

    held: list[FrameType] = []  # so that no other frame gets the same id
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls


def cells(bench: Any, places: list[tuple[int, int]]) -> tuple[list[Any], list[Any]]:
    """Click and accept a cell at every place; return the counts of both."""
    clicks, accepts = [], []

    def settle() -> None:
        # Not yet what waits for ten seconds without a click.
        bench.loop.drop("tidy")
        bench.settle()

    def click(place: tuple[int, int]) -> None:
        bench.click(*place)
        settle()

    def accept() -> None:
        bench.press("Enter")
        settle()

    for place in places:
        clicks.append(count(lambda place=place: click(place)))
        accepts.append(count(accept))
    return clicks, accepts


def _files(calls: Counter[CodeType]) -> Counter[str]:
    found: Counter[str] = Counter()
    for code, times in calls.items():
        found[str(Path(code.co_filename).relative_to(PACKAGE))] += times
    return found


def tell(what: str, runs: list[Counter[CodeType]], most: tuple[int, int], options: Any) -> bool:
    """Print one line, and whatever else is wanted; say whether it is within its bounds."""
    calls = round(statistics.median(run.total() for run in runs))
    files = round(statistics.median(len(_files(run)) for run in runs))
    print(f"{what}: {calls} calls in {files} files (at most {most[0]} in {most[1]})")
    if options.where:
        for name, times in _files(runs[-1]).most_common():
            print(f"  {times:5} {name}")
    if options.functions:
        for code, times in runs[-1].most_common():
            name = Path(code.co_filename).relative_to(PACKAGE)
            print(f"  {times:5} {name}:{code.co_firstlineno} {code.co_qualname}")
    return calls <= most[0] and files <= most[1]


def main() -> int:
    """Count, and return 1 when a bound is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--where", action="store_true", help="list the files")
    parser.add_argument("--functions", action="store_true", help="list the functions")
    options = parser.parse_args()
    from conftest import Bench
    from fake_model import blobs

    places = [(10, 12), (10, 40), (10, 68), (34, 12), (34, 40), (34, 68), (54, 26)]
    bench = Bench()
    bench.viewer.add_image(blobs((64, 80), places, radius=6), name="cells")
    bench.settle()
    clicks, accepts = cells(bench, places)
    bench.session.close()
    within = tell("A click", clicks[2:], CLICK, options)
    within = tell("Accepting", accepts[2:], ACCEPT, options) and within
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
