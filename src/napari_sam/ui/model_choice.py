"""Which model is chosen, whether it is here, and its download in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.engine.catalogue import Catalogue
from napari_sam.engine.jobs import Jobs
from napari_sam.methods.method import Method
from napari_sam.models.paths import checkpoint_name
from napari_sam.models.suggest import suggest
from napari_sam.progress import Progress
from napari_sam.ui.workbench import Workbench


class ModelChoice:
    """Chooses and downloads models.

    Downloads have a thread of their own: a model that is there answers clicks meanwhile.
    """

    def __init__(
        self, bench: Workbench, catalogue: Catalogue, changed: Callable[[], None], threaded: bool
    ) -> None:
        self._bench = bench
        bench.state.model = bench.preferences.read().model
        bench.state.suits = catalogue.suits(bench.state.model)
        #: Which models there are, and what was done with them.
        self.catalogue = catalogue
        self._changed = changed
        self._files: list[str] = []
        self.downloads = Jobs(
            bench.loop, ("download",), name="napari-sam download", threaded=threaded
        )

    def names(self) -> list[str]:
        """All models that can be chosen, checkpoints of the person's included."""
        names = self.catalogue.names()
        return [*names, *(file for file in self._files if file not in names)]

    def describe(self, name: str) -> str:
        return self.catalogue.describe(name)

    def title(self, name: str) -> str:
        """What a model is called in the list; a folder of weights by the folder."""
        if name not in self._files:
            return name
        path, called = Path(name), checkpoint_name(Path(name))
        return path.name if called == path.stem else called

    def suggested(self) -> dict[str, str]:
        """Say of the models that suit the chosen image why they do, told from axes and colours."""
        image = self._bench.state.image
        if image is None:
            return {}
        small = np.asarray(image.thumbnail)  # which is padded by what is transparent
        colours = small[small[..., 3] > 0][:, None, :3] if image.rgb else None
        return dict(suggest(through=image.ndim > 2, colours=colours))

    def lacks(self, method: Method[Any]) -> bool:
        """Whether the chosen model is of a family that cannot do what a method takes.

        Of one that is not known before it is loaded, nobody says so.
        """
        abilities = self.catalogue.abilities(self._bench.state.model)
        needs = method.needs(method.defaults)
        return abilities is not None and not set(needs) <= set(abilities)

    def choose(self, name: str) -> None:
        """Choose a model by its name, or a checkpoint by its path."""
        if name == self._bench.state.model:
            return
        if name not in self.names():
            self._files.append(name)
        self._bench.state.model = name
        self._bench.state.suits = self.catalogue.suits(name)
        self._bench.preferences.remember(model=name)
        self._changed()

    def usable(self) -> bool:
        """Tell whether the chosen model is here; if it is not, say in the panel what to do."""
        state = self._bench.state
        megabytes = self.catalogue.missing_megabytes(state.model)
        if megabytes is None:
            return True
        if self.downloads.wants("download"):
            return False
        self._bench.chip("missing", "not downloaded")
        self._bench.say(
            f"The model {state.model!r} is not here yet. Press Download ({megabytes:,.0f} MB, "
            f"licence {self.catalogue.licence(state.model) or 'not known'}), or choose 'cells'."
        )
        return False

    def download(self) -> None:
        """Download the chosen model in the background."""
        name = self._bench.state.model
        self._bench.chip("wait", "downloading")
        self._bench.progress(0.0)
        self._bench.say(f"Downloading the model {name!r}. You can go on working meanwhile.")

        def work(progress: Progress) -> Path | None:
            return self.catalogue.download(name, progress)

        self.downloads.submit("download", work, self._arrived, self._failed, self._progressed)

    def cancel(self) -> None:
        """Stop a download; what has arrived is kept for the next try."""
        if self.downloads.wants("download"):
            self.downloads.cancel("download")
            self._changed()

    def close(self) -> None:
        self.downloads.close()

    def _progressed(self, fraction: float) -> None:
        self._bench.chip("wait", f"downloading {100 * fraction:.0f} %")
        self._bench.progress(fraction)

    def _arrived(self, path: Path | None) -> None:
        self._bench.progress(None)
        self._bench.result("The model has arrived.")
        self._changed()

    def _failed(self, error: Exception) -> None:
        self._bench.chip("missing", "not downloaded")
        self._bench.fail(error)
