"""A taught model's weights from before, which still read images unlike those it was taught on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from napari_sam.errors import CheckpointError
from napari_sam.models.cells.eyes import Eyes
from napari_sam.models.cells.folding import unfolded_state
from napari_sam.models.cells.kind import Kind
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.readers import precision_of, reader_in
from napari_sam.models.cells.windows import Pyramid
from napari_sam.models.weights import check_fit

__all__ = ["Past", "past_of", "past_tensors", "past_text", "split_off"]

#: What tensors are called in a file: weights from before, where they are others than now, and
#: what images look like.
_BEFORE, _KIND = "before.", "kind."


@dataclass(frozen=True, eq=False)
class Past:
    """What a taught model saw with before, and still sees with what it was not taught.

    Parameters
    ----------
    eyes : Eyes
        Before the first lesson of which the kind of images is known.
    kinds : sequence of Kind
        Of that lesson and the later ones.
    """

    eyes: Eyes
    kinds: Sequence[Kind]

    @classmethod
    def before(cls, past: Past | None, eyes: Eyes, kind: Kind) -> Past:
        """Return what a model saw with before another lesson, or before all that are known."""
        return cls(eyes, (kind,)) if past is None else cls(past.eyes, (*past.kinds, kind))

    def or_taught(self, taught: Eyes, pyramid: Pyramid) -> Eyes:
        """Choose for a plane: taught eyes if it is of a kind that they were taught on."""
        for kind in reversed(self.kinds):
            if kind.has(self.eyes.network, pyramid):
                return replace(taught, usual=kind.diameter)
        return self.eyes


def past_tensors(
    past: Past,
    now: Mapping[str, Tensor] | None = None,
    rounded: Callable[[Tensor], Tensor] = lambda tensor: tensor,
) -> dict[str, Tensor]:
    """Return what a file has to hold beside the weights that a model has now.

    Parameters
    ----------
    past : Past
    now : mapping of str to Tensor, optional
        These weights, not folded and rounded as in the file: what is the same is left out.
    rounded : callable
        Rounds weights as a file holds them.
    """
    network = past.eyes.network
    state = unfolded_state(network, CellsNetwork.of(network.config))
    kept = {f"{_BEFORE}{name}": rounded(tensor) for name, tensor in state.items()}
    for name, tensor in (now or {}).items():
        if torch.equal(tensor, kept[f"{_BEFORE}{name}"]):
            del kept[f"{_BEFORE}{name}"]
    for number, kind in enumerate(past.kinds):
        for name, looks in (("looks", kind.looks), ("others", kind.others)):
            for stage, look in enumerate(looks):
                kept[f"{_KIND}{number}.{name}.{stage}"] = torch.from_numpy(look)
    return kept


def past_text(past: Past) -> str:
    """Write as JSON, for a file's header, how large objects are."""
    diameters = [kind.diameter for kind in past.kinds]
    return json.dumps({"usual": past.eyes.usual, "diameters": diameters})


def split_off(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tell the weights that a model has now from what its file holds beside them."""
    beside = {name: t for name, t in tensors.items() if name.startswith((_BEFORE, _KIND))}
    return {name: t for name, t in tensors.items() if name not in beside}, beside


def past_of(
    beside: Mapping[str, Tensor], text: str, now: Mapping[str, Tensor], eyes: Eyes, where: str
) -> Past | None:
    """Read the past of a model from its file; None if there is none.

    Parameters
    ----------
    beside : mapping of str to Tensor
        What `split_off` tells from the weights.
    text : str
        See `past_text`.
    now : mapping of str to Tensor
        The weights of the file.
    eyes : Eyes
        What the model sees with now: folded, on its device and in its precision.
    where : str
        The file's name.

    Raises
    ------
    CheckpointError
        When weights or looks do not fit.
    """
    if not beside:
        return None
    usual, diameters = _sizes(text, where)
    config = eyes.network.config
    state = dict(now)
    state.update(
        {name.removeprefix(_BEFORE): t for name, t in beside.items() if name.startswith(_BEFORE)}
    )
    check_fit(lambda: CellsNetwork.of(config), state, f"{where}, what was before,")
    network = CellsNetwork.of(config)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    network.eval().fold_norms()
    weight = next(eyes.network.parameters())
    # torch describes to() with both arguments for tensors only.
    network.to(device=weight.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.ranges = eyes.network.ranges
    reader = reader_in(network, precision_of(eyes.reader))
    kinds = [_kind(beside, *one, eyes, where) for one in enumerate(diameters)]
    return Past(Eyes(network, reader, usual), kinds)


def _sizes(text: str, where: str) -> tuple[float | None, list[float]]:
    try:
        read = json.loads(text)
        usual, diameters = read["usual"], read["diameters"]
        for size in (*diameters, *([] if usual is None else [usual])):
            if not 0 < float(size) < math.inf:
                raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(_DAMAGED.format(where=where)) from error
    return usual, [float(size) for size in diameters]


def _kind(
    beside: Mapping[str, Tensor], number: int, diameter: float, eyes: Eyes, where: str
) -> Kind:
    """Read what images of a kind look like, and check that it fits the stages of a network."""
    read = []
    for name in ("looks", "others"):
        stages = []
        for stage, width in enumerate(eyes.network.config["widths"]):
            look = beside.get(f"{_KIND}{number}.{name}.{stage}", torch.zeros(0))
            if look.ndim != 2 or look.shape[1] != width or not len(look):
                raise CheckpointError(_DAMAGED.format(where=where))
            stages.append(look.float().numpy())
        if len({len(look) for look in stages}) != 1:
            raise CheckpointError(_DAMAGED.format(where=where))
        read.append(tuple(stages))
    return Kind(diameter, *read)


_DAMAGED = (
    "{where} does not say on which kind of images it was taught: it is damaged. Copy it again."
)
