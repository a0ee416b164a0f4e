"""What generated images of many kinds say about a model: whether it still sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sam.contrast import contrast_limits, normalise
from napari_sam.models.capabilities import Tunable
from napari_sam.models.cells.windows import Pyramid
from napari_sam.progress import Progress, silent
from napari_sam.training.crops import AnnotatedWindow
from napari_sam.training.monitor import monitor, monitor_windows
from napari_sam.training.synthetic import generate

__all__ = ["Elsewhere", "Figures"]

Figures = Mapping[str, float]
#: Kinds of generated images that stand for all that a model knew before.
KINDS = (
    "nuclei_sparse",
    "nuclei_dense",
    "stain_pink_purple",
    "phase_cells",
    "rods_phase",
    "yeast",
    "membranes",
    "em_axons",
    "worms",
    "dic_cells",
)
#: Of the seeds that training never uses.
SEED = 990


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Generated images of many kinds: whether a model still knows what it knew.

    Parameters
    ----------
    images : sequence of (H, W) or (H, W, 3) arrays
        As they are.
    windows : sequence of (kind, AnnotatedWindow)
        One of each image, at the size that suits its objects.
    """

    images: Sequence[np.ndarray]
    windows: Sequence[tuple[str, AnnotatedWindow]]

    @classmethod
    def generated(cls, count: int) -> Elsewhere:
        """Generate a window of each of the first so many kinds."""
        seen = []
        for kind in KINDS[:count]:
            image, labels, *_ = generate(kind, SEED, (224, 224))
            windows = monitor_windows([(kind, kind, np.asarray(image), np.asarray(labels))], 192, 1)
            if windows:
                seen.append((np.asarray(image), windows[0]))
        return cls([image for image, _ in seen], [window for _, window in seen])

    def begun(
        self, model: Tunable, enough: Callable[[], bool], progress: Progress = silent
    ) -> tuple[Elsewhere, Figures]:
        """Measure a model as `figures` does until it is enough; return what it was measured on."""
        rows = self._rows(model, enough, progress)
        return Elsewhere(self.images[: len(rows)], self.windows[: len(rows)]), _means(rows)

    def figures(self, model: Tunable, progress: Progress = silent) -> Figures:
        """Measure a model: ``"ap50"`` and ``"click"``, each image with what it is seen with."""
        return _means(self._rows(model, lambda: False, progress))

    def _rows(
        self, model: Tunable, enough: Callable[[], bool], progress: Progress
    ) -> list[Figures]:
        rows: list[Figures] = []
        for image, window in zip(self.images, self.windows, strict=True):
            progress(len(rows) / len(self.images))
            plane = normalise(image, contrast_limits(image))
            eyes = model.eyes_for(Pyramid.of(plane, model.device))
            rows.append(monitor(eyes.network, [window])["mean"])
            if enough():
                break
        progress(1.0)
        return rows


def _means(rows: Sequence[Figures]) -> dict[str, float]:
    return {
        name: float(np.mean([row[name] for row in rows if name in row]))
        for name in ("ap50", "click")
        if any(name in row for row in rows)
    }
