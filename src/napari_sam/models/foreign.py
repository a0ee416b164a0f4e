"""Checkpoints of other programs and families, told by the names of their weights."""

from __future__ import annotations

from collections.abc import Iterable

_SAM3 = "the folder of transformers (model.safetensors, config.json, tokenizer.json)"
_PART = "but without its mask decoder: take the whole file"

#: Parts of names that all must be there, and what has them; the first that fits is named.
_KNOWN: tuple[tuple[tuple[str, ...], str], ...] = (
    (("image_encoder.trunk.", "no_obj_embed_spatial"), f"SAM 2.1, {_PART}"),
    (("image_encoder.trunk.", "memory_encoder."), f"SAM 2, {_PART}"),
    (
        ("detector.", "tracker."),
        f"SAM 3 as Meta's own program reads it: take {_SAM3} from the same place",
    ),
    (
        ("detr_decoder.", "text_encoder."),
        f"SAM 3's detector alone: take all of it, {_SAM3}",
    ),
    (("vision_encoder.", "shared_image_embedding."), "a SAM in the layout of transformers"),
    (("mask_decoder.hf_token",), "an HQ-SAM with another image encoder"),
    (("image_encoder.layers.",), "a SAM with another image encoder"),
    (("downsample.down.res_down_0",), "a Cellpose U-Net"),
    (("encoder.patch_embed.", "W2"), "Cellpose-SAM"),
    (("unet.", "prob_conv"), "a StarDist model"),
    (("text_model.",), "a text encoder"),
    (
        ("deconv1.block.", "decoder_head.block."),
        "micro-sam's automatic decoder without its SAM: load that SAM, with this file beside",
    ),
)


def foreign(names: Iterable[str], where: str = "The file") -> str:
    """Say in a sentence what a checkpoint is that no family here reads.

    Parameters
    ----------
    names : iterable of str
        Of its weights.
    where : str
        The file's name.

    Returns
    -------
    str

    Examples
    --------
    >>> foreign(["unet.in.weight", "prob_conv.weight"], "nuclei.pth")
    'nuclei.pth looks like a StarDist model, which is not supported.'
    """
    listed = sorted(names)
    for parts, what in _KNOWN:
        if all(any(part in name for name in listed) for part in parts):
            advice = "" if ":" in what else ", which is not supported"
            return f"{where} looks like {what}{advice}."
    return "Other families are not supported."
