"""Cells by prompts: a model without a learned head where another one sees them, and refinement."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_sam as ns
from fake_model import SCORES, FakeModel, blobs
from napari_sam.errors import ModelError
from napari_sam.methods import found_masks
from napari_sam.methods.found_masks import find_masks
from napari_sam.methods.options import CellOptions
from napari_sam.methods.packed_masks import PackedMask
from napari_sam.methods.prompted import Redrawn, paint_answers, prompts_of
from napari_sam.methods.refining import refine_cells
from napari_sam.segmentation import Candidates, Segmentation, measure

CENTRES = ((20, 20), (40, 60), (12, 50))


class Blind(FakeModel):
    """As any SAM: answers prompts, and finds nothing by itself."""

    has_instances = False


class Square(FakeModel):
    """Answers every prompt with one square around its point, and this score."""

    def __init__(self, half: int, score: float) -> None:
        super().__init__("square")
        self.half, self.score = half, score

    def predict(self, embedding, prompt):
        self.prompts.append(prompt)
        row, column = (int(v) for v in prompt.points[0])
        mask = np.zeros(embedding.shape, bool)
        low = max(row - self.half, 0), max(column - self.half, 0)
        mask[low[0] : row + self.half + 1, low[1] : column + self.half + 1] = True
        logits = np.where(mask, 4, -4).astype(np.float32)
        window = (-0.5, -0.5, embedding.shape[0] - 0.5, embedding.shape[1] - 0.5)
        return Candidates(mask[None], np.array([self.score], np.float32), logits[None], window)


def test_any_model_is_asked_once_about_every_cell():
    model = Blind("sam")
    found = ns.segment_cells(blobs(centres=CENTRES), model=model, finder=FakeModel("cells"))
    assert len(model.prompts) == len(found) == 3
    assert len({found.labels[centre] for centre in CENTRES} - {0}) == 3
    np.testing.assert_allclose(found.table["score"], SCORES[0])
    assert set(found.table["source"]) == {"sam"}
    for prompt in model.prompts:
        row, column = prompt.points[0]
        r0, c0, r1, c1 = prompt.box
        assert r0 < row < r1
        assert c0 < column < c1


def test_options_act_on_masks_without_asking_again():
    image = blobs(centres=CENTRES)
    model, finder = Blind("sam"), FakeModel("cells")
    masks = find_masks(image, model.encode(image), model, finder)
    asked = len(model.prompts)
    assert masks.decodes == asked == 3
    assert len(masks.choose(CellOptions(min_score=0.95))) == 0
    assert len(masks.choose(CellOptions(min_area=2000))) == 0
    assert len(masks.choose(CellOptions(max_area=20))) == 0
    assert len(masks.choose()) == 3
    assert len(model.prompts) == asked


def test_masks_are_measured_when_somebody_asks_for_their_table(monkeypatch):
    image = blobs(centres=CENTRES)
    model, measured = Blind("sam"), []
    masks = find_masks(image, model.encode(image), model, FakeModel("cells"))
    monkeypatch.setattr(
        found_masks, "measure", lambda *what: measured.append(what) or measure(*what)
    )
    chosen = masks.choose()
    assert (len(chosen), chosen.labels.max(), measured) == (3, 3, [])
    assert len(chosen.table) == len(chosen.table) == 3
    assert len(measured) == 1


def test_a_finder_needs_to_be_a_model_that_finds_cells():
    with pytest.raises(ModelError, match="finder="):
        ns.segment_cells(blobs(), model=Blind("sam"), finder=Blind("other"))


def test_two_masks_of_one_thing_become_one_object():
    square = np.ones((10, 10), bool)
    answers = [
        Redrawn((5, 5), PackedMask.of(square, 0, 0), 0.6),
        Redrawn((6, 6), PackedMask.of(square, 1, 1), 0.9),
        Redrawn((25, 5), PackedMask.of(square, 20, 0), 0.5),
        Redrawn((5, 25), PackedMask.of(np.zeros((4, 4), bool)), 1.0),
    ]
    labels, kept = paint_answers(answers, (40, 40))
    assert kept == [1, 2]
    assert np.count_nonzero(labels == 1) == 100
    assert np.count_nonzero(labels == 2) == 100


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_prompts_lie_in_their_objects(seed):
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(0, 5, (6, 7)), np.ones((3, 4), int)).astype(np.int32)
    ids = [int(i) for i in np.unique(labels) if i]
    for number, prompt in zip(ids, prompts_of(labels, ids), strict=True):
        row, column = prompt.points[0].astype(int)
        assert labels[row, column] == number
        rows, columns = np.nonzero(labels == number)
        edges = (rows.min() - 0.5, columns.min() - 0.5, rows.max() + 0.5, columns.max() + 0.5)
        assert prompt.box == edges


def sure_and_unsure() -> tuple[np.ndarray, Segmentation]:
    """Three objects, of which the second is uncertain and touches the third."""
    image = blobs()
    labels = np.zeros(image.shape, np.int32)
    labels[5:15, 5:15], labels[30:40, 30:36], labels[30:40, 36:50] = 1, 2, 3
    return image, Segmentation(labels, measure(labels, image, {1: 0.9, 2: 0.4, 3: 0.95}, "cells"))


def test_only_the_uncertain_object_is_drawn_again():
    image, found = sure_and_unsure()
    model = Square(4, 0.8)
    better = refine_cells(found, image, model.encode(image), model)
    assert len(model.prompts) == 1
    for number in (1, 3):
        np.testing.assert_array_equal(better.labels == number, found.labels == number)
    drawn = better.labels == 2
    assert np.count_nonzero(drawn) > np.count_nonzero(found.labels == 2)
    row = better.table.set_index("label").loc[2]
    assert row["score"] == pytest.approx(0.8)
    assert row["area"] == np.count_nonzero(drawn)
    assert found.table["score"].tolist() == [0.9, 0.4, 0.95]


@pytest.mark.parametrize(("half", "score"), [(4, 0.3), (15, 0.99)])
def test_a_worse_mask_or_one_mostly_over_others_changes_nothing(half, score):
    image, found = sure_and_unsure()
    found.labels[20:50, 36:80] = 3
    found.labels[20:50, 0:29] = 3
    model = Square(half, score)
    before = found.labels.copy()
    after = refine_cells(found, image, model.encode(image), model)
    assert len(model.prompts) == 1
    np.testing.assert_array_equal(after.labels, before)


def test_without_uncertain_objects_nobody_is_asked():
    image = blobs(centres=CENTRES)
    model = FakeModel("cells")
    plain = ns.segment_cells(image, model=model)
    assert (plain.table["score"] >= 0.75).all()
    refined = ns.segment_cells(image, model=model, refine=True)
    assert not model.prompts
    np.testing.assert_array_equal(refined.labels, plain.labels)
    pd.testing.assert_frame_equal(refined.table, plain.table)
