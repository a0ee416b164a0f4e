"""EdgeTAM: files of both layouts. Its numbers are compared with those of ``transformers`` beside
those of SAM 2, in ``test_sam2.py``.
"""

from __future__ import annotations

import builtins
import re
import sys
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import napari_sam as ns
from napari_sam.errors import CheckpointError, InstallationError
from napari_sam.models.edgetam import load
from napari_sam.models.edgetam.names import to_transformers
from napari_sam.models.families import family_of
from sam_prompts import picture
from tiny_edgetam import SETTINGS, save, tiny_edgetam, tiny_network
from tiny_sam2 import tiny_network as tiny_sam2_network

#: From the names of ``transformers`` to Meta's: what its own conversion does, the other way round.
_BACK = (
    (r"^vision_encoder\.backbone\.timm_model\.", "image_encoder.trunk.body."),
    (r"^vision_encoder\.neck\.convs\.(\d+)\.", r"image_encoder.neck.convs.\1.conv."),
    (r"^prompt_encoder\.shared_embedding\.\w+$", "@pe.positional_encoding_gaussian_matrix"),
    (r"\.mask_embed\.(conv|layer_norm)(\d)", lambda m: f".mask_downscaling.{_down(m)}"),
    (r"^@pe\.", "sam_prompt_encoder.pe_layer."),
    (r"^(prompt_encoder|mask_decoder)\.", r"sam_\1."),
    (r"upscale_conv1", "output_upscaling.0"),
    (r"upscale_layer_norm", "output_upscaling.1"),
    (r"upscale_conv2", "output_upscaling.3"),
    (r"(_head|_mlps\.\d+|object_pointer_proj)\.layers\.0\.", r"\1.layers.1."),
    (r"(_head|_mlps\.\d+|object_pointer_proj)\.proj_in\.", r"\1.layers.0."),
    (r"(_head|_mlps\.\d+|object_pointer_proj)\.proj_out\.", r"\1.layers.2."),
    (r"\.mlp\.proj_in\.", ".mlp.layers.0."),
    (r"\.mlp\.proj_out\.", ".mlp.layers.1."),
    (r"^(memory_attention.*)\.mlp\.up_proj\.", r"\1.linear1."),
    (r"^(memory_attention.*)\.mlp\.down_proj\.", r"\1.linear2."),
    (r"mask_downsampler\.final_conv", "mask_downsampler.encoder.12"),
    (
        r"mask_downsampler\.layers\.(\d)\.conv",
        lambda m: f"mask_downsampler.encoder.{3 * int(m[1])}",
    ),
    (
        r"mask_downsampler\.layers\.(\d)\.layer_norm",
        lambda m: f"mask_downsampler.encoder.{3 * int(m[1]) + 1}",
    ),
    ("feature_projection", "pix_feat_proj"),
    (r"^memory_encoder\.projection", "memory_encoder.out_proj"),
    ("memory_fuser", "fuser"),
    ("depthwise_conv", "dwconv"),
    ("pointwise_conv", "pwconv"),
    (r"\.scale$", ".gamma"),
    (r"latents_1d$", "latents"),
    (r"layer_norm_input", "attn.norm_x"),
    (r"layer_norm_latents", "attn.norm_latents"),
    (r"layer_norm_self", "self_attn.norm"),
    (r"^(spatial_perceiver.*)\.cross_attention\.", r"\1.attn."),
    (r"^(spatial_perceiver.*)\.self_attention\.", r"\1.self_attn."),
    (r"^(spatial_perceiver.*attn)\.q_proj", r"\1.to_q"),
    (r"^(spatial_perceiver.*attn)\.o_proj", r"\1.to_out"),
    (r"^(spatial_perceiver.*)\.mlp\.layer_norm", r"\1.ff.0"),
    (r"^(spatial_perceiver.*)\.mlp\.up_proj", r"\1.ff.1"),
    (r"^(spatial_perceiver.*)\.mlp\.down_proj", r"\1.ff.3"),
    ("no_object_pointer", "no_obj_ptr"),
    ("object_pointer", "obj_ptr"),
    ("memory_temporal_positional_encoding", "maskmem_tpos_enc"),
    ("no_memory_embedding", "no_mem_embed"),
    ("no_memory_positional_encoding", "no_mem_pos_enc"),
    ("o_proj", "out_proj"),
    ("layer_norm", "norm"),
)


def _down(match: re.Match[str]) -> int:
    return {"conv1": 0, "layer_norm1": 1, "conv2": 3, "layer_norm2": 4, "conv3": 6}[
        match[1] + match[2]
    ]


def as_published(state: Any) -> dict[str, torch.Tensor]:
    """Name weights as Meta's file does."""
    found = {}
    for key, value in state.items():
        name = key
        for pattern, new in _BACK:
            name = re.sub(pattern, new, name)
        found[name] = value
    found.pop("shared_image_embedding.positional_embedding")
    for number, point in enumerate(found.pop("sam_prompt_encoder.point_embed.weight").split(1)):
        found[f"sam_prompt_encoder.point_embeddings.{number}.weight"] = point
    for name in [name for name in found if ".k_proj." in name and "perceiver" in name]:
        both = found.pop(name), found.pop(name.replace(".k_proj.", ".v_proj."))
        found[name.replace(".k_proj.", ".to_kv.")] = torch.cat(both)
    return found


def test_names_of_metas_file_become_those_of_transformers():
    state = tiny_network().state_dict()
    published = as_published(state)
    assert {"image_encoder.trunk.body.stem.conv1.c.weight", "spatial_perceiver.latents_2d"} <= set(
        published
    )
    renamed = to_transformers(published)
    assert set(renamed) == set(state)
    for name, value in renamed.items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_file_of_metas_is_recognised_and_loaded(tmp_path, monkeypatch, prefix):
    path = tmp_path / "edgetam.pt"
    weights = as_published(tiny_network().state_dict())
    torch.save({"model": {f"{prefix}{name}": value for name, value in weights.items()}}, path)
    assert family_of(path).name == "edgetam"
    monkeypatch.setattr(load, "PUBLISHED", SETTINGS)
    image = picture((60, 80), 1)
    found = ns.load_model(path, device="cpu").encode(image)
    assert torch.equal(found.features.image, tiny_edgetam().encode(image).features.image)


def test_a_folder_of_transformers_needs_its_configuration(tmp_path):
    folder = tmp_path / "mine"
    save(folder)
    assert family_of(folder / "model.safetensors").name == "edgetam"
    model = ns.load_model(folder, device="cpu")
    assert model.memory is not None
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        ns.load_model(folder, device="cpu")


@pytest.mark.parametrize("left_out", ["shared_image_embedding", "prompt_encoder.shared_embedding"])
@pytest.mark.parametrize("of", ["sam2", "edgetam"])
def test_one_of_two_weights_that_are_the_same_may_be_left_out(tmp_path, of, left_out):
    if of == "sam2":
        folder, network = tmp_path / "mine", tiny_sam2_network()
        network.save_pretrained(folder)
    else:
        folder, network = save(tmp_path / "mine").parent, tiny_network()
    state = network.state_dict()
    state.pop(f"{left_out}.positional_embedding")
    save_file(state, folder / "model.safetensors")
    model = ns.load_model(folder, device="cpu")
    for name, value in model.whole.state_dict().items():
        assert torch.equal(value, network.state_dict()[name]), name


def test_what_it_needs_beside_transformers_is_said(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    save(folder)
    real = builtins.__import__

    def without(name: str, *rest: Any, **words: Any) -> Any:
        if name == "timm":
            raise ImportError
        return real(name, *rest, **words)

    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InstallationError, match="timm"):
        ns.load_model(folder, device="cpu")
