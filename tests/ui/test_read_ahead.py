"""Neighbouring slices are read while the person looks, and never stand in a click's way."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from fake_model import FakeModel, blobs
from napari_sam.engine.jobs import Jobs
from napari_sam.engine.view import View
from napari_sam.engine.worker import Worker
from napari_sam.errors import Cancelled
from napari_sam.images import Image, Plane
from napari_sam.ui.loops import ManualLoop
from napari_sam.ui.proposing.read_ahead import neighbours


def stack() -> np.ndarray:
    return np.stack([blobs() + z for z in range(5)]).astype(np.uint8)


@pytest.fixture
def ahead(bench):
    bench.session.proposal.predicting.encoding.read_ahead.on = True
    bench.viewer.add_image(stack())
    return bench


def test_the_slices_beside_the_displayed_one_are_read_and_answer_at_once(ahead):
    ahead.viewer.dims.set_point(0, 2)
    ahead.settle()
    means = {int(plane.min()) - 10 for plane in ahead.model.encoded}
    assert {1, 2, 3} <= means
    read = len(ahead.model.encoded)
    ahead.viewer.dims.set_point(0, 3)
    ahead.click(3, 20, 20)
    while ahead.state.answer is None:
        assert ahead.loop.turn() or ahead.session.jobs.run_next()
    assert len(ahead.model.encoded) == read
    assert ahead.state.answer.plane.index[0] == 3


def test_nothing_is_read_ahead_that_memory_would_not_hold(ahead):
    ahead.session._bench.worker.resize(2 * 64 * 80)
    ahead.viewer.dims.set_point(0, 2)
    ahead.settle()
    assert not {int(plane.min()) - 10 for plane in ahead.model.encoded} & {1, 3}


def test_a_failure_while_reading_ahead_is_nobodys_concern(ahead):
    ahead.viewer.dims.set_point(0, 2)
    while ahead.state.chip.kind != "ready":
        assert ahead.loop.turn() or ahead.session.jobs.run_next()
    ahead.model.fail = RuntimeError("broken")
    ahead.settle()
    assert not ahead.state.problem
    assert ahead.state.chip.kind == "ready"


def test_neighbours_stay_inside_and_follow_the_axis():
    plane = Plane((1, 3), (0, None, 4, None), (8, 9))
    shape = (3, 8, 5, 9)
    assert [p.index for p in neighbours(plane, shape, 0)] == [(1, None, 4, None)]
    assert [p.index for p in neighbours(plane, shape, 1)] == [(0, None, 3, None)]
    assert neighbours(Plane((0, 1), (None, None), (8, 9)), (8, 9), 0) == []
    assert neighbours(Plane((1, 2), (0, None, None), (8, 9)), (1, 8, 9), 0) == []


def test_a_slow_model_reads_nothing_ahead():
    worker = Worker(lambda name, device: FakeModel(), 10**9)
    planes = [Plane((1, 2), (z, None, None), (64, 80)) for z in (0, 1)]
    views = [View(Image.of(stack()), plane) for plane in planes]
    worker.encode("fake", "cpu", views[0], lambda fraction: None)
    model = worker.model("fake", "cpu")
    worker._longest_step = 10.0
    worker.prefetch("fake", "cpu", views[1], lambda fraction: None)
    assert len(model.encoded) == 1
    worker._longest_step = 0.01
    worker.prefetch("fake", "cpu", views[1], lambda fraction: None)
    assert len(model.encoded) == 2


def test_the_longest_step_of_reading_is_measured():
    class Slow(FakeModel):
        def encode(self, plane, **words):
            time.sleep(0.05)
            return super().encode(plane, **words)

    worker = Worker(lambda name, device: Slow(), 10**9)
    view = View(Image.of(stack()), Plane((1, 2), (0, None, None), (64, 80)))
    worker.encode("fake", "cpu", view, lambda fraction: None)
    assert worker._longest_step >= 0.05


def test_a_click_ends_what_is_read_ahead():
    loop, started, ended = ManualLoop(), threading.Event(), threading.Event()
    jobs = Jobs(loop, ("predict", "ahead"), name="test", gives_way="ahead")

    def endless(progress):
        started.set()
        try:
            while True:
                progress(0.5)
        except Cancelled:
            ended.set()
            raise

    answers: list[int] = []
    jobs.submit("ahead", endless, answers.append, pytest.fail)
    assert started.wait(10)
    jobs.submit("predict", lambda progress: 7, answers.append, pytest.fail)
    assert ended.wait(10)
    while not answers:
        loop.turn()
    assert answers == [7]
    jobs.close()
