"""The files that `segment` and the demo write: all that belong to an image, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from napari_sam.batch.large_writers import Large
from napari_sam.batch.writers import FILES, KINDS, ImageResults, OutputKind
from napari_sam.errors import DataError

__all__ = ["KINDS", "ImageResults", "Outputs"]


def _agreed() -> None:
    """Let files get their names, whatever is there."""


@dataclass(frozen=True)
class Outputs:
    """The files written for one input.

    Parameters
    ----------
    name : str
        What they begin with.
    folder : Path
    kinds : tuple of str
        Which of `KINDS` are wanted.
    """

    name: str
    folder: Path
    kinds: tuple[str, ...] = ("labels",)

    @classmethod
    def of(cls, source: Path, folder: Path, kinds: tuple[str, ...] = ("labels",)) -> Outputs:
        """Name the outputs of a source; ``.ome`` is no part of its name."""
        from napari_sam.files.names import stem_of

        return cls(stem_of(source), folder, kinds)

    def _files(self) -> dict[Path, OutputKind]:
        wanted = (one for one in FILES if one.kind in self.kinds)
        return {self.folder / f"{self.name}{one.ending}": one for one in wanted}

    @property
    def joined(self) -> bool:
        """Whether any file is made of the segmentation of the whole image."""
        return any(one.joined for one in self._files().values())

    @property
    def of_planes(self) -> bool:
        """Whether any file is made of what was found on every plane."""
        return not all(one.joined for one in self._files().values())

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return list(self._files())

    @property
    def complete(self) -> bool:
        """Whether all files are there."""
        return all(path.exists() for path in self.paths)

    @property
    def interrupted(self) -> bool:
        """Whether a run of this program was killed while it gave the files their names.

        They get them in order: where a later one is there without an earlier one, somebody has
        removed that, and the labels may have been corrected since. So they may where they are
        there, and what is missing was not left behind by that run: more is wanted than then.
        """
        from napari_sam.files import made_here
        from napari_sam.files.atomic import left_behind

        files = self._files()
        there = [path.exists() for path in files]
        in_order = there == sorted(there, reverse=True)
        if not in_order or all(there) or not there[0] or not made_here(self.paths[0]):
            return False
        has_labels = any(
            one.ending.startswith("_labels") and path.exists() for path, one in files.items()
        )
        return not has_labels or left_behind(self.paths[there.index(False)])

    def remove_rests(self) -> None:
        """Remove the hidden files that a killed run has left behind of these."""
        from napari_sam.files.atomic import remove_rest

        for path in self.paths:
            remove_rest(path)

    def refuse_existing(self, otherwise: str = "add --skip-existing or --overwrite") -> None:
        """Raise `DataError` when any of the files is there, and say what to do."""
        existing = [path.name for path in self.paths if path.exists()]
        if existing:
            raise DataError(
                f"already in {self.folder}: {', '.join(existing)}. Choose another folder, or "
                f"{otherwise}."
            )

    def refuse_inputs(self, inputs: frozenset[Path]) -> None:
        """Raise `DataError` when a file that is to be written is one of the images.

        Parameters
        ----------
        inputs : frozenset of Path
            Resolved.
        """
        for path in self.paths:
            if path.exists() and path.resolve() in inputs:
                raise DataError(
                    f"{path} is itself one of the images and would be overwritten: choose another "
                    "folder with -o."
                )

    @property
    def unfinished(self) -> Path:
        """The hidden folder of a run in tiles that is not at its end."""
        from napari_sam.files.atomic import temporary_name

        return self.folder / temporary_name(self.folder / f"{self.name}.tiles")

    @property
    def not_large(self) -> list[str]:
        """The kinds that are not written of an image that is searched in tiles."""
        return [one.kind for one in self._files().values() if one.large is None]

    def write_large(self, results: Large, agreed: Callable[[], None]) -> None:
        """Write all files of an image that was searched in tiles, like `write`."""
        files = self._files()
        with _all_or_none(files, agreed) as places:
            for place, one in zip(places, files.values(), strict=True):
                assert one.large is not None
                one.large(place, results)

    def write(self, results: ImageResults, agreed: Callable[[], None] = _agreed) -> None:
        """Write all files; none of them appears before the last one is complete.

        Parameters
        ----------
        results : ImageResults
        agreed : callable
            Called before the first file gets its name; raises when none may, as others are there.
        """
        files = self._files()
        with _all_or_none(files, agreed) as places:
            for place, one in zip(places, files.values(), strict=True):
                one.write(place, results)


@contextmanager
def _all_or_none(
    files: Mapping[Path, OutputKind], agreed: Callable[[], None]
) -> Iterator[list[Path]]:
    """Yield a temporary path for each; they get their names, in order, when all went well."""
    from napari_sam.files.atomic import folder_in_one_piece, in_one_piece

    with ExitStack() as stack:
        # What was entered last is left first.
        places = [
            stack.enter_context(
                in_one_piece(path) if one.folder is None else folder_in_one_piece(path, one.folder)
            )
            for path, one in reversed(list(files.items()))
        ]
        yield places[::-1]
        agreed()
