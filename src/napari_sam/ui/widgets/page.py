"""What every page of the panel is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QWidget

from napari_sam.ui.session import PanelSession

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes


@dataclass(frozen=True, eq=False)
class Layers:
    """The person's layers, the topmost first; ours are not among them, except two."""

    images: list[Image] = field(default_factory=list)
    points: list[Points] = field(default_factory=list)
    shapes: list[Shapes] = field(default_factory=list)
    labels: list[Labels] = field(default_factory=list)
    own_boxes: list[Shapes] = field(default_factory=list)
    own_region: list[Shapes] = field(default_factory=list)

    @classmethod
    def of(cls, session: PanelSession) -> Layers:
        """Sort the layers of the viewer."""
        from napari.layers import Image, Labels, Points, Shapes

        found: dict[Any, list[Any]] = {Image: [], Points: [], Shapes: [], Labels: [], None: []}
        for layer in reversed(session.viewer.layers):
            kinds = [kind for kind in (Image, Points, Shapes, Labels) if isinstance(layer, kind)]
            if not session.is_ours(layer):
                found[kinds[0] if kinds else None].append(layer)
        boxes, region = session.proposal.marks.boxes.layer, session.region.layer
        own = [
            [layer] if layer is not None and layer in session.viewer.layers else []
            for layer in (boxes, region)
        ]
        return cls(found[Image], found[Points], found[Shapes], found[Labels], *own)


class Page(QWidget):
    """Shows what a tool is about, and sends it what the person does.

    Parameters
    ----------
    session : PanelSession
    tool : Tool
        Of the class that stands beside this one in `ui.widgets.pages`.
    """

    def __init__(self, session: PanelSession, tool: Any) -> None:
        super().__init__()
        self.session = session

    def show_layers(self, layers: Layers) -> None:
        """List the layers that can be chosen: one came, went, or plays another role."""

    def left(self) -> None:
        """Another page is shown now, or the session has ended."""
