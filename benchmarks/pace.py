"""How fast this source tree is beside another one, in turn in one run.

    python benchmarks/pace.py OTHER/src [--tries 7]

Importing, parsing a command line, ``napari-sam segment`` on three generated images, and
`segment_cells` on one and on a stack that is warm. Processor seconds of a process, start of Python
included and compiled files kept, the fewest of all tries: a busy machine changes those least. A
ratio above 1 means that this tree is slower. Exit code 1 above 1.05.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "src"
WARM = """
import sys, time, numpy as np, napari_sam as ns
model = ns.load_model("cells", device="cpu")
image = np.load(sys.argv[1])
image = image if sys.argv[2] == "plane" else np.stack([image[:128, :128]] * 4)
ns.segment_cells(image, model=model)
spent = []
for _ in range(3):
    start = time.process_time()
    ns.segment_cells(image, model=model)
    spent.append(time.process_time() - start)
print(min(spent))
"""


SPENT = "; import time; print(time.process_time())"
IMPORT = f"import napari_sam{SPENT}"
COMMAND = f"""
import sys
from napari_sam.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
{SPENT[2:]}
"""


def spent(source: Path, words: list[str], compiled: Path) -> float:
    """Processor seconds that a process of a tree prints as its last word."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(source),
        "PYTHONPYCACHEPREFIX": str(compiled),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", *words], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="the other source tree, a folder src")
    parser.add_argument("--tries", type=int, default=7)
    options = parser.parse_args()
    import numpy as np
    import tifffile

    from napari_sam.training.synthetic import generate

    slow = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for seed in range(3):
            image = generate("nuclei_dense", seed=seed, shape=(256, 256)).image
            tifffile.imwrite(folder / "in" / f"{seed}.tif", image)
        np.save(folder / "image.npy", image)
        array, out = str(folder / "image.npy"), str(folder / "out")
        segment = ["segment", str(folder / "in"), "-o", out, "--overwrite"]
        tasks = {
            "import napari_sam": [IMPORT],
            "napari-sam --version": [COMMAND, "--version"],
            "napari-sam segment": [COMMAND, *segment],
            "segment_cells, plane": [WARM, array, "plane"],
            "segment_cells, stack": [WARM, array, "stack"],
        }
        print(f"{'what':24}{'other, s':>10}{'here, s':>10}{'ratio':>8}")
        for task, words in tasks.items():
            times: dict[Path, list[float]] = {options.other.resolve(): [], HERE: []}
            for number in range(options.tries + 1):
                for source, seen in times.items():
                    took = spent(source, words, folder / "compiled")
                    if number:  # the first one compiles
                        seen.append(took)
            other, here = (min(seen) for seen in times.values())
            slow += here > 1.05 * other
            print(f"{task:24}{other:10.3f}{here:10.3f}{here / other:8.2f}", flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
