"""Segment Anything as a `Model`: planes and prompts in, candidates out.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_sam import checks, images
from napari_sam.models.accepted import accepted, accepted_each
from napari_sam.models.capabilities import Store
from napari_sam.models.device import is_out_of_memory, out_of_memory, release_memory
from napari_sam.models.model import Embedding, Model
from napari_sam.models.sam.decoder import Decoded, Decoder
from napari_sam.models.sam.distances import DistanceHead
from napari_sam.models.sam.encoding import PlaneEncoder
from napari_sam.models.sam.features import SamFeatures
from napari_sam.models.sam.framing import Framing, Padded
from napari_sam.models.sam.grid import SamGrid
from napari_sam.models.sam.image_tokens import ImageTables
from napari_sam.models.sam.prompting import PromptEmbedder, leaves_doubt
from napari_sam.models.sam.upsample import Upsampler
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt, Window
from napari_sam.segmentation import Candidates

__all__ = ["SamFeatures", "SamModel"]

_KEPT = 2  # planes whose tables are kept: 32 MB each with ViT
_SIZES = 4  # plane sizes whose matrices are kept


class SamModel(Model):
    """A Segment Anything model: SAM itself, MobileSAM, HQ-SAM, and what was fine-tuned from them.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
    name : str
    device : str
        As of `napari_sam.models.device.resolve`.
    sha256 : str
        Hash of the weights.
    head : DistanceHead, optional
        Finds all objects of a plane, if the checkpoint holds a decoder for that.
    decoder : type
        What runs the network's mask decoder.

    Attributes
    ----------
    store : Store or None
        Where `encode` looks first, and keeps what it made.
    """

    store: Store | None = None
    embedder: ClassVar[type[PromptEmbedder]] = PromptEmbedder

    def __init__(
        self,
        network: Any,
        name: str,
        device: str = "cpu",
        sha256: str = "",
        head: DistanceHead | None = None,
        decoder: type[Decoder] = Decoder,
    ) -> None:
        self.name = name
        self.head = head
        self.device = device
        self.network = network.to(device).eval()
        self.decoder = decoder(self.network)
        self.side = int(network.image_encoder.img_size)
        self.framing = self.framed(self.side)
        self._prompts = self.embedder(self.network, self.framing, device)
        self._encoder = PlaneEncoder(self.network, self.framing, device)
        self._hash = sha256
        # On a CPU more clicks at a time gain nothing, and each keeps 2 MB of the image.
        self._most = 8 if device == "cpu" else None
        self._images: OrderedDict[int, tuple[SamFeatures, ImageTables]] = OrderedDict()
        self._upsamplers: OrderedDict[tuple[int, ...], Upsampler] = OrderedDict()
        self._lock = threading.Lock()

    def framed(self, side: int) -> Framing:
        """Say how planes are fitted into a square of this side."""
        return Padded(side)

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """Changes whenever the weights or the precision do."""
        # Half precision makes other embeddings, so a cache must tell them apart.
        return f"{self.name}:{self._hash[:32]}:{'half' if self._encoder.half else 'float'}"

    @property
    def instances(self) -> DistanceHead | None:
        """Its automatic decoder, if it has one."""
        return self.head

    @property
    def grid(self) -> SamGrid:
        """Who answers the many clicks of everything-mode."""
        return SamGrid(self.decode_points, self.upsampler, float(self.network.mask_threshold))

    @property
    def storable(self) -> SamModel:
        """Itself: its embeddings are arrays, and take seconds to make."""
        return self

    def own_limits(self, plane: npt.NDArray[Any]) -> tuple[float, float]:
        """Take eight-bit colour as it is, like the photographs that SAM was trained on."""
        is_photograph = plane.ndim == 3 and plane.dtype == np.uint8
        return (0.0, 255.0) if is_photograph else super().own_limits(plane)

    @torch.inference_mode()
    def encode(
        self,
        plane: Any,
        *,
        limits: tuple[float, float] | None = None,
        progress: Progress = silent,
    ) -> Embedding:
        """Encode one plane; see `Model.encode`.

        The plane is scaled to 0..255 in eight bits, as the photographs that SAM was trained on;
        eight-bit colour is taken as it is, and with ``limits=(0, 255)`` eight-bit grey, too.
        """
        checks.reports(progress)
        array = images.check_plane(plane)
        limits = self.limits_for(array, limits)
        plane_hash = images.content_hash(array)

        def make() -> Embedding:
            early: list[Tensor] = []
            wanted = (early,) if self.decoder.hears_early else ()
            image, used = self._encoder.encode(array, limits, progress, *wanted)
            features = SamFeatures(image, used, self.decoder.details(image, early))
            return Embedding(
                model=self.fingerprint,
                plane_hash=plane_hash,
                limits=limits,
                shape=(array.shape[0], array.shape[1]),
                features=features,
                nbytes=features.nbytes,
            )

        key = self.fingerprint, plane_hash, limits
        embedding = make() if self.store is None else self.store.find_or_make(key, self, make)
        progress(1.0)
        return embedding

    def to_arrays(self, embedding: Embedding) -> dict[str, npt.NDArray[Any]]:
        """Turn the features of an embedding into arrays, for a file."""
        features: SamFeatures = embedding.features
        return features.to_arrays()

    def from_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[SamFeatures, int]:
        """Turn arrays back into features; returns them and the bytes that they hold."""
        features = SamFeatures.from_arrays(arrays, self.device)
        return features, features.nbytes

    @torch.inference_mode()
    def predict(
        self, embedding: Embedding, prompt: Prompt, *, multimask: bool | None = None
    ) -> Candidates:
        """Answer one prompt, best candidate first; see `Model.predict`.

        Parameters
        ----------
        embedding : Embedding
        prompt : Prompt
            A ``mask`` without points or a box is completed by its extent as box, because SAM
            never saw a mask alone in training; ``logits`` go to SAM as they are.
        multimask : bool, optional
            Three candidates, or the one that SAM makes for prompts that leave no doubt. By
            default one for several points, a point with a box, or refined points, as in SAM's
            training, and three otherwise.
        """
        return self._answer(embedding, accepted(self, embedding, prompt), multimask)

    @torch.inference_mode()
    def predict_each(
        self,
        embedding: Embedding,
        prompts: Sequence[Prompt],
        *,
        progress: Progress = silent,
        multimask: bool | None = None,
    ) -> list[Candidates]:
        """Answer several prompts, one object each, in order; see `predict`."""
        prompts = accepted_each(self, embedding, prompts)
        found: list[Candidates] = []
        for prompt in prompts:
            progress(len(found) / len(prompts))
            found.append(self._answer(embedding, prompt, multimask))
        return found

    def _answer(self, embedding: Embedding, prompt: Prompt, multimask: bool | None) -> Candidates:
        upsampler = self.upsampler(embedding)
        sparse, mask = self._prompts.embed(prompt, embedding.shape)
        decoded = self.decoder.decode(self._tables(embedding.features), sparse, mask)
        several = leaves_doubt(prompt) if multimask is None else multimask
        scores = decoded.scores[0].cpu().numpy()
        which = list(range(1, len(scores)))
        if not several:
            which = [self.decoder.settled(decoded, 0)]
        which.sort(key=lambda i: -scores[i])
        logits = self.decoder.masks(decoded, 0, which)
        return Candidates(
            masks=upsampler.masks(logits, float(self.network.mask_threshold)),
            scores=scores[which].astype(np.float32),
            logits=logits.cpu().numpy(),
            window=self.window(embedding.shape),
        )

    def window_for(self, embedding: Embedding, prompt: Prompt) -> Window:
        accepted(self, embedding, prompt)
        return self.window(embedding.shape)

    def window(self, shape: tuple[int, int]) -> Window:
        """Edges of the region that low-resolution logits cover, in pixels of the plane."""
        return self._prompts.window(shape)

    def used(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns that a plane takes up in the square that the encoder sees."""
        return self._prompts.used(shape)

    def _tables(self, features: SamFeatures) -> ImageTables:
        """Project an image for its prompts, once."""
        with self._lock:
            kept = self._images.get(id(features))
            if kept is None:
                kept = self._images[id(features)] = (
                    features,
                    self.decoder.read(features.image, features.details),
                )
            self._images.move_to_end(id(features))
            while len(self._images) > _KEPT:
                self._images.popitem(last=False)
            return kept[1]

    def upsampler(self, embedding: Embedding) -> Upsampler:
        """What brings this model's logits to the plane's pixels."""
        height, width = self.network.prompt_encoder.mask_input_size
        key = embedding.shape
        with self._lock:
            kept = self._upsamplers.get(key)
            if kept is None:
                kept = self.framing.upsampler((height, width), embedding.shape, self.device)
                self._upsamplers[key] = kept
            self._upsamplers.move_to_end(key)
            while len(self._upsamplers) > _SIZES:
                self._upsamplers.popitem(last=False)
            return kept

    def decode_points(
        self, embedding: Embedding, points: npt.NDArray[np.float64], batch: int = 64
    ) -> Iterator[tuple[npt.NDArray[np.float32], Callable[[list[int]], Tensor]]]:
        """Answer many single clicks, making only the masks that are asked for.

        Parameters
        ----------
        embedding : Embedding
        points : (N, 2) array
            ``(row, column)`` pixels.
        batch : int
            Points at a time, at most; 8 on a CPU, fewer when memory does not suffice.

        Yields
        ------
        scores : (3,) float32
            Predicted IoU of the three candidates, in SAM's order; of an HQ-SAM, of the best one.
        masks : callable
            Makes the low-resolution logits of some of them.
        """
        features: SamFeatures = embedding.features
        used, shape = features.used, embedding.shape
        scale = np.array([used[0] / shape[0], used[1] / shape[1]])
        # float64 until the prompt encoder has added its half pixel, as in the reference.
        xy = torch.from_numpy((points * scale)[:, None, ::-1].copy())
        labels = torch.ones(len(points), 1, dtype=torch.int)
        tables = self._tables(features)
        if self.device == "mps":
            xy = xy.float()  # Apple's GPUs know no float64

        def decode(start: int, stop: int) -> Decoded:
            with torch.inference_mode():
                chosen = (xy[start:stop].to(self.device), labels[start:stop].to(self.device))
                sparse, _ = self.network.prompt_encoder(points=chosen, boxes=None, masks=None)
                return self.decoder.decode(tables, sparse.float())

        start, step = 0, min(batch, self._most or batch)
        while start < len(points):
            decoded = None
            try:
                decoded = decode(start, start + step)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if step == 1:
                    raise out_of_memory(self.device) from error
            if decoded is None:
                step = max(1, step // 2)
                release_memory(self.device)
                continue
            scores = decoded.scores.cpu().numpy()
            for at in range(len(scores)):
                offered = self.decoder.offered(scores[at])
                yield scores[at][offered], _MaskMaker(self.decoder, decoded, at, offered)
            start += len(scores)


class _MaskMaker:
    """Makes candidates of one prompt on demand."""

    def __init__(self, decoder: Decoder, decoded: Decoded, prompt: int, offered: list[int]) -> None:
        self._decoder, self._decoded, self._prompt = decoder, decoded, prompt
        self._offered = offered

    def __call__(self, which: list[int]) -> Tensor:
        wanted = [self._offered[i] for i in which]
        return self._decoder.masks(self._decoded, self._prompt, wanted)
