"""The command line: one file per command, `app` puts them together."""

from napari_sam.cli.app import main

__all__ = ["main"]
