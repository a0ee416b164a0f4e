"""Where a model runs, and what to do when its memory does not suffice."""

from __future__ import annotations

import gc

import torch

from napari_sam.errors import DeviceError


def _mps_available() -> bool:
    return bool(torch.backends.mps.is_available())


def resolve(device: str = "auto") -> str:
    """Name the device to use.

    Parameters
    ----------
    device : str
        ``"auto"`` (the first CUDA card, else Apple's GPU, else the CPU), ``"cpu"``, ``"cuda"``,
        ``"cuda:N"`` or ``"mps"``.

    Returns
    -------
    str
        A name that ``torch.device`` understands.

    Raises
    ------
    DeviceError
        When the device is unknown or not in this computer.
    """
    name = str(device).strip().lower()
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if _mps_available() else "cpu"
    if name == "cpu":
        return name
    if name == "mps":
        if not _mps_available():
            raise DeviceError("There is no Apple GPU (mps) here. Use device='cpu' or 'auto'.")
        return name
    kind, _, number = name.partition(":")
    if kind != "cuda" or (":" in name and not number.isdecimal()):
        raise DeviceError(
            f"Unknown device {device!r}: use 'auto', 'cpu', 'cuda', 'cuda:0', ... or 'mps'."
        )
    if not torch.cuda.is_available():
        raise DeviceError(
            "No CUDA device can be used: there is no NVIDIA card, no driver, or PyTorch was "
            "installed without CUDA. Use device='cpu' or 'auto'."
        )
    count = torch.cuda.device_count()
    if number and int(number) >= count:
        raise DeviceError(
            f"There is no {name!r}: this computer has {count} CUDA device(s), "
            f"'cuda:0' to 'cuda:{count - 1}'."
        )
    return name


def multiplies_bfloat16(device: str) -> bool:
    """Tell whether a device multiplies bfloat16 numbers itself, which makes them twice as fast.

    False where torch is too old to tell: without such instructions bfloat16 is slower than
    float32.
    """
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in known)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out, on any device."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    # The CPU and MPS allocators only raise RuntimeError, with these words.
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )


def release_memory(device: str) -> None:
    """Give cached blocks back to the device before trying again."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()


def out_of_memory(device: str) -> DeviceError:
    """Make the error for memory that does not suffice even for one item."""
    elsewhere = "" if device == "cpu" else " or run on device='cpu'"
    return DeviceError(
        f"The memory of {device!r} does not suffice even for one item at a time. Close other "
        f"programs, use a smaller model or a smaller region of the image{elsewhere}."
    )
