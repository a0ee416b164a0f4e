"""One image of a batch: all that is to be known of it, frozen, for this process or another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_sam.batch.outputs import Outputs
from napari_sam.methods.method import Method
from napari_sam.methods.registry import method_of

if TYPE_CHECKING:
    from napari_sam.files.sources import Source
    from napari_sam.images import Image
    from napari_sam.models.family import Precision
    from napari_sam.models.model import Model


@dataclass(frozen=True)
class Models:
    """The models that a batch uses.

    Parameters
    ----------
    name : str
        Of the model, in the zoo or a checkpoint's path.
    finder : str, optional
        Of who sees where objects are, when the model cannot.
    device : str
    precision : {"auto", "float32", "int8"}
    cache : bool
        Whether what the model reads is kept on disk.
    """

    name: str = "cells"
    finder: str | None = None
    device: str = "auto"
    precision: Precision = "auto"
    cache: bool = False

    def load(self, options: Any) -> tuple[Model, Model | None]:
        """Load the model, and the finder if these options of a method take one.

        Raises
        ------
        ModelError
        """
        from napari_sam.engine.run import needs_finder
        from napari_sam.loading import load_model

        model = load_model(self.name, self.device, precision=self.precision, cache=self.cache)
        if not self.finder and not needs_finder(method_of(options), options, model):
            return model, None
        # int8 is for SAM models alone; the same numbers everywhere are meant for the finder too.
        precision: Precision = "float32" if self.precision == "float32" else "auto"
        return model, load_model(self.finder or "cells", self.device, precision=precision)


@dataclass(frozen=True)
class Job:
    """One image of a batch.

    Parameters
    ----------
    source : Source
        The file, and which of its images.
    outputs : Outputs
        The files to be written.
    options : dataclass
        Of a method, which they stand for.
    models : Models
    axes : str, optional
        What the file's axes are, if it does not say.
    channel : int, optional
        Counted from 0.
    limits : (low, high), optional
        Contrast limits.
    overwrite : bool
        Whether outputs that are there are replaced.
    channels : tuple of int, optional
        Up to three that are seen together, as red, green and blue.
    skip_existing : bool
        Whether the job is left out where somebody else has made its outputs meanwhile.
    """

    source: Source
    outputs: Outputs
    options: Any
    models: Models = Models()
    axes: str | None = None
    channel: int | None = None
    limits: tuple[float, float] | None = None
    overwrite: bool = False
    channels: tuple[int, ...] | None = None
    skip_existing: bool = False

    @property
    def seen(self) -> tuple[int, ...] | None:
        """The channels that are seen, counted from 0; None where none was chosen."""
        return self.channels if self.channel is None else (self.channel,)

    def seeing(self, channels: tuple[int, ...] | None) -> Job:
        """Choose one channel, or up to three that are seen together; None for the image as it is.

        Examples
        --------
        >>> job = Job(None, None, None)
        >>> job.seeing((2,)).channel, job.seeing((0, 2)).channels, job.seeing((0, 2)).seen
        (2, (0, 2), (0, 2))
        """
        if channels is None or len(channels) > 1:
            return replace(self, channel=None, channels=channels)
        return replace(self, channel=channels[0], channels=None)

    def read(self) -> tuple[Image, Image]:
        """Open the image: as it is in the file, and as it is to be seen.

        Raises
        ------
        DataError, ImageError
        """
        from napari_sam.files import read_image
        from napari_sam.files.composed import compose
        from napari_sam.files.pick import pick

        image = read_image(self.source.path, self.axes, series=self.source.series)
        sure = self.axes is not None
        if self.channels is not None:
            return image, compose(image, self.channels, sure=sure)
        return image, pick(image, self.channel, sure=sure)

    @property
    def is_left_out(self) -> bool:
        """Whether all outputs are there, and the job is left out for that."""
        return self.skip_existing and self.outputs.complete

    def refuse_existing(self) -> None:
        """Raise `DataError` when an output is there that may not be replaced.

        It is asked twice: what came while the image was searched, from another run or from a
        person, stays as well.
        """
        if not self.overwrite or self.is_left_out:
            self.outputs.refuse_existing()

    @property
    def method(self) -> Method[Any]:
        """The method whose options these are."""
        return method_of(self.options)
