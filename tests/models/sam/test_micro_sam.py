"""micro-sam's checkpoints: their decoder finds all objects, wherever ``cells`` would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import napari_sam as ns
from micro_sam_files import SIZE, decoder_state, write
from napari_sam.cli import main
from napari_sam.errors import Cancelled, CheckpointError
from napari_sam.methods.distances import labels_from_distances
from napari_sam.methods.found_distances import FoundDistances
from napari_sam.methods.method import Encoded
from napari_sam.methods.options import CellOptions
from napari_sam.methods.registry import method
from napari_sam.models import zoo
from napari_sam.models.embedding import Embedding
from napari_sam.models.sam.distances import DistanceHead
from napari_sam.models.sam.model import SamFeatures, SamModel
from napari_sam.models.sam.unetr import DecoderSize, DistanceDecoder, load_decoder
from rounding import rounding
from tiny_sam import tiny_network, tiny_sam

RECORDED = np.load(Path(__file__).parents[2] / "recorded" / "unetr.npz")
PLANE = np.random.default_rng(1).integers(0, 255, (90, 70), dtype=np.uint8)


def recorded(kind: str) -> tuple[DistanceDecoder, Tensor]:
    """A decoder with the weights of the record, and the embedding that it answered."""
    begin = f"{kind}/weights/"
    state = {name[len(begin) :]: RECORDED[name] for name in RECORDED if name.startswith(begin)}
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
    features = torch.from_numpy(RECORDED[f"{kind}/features"]).float()
    return load_decoder(tensors, features.shape[1], "record"), features


def embedding_of(features: Tensor, used: tuple[int, int], shape: tuple[int, int]) -> Embedding:
    return Embedding("m", "p", (0, 1), shape, SamFeatures(features, used), features.nbytes)


@pytest.mark.parametrize("kind", ["interpolated", "transposed"])
def test_maps_are_those_of_torch_em(kind):
    decoder, features = recorded(kind)
    expected = RECORDED[f"{kind}/maps"]
    maps = DistanceHead(decoder, "cpu").instance_maps(embedding_of(features, (64, 46), (50, 36)))
    # 19 convolutions in a row, and channels scaled by their spread, which is small in some.
    atol = 4 * rounding(expected, terms=9 * 32, products=19)
    for found, wanted in zip(
        (maps.foreground, 1 - maps.centre, maps.boundary), expected, strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=atol)
    assert maps.shape == (50, 36)
    assert expected.std() > 100 * atol  # or the comparison would tell nothing


def test_bands_change_nothing(monkeypatch):
    decoder, features = recorded("interpolated")
    whole = decoder.run(features)
    monkeypatch.setattr("napari_sam.models.sam.unetr._BAND", 1)
    np.testing.assert_allclose(decoder.run(features), whole, atol=1e-5)


@pytest.mark.parametrize("layout", ["together", "beside", "trained"])
@pytest.mark.parametrize("name", ["vit_b_lm.pt", "vit_b_lm"])
def test_its_file_layouts_are_read(tmp_path, layout, name):
    model = ns.load_model(write(tmp_path / name, layout), device="cpu")
    assert model.has_instances
    assert isinstance(model, SamModel)
    expected = SamModel(tiny_network(4), "it").encode(PLANE)
    assert torch.equal(model.encode(PLANE).features.image, expected.features.image)
    assert model.head is not None
    for found, wanted in zip(
        model.head.decoder.state_dict().values(), decoder_state().values(), strict=True
    ):
        assert torch.equal(found, wanted.to(found.dtype))


def test_a_link_has_its_own_name_and_finds_the_decoder_beside_what_it_points_at(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    file = write(kept / "vit_b_lm", "beside")
    try:
        (tmp_path / "mine.pt").symlink_to(file)
    except OSError:
        pytest.skip("this system makes no links")
    model = ns.load_model(tmp_path / "mine.pt", device="cpu")
    assert model.has_instances
    assert model.name == "mine"


def test_a_training_file_that_holds_other_code_is_refused(tmp_path):
    class Elsewhere:
        pass

    import sys
    import types

    sys.modules["subprocesses"] = types.ModuleType("subprocesses")
    Elsewhere.__module__, Elsewhere.__qualname__ = "subprocesses", "Elsewhere"
    sys.modules["subprocesses"].Elsewhere = Elsewhere  # type: ignore[attr-defined]
    try:
        path = write(tmp_path / "best.pt", "trained", {"x": torch.zeros(1), "y": Elsewhere()})
    finally:
        del sys.modules["subprocesses"]
    with pytest.raises(CheckpointError, match="could run code"):
        ns.load_model(path, device="cpu")


def test_older_decoders_with_transposed_convolutions_are_told_by_their_names(tmp_path):
    older = DecoderSize(SIZE.width, SIZE.channels, transposed=True)
    path = write(tmp_path / "old.pt", "together", decoder_state(older))
    assert ns.load_model(path, device="cpu").has_instances


@pytest.mark.parametrize(
    ("decoder", "words"),
    [
        ({"out_conv.weight": torch.ones(3)}, "none of micro-sam's"),
        (
            decoder_state(DecoderSize(16, SIZE.channels, False)),
            "16 channels, but this SAM makes 32",
        ),
        ({**decoder_state(), "deconv5.block.x": torch.ones(3)}, "1 unknown"),
        (
            {k: v for k, v in decoder_state().items() if "out_conv" not in k},
            "2 weights are missing",
        ),
        ({**decoder_state(), "out_conv.weight": torch.ones(1, 2, 1, 1)}, "out_conv.weight"),
    ],
)
def test_another_decoder_is_refused_with_a_reason(tmp_path, decoder, words):
    path = write(tmp_path / "odd.pt", "together", decoder)
    with pytest.raises(CheckpointError, match=words):
        ns.load_model(path, device="cpu")


def test_a_decoder_alone_says_where_it_belongs(tmp_path):
    path = tmp_path / "vit_b_decoder.pt"
    torch.save(decoder_state(), path)
    with pytest.raises(CheckpointError, match="load that SAM, with this file beside"):
        ns.load_model(path, device="cpu")


@pytest.fixture(scope="module")
def model() -> SamModel:
    """A tiny SAM with a decoder that sees objects on about half of the plane."""
    decoder = load_decoder(decoder_state(), SIZE.width, "tiny")
    made = SamModel(tiny_network(4), "micro", head=DistanceHead(decoder, "cpu"))
    usual = decoder.run(made.encode(PLANE).features.image).flatten(1).median(dim=1).values
    assert decoder.out_conv.bias is not None
    decoder.out_conv.bias -= torch.logit(usual)
    return made


def test_cells_are_those_of_its_own_post_processing(model):
    embedding = model.encode(PLANE)
    maps = model.instance_maps(embedding)
    expected = labels_from_distances(maps.foreground, 1 - maps.centre, maps.boundary)
    assert expected.max() > 3
    found = ns.segment_cells(PLANE, model=model, min_area=0)
    np.testing.assert_array_equal(found.labels > 0, expected > 0)
    assert len(found) == expected.max()
    # the same objects; numbers follow the order in which they were cut out
    pairs = np.unique(np.stack([found.labels.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(expected))
    assert set(found.table["source"]) == {"micro"}


def test_sliders_act_on_kept_maps_without_the_model(model):
    encoded = Encoded(None, PLANE, model.encode(PLANE), model)  # type: ignore[arg-type]
    maps = model.instance_maps(encoded.embedding)
    found = FoundDistances(maps, PLANE, source="micro")
    areas = [
        np.count_nonzero(found.choose(CellOptions(sensitivity=s, min_area=0)).labels)
        for s in (0.1, 0.5, 0.9)
    ]
    counts = [len(found.choose(CellOptions(splitting=s, min_area=0))) for s in (0.0, 0.5)]
    assert areas == sorted(areas)
    assert areas[0] < areas[-1]
    assert counts[0] != counts[1]
    most = found.choose(CellOptions(min_area=0)).table
    least = int(most["area"].median())
    assert len(found.choose(CellOptions(min_area=least))) == (most["area"] >= least).sum()
    again = FoundDistances(maps, PLANE, source="micro").choose(CellOptions(min_area=0))
    np.testing.assert_array_equal(again.labels, found.choose(CellOptions(min_area=0)).labels)
    assert method("cells").needs(CellOptions()) == ("instances",)


def test_a_region_is_cut_out_of_the_maps_around_it(model):
    from napari_sam.images import Image
    from napari_sam.methods.found import within

    (block,) = Image.of(PLANE).blocks(None)
    encoded = Encoded(block, PLANE, model.encode(PLANE), model)
    region = np.zeros(PLANE.shape, bool)
    region[5:30, 5:30] = True
    part = method("cells").search(encoded, CellOptions(), region)
    assert part.covers(region)
    chosen = within(part.choose(CellOptions(min_area=0)), region)
    assert chosen.labels.shape == PLANE.shape


def test_the_decoder_runs_once_per_plane_and_is_cancelled_from_its_progress(model, monkeypatch):
    decoder, _ = recorded("interpolated")
    fresh = SamModel(tiny_network(4), "micro", head=DistanceHead(decoder, "cpu"))
    embedding = fresh.encode(PLANE)

    def stop(fraction: float) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        fresh.instance_maps(embedding, progress=stop)
    runs = []
    run = decoder.run
    monkeypatch.setattr(decoder, "run", lambda *args: runs.append(1) or run(*args))
    for _ in range(2):
        fresh.instance_maps(embedding)
    fresh.instance_maps(fresh.encode(PLANE[::-1].copy()))
    assert len(runs) == 2


def test_a_given_diameter_is_believed(model):
    embedding = model.encode(PLANE)
    assert model.instance_maps(embedding, diameter=17.0).diameter == 17.0
    assert 1 <= model.instance_maps(embedding).diameter <= 90


def test_a_sam_without_a_decoder_finds_nothing_by_itself():
    assert tiny_sam().instances is None


def test_eight_bits_keep_the_decoder(model, monkeypatch):
    from napari_sam.models.sam import int8

    monkeypatch.setattr(int8, "faster", lambda: True)
    assert int8.with_int8(model).head is model.head


def test_through_the_command_line_by_path_and_by_name(tmp_path, monkeypatch, capsys):
    from PIL import Image

    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    image = tmp_path / "plane.png"
    Image.fromarray(PLANE).save(image)
    path = write(tmp_path / "mine.pt", "together")
    segment = ["segment", str(image), "--device", "cpu", "--min-area", "0", "-o"]
    assert main([*segment, str(tmp_path / "one"), "--model", str(path)]) == 0
    assert main(["models", "add", str(path)]) == 0
    assert main([*segment, str(tmp_path / "two"), "--model", "mine", "--workers", "2"]) == 0
    assert "finds cells by itself" in zoo.info("mine").good_for
    files = [sorted((tmp_path / folder).glob("*.tif")) for folder in ("one", "two")]
    assert files[0]
    assert files[0][0].read_bytes()
    assert [file.name for file in files[0]] == [file.name for file in files[1]]
