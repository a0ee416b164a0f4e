"""Classes for the objects of many images, after examples that lie on any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sam.classes import need_two
from napari_sam.errors import LabelsError
from napari_sam.objects.classify import SeenObjects, suggest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OfImage", "suggest_for_all"]


@dataclass(frozen=True, eq=False)
class OfImage:
    """The objects of one image.

    Parameters
    ----------
    name : str
        For messages.
    seen : SeenObjects
    known : mapping of int to str
        The class of some of them, by id.
    """

    name: str
    seen: SeenObjects
    known: Mapping[int, str]


def suggest_for_all(images: Iterable[OfImage]) -> list[pd.DataFrame]:
    """Suggest a class for every object, after those known on all of the images.

    Parameters
    ----------
    images : iterable of OfImage
        Seen by the same model.

    Returns
    -------
    list of pandas.DataFrame
        One per image, see `napari_sam.objects.classify.suggest`.

    Raises
    ------
    LabelsError
        When an object of which a class is known was not seen.
    ParameterError
        When two classes at least are not known.
    """
    images = list(images)
    known: dict[int, str] = {}
    parts: list[SeenObjects] = []
    firsts = [0]
    for one in images:
        missing = sorted(set(one.known) - set(one.seen.ids.tolist()))
        if missing:
            raise LabelsError(f"There is no object {missing[0]} in the labels of {one.name}.")
        # Ids of all images one behind the other.
        ids, places = np.unique(one.seen.ids, return_inverse=True)
        numbers = dict(zip(ids.tolist(), range(firsts[-1], firsts[-1] + len(ids)), strict=True))
        known |= {numbers[number]: name for number, name in one.known.items()}
        parts.append(SeenObjects(places + firsts[-1], one.seen.looks))
        firsts.append(firsts[-1] + len(ids))
    need_two(known.values())
    table = suggest(SeenObjects.joined(parts), known)
    return [
        table.iloc[first:last].assign(label=np.unique(one.seen.ids)).reset_index(drop=True)
        for one, first, last in zip(images, firsts[:-1], firsts[1:], strict=True)
    ]
