"""What every test shares: napari must never touch the settings of whoever runs the tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Before anything imports napari: its settings are read once, at import.
_SETTINGS = Path(tempfile.mkdtemp(prefix="napari-sam-tests-"))
os.environ["NAPARI_CONFIG"] = str(_SETTINGS / "settings.yaml")
os.environ.setdefault("NAPARI_SAM_HOME", str(_SETTINGS / "home"))
