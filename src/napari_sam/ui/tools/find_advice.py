"""What the page Find all says to do first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from napari_sam.methods.method import Method
from napari_sam.ui.state import Advice


def first_step(usual: Advice, method: Method[Any], lacking: bool) -> Advice:
    """Say what to do first: press the button, unless the chosen model leaves it disabled.

    Parameters
    ----------
    usual : Advice
    method : Method
        That is chosen.
    lacking : bool
        Whether the chosen model cannot do what it takes.
    """
    if not lacking:
        return replace(usual, ready=method.words.first)
    told = method.words.wanting_told or method.words.first
    return Advice(told, told)
