"""Bug class 5 of the field: the window never waits, everything stops, failures pass."""

from __future__ import annotations

import threading

import pytest
from napari.components import ViewerModel

from fake_model import FakeModel, blobs
from napari_sam.errors import DeviceError, DownloadError
from napari_sam.ui.loops import ManualLoop
from napari_sam.ui.session import PanelSession
from napari_sam.ui.widgets.pages import ROWS


class Threaded:
    """A session with a real worker thread and a model that can be held back."""

    def __init__(self, catalogue=None):
        self.viewer = ViewerModel()
        self.loop = ManualLoop()
        self.gate = threading.Event()
        self.model = FakeModel(gate=self.gate)
        self.loader_threads: list[str] = []
        self.session = PanelSession(
            self.viewer,
            self.load,
            loop=self.loop,
            catalogue=catalogue,
            tools=[row.tool for row in ROWS],
        )
        self.session.set_active(True)

    def load(self, name, *, device):
        self.loader_threads.append(threading.current_thread().name)
        return self.model

    def until(self, condition) -> None:
        """Turn the loop until something is true; a deadlock fails instead of hanging."""
        tick = threading.Event()
        for _ in range(3000):
            while self.loop.turn():
                pass
            if condition():
                return
            tick.wait(0.01)
        raise AssertionError("this never happened")


@pytest.fixture
def threaded():
    made = Threaded()
    yield made
    made.gate.set()
    made.session.close()


def alive() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("napari-sam")]


def test_nothing_of_the_model_runs_in_the_main_thread(threaded):
    threaded.gate.set()
    threaded.viewer.add_image(blobs())
    session = threaded.session
    threaded.until(lambda: session.state.chip.kind == "ready")
    session.proposal.add_point((20, 20), 1)
    threaded.until(lambda: session.state.answer is not None)
    session.tools["find"].start()
    threaded.until(lambda: session.state.found_count is not None)
    main = threading.main_thread().name
    assert main not in threaded.loader_threads
    assert threaded.model.threads == {"napari-sam model"}


def test_everything_answers_while_the_model_is_busy(threaded):
    threaded.viewer.add_image(blobs(), name="nuclei")
    session = threaded.session
    threaded.until(lambda: session.state.progress == pytest.approx(0.4))
    assert "40 %" in session.state.chip.text
    session.proposal.toggle_polarity()
    session.proposal.toggle_polarity()
    session.proposal.add_point((20, 20), 1)
    session.tools["click"].accept()  # before there is a mask
    assert "nuclei cells" not in [layer.name for layer in threaded.viewer.layers]
    threaded.gate.set()
    threaded.until(lambda: "nuclei cells" in threaded.viewer.layers)
    assert threaded.viewer.layers["nuclei cells"].data[20, 20] == 1


def test_reading_can_be_cancelled_and_begun_again(threaded):
    threaded.viewer.add_image(blobs())
    session = threaded.session
    threaded.until(lambda: session.state.progress is not None)
    session.cancel()
    assert session.state.progress is None
    threaded.gate.set()
    session.proposal.add_point((20, 20), 1)
    threaded.until(lambda: session.state.answer is not None)


def test_closing_while_it_computes_leaves_no_thread(threaded):
    threaded.viewer.add_image(blobs())
    threaded.until(lambda: threaded.session.state.progress is not None)
    assert alive()
    threaded.session.close()
    assert not alive()
    assert [layer.name for layer in threaded.viewer.layers] == ["Image"]


def test_a_newer_request_replaces_an_older_one(threaded):
    threaded.viewer.add_image(blobs())
    session = threaded.session
    session.proposal.add_point((20, 20), 1)
    threaded.until(lambda: session.jobs.wants("predict"))
    session.proposal.add_point((40, 60), 1)
    session.proposal.predicting.now()
    threaded.gate.set()
    threaded.until(lambda: session.state.answer is not None)
    assert len(session.state.answer.prompts[0].points) == 2
    assert len(threaded.model.prompts) == 1


def test_a_failed_run_leaves_everything_usable(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.model.fail = DeviceError("The GPU's memory is exhausted. Use the CPU.")
    bench.settle()
    assert bench.state.chip.kind == "problem"
    bench.click(20, 20)
    bench.settle()
    assert bench.state.problem
    assert "memory is exhausted" in bench.state.status
    assert bench.state.progress is None
    bench.model.fail = None
    bench.click(21, 20)
    bench.settle()
    bench.press("Enter")
    assert bench.viewer.layers["nuclei cells"].data[20, 20] == 1


def test_an_unexpected_error_is_told_and_not_raised(bench):
    bench.viewer.add_image(blobs())
    bench.settle()
    bench.model.fail = ZeroDivisionError("oh")
    bench.click(20, 20)
    bench.settle()
    assert "ZeroDivisionError" in bench.state.status
    bench.find.start()
    bench.settle()
    assert bench.state.progress is None


def test_a_search_can_be_cancelled_and_leaves_nothing(threaded):
    threaded.viewer.add_image(blobs(), name="nuclei")
    session = threaded.session
    session.tools["find"].start()
    threaded.until(lambda: session.state.progress == pytest.approx(0.24))
    session.cancel()
    threaded.gate.set()
    session.proposal.add_point((20, 20), 1)
    threaded.until(lambda: session.state.answer is not None)
    assert "nuclei cells found" not in threaded.viewer.layers
    assert session.state.found_count is None


def test_a_model_that_is_not_here_is_offered_for_download(bench):
    bench.viewer.add_image(blobs())
    bench.settle()
    bench.session.models.choose("large")
    bench.settle()
    assert bench.state.chip.kind == "missing"
    assert "375 MB" in bench.state.status
    bench.click(20, 20)
    bench.settle()
    assert bench.model.prompts == []
    bench.session.models.download()
    bench.settle()
    assert bench.loaded[-1] == "large"
    assert bench.state.answer is not None  # the click was not forgotten


def test_a_failed_download_can_be_tried_again(bench):
    bench.viewer.add_image(blobs())
    bench.session.models.choose("large")
    bench.catalogue.error = DownloadError("No network. Put the file there by hand.")
    bench.session.models.download()
    bench.settle()
    assert "No network" in bench.state.status
    assert bench.state.chip.kind == "missing"
    assert bench.state.progress is None
    bench.catalogue.error = None
    bench.session.models.download()
    bench.settle()
    assert bench.state.chip.kind == "ready"


def test_a_download_does_not_keep_the_model_from_answering(bench):
    bench.viewer.add_image(blobs())
    bench.settle()
    bench.session.models.choose("large")
    bench.settle()
    bench.session.models.download()  # under way: nobody turns the downloads
    bench.session.models.choose("cells")
    while bench.loop.turn() or bench.session.jobs.run_next():
        pass
    bench.click(20, 20)
    while bench.loop.turn() or bench.session.jobs.run_next():
        pass
    assert bench.state.answer is not None
    assert bench.session.models.downloads.wants("download")
    bench.session.cancel()
    assert not bench.session.models.downloads.wants("download")
