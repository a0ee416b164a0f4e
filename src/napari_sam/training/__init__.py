"""The training room: data, synthetic cells, losses, the loop and an honest evaluation.

Run it as a program (``python -m napari_sam.training train --data DIR``).  Nothing in here is
imported by importing :mod:`napari_sam`; see ``docs/training.md``.
"""
