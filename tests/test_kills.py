"""A share of `benchmarks/kills.py`: killed while it writes, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "kills.py"


@pytest.mark.skipif(sys.platform != "linux", reason="starting a process takes too long elsewhere")
def test_what_is_killed_leaves_nothing_half_written() -> None:
    command = [sys.executable, str(SCRIPT), "--times", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("all whole") == 7
