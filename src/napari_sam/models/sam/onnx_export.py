"""Any SAM as two ONNX files, encoder and decoder, checked against torch before they are kept."""

from __future__ import annotations

import copy
import importlib.util
import os
import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from napari_sam import __version__
from napari_sam.errors import DataError, InstallationError, ModelError
from napari_sam.models.model import Model
from napari_sam.models.reasons import reason_of
from napari_sam.models.sam.int8 import Int8Linear
from napari_sam.models.sam.network import vit_network
from napari_sam.models.sam.onnx_check import check_decoder, check_encoder, prompts
from napari_sam.models.sam.onnx_decoder import INPUTS, OUTPUTS, DecoderGraph
from napari_sam.progress import Progress, silent

OPSET = 18  # the oldest that PyTorch's exporter writes without converting
_NEEDED = ("onnx", "onnxruntime", "onnxscript")
_ONE_FILE = 1_900_000_000  # bytes of weights; a single ONNX file holds no more than 2 GiB


@dataclass(frozen=True)
class Exported:
    """What `export_onnx` wrote.

    Parameters
    ----------
    encoder, decoder : Path
        The two files. A network of more than 1.9 GB has its weights in ``<file>.data`` beside
        the file, and the two belong together.
    encoder_deviation, decoder_deviation : float
        Largest difference between ONNX Runtime's and torch's answers to the same inputs, in
        standard deviations of torch's answer.
    """

    encoder: Path
    decoder: Path
    encoder_deviation: float
    decoder_deviation: float


def export_onnx(
    model: Model,
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Exported:
    """Write the encoder and the decoder of a SAM as ONNX files.

    Both are run with ONNX Runtime on the processor before they get their names; when they do not
    agree with torch, or anything else goes wrong, nothing is left behind.

    Parameters
    ----------
    model : Model
        One of the SAM family.
    folder : path
        Made if it is not there. ``<name>_encoder.onnx`` maps ``image`` (1, 3, S, S), float32,
        normalised and padded at the bottom and on the right, to ``image_embeddings``
        (1, C, S / 16, S / 16); for all published SAMs S is 1024 and C 256. ``<name>_decoder.onnx``
        has the inputs and outputs of Segment Anything's own ONNX decoder (`DecoderGraph`).
    overwrite : bool
        Whether to replace files of these names.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop between two steps.

    Returns
    -------
    Exported

    Raises
    ------
    InstallationError
        When the packages of the extra ``onnx`` are not installed.
    ModelError
        When the model is none of the SAM family, or the files' answers are off by more than
        1e-3 standard deviations.
    DataError
        When files of these names are there, or the folder is a file or cannot be written to.
    Cancelled
    """
    network: Any = vit_network(model)
    if network is None:
        raise ModelError(
            f"The model {model.name!r} is not a Segment Anything ViT, so it has no encoder and "
            "decoder of the kind that ONNX programs for SAM expect. Models of the SAM family can "
            "be exported: sam_vit_b, sam_vit_l, sam_vit_h, or a checkpoint fine-tuned from one."
        )
    if any(isinstance(layer, Int8Linear) for layer in network.modules()):
        raise ModelError(
            f"The model {model.name!r} computes with eight-bit integers, which ONNX export does "
            "not know: export the model that it was made from."
        )
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InstallationError(
            f"Exporting to ONNX needs {', '.join(missing)}: pip install 'napari-sam-bio[onnx]'."
        )
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise DataError(f"{target} is a file: name a folder for the two ONNX files.")
    stem = re.sub(r"[^\w.-]+", "_", model.name) or "sam"
    names = (f"{stem}_encoder.onnx", f"{stem}_decoder.onnx")
    present = [name for name in names if (target / name).exists()]
    if present and not overwrite:
        raise DataError(
            f"{' and '.join(present)} already in {target}: choose another folder, or add "
            "--overwrite (overwrite=True in Python)."
        )
    if model.device != "cpu":
        network = copy.deepcopy(network).cpu()
    network = network.float().eval()
    facts = _facts(model, network)
    from napari_sam.files import try_folder  # which imports more than an export needs

    try_folder(target, "choose another folder.")
    with tempfile.TemporaryDirectory(dir=target, prefix=".onnx-") as place:
        encoder, decoder = (Path(place) / name for name in names)
        progress(0.0)
        _write_encoder(network, encoder, facts)
        progress(0.5)
        embedding, encoder_off = check_encoder(network, encoder)
        progress(0.7)
        _write_decoder(network, decoder, facts)
        progress(0.9)
        decoder_off = check_decoder(network, decoder, embedding)
        # Weights first: whoever finds the .onnx finds all of it.
        for path in sorted(Path(place).iterdir(), key=lambda p: p.suffix != ".data"):
            os.replace(path, target / path.name)
    progress(1.0)
    return Exported(target / names[0], target / names[1], encoder_off, decoder_off)


def _facts(model: Model, network: Any) -> dict[str, str]:
    """Say in the file what one needs to know to use it."""
    return {
        "model": model.name,
        "weights": model.fingerprint,
        "image_size": str(network.image_encoder.img_size),
        "pixel_mean": ",".join(f"{v:g}" for v in network.pixel_mean.flatten().tolist()),
        "pixel_std": ",".join(f"{v:g}" for v in network.pixel_std.flatten().tolist()),
        "mask_threshold": f"{float(network.mask_threshold):g}",
        "exported_by": f"napari-sam-bio {__version__}",
    }


def _write_encoder(network: Any, path: Path, facts: dict[str, str]) -> None:
    side = int(network.image_encoder.img_size)
    _write(
        network.image_encoder,
        (torch.zeros(1, 3, side, side),),
        path,
        facts,
        names=(("image",), ("image_embeddings",)),
        dynamic=None,
    )


def _write_decoder(network: Any, path: Path, facts: dict[str, str]) -> None:
    side = int(network.image_encoder.img_size)
    inputs = prompts(network, points=2)[0]
    height, width = network.prompt_encoder.image_embedding_size
    embedding = torch.zeros(1, network.prompt_encoder.embed_dim, height, width)
    size = torch.tensor([0.75 * side, float(side)])
    points = torch.export.Dim("num_points", min=1)
    _write(
        DecoderGraph(network).eval(),
        (embedding, *inputs, size),
        path,
        facts,
        names=(INPUTS, OUTPUTS),
        dynamic=[{}, {1: points}, {1: points}, {}, {}, {}],
    )


def _write(
    graph: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    facts: dict[str, str],
    *,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    dynamic: list[Any] | None,
) -> None:
    """Export one graph; every failure of PyTorch's exporter becomes a `ModelError`."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's own doubts; the answers are checked
        try:
            program = torch.onnx.export(
                graph,
                inputs,
                dynamo=True,
                input_names=list(names[0]),
                output_names=list(names[1]),
                dynamic_shapes=dynamic,
                opset_version=OPSET,
                verbose=False,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            raise ModelError(
                f"PyTorch {torch.__version__} could not turn {path.stem} into ONNX "
                f"({reason_of(error)}). "
                "Update torch, onnx and onnxscript: pip install -U 'napari-sam-bio[onnx]'."
            ) from error
    assert program is not None
    program.model.metadata_props.update(facts)
    weights = sum(tensor.nbytes for tensor in (*graph.parameters(), *graph.buffers()))
    program.save(path, external_data=weights > _ONE_FILE)
