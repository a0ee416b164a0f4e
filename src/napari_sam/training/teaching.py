"""How a model is taught: prepare, look, tune until the time is up, compare, choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sam import checks
from napari_sam.errors import LabelsError, ModelError
from napari_sam.models.capabilities import Tunable
from napari_sam.models.device import multiplies_bfloat16
from napari_sam.models.lesson import Lesson
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent
from napari_sam.training.comparison import Elsewhere, Figures, figures_on, worth
from napari_sam.training.corrections import (
    TAUGHT,
    Piece,
    hold_back,
    number_of,
    pieces_of,
    usual_diameter,
)
from napari_sam.training.generated import fresh_planes
from napari_sam.training.tuning import Recipe, Tuner

__all__ = ["teach"]

#: Share of the corrected objects that is held back to compare on.
HELD_BACK = 0.25
#: How far from the old weights to the new ones the models lie that are compared; the last has
#: the old weights and has only learnt how large the objects are.
MIXTURES = (1.0, 0.5, 0.0)
#: Share of the time after which no more of the person's images are prepared.
PREPARING = 0.2
#: Share of the progress that comes before the first step and after the last one.
BEFORE, AFTER = 0.15, 0.9


def teach(
    model: Model,
    examples: Iterable[tuple[Any, Any]],
    seconds: float = 60.0,
    *,
    exhaustive: bool = False,
    name: str | None = None,
    steps: int | None = None,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Progress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Model:
    """Teach a model, see `napari_sam.training.adapt.adapt`; whoever calls reads the lesson."""
    checks.positive(seconds, "seconds")
    checks.flag(exhaustive, "exhaustive")
    checks.reports(progress)
    if steps is not None:
        steps = checks.whole(steps, "steps", 1)
    called = f"{model.name} taught" if name is None else checks.text(name, "name")
    tunable = _tunable(model)
    recipe = Recipe() if recipe is None else recipe
    limit = _Limit(clock, clock(), seconds, steps)
    rng = np.random.default_rng(checks.whole(seed, "seed", 0))
    pairs = list(examples)
    pieces = pieces_of(
        pairs, model, exhaustive, rng, lambda: limit.share() > PREPARING, part(progress, 0, BEFORE)
    )
    held = _hold_back(pieces, rng)
    others = fresh_planes(rng, recipe.generated)
    bench = _Bench(pieces, Elsewhere.generated(recipe.checked))
    looked = clock()
    before = bench.figures(model)
    limit.spare(1.2 * len(MIXTURES) * (clock() - looked))
    half = multiplies_bfloat16(model.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tuner = Tuner(tunable.network, pieces, others, recipe, seed, half)
        while (share := limit.share(tuner.steps)) < 1:
            progress(BEFORE + (AFTER - BEFORE) * share)
            tuner.step(share)
    lesson = _lesson(model, pieces, before, images=len(pairs), held=held, steps=tuner.steps)
    best = _best(tunable, tuner.average.state, lesson, bench, part(progress, AFTER, 1.0))
    kept = best.worth > worth(before, before)
    after, elsewhere_after = best.figures
    lesson = replace(
        lesson,
        kept=kept,
        after=after,
        elsewhere_after=elsewhere_after,
        seconds=round(clock() - limit.start, 1),
    )
    taught: Model = tunable.taught(best.state if kept else None, called, lesson)
    progress(1.0)
    return taught


@dataclass
class _Limit:
    """When to stop: after so many seconds, less what is needed afterwards, or so many steps."""

    clock: Callable[[], float]
    start: float
    seconds: float
    steps: int | None

    def spare(self, seconds: float) -> None:
        """Leave so many seconds for what comes afterwards, but not more than half of them."""
        self.seconds = max(self.seconds - seconds, self.seconds / 2)

    def share(self, steps: int = 0) -> float:
        """Return which share of the time, or of the steps, is over; one step is always taken."""
        by_steps = 0.0 if self.steps is None else steps / self.steps
        return max(by_steps, (self.clock() - self.start) / self.seconds)


@dataclass(frozen=True, eq=False)
class _Bench:
    """What models are compared on: objects held back, and generated images."""

    pieces: list[Piece]
    elsewhere: Elsewhere

    def figures(self, model: Model) -> tuple[Figures, Figures]:
        """Measure a model on both."""
        network = _tunable(model).network
        return figures_on(model, self.pieces), self.elsewhere.figures(network)


@dataclass(frozen=True, eq=False)
class _Candidate:
    """Weights, and what they are worth."""

    state: Mapping[str, Tensor]
    figures: tuple[Figures, Figures]
    worth: float


def _tunable(model: Model) -> Tunable:
    tunable = model.tunable
    if tunable is None:
        raise ModelError(
            f"The model {model.name!r} is of a kind that cannot be taught. Teach 'cells', or a "
            "model that was made of it."
        )
    return tunable


def _hold_back(pieces: list[Piece], rng: np.random.Generator) -> int:
    held = hold_back(pieces, HELD_BACK, rng)
    if held == 0:
        count = number_of(pieces, TAUGHT)
        raise LabelsError(
            f"There {'is 1 corrected object' if count == 1 else 'are no corrected objects'} of 8 "
            "pixels or more: at least two are needed, one to learn from and one to compare on. "
            "Twenty are a good start."
        )
    return held


def _lesson(
    model: Model,
    pieces: list[Piece],
    before: tuple[Figures, Figures],
    *,
    images: int,
    held: int,
    steps: int,
) -> Lesson:
    """Begin a lesson, of which is known what it is about and nothing that comes of it."""
    return Lesson(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        base=model.name,
        images=images,
        objects=number_of(pieces, TAUGHT),
        held_back=held,
        seconds=0.0,
        steps=steps,
        kept=True,
        diameter=usual_diameter(pieces),
        before=before[0],
        after={},
        elsewhere_before=before[1],
        elsewhere_after={},
    )


def _best(
    tunable: Tunable,
    learnt: Mapping[str, Tensor],
    lesson: Lesson,
    bench: _Bench,
    progress: Progress,
) -> _Candidate:
    """Look at the new weights and at mixtures with the old ones, and return the best of them."""
    old = tunable.network.state_dict()
    before = lesson.before, lesson.elsewhere_before
    candidates = []
    for done, mixture in enumerate(MIXTURES):
        progress(done / len(MIXTURES))
        state = {
            key: old[key].lerp(value, mixture) if value.is_floating_point() else value
            for key, value in learnt.items()
        }
        figures = bench.figures(tunable.taught(state, "candidate", lesson))
        candidates.append(_Candidate(state, figures, worth(figures, before)))
    return max(candidates, key=lambda candidate: candidate.worth)
