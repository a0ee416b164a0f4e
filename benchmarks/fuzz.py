"""Call every public function with hostile values and count what goes wrong.

    python benchmarks/fuzz.py [--calls 6000] [--seed 0] [--only TEXT...] [--list 40]

Every call is a right one in which one argument, later two, are replaced by values of `hostile`.
Calls are made in a process of its own: one that takes over 5 s or ends Python is counted and the
rest goes on; memory is bounded where the system can. Right is a result, or an error that derives
from `NapariSamError`; a value that makes no sense must be refused. The exit code is 1 when any
of the counts that must be 0 is not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fuzz_targets import Target, targets
from hostile import values

SLOW = 5.0  # seconds that no call may take
MEMORY = 4 * 2**30  # bytes by which the process may grow

FINE, UNTYPED, SILENT, DEAD = "fine", "untyped", "silent", "ended Python or too slow"


@dataclass(frozen=True)
class Call:
    """One call: the number of its target, and which argument is replaced by which value."""

    target: int
    hostile: tuple[tuple[str, int], ...]

    def words(self, target: Target) -> str:
        """Write the call down."""
        replaced = (f"{name}={values(target.kinds[name])[at].words}" for name, at in self.hostile)
        return f"{target.name}({', '.join(replaced)})"


@dataclass(frozen=True)
class Outcome:
    """What became of a call."""

    kind: str
    seconds: float
    words: str = ""


def plan(found: Sequence[Target], calls: int, seed: int, only: Sequence[str] = ("",)) -> list[Call]:
    """List single replacements in random order, then random pairs, until there are enough."""
    rng = random.Random(seed)
    chosen = [
        number for number, target in enumerate(found) if any(part in target.name for part in only)
    ]
    single = [
        Call(number, ((name, at),))
        for number in chosen
        for name, kind in found[number].kinds.items()
        for at in range(len(values(kind)))
    ]
    rng.shuffle(single)
    planned = single[:calls]
    several = [number for number in chosen if len(found[number].kinds) > 1]
    while len(planned) < calls and several:
        number = rng.choice(several)
        kinds = found[number].kinds
        names = rng.sample(sorted(kinds), 2)
        replaced = tuple((name, rng.randrange(len(values(kinds[name])))) for name in names)
        planned.append(Call(number, replaced))
    return planned


def make(target: Target, call: Call) -> Outcome:
    """Make one call."""
    from napari_sam.errors import NapariSamError

    hostile = {name: values(target.kinds[name])[at] for name, at in call.hostile}
    arguments = {**target.good, **{name: value.make() for name, value in hostile.items()}}
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.call(**arguments)
    except NapariSamError as error:
        kind, words = (FINE, "") if str(error) else (UNTYPED, "an error without words")
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rpartition('napari_sam/')[2]}:{place.lineno}"
        kind, words = UNTYPED, f"{type(error).__name__}: {str(error)[:90]} at {where}"
    else:
        refused = any(value.refused for value in hostile.values())
        kind, words = (SILENT, "accepted") if refused else (FINE, "")
    return Outcome(kind, time.perf_counter() - start, words)


def _serve(pipe: Any, real: bool) -> None:
    """Make calls as they come, in a process that may be ended."""
    import torch

    torch.set_num_threads(1)
    found = list(targets(real))
    _bound_memory()
    pipe.send(None)
    while (call := pipe.recv()) is not None:
        pipe.send(make(found[call.target], call))


def _bound_memory() -> None:
    """Let the process fail by itself before the machine does; not on Windows and macOS."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))


class Caller:
    """Makes calls in another process, and a new one when that is gone."""

    def __init__(self, real: bool) -> None:
        self._real = real
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._real), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def make(self, call: Call) -> Outcome:
        """Make a call, or learn that Python did not survive it."""
        self._pipe.send(call)
        start = time.perf_counter()
        try:
            if self._pipe.poll(4 * SLOW):
                outcome: Outcome = self._pipe.recv()
                return outcome
        except (EOFError, ConnectionError):
            pass
        seconds = time.perf_counter() - start
        self._process.kill()
        self._process.join()
        words = f"exit code {self._process.exitcode}" if seconds < 4 * SLOW else "never ended"
        self._start()
        return Outcome(DEAD, seconds, words)

    def close(self) -> None:
        """End the other process."""
        self._pipe.send(None)
        self._process.join()


def fuzz(
    calls: int, seed: int = 0, *, real: bool = True, only: Sequence[str] = ("",)
) -> Iterator[tuple[Target, Call, Outcome]]:
    """Make many calls.

    Yields
    ------
    (Target, Call, Outcome)
    """
    found = list(targets(real))
    caller = Caller(real)
    try:
        for call in plan(found, calls, seed, only):
            yield found[call.target], call, caller.make(call)
    finally:
        caller.close()


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=[""], help="functions with this in the name")
    parser.add_argument("--list", type=int, default=40, help="how many wrong calls to write out")
    arguments = parser.parse_args()
    rows: dict[str, list[Outcome]] = {}
    wrong = []
    for target, call, outcome in fuzz(arguments.calls, arguments.seed, only=arguments.only):
        rows.setdefault(target.name, []).append(outcome)
        if outcome.kind != FINE or outcome.seconds > SLOW:
            wrong.append(f"{outcome.kind}: {call.words(target)}: {outcome.words}")
    print(f"{'function':28} {'calls':>6} {'untyped':>8} {'silent':>7} {'ended':>6} {'slowest':>8}")
    for name, outcomes in [*sorted(rows.items()), ("all", [o for r in rows.values() for o in r])]:
        counts = (sum(o.kind == kind for o in outcomes) for kind in (UNTYPED, SILENT, DEAD))
        slowest = max(outcome.seconds for outcome in outcomes)
        untyped, silent, dead = counts
        print(f"{name:28} {len(outcomes):6} {untyped:8} {silent:7} {dead:6} {slowest:6.2f} s")
    for line in sorted(set(wrong))[: arguments.list]:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
