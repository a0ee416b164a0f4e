"""What was done to labels, saved beside them, handed out as code, and done again."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam.counts import counted
from napari_sam.engine.view import View
from napari_sam.errors import NapariSamError
from napari_sam.files.names import stem_of
from napari_sam.labels.session import ENDING, Session, read_session, session_of
from napari_sam.progress import Progress
from napari_sam.segment_replay import replay_and_tell
from napari_sam.segmentation import Segmentation
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.labels_layer.result_layer import table_for
from napari_sam.ui.layers.label_grid import labels_layer, transform_of
from napari_sam.ui.layers.shown import same_pixels
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    from napari.layers import Image


class Again:
    """Saves the session of the labels that are active, else of those written last.

    Parameters
    ----------
    parts : Parts
    """

    def __init__(self, parts: Parts) -> None:
        self._bench, self._documents, self._ours = parts.bench, parts.documents, parts.bench.ours

    # -- saving -----------------------------------------------------------------------------------

    def _document(self) -> LayerDocument | None:
        active = self._bench.viewer.layers.selection.active
        state = self._bench.state
        known = self._documents.known
        return known(active) or known(state.target) or self._documents.newest()

    def place(self) -> Path | None:
        """Return where the session belongs: beside the labels, else beside the image."""
        document, image, bench = self._document(), self._bench.state.image, self._bench
        for layer in (None if document is None else document.layer, image):
            if layer in bench.opened:
                outputs = bench.opened[layer].outputs
                return outputs.folder.absolute() / (outputs.name + ENDING)
            known = bench.file_of(layer)
            if known is not None:
                return known.with_name(stem_of(known) + ENDING)
        return None

    def session(self) -> Session | None:
        """Collect what can be done again; None, with a reason told, when there is nothing."""
        document, bench = self._document(), self._bench
        image = bench.state.image
        try:
            limits = bench.shown().view.limits
        except NapariSamError:
            limits = None
        if document is not None:
            document.sync()
            found = session_of(document, str(bench.file_of(image) or ""), limits)
            if len(found):
                return found
        bench.result("There is nothing to save yet: keep a cell, or find all.")
        return None

    def save(self, path: Path, put: Callable[[str], None]) -> None:
        """Write the session, and hand out the command that does it again."""
        found = self.session()
        if found is None:
            return
        try:
            found.write(path)
        except NapariSamError as error:
            self._bench.fail(error)
            return
        image = self._bench.state.image
        job = None if image is None else self._bench.opened.get(image)
        command = as_command(path, None if job is None else job.seen)
        put(command)
        by_hand = sum(found.not_repeated.values())
        left_out = f" {by_hand} by hand are not repeated." if by_hand else ""
        self._bench.result(
            f"Saved {counted(len(found), 'step')} as {path.name}.{left_out} Copied: {command}"
        )

    # -- doing it again ---------------------------------------------------------------------------

    def replay(self, path: Path) -> None:
        """Do a session again on the chosen image, by the chosen model, into new labels."""
        bench = self._bench
        try:
            session, shown = read_session(path), bench.shown()
        except NapariSamError as error:
            bench.fail(error)
            return
        name, device, worker = bench.state.model, bench.device(), bench.worker
        image, view, page = shown.image, shown.view, bench.state.tool

        def work(progress: Progress) -> tuple[Segmentation, str]:
            model, limits = worker.model(name, device), view.limits
            return replay_and_tell(session, view.image, model, limits=limits, progress=progress)

        bench.say(f"Doing {path.name} again. You can go on working meanwhile.")
        bench.progress(0.0)
        bench.submit(
            "again",
            work,
            lambda made: self._made(image, view, page, *made),
            progress=bench.progress,
        )

    def _made(self, image: Image, view: View, page: str, found: Segmentation, told: str) -> None:
        bench = self._bench
        bench.progress(None)
        if image not in bench.viewer.layers or not same_pixels(image, view):
            bench.result("The image was changed or removed: nothing was made.", problem=True)
            return
        labels = labels_layer(found.labels, f"{image.name} again", **transform_of(image))
        labels.features = table_for(found.table.drop(columns="index", errors="ignore"))
        self._ours.add_beneath(labels)
        made = f"{counted(len(found), 'cell')}, now in the new layer {labels.name!r}. {told}"
        bench.result_on(page, made.rstrip())


def as_command(path: Path, seen: tuple[int, ...] | None = None) -> str:
    """Return the command line that does a session again, for this operating system's shell.

    Parameters
    ----------
    path : Path
    seen : tuple of int, optional
        The channel that was seen, or those that were seen together.

    Examples
    --------
    >>> as_command(Path("dish.session.json"))
    'napari-sam replay dish.session.json IMAGE -o results'
    >>> as_command(Path("dish.session.json"), (1,))
    'napari-sam replay dish.session.json IMAGE -o results --channel 1'
    >>> as_command(Path("dish.session.json"), (0, 2))
    'napari-sam replay dish.session.json IMAGE -o results --channels 0,2'
    """
    words = ["napari-sam", "replay", str(path), "IMAGE", "-o", "results"]
    if seen is not None:
        flag = "--channel" if len(seen) == 1 else "--channels"
        words += [flag, ",".join(map(str, seen))]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
