"""Find all shows and uses what suits the chosen model, until somebody chooses otherwise."""

from __future__ import annotations

import pytest

from fake_model import blobs

OWN = {"everything": {"ask_at": "objects", "pred_iou_thresh": 0.4, "box_nms_thresh": 0.3}}


@pytest.fixture
def bench(make_bench, monkeypatch):
    """Two models, the first of which other values suit."""
    bench = make_bench()
    bench.catalogue.here = {"cells", "large"}
    monkeypatch.setattr(
        bench.catalogue, "suits", lambda name: OWN if name == "cells" else {}, raising=True
    )
    bench.session.models.choose("large")
    bench.session.models.choose("cells")
    bench.viewer.add_image(blobs((64, 80), ((20, 20), (40, 60)), radius=6), name="image")
    bench.find.adjust(method="everything")
    bench.settle()
    return bench


def shown(bench) -> tuple:
    options = bench.state.find.options
    return options.ask_at, options.pred_iou_thresh, options.box_nms_thresh


def test_what_suits_the_model_is_shown_and_changes_with_it(bench):
    assert shown(bench) == ("objects", 0.4, 0.3)
    bench.session.models.choose("large")
    assert shown(bench) == ("grid", 0.88, 0.7)
    bench.session.models.choose("cells")
    assert shown(bench) == ("objects", 0.4, 0.3)


def test_what_was_chosen_stays_whatever_the_model(bench):
    bench.find.adjust_options("everything", pred_iou_thresh=0.88, min_area=4)
    assert shown(bench) == ("objects", 0.88, 0.3)
    bench.session.models.choose("large")
    assert shown(bench) == ("grid", 0.88, 0.7)
    bench.find.reset()
    bench.session.models.choose("cells")
    assert shown(bench) == ("objects", 0.4, 0.3)


def test_a_search_uses_what_is_shown_and_the_sliders_follow(bench):
    bench.find.start()
    bench.settle()
    found = bench.find.following.search.found.proposals.settings
    assert found.ask_at == "objects"
    assert found.pred_iou_thresh == 0.4
    found_count, asked = bench.state.found_count, len(bench.model.prompts)
    assert found_count > 0
    bench.find.adjust_options("everything", min_area=30)
    bench.settle()
    assert 0 < bench.state.found_count < found_count
    assert len(bench.model.prompts) == asked
    assert "Press the button" not in bench.state.status


def test_the_catalogue_knows_the_family_of_names_and_files(tmp_path):
    from napari_sam.engine.catalogue import Catalogue
    from napari_sam.models.cells.load import load_cells
    from napari_sam.models.cells.suits import SUITS

    catalogue = Catalogue()
    assert catalogue.suits("cells") is SUITS
    assert catalogue.suits("sam_vit_b") == {}
    assert catalogue.suits(str(tmp_path / "gone.pt")) == {}
    (tmp_path / "text.pt").write_text("no weights")
    assert catalogue.suits(str(tmp_path / "text.pt")) == {}
    from importlib import resources

    weights = resources.files("napari_sam.models.cells") / "weights/cells.safetensors"
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(weights.read_bytes())
    assert catalogue.suits(str(mine)) is SUITS
    assert load_cells(mine).suits is SUITS
