"""A model taught by a person's objects: what it may learn from, and that nothing is lost."""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

import napari_sam as ns
from napari_sam.errors import Cancelled, DataError, LabelsError, ModelError, ParameterError
from napari_sam.models.cells.folding import unfolded_state
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.lesson import Lesson, history_of, history_text
from napari_sam.training import teaching
from napari_sam.training.corrections import (
    HELD,
    TAUGHT,
    UNSURE,
    draw,
    known_pixels,
    number_of,
    pieces_of,
)
from napari_sam.training.held_back import Judged, Seen, look_at, samples
from napari_sam.training.losses import instance_loss
from napari_sam.training.tuning import Recipe, Tuner
from napari_sam.training.turns import in_turns
from napari_sam.training.verdict import Verdict
from rounding import rounding
from tiny_cells import QUICK, tiny_model, tiny_network

# Weights of nobody get better or not as it happens.
pytestmark = pytest.mark.filterwarnings("ignore:.*sees as .* does")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "Recipe", lambda: QUICK)


def discs(count: int = 6, side: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Bright discs of 9 pixels' radius on noise, all of them marked."""
    rng = np.random.default_rng(3)
    rows, columns = np.indices((side, side))
    image, labels = rng.normal(20, 3, (side, side)), np.zeros((side, side), np.int32)
    for number in range(count):
        row, column = 16 + 30 * (number // 3), 16 + 30 * (number % 3)
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= 81
        image[inside] += 60
        labels[inside] = 10 * (number + 1)
    return image.astype(np.float32), labels


def adapt(model: ns.Model, examples: list, **how: Any) -> ns.Model:
    """Adapt by steps, however slow the machine is."""
    return ns.adapt(model, examples, how.pop("seconds", 3600), **how)


def same(one: ns.Model, other: ns.Model, image: np.ndarray) -> bool:
    """Whether two models see the same, up to the order of sums."""
    first, second = (model.encode(image).features.maps.foreground for model in (one, other))
    allowed = rounding(first, terms=9 * 32, products=30)
    return first.shape == second.shape and float(np.abs(first - second).max()) <= allowed


@pytest.mark.parametrize("light", [False, True])
def test_a_taught_model_is_saved_and_loaded_and_taught_again(light: bool, tmp_path: Path) -> None:
    model, example = tiny_model(light), discs()
    taught = adapt(model, [example], steps=4, name="mine")
    assert (taught.name, taught.licence) == ("mine", "CC0-1.0")
    path = taught.save(tmp_path / "mine.safetensors")
    again = ns.load_model(path, precision="float32")
    assert (again.name, again.licence, again.history) == ("mine", "CC0-1.0", taught.history)
    assert same(taught, again, example[0])
    point = ns.Prompt(points=[(16, 16)])
    scores = [m.predict(m.encode(example[0]), point).scores[0] for m in (taught, again)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    further = adapt(again, [example], steps=2)
    assert [lesson.base for lesson in further.history] == ["tiny", "mine"]
    assert [lesson.steps for lesson in further.history] == [4, 2]


def test_transparency_is_not_learnt_from() -> None:
    image, labels = discs()
    colour = np.stack([image, image / 2, image], axis=-1)
    opaque = np.concatenate([colour, np.full((*image.shape, 1), 255, np.float32)], axis=-1)
    taught = [adapt(tiny_model(), [(one, labels)], steps=2) for one in (colour, opaque)]
    assert same(*taught, image)


@pytest.mark.skipif(os.name != "posix", reason="who may read a file is told otherwise there")
def test_colleagues_may_read_a_taught_model(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    path = tiny_model().save(tmp_path / "mine.safetensors")
    assert path.stat().st_mode == usual.stat().st_mode


def test_the_lesson_holds_the_comparison() -> None:
    lesson = adapt(tiny_model(), [discs()], steps=2).history[-1]
    assert (lesson.images, lesson.objects, lesson.held_back) == (1, 6, 6)
    assert set(lesson.before) == set(lesson.after) == {"ap50", "found", "match", "click", "wrong"}
    assert set(lesson.elsewhere_before) == set(lesson.elsewhere_after) == {"ap50", "click"}
    assert "AP@.5" in str(lesson)


def test_one_network_that_learnt_two_sizes_is_two_models() -> None:
    model = tiny_model()
    lesson = adapt(model, [discs()], steps=1).history[-1]
    state = model.network.state_dict()
    sizes = [replace(lesson, kept=True, diameter=diameter) for diameter in (18.0, 40.0, 18.0)]
    prints = [model.taught(state, "t", one).fingerprint for one in sizes]
    assert prints[0] == prints[2] != prints[1]


@pytest.mark.parametrize("diameter", [float("nan"), float("inf"), 0, -5.0])
def test_a_lesson_of_impossible_sizes_is_left_out(diameter: float) -> None:
    figures: dict[str, float] = {}
    whole = Lesson("", "cells", 1, 2, 1, 1.0, 1, True, 20.0, figures, figures, figures, figures)
    text = history_text([whole, replace(whole, diameter=diameter)])
    assert history_of(text) == (whole,)


@pytest.mark.parametrize("light", [False, True])
def test_a_folded_network_is_written_unfolded(light: bool) -> None:
    plain = tiny_network(light)
    folded = copy.deepcopy(plain)
    folded.fold_norms()
    state = unfolded_state(folded, CellsNetwork.of(plain.config))
    assert {k: v.shape for k, v in state.items()} == {
        k: v.shape for k, v in plain.state_dict().items()
    }
    back = CellsNetwork.of(plain.config)
    back.load_state_dict(state)
    back.eval().fold_norms()
    for name, tensor in folded.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], tensor)


def judged(worth: float, count: int = 3) -> Seen:
    return Seen((Judged(worth, worth, np.zeros((9, 9), bool)),) * count)


@pytest.mark.parametrize(
    ("after", "said"), [(0.4, "did not get better"), (0.51, "cannot be told to be better")]
)
def test_weights_that_are_not_surely_better_are_not_kept_and_that_is_said(
    after: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, example = tiny_model(), discs()
    seen = iter([judged(0.5)] * 2 + [judged(after)] * 6)
    monkeypatch.setattr(teaching, "look_at", lambda *_, **__: next(seen))
    with pytest.warns(UserWarning, match=said):
        taught = adapt(model, [example], steps=2)
    assert not taught.history[-1].kept
    assert same(model, taught, example[0])


def test_a_person_may_want_them_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    model, example = tiny_model(), discs()
    seen = iter([judged(0.5)] * 2 + [judged(0.4)] * 6)
    monkeypatch.setattr(teaching, "look_at", lambda *_, **__: next(seen))
    taught, shown = teaching.teach(model, [example], 3600, steps=2, anyway=True)
    old, new = model.network.state_dict(), taught.network.state_dict()
    assert any(not torch.equal(old[name], new[name]) for name in old)
    assert (taught.history[-1].kept, taught.history[-1].verdict) == (True, "not better")
    assert len(shown) == 4


def test_few_objects_that_happen_to_agree_prove_nothing() -> None:
    assert Verdict.of_gains([0.5, 0.5]).word == "too few to tell"
    assert Verdict.of_gains([0.02] * 3).word == "too few to tell"
    assert Verdict.of_gains([0.3] * 3).word == "better"
    assert Verdict.of_gains([]).word == "too few to tell"


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.5, 0.95])
def test_cancelled_the_model_is_as_it_was(moment: float) -> None:
    model, example = tiny_model(), discs()
    before = copy.deepcopy(model.network.state_dict())

    def cancel(fraction: float) -> None:
        if fraction >= moment:
            raise Cancelled

    with pytest.raises(Cancelled):
        adapt(model, [example], steps=4, progress=cancel)
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert model.history == ()


def test_it_ends_in_time() -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5
        return now

    lesson = teaching.teach(tiny_model(), [discs()], 20.0, clock=clock).model.history[-1]
    assert 2 <= lesson.steps < 40
    assert lesson.seconds <= 20


def test_short_of_time_less_is_compared_and_never_nothing() -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    lesson = teaching.teach(tiny_model(), [discs(9)], 2.0, clock=clock).model.history[-1]
    assert lesson.held_back == 2 * teaching.LEAST
    assert lesson.steps == 2
    assert set(lesson.after) == {"ap50", "found", "match", "click", "wrong"}


def test_mixtures_that_there_is_no_time_for_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks = 0.0, []

    def look(model: ns.Model, *_: Any) -> Seen:
        nonlocal now
        now += 10.0
        looks.append(model.name)
        return judged(0.5)

    monkeypatch.setattr(teaching, "look_at", look)
    teaching.teach(tiny_model(), [discs()], 75.0, steps=2, clock=lambda: now)
    assert looks == ["tiny"] * 2 + ["candidate"] * 4  # and not a third mixture


def test_it_can_be_cancelled_between_all_objects_that_are_compared() -> None:
    told: list[float] = []
    adapt(tiny_model(), [discs()], steps=2, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    looked = [one for one in told if teaching.PREPARED <= one < teaching.TOLD]
    compared = [one for one in told if teaching.AFTER <= one < teaching.COMPARED]
    assert len(set(looked)) >= 6  # objects
    assert len(set(compared)) >= 6 * len(teaching.MIXTURES)


def test_what_nobody_marked_teaches_nothing() -> None:
    image, labels = discs()
    some = np.where(labels <= 20, labels, 0)  # two of six discs, the others are cells as well
    rng = np.random.default_rng(0)
    (piece,) = pieces_of([(image, some)], tiny_model(), False, rng)
    example, known = draw(piece, 64, rng)
    assert known.any()
    assert not known.all()
    logits = torch.zeros(1, 3, 32, 32, requires_grad=True)
    targets = torch.zeros(1, 3, 32, 32)
    targets[0, 0] = torch.from_numpy(example.labels > 0)
    instance_loss(logits, targets, torch.from_numpy(known)[None, None].float()).backward()
    assert logits.grad is not None
    moved = logits.grad[0].abs().sum(0).numpy() > 0
    assert not (moved & ~known).any()
    assert (moved & known).any()


def test_a_ring_is_known_and_only_that() -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[10:20, 10:20], labels[10:20, 21:30], labels[30:35, 30:35] = 1, 2, 3
    roles = np.array([0, TAUGHT, UNSURE, HELD], np.uint8)
    known = known_pixels(labels, roles, False)
    assert known[10:20, 10:20].all()
    assert known[8, 15]
    assert not known[25, 15]
    assert not known[labels == 2].any()
    whole = known_pixels(labels, roles, True)
    assert whole[25, 15]
    assert not whole[labels >= 2].any()


def test_what_is_held_back_is_not_shown_and_each_once() -> None:
    rng = np.random.default_rng(0)
    pieces = pieces_of([discs()], tiny_model(), True, rng)
    turns = in_turns(pieces, 2, 24, rng)
    ids = [piece.ids(HELD).tolist() for (piece,) in turns]
    assert sorted(ids[0] + ids[1]) == [1, 2, 3, 4, 5, 6]
    for (piece,) in turns:
        assert len(piece.ids(TAUGHT)) == 3
        for _ in range(5):
            example, known = draw(piece, 64, rng)
            assert example.labels.max() <= 3
            assert example.labels[known].any()
    assert len(pieces[0].ids(TAUGHT)) == 6  # not changed


def test_what_is_held_back_on_one_piece_is_learnt_on_no_other() -> None:
    image, labels = discs()
    wide = np.tile(image, (2, 4)), np.tile(labels, (2, 4))
    wide[1][:] = ndi.label(wide[1])[0]
    rng = np.random.default_rng(0)
    pieces = pieces_of([wide, discs()], tiny_model(), True, rng)
    shown = [number for piece in pieces for number in piece.objects[1:].tolist()]
    assert len(shown) > len(set(shown)) == 6 * 9  # pieces overlap
    turns = in_turns(pieces, 2, 24, rng)
    held = []
    for turn in turns:
        there = {
            role: {int(piece.objects[one]) for piece in turn for one in piece.ids(role)}
            for role in (HELD, TAUGHT)
        }
        assert not there[HELD] & there[TAUGHT]
        assert number_of(turn, HELD) + number_of(turn, TAUGHT) == 6 * 9
        held += sorted(there[HELD])
    assert len(held) == len(set(held)) == 24


def held_and_taught(pieces: list) -> tuple[list[set[int]], int]:
    """Return which objects are held back in each turn, which are none that is learnt from."""
    held = []
    for turn in in_turns(pieces, 2, 24, np.random.default_rng(1)):
        there = {
            role: {int(piece.objects[one]) for piece in turn for one in piece.ids(role)}
            for role in (HELD, TAUGHT)
        }
        assert there[HELD]
        assert not there[HELD] & there[TAUGHT]
        held.append(there[HELD])
    return held, number_of(pieces, TAUGHT)


@pytest.mark.parametrize("lead", [(4,), (2, 3)])
def test_an_object_is_one_on_all_slices_and_frames(lead: tuple[int, ...]) -> None:
    """Held back on one of them it is shown on no other, where it looks much the same."""
    image, labels = discs()
    count = int(np.prod(lead))
    stack = np.stack([image + n for n in range(count)]).reshape(*lead, *image.shape)
    drifting = np.stack([np.roll(labels, n, axis=1) for n in range(count)]).reshape(stack.shape)
    rng = np.random.default_rng(0)
    held, known = held_and_taught(pieces_of([(stack, drifting)], tiny_model(), True, rng))
    assert known == 6
    assert sorted(map(len, held)) == [3, 3]


def test_ids_that_begin_anew_on_every_slice_are_objects_of_their_own() -> None:
    image, labels = discs()
    stack, marks = np.stack([image, image + 1]), np.zeros((2, 96, 96), np.int32)
    for n, kept in enumerate(((10, 20, 30), (40, 50, 60))):
        for one, other in enumerate(kept, 1):
            marks[n][labels == other] = one
    rng = np.random.default_rng(0)
    assert number_of(pieces_of([(stack, marks)], tiny_model(), True, rng), TAUGHT) == 6


def test_an_image_given_twice_shows_no_object_twice() -> None:
    image, labels = discs()
    others = np.roll(labels, 2, axis=0) // 10 + 50  # by somebody else, with other ids
    others[others == 50] = 0
    rng = np.random.default_rng(0)
    pieces = pieces_of([(image, labels), (image, others)], tiny_model(), True, rng)
    held, known = held_and_taught(pieces)
    assert known == 6
    assert len(held[0] | held[1]) == 6


def test_what_is_marked_as_unknown_is_no_object() -> None:
    image, labels = discs()
    labels[:, :4] = -1
    rng = np.random.default_rng(0)
    assert number_of(pieces_of([(image, labels)], tiny_model(), True, rng), TAUGHT) == 6


def test_a_plane_without_background_is_learnt_from_whole() -> None:
    labels = np.ones((96, 96), np.int32)
    labels[:, 48:] = 2
    (piece,) = pieces_of([(discs()[0], labels)], tiny_model(), True, np.random.default_rng(0))
    assert piece.objects.tolist() == [0, 1, 2]
    assert (piece.plane.labels > 0).all()


def test_found_in_the_right_place_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure itself: a model that finds every disc has hits only."""
    from napari_sam.training import held_back

    image, labels = discs()
    rng = np.random.default_rng(0)
    (piece,) = pieces_of([(image, labels)], tiny_model(), True, rng)
    found = piece.plane.labels

    class Found:
        def choose(self) -> Any:
            return type("Choice", (), {"labels": found})

    monkeypatch.setattr(held_back, "find_cells", lambda *_: Found())
    seen = look_at(tiny_model(), [piece], TAUGHT)
    assert seen.figures["ap50"] == seen.figures["match"] == 1.0
    shown = samples(in_turns([piece], 1, 6, rng)[0], seen, seen)
    assert len(shown) == 4
    for one in shown:
        np.testing.assert_array_equal(one.truth, one.after)
        assert one.picture.shape == (*one.truth.shape, 3)
    found = np.roll(piece.plane.labels, 14, axis=0)
    seen = look_at(tiny_model(), [piece], TAUGHT)
    assert seen.figures["ap50"] == 0
    assert seen.figures["wrong"] == seen.wrong > 0
    assert look_at(tiny_model(), [piece], HELD).figures == {}


def test_training_brings_the_maps_closer_to_the_marks() -> None:
    model = tiny_model()
    rng = np.random.default_rng(0)
    pieces = pieces_of([discs()], model, True, rng)
    recipe = Recipe(windows=4, size=64, prompts=1, warm=2, learning_rate=0.03)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tuner = Tuner(model.network, pieces, recipe)
        losses = [tuner.step(0.0)["instances"] for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_what_cannot_be_learnt_from_is_refused() -> None:
    image, labels = discs()
    model = tiny_model()
    with pytest.raises(LabelsError, match="whole numbers"):
        adapt(model, [(image, labels == 10)], steps=1)
    with pytest.raises(LabelsError, match="at least two"):
        adapt(model, [(image, (labels == 10).astype(int))], steps=1)
    with pytest.raises(LabelsError, match="no corrected objects"):
        adapt(model, [], steps=1)
    with pytest.raises(LabelsError, match="same rows"):
        adapt(model, [(image, labels[:50])], steps=1)
    with pytest.raises(LabelsError, match="pair"):
        adapt(model, [image], steps=1)
    with pytest.raises(ParameterError, match="seconds"):
        adapt(model, [(image, labels)], seconds=0)
    with pytest.raises(DataError, match="path of a file"):
        model.save("/")


def test_other_kinds_of_models_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from fake_model import FakeModel

    with pytest.raises(ModelError, match="cannot be taught"):
        adapt(FakeModel(), [discs()])
    with pytest.raises(ModelError, match="cannot be taught"):
        FakeModel().save(tmp_path / "x")


def test_stacks_and_colour() -> None:
    image, labels = discs()
    stack = np.stack([image, np.zeros_like(image), image])
    marks = np.stack([labels, np.zeros_like(labels), np.where(labels == 30, 7, 0)])
    lesson = adapt(tiny_model(), [(stack, marks)], steps=1).history[-1]
    assert lesson.objects == 7
    colour = np.repeat(image[..., None], 3, axis=2)
    lesson = adapt(tiny_model(), [(colour, labels)], steps=1).history[-1]
    assert lesson.objects == 6
