"""`adapt`: a model taught by the objects that a person corrected, in a minute."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from napari_sam.loading import as_model
from napari_sam.models.lesson import NOT_BETTER
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent
from napari_sam.training.teaching import teach

__all__ = ["adapt"]


def adapt(
    model: Model | str | Path,
    examples: Iterable[tuple[Any, Any]],
    seconds: float = 60.0,
    *,
    exhaustive: bool = False,
    name: str | None = None,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Model:
    """Teach a model the objects of a person's images.

    The whole network learns from the corrected objects, twice: from all but one half of those
    that it is compared on, and then from all but the other half. So each of them says once what
    becomes of an object that was not shown. The mean of both weights, and mixtures with the old
    ones [1]_, are compared with these. Unless what is gained on the objects is surely more than
    nothing, the old weights are kept and a warning says so.

    A model of this kind forgets what it is not shown [2]_. So it keeps its old weights beside the
    new ones, and what the person's images look like to it: planes that do not look so are seen
    as before, to the last bit.

    Parameters
    ----------
    model : Model, str or Path
        One of the embedded kind, such as ``"cells"`` or an adapted one; it is not changed.
    examples : iterable of (image, labels)
        Images as `napari_sam.segment_cells` takes them, (..., H, W) or (..., H, W, 3), and
        labels of their rows and columns: an id per corrected object, 0 elsewhere.
    seconds : float
        It takes about so long at most, reading and comparing included: where time is short, fewer
        objects and mixtures are compared. A few objects are compared and two steps are taken in
        any case, which takes some ten seconds, on a slow or busy machine several times that.
    exhaustive : bool
        Whether every object is marked. By default only marked objects and a ring around each are
        learnt from: what is not marked may be an object, too.
    name : str, optional
        What the new model is called; the old one's name and "taught" by default.
    steps : int, optional
        Stop after so many steps of the optimiser, even if there is time left.
    seed : int
        Of the random numbers.
    device : str
        Where to load a model given by name.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop. The model stays as it is then.
    clock : callable
        What the seconds are measured by; `time.process_time` is of use on a busy machine.

    Returns
    -------
    Model
        Its last `Lesson` in ``history`` holds the comparison, before and after. ``save`` writes
        it, `load_model` reads it, and it can be adapted further.

    Raises
    ------
    ModelError
        When the model is of a kind that cannot be taught.
    LabelsError
        When labels do not fit their images, or fewer than two objects are marked.
    ImageError, ParameterError, DeviceError, Cancelled

    Warns
    -----
    UserWarning
        When the old weights were kept.

    References
    ----------
    .. [1] Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022.
    .. [2] French, Catastrophic forgetting in connectionist networks, Trends in Cognitive
       Sciences 3:128, 1999.
    """
    taught = teach(
        as_model(model, device),
        examples,
        seconds,
        exhaustive=exhaustive,
        name=name,
        steps=steps,
        seed=seed,
        progress=progress,
        clock=clock,
    ).model
    lesson = taught.history[-1]
    if not lesson.kept:
        why = (
            "did not get better" if lesson.verdict == NOT_BETTER else "cannot be told to be better"
        )
        warnings.warn(
            f"{taught.name!r} sees as {lesson.base!r} does, for it {why}: {lesson} "
            "Correct more objects, of every kind that there is, and try again.",
            stacklevel=2,
        )
    return taught
