"""Checkpoints as micro-sam writes them, of a tiny SAM and a tiny decoder."""

from __future__ import annotations

import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from napari_sam.models.sam.unetr import DecoderSize, DistanceDecoder
from tiny_sam import TINY, tiny_network

SIZE = DecoderSize(width=TINY.prompt_width, channels=(16, 8, 4, 2), transposed=False)


def decoder_state(size: DecoderSize = SIZE, seed: int = 0) -> OrderedDict[str, torch.Tensor]:
    """Random weights of a decoder, lively enough that its maps have objects."""
    torch.manual_seed(seed)
    state = DistanceDecoder(size).state_dict()
    for name, value in state.items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif value.is_floating_point() and value.dim() > 1:
            value.normal_(std=2.0 / value[0].numel() ** 0.5)
    return OrderedDict(state)


def write(path: Path, layout: str, decoder: Any = None) -> Path:
    """Write a checkpoint.

    Parameters
    ----------
    path : Path
    layout : {"together", "beside", "trained"}
        One file of both, two files, or what a training leaves behind.
    """
    sam = tiny_network(4).state_dict()
    decoder = decoder_state() if decoder is None else decoder
    if layout == "beside":
        torch.save(sam, path)
        torch.save(decoder, path.with_name(f"{path.stem}_decoder{path.suffix}"))
    elif layout == "together":
        torch.save({"model_state": sam, "decoder_state": decoder}, path)
    else:
        prefixed = OrderedDict((f"sam.{name}", value) for name, value in sam.items())
        with _trainer() as init:
            content = {"model_state": prefixed, "decoder_state": decoder, "init": init, "epoch": 7}
            torch.save(content, path)
    return path


@contextmanager
def _trainer() -> Iterator[dict[str, Any]]:
    """Things of a trainer that are only there while the file is written."""
    module = types.ModuleType("torch_em.data")

    class Dataset:
        def __init__(self) -> None:
            self.paths = [Path("raw.tif")]

    Dataset.__module__, Dataset.__qualname__ = "torch_em.data", "Dataset"
    module.Dataset = Dataset  # type: ignore[attr-defined]
    sys.modules["torch_em"] = types.ModuleType("torch_em")
    sys.modules["torch_em.data"] = module
    try:
        yield {
            "train_dataset": Dataset(),
            "optimizer_class": torch.optim.AdamW,
            "device": torch.device("cpu"),
            "kwargs": {"shuffle": True, "names": {"a", "b"}},
        }
    finally:
        del sys.modules["torch_em"], sys.modules["torch_em.data"]
