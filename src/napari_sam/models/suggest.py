"""Which models suit an image: told from its axes and colours and what is asked, never downloaded.

Nothing is measured and nothing learned: each rule is a sentence, and the suggestion says it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Suggestion(NamedTuple):
    """A model, and why."""

    name: str
    why: str


def suggest(
    *,
    through: bool = False,
    colours: npt.NDArray[Any] | None = None,
    words: bool = False,
    electrons: bool = False,
) -> tuple[Suggestion, ...]:
    """Suggest models, the most particular first.

    Parameters
    ----------
    through : bool
        Whether the image has slices or frames.
    colours : (H, W, 3) uint8, optional
        A colour picture, small or large.
    words : bool
        Whether objects shall be found by a word.
    electrons : bool
        Whether it is electron microscopy, which no rule here can see.

    Examples
    --------
    >>> [one.name for one in suggest(through=True)]
    ['sam2.1_tiny', 'cells']
    """
    found = []
    if words:
        found.append(Suggestion("sam3", "words; its weights are given by Meta on request"))
    if electrons:
        found.append(Suggestion("micro_sam_vit_b_em_organelles", "electron microscopy"))
    if colours is not None and looks_stained(colours):
        found.append(Suggestion("micro_sam_vit_b_histopathology", "colours of stained tissue"))
    if through:
        found.append(Suggestion("sam2.1_tiny", "follows objects through slices and frames"))
    if not electrons:
        found.append(Suggestion("cells", "finds cells and nuclei by itself, at once"))
    return tuple(found)


def looks_stained(colours: npt.NDArray[Any]) -> bool:
    """Whether a picture has the colours of tissue stained by haematoxylin and eosin.

    That is: it is bright, and most of what is coloured lies between blue-violet and pink, with
    less green than red and blue.

    Parameters
    ----------
    colours : (H, W, 3) uint8

    Examples
    --------
    >>> pink, green = (np.full((4, 4, 3), c, np.uint8) for c in ((220, 150, 200), (90, 200, 90)))
    >>> looks_stained(pink), looks_stained(green), looks_stained(pink // 8)
    (True, False, False)
    """
    red, green, blue = (np.asarray(colours[..., at], np.int16) for at in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    coloured = spread > 24  # of 255: less is grey
    if not coloured.any() or coloured.mean() < 0.1 or np.maximum(red, blue).mean() < 110:
        return False
    violet = (green < red) & (green < blue)
    return bool(violet[coloured].mean() > 0.7)
