"""Batches on real files: what fails ends nothing, what is there stays, what was begun is ended."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_sam as ns
from fake_model import FakeModel, blobs
from napari_sam import files, loading
from napari_sam.batch.beside import open_beside, write_beside
from napari_sam.batch.job import Job, Models
from napari_sam.batch.outputs import Outputs
from napari_sam.batch.run import run_jobs, try_results
from napari_sam.cli import main
from napari_sam.engine import tiled
from napari_sam.errors import DataError
from napari_sam.files.atomic import temporary_name
from napari_sam.files.sources import Source, sources_of
from napari_sam.methods.options import DEFAULTS, CellOptions
from napari_sam.methods.settings import Settings


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """Bright discs are cells."""
    made = FakeModel("cells")
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images: two and one and no disc."""
    path = tmp_path / "in"
    path.mkdir()
    for name, centres in (("a", ((20, 20), (40, 60))), ("b", ((30, 30),)), ("c", ())):
        tifffile.imwrite(path / f"{name}.tif", blobs(centres=centres))
    return path


def run(*arguments: Any) -> int:
    return main(["segment", *(str(argument) for argument in arguments)])


def names(path: Path) -> list[str]:
    return sorted(found.name for found in path.iterdir())


def jobs_of(folder: Path, out: Path, options: Any = None) -> list[Job]:
    return [
        Job(
            Source(path, None, path.stem, path.name),
            Outputs(path.stem, out),
            options or CellOptions(),
        )
        for path in sorted(folder.glob("*.tif"))
    ]


@pytest.mark.parametrize(
    "options", [CellOptions(diameter=20, min_area=5), Settings(points_per_side=4, ask_at="objects")]
)
def test_a_job_goes_through_a_pickle(options, folder, tmp_path):
    job = jobs_of(folder, tmp_path, options)[0]
    again = pickle.loads(pickle.dumps(job))
    assert (again.source, again.outputs, again.models) == (job.source, job.outputs, Models())
    for name in vars(options):
        np.testing.assert_equal(getattr(again.options, name), getattr(options, name))
    assert again.method is job.method


def test_any_failure_is_told_and_ends_nothing(model, folder, tmp_path, monkeypatch, capsys):
    encode = FakeModel.encode

    def sometimes(self, plane, **words):
        if (plane == blobs(centres=((30, 30),))).all():
            raise ZeroDivisionError("no reason")
        return encode(self, plane, **words)

    monkeypatch.setattr(FakeModel, "encode", sometimes)
    (folder / "d.tif").write_bytes(b"II*")
    assert run(folder, "-o", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "2 of 4 images done" in said
    assert "Traceback" not in said
    for name, why in (("b.tif", "ZeroDivisionError: no reason"), ("d.tif", "d.tif")):
        assert sum(name in line and why in line for line in said.splitlines()) == 2  # and again
    with pytest.raises(ZeroDivisionError):
        run(folder / "b.tif", "-o", tmp_path / "other", "--debug")


@pytest.mark.parametrize("blank", [True, False])
def test_a_blank_image_is_called_blank(model, tmp_path, capsys, blank):
    stack = np.full((3, 40, 50), 7, np.uint8)
    stack[2, 5, 5] += not blank
    tifffile.imwrite(tmp_path / "a.tif", stack, metadata={"axes": "ZYX"}, imagej=True)
    assert run(tmp_path / "a.tif", "-o", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert ("image is blank" in said) == blank
    assert ("--diameter" in said) != blank


def test_what_is_there_is_left_out_and_the_rest_is_done(model, folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder / "a.tif", "-o", out) == 0
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    encoded = len(model.encoded)
    assert run(folder, "-o", out, "--skip-existing") == 0
    assert len(model.encoded) == encoded + 2
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    said = capsys.readouterr().err
    assert "a.tif: already there" in said
    assert "3 of 3 images done: 2 in " in said
    assert run(folder, "-o", out, "--skip-existing") == 0
    assert "3 of 3 images were done before; results in" in capsys.readouterr().err


def test_a_run_that_was_killed_between_two_names_is_completed(model, folder, tmp_path):
    out = tmp_path / "out"
    assert run(folder / "a.tif", "-o", out) == 0
    whole = (out / "a_labels.tif").read_bytes()
    (out / "a_labels.tif").unlink()  # it gets its name last
    assert run(folder / "a.tif", "-o", out) == 1
    assert run(folder / "a.tif", "-o", out, "--skip-existing") == 0
    assert (out / "a_labels.tif").read_bytes() == whole


def test_labels_whose_table_was_removed_are_not_made_anew(model, folder, tmp_path):
    out = tmp_path / "out"
    assert run(folder / "a.tif", "-o", out) == 0
    (out / "a_objects.csv").unlink()
    corrected = (out / "a_labels.tif").read_bytes()
    model.fail = RuntimeError("not to be asked")
    assert run(folder / "a.tif", "-o", out, "--skip-existing") == 1
    assert (out / "a_labels.tif").read_bytes() == corrected


def test_labels_are_not_made_anew_because_more_is_wanted(model, folder, tmp_path, capsys):
    """They may have been corrected; unless it was a run for all of it that was killed."""
    out, words = tmp_path / "out", ["--mode", "everything", "--save", "labels,masks"]
    assert run(folder / "a.tif", "-o", out, *words) == 0
    masks, labels = out / "a_masks.npz", out / "a_labels.tif"
    left = masks.rename(out / temporary_name(masks))
    os.utime(labels, (1, 1))
    assert run(folder / "a.tif", "-o", out, *words, "--skip-existing") == 0
    assert masks.exists()
    assert not left.exists()
    assert labels.stat().st_mtime > 1
    masks.unlink()
    corrected = labels.read_bytes() + b"corrected"
    labels.write_bytes(corrected)
    assert run(folder / "a.tif", "-o", out, *words, "--skip-existing") == 1
    assert "already in" in capsys.readouterr().err
    assert labels.read_bytes() == corrected


def test_a_table_of_somebody_else_is_not_taken_for_an_interrupted_run(model, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a_objects.csv").write_text("my own table")
    assert run(folder / "a.tif", "-o", out, "--skip-existing") == 1
    assert (out / "a_objects.csv").read_text() == "my own table"


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("flags", "kind", "stays"),
    [((), "failed", True), (("--skip-existing",), "done", True), (("--overwrite",), "done", False)],
)
def test_what_came_while_an_image_was_searched_stays(
    flags, kind, stays, large, model, folder, tmp_path, monkeypatch, capsys
):
    """As from the same command in another window, or from a person who corrects labels."""
    out, made = tmp_path / "out", []
    monkeypatch.setattr(tiled, "in_tiles", lambda *_: large)
    encode = FakeModel.encode

    def meanwhile(self, plane, **words):
        if not made:
            made.extend(out / f"a_{what}" for what in ("overlay.png", "objects.csv", "labels.tif"))
            for path in made:
                path.write_bytes(b"label\n")
        return encode(self, plane, **words)

    monkeypatch.setattr(FakeModel, "encode", meanwhile)
    assert run(folder, "-o", out, *flags) == (1 if kind == "failed" else 0)
    said = capsys.readouterr().err
    assert ("a.tif: failed. already in" in said) == (kind == "failed")
    assert ("a.tif: already there" in said) == (kind == "done" and stays)
    assert [path.read_bytes() == b"label\n" for path in made] == [stays] * 3
    assert not any(name.endswith(("part.png", "part.csv", "part.tif")) for name in names(out))
    assert len(pd.read_csv(out / "objects.csv")["image"].unique()) == (1 if stays else 2)


def test_what_came_while_labels_were_written_beside_an_image_stays(folder, monkeypatch):
    opened = open_beside(Job(sources_of([folder / "a.tif"])[0], Outputs("a", folder), DEFAULTS))
    labels, write = np.zeros((64, 80), np.int32), files.write_labels
    labels[10:20, 10:20] = 1

    def meanwhile(path, *rest):
        (folder / "a_labels.tif").write_bytes(b"of another program")
        write(path, *rest)

    monkeypatch.setattr(files, "write_labels", meanwhile)
    with pytest.raises(DataError, match=r"a_labels\.tif was written by another program"):
        write_beside(opened, labels, pd.DataFrame({"index": [1]}), frozenset())
    assert (folder / "a_labels.tif").read_bytes() == b"of another program"
    assert len(names(folder)) == 3 + 1


def test_no_image_is_overwritten_even_when_outputs_may_be(model, folder, capsys):
    labels = folder / "a_labels.tif"
    tifffile.imwrite(labels, blobs())
    before = labels.read_bytes()
    assert run(folder, "-o", folder, "--overwrite") == 1
    assert labels.read_bytes() == before
    assert "is itself one of the images" in capsys.readouterr().err
    assert (folder / "b_labels.tif").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_refused_before_the_work(model, folder, tmp_path):
    out = tmp_path / "locked"
    out.mkdir(mode=0o500)
    with pytest.raises(DataError, match="Nothing can be written"):
        try_results(out)


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(model, folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(folder, "-o", tmp_path / "file" / "out") == 1
    assert "choose another folder" in capsys.readouterr().err
    assert not model.encoded


def test_rests_of_a_killed_run_are_removed(model, folder, tmp_path):
    out = tmp_path / "out"
    stop = (
        "import os, sys, tifffile; from napari_sam.cli import main;"
        "tifffile.imwrite = lambda *_, **__: os._exit(9);"
        "main(sys.argv[1:])"
    )
    words = [sys.executable, "-c", stop, "segment", folder / "a.tif", "-o", out]
    assert subprocess.run(words, check=False).returncode == 9
    assert any(name.startswith(".") for name in names(out))
    assert run(folder, "-o", out, "--skip-existing") == 0
    assert not any(name.startswith(".") for name in names(out))
    assert len(names(out)) == 3 * 3 + 2  # of every image, and of the run


def test_processes_find_the_same_in_the_same_order(folder, tmp_path):
    (folder / "d.tif").write_bytes(b"II*")
    here = list(run_jobs(jobs_of(folder, tmp_path / "here")))
    there = list(run_jobs(jobs_of(folder, tmp_path / "there"), workers=2))
    assert [(one.kind, one.said, one.job.source) for one in here] == [
        (one.kind, one.said, one.job.source) for one in there
    ]
    assert [one.kind for one in there] == ["done", "done", "done", "failed"]
    for path in (tmp_path / "here").iterdir():
        assert (tmp_path / "there" / path.name).read_bytes() == path.read_bytes()


def test_a_model_that_processes_cannot_load_is_said_once_and_before_the_work(
    folder, tmp_path, capsys
):
    damaged, out = tmp_path / "damaged.pt", tmp_path / "out"
    damaged.write_bytes(b"no weights")
    words = ["segment", str(folder), "-o", str(out), "--model", str(damaged)]
    assert main([*words, "--workers", "2"]) == 1
    said = capsys.readouterr().err
    assert said.count("damaged.pt") == 1
    assert not out.exists()
    assert main(words) == 1
    assert capsys.readouterr().err == said  # in the words of one process


# -- processes that end ---------------------------------------------------------------------------

# Of every process that is started: what befalls it when it comes to certain images.
BEFALLS = """
import os, signal, time
from pathlib import Path
import napari_sam.files as files

read = files.read_image
replace = os.replace

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def once(what):
    mark = Path(os.environ["BEFALLS"]) / what
    there = mark.exists()
    mark.touch()
    return not there

def read_image(path, *rest, **words):
    name = Path(path).stem
    if name == "a_slow":
        time.sleep(3)
    if name == "b_always" or (name == "c_once" and once(name)):
        die()
    return read(path, *rest, **words)

def give_name(source, target):
    replace(source, target)
    if Path(target).name.startswith("d_between") and once("d"):
        die()

files.read_image = read_image
os.replace = give_name
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_the_image_of_a_process_that_was_killed_is_done_again_or_reported(tmp_path, monkeypatch):
    code, folder, out = tmp_path / "code", tmp_path / "in", tmp_path / "out"
    for path in (code, folder, out):
        path.mkdir()
    (code / "sitecustomize.py").write_text(BEFALLS)
    monkeypatch.setenv("BEFALLS", str(code))
    paths = [str(code), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    for name in ("a_slow", "b_always", "c_once", "d_between", "e_there", "f_last"):
        tifffile.imwrite(folder / f"{name}.tif", blobs(centres=((30, 30),)))
    (out / "e_there_objects.csv").write_text("somebody else's")
    outcomes = list(run_jobs(jobs_of(folder, out), workers=2))
    told = {one.job.source.name: (one.kind, one.said) for one in outcomes}
    assert list(told) == ["a_slow", "b_always", "c_once", "d_between", "e_there", "f_last"]
    kinds = {name: kind for name, (kind, _) in told.items()}
    assert [name for name, kind in kinds.items() if kind == "failed"] == ["b_always", "e_there"]
    assert "process that worked on it ended" in told["b_always"][1]
    assert "already in" in told["e_there"][1]
    assert (out / "e_there_objects.csv").read_text() == "somebody else's"
    done = [name for name, kind in kinds.items() if kind == "done"]
    expected = {
        f"{name}_{what}" for name in done for what in ("labels.tif", "objects.csv", "overlay.png")
    }
    assert set(names(out)) == expected | {"e_there_objects.csv"}
    for name in done:
        assert tifffile.imread(out / f"{name}_labels.tif").max() >= 1


def test_a_rest_within_a_rest_is_removed(tmp_path):
    outputs = Outputs("a", tmp_path)
    for path in outputs.paths:
        rest = path.with_name(temporary_name(path))
        rest.touch()
        rest.with_name(temporary_name(rest)).touch()
    outputs.remove_rests()
    assert names(tmp_path) == []


# Of every process that is started: it stays at an image, having begun to write its outputs.
STAYS = """
import os, time
from pathlib import Path
import napari_sam.batch.outputs as outputs

write = outputs.Outputs.write

def writes(self, *words):
    if self.name.startswith("stays"):
        with outputs._all_or_none(self._files(), lambda: None):
            (Path(os.environ["STAYS"]) / self.name).touch()
            time.sleep(600)
    write(self, *words)

outputs.Outputs.write = writes
"""


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize("ended", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_the_one_that_started_them(ended, tmp_path, monkeypatch):
    code, folder, out = tmp_path / "code", tmp_path / "in", tmp_path / "out"
    for path in (code, folder):
        path.mkdir()
    (code / "sitecustomize.py").write_text(STAYS)
    paths = [str(code), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("STAYS", str(code))
    for name in ("stays_1", "stays_2", "z"):
        tifffile.imwrite(folder / f"{name}.tif", blobs(centres=((30, 30),)))
    words = [sys.executable, "-m", "napari_sam", "segment", folder, "-o", out, "--workers", "2"]
    # All processes that it starts hold the other end of the pipe until they end.
    # What is started in the background of a shell, as tests may be, does not hear interrupts.
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        words, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=hears
    )
    try:
        while not all((code / f"stays_{number}").exists() for number in (1, 2)):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(ended)
        _, said = process.communicate(timeout=120)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if ended != signal.SIGKILL:
        assert process.returncode == 128 + ended
        assert names(out) == ["run.json"]
        assert b"--skip-existing goes on where it was" in said


# Python 3.11 counts the processes of a broken pool while another is still being added to them.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_processes_that_end_before_they_begin_are_told(tmp_path, folder, monkeypatch):
    code = tmp_path / "code"
    code.mkdir()
    (code / "sitecustomize.py").write_text("import os, sys; '-c' in sys.argv[:1] and os._exit(3)")
    monkeypatch.setenv("PYTHONPATH", str(code))
    outcomes = list(run_jobs(jobs_of(folder, tmp_path / "out"), workers=2))
    assert [one.kind for one in outcomes] == ["failed"] * 3
    assert all("before they begin" in one.said for one in outcomes)


def test_the_haze_of_slices_is_looked_for_by_the_distances_of_the_file(model, tmp_path):
    stack = np.full((12, 96, 96), 10, np.uint16)
    stack[4:9, 20:40, 30:50] = 200
    stack[[2, 3, 9, 10], 20:40, 30:50] = 60  # light of what is on the others
    size = {
        f"PhysicalSize{axis}": length for axis, length in zip("ZYX", (20.0, 1.0, 1.0), strict=True)
    }
    tifffile.imwrite(tmp_path / "s.ome.tif", stack, metadata={"axes": "ZYX", **size})
    assert run(tmp_path / "s.ome.tif", "-o", tmp_path / "out", "--mode", "volume") == 0
    found = tifffile.imread(tmp_path / "out" / "s_labels.tif")
    far = ns.segment_volume(stack, model, spacing=(20.0, 1.0, 1.0)).labels
    np.testing.assert_array_equal(found, far)
    assert (far != ns.segment_volume(stack, model).labels).any()
