"""Kill what writes, at random moments: nothing half-written is taken as good, a rerun finishes.

    python benchmarks/kills.py [--times 60] [--seed 0] [--only segment,cache,...]

Each kind of work runs in a process of its own, which is killed (SIGKILL, or what Windows has) at
a moment drawn evenly from its usual time; then all that it left is read. At the end it runs to
its end once, and what it made must be what an undisturbed run made. Prints a row per kind.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]

import kill_autosave
import kill_deletions
import kill_tiles

# The processes are copies of this one where that is possible: they start at once.
CONTEXT = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
FILE_BYTES = 2_000_000
BLOCK = 50_000
PLANES = 8


@dataclass(frozen=True)
class Work:
    """Something that writes.

    Parameters
    ----------
    name : str
    run : callable
        Does the work, in another process, into a folder.
    check : callable
        Looks at what lies in the folder; says whether the work is done, and raises
        AssertionError when something half-written would be taken as good.
    """

    name: str
    run: Callable[[Path], None]
    check: Callable[[Path], bool]


def once(work: Work, folder: Path, seconds: float | None) -> tuple[float, bool]:
    """Run the work, for so long at most; return how long it ran, and whether it was killed."""
    process = CONTEXT.Process(target=work.run, args=(folder,))
    start = time.perf_counter()
    process.start()
    process.join(seconds)
    killed = process.is_alive()
    if killed:
        process.kill()
        process.join()
    elif process.exitcode:
        raise AssertionError(f"{work.name} ended with exit code {process.exitcode}")
    return time.perf_counter() - start, killed


def trouble(work: Work, times: int, rng: random.Random) -> str:
    """Kill a work so many times; return what to print."""
    with tempfile.TemporaryDirectory(prefix="napari-sam-kills-") as temporary:
        undisturbed = [Path(temporary) / name for name in ("first", "second")]
        usual = min(once(work, folder, None)[0] for folder in undisturbed)
        assert all(map(work.check, undisturbed)), f"{work.name} does not do its work"
        killed = 0
        for number in range(times):
            # A fresh folder now and then; else it goes on where the last one was killed.
            folder = Path(temporary) / f"run{number // 4}"
            killed += once(work, folder, rng.uniform(0, usual))[1]
            work.check(folder)
        last = Path(temporary) / f"run{(times - 1) // 4}"
        once(work, last, None)
        assert work.check(last), f"{work.name}: a rerun does not finish"
    return (
        f"{work.name:10} killed {killed} times of {times} while it ran ({usual:.2f} s); all whole"
    )


# segment ------------------------------------------------------------------------------------


def pictures(folder: Path) -> list[Path]:
    """Write a few images."""
    from fake_model import blobs

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(6):
        path = folder / f"image{number}.npy"
        np.save(path, blobs((96, 96), ((20, 20), (60, 30 + 6 * number)), radius=8))
        paths.append(path)
    return paths


def segment(folder: Path) -> None:
    """Segment images as the command line does, with a model that is at hand at once."""
    import tifffile

    from fake_model import FakeModel
    from napari_sam import loading
    from napari_sam.cli import main

    loading.load_model = lambda *_, **__: FakeModel("cells")
    inputs = folder.parent / "inputs"
    if not inputs.exists():
        for path in pictures(inputs):
            tifffile.imwrite(path.with_suffix(".tif"), np.load(path))
            path.unlink()
    arguments = ["segment", str(inputs), "-o", str(folder), "--skip-existing"]
    sys.stdout = sys.stderr = open("/dev/null", "w")  # noqa: SIM115
    sys.exit(main(arguments))


def check_segment(folder: Path) -> bool:
    """Whole labels, tables and overlays, or none."""
    import pandas as pd
    import tifffile
    from PIL import Image

    count = 0
    for path in folder.glob("[!.]*"):
        if path.suffix == ".json":  # what was run
            json.loads(path.read_text(encoding="utf-8"))
        elif path.name == "objects.csv":  # of the whole run
            assert len(pd.read_csv(path)) % 2 == 0, path
        elif path.name.endswith("_labels.tif"):
            labels = tifffile.imread(path)
            assert labels.shape == (96, 96), path
            assert len(np.unique(labels)) == 3, path
            count += 1
        elif path.suffix == ".csv":
            assert len(pd.read_csv(path)) == 2, path
        elif path.suffix == ".png":
            Image.open(path).load()
        else:
            raise AssertionError(f"a rest is left in sight: {path.name}")
    return count == 6


# cache --------------------------------------------------------------------------------------


@functools.cache
def embedding(number: int) -> tuple[Any, Any, Any]:
    """Make a model, a key and an embedding of a plane."""
    from tiny_sam import tiny_sam

    plane = np.random.default_rng(number).integers(0, 255, (64, 80), dtype=np.uint8)
    model = tiny_sam()
    made = model.encode(plane)
    return model, (made.model, made.plane_hash, made.limits), made


def cache(folder: Path) -> None:
    """Write the embeddings of some planes, again and again."""
    from napari_sam.embeddings.disk import EmbeddingStore

    store = EmbeddingStore(folder)
    for number in range(PLANES * 40):
        model, key, made = embedding(number % PLANES)
        store.write(key, made, model)


def check_cache(folder: Path) -> bool:
    """Every file that is there is the embedding that it is named after."""
    from napari_sam.embeddings.disk import EmbeddingStore

    store = EmbeddingStore(folder)
    there = len(list(folder.glob("*.npz"))) if folder.exists() else 0
    read = 0
    for number in range(PLANES):
        model, key, made = embedding(number)
        found = store.read(key, model)
        if found is not None:
            read += 1
            assert np.array_equal(found.features.image, made.features.image)
    assert read == there, f"{there - read} damaged files under a final name"
    return read == PLANES


# download -----------------------------------------------------------------------------------


class Slow(BaseHTTPRequestHandler):
    """A server that takes its time, and can go on where it was left."""

    content = np.random.default_rng(0).bytes(FILE_BYTES)

    def do_GET(self) -> None:
        first = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(self.content) - first))
        if first:
            last = len(self.content) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(self.content)}")
        self.end_headers()
        try:
            for start in range(first, len(self.content), BLOCK):
                self.wfile.write(self.content[start : start + BLOCK])
                time.sleep(0.01)
        except ConnectionError:
            pass

    def log_message(self, *_: Any) -> None:
        """Be silent."""


def download(port: int) -> Work:
    """Fetch a file from a server."""
    sha256 = hashlib.sha256(Slow.content).hexdigest()

    def run(folder: Path) -> None:
        from napari_sam.models.fetch import fetch

        url = f"http://127.0.0.1:{port}/model.pth"
        fetch(url, folder / "model.pth", size=FILE_BYTES, known_hash=sha256)

    def check(folder: Path) -> bool:
        path = folder / "model.pth"
        if not path.exists():
            return False
        assert path.read_bytes() == Slow.content, "a damaged file under its final name"
        return True

    return Work("download", run, check)


# training -----------------------------------------------------------------------------------


def training(folder: Path) -> None:
    """Write checkpoints one after the other over the same file."""
    import torch

    from napari_sam.training.checkpoints import save_checkpoint

    for step in range(12):
        weights = {f"layer{i}": torch.full((300, 300), float(step)) for i in range(8)}
        save_checkpoint({"step": step, "network": weights}, folder / "last.pt")


def check_training(folder: Path) -> bool:
    """A checkpoint is of one step, whole."""
    from napari_sam.training.checkpoints import load_checkpoint

    path = folder / "last.pt"
    if not path.exists():
        return False
    state = load_checkpoint(path)
    for tensor in state["network"].values():
        assert (tensor == state["step"]).all(), "weights of two steps in one file"
    return bool(state["step"] == 11)


def works(port: int) -> list[Work]:
    """List what is killed."""
    return [
        Work("segment", segment, check_segment),
        Work("tiles", kill_tiles.segment, kill_tiles.check),
        Work("cache", cache, check_cache),
        download(port),
        Work("training", training, check_training),
        Work("autosave", kill_autosave.keep, kill_autosave.check),
        Work("deletions", kill_deletions.delete, kill_deletions.check),
    ]


def prepare() -> None:
    """Load all that the processes need, so that they start at once; and start no threads."""
    import torch
    import zarr  # noqa: F401
    from napari.components import ViewerModel

    import napari_sam.cli.segment
    import napari_sam.embeddings.disk
    import napari_sam.models.fetch
    import napari_sam.segment
    import napari_sam.training.checkpoints
    import napari_sam.ui.session
    import napari_sam.ui.widgets.pages  # noqa: F401

    with suppress(ImportError):  # napari goes without it
        import numba  # noqa: F401

    torch.set_num_threads(1)
    # The units are read at the first layer. Labels would start Numba's threads.
    ViewerModel().add_image(np.zeros((2, 2)))


def main(times: int, seed: int, only: str) -> int:
    """Print a row per kind of work."""
    prepare()
    for number in range(PLANES):
        embedding(number)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    failed = 0
    for work in works(server.server_address[1]):
        if work.name in only.split(","):
            try:
                print(trouble(work, times, random.Random(seed)), flush=True)
            except AssertionError as error:
                failed += 1
                print(f"{work.name:10} FAILED: {error}", flush=True)
    server.shutdown()
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=60, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", default="segment,tiles,cache,download,training,autosave,deletions"
    )
    arguments = parser.parse_args()
    sys.exit(main(arguments.times, arguments.seed, arguments.only))
