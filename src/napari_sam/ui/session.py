"""The life of one panel: made, shown, hidden, closed; its pages do the work.

Works with `napari.components.ViewerModel` and a `ManualLoop` as well as with a window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from psygnal import Signal

from napari_sam.engine.catalogue import Catalogue
from napari_sam.engine.jobs import Jobs, Loop
from napari_sam.engine.worker import Loader, Worker
from napari_sam.images import Plane
from napari_sam.ui.canvas.warming import Warming
from napari_sam.ui.disk_cache import DiskCache
from napari_sam.ui.folder.walk import FolderWalk
from napari_sam.ui.labels_layer.accepting import Accepting
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.recovery import Recovery
from napari_sam.ui.labels_layer.track_lines import TrackLines
from napari_sam.ui.layer_choice import LayerChoice
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.loops import QtLoop
from napari_sam.ui.model_choice import ModelChoice
from napari_sam.ui.preferences import PreferenceStore
from napari_sam.ui.proposing import read_ahead
from napari_sam.ui.proposing.proposal import Proposing
from napari_sam.ui.proposing.region import DrawnRegion
from napari_sam.ui.state import State
from napari_sam.ui.tools.tool import Parts, Tool
from napari_sam.ui.workbench import SEARCHING, WITHOUT_MODEL, Workbench

_MEGABYTE = 1_000_000


class PanelSession:
    """One person's work in one viewer. Nothing is shared between two sessions.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
    load_model : callable, optional
        ``load_model(name, device=...) -> Model``; the zoo's by default.
    tools : sequence of callable
        What makes the pages, the first of which is shown at first; see `ui.widgets.pages`.
    loop : Loop, optional
        Qt's event loop by default.
    threaded : bool
        Whether the model works in its own thread; False lets a test run the jobs.
    catalogue : Catalogue, optional
        Which models there are; the zoo by default.
    """

    #: A layer came or went, or plays another role.
    layers_changed = Signal()
    #: A key or a click of ours did something: the keyboard belongs to the canvas now.
    acted = Signal()
    closed = Signal()

    def __init__(
        self,
        viewer: Any,
        load_model: Loader | None = None,
        *,
        tools: Sequence[Callable[[Parts], Tool]],
        loop: Loop | None = None,
        threaded: bool = True,
        catalogue: Catalogue | None = None,
    ) -> None:
        self.viewer = viewer
        self.state = State()
        self.loop: Loop = loop or QtLoop()
        catalogue = catalogue or Catalogue()
        preferences = PreferenceStore()
        wanted = preferences.read()
        self.jobs = Jobs(
            self.loop,
            # One for each who works: work in a slot replaces what another has there.
            ("predict", *SEARCHING, "describe", "hover", "read", read_ahead.SLOT),
            name="napari-sam model",
            gives_way=read_ahead.SLOT,
            threaded=threaded,
        )
        load = load_model or catalogue.loader()
        worker = Worker(load, wanted.cache_megabytes * _MEGABYTE)
        ours = OurLayers(viewer)
        bench = Workbench(viewer, self.state, self.loop, self.jobs, worker, preferences, ours)
        self._bench = bench
        self.models = ModelChoice(bench, catalogue, self._model_changed, threaded)
        self.disk_cache = DiskCache(bench)
        self.proposal = Proposing(bench, self.models.usable)
        self._documents = Documents(bench, self._labels_changed, threaded)
        self.recovery = Recovery(bench, self._documents, threaded)
        self._accepting = Accepting(bench, self.proposal.marks, self._documents)
        self.lines = TrackLines(bench, self._documents, threaded)
        self.layers = LayerChoice(bench)
        self._warming = Warming(self.loop, threaded)
        self.region = DrawnRegion(bench)
        parts = Parts(
            *(bench, self.proposal, self._documents, self._accepting),
            usable=self.models.usable,
            acted=self.acted.emit,
            models=self.models,
            lines=self.lines,
            region=self.region,
            threaded=threaded,
        )
        made = [make(parts) for make in tools]
        self.tools = {tool.name: tool for tool in made}
        self.walk = FolderWalk(bench, self.models, self.tools, load, threaded)
        self._plane: Plane | None = None
        self._visible = False
        self._open = True
        self._follow()
        self.set_tool(made[0].name)
        self.layers.open()
        self.lines.layers_changed()

    def warm_window(self, paint: Callable[[], object]) -> None:
        """Let the window make what the first click needs, once an image is there."""
        if self._open and self.state.image is not None:
            self._warming.layers(self._bench.ours, self.state.image, paint)

    def _follow(self) -> None:
        layers = self.layers
        layers.layers_changed.connect(self._layers_changed)
        layers.layer_removed.connect(self.proposal.layer_removed)
        layers.layer_removed.connect(self.region.layer_removed)
        layers.image_changed.connect(self._image_changed)
        layers.view_changed.connect(self._view_changed)
        layers.pixels_changed.connect(self._soon)
        self._bench.preferences.changed.connect(self._preferences_changed)
        self._bench.ours.keep_from_saving()

    # -- life ---------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._open

    def is_ours(self, layer: Any) -> bool:
        """Tell whether the plugin made a layer for itself: preview, ring, or its own marks."""
        return layer in self._bench.ours

    @property
    def tool(self) -> Tool:
        """The page that is chosen."""
        return self.tools[self.state.tool]

    def set_tool(self, name: str) -> None:
        """Show another page."""
        if self.state.tool:
            self.tool.set_shown(False)
        if self.state.tool != name:
            self._bench.release()  # what the page before told was about it
        self.state.tool = name
        self._bench.advise(self.tool.advice)
        if self.tool.colours:
            self._warming.colours()
        self.set_active(self._visible)
        self._bench.catch_up()

    def set_active(self, visible: bool) -> None:
        """Listen to mouse and keys, or not: a panel that is not visible must not act."""
        self._visible = visible and self._open
        self._plane = self._bench.plane_or_none()
        self.proposal.predicting.active = self._visible
        self.tool.set_shown(self._visible)
        if self._visible:
            self._soon()

    def cancel(self) -> None:
        """Stop what runs: a search, a download, or the reading of the image."""
        self.models.cancel()
        self.proposal.predicting.cancelled()
        self._documents.slowly.cancel()
        told = [tool.cancel() for tool in self.tools.values()]
        self.jobs.cancel_all()
        self._bench.progress(None)
        self._bench.result(next(filter(None, told), "Stopped. Nothing was changed."))

    def close(self) -> None:
        """Give back every callback, key, layer and thread; calling it twice does nothing."""
        if not self._open:
            return
        self.set_active(False)
        self._open = False
        for tool in self.tools.values():
            tool.close()
        self._documents.slowly.close()  # what is half written is taken back
        self.walk.close()
        self.recovery.close()
        self._warming.close()
        self.lines.close()
        self._documents.close()
        self.layers.close()
        self._bench.preferences.close()
        self.models.close()
        self.jobs.close()
        self.proposal.close()
        self.region.close()
        self._accepting.forget()
        self.loop.stop()
        self._bench.worker.forget()
        self._bench.ours.allow_saving()
        self.closed.emit()
        self.state.events.disconnect()
        for signal in (self.layers_changed, self.acted, self.closed):
            signal.disconnect()

    # -- what happens -----------------------------------------------------------------------------

    def _soon(self) -> None:
        self.proposal.predicting.soon()

    def _view_changed(self) -> None:
        """The viewer shows another plane, or shows the image differently."""
        self.proposal.view_changed()
        plane = self._bench.plane_or_none()
        if plane != self._plane:  # adding a layer makes napari announce an unchanged position
            self._plane = plane
            self._bench.release()
            for tool in self.tools.values():
                tool.view_changed()
        self._soon()

    def _image_changed(self) -> None:
        self._plane = self._bench.plane_or_none()
        self._bench.release()
        self.proposal.image_changed()
        self.region.image_changed()
        for tool in self.tools.values():
            tool.image_changed()
        self._soon()

    def _layers_changed(self) -> None:
        self.lines.layers_changed()
        self._documents.layers_changed()
        for tool in self.tools.values():
            tool.layers_changed()
        self.layers_changed.emit()

    def _labels_changed(self) -> None:
        """Labels were changed in a way that their page did not ask for."""
        for tool in self.tools.values():
            tool.labels_changed()

    def _model_changed(self) -> None:
        """Another model was chosen or has arrived; labels and marks stay as they are."""
        self._bench.release()
        for tool in self.tools.values():
            tool.model_changed()  # which may tell that what runs for it is stopped
        self.jobs.cancel_all(but=WITHOUT_MODEL)
        self._bench.progress(None)
        self.proposal.predicting.forget_all()
        self.proposal.predicting.encoding.forget()
        self._soon()

    def _preferences_changed(self) -> None:
        wanted = self._bench.preferences.read()
        self._bench.worker.resize(wanted.cache_megabytes * _MEGABYTE)
        self._bench.changed()
        self.disk_cache.follow(wanted)
        self.proposal.follow(wanted)
        self._soon()
