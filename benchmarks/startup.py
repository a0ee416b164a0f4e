"""How long it takes until anything happens: imports and the simplest commands.

    python benchmarks/startup.py

Each is run in fresh interpreters; the table gives the fastest and the median. Target: importing
the package takes less than 0.2 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

STATEMENTS = {
    "import napari_sam": "import napari_sam",
    "a prompt": "import napari_sam; napari_sam.Prompt(points=[(1, 2)])",
    "check of the installation": (
        "from napari_sam.installation import check_single_distribution as c; c()"
    ),
    "load_model('cells')": "import napari_sam; napari_sam.load_model('cells')",
}
COMMANDS = {
    "napari-sam --version": ["--version"],
    "napari-sam models": ["models", "list"],
}


def inside(statement: str) -> float:
    """Seconds that a statement takes in a fresh interpreter, whose own start is not counted."""
    program = f"import time; start = time.perf_counter(); {statement}\n"
    program += "print(time.perf_counter() - start)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def outside(arguments: list[str]) -> float:
    """Seconds that a command takes, the start of Python included."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "napari_sam", *arguments]
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5, help="runs of each (default: 5)")
    times = parser.parse_args().times
    rows = {name: [inside(code) for _ in range(times)] for name, code in STATEMENTS.items()}
    rows |= {name: [outside(words) for _ in range(times)] for name, words in COMMANDS.items()}
    print("| what | fastest, s | median, s |\n|---|---|---|")
    for name, seconds in rows.items():
        print(f"| {name} | {min(seconds):.3f} | {statistics.median(seconds):.3f} |")


if __name__ == "__main__":
    main()
