"""Embeddings and prompts that a model is asked about: what it cannot answer is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from napari_sam import checks
from napari_sam.errors import ModelError, PromptError
from napari_sam.models.embedding import ENCODE_FIRST, Embedding
from napari_sam.prompts import Prompt

__all__ = ["accepted", "accepted_each", "check_own"]


class Named(Protocol):
    """A model, as far as that is asked here."""

    name: str

    @property
    def fingerprint(self) -> str:
        """Changes whenever the weights do."""
        ...


def accepted(model: Named, embedding: Embedding, prompt: Prompt) -> Prompt:
    """Refuse an embedding of another model, or a prompt that does not fit the plane.

    Returns
    -------
    Prompt
        The same, as far as it lies on the plane.

    Raises
    ------
    ModelError, PromptError
    """
    check_own(model, embedding)
    checks.instance(prompt, Prompt, "prompt", PromptError)
    if prompt.text:
        raise ModelError(
            f"The model {model.name!r} does not understand text prompts: words are about all "
            "objects that they describe. Use segment_objects(image, 'concept', model, "
            "text=...) with a SAM 3."
        )
    return prompt.on(embedding.shape)


def accepted_each(model: Named, embedding: Embedding, prompts: Sequence[Prompt]) -> list[Prompt]:
    """Refuse what `accepted` refuses, before the first of several prompts is answered."""
    given = checks.instances(prompts, Prompt, "prompts", PromptError)
    return [accepted(model, embedding, prompt) for prompt in given]


def check_own(model: Named, embedding: Embedding) -> None:
    """Refuse an embedding of another model.

    Raises
    ------
    ModelError
    """
    checks.instance(embedding, Embedding, "embedding", ModelError, ENCODE_FIRST)
    if embedding.model != model.fingerprint:
        raise ModelError(
            f"This embedding was made by another model ({embedding.model}), not by "
            f"{model.fingerprint}: encode the plane again."
        )
