"""Load hostile and damaged checkpoints: nothing is run, and nothing that is not whole is believed.

    python benchmarks/hostile_checkpoints.py                 all of them, some minutes
    python benchmarks/hostile_checkpoints.py --every 7       a share of them
    python benchmarks/hostile_checkpoints.py --only code --verbose

Files are loaded by name of their path and by ``models add`` in a process of its own with bounded
memory, so that a crash is seen and the next file goes on. Good is: a file that is whole gives the
weights that it was made of, and every other one a `NapariSamError`. Exit code 1 otherwise.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from checkpoint_variants import RAN, Variant, variants, whole

MEMORY = 12 << 30  # bytes of address space; torch alone reserves several
SLOW = 20.0  # seconds


def outcome(variant: Variant, folder: Path) -> str:
    """Load one file in this process; tell what happened in a word and a reason."""
    import torch

    import napari_sam as ns
    from napari_sam.errors import NapariSamError
    from napari_sam.models import zoo

    folder.mkdir(parents=True, exist_ok=True)
    path = variant.write(folder)
    try:
        model = ns.load_model(path, device="cpu")
    except NapariSamError as error:
        try:
            zoo.add(path, "hostile")
        except NapariSamError:
            return f"refused {str(error)[:150]}"
        return "garbage it was added though it cannot be loaded"
    except BaseException as error:
        return f"untyped {type(error).__name__}: {str(error)[:150]}"
    found = model.network.state_dict()  # type: ignore[attr-defined]
    same = all(torch.equal(found[key], tensor) for key, tensor in whole().items() if key in found)
    return "same" if same and "mask_decoder.iou_token.weight" in found else "garbage"


def work(first: int, seed: int, chosen: set[int], folder: Path) -> None:
    """Load one file after the other, and say what happened after each."""
    if os.name != "nt":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number, variant in enumerate(variants(seed)):
        if number < first or number not in chosen:
            continue
        print("begin", number, flush=True)
        begun = time.monotonic()
        said = outcome(variant, folder / str(number)).replace("\n", " ")
        print("end", number, f"{time.monotonic() - begun:.3f}", said, flush=True)


def judged(variant: Variant, said: str, seconds: float, ran: bool) -> str:
    """Return what is wrong, or nothing."""
    word = said.split(" ", 1)[0]
    if ran:
        return "RAN CODE"
    if word not in ("refused", "same"):
        return said
    if seconds > SLOW:
        return f"took {seconds:.0f} s"
    wanted = {"refuse": ("refused",), "same": ("same",), "either": ("refused", "same")}[variant.may]
    return "" if word in wanted else f"{said}, expected {variant.may}"


def main() -> int:
    """Load all, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="load only each so many-th file")
    parser.add_argument("--only", default="", help="a group")
    parser.add_argument("--verbose", action="store_true", help="print every refusal")
    parser.add_argument("--work", nargs=2, metavar=("FIRST", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    everything = list(variants(options.seed))
    chosen = {
        number
        for number, variant in enumerate(everything)
        if number % options.every == 0 and options.only in ("", variant.group)
    }
    if options.work:
        work(int(options.work[0]), options.seed, chosen, Path(options.work[1]))
        return 0
    table: dict[str, Counter[str]] = {}
    wrong = []
    with tempfile.TemporaryDirectory() as place:
        mark = Path(place) / "ran"
        environment = {
            **os.environ,
            RAN: str(mark),
            "NAPARI_SAM_HOME": str(Path(place) / "home"),
            "PYTHONPATH": os.pathsep.join([*sys.path[:1], os.environ.get("PYTHONPATH", "")]),
        }
        first = 0
        while any(number >= first for number in chosen):
            command = [sys.executable, __file__, *sys.argv[1:], "--work", str(first), place]
            child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            current = first
            for line in child.stdout:
                words = line.rstrip("\n").split(" ", 3)
                current = int(words[1])
                if words[0] == "begin":
                    continue
                variant, seconds, said = everything[current], float(words[2]), words[3]
                problem = judged(variant, said, seconds, mark.exists())
                mark.unlink(missing_ok=True)
                count(table, variant, "wrong" if problem else said.split(" ", 1)[0])
                if problem:
                    wrong.append(f"{variant.group}: {variant.name}: {problem}")
                elif options.verbose:
                    print(f"{variant.group}: {variant.name}: {said}")
                first = current + 1
            if child.wait() != 0:
                variant = everything[current]
                count(table, variant, "wrong")
                wrong.append(f"{variant.group}: {variant.name}: CRASH {child.returncode}")
                first = current + 1
            else:
                break
    print(f"{'group':16}{'files':>7}{'refused':>9}{'same':>7}{'wrong':>7}")
    for group, counts in {**table, "all": sum(table.values(), Counter())}.items():
        row = [counts.total(), counts["refused"], counts["same"], counts["wrong"]]
        print(f"{group:16}" + "".join(f"{n:>{w}}" for n, w in zip(row, (7, 9, 7, 7), strict=True)))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


def count(table: dict[str, Counter[str]], variant: Variant, word: str) -> None:
    """Add one to the table."""
    table.setdefault(variant.group, Counter())[word] += 1


if __name__ == "__main__":
    sys.exit(main())
