"""What a word or examples describe, found by SAM 3's detector.

References
----------
Carion et al., SAM 3: Segment Anything with Concepts, 2025.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_sam import checks
from napari_sam.errors import PromptError
from napari_sam.models.accepted import check_own
from napari_sam.models.capabilities import ConceptAnswer
from napari_sam.models.embedding import Embedding
from napari_sam.models.sam.model import SamModel
from napari_sam.models.sam3.words import Tokenizer
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt
from napari_sam.regions import Region

_EXAMPLES_ALONE = "visual"  # the word that stands for none, as in training
_DETECTING = 0.8  # of the time, before masks are made


class Sam3Concepts:
    """Finds concepts; see `napari_sam.models.capabilities.Concepts`.

    Parameters
    ----------
    model : SamModel
        Whose embeddings keep what the image encoder made.
    network : transformers.Sam3Model
    tokens : Tokenizer
    """

    def __init__(self, model: SamModel, network: Any, tokens: Tokenizer) -> None:
        self._model, self._network, self._tokens = model, network, tokens
        self._known: tuple[str, Any, Tensor] | None = None  # the same word on every plane

    @torch.inference_mode()
    def find_concept(
        self,
        embedding: Embedding,
        text: str = "",
        *,
        boxes: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
        min_score: float = 0.3,
        progress: Progress = silent,
    ) -> list[ConceptAnswer]:
        """Return every object that a text, examples or both describe, best first.

        Raises
        ------
        PromptError, ModelError, Cancelled
        """
        check_own(self._model, embedding)
        text = checks.text(text, "text", PromptError).strip()
        shown = _examples(boxes, labels, embedding.shape)
        if not text and (shown is None or not shown[1].any()):
            raise PromptError(
                "Say what is looked for: a noun, or the box of at least one example of it."
            )
        progress(0.0)
        answer = self._detect(embedding, text or _EXAMPLES_ALONE, shown)
        scores = (answer.pred_logits.sigmoid() * answer.presence_logits.sigmoid())[0]
        order = [int(i) for i in scores.argsort(descending=True) if scores[i] > min_score]
        upsampler = self._model.upsampler(embedding)
        found = []
        for done, place in enumerate(order):
            progress(_DETECTING + (1 - _DETECTING) * done / len(order))
            likely = answer.pred_masks[:, place].float().sigmoid()
            (mask,) = upsampler.masks(likely, 0.5)
            found.append(ConceptAnswer(float(scores[place]), Region.of(mask)))
        progress(1.0)
        return found

    def _detect(self, embedding: Embedding, text: str, shown: tuple[Tensor, Tensor] | None) -> Any:
        from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

        levels, places = self._network.vision_encoder.neck(embedding.features.details[2])
        seen = Sam3VisionEncoderOutput(fpn_hidden_states=levels, fpn_position_encoding=places)
        words, mask = self._words(text)
        how: dict[str, Any] = {}
        if shown is not None:
            given = (value[None].to(self._model.device) for value in shown)
            how = dict(zip(("input_boxes", "input_boxes_labels"), given, strict=True))
        return self._network(vision_embeds=seen, text_embeds=words, attention_mask=mask, **how)

    def _words(self, text: str) -> tuple[Any, Tensor]:
        """Encode a text, once."""
        if self._known is None or self._known[0] != text:
            ids, mask = (value.to(self._model.device) for value in self._tokens.read(text))
            words = self._network.get_text_features(
                input_ids=ids, attention_mask=mask, return_dict=True
            )
            self._known = text, words, mask
        return self._known[1:]


def _examples(
    boxes: npt.ArrayLike | None, labels: npt.ArrayLike | None, shape: tuple[int, int]
) -> tuple[Tensor, Tensor] | None:
    """Return boxes as centre and size, (N, 4) shares of the plane along x and y, and labels."""
    if boxes is None or not np.size(np.asarray(boxes)):
        return None
    prompt = Prompt(boxes=boxes).on(shape)
    count = len(prompt.boxes)
    like = np.ones(count, np.int64) if labels is None else np.atleast_1d(np.asarray(labels))
    if like.shape != (count,) or not np.isin(like, (0, 1)).all():
        raise PromptError(
            f"{count} boxes need {count} labels: 1 like these, 0 unlike these; got {labels!r}."
        )
    low, high = prompt.boxes[:, :2], prompt.boxes[:, 2:]
    share = np.concatenate([(low + high) / 2 / shape, (high - low) / shape], axis=1)
    return torch.from_numpy(share[:, [1, 0, 3, 2]]).float(), torch.from_numpy(like.astype(np.int64))
