"""Segment Anything for microscopy, in napari and from Python."""

__version__ = "0.1.0"
