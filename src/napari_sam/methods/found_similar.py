"""Cells found on a plane, and how like the examples each of them is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sam.methods.found import Choice
from napari_sam.methods.found_cells import FoundCells
from napari_sam.methods.interpolation import Labels
from napari_sam.methods.options import CellOptions
from napari_sam.methods.similar_options import SimilarOptions
from napari_sam.objects.describe import Looks, Sight
from napari_sam.objects.examples import Examples
from napari_sam.objects.likeness import Likeness

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FoundSimilar", "likeness_of"]


class FoundSimilar:
    """Cells of one plane, from which those like the examples are chosen without the model.

    Parameters
    ----------
    cells : FoundCells
        All there are.
    sight : Sight
        What they look like.
    model : str
        Fingerprint of who described them.
    """

    def __init__(self, cells: FoundCells, sight: Sight, model: str) -> None:
        self._cells = cells
        self._sight = sight
        self.model = model
        self._looks: tuple[object, Labels, Looks] | None = None
        self._likeness: tuple[object, Likeness] | None = None

    @property
    def diameter(self) -> float | None:
        """Typical diameter in pixels."""
        return self._cells.diameter

    def looks(self, options: SimilarOptions) -> tuple[Labels, Looks]:
        """Return all cells that the options cut out, labels (H, W), and what they look like."""
        key = replace(options, likeness=0.0, examples=None, unlike=None)
        if self._looks is None or self._looks[0] != key:
            labels = self._cells.labels(options)[0]
            self._looks = key, labels, self._sight.looks(labels)
        return self._looks[1:]

    def under(self, options: SimilarOptions, row: int, column: int) -> tuple[int, Looks] | None:
        """Return the number of the cell at a pixel, whether it is alike or not, and its looks."""
        labels, looks = self.looks(options)
        number = int(labels[row, column])
        return (number, looks.of([number - 1])) if number else None

    def similarity(self, options: SimilarOptions) -> npt.NDArray[np.float64]:
        """Return how like the examples all cells are, by their ids, (n,)."""
        return self._fitted(options).similarity(self.looks(options)[1])

    def choose(self, options: CellOptions) -> Choice:
        """Choose the cells that are alike enough; ids 1..n, the most similar first."""
        assert isinstance(options, SimilarOptions)
        labels, _ = self.looks(options)
        similarity = self.similarity(options)
        order = np.argsort(-similarity, kind="stable")
        order = order[similarity[order] >= options.likeness]
        lookup = np.zeros(len(similarity) + 1, labels.dtype)
        lookup[order + 1] = np.arange(1, len(order) + 1)

        def measure() -> pd.DataFrame:
            table = self._cells.table(options)
            numbers = lookup[table["label"].to_numpy()]
            table["similarity"] = similarity[table["label"].to_numpy() - 1]
            table["label"] = numbers.astype(np.int64)
            return table[numbers > 0].sort_values("label").reset_index(drop=True)

        return Choice(lookup[labels], len(order), measure)

    def _fitted(self, options: SimilarOptions) -> Likeness:
        key = (options.examples, options.unlike)
        if self._likeness is None or self._likeness[0] != key:
            self._likeness = key, likeness_of(options.examples, options.unlike, self.model)
        return self._likeness[1]


def likeness_of(examples: Examples | None, unlike: Examples | None, model: str) -> Likeness:
    """Learn what to look for from examples that a model of this fingerprint has described."""
    assert examples is not None
    shown = examples.known(model)
    against = None if unlike is None else unlike.known(model)
    yes = Looks.joined(shown.examples)
    every = [*shown.every, *(() if against is None else against.every)]
    no = None if against is None or not against.examples else Looks.joined(against.examples)
    return Likeness.fit(Looks.joined(every) if every else yes, yes, no)
