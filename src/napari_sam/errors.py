"""Every error that `napari_sam` raises on purpose.

All derive from `NapariSamError`, so a caller can catch the family; each also derives from the
built-in exception that a Python programmer would expect, so ``except ValueError`` works too.
A message says what was wrong, what was expected, and what to do.
"""

from __future__ import annotations


class NapariSamError(Exception):
    """Base of every error raised on purpose by this package."""


class InstallationError(NapariSamError, RuntimeError):
    """Another distribution overwrote this package, or an optional part is not installed."""


class ImageError(NapariSamError, ValueError):
    """The image cannot be used as it is (shape, type, empty)."""


class PromptError(NapariSamError, ValueError):
    """The prompt is empty, malformed, or lies outside the plane."""


class LabelsError(NapariSamError, ValueError):
    """The labels cannot take this change (type too small, wrong shape, read-only)."""


class HalfWrittenError(LabelsError):
    """Storage failed while a change was written, and then again while it was taken back."""


class DataError(NapariSamError, ValueError):
    """A data set, sample or file is missing, malformed, or not known by that name."""


class ParameterError(NapariSamError, ValueError):
    """A parameter has a value that makes no sense; the message names the allowed ones."""


class ModelError(NapariSamError, RuntimeError):
    """A model cannot be found, loaded or run."""


class UnknownModelError(ModelError, LookupError):
    """No model of that name is in the zoo and no file lies at that path."""


class CheckpointError(ModelError):
    """The checkpoint is damaged, unsafe to load, or of an unknown architecture."""


class DownloadError(ModelError, OSError):
    """A download failed or gave other bytes than expected; nothing half-done is kept."""


class DeviceError(ModelError):
    """The device is not there, or its memory is exhausted even at the smallest batch."""


class ClusterError(NapariSamError, RuntimeError):
    """A cluster cannot be reached, has no workers, other versions, or has ended."""


class ViewError(NapariSamError, RuntimeError):
    """The viewer shows something that has no plane to segment (3-D, outside the data)."""


class Cancelled(NapariSamError):
    """The person cancelled. Raised from a progress callback; nothing was written."""
