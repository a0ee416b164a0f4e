"""Draw the contact sheet, or measure the speed of every kind."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from napari_sam.training.synthetic.generator import KINDS, generate
from napari_sam.training.synthetic.sheet import contact_sheet, save_sheet


def measure(count: int, size: int) -> None:
    """Print milliseconds of processor time per image, and objects per image, for each kind."""
    total = 0.0
    for kind in KINDS:
        generate(kind, 0, (size, size))
        start = time.process_time()
        objects = sum(generate(kind, seed, (size, size)).info["count"] for seed in range(count))
        spent = (time.process_time() - start) / count
        total += spent
        print(f"{kind:22} {1e3 * spent:6.1f} ms {objects / count:7.1f} objects")
    print(f"{'mean':22} {1e3 * total / len(KINDS):6.1f} ms: {len(KINDS) / total:.0f} images/s")


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m napari_sam.training.synthetic")
    parser.add_argument("-o", "--output", type=Path, default=Path("synthetic.png"))
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS, metavar="KIND")
    parser.add_argument("--each", type=int, default=1, help="samples of each kind")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--size", type=int, default=128, help="rows and columns of a tile")
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--speed", type=int, metavar="N", help="time N images of 256² per kind")
    options = parser.parse_args(arguments)
    if options.speed:
        measure(options.speed, 256)
        return
    sheet = contact_sheet(options.kinds, options.seed, options.size, options.columns, options.each)
    save_sheet(sheet, options.output)
    print(f"{options.output}: {options.output.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
