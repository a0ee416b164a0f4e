"""An edit of labels that is being written, some of it at a time, while other work goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_sam.labels import runs
from napari_sam.labels.change import Change
from napari_sam.labels.runs import Runs
from napari_sam.labels.steps import Steps


def half_emptied(bench: Any, layer: Any, monkeypatch: pytest.MonkeyPatch) -> Steps[Any]:
    """Begin to empty labels, and let all else go on; return what writes the rest."""
    monkeypatch.setattr(runs, "_AT_ONCE", 100)
    monkeypatch.setattr(runs, "_TILE", 30)
    document = bench.find.parts.documents.known(layer)
    gone = Runs.between(layer.data.shape, (0, 0, 0), layer.data, np.zeros_like(layer.data))
    steps: Steps[Any] = document.applying(Change("Deleted all.", gone, None, "delete"))
    next(steps)
    for _ in range(30):
        bench.loop.turn()
        bench.session.jobs.run_next()
    assert document.under_way
    return steps
