"""What is looked for by examples, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam.errors import DataError, ParameterError
from napari_sam.methods.option import option
from napari_sam.methods.options import CellOptions, at_least

if TYPE_CHECKING:
    from napari_sam.objects.examples import Examples


def read_examples(path: Path) -> Examples:
    """Read labels of examples, and the image beside them that they belong to.

    Parameters
    ----------
    path : Path
        Such as ``a_labels.tif`` or ``a_examples.tif`` beside ``a.tif``.

    Raises
    ------
    DataError, LabelsError, ImageError
    """
    from napari_sam.files.beside import image_beside
    from napari_sam.files.labels import read_labels
    from napari_sam.files.pick import pick
    from napari_sam.files.reading import read_image
    from napari_sam.objects.examples import Examples

    if not path.exists():
        raise DataError(f"There are no examples at {path}.")
    beside = image_beside(path)
    if beside is None:
        raise DataError(
            f"There is no image beside {path}: give labels of one image that lies in the same "
            "folder, such as a_examples.tif or a_labels.tif beside a.tif."
        )
    image = pick(read_image(beside))
    found = Examples.of(image, pick(read_labels(path), sure=True).finest)
    return replace(found, file=path)


@dataclass(frozen=True)
class SimilarOptions(CellOptions):
    """What is looked for, and how objects are cut out of the plane's maps.

    Parameters
    ----------
    likeness : float
        0 to 1; objects less likely to be like the examples are left out.
    examples : Examples
        What is looked for; `napari_sam.find_similar` makes them of labels.
    unlike : Examples, optional
        What is not meant, which sharpens it.

    Raises
    ------
    ParameterError
    """

    likeness: float = option(
        0.5,
        float,
        label="Likeness",
        help="Leave out cells that are less like the examples than this.",
        typed="0 to 1, default 0.5: drop cells that are less like the examples",
        high=1.0,
        spell=at_least,
        steps=100,
        folded=False,
        rank=-2,
    )
    examples: Examples | None = option(
        None,
        object,
        typed="labels of a few of the cells looked for, such as a_examples.tif beside a.tif",
        read=read_examples,
        variable="examples",
        acts="search",
    )
    unlike: Examples | None = option(
        None,
        object,
        typed="labels of a few that are not meant",
        read=read_examples,
        variable="unlike",
        acts="search",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("examples", "unlike"):
            value = getattr(self, name)
            if value is not None and not hasattr(value, "described"):
                raise ParameterError(
                    f"{name} must be napari_sam.objects.examples.Examples, got "
                    f"{type(value).__name__}: Examples.of(image, labels) makes them."
                )
