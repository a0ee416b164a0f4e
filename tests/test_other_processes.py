"""Models, embeddings and results go to other processes: pickled, spawned and forked."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import napari_sam as ns
from family_files import FAMILIES, IMAGE
from napari_sam.errors import ModelError
from tiny_sam2 import library

CLICK = ns.Prompt(points=[(30, 40)])


@pytest.fixture(scope="module", params=[*FAMILIES, "cells"])
def model(request, tmp_path_factory) -> ns.Model:
    library()
    if request.param == "cells":
        return ns.load_model("cells", device="cpu")
    write, _ = FAMILIES[request.param]
    return ns.load_model(write(tmp_path_factory.mktemp(request.param)), device="cpu")


def sent(value: Any) -> Any:
    """What another process gets."""
    return pickle.loads(pickle.dumps(value))


def same(found: ns.Candidates, wanted: ns.Candidates) -> None:
    np.testing.assert_array_equal(found.masks, wanted.masks)
    np.testing.assert_array_equal(found.scores, wanted.scores)


def test_a_model_that_was_used_is_sent_as_the_call_that_loads_it(model):
    embedding = model.encode(IMAGE)
    wanted = model.predict(embedding, CLICK)
    assert len(pickle.dumps(model)) < 1000  # no weights
    there = sent(model)
    assert (there.name, there.fingerprint) == (model.name, model.fingerprint)
    same(there.predict(there.encode(IMAGE), CLICK), wanted)
    same(there.predict(sent(embedding), CLICK), wanted)
    assert sent(there).fingerprint == model.fingerprint
    same(sent(ns.Prompter(IMAGE, model)).predict(CLICK), ns.Prompter(IMAGE, model).predict(CLICK))


def test_where_embeddings_are_kept_is_sent_with_a_model(tmp_path):
    path = FAMILIES["sam"][0](tmp_path)
    model = ns.load_model(path, device="cpu", cache=tmp_path / "kept")
    sent(model).encode(IMAGE)
    assert list((tmp_path / "kept").glob("*.npz"))


def test_a_path_is_found_from_another_folder(tmp_path, monkeypatch):
    path = FAMILIES["sam"][0](tmp_path)
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(ns.load_model(path.name, device="cpu"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert pickle.loads(pickled).name == path.stem


def test_a_model_that_was_taught_takes_its_weights_along():
    model = ns.load_model("cells", device="cpu")
    state = {key: value * 1.01 for key, value in model.tunable.network.state_dict().items()}
    taught = model.taught(state, "mine", None)
    wanted = taught.predict(taught.encode(IMAGE), CLICK)
    there = sent(taught)
    assert (there.name, there.fingerprint) == ("mine", taught.fingerprint)
    same(there.predict(there.encode(IMAGE), CLICK), wanted)


def test_another_model_under_the_name_of_the_one_that_was_sent_is_told(tmp_path):
    path = FAMILIES["sam"][0](tmp_path)
    pickled = pickle.dumps(ns.load_model(path, device="cpu"))
    other = FAMILIES["hq_sam"][0](tmp_path)
    other.replace(path)
    with pytest.raises(ModelError, match="its file has changed"):
        pickle.loads(pickled)


def test_results_are_sent():
    stack = np.zeros((2, 60, 80), np.uint8)
    stack[:, 20:40, 20:40] = 200
    model = ns.load_model("cells", device="cpu")
    for result in (
        ns.segment_cells(stack[0], model=model),
        ns.segment_volume(stack, model=model),
        ns.track_cells(stack, model=model),
    ):
        there = sent(result)
        assert type(there) is type(result)
        np.testing.assert_array_equal(there.labels, result.labels)
        assert there.table.equals(result.table)
    assert replace(there, labels=there.labels).parents == result.parents


SCRIPT = """
import multiprocessing, sys
import numpy as np, torch
import napari_sam as ns

torch.set_num_threads(2)
model = ns.load_model("cells", device="cpu")
image = np.zeros((96, 96), np.uint8)
image[20:40, 20:40] = 200

def count(model):
    return len(ns.segment_cells(image, model=model))

if __name__ == "__main__":
    count(model)  # whose threads a process that is forked has not
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        print(pool.map(count, [model] * 3))
"""


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_pool_of_processes_uses_a_model(how, tmp_path):
    if how == "fork" and not hasattr(os, "fork"):
        pytest.skip("no forks here")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, how],
        capture_output=True,
        text=True,
        timeout=300,  # it waited for ever
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert done.stdout.strip() == "[1, 1, 1]", done.stderr[-2000:]
