"""A share of the hostile checkpoints of ``benchmarks/hostile_checkpoints.py``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from checkpoint_variants import RAN, Variant, variants
from hostile_checkpoints import judged, outcome

SHARE = [variant for number, variant in enumerate(variants()) if number % 6 == 0]


def test_there_are_enough_of_them():
    assert len(list(variants())) >= 200
    assert len({variant.group for variant in SHARE}) == len({v.group for v in variants()})


@pytest.mark.parametrize("variant", SHARE, ids=lambda variant: f"{variant.group}: {variant.name}")
@pytest.mark.filterwarnings("ignore")  # of what makes the files
def test_nothing_is_run_and_nothing_damaged_is_loaded(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(RAN, str(tmp_path / "ran"))
    said = outcome(variant, tmp_path / "files")
    assert judged(variant, said, 0.0, (tmp_path / "ran").exists()) == ""
