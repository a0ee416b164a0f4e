"""Hours of work in some minutes: memory stays where it was after the warm-up.

    python benchmarks/soak.py [--clicks 2000] [--searches 200] [--slices 300] [--side 256]

The panel's session on a headless napari viewer, with the real weights of `cells` and all work in
this thread: clicks that are kept and undone, searches of all cells, and scrolling through a stack
with a click on every slice. Prints the resident memory after the warm-up, a tenth of each, and at
the end; the exit code is 1 when it has grown by more than 5 %.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "tests"))
GROWTH = 0.05
MEGABYTE = 1e6


def resident() -> float:
    """Return the resident memory in megabytes, after what is unreachable has gone."""
    gc.collect()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is free is not grown
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
    import psutil  # part of napari

    return psutil.Process().memory_info().rss / MEGABYTE


class Work:
    """A bench with the real model, a stack and a plane to work on."""

    def __init__(self, side: int, slices: int) -> None:
        import monkey
        from napari_sam import load_model
        from napari_sam.samples import load_sample

        self.bench = monkey.make_bench()()
        self.bench.model = load_model("cells")
        stack = np.asarray(load_sample("nuclei_stack")[0][0])
        copies = [-(-size // length) for size, length in zip((slices, side, side), stack.shape,
                                                           strict=True)]  # fmt: skip
        self.stack = np.tile(stack, copies)[:slices, :side, :side]
        self.layer = self.bench.viewer.add_image(self.stack, name="stack")
        self.bench.settle()
        self.rng = np.random.default_rng(0)

    def click(self) -> None:
        """Click on something bright, keep it, undo that, and take the mark away."""
        index = int(self.bench.viewer.dims.current_step[0])
        bright = np.argwhere(self.stack[index] >= np.percentile(self.stack[index], 97))
        row, column = bright[self.rng.integers(len(bright))]
        self.bench.session.set_tool("click")
        self.bench.click(index, row, column)
        self.bench.settle()
        self.bench.press("Enter")
        self.bench.settle()
        self.bench.press("Control-Z")  # brings the mark back, too
        self.bench.settle()
        self.bench.press("Escape")
        self.bench.settle()

    def fill(self) -> None:
        """Write to all labels once: pages of zeros take no memory before, and are no growth."""
        from napari.layers import Labels

        for layer in self.bench.viewer.layers:
            if isinstance(layer, Labels) and isinstance(layer.data, np.ndarray):
                layer.data[:] = layer.data.copy()

    def search(self) -> None:
        """Find all cells of the slice; the layer that holds them goes again."""
        self.bench.session.set_tool("find")
        before = set(self.bench.viewer.layers)
        self.bench.find.start()
        self.bench.settle()
        for layer in set(self.bench.viewer.layers) - before:
            self.bench.viewer.layers.remove(layer)
        self.bench.settle()

    def scroll(self) -> None:
        """Go to the next slice and click there."""
        index = int(self.bench.viewer.dims.current_step[0])
        self.bench.viewer.dims.set_current_step(0, (index + 1) % len(self.stack))
        self.bench.settle()
        self.click()


def main() -> int:
    """Print the memory as it goes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=2000)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=256)
    arguments = parser.parse_args()
    os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")
    os.environ["NAPARI_SAM_HOME"] = tempfile.mkdtemp()
    import conftest  # noqa: F401  # keeps Python alive under one release of PySide6

    work = Work(arguments.side, max(arguments.slices, 2))
    kinds: list[tuple[str, Any, int]] = [
        ("slices", work.scroll, arguments.slices),
        ("clicks", work.click, arguments.clicks),
        ("searches", work.search, arguments.searches),
    ]
    for _, act, count in kinds:  # the warm-up fills the caches, which have their limits
        for _ in range(max(count // 10, 1)):
            act()
    work.fill()
    start = time.perf_counter()
    warm = resident()
    print(f"after the warm-up: {warm:.0f} MB", flush=True)
    for name, act, count in kinds:
        for _ in range(count):
            act()
        seconds = time.perf_counter() - start
        print(f"after {count} {name}: {resident():.0f} MB, {seconds:.0f} s", flush=True)
    growth = resident() / warm - 1
    print(f"growth {100 * growth:+.1f} %")
    return 1 if growth > GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
