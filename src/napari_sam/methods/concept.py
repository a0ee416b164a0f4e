"""Whatever a word or boxes of examples describe.

References
----------
Carion et al., SAM 3: Segment Anything with Concepts, 2025.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam.errors import ModelError, ParameterError
from napari_sam.methods.concept_options import ConceptOptions
from napari_sam.methods.method import Encoded, Method, Words
from napari_sam.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_sam.methods.found_concept import FoundConcept
    from napari_sam.models.model import Model


class Concept(Method[ConceptOptions]):
    """Every object that a text or examples describe, by a model that understands them."""

    name = "concept"
    words = Words(
        noun="object",
        all="what the word says",
        about="whatever a word describes, with SAM 3, whose weights Meta gives on request, under "
        "its own licence",
        typed="finds what --text says, with SAM 3",
        nothing="Nothing so called was found. Try another word, or lower the certainty.",
        nothing_typed="Try another --text, or a lower --min-score.",
        choice="a word",
        first="Type a word, or draw boxes around a few objects; then press the button.",
        wanting="Only SAM 3 understands words and boxes. Meta gives its weights on request, under "
        "its own SAM License: <a href='https://huggingface.co/facebook/sam3'>ask for them</a>, "
        "then choose their file under Model.",
    )
    kind = ConceptOptions
    by_boxes = True

    def needs(self, options: ConceptOptions) -> tuple[str, ...]:
        """The model has to understand words."""
        return ("concepts",)

    def check(self, options: ConceptOptions, model: Model) -> None:
        """Refuse a model that understands no words, and a search for nothing."""
        if model.concepts is None:
            raise ModelError(
                f"The model {model.name!r} understands no words: SAM 3 does. Its weights are "
                "given by Meta on request, under the SAM License "
                "(https://huggingface.co/facebook/sam3); add their folder as a model."
            )
        if not options.text and not options.boxes:
            raise ParameterError(
                "Say what to look for: a word, such as text='nucleus' (--text), or boxes of "
                "examples (boxes=, --boxes)."
            )

    def search(
        self,
        encoded: Encoded,
        options: ConceptOptions,
        region: npt.NDArray[np.bool_] | None = None,
        progress: Progress = silent,
    ) -> FoundConcept:
        """Ask the model for everything that is meant."""
        from napari_sam.methods.found_concept import FoundConcept

        self.check(options, encoded.model)
        concepts = encoded.model.concepts
        assert concepts is not None
        like, unlike = list(options.boxes or ()), list(options.unlike_boxes or ())
        answers = concepts.find_concept(
            encoded.embedding,
            options.text,
            boxes=[*like, *unlike] or None,
            labels=[1] * len(like) + [0] * len(unlike) or None,
            min_score=options.min_score,
            progress=progress,
        )
        return FoundConcept.of(self, answers, encoded, options)


METHOD = Concept()
