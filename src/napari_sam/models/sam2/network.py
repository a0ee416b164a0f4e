"""SAM 2's network: that of ``transformers``, with Segment Anything's decoder beside it.

The mask decoder of SAM 2 is SAM's with a few parts more, and its prompt encoder is SAM's. Modules
of ``segment_anything`` that share the weights let SAM's fast exact decoder answer prompts.
``transformers`` is imported here and in the memory only, and only when such a model is loaded.

References
----------
Ravi et al., SAM 2: Segment Anything in Images and Videos, ICLR 2025.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from napari_sam.errors import CheckpointError, InstallationError
from napari_sam.libraries import keep_triton_out
from napari_sam.models.sam.architecture import Decoders
from napari_sam.models.sam.network import around
from napari_sam.models.sam2.names import mask_names, prompt_names
from napari_sam.models.weights import State, Unfilled, check_state
from napari_sam.progress import Progress, silent

_PLACES = (
    "shared_image_embedding.positional_embedding",
    "prompt_encoder.shared_embedding.positional_embedding",
)


def transformers() -> Any:
    """Import it.

    Raises
    ------
    InstallationError
        When it is missing, or too old for SAM 2.
    """
    keep_triton_out()  # transformers imports torchvision
    try:
        import transformers as found

        _ = found.Sam2VideoModel
    except (ImportError, AttributeError, RuntimeError) as error:
        raise InstallationError(
            "SAM 2 and SAM 3 need the package transformers, version 5 or later: "
            'pip install "napari-sam-bio[transformers]"'
        ) from error
    return found


def build(settings: Mapping[str, Any], state: State, where: str) -> Any:
    """Build the network of ``transformers`` for a configuration, and fill it.

    Parameters
    ----------
    settings : mapping
        As in ``config.json``.
    state : dict of str to Tensor
        Under the names of ``transformers``.
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
    images_only = settings.get("model_type") == "sam2"
    kind = library.Sam2Model if images_only else library.Sam2VideoModel
    return filled(lambda: kind(configuration(settings)), state, where)


def filled(make: Callable[[], Any], state: State, where: str) -> Any:
    """Make a network of ``transformers`` and fill it; see `build`."""
    state = with_both_places(state)
    try:
        with Unfilled(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = make()
    except Exception as error:  # impossible sizes make constructors fail in any way
        raise CheckpointError(f"{where} has an impossible configuration: {error}") from error
    check_state(network.state_dict(), state, where)
    network.load_state_dict({name: value.float() for name, value in state.items()})
    return network.eval().requires_grad_(False)


def with_both_places(state: State) -> State:
    """Add one of two that are the same: a file may leave either out, the network has both.

    Examples
    --------
    >>> list(with_both_places({"shared_image_embedding.positional_embedding": torch.zeros(2)}))
    ... # doctest: +NORMALIZE_WHITESPACE
    ['prompt_encoder.shared_embedding.positional_embedding',
     'shared_image_embedding.positional_embedding']
    """
    twins = {
        name.removesuffix(one) + other: value
        for one, other in (_PLACES, _PLACES[::-1])
        for name, value in state.items()
        if name.endswith(one)
    }
    return {**twins, **state}


def configuration(settings: Mapping[str, Any]) -> Any:
    """Make the configuration of ``transformers`` from what its ``config.json`` says."""
    library = transformers()
    prefix = "Sam2" if settings.get("model_type") == "sam2" else "Sam2Video"
    settings = with_parts(settings, prefix)
    # Newer versions do not take the only kind of backbone that there is for granted.
    vision = settings.get("vision_config")
    if isinstance(vision, Mapping) and isinstance(vision.get("backbone_config"), Mapping):
        backbone = {"model_type": "sam2_hiera_det_model", **vision["backbone_config"]}
        settings["vision_config"] = {**vision, "backbone_config": backbone}
    return getattr(library, f"{prefix}Config")(**settings)


def with_parts(settings: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Make configurations of prompt encoder and mask decoder; copy the other settings.

    Some versions read the settings of the mask decoder as those of the prompt encoder.
    """
    library, found = transformers(), dict(settings)
    for part, name in (("prompt_encoder", "PromptEncoder"), ("mask_decoder", "MaskDecoder")):
        given = found.get(f"{part}_config")
        if isinstance(given, Mapping):
            kind = getattr(library, f"{prefix}{name}Config")
            found[f"{part}_config"] = kind(**given)
    return found


class HieraEncoder(nn.Module):
    """Runs the image encoder of a SAM 2.

    Parameters
    ----------
    network : transformers.Sam2VideoModel
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.vision = network.vision_encoder
        self.img_size = int(network.config.prompt_encoder_config.image_size)

    @property
    def layers(self) -> Any:
        """Parts before which it reports."""
        return self.vision.backbone.blocks

    def encode_image(
        self,
        pixels: Tensor,
        progress: Progress = silent,
        block: int | None = None,
        early: list[Tensor] | None = None,
    ) -> Tensor:
        """Encode one image, as `napari_sam.models.sam.attention.encode_image` does.

        `block` is not heeded. The two finer levels, (1, C, 4 h, 4 w) and (1, C, 2 h, 2 w), are put
        into `early`.
        """
        with ExitStack() as hooks:
            report_before(self.layers, progress, hooks)
            found = self.vision(pixels).fpn_hidden_states
        if early is not None:
            early.extend(found[:-1])
        return found[-1]


def report_before(blocks: Any, progress: Progress, hooks: ExitStack) -> None:
    """Report before each of some layers, until the hooks are closed."""
    for done, layer in enumerate(blocks):
        pause = partial(_report, progress, done / len(blocks))
        hooks.callback(layer.register_forward_pre_hook(pause).remove)


def _report(progress: Progress, fraction: float, *_: Any) -> None:
    progress(fraction)


class ColourStatistics(NamedTuple):
    """Mean and standard deviation of RGB values 0..1 that weights expect."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


def as_sam(network: Any, encoder: Any, pixels: ColourStatistics) -> Any:
    """Put a SAM together that shares the weights of a SAM 2, or of SAM 3's part that is like it.

    Parameters
    ----------
    network : transformers.Sam2VideoModel, Sam2Model or Sam3TrackerVideoModel
        Its prompt encoder and mask decoder are taken.
    encoder : HieraEncoder or Sam3Encoder
    pixels : ColourStatistics

    Returns
    -------
    segment_anything.modeling.Sam
        With that image encoder, and with what the mask decoder has beside SAM's.
    """
    prompts, masks = network.prompt_encoder, network.mask_decoder
    config = network.config.mask_decoder_config
    width = int(config.hidden_size)
    patch = int(network.config.prompt_encoder_config.patch_size)
    sizes = Decoders(
        image_size=encoder.img_size,
        patch=patch,
        prompt_width=width,
        mask_channels=int(network.config.prompt_encoder_config.mask_input_channels),
        masks=int(config.num_multimask_outputs),
        decoder_depth=len(masks.transformer.layers),
        decoder_mlp=int(config.mlp_dim),
        decoder_downsample=int(config.attention_downsample_rate),
        iou_depth=int(config.iou_head_depth),
        iou_hidden=int(config.iou_head_hidden_dim),
    )
    with torch.device("meta"):
        sam: Any = around(nn.Module(), sizes)
    sam.prompt_encoder.load_state_dict(prompt_names(prompts.state_dict()), assign=True)
    sam.mask_decoder.load_state_dict(mask_names(masks.state_dict()), assign=True)
    sam.image_encoder = encoder
    for name in ("obj_score_token", "conv_s0", "conv_s1"):
        setattr(sam.mask_decoder, name, getattr(masks, name))
    sam.mask_decoder.no_memory = network.no_memory_embedding
    sam.pixel_mean = 255 * torch.tensor(pixels.mean).reshape(3, 1, 1)
    sam.pixel_std = 255 * torch.tensor(pixels.std).reshape(3, 1, 1)
    sam.stability = (
        float(config.dynamic_multimask_stability_delta),
        float(config.dynamic_multimask_stability_thresh),
    )
    return sam.eval().requires_grad_(False)
