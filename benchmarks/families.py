"""Each family here beside its reference, in one process: time and memory of a plane and a click.

    python benchmarks/families.py                        small networks: seconds
    python benchmarks/families.py --published --only sam2 edgetam
    python benchmarks/families.py --published            minutes, some gigabytes

References are ``segment_anything`` (SAM), ``segment_anything_hq`` (HQ-SAM and MobileSAM) and
``transformers`` (SAM 2, EdgeTAM, SAM 3). Weights are random with a fixed seed. Of small networks
the figures say whether it runs and how far the answers differ; what a family costs, published
sizes say alone. Times are medians of wall seconds, in brackets of processor time without the
system's share; memory is the peak above what was in use before, on Linux. SAM 3 has its small size
only, MobileSAM its published one.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from exact import FULL, measure, picture, row
from napari_sam import Prompt
from napari_sam.models.sam.model import SamModel


class Pair(NamedTuple):
    """A model, and what its reference does with the same weights."""

    model: Any
    encode: Callable[[np.ndarray], Any]
    click: Callable[[Any, tuple[float, float]], np.ndarray]  # best first: logits or masks


def _predictor(model: Any, predictor: Any) -> Pair:
    """A reference with the interface of ``segment_anything``."""

    def encode(image: np.ndarray) -> Any:
        predictor.set_image(image)
        return predictor

    def click(seen: Any, place: tuple[float, float]) -> np.ndarray:
        _, scores, logits = seen.predict(
            np.array([place[::-1]]), np.array([1]), multimask_output=True
        )
        return np.asarray(logits[np.argsort(-scores)])

    return Pair(model, encode, click)


def sam(published: bool) -> Pair:
    """Segment Anything; of published sizes ViT-B."""
    from segment_anything import SamPredictor

    from exact import network
    from tiny_sam import tiny_network

    made = network("vit_b") if published else tiny_network()
    return _predictor(SamModel(made, "sam"), SamPredictor(made))


def hq_sam(published: bool) -> Pair:
    """HQ-SAM; of published sizes that with ViT-B."""
    from hq_reference import lively, reference
    from models.sam.test_hq_sam import theirs
    from napari_sam.models.hq_sam.decoder import HqDecoder
    from napari_sam.models.hq_sam.network import add_detail
    from napari_sam.models.sam.network import build
    from tiny_sam import TINY

    reference()
    sizes = TINY
    if published:
        sizes = replace(
            TINY,
            image_size=1024,
            width=768,
            depth=12,
            heads=12,
            mlp_ratio=4.0,
            window=14,
            global_layers=(2, 5, 8, 11),
            prompt_width=256,
            mask_channels=16,
            decoder_mlp=2048,
            iou_hidden=256,
        )
    made = lively(add_detail(build(sizes), sizes.width))
    return _predictor(SamModel(made, "hq", decoder=HqDecoder), theirs(made, sizes, sizes.width))


def mobile_sam(published: bool) -> Pair:
    """MobileSAM, by the TinyViT that HQ-SAM's authors took over, which knows one size."""
    from tempfile import TemporaryDirectory

    from segment_anything import SamPredictor

    from hq_reference import lively, reference
    from models.sam.test_mobile_sam import _Plain
    from napari_sam import load_model
    from napari_sam.models.sam.network import around
    from tiny_vit import PUBLISHED as sizes

    reference()
    from segment_anything_hq.modeling import TinyViT

    encoder = TinyViT(
        img_size=sizes.image_size,
        embed_dims=list(sizes.widths),
        depths=list(sizes.depths),
        num_heads=[2, *sizes.heads],
        window_sizes=[7, *sizes.windows],
        drop_path_rate=0.0,
    )
    network = lively(around(encoder, sizes))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mobile_sam.pt"
        torch.save(network.state_dict(), path)
        model = load_model(path, device="cpu")
    network.image_encoder = _Plain(encoder)
    return _predictor(model, SamPredictor(network))


def _of_transformers(model: Any) -> Pair:
    """A SAM 2, whose reference is the network itself as ``transformers`` runs it."""
    network, side = model.whole, model.side

    @torch.inference_mode()
    def encode(image: np.ndarray) -> Any:
        pixels, _ = model._encoder.pixels(image, FULL)
        return image.shape[:2], network.get_image_embeddings(pixels)

    @torch.inference_mode()
    def click(seen: Any, place: tuple[float, float]) -> np.ndarray:
        shape, levels = seen
        xy = torch.tensor([place[1] * side / shape[1], place[0] * side / shape[0]])
        sparse, dense = network.prompt_encoder(
            xy.view(1, 1, 1, 2), torch.ones(1, 1, 1, dtype=torch.int), None, None
        )
        low, scores, _, _ = network.mask_decoder(
            image_embeddings=levels[-1],
            image_positional_embeddings=network.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            high_resolution_features=levels[:-1],
        )
        return np.asarray(low[0, 0][scores[0, 0].argsort(descending=True)])

    return Pair(model, encode, click)


def sam2(published: bool) -> Pair:
    """SAM 2.1; of published sizes tiny."""
    from napari_sam.models.sam2.model import Sam2Model
    from tiny_sam2 import library, randomise, tiny_sam2

    if not published:
        return _of_transformers(tiny_sam2())
    network = library().Sam2VideoModel(library().Sam2VideoConfig()).eval().requires_grad_(False)
    randomise(network)
    return _of_transformers(Sam2Model(network, "sam2"))


def edgetam(published: bool) -> Pair:
    """EdgeTAM."""
    from napari_sam.models.edgetam.model import EdgeTamModel
    from napari_sam.models.edgetam.network import PUBLISHED, configuration
    from tiny_edgetam import tiny_edgetam
    from tiny_sam2 import library

    if not published:
        return _of_transformers(tiny_edgetam())
    network = library().EdgeTamVideoModel(configuration(PUBLISHED)).eval().requires_grad_(False)
    return _of_transformers(EdgeTamModel(network, "edgetam"))


FAMILIES: dict[str, Callable[[bool], Pair]] = {
    "sam": sam,
    "hq_sam": hq_sam,
    "mobile_sam": mobile_sam,
    "sam2": sam2,
    "edgetam": edgetam,
}


def sam3(side: int, repeat: int) -> None:
    """Print lines for a plane and for a word, of a small SAM 3."""
    from tempfile import TemporaryDirectory

    from napari_sam import load_model
    from tiny_sam2 import library
    from tiny_sam3 import save, tiny_network

    network, found, image = tiny_network(), library(), picture(side)
    with TemporaryDirectory() as folder:
        model: Any = load_model(save(network, Path(folder)), device="cpu")
        words = found.CLIPTokenizer.from_pretrained(folder)
    processor = found.Sam3Processor(found.Sam3ImageProcessor(), words)
    given = processor(text="nucleus", original_sizes=[[side, side]], return_tensors="pt")
    given.pop("original_sizes")

    def encode() -> Any:
        with torch.inference_mode():
            pixels, _ = model._encoder.pixels(image, FULL)
            return network.detector_model.get_vision_features(pixels)

    def ask(seen: Any) -> Any:
        with torch.inference_mode():
            answer = network.detector_model(vision_embeds=seen, **given)
        return processor.post_process_instance_segmentation(
            answer, threshold=0.0, target_sizes=[(side, side)]
        )[0]["scores"]

    seen, theirs = measure(encode, repeat)
    embedding, ours = measure(lambda: model.encode(image, limits=FULL), repeat)
    row(f"sam3: a plane of {side}²", theirs, ours, "")
    expected, theirs = measure(lambda: ask(seen), 5 * repeat)
    answers, ours = measure(
        lambda: model.concepts.find_concept(embedding, "nucleus", min_score=0), 5 * repeat
    )
    scores = np.sort(expected.numpy())[::-1]
    most = np.abs(scores - [one.score for one in answers]).max()
    row("sam3: a word", theirs, ours, f"{most:.1e} of {scores.std():.1g}")


def compare(name: str, pair: Pair, side: int, repeat: int) -> None:
    """Print a line for a plane, and one for a click."""
    image, place = picture(side), (side / 2.0, side / 3.0)
    seen, theirs = measure(lambda: pair.encode(image), repeat)
    embedding, ours = measure(lambda: pair.model.encode(image, limits=FULL), repeat)
    row(f"{name}: a plane of {side}²", theirs, ours, "")
    prompt = Prompt(points=[place])
    expected, theirs = measure(lambda: pair.click(seen, place), 5 * repeat)
    found, ours = measure(lambda: pair.model.predict(embedding, prompt, multimask=True), 5 * repeat)
    most = float(np.abs(found.logits[0] - expected[0]).max())
    row(f"{name}: a click", theirs, ours, f"{most:.1e} of {float(expected[0].std()):.1g}")


def main() -> None:
    """Compare the families that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = [*FAMILIES, "sam3"]
    parser.add_argument("--only", nargs="+", choices=every, help="those of any size by default")
    parser.add_argument("--published", action="store_true", help="networks of published sizes")
    parser.add_argument("--side", type=int, help="of the picture, in pixels")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")  # of what references import
    side = options.side or (1024 if options.published else 128)
    print("| what | reference, s | here, s | times faster | GiB | GiB here | deviation |")
    print("|---|---|---|---|---|---|---|")
    # MobileSAM has no small size: its reference reads 1024 pixels by networks of one width.
    for name in options.only or [one for one in every if one != "mobile_sam" or options.published]:
        if name in FAMILIES:
            compare(name, FAMILIES[name](options.published), side, options.repeat)
        else:
            sam3(side, options.repeat)


if __name__ == "__main__":
    main()
