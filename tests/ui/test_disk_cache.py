"""What was read is kept on disk for SAM, shown in the panel and cleared from it."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.embeddings.memory import key_of_embedding
from napari_sam.engine.view import View
from napari_sam.engine.worker import Worker
from napari_sam.images import Image, Plane
from napari_sam.models.sam.model import SamModel
from napari_sam.ui.widgets.disk_box import DiskBox
from tiny_sam import tiny_sam


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path))


class Counting(SamModel):
    encoded = 0

    def encode(self, plane, **words):
        Counting.encoded += 1
        return super().encode(plane, **words)


def test_a_slice_is_not_encoded_again_after_a_restart():
    image = np.random.default_rng(0).integers(0, 255, (3, 40, 50), dtype=np.uint8)
    view = View(Image.of(image), Plane((1, 2), (1, None, None), (40, 50)))
    Counting.encoded = 0
    for _ in range(2):  # as two runs of napari: nothing is shared but the folder
        network = tiny_sam().network
        worker = Worker(lambda name, device, n=network: Counting(n, "tiny", "cpu", "0" * 64), 10**9)
        worker.store = EmbeddingStore()
        worker.encode("tiny", "cpu", view, lambda fraction: None)
    assert Counting.encoded == 1


def test_the_panel_shows_the_size_and_clears_it(bench, application):
    model = tiny_sam()
    embedding = model.encode(np.random.default_rng(0).normal(size=(40, 50)))
    EmbeddingStore().write(key_of_embedding(embedding), embedding, model)
    box = DiskBox(bench.session.disk_cache)
    box.resize(320, 200)
    box.show()
    QTest.qWaitForWindowExposed(box)
    assert box.keep.isChecked()
    assert "1 slice, 0.0 of at most 2,000 MB" in box.keep.toolTip()
    QTest.mouseClick(box.clear, Qt.MouseButton.LeftButton)
    assert len(EmbeddingStore()) == 0
    assert not box.clear.isEnabled()
    assert "nothing is kept" in box.clear.toolTip()
    box.keep.setChecked(False)
    assert bench.session._bench.worker.store is None
    box.keep.setChecked(True)
    assert bench.session._bench.worker.store is not None
    box.close()


@pytest.fixture
def application():
    from qtpy.QtWidgets import QApplication

    return QApplication.instance() or QApplication([])
