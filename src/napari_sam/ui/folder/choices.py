"""Model and options that were chosen in a folder: told, and chosen again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from napari_sam.batch.job import Job, Models
from napari_sam.batch.options_json import options_from, spelled
from napari_sam.batch.series import Series
from napari_sam.errors import NapariSamError, ViewError
from napari_sam.methods.registry import ROWS
from napari_sam.ui.folder.remembered import Remembered
from napari_sam.ui.model_choice import ModelChoice
from napari_sam.ui.tools.find import Find
from napari_sam.ui.tools.tool import Tool
from napari_sam.ui.workbench import Workbench

_log = logging.getLogger(__name__)


class Choices:
    """Reads and makes the choices of one session.

    Parameters
    ----------
    bench : Workbench
    models : ModelChoice
    tools : mapping of str to Tool
        The pages, Find all among them.
    """

    def __init__(self, bench: Workbench, models: ModelChoice, tools: Mapping[str, Tool]) -> None:
        self._bench, self._models, self._tools = bench, models, tools

    def now(self, job: Job, order: list[str]) -> Remembered:
        """Return what is chosen now, and which image is shown."""
        find, model = self._bench.state.find, self._bench.state.model
        options = {name: _plain(spelled(chosen)) for name, chosen in find.chosen.items()}
        seen = None if job.seen is None else list(job.seen)
        return Remembered(job.source.name, seen, model, find.method, options, order)

    def for_all(self, jobs: list[Job], seen: tuple[int, ...] | None) -> list[Job]:
        """Return the jobs with what is chosen now: model, method, options and contrast limits.

        Parameters
        ----------
        jobs : list of Job
        seen : tuple of int or None
            The channels.

        Raises
        ------
        ViewError
            When what is chosen is true of one image alone.
        """
        state = self._bench.state
        if state.find.by.by_examples:
            raise ViewError(
                "Examples lie in one image, so that they are not looked for in all: choose what "
                "to look for on Find all."
            )
        chosen: dict[str, Any] = {
            "options": state.find.search,
            "models": Models(state.model, device=self._bench.device()),
        }
        if state.image is not None and self._bench.preferences.read().use_contrast_limits:
            chosen["limits"] = self._bench.shown().view.limits
        return [replace(job, **chosen).seeing(seen) for job in jobs]

    def inputs(self, series: Series, seen: tuple[int, ...] | None) -> list[dict[str, Any]]:
        """Say of a command line what it takes to find in all images as the panel would.

        Parameters
        ----------
        series : Series
        seen : tuple of int or None
            The channels.

        Returns
        -------
        list of dict
            Arguments of `napari_sam.methods.recipe.as_command`, of each folder of results.
        """
        kinds = {job.outputs.kinds for job in series.jobs}
        same = {
            "skip_existing": True,
            "save": "zarr" if kinds == {("zarr",)} else None,
            "channel": seen[0] if seen is not None and len(seen) == 1 else None,
            "channels": seen if seen is not None and len(seen) > 1 else None,
        }
        return [
            {"image": [path.absolute() for path in paths], "output": folder.absolute(), **same}
            for folder, paths in series.typed.items()
        ]

    def restore(self, known: Remembered) -> None:
        """Choose what was chosen, as far as this version has it."""
        if known.model in self._models.names():
            self._models.choose(known.model)
        find = self._tools.get(Find.name)
        if not isinstance(find, Find):
            return
        for name, words in known.options.items():
            try:
                options_from(name, words)
            except NapariSamError as error:
                _log.warning("Options of %s are not restored: %s", name, error)
                continue
            find.adjust_options(name, **words)
        if known.method in ROWS:
            find.adjust(method=known.method)


def _plain(words: dict[str, Any]) -> dict[str, Any]:
    """Leave out what belongs to one image, such as examples and points of one's own."""
    return {name: value for name, value in words.items() if not isinstance(value, list | dict)}
