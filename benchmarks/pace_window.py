"""How fast the window answers beside another source tree, in turn in one run.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/pace_window.py OTHER
        [--rounds 2] [--tries 8] [--only button click find review]

Runs ``benchmarks/window.py`` of both trees in turn, each with its own package, and compares the
medians of every row that both have: the lowest of all rounds, which other work on the machine
changes least. OTHER is the root of a checkout. A ratio above 1 means that this tree is slower.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def medians(tree: Path, options: argparse.Namespace) -> dict[str, float]:
    """Milliseconds by row, of a process of a tree."""
    command = [sys.executable, str(tree / "benchmarks" / "window.py"), "--only", *options.only]
    path = os.pathsep.join([str(tree / "src"), str(tree / "benchmarks"), str(tree / "tests")])
    done = subprocess.run(
        [*command, "--tries", str(options.tries)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    rows = [line.strip("| ").split("|") for line in done.stdout.splitlines() if "²" in line]
    return {f"{what.strip()}, {side.strip()}": float(p50) for what, side, _, p50, *_ in rows}


def main() -> int:
    """Compare, and return 1 when a row is more than 1.05 times as slow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="the root of the other checkout")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tries", type=int, default=8)
    parser.add_argument("--only", nargs="+", default=["button", "click"])
    options = parser.parse_args()
    best: dict[Path, dict[str, float]] = {options.other.resolve(): {}, HERE: {}}
    for _ in range(options.rounds):
        for tree, lowest in best.items():
            for row, p50 in medians(tree, options).items():
                lowest[row] = min(p50, lowest.get(row, p50))
    other, here = best.values()
    slow = 0
    print("| what | other, ms | here, ms | ratio |\n|---|---|---|---|")
    for row in (row for row in here if row in other):
        ratio = here[row] / max(other[row], 1.0)
        slow += ratio > 1.05
        print(f"| {row} | {other[row]:.0f} | {here[row]:.0f} | {ratio:.2f} |")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
