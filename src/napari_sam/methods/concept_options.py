"""What is looked for by a word or by boxes of examples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_sam.errors import DataError
from napari_sam.methods.option import option, validate
from napari_sam.methods.options import at_least, check_areas, largest, smallest


def read_boxes(path: Path) -> list[Any]:
    """Read boxes of examples.

    Parameters
    ----------
    path : Path
        ``.json`` with a list of ``[r0, c0, r1, c1]``, or ``.npy`` with (N, 4) numbers; pixels.

    Raises
    ------
    DataError
        When there is no such file or it holds something else.
    """
    import numpy as np

    try:
        if path.suffix.lower() == ".npy":
            held: Any = np.load(path, allow_pickle=False)
        else:
            held = json.loads(path.read_text(encoding="utf-8"))
        boxes = np.asarray(held, dtype=np.float64)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"shape {boxes.shape}")
    except (ValueError, TypeError, OSError, EOFError) as error:
        raise DataError(
            f"{path} holds no boxes ({error}): give a list of [r0, c0, r1, c1] in pixels."
        ) from error
    return [tuple(box) for box in boxes.tolist()]


@dataclass(frozen=True, eq=False)
class ConceptOptions:
    """What is looked for, and which of the answers are kept.

    Parameters
    ----------
    text : str
        A noun or two.
    min_score : float
        0 to 1; objects less likely to be meant are dropped.
    min_area : int
    max_area : int, optional
        In pixels; smaller and larger objects are dropped.
    boxes, unlike_boxes : list of (r0, c0, r1, c1), optional
        Examples on the plane itself, in pixels, of what is meant and of what is not; beside a text
        or in its place.

    Raises
    ------
    ParameterError
    """

    text: str = option(
        "",
        str,
        label="Word",
        help="What to look for, in a noun or two. Acts when the button is pressed.",
        hint="nucleus, dividing cell, yeast, ...",
        typed="what is looked for, in a noun or two",
        folded=False,
        acts="search",
        rank=-1,
    )
    min_score: float = option(
        0.5,
        float,
        label="Certainty",
        help="Leave out objects of which the model is less sure than this.",
        typed="0 to 1, default 0.5: drop objects the model is less sure of",
        high=1.0,
        spell=at_least,
        steps=100,
        folded=False,
        floor=0.1,
    )
    min_area: int = smallest()
    max_area: int | None = largest()
    boxes: Sequence[Any] | None = option(
        None,
        list,
        typed="boxes of examples, .json or .npy: [r0, c0, r1, c1] in pixels",
        read=read_boxes,
        acts="search",
        placed=True,
    )
    unlike_boxes: Sequence[Any] | None = option(
        None,
        list,
        typed="boxes of what is not meant",
        read=read_boxes,
        acts="search",
        placed=True,
    )

    def __post_init__(self) -> None:
        validate(self)
        object.__setattr__(self, "text", self.text.strip())
        check_areas(self)
