"""Models can be loaded into a process that already draws a napari window."""

from __future__ import annotations

import subprocess
import sys

import pytest

# The order matters, so each runs in a process of its own: first the window, then torchvision.
WINDOW = """
import napari, numpy
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer()
viewer.add_image(numpy.zeros((50, 50)))
for _ in range(10):
    QApplication.processEvents()
"""
LATER = {
    "a SAM network": (
        "from napari_sam.models.sam.network import build\n"
        "from napari_sam.models.sam.architecture import Architecture\n"
        "build(Architecture(image_size=64, patch=16, width=32, depth=1, heads=2, mlp_ratio=4.0,"
        "window=2, global_layers=(0,), prompt_width=16, mask_channels=4, masks=3, decoder_depth=1,"
        "decoder_mlp=32, decoder_downsample=2, iou_depth=2, iou_hidden=16))\n"
    ),
    "everything-mode": "from napari_sam.methods import everything\n",
}


@pytest.mark.parametrize("what", LATER)
def test_a_window_with_mesa_survives(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{WINDOW}\n{LATER[what]}\nviewer.close()\nprint('alive')"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("alive"), done.stderr[-2000:]
    assert done.returncode == 0, done.stderr[-2000:]


def test_triton_stays_where_it_does_no_harm() -> None:
    """Without a window, torch may compile."""
    program = (
        "from napari_sam.libraries import keep_triton_out\n"
        "import sys\nkeep_triton_out()\nprint('triton' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
