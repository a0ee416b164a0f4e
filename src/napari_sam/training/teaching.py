"""How a model is taught: prepare, look, tune until the time is up, compare, choose."""

from __future__ import annotations

import reprlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_sam import checks
from napari_sam.errors import LabelsError, ModelError
from napari_sam.models.capabilities import Tunable
from napari_sam.models.cells.kind import Kind
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.device import multiplies_bfloat16
from napari_sam.models.lesson import BETTER, Lesson
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent
from napari_sam.training.comparison import Elsewhere, Figures
from napari_sam.training.corrections import (
    HELD,
    TAUGHT,
    Piece,
    number_of,
    pieces_of,
)
from napari_sam.training.generated import fresh_planes
from napari_sam.training.held_back import Seen, first_held, look_at, samples
from napari_sam.training.kinds import kind_of
from napari_sam.training.shown_samples import ShownSample
from napari_sam.training.time_limit import TimeLimit
from napari_sam.training.tuning import Recipe, Tuner
from napari_sam.training.turns import in_turns
from napari_sam.training.verdict import Verdict

__all__ = ["Taught", "teach"]

State = Mapping[str, Tensor]
#: In each turn another part of the corrected objects is held back to compare on; and on how many
#: objects models are compared, at most.
TURNS, OBJECTS_COMPARED = 2, 24
#: How far from the old weights to the new ones the models lie that are compared.
MIXTURES = (1.0, 0.7, 0.4)
#: Shares of the time after which no more of the person's images are prepared, no more objects are
#: compared on, and no more generated images.
PREPARING, COMPARING, OTHERS = 0.2, 0.25, 0.1
#: On how many objects of each turn models are compared however short the time is.
LEAST = 3
#: The progress when images are prepared, when they are looked at, and when the first step is
#: taken; after the last step, and when the new weights are looked at.
PREPARED, TOLD, BEFORE = 0.03, 0.12, 0.15
AFTER, COMPARED = 0.75, 0.97


class Taught(NamedTuple):
    """A model that was taught, its last `Lesson` in ``history``, and what to show of it."""

    model: Model
    samples: list[ShownSample]


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
    anyway: bool = False,
    progress: Progress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Taught:
    """Teach a model, see `napari_sam.training.adapt.adapt`; whoever calls reads the lesson.

    With ``anyway`` the new weights are kept whatever comes of the comparison.
    """
    checks.positive(seconds, "seconds")
    checks.flag(exhaustive, "exhaustive")
    checks.reports(progress)
    if steps is not None:
        steps = checks.whole(steps, "steps", 1)
    called = f"{model.name} taught" if name is None else checks.text(name, "name")
    tunable = _tunable(model)
    pairs = _pairs(examples)
    recipe = Recipe() if recipe is None else recipe
    limit = TimeLimit(clock, seconds, steps)
    rng = np.random.default_rng(checks.whole(seed, "seed", 0))
    pieces = pieces_of(
        pairs, model, exhaustive, rng, limit.within(PREPARING), part(progress, 0, PREPARED)
    )
    turns = _turns(pieces, rng)
    bench = _Bench(turns, Elsewhere.generated(recipe.checked))
    bench, before = bench.begun(model, limit, part(progress, PREPARED, TOLD))
    report = part(progress, TOLD, BEFORE)
    strangers = fresh_planes(rng, recipe.generated, part(report, 0, 0.4))
    kind = kind_of(tunable, pieces, strangers, part(report, 0.4, 1))
    classroom = _Classroom(tunable.network, recipe, seed)
    learnt, taken = classroom.teach(bench.turns, limit, part(progress, BEFORE, AFTER))
    lesson = _lesson(model, pieces, kind, before, images=len(pairs), steps=taken)
    trial = _Trial(tunable, lesson, kind)
    best = _best(trial, learnt, bench, before.yours, limit, part(progress, AFTER, COMPARED))
    verdict = Verdict.of(before.yours.each, best.seen.each)
    kept = anyway or verdict.word == BETTER
    report = part(progress, COMPARED, 1.0)
    lesson = replace(
        lesson,
        kept=kept,
        verdict=verdict.word,
        after=best.seen.figures,
        elsewhere_after=bench.elsewhere.figures(trial.model(best.state), report),
        seconds=round(clock() - limit.start, 1),
    )
    taught: Model = (
        tunable.taught(best.state, called, lesson, kind)
        if kept
        else tunable.taught(None, called, lesson)
    )
    progress(1.0)
    shown = samples([piece for turn in bench.turns for piece in turn], before.yours, best.seen)
    return Taught(taught, shown)


class _Before(NamedTuple):
    """What the model that is taught makes of objects held back, and of generated images."""

    yours: Seen
    others: Figures


@dataclass(frozen=True, eq=False)
class _Bench:
    """What models are compared on: the objects held back in each turn, and generated images."""

    turns: list[list[Piece]]
    elsewhere: Elsewhere

    def begun(self, model: Model, limit: TimeLimit, progress: Progress) -> tuple[_Bench, _Before]:
        """Look before anything is learnt; what there is no time for is compared on no more."""
        start, count = limit.spent, len(self.turns)
        turns, parts = [], []
        for number, turn in enumerate(self.turns):
            report = part(progress, 0.7 * number / count, 0.7 * (number + 1) / count)
            seen = look_at(model, turn, HELD, report, limit.within(COMPARING / count), LEAST)
            turns.append(first_held(turn, len(seen.each)))
            parts.append(seen)
        each = limit.spent - start
        report = part(progress, 0.7, 1)
        others, figures = self.elsewhere.begun(_tunable(model), limit.within(OTHERS), report)
        # Afterwards every mixture is looked at, and other kinds of images once more.
        limit.begin(1.2 * (limit.spent - start + (len(MIXTURES) - 1) * each))
        return _Bench(turns, others), _Before(Seen.joined(parts), figures)

    def yours(self, models: Sequence[Model], progress: Progress) -> Seen:
        """Measure the model of each turn on what it was not shown."""
        count = len(self.turns)
        return Seen.joined(
            look_at(model, turn, HELD, part(progress, number / count, (number + 1) / count))
            for number, (model, turn) in enumerate(zip(models, self.turns, strict=True))
        )


@dataclass(frozen=True, eq=False)
class _Classroom:
    """Tunes a copy of a network in each turn."""

    network: CellsNetwork
    recipe: Recipe
    seed: int

    def teach(
        self, turns: list[list[Piece]], limit: TimeLimit, progress: Progress
    ) -> tuple[list[State], int]:
        """Return the weights of each turn, and how many steps were taken in all."""
        half = multiplies_bfloat16(str(next(self.network.parameters()).device))
        states, taken, count = [], 0, len(turns)
        with torch.random.fork_rng(devices=[]):
            for number, turn in enumerate(turns):
                seed = self.seed + number
                torch.manual_seed(seed)
                tuner = Tuner(self.network, turn, self.recipe, seed, half)
                # Of the time, or the steps, each turn has the same part, and one step at least.
                while (share := count * limit.share(taken + tuner.steps) - number) < 1 or (
                    tuner.steps == 0
                ):
                    progress(min((number + share) / count, 1.0))
                    tuner.step(min(max(share, 0.0), 1.0))
                states.append(tuner.average.state)
                taken += tuner.steps
        return states, taken


@dataclass(frozen=True, eq=False)
class _Trial:
    """Makes models of weights, as they will be if these are kept."""

    tunable: Tunable
    lesson: Lesson
    kind: Kind

    def model(self, state: State) -> Any:
        return self.tunable.taught(state, "candidate", self.lesson, self.kind)


class _Candidate(NamedTuple):
    """Weights, what they make of the objects held back, and what is gained."""

    state: State
    seen: Seen
    gain: float


def _tunable(model: Model) -> Tunable:
    tunable = model.tunable
    if tunable is None:
        raise ModelError(
            f"The model {model.name!r} is of a kind that cannot be taught. Teach 'cells', or a "
            "model that was made of it."
        )
    return tunable


def _pairs(examples: Any) -> list[tuple[Any, Any]]:
    """Return pairs of an image and its labels."""
    known = "examples must be pairs [(image, labels), ...]"
    if not isinstance(examples, Iterable) or isinstance(examples, str | bytes | np.ndarray):
        raise LabelsError(f"{known}, got {reprlib.repr(examples)}.")
    pairs = list(examples)
    for pair in pairs:
        if not isinstance(pair, Sequence) or isinstance(pair, str | bytes) or len(pair) != 2:
            raise LabelsError(f"{known}, but one of them is {reprlib.repr(pair)}.")
    return pairs


def _turns(pieces: list[Piece], rng: np.random.Generator) -> list[list[Piece]]:
    turns = in_turns(pieces, TURNS, OBJECTS_COMPARED, rng)
    if not turns:
        count = number_of(pieces, TAUGHT)
        raise LabelsError(
            f"There {'is 1 corrected object' if count == 1 else 'are no corrected objects'} of 8 "
            "pixels or more: at least two are needed, one to learn from and one to compare on. "
            "Twenty are a good start."
        )
    return turns


def _lesson(
    model: Model, pieces: list[Piece], kind: Kind, before: _Before, *, images: int, steps: int
) -> Lesson:
    """Begin a lesson, of which is known what it is about and nothing that comes of it."""
    return Lesson(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        base=model.name,
        images=images,
        objects=number_of(pieces, TAUGHT),
        held_back=len(before.yours.each),
        seconds=0.0,
        steps=steps,
        kept=True,
        diameter=kind.diameter,
        before=before.yours.figures,
        after={},
        elsewhere_before=before.others,
        elsewhere_after={},
    )


def _best(
    trial: _Trial,
    learnt: list[State],
    bench: _Bench,
    before: Seen,
    limit: TimeLimit,
    progress: Progress,
) -> _Candidate:
    """Look at the new weights and at mixtures with the old ones, and return the best of them.

    Mixtures are made of the weights of each turn, and looked at with what it was not shown; what
    is returned is their mean. Those that there is no time for are left out, but not the first.
    """
    old = trial.tunable.network.state_dict()
    candidates: list[_Candidate] = []
    begun = limit.spent
    for done, mixture in enumerate(MIXTURES):
        if done and limit.spent + (limit.spent - begun) / done > limit.seconds:
            break
        report = part(progress, done / len(MIXTURES), (done + 1) / len(MIXTURES))
        report(0.0)
        states = [_between(old, state, mixture) for state in learnt]
        seen = bench.yours([trial.model(state) for state in states], report)
        gain = Verdict.of(before.each, seen.each).gain
        candidates.append(_Candidate(_mean(states), seen, gain))
    return max(candidates, key=lambda candidate: candidate.gain)


def _between(old: State, new: State, mixture: float) -> State:
    """Return weights on the way from the old ones to the new ones."""
    return {
        key: old[key].lerp(value, mixture) if value.is_floating_point() else value
        for key, value in new.items()
    }


def _mean(states: Sequence[State]) -> State:
    """Return the mean of weights that were learnt from the same old ones."""
    return {
        key: torch.stack([state[key] for state in states]).mean(0)
        if value.is_floating_point()
        else value
        for key, value in states[0].items()
    }
