"""The flag that says where results go."""

from __future__ import annotations

import argparse
from pathlib import Path


def output_path(text: str) -> Path:
    """Read a path; an empty one, as of a variable of the shell that is not set, is refused."""
    if not text:
        raise argparse.ArgumentTypeError("is empty: name a file or a folder, '.' for this one")
    return Path(text)
