"""Samples: layers that napari can add, most of them without a network."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from napari.layers import Layer

import napari_sam
from napari_sam.errors import DataError
from napari_sam.samples import OFFLINE, SAMPLES, load_sample


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No connection can be opened, and nothing is in the cache."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    from skimage.data import _fetchers

    monkeypatch.setattr(_fetchers._image_fetcher, "path", tmp_path)
    monkeypatch.setattr(_fetchers._image_fetcher, "retry_if_failed", 0)


@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.usefixtures("no_network")
def test_offline_samples_become_layers_without_a_network(name: str) -> None:
    layers = [Layer.create(*layer) for layer in load_sample(name)]
    assert layers
    for layer in layers:
        assert layer.name
        data = np.asarray(layer.data)
        assert data.max() > data.min()


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - set(OFFLINE)))
@pytest.mark.usefixtures("no_network")
def test_a_sample_that_cannot_be_downloaded_says_what_to_do(name: str) -> None:
    with pytest.raises(DataError, match=rf"'{name}' .*Check the network.*stained_tissue") as told:
        load_sample(name)
    assert len(str(told.value)) < 250  # it is read in a notification


@pytest.mark.parametrize(("name", "leading"), [("nuclei_stack", "z"), ("nuclei_timelapse", "t")])
def test_generated_samples_have_scale_units_and_axes(name: str, leading: str) -> None:
    (made,) = load_sample(name)
    layer = Layer.create(*made)
    assert layer.ndim == 3
    assert layer.axis_labels == (leading, "y", "x")
    assert layer.scale[0] > layer.scale[1] == layer.scale[2] == 0.5
    assert str(layer.units[2]) == "micrometer"
    again = load_sample(name)[0][0]
    np.testing.assert_array_equal(again, made[0])  # the same every time


def test_colour_samples_are_shown_in_colour() -> None:
    for name in ("stained_tissue", "retina"):
        assert Layer.create(*load_sample(name)[0]).rgb


def test_an_unknown_sample_names_the_known_ones() -> None:
    with pytest.raises(DataError, match="stained_tissue"):
        load_sample("cell_of_nobody")


def test_the_manifest_offers_every_sample() -> None:
    manifest = yaml.safe_load((Path(napari_sam.__file__).parent / "napari.yaml").read_text())
    offered = {sample["key"] for sample in manifest["contributions"]["sample_data"]}
    assert offered == set(SAMPLES)
