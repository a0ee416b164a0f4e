"""Tracks compared with true ones by the measures of the Cell Tracking Challenge."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np

from napari_sam.stacks.tracks import Tracks, tracks_of


def every(labels: np.ndarray, parents: dict[int, int], step: int) -> Tracks:
    """Return true tracks as they are seen in every so many frames."""
    seen_labels = labels[::step].astype(np.int32)
    seen = set(np.unique(seen_labels).tolist())
    kept = {}
    for child, parent in parents.items():
        while parent and parent not in seen:
            parent = parents.get(parent, 0)
        if child in seen and parent:
            kept[child] = parent
    return tracks_of(seen_labels, kept)


def score(true: Tracks, found: Tracks) -> dict[str, float]:
    """Return TRA, LNK and the F1 of divisions (to the frame; NaN where there are none)."""
    os.environ["TQDM_DISABLE"] = "1"  # before its first import
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from traccuracy import run_metrics
        from traccuracy.matchers import CTCMatcher, IOUMatcher
        from traccuracy.metrics import CTCMetrics, DivisionMetrics

        logging.getLogger("traccuracy").setLevel(logging.ERROR)
        graphs = _graph(true), _graph(found)
        one, _ = run_metrics(*graphs, CTCMatcher(), [CTCMetrics()])
        graphs = _graph(true), _graph(found)
        one_to_one = IOUMatcher(iou_threshold=0.4, one_to_one=True)
        other, _ = run_metrics(*graphs, one_to_one, [DivisionMetrics()])
    tracks, divisions = one[0]["results"], other[0]["results"]
    return {
        "TRA": float(tracks["TRA"]),
        "LNK": float(tracks["LNK"]),
        "division F1": float(divisions["Frame Buffer 0"]["Division F1"]),
    }


def _graph(tracks: Tracks) -> object:
    from traccuracy.loaders import load_ctc_data

    with tempfile.TemporaryDirectory() as folder:
        saved = tracks.save_ctc(Path(folder) / "tracks")
        return load_ctc_data(str(saved), str(saved / "res_track.txt"), run_checks=False)
