"""Several processes against one, dask against processes, workers that are killed, many images.

    python benchmarks/workers.py                            200 images, some minutes
    python benchmarks/workers.py --small                    20 images, 3 killed runs
    python benchmarks/workers.py --only killed --times 10
    python benchmarks/workers.py --only count --images 400

Runs ``napari-sam segment`` as a person would, on generated images of nuclei. *speed* compares one
process of one thread with two (``--workers 2``), and those with two workers of dask
(``--dask local --workers 2``); seconds are those of the clock, with starting, so that nothing else
may run meanwhile. *killed* kills a worker (SIGKILL, or what Windows has) at a random moment of each
run and compares all results with those of an undisturbed one. *count* is one process with more and
more images: seconds of processors for each beyond the first, and the most memory that it took (not
on Windows).
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEED, KILLED, COUNT = "speed", "killed", "count"
WAYS = {
    "1 process": ("--workers", "1"),
    "2 processes": ("--workers", "2"),
    "2 workers of dask": ("--dask", "local", "--workers", "2"),
}


def write_images(folder: Path, count: int, side: int) -> Path:
    """Write generated nuclei: four images, again and again, each turned otherwise."""
    import numpy as np
    import tifffile

    from napari_sam.training.synthetic import generate

    folder.mkdir()
    kinds = [generate("nuclei_dense", seed, (side, side)).image for seed in range(4)]
    for number in range(count):
        image = np.rot90(kinds[number % 4], number // 4)
        tifffile.imwrite(folder / f"image{number:04}.tif", np.ascontiguousarray(image))
    return folder


def start(images: Path, out: Path, way: str) -> subprocess.Popen[str]:
    """Begin a run, of which each process has one thread."""
    command = [sys.executable, "-m", "napari_sam", "segment", str(images), "-o", str(out)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [*command, "--device", "cpu", *WAYS[way]],
        env={**os.environ, **threads},
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> None:
    """Wait for a run."""
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(said)


def seconds(images: Path, out: Path, way: str) -> float:
    began = time.perf_counter()
    ended(start(images, out, way))
    return time.perf_counter() - began


def measure_speed(folder: Path, images: Path, count: int) -> None:
    print(f"| {count} images by | seconds | times faster than 1 process |")
    print("|---|---|---|", flush=True)
    one = 0.0
    for way in WAYS:
        taken = seconds(images, folder / way.replace(" ", "_"), way)
        one = one or taken
        print(f"| {way} | {taken:.1f} | {one / taken:.2f} |", flush=True)


def measure_count(folder: Path, images: Path, count: int) -> None:
    found = sorted(images.iterdir())
    print("| images | seconds of processors | for each beyond the first | memory, MB |")
    print("|---|---|---|---|", flush=True)
    first = 0.0
    for number in (1, count // 16, count // 4, count):
        some = folder / f"{number}_images"
        some.mkdir()
        for path in found[:number]:
            (some / path.name).hardlink_to(path)
        process = start(some, folder / f"{number}_results", "1 process")
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(said)
        taken = used.ru_utime + used.ru_stime
        first = first or taken
        each = f"{(taken - first) / (number - 1):.3f}" if number > 1 else ""
        most = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
        print(f"| {number} | {taken:.1f} | {each} | {most:.0f} |", flush=True)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """List the processes that work for a run."""
    import psutil

    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [one.pid for one in children if "spawn_main" in " ".join(one.cmdline())]
    except psutil.NoSuchProcess:
        return []


def kill_one(process: subprocess.Popen[str], moment: float, rng: random.Random) -> bool:
    """Kill one worker of a run at a moment; tell whether there was one."""
    import psutil

    try:
        process.wait(moment)
        return False
    except subprocess.TimeoutExpired:
        pass
    found = workers_of(process)
    if not found:
        return False
    try:
        psutil.Process(rng.choice(found)).kill()
    except psutil.NoSuchProcess:
        return False
    return True


def same(folder: Path, other: Path) -> None:
    """Compare all results of two runs but their record.

    Raises
    ------
    SystemExit
        When any differs.
    """
    names = {path.name for path in folder.iterdir()} - {"run.json"}
    if names != {path.name for path in other.iterdir()} - {"run.json"}:
        raise SystemExit(f"{other} holds other files than {folder}")
    for name in sorted(names):
        if (folder / name).read_bytes() != (other / name).read_bytes():
            raise SystemExit(f"{other / name} differs")


def measure_killed(folder: Path, images: Path, times: int, seed: int) -> None:
    rng = random.Random(seed)
    print("| runs by | usual seconds | with a worker killed | results that were the same |")
    print("|---|---|---|---|", flush=True)
    for way in list(WAYS)[1:]:
        whole = folder / f"whole_{len(way)}"
        usual, killed = seconds(images, whole, way), 0
        for number in range(times):
            out = folder / f"killed_{len(way)}_{number}"
            process = start(images, out, way)
            killed += kill_one(process, rng.uniform(0.2, 1.0) * usual, rng)
            ended(process)
            same(whole, out)
        print(f"| {way} | {usual:.1f} | {killed} of {times} | {times} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="20 images, 3 runs")
    parser.add_argument("--only", choices=(SPEED, KILLED, COUNT))
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--side", type=int, default=512, help="pixels a side")
    parser.add_argument("--times", type=int, default=10, help="runs in which a worker is killed")
    parser.add_argument("--seed", type=int, default=0)
    typed = parser.parse_args()
    count, times = (20, 3) if typed.small else (typed.images, typed.times)
    print(f"{os.cpu_count()} processors, images of {typed.side} x {typed.side} pixels\n")
    with tempfile.TemporaryDirectory(prefix="napari-sam-workers-") as temporary:
        folder = Path(temporary)
        if typed.only in (None, SPEED, COUNT):
            images = write_images(folder / "images", count, typed.side)
        if typed.only in (None, SPEED):
            measure_speed(folder, images, count)
        if typed.only in (None, COUNT) and hasattr(os, "wait4"):
            measure_count(folder, images, count)
        if typed.only in (None, KILLED):
            few = write_images(folder / "few", min(count, 12), typed.side)
            measure_killed(folder, few, times, typed.seed)


if __name__ == "__main__":
    main()
