"""Embeddings are found again by content, and never served when anything is wrong with them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import stored_planes
from napari_sam import Prompt
from napari_sam.embeddings.disk import EmbeddingStore
from napari_sam.embeddings.memory import EmbeddingCache, key_of, key_of_embedding
from napari_sam.errors import ParameterError
from napari_sam.loading import load_model
from napari_sam.models.sam.model import SamModel
from rounding import rounding
from tiny_sam import tiny_sam

MODEL = tiny_sam()


def plane(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4000, (40, 50)).astype(np.uint16)


def test_the_key_is_what_the_embedding_says_of_itself():
    for limits in (None, (0, 4000)):
        embedding = MODEL.encode(plane(0), limits=limits)
        assert key_of(MODEL, plane(0), limits) == key_of_embedding(embedding)


def test_the_key_tells_content_limits_and_weights_apart():
    same = key_of(MODEL, plane(0).copy(), None)
    assert key_of(MODEL, plane(0)) == same
    changed = plane(0)
    changed[3, 4] += 1
    others = [
        key_of(MODEL, changed, same[2]),
        key_of(MODEL, plane(0), (0, 100)),
        key_of(MODEL, plane(0).astype(np.int32), same[2]),
        key_of(MODEL, plane(0).reshape(50, 40), same[2]),
        key_of(tiny_sam(1), plane(0)),
    ]
    assert len({same, *others}) == 6


def test_least_recently_used_embeddings_go_first():
    embeddings = [MODEL.encode(plane(i)) for i in range(4)]
    keys = [key_of_embedding(e) for e in embeddings]
    cache = EmbeddingCache(3 * embeddings[0].nbytes)
    for key, embedding in zip(keys[:3], embeddings[:3], strict=True):
        cache.put(key, embedding)
    assert cache.get(keys[0]) is embeddings[0]
    cache.put(keys[3], embeddings[3])
    assert cache.get(keys[1]) is None
    assert cache.get(keys[0]) is embeddings[0]
    assert cache.nbytes == 3 * embeddings[0].nbytes
    cache.put(keys[0], embeddings[0])
    assert len(cache) == 3
    cache.resize(embeddings[0].nbytes)
    assert len(cache) == 1
    cache.clear()
    assert (cache.nbytes, len(cache)) == (0, 0)


def test_what_does_not_fit_is_not_kept():
    embedding = MODEL.encode(plane(0))
    cache = EmbeddingCache(embedding.nbytes - 1)
    cache.put(key_of_embedding(embedding), embedding)
    assert len(cache) == 0


def test_an_embedding_is_not_filed_under_another_plane():
    embedding = MODEL.encode(plane(0))
    with pytest.raises(ParameterError, match="cannot be kept"):
        EmbeddingCache(10**9).put(key_of(MODEL, plane(1)), embedding)
    with pytest.raises(ParameterError):
        EmbeddingCache(-1)


def test_threads_share_a_cache():
    embeddings = [MODEL.encode(plane(i)) for i in range(6)]
    cache = EmbeddingCache(3 * embeddings[0].nbytes)
    failures = []

    def work(offset: int) -> None:
        for i in range(300):
            embedding = embeddings[(i * offset) % 6]
            cache.put(key_of_embedding(embedding), embedding)
            found = cache.get(key_of_embedding(embeddings[i % 6]))
            if found is not None and found is not embeddings[i % 6]:
                failures.append(i)

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert cache.nbytes == len(cache) * embeddings[0].nbytes <= 3 * embeddings[0].nbytes


class Counting(SamModel):
    """Counts how often it encodes."""

    encoded = 0

    def encode(self, plane, **words):
        self.encoded += 1
        return super().encode(plane, **words)


def counting(seed: int = 0) -> Counting:
    return Counting(tiny_sam(seed).network, "tiny", "cpu", f"{seed}" * 64)


def test_the_second_visit_needs_no_encoding_after_a_restart_too(tmp_path):
    first = counting()
    cache = EmbeddingCache(10**9, EmbeddingStore(tmp_path))
    embedding = cache.encode(first, plane(0))
    assert cache.encode(first, plane(0)) is embedding
    assert first.encoded == 1
    later = counting()
    found = EmbeddingCache(10**9, EmbeddingStore(tmp_path)).encode(later, plane(0))
    assert later.encoded == 0
    assert torch.equal(found.features.image, embedding.features.image)
    prompt = Prompt(points=[(10, 20)])
    one, other = (later.predict(e, prompt).logits for e in (embedding, found))
    np.testing.assert_array_equal(one, other)


def test_other_weights_do_not_get_it(tmp_path):
    cache = EmbeddingCache(10**9, EmbeddingStore(tmp_path))
    cache.encode(counting(0), plane(0))
    other = counting(1)
    cache.encode(other, plane(0))
    assert other.encoded == 1


def _spoil_nothing(path: Path) -> None:
    """Leave it."""


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("no zip at all")


def _other(path: Path) -> None:
    np.savez(path, header=np.array("{}"), image=np.zeros(3))


def _lie(path: Path) -> None:
    # Right in itself, but the embedding of another plane.
    store = EmbeddingStore(path.parent / "elsewhere")
    embedding = MODEL.encode(plane(7))
    store.write(key_of_embedding(embedding), embedding, MODEL)
    os.replace(next(store.folder.glob("*.npz")), path)


@pytest.mark.parametrize("spoil", [_cut, _flip, _empty, _text, _other, _lie, _spoil_nothing])
def test_a_damaged_entry_is_made_anew_and_not_served(tmp_path, spoil):
    model = counting()
    store = EmbeddingStore(tmp_path)
    expected = EmbeddingCache(10**9, store).encode(model, plane(0))
    (path,) = tmp_path.glob("*.npz")
    spoil(path)
    found = EmbeddingCache(10**9, store).encode(model, plane(0))
    assert torch.equal(found.features.image, expected.features.image)
    assert model.encoded == (1 if spoil is _spoil_nothing else 2)
    assert EmbeddingCache(10**9, store).encode(model, plane(0)) is not None
    assert model.encoded == (1 if spoil is _spoil_nothing else 2)


def test_the_folder_stays_within_its_size_and_the_oldest_go(tmp_path):
    store = EmbeddingStore(tmp_path)
    embeddings = [MODEL.encode(plane(i)) for i in range(4)]
    keys = [key_of_embedding(e) for e in embeddings]
    for age, (key, embedding) in enumerate(zip(keys[:3], embeddings[:3], strict=True)):
        assert store.write(key, embedding, MODEL)
        os.utime(store._path(key), (1000 + age, 1000 + age))
    store.set_limit(store.nbytes)
    assert store.read(keys[0], MODEL) is not None  # used just now
    store.write(keys[3], embeddings[3], MODEL)
    assert [store.read(key, MODEL) is not None for key in keys] == [True, False, True, True]
    store.clear()
    assert (len(store), store.nbytes) == (0, 0)


def test_a_killed_writer_leaves_no_entry_and_its_rest_is_swept_later(tmp_path):
    code = (
        "import os, sys, numpy as np\n"
        "from tiny_sam import tiny_sam\n"
        "from napari_sam.embeddings import disk as store\n"
        "from napari_sam.embeddings.memory import key_of_embedding\n"
        "model = tiny_sam()\n"
        "embedding = model.encode(np.zeros((40, 50)))\n"
        "os.replace = lambda *a: os._exit(9)  # killed before the file gets its name\n"
        "store.EmbeddingStore(store.Path(sys.argv[1])).write(\n"
        "    key_of_embedding(embedding), embedding, model)\n"
    )
    here = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": here},
        check=False,
    )
    assert done.returncode == 9
    (rest,) = tmp_path.iterdir()
    assert rest.suffix == ".tmp"
    store = EmbeddingStore(tmp_path)
    assert store.read(key_of(MODEL, np.zeros((40, 50))), MODEL) is None
    store.prune()
    assert rest.exists()  # it may be another process, writing
    old = time.time() - 7200
    os.utime(rest, (old, old))
    store.prune()
    assert not rest.exists()


def test_a_disk_that_cannot_be_written_costs_only_the_entry(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = EmbeddingStore(tmp_path / "file" / "folder")
    embedding = EmbeddingCache(10**9, store).encode(MODEL, plane(0))
    assert embedding.shape == (40, 50)
    assert len(store) == 0


def test_another_process_finds_what_this_one_wrote(tmp_path):
    expected = EmbeddingCache(10**9, EmbeddingStore(tmp_path)).encode(MODEL, plane(0))
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from tiny_sam import tiny_sam\n"
        "from napari_sam.embeddings.memory import EmbeddingCache\n"
        "from napari_sam.embeddings.disk import EmbeddingStore\n"
        "model = tiny_sam()\n"
        "model._encoder.encode = None  # encoding would fail\n"
        "image = np.random.default_rng(0).integers(0, 4000, (40, 50)).astype(np.uint16)\n"
        "found = EmbeddingCache(10**9, EmbeddingStore(Path(sys.argv[1]))).encode(model, image)\n"
        "np.save(sys.argv[2], found.features.image.numpy())\n"
    )
    here = str(Path(__file__).parents[1])
    path = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "found.npy")],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), expected.features.image.numpy())


def start(*arguments: object) -> subprocess.Popen[str]:
    """Run the program of `stored_planes` in a process of its own."""
    here = str(Path(__file__).parents[1])
    path = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    words = [str(argument) for argument in arguments]
    return subprocess.Popen(
        [sys.executable, stored_planes.__file__, *words],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_process_killed_while_it_writes_loses_that_entry_alone(tmp_path):
    size = stored_planes.LARGE
    partial: list[Path] = []
    latest = time.monotonic() + 120
    while not partial:  # it may finish the entry between being seen and being killed
        writer = start("write", tmp_path)
        try:
            while not partial or not list(tmp_path.glob("*.npz")):
                assert writer.poll() is None
                assert time.monotonic() < latest, "no entry was ever seen half written"
                partial = [p for p in tmp_path.glob("*.tmp") if 0 < lengths(p) < 4 * size]
        finally:
            writer.kill()
            writer.communicate()
        partial = [p for p in partial if 0 < lengths(p) < 4 * size]
    whole = list(tmp_path.glob("*.npz"))
    store = EmbeddingStore(tmp_path)
    found = 0
    while stored_planes.read(store, found, size):  # checks every number of it
        found += 1
    assert found == len(whole) >= 1
    assert len(list(tmp_path.glob("*.npz"))) == found  # none of them was damaged and deleted
    assert len(store.entries()) == found
    # The lost entry is made anew, whatever is left of the first attempt.
    assert stored_planes.write(store, found, size)
    assert stored_planes.read(store, found, size)
    assert partial[0].exists()


def lengths(path: Path) -> int:
    """Bytes of a file that may be gone by now."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def test_processes_that_write_the_same_entries_at_once_get_none_that_is_wrong(tmp_path):
    others = [start("share", tmp_path, seed) for seed in (1, 2)]
    try:
        while len(list(tmp_path.glob("ready *"))) < 2:
            assert all(process.poll() is None for process in others)
            time.sleep(0.01)
        (tmp_path / "go").touch()
        told = [stored_planes.share(tmp_path, 3)]  # this process too
        for process in others:
            out, _ = process.communicate(timeout=120)
            assert process.returncode == 0
            told.append(tuple(map(int, out.split())))
    finally:
        for process in others:
            process.kill()
            process.wait()
    for written, found in told:
        assert written > 0
        assert found > 0
    store = EmbeddingStore(tmp_path)
    assert 1 <= len(store) <= 4
    assert not list(tmp_path.glob("*.tmp"))
    assert "damaged" not in {entry.model for entry in store.entries()}


def test_a_loaded_model_finds_what_another_process_read(tmp_path):
    path = tmp_path / "tiny.pth"
    torch.save(MODEL.network.state_dict(), path)
    code = (
        "import sys, numpy as np, napari_sam as ns\n"
        "model = ns.load_model(sys.argv[1], 'cpu', cache=sys.argv[2])\n"
        "model.encode(np.random.default_rng(0).integers(0, 4000, (40, 50)).astype(np.uint16))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(tmp_path / "kept")], check=True)
    seen: list[float] = []
    model = load_model(path, "cpu", cache=tmp_path / "kept")
    plain = load_model(path, "cpu")
    found = model.encode(plane(0), progress=seen.append)
    assert seen == [1.0]  # read and not computed, layer by layer
    # The other process may have shared the sums out among threads, and so rounded otherwise.
    expected = plain.encode(plane(0)).features.image
    atol = rounding(expected, terms=64, products=25)
    torch.testing.assert_close(found.features.image, expected, rtol=0, atol=atol)
    assert len(EmbeddingStore(tmp_path / "kept")) == 1
    for other in (plane(1), plane(0)[:, :-1]):
        model.encode(other)
    model.encode(plane(0), limits=(0, 100))
    assert len(EmbeddingStore(tmp_path / "kept")) == 4
    prompt = Prompt(points=[(10, 20)])
    logits = plain.predict(plain.encode(plane(0)), prompt).logits
    atol = rounding(logits, terms=64, products=45)
    np.testing.assert_allclose(model.predict(found, prompt).logits, logits, rtol=0, atol=atol)


def test_the_default_folder_is_that_of_the_panel_and_nothing_is_kept_unasked(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))
    torch.save(MODEL.network.state_dict(), tmp_path / "tiny.pth")
    load_model(tmp_path / "tiny.pth", "cpu").encode(plane(0))
    assert len(EmbeddingStore()) == 0
    load_model(tmp_path / "tiny.pth", "cpu", cache=True).encode(plane(0))
    assert len(EmbeddingStore()) == 1
    cells = load_model("cells", "cpu", cache=True)  # which keeps nothing
    assert cells.encode(plane(0)).shape == (40, 50)
    assert len(EmbeddingStore()) == 1
