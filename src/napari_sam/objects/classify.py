"""Classes of a person's own for all objects of an image, after a few examples of each."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam import checks
from napari_sam.classes import BY, CLASS, PERSON, PROBABILITY, SUGGESTED, need_two
from napari_sam.errors import LabelsError, ParameterError
from napari_sam.images import Image
from napari_sam.loading import as_model
from napari_sam.models.model import Model
from napari_sam.objects.classifier import Classifier
from napari_sam.objects.describe import READING, Looks, Sight, describing
from napari_sam.progress import Progress, part, silent

__all__ = ["SeenObjects", "classify_objects", "look_at", "see", "suggest"]

Labels = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class SeenObjects:
    """What objects look like, each on every plane where it is.

    Parameters
    ----------
    ids : (n,) int64
        Which object a row of `looks` is about; one of several planes has several rows.
    looks : Looks
    """

    ids: npt.NDArray[np.int64]
    looks: Looks

    def of(self, ids: Iterable[int]) -> SeenObjects:
        """Return those of some objects."""
        which = np.isin(self.ids, list(ids))
        return SeenObjects(self.ids[which], self.looks.of(which))

    @classmethod
    def joined(cls, parts: Iterable[SeenObjects]) -> SeenObjects:
        """Put several behind each other; there has to be one at least."""
        parts = list(parts)
        return cls(
            np.concatenate([one.ids for one in parts]), Looks.joined([o.looks for o in parts])
        )


def look_at(labels: Labels, sight: Sight) -> SeenObjects:
    """Describe the objects of a plane.

    Parameters
    ----------
    labels : (H, W) integer array
        Any ids, 0 is background.
    sight : Sight
        Of the plane.
    """
    ids, places = np.unique(labels, return_inverse=True)
    first = int(len(ids) > 0 and ids[0] == 0)
    counted = places.reshape(labels.shape) + (1 - first)
    return SeenObjects(ids[first:].astype(np.int64), sight.looks(counted))


def suggest(seen: SeenObjects, known: Mapping[int, str]) -> pd.DataFrame:
    """Suggest a class for every object that was seen, after those that are known.

    Parameters
    ----------
    seen : SeenObjects
    known : mapping of int to str
        The class of some of the objects.

    Returns
    -------
    pandas.DataFrame
        A row per object by id: ``label``, ``class``, ``class_probability`` (1 for those that
        are known) and ``class_by``, ``person`` or ``suggested``.

    Raises
    ------
    ParameterError
        When two classes at least are not known of objects that were seen.
    """
    checks.instance(seen, SeenObjects, "seen")
    if not isinstance(known, Mapping):
        raise ParameterError(
            f"known must map ids of objects to their classes, got {reprlib.repr(known)}."
        )
    named = {int(number): str(name) for number, name in known.items()}
    shown = np.isin(seen.ids, list(named))
    classes = [named[number] for number in seen.ids[shown].tolist()]
    classifier = Classifier.fit(seen.looks, seen.looks.of(shown), classes)
    likely = classifier.probabilities(seen.looks)
    ids, which = np.unique(seen.ids, return_inverse=True)
    # An object of several planes is of the class that it looks like on most of them.
    summed = np.zeros((len(ids), likely.shape[1]))
    np.add.at(summed, which, likely)
    summed /= summed.sum(axis=1, keepdims=True)
    best = summed.argmax(axis=1)
    table = pd.DataFrame(
        {
            "label": ids,
            CLASS: np.array(classifier.names, dtype=object)[best],
            PROBABILITY: summed[np.arange(len(ids)), best],
            BY: SUGGESTED,
        }
    )
    told = table["label"].isin(list(named))
    table.loc[told, CLASS] = [named[number] for number in table["label"][told]]
    table.loc[told, PROBABILITY] = 1.0
    table.loc[told, BY] = PERSON
    return table


def classify_objects(
    image: Any,
    labels: Any,
    known: Mapping[int, str],
    model: Model | str | Path = "cells",
    *,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> pd.DataFrame:
    """Give every object a class, after examples of each.

    Objects are described by their shape, their brightness and the means and spreads of the
    model's features over each; what tells the classes apart is learnt from the examples, see
    `napari_sam.objects.classifier.Classifier`. Two classes with five examples each are a start;
    correct what is wrong and ask again.

    Parameters
    ----------
    image : (..., H, W) or (..., H, W, 3) array of any real type, or Image
    labels : integer array of the image's rows and columns, or Segmentation
        An id per object, 0 is background. An object may lie on several planes.
    known : mapping of int to str
        The class of some of the objects, by id.
    model : Model, str or Path
        Who describes objects: a loaded model, a name from the zoo, or a checkpoint's path.
    limits, rgb, device, progress
        As of `segment_cells`.

    Returns
    -------
    pandas.DataFrame
        A row per object, see `suggest`.

    Raises
    ------
    ParameterError, ImageError, LabelsError, ModelError, Cancelled

    Examples
    --------
    >>> import numpy as np
    >>> from skimage.data import coins
    >>> from skimage.measure import label
    >>> image = coins()[:170]
    >>> labels = label(image > 130)
    >>> areas = np.bincount(labels.ravel())
    >>> largest = np.argsort(areas[1:])[::-1] + 1
    >>> known = {largest[0]: "coin", largest[2]: "coin", largest[-1]: "dirt", largest[-3]: "dirt"}
    >>> table = classify_objects(image, labels, known)
    >>> str(table.set_index("label")["class"][largest[1]])
    'coin'
    """
    described = Image.of(image, rgb=rgb, limits=limits)
    ids = checks.labels(getattr(labels, "labels", labels), "labels", ndim=None)
    if ids.shape != described.shape:
        raise LabelsError(
            f"The labels have shape {ids.shape}, but their image {described.shape}: both must have "
            "the same rows and columns."
        )
    classes = _classes(known)
    need_two(classes.values())
    checks.reports(progress)
    runs = as_model(model, device)
    describing(runs)
    seen = see(described, ids, runs, progress)
    missing = sorted(classes.keys() - set(seen.ids.tolist()))
    if missing:
        raise LabelsError(f"There is no object {missing[0]} in the labels, which `known` names.")
    return suggest(seen, classes)


def _classes(known: Any) -> dict[int, str]:
    """Check examples of classes: objects by id, and what each of them is."""
    if not isinstance(known, Mapping):
        raise ParameterError(f"known must map ids of objects to classes, got {type(known)}.")
    ids = checks.ids(list(known), "the keys of `known`")
    return {
        one: checks.text(name, "a class in `known`")
        for one, name in zip(ids, known.values(), strict=True)
    }


def see(image: Image, labels: Labels, model: Model, progress: Progress = silent) -> SeenObjects:
    """Look at every plane of an image that holds an object.

    Raises
    ------
    LabelsError
        When there is none.
    """
    parts, blocks = [], list(image.blocks())
    for done, block in enumerate(blocks):
        share = part(progress, done / len(blocks), (done + 1) / len(blocks))
        here = np.asarray(block.plane.take(labels))
        if here.any():
            pixels = np.asarray(block.read())
            reading, looking = part(share, 0.0, READING), part(share, READING, 1.0)
            embedding = model.encode(pixels, limits=block.limits, progress=reading)
            parts.append(look_at(here, Sight.of(pixels, embedding, model, looking)))
    progress(1.0)
    if not parts:
        raise LabelsError("There is no object in the labels.")
    return SeenObjects.joined(parts)
