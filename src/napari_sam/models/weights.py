"""Weights as they come out of a file: are they numbers, and do they fit a network?"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from napari_sam.errors import CheckpointError

State = dict[str, Tensor]

#: The square of a larger number is infinite in float32, and with it all that follows.
LARGEST = 1e18
_DEEPEST = 6  # dicts within dicts
_REAL = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def named_tensors(content: Mapping[str, Any]) -> State:
    """List all tensors in what a file holds; names of nested dicts are joined by dots.

    Examples
    --------
    >>> found = named_tensors({"epoch": 3, "model": {"a": torch.zeros(2)}})
    >>> {name: tuple(tensor.shape) for name, tensor in found.items()}
    {'model.a': (2,)}
    """
    found: State = {}
    level: list[tuple[str, Mapping[Any, Any]]] = [("", content)]
    for _ in range(_DEEPEST):
        deeper: list[tuple[str, Mapping[Any, Any]]] = []
        for prefix, mapping in level:
            for key, value in mapping.items():
                if isinstance(value, Tensor):
                    found[f"{prefix}{key}"] = value
                elif isinstance(value, Mapping):
                    deeper.append((f"{prefix}{key}.", value))
        level = deeper
    return found


def of_network(tensors: Mapping[str, Tensor], begin: tuple[str, ...], where: str) -> State:
    """Return the weights of a network under their plain names, of all that a file holds.

    Training puts ``module.`` or ``model.`` before the names, and keeps beside the network what is
    none of its weights, such as the state of an optimizer.

    Parameters
    ----------
    tensors : mapping of str to Tensor
    begin : tuple of str
        How plain names begin, of which the network has one at least.
    where : str

    Raises
    ------
    CheckpointError
        When there are several such networks.

    Examples
    --------
    >>> found = {"model.module.a.bias": torch.zeros(1), "optimizer.state.0": torch.zeros(1)}
    >>> list(of_network(found, ("a.",), "mine.pt"))
    ['a.bias']
    """
    plain = re.compile(rf"(?:^|\.)(?:{'|'.join(map(re.escape, begin))})")
    found = filter(None, map(plain.search, tensors))
    before = {one.string[: one.start() + one[0].startswith(".")] for one in found} or {""}
    if len(before) > 1:
        raise several_networks(before, where)
    (prefix,) = before
    return {n.removeprefix(prefix): value for n, value in tensors.items() if n.startswith(prefix)}


def several_networks(before: Collection[str], where: str) -> CheckpointError:
    """Make the error for a file in which names of weights stand behind several words."""
    words = ", ".join(repr(word) for word in sorted(before)[:4])
    return CheckpointError(
        f"{where} holds several networks, whose names begin with {words}: it cannot be told which "
        "is meant. Save the weights of one of them alone."
    )


def check_tensors(tensors: Mapping[str, Tensor], where: str, most_bytes: int) -> None:
    """Refuse tensors that hold no sensible numbers.

    Parameters
    ----------
    tensors : mapping of str to Tensor
    where : str
        The file's name, for messages.
    most_bytes : int
        What all of them may hold together: the size of the file.

    Raises
    ------
    CheckpointError
        When numbers are missing, not finite, or repeated from fewer ones.
    """
    seen: set[tuple[int, int]] = set()
    held = 0
    for name, tensor in tensors.items():
        if (
            tensor.layout != torch.strided
            or tensor.device.type != "cpu"
            or tensor.is_quantized
            or type(tensor) not in (Tensor, nn.Parameter)
        ):
            raise CheckpointError(
                f"The weights {name!r} of {where} are of an unusual kind ({tensor.layout}, "
                f"{tensor.dtype}, {tensor.device}): save them as plain tensors on the CPU."
            )
        size = tensor.numel() * tensor.element_size()
        if size > tensor.untyped_storage().nbytes():
            raise CheckpointError(f"The weights {name!r} of {where} are not all in the file.")
        place = (tensor.data_ptr(), size)
        if place in seen:
            continue
        seen.add(place)
        held += size
        if held > most_bytes:
            raise CheckpointError(f"{where} claims to hold more numbers than a file of its size.")
        if tensor.dtype in _REAL and tensor.numel():
            _check_numbers(name, tensor, where)


def _check_numbers(name: str, tensor: Tensor, where: str) -> None:
    low, high = (float(value) for value in torch.aminmax(tensor.detach()))
    if not max(abs(low), abs(high)) <= LARGEST:  # NaN fails, too
        raise CheckpointError(
            f"The weights {name!r} of {where} hold NaN, infinities or numbers without bound: it "
            "is damaged, or its training failed. Copy it again, or ask its author."
        )


class Unfilled(TorchFunctionMode):
    """Leaves new weights as they are: to fill them, even without memory, costs torch seconds."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        if func in (torch.Tensor.uniform_, torch.Tensor.normal_):
            return args[0]
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def check_fit(build: Callable[[], nn.Module], state: Mapping[str, Tensor], where: str) -> None:
    """Compare weights with those of a network, before memory is taken for it.

    Parameters
    ----------
    build : callable
        Makes the network; it is called without memory for weights.
    state : mapping of str to Tensor
    where : str

    Raises
    ------
    CheckpointError
        When weights are missing, unknown, of another shape, or no real numbers.
    """
    try:
        with torch.device("meta"), Unfilled(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers without channels, which do not fit anyway
            expected = build().state_dict()
    except Exception as error:  # impossible sizes make constructors fail in any way
        raise CheckpointError(f"{where} does not fit its architecture: {error}") from error
    check_state(expected, state, where)


def check_state(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], where: str) -> None:
    """Compare weights with those that a network has; see `check_fit`.

    Parameters
    ----------
    expected, state : mapping of str to Tensor
    where : str

    Raises
    ------
    CheckpointError
    """
    missing, unknown = expected.keys() - state.keys(), state.keys() - expected.keys()
    if missing or unknown:
        names = ", ".join([*sorted(missing), *sorted(unknown)][:4])
        raise CheckpointError(
            f"{where} does not fit its architecture: {len(missing)} weights are missing and "
            f"{len(unknown)} unknown ({names}, ...). Variants with further layers, such as "
            "HQ-SAM or adapters, must be merged into plain SAM first."
        )
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise CheckpointError(
                f"{where} does not fit its architecture: {name!r} is {tuple(tensor.shape)} "
                f"instead of {tuple(expected[name].shape)}."
            )
        if expected[name].is_floating_point() and tensor.dtype not in _REAL:
            raise CheckpointError(
                f"The weights {name!r} of {where} are {tensor.dtype}, not real numbers: it was "
                "made for another program. Ask its author for float32 or float16 weights."
            )
