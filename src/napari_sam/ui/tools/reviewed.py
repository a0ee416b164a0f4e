"""What the parts of the Review page need of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.tools.review_plane import ReviewedPlane
from napari_sam.ui.tools.review_proposals import ReviewProposals
from napari_sam.ui.tools.review_state import ReviewState


@runtime_checkable
class Reviewed(Protocol):
    """The labels that are reviewed: how they are shown, changed and chosen from."""

    state: ReviewState
    plane: ReviewedPlane
    proposals: ReviewProposals
    shown: bool

    def refresh(self) -> None:
        """Look at the displayed plane anew."""

    def advise(self) -> None:
        """Say what to do next."""

    def select(self, object_id: int | None) -> None:
        """Take an object of the displayed plane in hand."""

    def edit(self, edit: Callable[[Editing], str], then_select: int | None = None) -> bool:
        """Make an edit and tell of it; whatever cannot be done changes nothing."""
        ...
