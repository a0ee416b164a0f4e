"""A search lands where it was started, whatever is looked at or chosen meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.ui.tools.find import Find
from napari_sam.ui.tools.following import Following

STACK = blobs((6, 64, 80), ((3, 20, 50), (3, 44, 20)), radius=6)


@pytest.fixture
def started(bench):
    bench.viewer.add_image(STACK, name="stack")
    bench.viewer.dims.set_point(0, 3)
    bench.settle()
    bench.session.set_tool("find")
    bench.find.start()
    assert isinstance(bench.find, Find)
    assert isinstance(bench.find.following, Following)
    return bench


def other_image(bench):
    bench.viewer.add_image(blobs(), name="other")


@pytest.mark.parametrize(
    "leave",
    [
        lambda bench: bench.viewer.dims.set_point(0, 0),
        lambda bench: setattr(bench.viewer.dims, "ndisplay", 3),
        lambda bench: bench.viewer.dims.transpose(),
        other_image,
        lambda bench: bench.session.set_tool("click"),
        lambda bench: bench.find.adjust(method="everything"),
        lambda bench: setattr(bench.viewer.canvas.grid, "enabled", True),
    ],
    ids=["scroll", "3-D", "axes", "image", "page", "method", "grid"],
)
def test_a_result_that_was_asked_for_is_not_lost(started, leave):
    leave(started)
    started.settle()
    labels = started.viewer.layers["stack cells found"].data
    assert labels[3, 20, 50] > 0
    assert labels[3, 44, 20] > 0
    assert not labels[[0, 1, 2, 4, 5]].any()


def test_it_says_where_the_result_is(started):
    started.viewer.dims.set_point(0, 0)
    started.settle()
    assert "slice 3" in started.state.status
    assert started.state.found_count is None  # of the slice that is shown
    started.viewer.dims.set_point(0, 3)
    started.settle()
    assert started.state.found_count == 2


def told_while_away(bench, page):
    """What the status line says while a search comes to its end beside another page."""
    bench.session.set_tool(page)
    said = []
    bench.state.events.status.connect(said.append)
    bench.settle()
    bench.state.events.status.disconnect(said.append)
    return [*said, bench.state.status]


@pytest.mark.parametrize("page", ["review", "click"])
@pytest.mark.parametrize("where", ["slice", "stack", "volume"])
def test_what_a_search_tells_waits_for_its_page(bench, page, where):
    bench.viewer.add_image(STACK, name="stack")
    bench.viewer.dims.set_point(0, 3)
    bench.settle()
    bench.session.set_tool("find")
    bench.find.look_in(where)
    bench.find.start()
    told = told_while_away(bench, page)
    assert "stack cells found" in bench.names()
    assert not [text for text in told if "Found" in text or "so far" in text or "Joining" in text]
    assert not bench.state.problem
    if page == "review":
        assert "Click a cell to take it in hand" in bench.state.status
    bench.session.set_tool("find")
    bench.settle()
    assert "stack cells found" in bench.state.status
    bench.session.set_tool(page)
    bench.session.set_tool("find")
    bench.settle()
    assert "stack cells found" not in bench.state.status  # once


def test_a_choice_that_comes_late_leaves_the_word_to_review(bench):
    bench.viewer.add_image(STACK[3], name="plane")
    bench.settle()
    bench.session.set_tool("find")
    bench.find.start()
    bench.settle()
    bench.find.adjust_options("cells", min_area=60)
    told = told_while_away(bench, "review")
    assert "2 cells in 'plane cells found'." not in told
    assert "Click a cell to take it in hand" in bench.state.status


def test_a_search_that_fails_is_told_on_every_page(started):
    started.session.set_tool("review")
    started.viewer.layers["stack"].data = np.zeros_like(STACK)
    started.settle()
    assert started.state.problem
    assert "The image was changed" in started.state.status


@pytest.mark.parametrize("gone", ["removed", "replaced"])
def test_an_image_that_is_another_now_is_not_labelled(started, gone):
    image = started.viewer.layers["stack"]
    if gone == "removed":
        started.viewer.layers.remove(image)
    else:
        image.data = np.zeros_like(STACK)
    started.settle()
    assert "stack cells found" not in started.names()
    assert gone == "removed" or started.state.problem


@pytest.fixture
def elsewhere(bench):
    """All slices are searched, and another image is looked at."""
    bench.viewer.add_image(STACK, name="stack")
    bench.settle()
    bench.find.adjust(region="stack")
    bench.find.start()
    other_image(bench)
    return bench


def test_all_slices_are_searched_while_another_image_is_looked_at(elsewhere):
    elsewhere.settle()
    assert elsewhere.viewer.layers["stack cells found"].data[3, 20, 50] > 0


def test_what_is_counted_in_another_image_is_not_shown_with_the_one_looked_at(elsewhere):
    counts = []
    elsewhere.state.events.found_count.connect(counts.append)
    elsewhere.settle()
    assert not any(counts)
    assert elsewhere.state.found_count is None


def test_after_a_reset_the_layer_holds_what_the_controls_say(bench):
    bench.viewer.add_image(STACK[3], name="plane")
    bench.settle()
    bench.find.start()
    bench.settle()
    bench.find.adjust_options("cells", diameter=40.0)
    while not bench.session.jobs.wants("find"):
        assert bench.loop.turn() or any(t.run_next() for t in bench.session.tools.values())
    bench.find.reset()
    bench.settle()
    assert bench.state.find.options.diameter is None
    assert bench.find.following.search.options.options.diameter is None
    assert bench.state.estimated is not None


def test_a_search_at_a_diameter_that_is_no_longer_wanted_is_made_again(bench):
    bench.viewer.add_image(STACK[3], name="plane")
    bench.settle()
    bench.find.adjust_options("cells", diameter=40.0)
    bench.find.start()
    bench.find.reset()
    bench.settle()
    assert bench.find.following.search.options.options.diameter is None
