"""Cells like a few that a person shows: all that are found, ranked by how alike they look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_sam.errors import ParameterError
from napari_sam.methods.cells import Cells
from napari_sam.methods.method import Encoded, Words
from napari_sam.methods.options import CellOptions
from napari_sam.methods.similar_options import SimilarOptions
from napari_sam.progress import Progress, part, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_sam.methods.found import Choice, Found
    from napari_sam.models.model import Model


class Similar(Cells):
    """Cells like these: objects that look like a few that a person shows."""

    name = "similar"
    words = Words(
        noun="similar cell",
        all="cells like these",
        about="cells that look like a few examples",
        typed="finds cells that look like those of --examples",
        nothing="No cell is like the examples. Show more of them, or lower the likeness.",
        nothing_typed="Show more examples, or try a lower --likeness.",
        choice="like these",
        first="Keep a few cells with Click, or choose labels under Like; then press the button.",
        wanting="Only 'cells', and models that were taught from it, tell how alike cells look: "
        "choose one under Model.",
    )
    kind: type[CellOptions] = SimilarOptions
    function = "find_similar"
    by_examples = True

    def needs(self, options: CellOptions) -> tuple[str, ...]:
        """The model has to see cells, and what they look like."""
        return ("instances", "describes")

    def check(self, options: CellOptions, model: Model) -> None:
        """Refuse a model that does not see what cells look like."""
        from napari_sam.objects.describe import describing

        describing(model)

    def encoding_share(self, options: CellOptions) -> float:
        """The encoder is run once more for what things look like."""
        return 0.4

    def finish(
        self, chosen: Choice, encoded: Encoded, options: CellOptions, progress: Progress = silent
    ) -> Choice:
        """Leave what was chosen as it is: drawn again it would have lost its similarity."""
        progress(1.0)
        return chosen

    def search(
        self,
        encoded: Encoded,
        options: CellOptions,
        region: npt.NDArray[np.bool_] | None = None,
        progress: Progress = silent,
    ) -> Found[CellOptions]:
        """Find all cells of a plane, and say how like the examples each of them is."""
        from napari_sam.methods.finding_cells import find_cells
        from napari_sam.methods.found_similar import FoundSimilar
        from napari_sam.objects.describe import Sight

        assert isinstance(options, SimilarOptions)
        if options.examples is None:
            raise ParameterError(
                "Nothing says which cells are looked for: give examples, labels of a few of them "
                "(find_similar(image, examples), or --examples FILE)."
            )
        pixels, embedding, model = encoded.pixels, encoded.embedding, encoded.model

        def every(plane: npt.NDArray[Any], seen: Any) -> npt.NDArray[np.int32]:
            cells = find_cells(plane, seen, model, diameter=options.diameter)
            return cells.labels(options)[0]

        for done, shown in enumerate((options.examples, options.unlike)):
            if shown is not None:
                share = part(progress, done / 4, (done + 1) / 4)
                shown.described(model, every, (pixels, embedding), share)
        cells = find_cells(
            pixels,
            embedding,
            model,
            diameter=options.diameter,
            pixel_size=encoded.block.pixel_size,
            progress=part(progress, 0.5, 0.8),
        )
        sight = Sight.of(pixels, embedding, model, part(progress, 0.8, 1.0))
        progress(1.0)
        return FoundSimilar(cells, sight, model.fingerprint)

    def needs_search(self, searched: CellOptions, wanted: CellOptions) -> bool:
        """Answers that were added to the examples of a search need no other one."""
        assert isinstance(searched, SimilarOptions)
        assert isinstance(wanted, SimilarOptions)
        examples, unlike = wanted.examples, wanted.unlike
        if examples is None or not examples.same_planes(searched.examples):
            return super().needs_search(searched, wanted)
        if unlike is not None and unlike.shown and not unlike.same_planes(searched.unlike):
            return True
        as_before = replace(wanted, examples=searched.examples, unlike=searched.unlike)
        return super().needs_search(searched, as_before)


METHOD = Similar()
