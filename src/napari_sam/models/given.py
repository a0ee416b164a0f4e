"""Models and embeddings that a person gave: what is none is refused, and told what to do."""

from __future__ import annotations

import reprlib
from typing import Any

from napari_sam import checks
from napari_sam.errors import ParameterError
from napari_sam.models.embedding import Embedding
from napari_sam.models.model import Model


def check_model(model: Any, name: str = "model") -> None:
    """Refuse what is no model; of a name it is said how to load the model of that name.

    Raises
    ------
    ParameterError
    """
    if not isinstance(model, Model):
        of = repr(model) if isinstance(model, str) else "name"
        raise ParameterError(
            f"{name} must be a model, got {reprlib.repr(model)}: napari_sam.load_model({of}) "
            "makes one of its name."
        )


def check_encoded(model: Any, embedding: Any) -> None:
    """Refuse what is no model, or no embedding.

    Raises
    ------
    ParameterError
    """
    check_model(model)
    checks.instance(embedding, Embedding, "embedding", advice=" It is what model.encode returns.")
