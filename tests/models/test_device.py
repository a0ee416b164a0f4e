"""Devices: named, refused when absent, and memory that runs out."""

from __future__ import annotations

import pytest
import torch

from napari_sam.errors import DeviceError
from napari_sam.models import device


def _cuda(monkeypatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_auto_takes_the_fastest_there_is(monkeypatch):
    _cuda(monkeypatch, 0)
    monkeypatch.setattr(device, "_mps_available", lambda: False)
    assert device.resolve() == "cpu"
    monkeypatch.setattr(device, "_mps_available", lambda: True)
    assert device.resolve("auto") == "mps"
    _cuda(monkeypatch, 1)
    assert device.resolve("AUTO ") == "cuda"


def test_named_devices(monkeypatch):
    _cuda(monkeypatch, 2)
    assert device.resolve("cpu") == "cpu"
    assert device.resolve("cuda") == "cuda"
    assert device.resolve("cuda:1") == "cuda:1"
    with pytest.raises(DeviceError, match="'cuda:0' to 'cuda:1'"):
        device.resolve("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", ""])
def test_unknown_names_are_refused(monkeypatch, name):
    _cuda(monkeypatch, 1)
    with pytest.raises(DeviceError, match="Unknown device"):
        device.resolve(name)


def test_absent_devices_say_what_to_use(monkeypatch):
    _cuda(monkeypatch, 0)
    monkeypatch.setattr(device, "_mps_available", lambda: False)
    for name in ("cuda", "mps"):
        with pytest.raises(DeviceError, match="'cpu' or 'auto'"):
            device.resolve(name)


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_memory_that_runs_out_is_recognised_on_every_device(error):
    assert device.is_out_of_memory(error)
    assert not device.is_out_of_memory(RuntimeError("shapes do not match"))
    assert "smaller model" in str(device.out_of_memory("cpu"))


def test_bfloat16_is_used_only_where_torch_says_that_the_processor_has_it(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert not device.multiplies_bfloat16("cpu")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert device.multiplies_bfloat16("cpu")
    assert not device.multiplies_bfloat16("mps")
    # an older torch
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name)
    assert not device.multiplies_bfloat16("cpu")
