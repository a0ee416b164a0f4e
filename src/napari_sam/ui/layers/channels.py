"""Images of channels that are seen together, kept true to the layers of these channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_sam.errors import ViewError
from napari_sam.files.composed import Composed
from napari_sam.ui.layers.listening import Listening
from napari_sam.ui.layers.together import Part, check_grid, composed, levels_of, part_of

if TYPE_CHECKING:
    from napari.layers import Image

_SETTLE = 300  # milliseconds that a slider of contrast rests
Later = Callable[[str, int, Callable[[], None]], None]


@dataclass(eq=False)
class _Followed:
    """An image, and the layers of its channels; None for one that was removed."""

    image: Image
    channels: list[Image | None]
    ear: Listening = field(default_factory=Listening)
    drawn_at: dict[int, tuple[Any, ...]] = field(default_factory=dict)  # by place of the channel
    torn: bool = False  # whether they do not lie on each other


class FollowedChannels:
    """Looks anew at channels whose pixels or contrast change.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
    later : callable
        See `napari_sam.ui.loops.QtLoop.later`.
    busy : callable
        Whether an image is being searched: until that is over it stays what it is.
    redrawn : callable
        Called with an image whose channels were changed in place.
    told : callable
        Called with an image and a sentence about it, and whether it is a problem.
    """

    def __init__(
        self,
        viewer: Any,
        later: Later,
        busy: Callable[[], bool],
        redrawn: Callable[[Image], None],
        told: Callable[[Image, str, bool], None],
    ) -> None:
        self._viewer, self._later = viewer, later
        self._busy, self._redrawn, self._told = busy, redrawn, told
        self._all: list[_Followed] = []
        self._waiting: list[_Followed] = []

    def open(self) -> None:
        """Follow what another panel has put together, as far as its channels are there."""
        from napari.layers import Image

        images = [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        for image in images:
            finest = levels_of(image)[0]
            if isinstance(finest, Composed):
                parts = [_whose(part, images) for part in finest.channels]
                if any(part is not None for part in parts):
                    self.follow(image, parts)

    def follow(self, image: Image, channels: Sequence[Image | None]) -> None:
        """Keep an image true to its channels from now on."""
        made = _Followed(image, list(channels))
        for place, channel in enumerate(made.channels):
            if channel is None:
                continue
            made.drawn_at[place] = self._looked_at()
            made.ear.to(channel.events.data, partial(self._changed, made, 0))
            made.ear.to(channel.events.contrast_limits, partial(self._changed, made, _SETTLE))
            if not channel.multiscale:  # a pyramid is drawn anew at every zoom
                made.ear.to(channel.events.set_data, partial(self._drawn, made, place))
        self._all.append(made)

    def layers_changed(self) -> None:
        """Let go of images and channels that were removed; an image keeps the pixels of these."""
        layers = self._viewer.layers
        for one in list(self._all):
            one.channels = [part if part in layers else None for part in one.channels]
            if one.image not in layers or not any(one.channels):
                self._leave(one)

    def _leave(self, one: _Followed) -> None:
        one.ear.stop()
        self._all.remove(one)

    def free(self) -> None:
        """No image is searched any more: what has changed meanwhile is looked at."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            self._changed(one, 0)

    def close(self) -> None:
        """Stop following."""
        for one in self._all:
            one.ear.stop()
        self._all.clear()
        self._waiting.clear()

    # -- what happens -----------------------------------------------------------------------------

    def _changed(self, one: _Followed, milliseconds: int, event: Any = None) -> None:
        self._later(f"channels {id(one)}", milliseconds, partial(self._renew, one))

    def _renew(self, one: _Followed) -> None:
        """Put an image together once more, of what its channels are now."""
        if one not in self._all:
            return
        if self._busy():
            self._waiting.append(one)
            return
        before = levels_of(one.image)
        if not all(isinstance(level, Composed) for level in before):
            self._leave(one)  # somebody gave it pixels of its own
            return
        parts = [
            _as_it_was(before, place) if layer is None else part_of(layer)
            for place, layer in enumerate(one.channels)
        ]
        try:
            check_grid([layer for layer in one.channels if layer is not None])
            levels = composed(parts)
        except ViewError as error:
            one.torn = True
            self._told(one.image, f"{one.image.name!r} stays as it was: {error}", True)
            return
        if not all(map(_same_pixels, levels, before)):
            one.image.data = levels if one.image.multiscale else levels[0]
        elif levels[0].limits != before[0].limits:
            # The same pixels in another light: what is in hand of this image goes on.
            for level in before:
                level.limits = levels[0].limits
            self._redraw(one)
        if one.torn:
            one.torn = False
            self._told(one.image, f"{one.image.name!r} shows its channels as they are now.", False)

    def _drawn(self, one: _Followed, place: int, event: Any = None) -> None:
        """A channel was drawn: for its pixels are others, unless another slice is looked at."""
        before, now = one.drawn_at.get(place), self._looked_at()
        one.drawn_at[place] = now
        if before == now:
            self._later(f"channels drawn {id(one)}", 0, partial(self._redraw, one))

    def _redraw(self, one: _Followed) -> None:
        if one in self._all:
            one.image.refresh(extent=False)
            self._redrawn(one.image)

    def _looked_at(self) -> tuple[Any, ...]:
        dims = self._viewer.dims
        return dims.point, dims.order, dims.ndisplay, dims.margin_left, dims.margin_right


def _whose(pixels: Any, images: Sequence[Image]) -> Image | None:
    """The layer that holds an array."""
    return next((image for image in images if levels_of(image)[0] is pixels), None)


def _as_it_was(levels: Sequence[Composed], place: int) -> Part:
    """The part of a channel whose layer was removed."""
    return [level.channels[place] for level in levels], levels[0].limits[place]


def _same_pixels(now: Composed, before: Composed) -> bool:
    pixels = zip(now.channels, before.channels, strict=True)
    return all(mine is its for mine, its in pixels)
