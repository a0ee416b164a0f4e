"""Whether exported ONNX files answer as torch does, for every kind of prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_sam.errors import ModelError
from napari_sam.models.sam.attention import encode_image
from napari_sam.models.sam.onnx_decoder import INPUTS

BOUND = 1e-3  # largest deviation from torch, in standard deviations of torch's answer

Prompts = tuple[Tensor, Tensor, Tensor, Tensor]


def prompts(network: Any, points: int) -> list[Prompts]:
    """Make inputs of the decoder: points with padding, a box with a point, points with a mask."""
    made = torch.Generator().manual_seed(0)
    side = int(network.image_encoder.img_size)
    height, width = network.prompt_encoder.mask_input_size
    mask = 8 * torch.randn(1, 1, height, width, generator=made)
    no, yes = torch.zeros(1), torch.ones(1)

    def coords(count: int) -> Tensor:
        return side * torch.rand(1, count, 2, generator=made)

    clicks = torch.tensor([[*(float(i % 2 == 0) for i in range(points)), -1.0]])
    return [
        (coords(points + 1), clicks, torch.zeros_like(mask), no),
        (coords(3), torch.tensor([[1.0, 2.0, 3.0]]), torch.zeros_like(mask), no),
        (coords(points + 1), clicks, mask, yes),
    ]


def _session(path: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def check_encoder(network: Any, path: Path) -> tuple[Tensor, float]:
    """Compare an exported encoder with torch on noise.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
        On the CPU, in float32.
    path : Path

    Returns
    -------
    embedding : (1, C, h, w) Tensor
        Torch's answer.
    deviation : float
        In standard deviations of it.

    Raises
    ------
    ModelError
        When the deviation is above `BOUND`.
    """
    side = int(network.image_encoder.img_size)
    pixels = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = encode_image(network.image_encoder, pixels)
    (answer,) = _session(path).run(None, {"image": pixels.numpy()})
    return expected, _agree(path, [(answer, expected)])


def check_decoder(network: Any, path: Path, embedding: Tensor) -> float:
    """Compare an exported decoder with Segment Anything's modules, for images of two shapes.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
        On the CPU, in float32.
    path : Path
    embedding : (1, C, h, w) Tensor

    Returns
    -------
    float
        The largest deviation, in standard deviations of torch's answer.

    Raises
    ------
    ModelError
        When it is above `BOUND`.
    """
    session = _session(path)
    side = int(network.image_encoder.img_size)
    pairs = []
    for number, inputs in enumerate(
        inputs for points in (1, 4) for inputs in prompts(network, points)
    ):
        rows, columns = (side, side // 2) if number % 2 else (side // 3, side * 2)
        size = torch.tensor([rows, columns], dtype=torch.float32)
        values = (embedding, *inputs, size)
        feed = {name: value.numpy() for name, value in zip(INPUTS, values, strict=True)}
        pairs += list(
            zip(session.run(None, feed), _reference(network, embedding, inputs, size), strict=True)
        )
    return _agree(path, pairs)


def _reference(
    network: Any, embedding: Tensor, inputs: Prompts, size: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Answer with Segment Anything's modules, without the graph that was exported."""
    coords, labels, mask, given = inputs
    rows, columns = (int(v) for v in size)
    encoder = network.prompt_encoder
    with torch.inference_mode():
        # As in the reference, -1 is a label too; corners of boxes are points of kinds 2 and 3.
        sparse = encoder._embed_points(coords, labels, pad=False)
        for corner in (2, 3):
            sparse[labels == corner] += encoder.point_embeddings[corner].weight[0]
        _, dense = encoder(points=None, boxes=None, masks=mask if bool(given) else None)
        dense = dense.expand(1, -1, *embedding.shape[2:])
        low, scores = network.mask_decoder.predict_masks(
            image_embeddings=embedding,
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        side = int(network.image_encoder.img_size)
        scale = side / max(rows, columns)
        used = (max(1, int(rows * scale + 0.5)), max(1, int(columns * scale + 0.5)))
        masks = network.postprocess_masks(low, used, (rows, columns))
    return masks, scores, low


def _agree(path: Path, pairs: list[tuple[npt.NDArray[np.float32], Tensor]]) -> float:
    """Return the largest deviation, in standard deviations of torch's answer.

    Raises
    ------
    ModelError
        When it is above the bound, or shapes differ.
    """
    worst = 0.0
    for answer, expected in pairs:
        wanted = expected.numpy()
        if answer.shape != wanted.shape:
            raise ModelError(
                f"{path.name} answers with shape {answer.shape} where torch gives "
                f"{wanted.shape}; it was not kept."
            )
        off = float(np.abs(answer - wanted).max()) / max(float(wanted.std()), 1e-6)
        worst = max(worst, off) if np.isfinite(off) else float("inf")
    if worst > BOUND:
        raise ModelError(
            f"{path.name} deviates from torch by {worst:.2g} standard deviations (at most "
            f"{BOUND:g} is accepted), so it was not kept. Update onnx, onnxruntime and torch: "
            "pip install -U 'napari-sam-bio[onnx]'."
        )
    return worst
