"""Background work: which answers arrive, in which order, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from napari_sam.engine.jobs import Jobs
from napari_sam.errors import Cancelled
from napari_sam.progress import Progress
from napari_sam.ui.loops import ManualLoop


class Bench:
    """Jobs that run when they are told to, and what was heard of them."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        self.jobs = Jobs(self.loop, ("click", "find", "ahead"), name="test", gives_way="ahead",
                         threaded=False)  # fmt: skip
        self.heard: list[Any] = []

    def submit(self, slot: str, name: str, work: Callable[[Progress], Any] | None = None) -> None:
        def done(result: Any) -> None:
            self.heard.append(("done", result))

        def failed(error: Exception) -> None:
            self.heard.append(("failed", str(error)))

        self.jobs.submit(slot, work or (lambda report: name), done, failed)

    def deliver(self) -> None:
        while self.loop.turn():
            pass


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_most_urgent_slot_is_served_first(bench: Bench) -> None:
    bench.submit("find", "all cells")
    bench.submit("click", "one cell")
    while bench.jobs.run_next():
        pass
    bench.deliver()
    assert bench.heard == [("done", "one cell"), ("done", "all cells")]
    assert not bench.jobs.busy


def test_an_answer_that_was_under_way_when_more_was_asked_is_dropped(bench: Bench) -> None:
    bench.submit("click", "old")
    assert bench.jobs.run_next()  # its answer waits for the main thread
    bench.submit("click", "new")
    bench.deliver()
    assert bench.heard == []
    assert bench.jobs.wants("click")
    bench.jobs.run_next()
    bench.deliver()
    assert bench.heard == [("done", "new")]


def test_a_failure_that_nobody_waits_for_is_not_told(bench: Bench) -> None:
    def fails(report: Progress) -> None:
        raise ValueError("broken")

    bench.submit("click", "", fails)
    bench.jobs.run_next()
    bench.jobs.cancel("click")
    bench.deliver()
    assert bench.heard == []
    bench.submit("click", "", fails)
    bench.jobs.run_next()
    bench.deliver()
    assert bench.heard == [("failed", "broken")]


def test_work_hears_at_its_next_report_that_it_is_not_wanted(bench: Bench) -> None:
    def work(report: Progress) -> str:
        bench.submit("click", "new")
        with pytest.raises(Cancelled):
            report(0.5)
        return "old"

    bench.submit("click", "old", work)
    while bench.jobs.run_next():
        pass
    bench.deliver()
    assert bench.heard == [("done", "new")]


def test_whatever_is_asked_ends_what_gives_way(bench: Bench) -> None:
    bench.submit("ahead", "the next slice")
    bench.submit("click", "one cell")
    assert not bench.jobs.wants("ahead")
    while bench.jobs.run_next():
        pass
    bench.deliver()
    assert bench.heard == [("done", "one cell")]


def test_after_the_end_nothing_is_taken_and_nothing_arrives(bench: Bench) -> None:
    bench.submit("find", "all cells")
    bench.jobs.run_next()
    bench.jobs.close()
    bench.submit("click", "one cell")
    assert not bench.jobs.run_next()
    bench.deliver()
    assert bench.heard == []


def test_a_thread_of_its_own_serves_and_ends() -> None:
    loop, arrived = ManualLoop(), threading.Event()
    jobs = Jobs(loop, ("click",), name="served", threaded=True)

    def work(report: Progress) -> str:
        arrived.set()
        return threading.current_thread().name

    jobs.submit("click", work, lambda name: None, lambda error: None)
    assert arrived.wait(60)
    (thread,) = (one for one in threading.enumerate() if one.name == "served")
    jobs.close()
    assert not thread.is_alive()
