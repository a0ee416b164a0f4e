"""SAM 3's network: that of ``transformers``, with one image encoder for all of its parts.

A vision transformer reads the image. One neck makes of it what the detector of concepts sees,
another one what the tracker sees, which answers clicks and remembers as SAM 2 does.

References
----------
Carion et al., SAM 3: Segment Anything with Concepts, 2025.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn

from napari_sam.models.sam2.network import ColourStatistics, filled, report_before, transformers
from napari_sam.models.weights import State
from napari_sam.progress import Progress, silent

PIXELS = ColourStatistics((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_PART = "tracker_model."


def build(settings: Mapping[str, Any], state: State, where: str) -> Any:
    """Build the network of ``transformers`` for a configuration, and fill it.

    Parameters
    ----------
    settings : mapping
        As in ``config.json``.
    state : dict of str to Tensor
    where : str
        The file's name, for messages.

    Raises
    ------
    CheckpointError
        When the configuration makes no network, or the weights do not fit it.
    InstallationError
        When ``transformers`` is not installed.
    """
    library = transformers()
    # Some versions of the library write this part of a name twice.
    state = {name.replace(2 * _PART, _PART): value for name, value in state.items()}
    own = copy.deepcopy(dict(settings))
    return filled(lambda: library.Sam3VideoModel(library.Sam3VideoConfig(**own)), state, where)


class Sam3Encoder(nn.Module):
    """Runs the image encoder of a SAM 3.

    Parameters
    ----------
    network : transformers.Sam3VideoModel
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone = network.detector_model.vision_encoder.backbone
        self.neck = network.tracker_neck
        self.img_size = int(network.config.tracker_config.prompt_encoder_config.image_size)

    def encode_image(
        self,
        pixels: Tensor,
        progress: Progress = silent,
        block: int | None = None,
        early: list[Tensor] | None = None,
    ) -> Tensor:
        """Encode one image, as `napari_sam.models.sam.attention.encode_image` does.

        `block` is not heeded. The two finer levels that the tracker sees, (1, C, 4 h, 4 w) and
        (1, C, 2 h, 2 w), and what the transformer made, (1, D, h, w), are put into `early`.
        """
        with ExitStack() as hooks:
            report_before(self.backbone.layers, progress, hooks)
            tokens = self.backbone(pixels).last_hidden_state
        side = math.isqrt(tokens.shape[1])
        hidden = tokens.view(1, side, side, -1).permute(0, 3, 1, 2)
        levels, _ = self.neck(hidden)
        if early is not None:
            early.extend((levels[0], levels[1], hidden))
        found: Tensor = levels[2]
        return found
