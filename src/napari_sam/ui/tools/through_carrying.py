"""Among which labels a cell is followed through slices, and how it meets them."""

from __future__ import annotations

from typing import Any

from napari_sam.engine.carrying import Carrying
from napari_sam.errors import NapariSamError
from napari_sam.images import Plane
from napari_sam.labels.accept_through import number_of
from napari_sam.labels.change import Change
from napari_sam.regions import Region
from napari_sam.ui.layers.axes import Further
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.state import Answer
from napari_sam.ui.tools.through_run import Run
from napari_sam.ui.tools.tool import Parts


def carrying_among_labels(
    parts: Parts, seen: Answer | Run, region: Region, along: Further, divisions: bool
) -> Carrying:
    """Prepare to follow a cell among those that the labels hold.

    Parameters
    ----------
    parts : Parts
    seen : Answer or Run
        The image, and the slice on which the cell was marked.
    region : Region
        The cell on that slice.
    along : Further
        The axis along which it is followed.
    divisions : bool
        Whether it may divide.

    Returns
    -------
    Carrying
        Among no labels where those that were chosen do not lie on the image.
    """
    state, plane = parts.bench.state, seen.view.plane
    pixels: Any = None
    own = 0
    if state.target is not None:
        try:
            check_fit(seen.image, state.target, write=False)
            document = parts.documents.of(state.target)
            pixels, own = document.sheet.pixels, number_of(document, {plane: region})
        except NapariSamError:  # keeping it there will say why not
            pixels, own = None, 0
    yields = state.overlap == "keep"
    return Carrying(seen.view, along.axis, pixels, own, yields, None, along.time, divisions)


def run_among_labels(
    parts: Parts,
    seen: Answer,
    region: Region,
    along: Further,
    divisions: bool,
    beside: list[Plane],
) -> Run:
    """Begin with a cell that was marked; parameters as of `carrying_among_labels` and `Run`."""
    carrying = carrying_among_labels(parts, seen, region, along, divisions)
    return Run(seen.image, seen.view, along, carrying, beside, log_of_labels(parts))


def follow_among_labels(parts: Parts, run: Run, divisions: bool, own: int = 0) -> None:
    """Prepare to follow a cell with what was said of it, among the labels as they are now.

    Parameters
    ----------
    own : int
        Its number among them, which stays its own where the person has erased what was marked of
        it; by default that of what is there.
    """
    shown = run.told.shown
    region, _ = shown.get(run.place(run.view.plane) or 0) or next(iter(shown.values()))
    carrying = carrying_among_labels(parts, run, region, run.along, divisions)
    carrying.own = own or carrying.own
    run.begin_anew(carrying, log_of_labels(parts))


def log_of_labels(parts: Parts) -> tuple[Change, ...]:
    """Return what has happened to the labels among which cells are followed."""
    document = parts.documents.known(parts.bench.state.target)
    return () if document is None else document.log


def redrawn(parts: Parts, run: Run) -> bool:
    """Tell whether a cell was painted, erased or taken back where it is drawn already."""
    own = run.carrying.own
    happened = {*run.log} ^ {*log_of_labels(parts)}
    return own > 0 and any(own in step.pixels.ids for step in happened)
