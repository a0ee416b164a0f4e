"""Everything-mode: ask a model about a grid of points and keep every good mask.

References
----------
Kirillov et al., Segment Anything, ICCV 2023, section 3 and appendix D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sam.methods.method import Encoded, Method, Words
from napari_sam.methods.preset import is_preset, suited
from napari_sam.methods.settings import ENCODING, Settings
from napari_sam.progress import Progress, part, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_sam.methods.found_objects import FoundObjects
    from napari_sam.methods.proposals import Proposals
    from napari_sam.models.capabilities import Suits
    from napari_sam.models.model import Embedding, Model


class Everything(Method[Settings]):
    """Whatever looks like an object.

    With a model of the SAM family the kept set and the masks are those of
    ``segment_anything.SamAutomaticMaskGenerator`` with the same parameters, up to rounding.
    """

    name = "everything"
    words = Words(
        noun="object",
        all="everything",
        about="whatever looks like an object, by asking the model at a grid of points",
        typed="asks the model about a grid of points",
        nothing="Nothing was found. Lower the certainty or the stability, or ask at more points.",
        nothing_typed="Try a lower --pred-iou-thresh or --stability-score-thresh, or more points.",
    )
    kind = Settings
    function = "segment_everything"
    saves = ("masks", "rle")

    def suited(self, options: Settings, suits: Suits) -> Settings:
        """Put in what suits a model; whoever chose a grid is asked at its points."""
        values = dict(suits.get(self.name, {}))
        if not is_preset(options.points_per_side):
            values.pop("ask_at", None)
        return suited(options, values)

    def needs(self, options: Settings) -> tuple[str, ...]:
        """Points inside objects take somebody who sees where those are."""
        return ("instances",) if options.ask_at == "objects" else ()

    def encoding_share(self, options: Settings) -> float:
        """Encoding takes as long as some hundreds of points."""
        asked = sum(len(grid) * 4**layer for layer, grid in enumerate(options.grids))
        return float(ENCODING / (ENCODING + asked))

    def search(
        self,
        encoded: Encoded,
        options: Settings,
        region: npt.NDArray[np.bool_] | None = None,
        progress: Progress = silent,
    ) -> FoundObjects:
        """Ask the model about every point of a plane."""
        from napari_sam.images import check_plane
        from napari_sam.methods.found_objects import FoundObjects

        pixels = check_plane(encoded.pixels)
        proposals = propose_plane(
            pixels,
            encoded.model,
            options,
            embedding=encoded.embedding,
            finder=encoded.finder,
            progress=progress,
        )
        return FoundObjects(self, proposals, pixels, encoded.model.name, encoded.block.plane)


METHOD = Everything()


def propose_plane(
    pixels: npt.NDArray[Any],
    model: Model,
    settings: Settings,
    *,
    embedding: Embedding | None = None,
    finder: Model | None = None,
    progress: Progress = silent,
) -> Proposals:
    """Ask a model about every grid point of one plane.

    Parameters
    ----------
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
    model : Model
    settings : Settings
        Its thresholds may be low, so that ``choose`` of the result can try higher ones at once.
    embedding : Embedding, optional
        Of the whole plane, when it is encoded already.
    finder : Model, optional
        With ``settings.ask_at == "objects"``, who says where objects are; the model itself by
        default.
    progress : callable

    Raises
    ------
    ImageError, ModelError, Cancelled
    """
    from napari_sam.images import check_plane
    from napari_sam.methods.object_points import object_points
    from napari_sam.methods.proposals import propose

    array = check_plane(pixels)
    # Of the whole plane also for its crops: a crop of background must not be stretched.
    own = model.own_limits(array)
    seen = own if embedding is None else embedding.limits

    def encode(crop: npt.NDArray[Any], report: Progress) -> Embedding:
        if embedding is not None and crop.shape == array.shape:
            return embedding
        return model.encode(crop, limits=seen, progress=report)

    points = None
    if settings.ask_at == "objects":
        assert settings.points_per_side is not None
        points = object_points(
            array,
            finder or model,
            settings.points_per_side,
            limits=None if seen == own else seen,  # somebody set them, for a finder too
            progress=part(progress, 0.0, 0.1),
        )
        progress = part(progress, 0.1, 1.0)
    return propose(array, model, settings, encode, points=points, progress=progress)
