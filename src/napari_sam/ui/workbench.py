"""What the parts of a session share: the viewer, the state, the worker and how to speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_sam.engine.jobs import Jobs, Loop
from napari_sam.engine.worker import View, Worker
from napari_sam.errors import NapariSamError, ViewError
from napari_sam.images import Image as Pixels
from napari_sam.images import Plane
from napari_sam.progress import Progress
from napari_sam.ui.layers.planes import contrast_limits, displayed_plane, pixel_size, spatial_shape
from napari_sam.ui.preferences import PreferenceStore
from napari_sam.ui.state import State

_FEWEST_PIXELS = 5  # a plane this narrow is a channel axis that ended up on the screen


@dataclass(eq=False)
class Workbench:
    """Shared by the parts of one session; nothing here outlives it."""

    viewer: Any
    state: State
    loop: Loop
    jobs: Jobs
    worker: Worker
    preferences: PreferenceStore
    version: int = 0
    _held: bool = False

    def say(self, text: str, problem: bool = False) -> None:
        """Put one sentence into the status line."""
        self._held = False
        self.state.problem = problem
        self.state.status = text

    def result(self, text: str, problem: bool = False) -> None:
        """Say what came of something; general advice does not replace it until `release`."""
        self.say(text, problem)
        self._held = True

    def guide(self, text: str) -> None:
        """Say what to do next, unless a result is still to be read."""
        if not self._held:
            self.say(text)

    def release(self) -> None:
        """Let advice replace what was said: the person went on."""
        self._held = False

    def device(self) -> str:
        """Where the model shall run."""
        return self.preferences.read().device

    def fail(self, error: Exception) -> None:
        """Tell what went wrong, and leave everything usable."""
        self.state.progress = None
        if isinstance(error, NapariSamError):
            text = str(error)
        elif isinstance(error, MemoryError):
            text = "Not enough memory. Close other programs or crop the image."
        else:
            text = f"This did not work ({type(error).__name__}: {error})."
        self.result(text, problem=True)

    def plane(self) -> Plane:
        """Find the plane of the chosen image that is shown now.

        Raises
        ------
        ViewError
        """
        image = self.state.image
        if image is None:
            raise ViewError("Open an image, or try File > Open Sample > SAM for Biology.")
        if self.viewer.dims.ndim < image.ndim:
            # Callbacks of a layer that is being added run before napari's own.
            raise ViewError(f"{image.name!r} is being opened.")
        plane = displayed_plane(self.viewer, image)
        if min(plane.shape) < _FEWEST_PIXELS:
            raise ViewError(
                f"The view shows {plane.shape[0]} x {plane.shape[1]} pixels of {image.name!r}; "
                "one of these axes seems to hold channels. Change the order of the axes, or "
                "split the channels (right-click the layer > Split Stack)."
            )
        return plane

    def limits(self) -> tuple[float, float] | None:
        """Contrast limits that the model shall see the image with, if the person wants that."""
        image = self.state.image
        wanted = image is not None and self.preferences.read().use_contrast_limits
        return contrast_limits(image) if wanted else None

    def view(self, plane: Plane) -> View:
        """Describe the pixels of a plane as they are now."""
        image = self.state.image
        assert image is not None
        axes = ["Q"] * plane.ndim
        axes[plane.axes[0]], axes[plane.axes[1]] = "Y", "X"
        letters = "".join(axes) + ("S" if image.rgb else "")
        size, limits = pixel_size(image, plane), self.limits()
        pixels = Pixels(_finest(image), letters, size, limits, bool(image.rgb))
        return View(pixels, plane, self.version)

    def same_pixels(self, view: View) -> bool:
        """Whether the image still has the data and shape that a view was taken of."""
        image = self.state.image
        if image is None:
            return False
        shape = spatial_shape(image)
        fits = (
            view.plane.ndim == len(shape)
            and tuple(shape[axis] for axis in view.plane.axes) == view.plane.shape
        )
        return fits and _finest(image) is view.image.finest

    def submit(
        self,
        slot: str,
        work: Callable[[Progress], Any],
        done: Callable[[Any], None],
        *,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Queue work whose failure ends up in the status line."""
        self.jobs.submit(slot, work, done, self.fail, progress or (lambda fraction: None))


def _finest(image: Any) -> Any:
    """Return the array of a layer that holds its pixels at full resolution."""
    return image.data[0] if image.multiscale else image.data
