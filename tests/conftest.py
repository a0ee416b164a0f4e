"""What every test shares: settings of napari of their own, and no clock that can fail one."""

from __future__ import annotations

import gc
import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest

# Before anything imports napari: its settings are read once, at import.
_SETTINGS = Path(tempfile.mkdtemp(prefix="napari-sam-tests-"))
os.environ["NAPARI_CONFIG"] = str(_SETTINGS / "settings.yaml")
os.environ.setdefault("NAPARI_SAM_HOME", str(_SETTINGS / "home"))


def _survive_pyside_6_12() -> None:
    """Keep the interpreter alive under PySide6 6.12.0 on Python 3.11.

    That build takes for granted that None, True and False cannot be deallocated, which holds from
    Python 3.12 on: every call that returns one of them takes a reference away, until the
    interpreter aborts after some thousand calls, whatever package makes them.
    """
    import sys
    from importlib.metadata import PackageNotFoundError, version

    try:
        affected = sys.version_info < (3, 12) and version("PySide6_Essentials") >= "6.12"
    except PackageNotFoundError:
        return
    if affected:
        import ctypes

        for immortal in (None, True, False):
            ctypes.c_ssize_t.from_address(id(immortal)).value += 1 << 30


_survive_pyside_6_12()


def _time_fails_no_test() -> None:
    """Let a slow or busy machine take as long as it takes, and every run see the same examples.

    New ones: ``pytest --hypothesis-profile explore``.
    """
    try:
        from hypothesis import HealthCheck, settings
    except ImportError:  # the benchmarks need none
        return
    slow = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("any machine", derandomize=True, **slow)
    settings.register_profile("explore", **slow)
    settings.load_profile("any machine")


_time_fails_no_test()

_BEGUN = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several processes that run tests (``-n``) one thread.

    Threads of theirs that wait for each other on the same processors took thirty times as long.
    Numba is named, too, because it sets the number for torch.
    """
    if getattr(config.option, "numprocesses", None):
        os.environ.update(OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1")
        # Files begin as `pytest_collection_modifyitems` puts them.
        config.option.loadscopereorder = False


# Files of few tests that take long. By their number they would begin last, and the other
# processes wait for them.
_LONG = {
    "test_kills.py",
    "test_find_tiles_window.py",
    "test_monkey_window.py",
    "test_walk_window.py",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let several processes begin with the files that take long, then with those of many tests."""
    if hasattr(config, "workerinput"):
        tests = Counter(item.path for item in items)
        items.sort(key=lambda item: (item.path.name not in _LONG, -tests[item.path]))


def _leave_out_of_collections() -> None:
    """Leave what is there now out of the collections of garbage.

    napari collects it whenever a layer goes, and looked through all that was imported each time:
    a tenth of the time of all tests.
    """
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    """Begin when all test files are imported."""
    _leave_out_of_collections()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Go on at the first two tests of a file: much is imported by the first that needs it.

    And before each window, of which napari keeps some thousand objects when it is closed.
    """
    stash = (item.getparent(pytest.Module) or item.session).stash
    begun = stash[_BEGUN] = stash.get(_BEGUN, 0) + 1
    if begun <= 2 or "make_napari_viewer" in getattr(item, "fixturenames", ()):
        _leave_out_of_collections()


@pytest.fixture
def hundreds_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planes of some hundreds of pixels count as large, and have many tiles."""
    from napari_sam.engine import sizes, tiles
    from napari_sam.images import samples

    monkeypatch.setattr(samples, "IN_MEMORY", 1000)
    monkeypatch.setattr(samples, "ON_DISK", 1000)
    monkeypatch.setattr(sizes, "SAMPLED_FROM", 1000)
    monkeypatch.setattr(tiles, "_SIDE", 8)
    monkeypatch.setattr(tiles, "_MARGIN", 2)
