"""The synthetic generator: exact labels, reproducible seeds, edges where the labels say."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from skimage.measure import label as components
from skimage.segmentation import find_boundaries

from napari_sam.errors import DataError
from napari_sam.training.synthetic import (
    KINDS,
    VOLUME_KINDS,
    generate,
    generate_timelapse,
    generate_volume,
)
from napari_sam.training.synthetic.volumes import NUCLEI_KINDS

SMALL = (96, 112)
#: Kinds whose strongest edges lie inside the object (nuclei in another colour, granules), or whose
#: outlines are hardly seen.
INNER_EDGES = {"cells_composite": 0.3, "cytoplasm": 1.2, "phase_flat": 1.2, "endothelium": 1.0}


def digest(*arrays):
    """Checksum of arrays, their types and their shapes."""
    total = sha256()
    for array in arrays:
        total.update(f"{array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def edge_ratio(sample):
    """Mean gradient on object outlines over the mean gradient elsewhere."""
    image = sample.image.astype(float)
    gradient = ndi.gaussian_gradient_magnitude(image.mean(2) if image.ndim == 3 else image, 1.0)
    away = ndi.distance_transform_edt(~find_boundaries(sample.labels, mode="thick"))
    return gradient[away <= 1].mean() / gradient[away > 3].mean()


def check_labels(labels):
    """Ids are 1..n and each is in one piece."""
    assert labels.dtype == np.int32
    ids = np.unique(labels)
    ids = ids[ids > 0]
    assert ids.tolist() == list(range(1, len(ids) + 1))
    _, pieces = components(labels, background=0, connectivity=labels.ndim, return_num=True)
    assert pieces == len(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_image_and_labels_agree(kind):
    counts = []
    for seed in range(2):
        sample = generate(kind, seed, SMALL)
        assert sample.image.shape in (SMALL, (*SMALL, 3))
        assert sample.image.dtype in (np.uint8, np.uint16, np.float32)
        assert np.isfinite(sample.image).all()
        assert sample.image.min() < sample.image.max()
        assert sample.labels.shape == SMALL
        check_labels(sample.labels)
        assert sample.info["kind"] == kind
        assert sample.info["seed"] == seed
        assert sample.info["count"] == sample.labels.max()
        if sample.info["count"]:
            areas = np.bincount(sample.labels.ravel())[1:]
            assert sample.info["diameter"] == pytest.approx(np.sqrt(np.median(areas) * 4 / np.pi))
        counts.append(sample.info["count"])
    assert sum(counts) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_edges_lie_where_the_labels_say(kind):
    samples = [generate(kind, seed, (128, 128)) for seed in range(20, 23)]
    ratios = [edge_ratio(sample) for sample in samples if sample.info["count"]]
    assert np.median(ratios) > INNER_EDGES.get(kind, 1.5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_reproduces_and_another_differs(kind):
    first, again, other = (generate(kind, seed, SMALL) for seed in (5, 5, 6))
    assert digest(first.image, first.labels) == digest(again.image, again.labels)
    assert first.info == again.info
    assert digest(first.image) != digest(other.image)


def test_a_seed_reproduces_in_another_process():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_synthetic import *\n"
        "for kind in KINDS[::4]: print(digest(*generate(kind, 11, SMALL)[:2]))\n"
        "print(digest(*generate_volume(None, 11, (6, 48, 48))[:2]))\n"
        "print(digest(*generate_timelapse(11, (5, 64, 64))[:2]))\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    here = [digest(*generate(kind, 11, SMALL)[:2]) for kind in KINDS[::4]]
    here.append(digest(*generate_volume(None, 11, (6, 48, 48))[:2]))
    here.append(digest(*generate_timelapse(11, (5, 64, 64))[:2]))
    assert there == here


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**62),
    shape=st.tuples(st.integers(32, 150), st.integers(32, 150)),
)
def test_any_seed_and_shape(seed, shape):
    sample = generate(None, seed, shape)
    assert sample.info["kind"] in KINDS
    assert sample.labels.shape == sample.image.shape[:2] == shape
    check_labels(sample.labels)


def test_sizes_range_from_a_few_pixels_to_most_of_the_image():
    found = [
        generate(kind, seed).info["diameter"]
        for kind in ("organoids", "spheroids")
        for seed in range(6)
    ]
    found += [generate("nuclei_tiny", 0).info["diameter"]]
    assert min(found) < 10
    assert max(found) > 100


def test_unknown_kinds_and_impossible_shapes():
    with pytest.raises(DataError, match="nuclei_dense"):
        generate("unicorns")
    with pytest.raises(DataError, match="at least 32"):
        generate("yeast", 0, (16, 64))
    with pytest.raises(DataError, match=VOLUME_KINDS[0]):
        generate_volume("yeast")
    with pytest.raises(DataError, match="3 lengths"):
        generate_timelapse(0, (64, 64))


@pytest.mark.parametrize("kind", VOLUME_KINDS)
def test_volumes(kind):
    sample = generate_volume(kind, 2, (12, 96, 80))
    assert sample.image.shape == sample.labels.shape == (12, 96, 80)
    assert sample.image.dtype == np.uint16
    check_labels(sample.labels)
    assert len(sample.info["spacing"]) == 3
    assert sample.info["count"] == sample.labels.max() >= 3


@pytest.mark.parametrize("kind", NUCLEI_KINDS)
def test_nuclei_shine(kind):
    sample = generate_volume(kind, 2, (12, 96, 80))
    inside = sample.image[sample.labels > 0].mean()
    assert inside > 2 * sample.image[sample.labels == 0].mean() - 100


def test_membranes_shine_and_those_of_neurites_are_dark():
    for kind, brighter in (("membrane_stack", 1), ("neurite_stack", -1)):
        for seed in range(3):
            image, labels, _ = generate_volume(kind, seed, (12, 96, 80))
            walls = np.stack([find_boundaries(plane, mode="inner") for plane in labels])
            middles = np.stack([ndi.distance_transform_edt(one > 0) > 3 for one in labels * ~walls])
            assert middles.any()
            apart = image[walls].mean() - image[middles].mean()
            assert brighter * apart > 0.1 * image.max()


def test_neurites_go_on_through_most_planes_and_cells_end():
    shares = {}
    for kind in ("membrane_stack", "neurite_stack"):
        labels = generate_volume(kind, 1, (12, 96, 80)).labels
        planes = [len(np.unique(np.nonzero(labels == i)[0])) for i in range(1, labels.max() + 1)]
        shares[kind] = np.median(planes) / 12
    assert shares["neurite_stack"] > 0.75
    assert 0.2 < shares["membrane_stack"] < 0.75


def test_timelapse_tracks_have_no_gaps_and_parents_end_where_children_begin():
    divisions = 0
    for seed in range(4):
        sample = generate_timelapse(seed, (10, 128, 128))
        assert sample.image.shape == sample.labels.shape == (10, 128, 128)
        times = {
            int(number): [t for t in range(10) if (sample.labels[t] == number).any()]
            for number in range(1, sample.labels.max() + 1)
        }
        assert len(times) == sample.info["count"]
        for number, seen in times.items():
            assert seen == list(range(seen[0], seen[-1] + 1)), number
        for child, parent in sample.info["parents"].items():
            assert times[child][0] == times[parent][-1] + 1
            divisions += 1
        for plane in sample.labels:
            _, pieces = components(plane, background=0, connectivity=2, return_num=True)
            assert pieces == len(np.unique(plane[plane > 0]))
    assert divisions >= 4


def test_nuclei_move_less_than_their_diameter_between_frames():
    sample = generate_timelapse(3, (8, 160, 160))
    for before, after in zip(sample.labels[:-1], sample.labels[1:], strict=True):
        both = np.intersect1d(np.unique(before), np.unique(after))[1:]
        shift = np.subtract(
            ndi.center_of_mass(before > 0, before, both), ndi.center_of_mass(after > 0, after, both)
        )
        assert np.hypot(*shift.T).max() < sample.info["diameter"]
