"""SAM 2's memory: objects that are carried from frame to frame.

The network of ``transformers`` does the work. Here each frame is encoded once for all objects,
and what is remembered of an object stays bounded: SAM 2 looks back at a few frames, and at a few
more by one vector each.

References
----------
Ravi et al., SAM 2: Segment Anything in Images and Videos, ICLR 2025.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.accepted import accepted
from napari_sam.models.capabilities import Followed
from napari_sam.models.embedding import Embedding
from napari_sam.models.sam.model import SamModel
from napari_sam.prompts import Prompt
from napari_sam.segmentation import Candidates

_HEAVY = ("high_res_masks", "pred_masks")  # kept by the library, read by nobody again
_CORNERS = (2, 3)  # labels of a box's corners among points


class Remembering(NamedTuple):
    """Parts of ``transformers`` that remember.

    Attributes
    ----------
    network : transformers.Sam2VideoModel or transformers.Sam3TrackerVideoModel
    places : module
        Encodes positions, (1, C, h, w), for a shape, a device and a type.
    session : type
        What the network keeps of objects.
    """

    network: Any
    places: Any
    session: Any


class Sam2Memory:
    """Begins recollections.

    Parameters
    ----------
    model : SamModel
        Answers about images.
    by : Remembering
        Its weights are those of the model.
    """

    def __init__(self, model: SamModel, by: Remembering) -> None:
        self._model, self._by = model, by

    def begin(self, count: int) -> Sam2Recollection:
        """Begin with nothing remembered, on a way of so many frames."""
        return Sam2Recollection(self._model, self._by, count)


class Sam2Recollection:
    """Objects on their way through frames; see `napari_sam.models.capabilities.Recollection`."""

    def __init__(self, model: SamModel, by: Remembering, count: int) -> None:
        self._model, self._by, self._count = model, by, count
        self._sessions: dict[int, Any] = {}

    def tell(
        self, at: int, embedding: Embedding, prompts: Mapping[int, Prompt]
    ) -> dict[int, Followed]:
        """Show a frame and say where some objects are on it."""
        features = self._features(embedding)
        found = {}
        for number, prompt in prompts.items():
            prompt = accepted(self._model, embedding, prompt)
            session = self._sessions.get(number)
            if session is None:
                session = _session(self._by.session, self._count, self._model.device)
                self._sessions[number] = session
                session.obj_id_to_idx(1)
            mask = self._mask_of(embedding, prompt)
            if mask is None:
                session.add_point_inputs(0, at, self._points(prompt, embedding.shape))
            else:
                session.add_mask_inputs(0, at, mask)
            session.obj_with_new_inputs = [1]
            found[number] = self._run(session, at, embedding, features, given=mask is not None)
        return found

    def ask(self, at: int, embedding: Embedding, objects: Iterable[int]) -> dict[int, Followed]:
        """Show a frame and hear where some known objects are."""
        features = self._features(embedding)
        return {
            number: self._run(self._sessions[number], at, embedding, features) for number in objects
        }

    def _run(
        self,
        session: Any,
        at: int,
        embedding: Embedding,
        features: dict[str, list[Tensor]],
        given: bool = False,
    ) -> Followed:
        network = self._by.network
        heard: list[Tensor] = []
        hook = network.mask_decoder.register_forward_hook(
            lambda module, inputs, outputs: heard.append(outputs[1])
        )
        session.cache.cache_vision_features(at, features)
        try:
            answer = network(inference_session=session, frame_idx=at)
        finally:
            hook.remove()
            session.cache.clear_all()
        _forget(session, at, network.config)
        logits = answer.pred_masks.reshape(1, *answer.pred_masks.shape[-2:]).float()
        # Of several masks the network took the one that it thinks best.
        score = 1.0 if given else float(heard[-1].max())
        candidates = Candidates(
            masks=self._model.upsampler(embedding).masks(logits),
            scores=np.array([score], np.float32),
            logits=logits.cpu().numpy(),
            window=self._model.window(embedding.shape),
        )
        return Followed(candidates, float(answer.object_score_logits.sigmoid()))

    def _features(self, embedding: Embedding) -> dict[str, list[Tensor]]:
        """Arrange an embedding as the library keeps its own: by pixel, then channel."""
        kept = embedding.features
        position = self._by.places(kept.image.shape, kept.image.device, kept.image.dtype)
        levels = (*kept.details[:2], kept.image)
        return {
            "vision_feats": [level.flatten(2).permute(2, 0, 1) for level in levels],
            "vision_pos_embeds": [position.flatten(2).permute(2, 0, 1)],
        }

    def _mask_of(self, embedding: Embedding, prompt: Prompt) -> Tensor | None:
        """Return a mask of the square if the prompt is one, (1, 1, S, S), or is more than points.

        SAM 2 takes either points or a mask. What is said by both is answered as about an image.
        """
        if prompt.region is None and prompt.logits is None:
            return None
        if prompt.logits is not None or len(prompt.all_points) or len(prompt.boxes):
            mask = self._model.predict(embedding, prompt).masks[0]
        else:  # and not `prompt.mask`, which would be kept with the prompt
            assert prompt.region is not None
            mask = prompt.region.on(embedding.shape)
        side = self._model.side
        values = torch.from_numpy(mask.astype(np.float32))[None, None]
        if mask.shape != (side, side):
            how: dict[str, Any] = {"mode": "bilinear", "antialias": True, "align_corners": False}
            values = (F.interpolate(values, (side, side), **how) >= 0.5).float()
        return values.to(self._model.device)

    def _points(self, prompt: Prompt, shape: tuple[int, int]) -> dict[str, Tensor]:
        """Points and the corners of a box, ``(x, y)`` in the square, with their labels."""
        scale = np.array(self._model.used(shape)) / np.array(shape)
        places, labels = prompt.all_points, np.asarray(prompt.all_labels, np.int32)
        if prompt.box is not None:
            places = np.concatenate([np.reshape(prompt.box, (2, 2)), places])
            labels = np.concatenate([np.array(_CORNERS, np.int32), labels])
        xy = torch.from_numpy((places * scale)[None, None, :, ::-1].copy()).float()
        given = torch.from_numpy(labels[None, None])
        device = self._model.device
        return {"point_coords": xy.to(device), "point_labels": given.to(device)}


def _session(base: Any, count: int, device: str) -> Any:
    """Make what the library remembers of one object, on a way of so many frames."""

    class Session(base):
        """Knows how many frames there are, without holding them."""

        @property
        def num_frames(self) -> int:
            return count

    return Session(inference_device=device, inference_state_device=device, dtype=torch.float32)


def _forget(session: Any, at: int, config: Any) -> None:
    """Let go of what no later frame looks back at."""
    outputs = session.output_dict_per_obj[0]
    for kind in outputs.values():
        for output in kind.values():
            for name in _HEAVY:
                output.pop(name, None)
    tracked = outputs["non_cond_frame_outputs"]
    for known in list(tracked):
        if known <= at - config.max_object_pointers_in_encoder:
            del tracked[known]
        elif known <= at - config.num_maskmem:
            tracked[known] = {"object_pointer": tracked[known]["object_pointer"]}
