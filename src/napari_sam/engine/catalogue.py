"""Which models there are and how they get here, as the panel needs to know it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.errors import CheckpointError, UnknownModelError
from napari_sam.progress import Progress

if TYPE_CHECKING:
    from napari_sam.models.capabilities import Suits
    from napari_sam.models.family import Family
    from napari_sam.models.lesson import Lesson


class Catalogue:
    """The zoo, seen from the panel; tests put another in its place."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, int, int], Family | None] = {}

    def _family(self, name: str) -> Family | None:
        """Return the family of a model, told without loading it; None where that is not known.

        The panel asks often, and an old PyTorch file has to be read as a whole: once is enough.
        """
        from napari_sam.models import zoo

        try:
            return zoo.info(name).family
        except UnknownModelError:
            pass
        try:
            status = Path(name).stat()
        except (OSError, ValueError):
            return None
        mark = name, status.st_mtime_ns, status.st_size
        if mark not in self._told:
            self._told[mark] = _family_of(name)
        return self._told[mark]

    def names(self) -> list[str]:
        from napari_sam.models import zoo

        return [entry.name for entry in zoo.available()]

    def describe(self, name: str) -> str:
        """Say what a model is good for, and what it needs where that was measured."""
        from napari_sam.models import zoo
        from napari_sam.models.needs import known

        try:
            entry = zoo.info(name)
        except UnknownModelError:
            return f"Your checkpoint {name}"
        needs = known(name)
        here = f" On this computer: {needs.told}." if needs else ""
        return f"{entry.good_for} Licence of the weights: {entry.licence}.{here}"

    def missing_megabytes(self, name: str) -> float | None:
        """Return the size of the download that a model still needs, or None."""
        from napari_sam.models import zoo

        try:
            entry = zoo.info(name)
        except UnknownModelError:
            return None
        return entry.size / 1e6 if entry.url and not entry.ready else None

    def licence(self, name: str) -> str:
        """Return the licence of a model's weights; empty where it is not known."""
        from napari_sam.models import zoo

        try:
            return zoo.info(name).licence
        except UnknownModelError:
            return ""

    def suits(self, name: str) -> Suits:
        """Return the options that suit a model where nobody chose others."""
        family = self._family(name)
        return {} if family is None else family.suits

    def abilities(self, name: str) -> tuple[str, ...] | None:
        """Name what models of a family can do beyond prompts; None where it is not known."""
        family = self._family(name)
        return None if family is None else family.abilities

    def lessons(self, name: str) -> tuple[Lesson, ...]:
        """Return what a model was taught, the last lesson last."""
        from napari_sam.models.taught import lessons_of

        return lessons_of(name)

    def name_for_taught(self, name: str) -> str:
        """Propose a name for what is made of a model by teaching it."""
        from napari_sam.models.taught import free_name, names_taken

        return free_name(name, names_taken())

    def keep_taught(self, path: Path, name: str) -> None:
        """Put a taught model among the others."""
        from napari_sam.models.taught import keep

        keep(path, name)

    def file(self, name: str) -> Path | None:
        """Return where a model's file lies; None of the one that comes with the plugin."""
        from napari_sam.models import zoo

        try:
            return zoo.info(name).path
        except UnknownModelError:
            return Path(name)

    def lost(self, name: str) -> Path | None:
        """Return where the file of a model of one's own was, if it is not there any more."""
        if self.missing_megabytes(name) is not None:  # it may be downloaded
            return None
        path = self.file(name)
        try:
            return None if path is None or path.is_file() else path
        except (OSError, ValueError):
            return path

    def download(self, name: str, progress: Progress) -> Path | None:
        from napari_sam.models import zoo

        return zoo.download(name, progress=progress)

    def loader(self) -> Callable[..., Any]:
        """Return what loads a model by name; importing torch waits until it is called."""

        def load(name: str, *, device: str) -> Any:
            from napari_sam.loading import load_model

            return load_model(name, device=device)

        return load


def _family_of(name: str) -> Family | None:
    from napari_sam.models.families import family_of

    try:
        return family_of(Path(name))
    except (CheckpointError, OSError):  # which is told when it is loaded
        return None
