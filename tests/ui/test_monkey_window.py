"""A share of `benchmarks/monkey_window.py`: random acts in napari's real window."""

from __future__ import annotations

import os
import sys

import pytest

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

import monkey_window


def test_random_acts_in_a_real_window_break_nothing(make_napari_viewer, qtbot, monkeypatch):
    monkey_window.leave_alone(monkeypatch.setattr)
    bench = monkey_window.Bench(make_napari_viewer(show=True))
    wrong, _, _ = monkey_window.play(bench, 1, 60)
    bench.session.close()
    assert not wrong
