"""Approximate or other ways to run SAM's image encoder on a CPU, beside the exact one.

    python benchmarks/accelerators.py [--repeat 3] [--model CHECKPOINT] [--openvino ENCODER.onnx]

ViT-B; without ``--model`` its weights are random with a fixed seed, position tables included.
All ways take turns in one process, so that other load meets all of them; times are medians, and
*user* is processor time. Deviations are those of the embedding from the exact one's: root mean
square in standard deviations, cosine, and the mean IoU of the masks for clicks on two images, of
which one is generated and one is a photograph. Masks of random weights are noise with long
outlines, which a deviation changes more than those of a trained network.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from segment_anything import sam_model_registry
from segment_anything.utils.transforms import ResizeLongestSide
from skimage.data import camera
from torch import Tensor, nn
from torch.nn import functional as F

from napari_sam import Prompt
from napari_sam.models.model import Embedding
from napari_sam.models.sam import attention, products
from napari_sam.models.sam.int8 import Int8Linear
from napari_sam.models.sam.model import SamFeatures, SamModel
from napari_sam.training.synthetic import generate

Apply = Callable[[nn.Linear, Tensor], Tensor]


def build(checkpoint: Path | None) -> SamModel:
    """Build ViT-B, from a file or with random weights."""
    torch.manual_seed(0)
    network = sam_model_registry["vit_b"](checkpoint)
    if checkpoint is None:
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if "rel_pos" in name or "pos_embed" in name:
                    nn.init.normal_(weight, std=0.1 if "rel_pos" in name else 0.02)
    return SamModel(network.requires_grad_(False), "vit_b")


def int8_of_torch(encoder: nn.Module) -> Apply:
    """One scale per block of tokens: ``torch.ao.quantization.quantize_dynamic``."""
    from torch.ao.quantization import quantize_dynamic

    made: dict[nn.Module, nn.Module] = {}
    for layer in encoder.modules():
        if type(layer) is nn.Linear:
            made[layer] = quantize_dynamic(nn.Sequential(layer), {nn.Linear}, torch.qint8)
    return lambda layer, x: made[layer](x)


def int8_by_rows(encoder: nn.Module) -> Apply:
    """One scale per token and per output channel: `napari_sam.models.sam.int8`."""
    made = {layer: Int8Linear(layer) for layer in encoder.modules() if type(layer) is nn.Linear}
    return lambda layer, x: made[layer](x)


def bfloat16(encoder: nn.Module) -> Apply:
    """Linear layers in bfloat16, all else in float32."""
    made = {
        layer: (layer.weight.bfloat16(), layer.bias.bfloat16())
        for layer in encoder.modules()
        if type(layer) is nn.Linear
    }
    return lambda layer, x: F.linear(x.bfloat16(), *made[layer]).float()


def with_linear(model: SamModel, apply: Apply) -> Callable[[Tensor], Tensor]:
    """Run the exact encoder with another product in its linear layers."""

    def encode(pixels: Tensor) -> Tensor:
        attention.apply = apply
        try:
            return attention.encode_image(model.network.image_encoder, pixels)
        finally:
            attention.apply = products.apply

    return encode


def openvino(path: Path, precision: str) -> Callable[[Tensor], Tensor]:
    """Compile an exported encoder with OpenVINO, with as many threads as PyTorch has."""
    import openvino as ov

    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    compiled = ov.Core().compile_model(path, "CPU", settings)
    return lambda pixels: torch.from_numpy(compiled(pixels.numpy())[0].copy())


def pictures() -> list[np.ndarray]:
    """Return a generated field of nuclei and a photograph, eight bits."""
    cells = np.asarray(generate("nuclei_dense", 7, (512, 512)).image, dtype=np.float64)
    return [(255 * (cells - cells.min()) / np.ptp(cells)).astype(np.uint8), camera()]


def normalised(model: SamModel, image: np.ndarray) -> Tensor:
    """Resize and normalise an image as the reference does."""
    resized = ResizeLongestSide(model.side).apply_image(np.repeat(image[..., None], 3, axis=2))
    return model.network.preprocess(torch.as_tensor(resized).permute(2, 0, 1)[None])


def masks(model: SamModel, features: Tensor, shape: tuple[int, int]) -> list[np.ndarray]:
    """Answer nine clicks."""
    embedding = Embedding(
        model=model.fingerprint,
        plane_hash="",
        limits=(0.0, 255.0),
        shape=shape,
        features=SamFeatures(features, model.used(shape)),
        nbytes=0,
    )
    places = [
        (shape[0] * (r + 0.5) / 3, shape[1] * (c + 0.5) / 3) for r in range(3) for c in (0, 1, 2)
    ]
    return [model.predict(embedding, Prompt(points=[place])).masks[0] for place in places]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over union of two masks; 1 when both are empty."""
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--openvino",
        type=Path,
        metavar="ENCODER.onnx",
        help="add OpenVINO on what `napari-sam models export` made of the same checkpoint",
    )
    parser.add_argument("--ways", nargs="+", default=["int8", "bfloat16", "OpenVINO"])
    parser.add_argument("--model", type=Path, help="a checkpoint of ViT-B")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore", message=".*quant.*")
    model = build(options.model)
    encoder = model.network.image_encoder
    makers: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
        "exact, float32": lambda: with_linear(model, products.apply),
        "int8, torch.ao": lambda: with_linear(model, int8_of_torch(encoder)),
        "int8, scale per token": lambda: with_linear(model, int8_by_rows(encoder)),
        "bfloat16 linear layers": lambda: with_linear(model, bfloat16(encoder)),
    }
    if options.openvino:
        makers["OpenVINO, f32"] = lambda: openvino(options.openvino, "f32")
        makers["OpenVINO, bf16"] = lambda: openvino(options.openvino, "bf16")
    ways = {w: make() for w, make in makers.items() if w.startswith(("exact", *options.ways))}
    images = pictures()
    walls: dict[str, list[float]] = {way: [] for way in ways}
    users: dict[str, list[float]] = {way: [] for way in ways}
    answers: dict[str, list[Tensor]] = {way: [] for way in ways}
    with torch.inference_mode():
        for turn in range(options.repeat):
            pixels = normalised(model, images[turn % len(images)])
            for way, encode in ways.items():
                start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
                answer = encode(pixels)
                walls[way].append(time.perf_counter() - start)
                users[way].append(resource.getrusage(resource.RUSAGE_SELF).ru_utime - used)
                if turn < len(images):
                    answers[way].append(answer)
    first = next(iter(ways))
    wall0, user0 = statistics.median(walls[first]), statistics.median(users[first])
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.repeat} turns")
    print("| way | wall s | user s | wall x | user x | rms | cosine | mask IoU |")
    print("|---|---|---|---|---|---|---|---|")
    shape = images[0].shape
    exact = [masks(model, answer, shape) for answer in answers[first]]
    for way in ways:
        wall, user = statistics.median(walls[way]), statistics.median(users[way])
        pairs = list(zip(answers[first], answers[way], strict=True))
        rms = max(float((a - b).square().mean().sqrt() / a.std()) for a, b in pairs)
        cosine = min(float(F.cosine_similarity(a, b, dim=1).mean()) for a, b in pairs)
        found = [masks(model, answer, shape) for answer in answers[way]]
        overlap = np.mean(
            [
                iou(m, n)
                for a, b in zip(exact, found, strict=True)
                for m, n in zip(a, b, strict=True)
            ]
        )
        print(
            f"| {way} | {wall:.2f} | {user:.2f} | {wall0 / wall:.2f} | {user0 / user:.2f} "
            f"| {rms:.4f} | {cosine:.5f} | {overlap:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
