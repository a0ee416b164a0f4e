"""Damage files of every kind that is read, in every way, and count what goes wrong.

    python benchmarks/corrupted_files.py [--count 900] [--seed 0] [--only cut]

Each damaged file goes through `read_image`, `read_labels`, ``napari-sam segment`` (with a model
that finds bright regions) and ``napari-sam export``. Right is a result or a typed error, outputs
that are all there or not at all, and of a file that was cut the whole image or an error. Besides
damage within, files are renamed, and folders bear the names of images. The exit code is 1 when
any of the counts that must be 0 is not.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np

import napari_sam
from damaged import DAMAGES, Good, good_files
from napari_sam import loading
from napari_sam.cli import main as command_line
from napari_sam.errors import NapariSamError
from napari_sam.files import images_in, read_image, read_labels

SLOW = 5.0  # seconds of the processor that nothing may take
SUFFIXES = (".tif", ".png", ".jpg", ".bmp", ".ome.tif", ".txt", "")
OF_THE_RUN = ("run.json", "objects.csv")  # of all images together
EXPORTS = ("coco", "csv", "geojson", "imagej")
MUST_BE_ZERO = ("untyped errors", "partial outputs", "cut taken as whole", "over 5 s")


@dataclass
class Tally:
    """What was counted, per kind of damage, and what went wrong in words."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def add(self, damage: str, what: str, words: str = "") -> None:
        """Count one thing."""
        self.counts.setdefault(damage, Counter())[what] += 1
        if what in MUST_BE_ZERO:
            self.wrong.append(f"{damage}, {what}: {words}")


@dataclass(frozen=True)
class Variant:
    """A damaged file."""

    path: Path
    damage: str
    good: Good

    @property
    def words(self) -> str:
        """Name it for a message."""
        return f"{self.good.name} as {self.path.name}"


def variants(folder: Path, count: int, seed: int, only: str = "") -> list[Variant]:
    """Write damaged files: every kind of file and damage in turn, at places of a seed."""
    good = good_files(folder)
    rng = random.Random(seed)
    kinds = [name for name in (*DAMAGES, "renamed", "folder") if only in name]
    made = []
    for number in range(count):
        source = good[(number + seed) % len(good)]
        damage = kinds[number // len(good) % len(kinds)]
        place = folder / f"{number:05d}"
        place.mkdir()
        path = place / source.name
        if damage == "renamed":
            path = place / f"x{rng.choice(SUFFIXES)}"
            path.write_bytes(source.content)
        elif damage == "folder":
            path.mkdir()
        else:
            path.write_bytes(DAMAGES[damage](source.content, rng))
        made.append(Variant(path, damage, source))
    return made


def try_reading(variant: Variant, tally: Tally) -> None:
    """Read the file as an image and as labels, in full."""
    for read in (read_image, read_labels, images_in):
        try:
            found = read(variant.path)
            if isinstance(found, list):
                continue
            pixels = np.asarray(found.finest)
        except NapariSamError:
            tally.add(variant.damage, "refused")
            continue
        except Exception:
            tally.add(variant.damage, "untyped errors", f"{variant.words} {traceback.format_exc()}")
            continue
        tally.add(variant.damage, "read")
        planes = int(np.prod(found.shape[:-2]))
        if variant.damage.startswith("cut") and planes < variant.good.planes:
            words = f"{variant.words}: {pixels.shape}"
            tally.add(variant.damage, "cut taken as whole", words)


def try_command(variant: Variant, tally: Tally, arguments: list[str], outputs: int) -> None:
    """Run a command on the file; `outputs` is how many files it writes of one image."""
    out = variant.path.parent / f"out_{arguments[0]}"
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            code = command_line([*arguments, "-o", str(out / "x" if outputs == 1 else out)])
    except BaseException:
        tally.add(variant.damage, "untyped errors", f"{variant.words} {traceback.format_exc()}")
        return
    if "Traceback" in said.getvalue() or code not in (0, 1):
        words = f"{variant.words}: {code} {said.getvalue()}"
        tally.add(variant.damage, "untyped errors", words)
    written = sorted(path.name for path in out.rglob("*")) if out.exists() else []
    hidden = any(name.startswith(".") for name in written)
    written = [name for name in written if name not in OF_THE_RUN]
    short = len(written) % outputs != 0 or (code == 0 and not written)
    if hidden or short:
        tally.add(variant.damage, "partial outputs", f"{variant.words}: {code} {written}")
    tally.add(variant.damage, f"{arguments[0]} done" if code == 0 else f"{arguments[0]} refused")


def run(count: int, seed: int, only: str = "") -> Tally:
    """Damage `count` files and try each."""
    # beside the package where it lies in a checkout, as this file does
    sys.path.insert(0, str(Path(napari_sam.__file__).parents[2] / "tests"))
    from fake_model import FakeModel

    tally = Tally()
    model = FakeModel("cells")
    folder = Path(tempfile.mkdtemp(prefix="napari-sam-damaged-"))
    try:
        with mock.patch.object(loading, "load_model", return_value=model):
            for number, variant in enumerate(variants(folder, count, seed, only)):
                started = time.process_time()
                tally.add(variant.damage, "files")
                try_reading(variant, tally)
                channel = ["--channel", "0"] if number % 2 else []
                try_command(variant, tally, ["segment", str(variant.path), *channel], 3)
                to = EXPORTS[number % len(EXPORTS)]
                try_command(variant, tally, ["export", str(variant.path), "--to", to], 1)
                taken = time.process_time() - started
                if taken > SLOW:
                    tally.add(variant.damage, "over 5 s", f"{variant.words}: {taken:.1f} s")
                shutil.rmtree(variant.path.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tally


def table(tally: Tally) -> str:
    """Write the counts as a table, a row per kind of damage."""
    columns = ["files", "read", "refused", "segment done", "export done", *MUST_BE_ZERO]
    rows = [["damage", *columns]]
    for damage, counts in tally.counts.items():
        rows.append([damage, *(str(counts[column]) for column in columns)])
    total: Counter[str] = sum(tally.counts.values(), Counter())
    rows.append(["all", *(str(total[column]) for column in columns)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def main() -> int:
    """Run the harness."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=900)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="damages whose name holds this text")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    tally = run(options.count, options.seed, options.only)
    for words in tally.wrong[:40]:
        print(words)
    print(table(tally))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
