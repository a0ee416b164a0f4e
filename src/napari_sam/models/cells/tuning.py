"""The embedded kind of model as something that can be taught: copied, moved, saved."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from napari_sam.errors import DataError
from napari_sam.models.cells.folding import unfolded_state
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.lesson import Lesson, history_text

if TYPE_CHECKING:
    from napari_sam.models.cells.model import CellsModel

__all__ = ["CellsTuning"]

_FORMAT = "napari-sam-cells-1"


class CellsTuning:
    """Makes taught models of one of the embedded kind; that one is never changed.

    Parameters
    ----------
    model : CellsModel
    """

    def __init__(self, model: CellsModel) -> None:
        self._model = model

    @property
    def network(self) -> CellsNetwork:
        """The network, in evaluation mode, its norms folded; copy it before it is trained."""
        return self._model.network

    def taught(self, state: Mapping[str, Tensor], name: str, lesson: Lesson | None) -> CellsModel:
        """Make a model of other weights.

        Parameters
        ----------
        state : mapping of str to Tensor
            The weights of a copy of `network` that was trained.
        name : str
        lesson : Lesson, optional
            Joins the model's history.

        Returns
        -------
        CellsModel
            Its weights are rounded as a file holds them.
        """
        old = self._model
        network = copy.deepcopy(old.network)
        network.load_state_dict({key: _rounded(value) for key, value in state.items()})
        network.eval().requires_grad_(False)
        reader = None
        if old.reader is not old.network:
            reader = copy.deepcopy(network).to(old.reader.precision)
        model = type(old)(network, name, old.device, _fingerprint(network, reader), reader)
        model.licence = old.licence
        model.history = old.history if lesson is None else (*old.history, lesson)
        return model

    def save(self, path: str | Path) -> Path:
        """Write a safetensors file; a kill leaves what was there before, or all of it.

        Raises
        ------
        ParameterError, DataError
        """
        from safetensors.torch import save_file

        from napari_sam.files import in_one_piece
        from napari_sam.models.zoo import given_path

        target = given_path(path, "A model is saved under the path of a file")
        if target is None or target.is_dir():
            raise DataError(f"No model can be saved at {str(path)!r}: give the path of a file.")
        if target.suffix != ".safetensors":
            target = target.with_name(f"{target.name}.safetensors")
        tensors = {key: _halved(value) for key, value in unfolded_state(self.network).items()}
        words = {
            "format": _FORMAT,
            "config": json.dumps(self.network.config),
            "licence": self._model.licence,
            "history": history_text(self._model.history),
        }
        try:
            with in_one_piece(target) as temporary:
                save_file(tensors, temporary, metadata=words)
        except OSError as error:
            raise DataError(
                f"The model cannot be written to {target} ({error.strerror}): choose another "
                "folder, or make room."
            ) from error
        return target


def _halved(tensor: Tensor) -> Tensor:
    """Return a tensor as it is written; vectors stay whole, whose spread may be beyond fp16."""
    half = tensor.is_floating_point() and tensor.ndim > 1
    return (tensor.half() if half else tensor).contiguous().cpu()


def _rounded(tensor: Tensor) -> Tensor:
    return _halved(tensor.detach()).to(tensor.dtype)


def _fingerprint(network: CellsNetwork, reader: CellsNetwork | None) -> str:
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    kind = "" if reader is None else ":" + str(reader.precision).removeprefix("torch.")
    return f"cells:{digest.hexdigest()[:16]}{kind}"
