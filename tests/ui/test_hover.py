"""The mask under the cursor: by itself where the model is fast, left out where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_model import blobs
from napari_sam.ui.preferences import Preferences
from napari_sam.ui.proposing.hover import Hover


@pytest.fixture
def seconds(bench):
    """The clock of the outlines, which each answer moves on by what the test says."""
    hover = bench.session.proposal.hover
    assert isinstance(hover, Hover)
    now = {"time": 0.0, "each": 0.01}

    def clock() -> float:
        now["time"] += now["each"]
        return now["time"]

    hover._clock = clock
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.session.proposal.follow(Preferences())  # as it is installed
    bench.settle()
    return now


def outlined(bench, *place: float) -> bool:
    bench.viewer.cursor.position = place
    bench.session.proposal.hover.moved()
    bench.settle()
    return bench.session.proposal.hover.shown


def test_it_is_on_by_default_and_says_nothing_of_the_marks(bench, seconds):
    assert outlined(bench, 20, 20)
    assert bench.state.answer is None
    assert "SAM preview" in bench.names()
    bench.click(20, 20)
    bench.settle()
    assert bench.state.answer is not None
    assert not bench.session.proposal.hover.shown


def test_a_slow_model_is_left_out_unless_a_person_insists(bench, seconds):
    seconds["each"] = 1.0
    places = [(20, 20), (40, 60), (20, 22), (40, 62), (20, 18)]
    assert [outlined(bench, *place) for place in places] == [True, True, False, False, False]
    asked = len(bench.model.prompts)
    outlined(bench, 20, 21)
    assert len(bench.model.prompts) == asked
    bench.session.proposal.set_hover(False)
    bench.session.proposal.set_hover(True)
    assert all(outlined(bench, *place) for place in places)


def test_one_slow_answer_is_forgiven(bench, seconds):
    for each, place in ((1.0, (20, 20)), (1.0, (40, 60)), (0.01, (20, 22)), (1.0, (40, 62))):
        seconds["each"] = each
        assert outlined(bench, *place)


def test_the_manifest_says_the_same():
    import napari_sam

    text = (Path(napari_sam.__file__).parent / "napari.yaml").read_text(encoding="utf-8")
    part = text.split("hover_preview:")[1].split("cell_per_click:")[0]
    assert "default: true" in part
    assert Preferences().hover_preview
