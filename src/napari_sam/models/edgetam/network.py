"""EdgeTAM's network: that of ``transformers``, whose image encoder is one of ``timm``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from napari_sam.errors import InstallationError
from napari_sam.models.sam2.network import HieraEncoder, filled, transformers, with_parts
from napari_sam.models.weights import State

#: What no weight of the published file tells.
PUBLISHED: Mapping[str, Any] = {
    "vision_config": {
        "backbone_config": {
            "architecture": "repvit_m1",
            "model_args": {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]},
        }
    },
    "enable_occlusion_spatial_embedding": False,
    "enable_temporal_pos_encoding_for_object_pointers": False,
}


class RepVitEncoder(HieraEncoder):
    """Runs the image encoder of an EdgeTAM."""

    @property
    def layers(self) -> list[nn.Module]:
        """Parts before which it reports."""
        stages = self.vision.backbone.timm_model.children()
        return [block for stage in stages for block in getattr(stage, "blocks", [stage])]


def build(settings: Mapping[str, Any], state: State, where: str) -> Any:
    """Build the network and fill it, as `napari_sam.models.sam2.network.build` does.

    Raises
    ------
    CheckpointError
    InstallationError
        When ``transformers`` or ``timm`` is not installed.
    """
    library = transformers()
    try:
        import timm
    except ImportError as error:
        raise InstallationError(
            "EdgeTAM needs the package timm beside transformers: "
            'pip install "napari-sam-bio[transformers]"'
        ) from error
    del timm
    return filled(lambda: library.EdgeTamVideoModel(configuration(settings)), state, where)


def configuration(settings: Mapping[str, Any]) -> Any:
    """Make the configuration of ``transformers`` from what its ``config.json`` says."""
    library = transformers()
    settings = with_parts(settings, "EdgeTamVideo")
    vision = dict(settings.get("vision_config") or {})
    # Of an encoder that is not named the library would ask the network.
    backbone = vision.get("backbone_config") or PUBLISHED["vision_config"]["backbone_config"]
    vision["backbone_config"] = {"model_type": "timm_wrapper", **backbone}
    settings["vision_config"] = {"model_type": "edgetam_vision_model", **vision}
    # It has none without the network, for which the library asks to print a configuration.
    library.EdgeTamVisionConfig.has_no_defaults_at_init = True
    return library.EdgeTamVideoConfig(**settings)
