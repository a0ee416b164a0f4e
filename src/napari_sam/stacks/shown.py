"""What a person shows of an object, by slice."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping

import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import PromptError
from napari_sam.prompts import Prompt
from napari_sam.regions import Region

Shown = Prompt | Region | npt.ArrayLike
"""What a person says about an object on a slice."""


def shown_by(prompts: Mapping[int, Shown]) -> dict[int, Shown]:
    """Check what says where an object is, by slice.

    Raises
    ------
    PromptError
    """
    if not isinstance(prompts, Mapping) or not prompts:
        raise PromptError(
            "Say by slice where the object is, on at least one slice: {index: Prompt or mask}, "
            f"got {reprlib.repr(prompts)}."
        )
    return {checks.whole(at, "A slice", error=PromptError): one for at, one in prompts.items()}
